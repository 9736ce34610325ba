"""Strict reading of one JSON document: what two parsers might read differently is refused.

The rules are RFC 8259 with its "SHOULD be unique" and its interoperability notes made
mandatory, as I-JSON (RFC 7493) does: no duplicate key, no NaN or Infinity, no lone surrogate,
no integer beyond 19 digits, no nesting beyond 64 levels.
"""

import json
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NoReturn, TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
JsonObject: TypeAlias = Mapping[str, JsonValue]

MAX_DEPTH = 64
MAX_INTEGER_DIGITS = 19

# A string that never closes reaches to the end: looked for again from each of its quotes, it
# would take quadratic time.
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}:,]|[^\s"\[\]{}:,]+', re.DOTALL)
_CANONICAL = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
)
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


def read_strict_json(text: str, *, not_finite_as_null: bool = False) -> JsonValue:
    """Read exactly one JSON document.

    Args:
        text: the document.
        not_finite_as_null: whether NaN and Infinity, which Python writes, are read as null; else
            they are refused.

    Raises:
        StrictJsonError: the text breaks one of the rules above; the message names the place.
    """
    _refuse_depth(text)
    try:
        decoder = _LENIENT_DECODER if not_finite_as_null else _DECODER
        value: JsonValue = decoder.decode(text)
    except json.JSONDecodeError as error:
        raise _syntax_error(error) from error
    except _Broken as error:
        raise error.within(text) from error
    except RecursionError as error:  # pragma: no cover - the depth check comes first
        raise StrictJsonError(JsonFault.TOO_DEEP, "nested too deeply") from error
    if _ESCAPED_SURROGATE.search(text) or not _encodable(text):
        _refuse_lone_surrogates(text)
    return value


def dump_json(value: JsonValue) -> str:
    """Write a value as canonical JSON: sorted keys, no spaces, no NaN."""
    return _CANONICAL.encode(value)


class _Broken(Exception):
    """A rule is broken at a token, whose place the decoder does not tell."""

    def __init__(self, fault: JsonFault, what: str, token: str) -> None:
        super().__init__(what)
        self.fault = fault
        self.token = token

    def within(self, text: str) -> StrictJsonError:
        what, position = str(self), None
        if self.fault is JsonFault.DUPLICATE_KEY:
            key, position = next(_repeated_keys(text))
            what = f"the key {key[:40]!r} stands twice in one object"
        else:
            position = _position(text, self.token)
        return _fault(self.fault, what, text=text, position=position)


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise _Broken(JsonFault.DUPLICATE_KEY, "a key stands twice", "")
    return read


def _refuse_constant(name: str) -> NoReturn:
    raise _Broken(JsonFault.NOT_FINITE, f"{name} is not a JSON number", name)


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_INTEGER_DIGITS:
        what = f"an integer has more than {MAX_INTEGER_DIGITS} digits"
        raise _Broken(JsonFault.INTEGER_TOO_LONG, what, digits)
    return int(digits)


def _real(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        what = f"{digits[:20]} is larger than any number that can be stored"
        raise _Broken(JsonFault.NOT_FINITE, what, digits)
    return value


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=_refuse_constant,
    parse_int=_integer,
    parse_float=_real,
)

_LENIENT_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique,
    parse_constant=lambda _: None,
    parse_int=_integer,
    parse_float=_real,
)


def _refuse_depth(text: str) -> None:
    # Counting is cheap; only a text with enough brackets to be too deep is looked at closely.
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _TOKENS.finditer(text):
        mark = match[0]
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _fault(
                    JsonFault.TOO_DEEP,
                    f"nested deeper than {MAX_DEPTH} levels",
                    text=text,
                    position=match.start(),
                )
        elif mark in "]}":
            depth -= 1


def _refuse_lone_surrogates(text: str) -> None:
    for match in _TOKENS.finditer(text):
        if match[0].startswith('"') and not _encodable(json.loads(match[0])):
            raise _fault(
                JsonFault.LONE_SURROGATE,
                "a text holds half of a surrogate pair",
                text=text,
                position=match.start(),
            )


def _fault(fault: JsonFault, what: str, *, text: str, position: int | None) -> StrictJsonError:
    if position is None:
        return StrictJsonError(fault, what)
    column = position - text.rfind("\n", 0, position)
    place = f"column {column}"
    if "\n" in text:
        line = text.count("\n", 0, position) + 1
        place = f"line {line}, {place}"
    return StrictJsonError(fault, f"{what} ({place})", position=position)


def _syntax_error(error: json.JSONDecodeError) -> StrictJsonError:
    extra = error.msg == "Extra data"
    return _fault(
        JsonFault.EXTRA_DATA if extra else JsonFault.SYNTAX,
        "something follows the JSON document" if extra else error.msg,
        text=error.doc,
        position=error.pos,
    )


def _position(text: str, token: str) -> int | None:
    # Not `text.find`: a string before it may hold the same characters.
    return next((match.start() for match in _TOKENS.finditer(text) if match[0] == token), None)


def _repeated_keys(text: str) -> Iterator[tuple[str, int]]:
    """Yield each key that stands in its object already, with its place."""
    seen: list[set[str]] = []
    name, position = "", 0
    for match in _TOKENS.finditer(text):
        mark = match[0]
        if mark.startswith('"'):
            name, position = mark, match.start()
        elif mark == "{":
            seen.append(set())
        elif mark == "}":
            seen.pop()
        elif mark == ":":
            key = json.loads(name)
            if key in seen[-1]:
                yield key, position
            seen[-1].add(key)


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
