"""Reading one JSON document twice: strictly, which counts, and leniently, which explains."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import msgspec

from judge.records.strict_json import (
    MAX_DEPTH,
    JsonFault,
    JsonValue,
    StrictJsonError,
    read_strict_json,
)
from judge.results.format_faults import Shape
from judge.scorers.json_repair import Repaired, repair

_DECODER = msgspec.json.Decoder()
_ENCODER = msgspec.json.Encoder()
# All digits and all opening brackets as one, and nothing of letters, quotes and spaces.
_MARKS = bytes.maketrans(b"123456789{", b"0" * 9 + b"[")
_NO_MARKS = bytes(mark for mark in range(256) if mark not in b"0123456789[{:\\,.]}-")
_LONG_INTEGER = b"0" * 20
_DOUBTFUL_ESCAPE = re.compile(rb"\\u(?:003[aA]|[dD][89a-fA-F])")

_SPACE = " \t\r\n"
_MARK = "\ufeff"
"""The byte order mark, which some programs put before a text."""
_FENCE = re.compile(r"```[ \t]*[\w+-]*")
_DANGLING_COMMA = re.compile(r",(?=\s*[}\]])")
_LAX = json.JSONDecoder()
_OPENER = re.compile(r"[{\[]")
_MOST_STARTS = 8
_SYNTAX = frozenset({JsonFault.SYNTAX, JsonFault.EXTRA_DATA})


@dataclass(frozen=True, slots=True, kw_only=True)
class LenientReading:
    """What a forgiving reader makes of a text that is no strict JSON document.

    Attributes:
        shapes: what there was to forgive, outermost first; never empty.
        readable: whether one document was read.
        document: that document; None, which is also JSON's null, where none was.
        distance: the least number of characters to delete or insert so that the document that is
            there stands alone and is strict, all of its brackets kept; of several documents, the
            longest. White space is free. None where there is no document, or an ambiguous one.
    """

    shapes: tuple[Shape, ...]
    readable: bool = False
    document: JsonValue = None
    distance: int | None = None


def read_document(text: str) -> JsonValue:
    """Read exactly one strict JSON document: as `read_strict_json` does, only faster.

    Where a strict rule may be broken, the slow reader says for sure. A key that stands twice is
    lost in reading, and its colon with it: written again, the value has fewer colons than the
    text had, unless the text escapes some.

    Raises:
        StrictJsonError: the text breaks one of the rules; the message names the place.
    """
    try:
        data = text.encode()
        value: JsonValue = _DECODER.decode(data)
    except (UnicodeEncodeError, msgspec.DecodeError, RecursionError):
        return read_strict_json(text)
    marks = data.translate(_MARKS, _NO_MARKS)
    if (
        _LONG_INTEGER in marks
        or marks.count(b":") != _ENCODER.encode(value).count(b":")
        or (b"\\" in marks and _DOUBTFUL_ESCAPE.search(data) is not None)
        or (marks.count(b"[") > MAX_DEPTH and _is_deep(value))
    ):
        return read_strict_json(text)
    return value


def read_leniently(text: str, error: StrictJsonError) -> LenientReading:
    """Read what a text that failed strictly was meant to be, and invent nothing.

    A document that was cut off is closed, and a pair or element that is incomplete is left out.
    Of several documents none is read, for nobody knows which one was meant; nor is one that
    parsers would read differently. Within prose only objects and arrays are looked for.

    Args:
        text: what failed.
        error: how.
    """
    marked = text.startswith(_MARK)
    fenced = _fenced(text)
    if fenced is None and not marked:
        return _without_comma(text) or _from_failed(text.strip(_SPACE), (), "", fault=error.fault)
    body, shapes, outside = (text, (), "") if fenced is None else fenced
    body, outside = body.strip(_SPACE + _MARK), outside + _MARK * marked
    try:
        document = read_document(body)
    except StrictJsonError as failed:
        return _from_failed(body, shapes, outside, fault=failed.fault)
    return LenientReading(
        shapes=shapes or (Shape.PROSE_AROUND,),
        readable=True,
        document=document,
        distance=_visible(outside),
    )


def _is_deep(value: JsonValue) -> bool:
    layer = [value]
    for _ in range(MAX_DEPTH):
        layer = [inner for outer in layer for inner in _containers(outer)]
        if not layer:
            return False
    return True


def _containers(value: JsonValue) -> Iterator[JsonValue]:
    if isinstance(value, dict | list):
        inside = value.values() if isinstance(value, dict) else value
        yield from (inner for inner in inside if isinstance(inner, dict | list))


def _fenced(text: str) -> tuple[str, tuple[Shape, ...], str] | None:
    """Return what the first fence holds, the shapes, and what is outside; None for no fence."""
    fence = _FENCE.search(text)
    bracket = _OPENER.search(text)
    if fence is None or (bracket is not None and bracket.start() < fence.start()):
        return None
    # The last mark closes it: one before may stand in a text of the document.
    end = text.rfind("```")
    closed = end >= fence.end()
    body, rest = (text[fence.end() : end], text[end:]) if closed else (text[fence.end() :], "")
    outside = text[: fence.start()] + rest[3:]
    if next(_documents(rest), None) is not None:
        return None  # a second document stands outside: the whole text is looked at
    shapes = (Shape.FENCED, Shape.PROSE_AROUND) if outside.strip() else (Shape.FENCED,)
    return body, shapes, outside + fence[0] + rest[:3]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    start: int
    repaired: Repaired
    readable: bool
    document: JsonValue


def _documents(text: str) -> Iterator[_Found]:
    """Yield each object and array that stands at the top of a text, repaired."""
    place = 0
    for _ in range(_MOST_STARTS):
        bracket = _OPENER.search(text, place)
        if bracket is None:
            return
        place = bracket.end()
        repaired = _whole(text, bracket.start()) or repair(text, bracket.start())
        if repaired is None:
            continue
        try:
            document = read_document(repaired.text)
        except StrictJsonError as error:
            if error.fault in _SYNTAX:
                continue
            yield _Found(start=bracket.start(), repaired=repaired, readable=False, document=None)
        else:
            yield _Found(start=bracket.start(), repaired=repaired, readable=True, document=document)
        place = repaired.end


def _whole(text: str, start: int) -> Repaired | None:
    """Return what `repair` would, several times faster, where nothing is wrong within."""
    try:
        _, end = _LAX.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return Repaired(text=text[start:end], end=end, commas=0, cut=False, distance=0)


def _without_comma(text: str) -> LenientReading | None:
    """Return what there is where one comma too many is all that is wrong."""
    commas = [match.start() for match in islice(_DANGLING_COMMA.finditer(text), 2)]
    if len(commas) != 1:
        return None
    try:
        # Had the comma been within a string, what is left would fail as the whole did.
        document = read_document(text[: commas[0]] + text[commas[0] + 1 :])
    except StrictJsonError:
        return None
    return LenientReading(
        shapes=(Shape.TRAILING_COMMA,), readable=True, document=document, distance=1
    )


def _from_failed(
    text: str, shapes: tuple[Shape, ...], outside: str, *, fault: JsonFault
) -> LenientReading:
    if fault not in _SYNTAX:
        return LenientReading(shapes=(*shapes, Shape.AMBIGUOUS))
    found = list(_documents(text))
    if not found:
        return LenientReading(shapes=(*shapes, Shape.NOT_JSON))
    chosen = max(found, key=lambda one: one.repaired.end - one.start)
    around = text[: chosen.start] + text[chosen.repaired.end :]
    distance = chosen.repaired.distance + _visible(outside + around)
    # A list of footnotes beside an object is prose; another object is another document.
    if sum(text[one.start] == text[chosen.start] for one in found) > 1:
        return LenientReading(shapes=(*shapes, Shape.SEVERAL_DOCUMENTS), distance=distance)
    prose = around.strip() and Shape.PROSE_AROUND not in shapes
    forgiven = (
        *shapes,
        *([Shape.PROSE_AROUND] if prose else []),
        *([Shape.TRAILING_COMMA] if chosen.repaired.commas else []),
        *([Shape.TRUNCATED] if chosen.repaired.cut else []),
    )
    if not chosen.readable:
        return LenientReading(shapes=(*forgiven, Shape.AMBIGUOUS))
    return LenientReading(
        shapes=forgiven or (Shape.NOT_JSON,),
        readable=bool(forgiven),
        document=chosen.document if forgiven else None,
        distance=distance if forgiven else None,
    )


def _visible(text: str) -> int:
    return len("".join(text.split()))
