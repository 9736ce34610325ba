"""Strict reading of a judge's reply: a verdict on the scale, or a named reason why not."""

from dataclasses import dataclass
from typing import NoReturn

import jsonschema_rs

from judge.errors import JudgeRefused, JudgeTruncated, JudgeUnparseable
from judge.models.chat import Completion
from judge.records.scale import Scale
from judge.records.strict_json import StrictJsonError, read_strict_json

PARSER_VERSION = "1"
"""Part of a judge's signature: another reading of the same reply is another judge."""

_COMPLETE = frozenset({"stop", "eos", "end_turn"})
_FILTERED = frozenset({"content_filter", "refusal"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReply:
    """What a reply says."""

    label: str
    rationale: str


class ReplyReader:
    """Reads replies against one schema and one scale."""

    def __init__(self, *, schema: str, scale: Scale) -> None:
        self._validator = reply_validator(schema)
        self._scale = scale

    def read(self, completion: Completion) -> ReadReply:
        """Return the verdict.

        Raises:
            JudgeTruncated: the reply was cut, even where its beginning reads well.
            JudgeRefused: the judge declined.
            JudgeUnparseable: the reply is not exactly what was asked for.
        """
        _refuse_unfinished(completion)
        try:
            reply = read_strict_json(completion.text)
        except StrictJsonError as error:
            raise JudgeUnparseable(f"the reply is no strict JSON: {error}") from error
        fault = next(self._validator.iter_errors(reply), None)
        if fault is not None or not isinstance(reply, dict):
            words = fault.message if fault else "no object"
            raise JudgeUnparseable(f"the reply breaks its schema: {words[:300]}")
        label = reply.get("verdict")
        if label not in self._scale.categories:
            raise JudgeUnparseable(
                f"the verdict is not on the scale {', '.join(self._scale.categories)}"
            )
        return ReadReply(label=str(label), rationale=str(reply.get("rationale", "")))


def reply_validator(schema: str) -> jsonschema_rs.Validator:
    """Compile the schema of replies; nothing is ever fetched for it.

    Raises:
        ValueError: it is no JSON Schema, or refers to another document.
    """

    def refuse(uri: str) -> NoReturn:
        raise ValueError(f"it refers to {uri}, and nothing is ever fetched")

    return jsonschema_rs.validator_for(schema, retriever=refuse)


def _refuse_unfinished(completion: Completion) -> None:
    if completion.refusal or completion.finish_reason in _FILTERED:
        words = completion.refusal or f"finish reason {completion.finish_reason}"
        raise JudgeRefused(f"the judge declined: {words[:300]}")
    if completion.finish_reason not in _COMPLETE:
        words = completion.finish_reason or "none given"
        raise JudgeTruncated(f"the reply is not finished (finish reason: {words})")
