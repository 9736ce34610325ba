"""What one error of a validator says: keyword, place, kind, and what was wanted there."""

import json
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import TypeAlias

from jsonschema_rs import ValidationError, ValidationErrorKind

from judge.results.format_faults import ErrorKind

Described: TypeAlias = dict[str, str]
"""``keyword``, ``pointer``, ``kind``, ``wanted`` and ``message`` of one error."""


_KINDS: Mapping[str, ErrorKind] = MappingProxyType(
    {
        "required": ErrorKind.MISSING,
        "additionalProperties": ErrorKind.EXTRA,
        "unevaluatedProperties": ErrorKind.EXTRA,
        "additionalItems": ErrorKind.EXTRA,
        "unevaluatedItems": ErrorKind.EXTRA,
        "falseSchema": ErrorKind.EXTRA,
        "type": ErrorKind.TYPE,
        "enum": ErrorKind.ENUM,
        "const": ErrorKind.ENUM,
        "format": ErrorKind.FORMAT,
        "contentEncoding": ErrorKind.FORMAT,
        "contentMediaType": ErrorKind.FORMAT,
        "minimum": ErrorKind.BOUND,
        "maximum": ErrorKind.BOUND,
        "exclusiveMinimum": ErrorKind.BOUND,
        "exclusiveMaximum": ErrorKind.BOUND,
        "multipleOf": ErrorKind.BOUND,
        "minLength": ErrorKind.BOUND,
        "maxLength": ErrorKind.BOUND,
        "minItems": ErrorKind.BOUND,
        "maxItems": ErrorKind.BOUND,
        "minProperties": ErrorKind.BOUND,
        "maxProperties": ErrorKind.BOUND,
        "uniqueItems": ErrorKind.BOUND,
        "contains": ErrorKind.BOUND,
        "pattern": ErrorKind.PATTERN,
        "anyOf": ErrorKind.ALTERNATIVE,
        "oneOf": ErrorKind.ALTERNATIVE,
        "not": ErrorKind.ALTERNATIVE,
    }
)
_ALTERNATIVES = (ValidationErrorKind.AnyOf, ValidationErrorKind.OneOfNotValid)


def _listed(values: Sequence[object]) -> str:
    return ", ".join(json.dumps(value, ensure_ascii=False) for value in values)


_WANTED: Mapping[str, Callable[..., str]] = MappingProxyType(
    {
        "required": lambda kind: kind.property,
        "type": lambda kind: " or ".join(kind.types),
        "additionalProperties": lambda kind: ", ".join(kind.unexpected),
        "unevaluatedProperties": lambda kind: ", ".join(kind.unexpected),
        "enum": lambda kind: _listed(kind.options),
        "const": lambda kind: _listed([kind.expected_value]),
        "pattern": attrgetter("pattern"),
        "format": attrgetter("format"),
        "multipleOf": lambda kind: str(kind.multiple_of),
        **{
            name: lambda kind: str(kind.limit)
            for name in (
                "minimum",
                "maximum",
                "exclusiveMinimum",
                "exclusiveMaximum",
                "minLength",
                "maxLength",
                "minItems",
                "maxItems",
                "minProperties",
                "maxProperties",
            )
        },
    }
)
_SCHEMAS_BY_PLACE = frozenset(
    {"properties", "patternProperties", "prefixItems", "items", "dependentSchemas", "dependencies"}
)
_NAMED_OTHERWISE = frozenset({"contains", "falseSchema", "required"})
"""Errors that several keywords lead to, such as `dependentRequired`; no others do in the suite."""
_LONGEST_MESSAGE = 300
_LONGEST_WANTED = 120
_DEEPEST_ALTERNATIVE = 4


def describe(error: ValidationError, *, depth: int = 0) -> list[Described]:
    """Return the errors that one stands for.

    It stands for itself, except that where no alternative of an `anyOf` or `oneOf` accepts a
    value, and one of them is plainly the one that was meant, it stands for the errors of that
    one: a text for an optional number is an error of type, not of alternatives.
    """
    kind = error.kind
    if type(kind) in _ALTERNATIVES:
        return _described_alternatives(error, depth=depth)
    name = kind.name
    if isinstance(kind, ValidationErrorKind.PropertyNames):
        wanted = f"a name that satisfies {kind.error.kind.name!r}"
        return [_described(error, keyword=name, kind=ErrorKind.EXTRA, wanted=wanted)]
    wanted = _WANTED[name](kind) if name in _WANTED else ""
    # Asking for the path takes as long as all the rest: of most errors the name says as much.
    keyword = _keyword(error) if name in _NAMED_OTHERWISE else name
    return [
        _described(error, keyword=keyword, kind=_KINDS.get(name, ErrorKind.OTHER), wanted=wanted)
    ]


def pointer(path: Sequence[str | int]) -> str:
    """Return a path as a JSON pointer (RFC 6901)."""
    return "".join([f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path])


def _described_alternatives(error: ValidationError, *, depth: int) -> list[Described]:
    kind, place = error.kind, error.instance_path
    if isinstance(kind, ValidationErrorKind.AnyOf | ValidationErrorKind.OneOfNotValid):
        meant = _meant(kind.context, place) if depth < _DEEPEST_ALTERNATIVE else None
        if meant is not None:
            return [found for inner in meant for found in describe(inner, depth=depth + 1)]
        if types := _other_types(kind.context, place):
            wanted = " or ".join(types)
            return [_described(error, keyword="type", kind=ErrorKind.TYPE, wanted=wanted)]
    return [_described(error, keyword=_keyword(error), kind=ErrorKind.ALTERNATIVE, wanted="")]


def _described(error: ValidationError, *, keyword: str, kind: ErrorKind, wanted: str) -> Described:
    return {
        "keyword": keyword,
        "pointer": pointer(error.instance_path),
        "kind": kind.value,
        "wanted": wanted[:_LONGEST_WANTED],
        "message": error.message[:_LONGEST_MESSAGE],
    }


def _meant(
    alternatives: Sequence[Sequence[ValidationError]], place: Sequence[str | int]
) -> Sequence[ValidationError] | None:
    """Return the errors of the one alternative that is for values of this type and tag."""
    of_type = [errors for errors in alternatives if not _refuses(errors, place, depth=0)]
    tagged = [errors for errors in of_type if not _refuses(errors, place, depth=1)]
    return next((left[0] for left in (of_type, tagged) if len(left) == 1), None)


def _refuses(errors: Sequence[ValidationError], place: Sequence[str | int], *, depth: int) -> bool:
    """Return whether a schema is for another type of value, or for another tag in it."""
    refusing = ("type", "const", "enum") if depth == 0 else ("const", "enum")
    return any(
        error.kind.name in refusing and len(error.instance_path) == len(place) + depth
        for error in errors
    )


def _other_types(
    alternatives: Sequence[Sequence[ValidationError]], place: Sequence[str | int]
) -> list[str]:
    """Return the types that are asked for, where nothing but the type is wrong."""
    asked: dict[str, None] = {}
    for errors in alternatives:
        for error in errors:
            kind = error.kind
            if not isinstance(kind, ValidationErrorKind.Type) or error.instance_path != place:
                return []
            asked.update(dict.fromkeys(kind.types))
    return list(asked)


def _keyword(error: ValidationError) -> str:
    path = [str(step) for step in error.schema_path]
    if not path:
        return "false"  # the schema that accepts nothing
    # Where a `false` stands under a name or a place, that is no keyword, but what holds it is.
    named = error.kind.name == "falseSchema" and len(path) > 1 and path[-2] in _SCHEMAS_BY_PLACE
    return path[-2] if named else path[-1]
