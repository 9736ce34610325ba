"""JSON Schemas of replies: built from scales, or given by a prompt and held to its scales."""

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn

import jsonschema_rs
from pydantic import BaseModel, StrictInt, ValidationError

from judge.records.scale import Scale

MAX_RATIONALE = 600
"""Characters of a reason, in the replies that a prompt does not describe itself."""


class _Verdict(BaseModel):
    enum: list[str | StrictInt]


class _Properties(BaseModel):
    verdict: _Verdict


class _Reply(BaseModel):
    """What the schema of a verdict on one criterion must hold; it may hold more."""

    properties: _Properties


class _Replies(BaseModel):
    properties: dict[str, _Reply]


def built_schema(scales: Mapping[str, Scale]) -> str:
    """Return the schema of a reply that says why and then what, for each criterion.

    Args:
        scales: by the name of the criterion. The verdict on a single one stands at the top.
    """
    parts = {name: _reply(scale) for name, scale in scales.items()}
    # A grammar-constrained endpoint writes keys in this order: the reason before the verdict.
    whole = _object(parts) if len(parts) > 1 else next(iter(parts.values()))
    return json.dumps(whole, ensure_ascii=False)


def given_schema(schema: Mapping[str, object], scales: Mapping[str, Scale]) -> str:
    """Return a schema as JSON text, with its keys in the order given.

    Raises:
        ValueError: it is no JSON Schema, or allows other verdicts than the scales; the message
            begins with the place of the fault under ``reply``.
    """
    for name, (place, verdicts) in _verdicts(schema, scales).items():
        categories = scales[name].categories
        if sorted(verdicts) != sorted(categories):
            raise ValueError(
                f"reply.{place}.enum is {', '.join(verdicts)}, the scale's categories are "
                f"{', '.join(categories)}; give both the same"
            )
    try:
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False)
        reply_validator(text)
    except (TypeError, ValueError) as error:
        words = str(error).splitlines()[0]
        raise ValueError(f"reply is no JSON Schema that can be used: {words}") from error
    return text


def reply_validator(schema: str) -> jsonschema_rs.Validator:
    """Compile the schema of replies; nothing is ever fetched for it.

    Raises:
        ValueError: it is no JSON Schema, or refers to another document.
    """

    def refuse(uri: str) -> NoReturn:
        raise ValueError(f"it refers to {uri}, and nothing is ever fetched")

    return jsonschema_rs.validator_for(schema, retriever=refuse)


def _reply(scale: Scale) -> Mapping[str, object]:
    return _object(
        {
            "rationale": {"type": "string", "maxLength": MAX_RATIONALE},
            "verdict": {"type": "string", "enum": list(scale.categories)},
        }
    )


def _object(properties: Mapping[str, object]) -> Mapping[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _verdicts(
    schema: Mapping[str, object], scales: Mapping[str, Scale]
) -> Mapping[str, tuple[str, Sequence[str]]]:
    """Return where a schema lists the verdicts on each criterion, and what it lists."""
    try:
        if len(scales) == 1:
            alone = _Reply.model_validate(schema)
            return {name: ("properties.verdict", _listed(alone)) for name in scales}
        parts = _Replies.model_validate(schema).properties
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, ("reply", *first["loc"])))
        raise ValueError(f"{place}: {first['msg']}") from error
    if sorted(parts) != sorted(scales):
        raise ValueError(
            f"reply.properties are {', '.join(parts) or 'none'}, the criteria "
            f"{', '.join(scales)}; give both the same"
        )
    return {
        name: (f"properties.{name}.properties.verdict", _listed(part))
        for name, part in parts.items()
    }


def _listed(reply: _Reply) -> Sequence[str]:
    return [str(verdict) for verdict in reply.properties.verdict.enum]
