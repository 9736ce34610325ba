"""Strict reading of one JSON document: what two parsers might read differently is refused.

The rules are RFC 8259 with its "SHOULD be unique" and its interoperability notes made
mandatory, as I-JSON (RFC 7493) does: no duplicate key, no NaN or Infinity, no lone surrogate,
no integer beyond 19 digits, no nesting beyond 64 levels.
"""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NoReturn, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = Mapping[str, JsonValue]

MAX_DEPTH = 64
MAX_INTEGER_DIGITS = 19

_BRACKETS_AND_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class JsonFault(StrEnum):
    """What is wrong with a text that should have been one JSON document."""

    SYNTAX = "syntax"
    EXTRA_DATA = "extra_data"
    DUPLICATE_KEY = "duplicate_key"
    NOT_FINITE = "not_finite"
    TOO_DEEP = "too_deep"
    LONE_SURROGATE = "lone_surrogate"
    INTEGER_TOO_LONG = "integer_too_long"


class StrictJsonError(ValueError):
    """The text is not one strict JSON document.

    Attributes:
        fault: what kind of fault it is.
        position: where, in characters from the start; None where the parser cannot tell.
    """

    def __init__(self, fault: JsonFault, message: str, *, position: int | None = None) -> None:
        super().__init__(message)
        self.fault = fault
        self.position = position


def read_strict_json(text: str) -> JsonValue:
    """Read exactly one JSON document.

    Raises:
        StrictJsonError: the text breaks one of the rules above; the message names the place.
    """
    _refuse_depth(text)
    try:
        value: JsonValue = _decoder(text).decode(text)
    except json.JSONDecodeError as error:
        raise _syntax_error(error) from error
    except RecursionError as error:  # pragma: no cover - the depth check comes first
        raise StrictJsonError(JsonFault.TOO_DEEP, "nested too deeply") from error
    if _ESCAPED_SURROGATE.search(text) or not _encodable(text):
        _refuse_lone_surrogates(value)
    return value


def dump_json(value: JsonValue) -> str:
    """Write a value as canonical JSON: sorted keys, no spaces, no NaN."""
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )


def _decoder(text: str) -> json.JSONDecoder:
    def unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        read = dict(pairs)
        if len(read) < len(pairs):
            key = _first_repeated([name for name, _ in pairs])
            raise StrictJsonError(
                JsonFault.DUPLICATE_KEY,
                f"the key {key!r} stands twice in one object",
                position=_second_position(text, key),
            )
        return read

    def not_finite(name: str) -> NoReturn:
        raise StrictJsonError(
            JsonFault.NOT_FINITE, f"{name} is not a JSON number", position=text.find(name)
        )

    def integer(digits: str) -> int:
        if len(digits.lstrip("-")) > MAX_INTEGER_DIGITS:
            raise StrictJsonError(
                JsonFault.INTEGER_TOO_LONG,
                f"an integer has more than {MAX_INTEGER_DIGITS} digits",
                position=text.find(digits),
            )
        return int(digits)

    def real(digits: str) -> float:
        value = float(digits)
        if value in (float("inf"), float("-inf")):
            raise StrictJsonError(
                JsonFault.NOT_FINITE,
                f"{digits[:20]} is larger than any number that can be stored",
                position=text.find(digits),
            )
        return value

    return json.JSONDecoder(
        object_pairs_hook=unique, parse_constant=not_finite, parse_int=integer, parse_float=real
    )


def _refuse_depth(text: str) -> None:
    # Counting is cheap; only a text with enough brackets to be too deep is looked at closely.
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _BRACKETS_AND_STRINGS.finditer(text):
        mark = match[0]
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise StrictJsonError(
                    JsonFault.TOO_DEEP,
                    f"nested deeper than {MAX_DEPTH} levels",
                    position=match.start(),
                )
        elif mark in "]}":
            depth -= 1


def _syntax_error(error: json.JSONDecodeError) -> StrictJsonError:
    fault = JsonFault.EXTRA_DATA if error.msg == "Extra data" else JsonFault.SYNTAX
    what = "something follows the JSON document" if fault is JsonFault.EXTRA_DATA else error.msg
    return StrictJsonError(
        fault, f"{what} (line {error.lineno}, column {error.colno})", position=error.pos
    )


def _first_repeated(names: list[str]) -> str:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("called without a repeated name")  # pragma: no cover


def _second_position(text: str, key: str) -> int | None:
    quoted = json.dumps(key, ensure_ascii=False)
    first = text.find(quoted)
    second = text.find(quoted, first + 1)
    return second if second >= 0 else None


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse_lone_surrogates(value: JsonValue) -> None:
    if isinstance(value, str):
        if not _encodable(value):
            raise StrictJsonError(JsonFault.LONE_SURROGATE, "a text holds half of a surrogate pair")
    elif isinstance(value, list):
        for member in value:
            _refuse_lone_surrogates(member)
    elif isinstance(value, dict):
        for name, member in value.items():
            _refuse_lone_surrogates(name)
            _refuse_lone_surrogates(member)
