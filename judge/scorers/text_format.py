"""Formats of texts that are no JSON: a pattern, headings, lengths, one of some answers."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import jsonschema_rs
import msgspec
from jsonschema_rs import RegexOptions

from judge.errors import DataError
from judge.records.strict_json import JsonValue, dump_json
from judge.results.format_faults import OUTPUT_TEXT_INVALID, ErrorKind
from judge.scorers.schema_check import NOTHING_WRONG, Finding
from judge.scorers.schema_errors import Described
from judge.scorers.words import words

TEXT_VERSION = "1"
"""Part of the signature of whatever is held against such a format."""

_MARK = "$text"
_MOST_PROGRAM_BYTES = 1 << 20
_MOST_COUNTED = 1 << 31
_LONGEST_WANTED = 120
_FENCE = re.compile(r"\A```[^\n`]*\n(.*?)\n?```\Z", re.DOTALL)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*[ \t]*$", re.MULTILINE)
# What people take for a heading: a line in bold, or one that ends with a colon.
_LIKE_A_HEADING = re.compile(r"^ {0,3}(?:\*\*(.+?)\*\*:?|([^\n:]+):)[ \t]*$", re.MULTILINE)
_ROUND_AN_ANSWER = " \t\r\n.!\"'`*"


class TextFormat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a text must be.

    Attributes:
        pattern: that stands somewhere in it, without look-around or back-references.
        forbidden: a pattern that stands nowhere in it.
        headings: of Markdown, of any level, in this order.
        one_of: what the text is, to the letter; white space around it is free.
        min_words: words as they are counted in any script; one for each character where a script
            puts no spaces.
    """

    pattern: str = ""
    forbidden: str = ""
    headings: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    min_words: int | None = None
    max_words: int | None = None
    min_characters: int | None = None
    max_characters: int | None = None
    max_lines: int | None = None


def text_schema(wanted: TextFormat) -> str:
    """Return a format as the text that stands in the place of a JSON Schema."""
    given = {
        name: list(value) if isinstance(value, tuple) else value
        for name in wanted.__struct_fields__
        if (value := getattr(wanted, name)) not in ("", (), None)
    }
    return dump_json({_MARK: given})


def read_text_format(schema: JsonValue) -> TextFormat | None:
    """Return the format that stands in the place of a schema; None where it is a schema.

    Raises:
        DataError: it is meant to be a format and is none.
    """
    if not isinstance(schema, dict) or _MARK not in schema:
        return None
    try:
        return msgspec.convert(schema[_MARK], TextFormat)
    except msgspec.ValidationError as error:
        raise DataError(f"the text format {dump_json(schema)[:60]}... is none: {error}") from error


class TextCheck:
    """One format, compiled. Its time is linear in the text.

    Args:
        wanted: the format.

    Raises:
        DataError: a pattern is none, or needs an engine that backtracks.
    """

    def __init__(self, wanted: TextFormat) -> None:
        self._wanted = wanted
        self._pattern = _compiled(wanted.pattern) if wanted.pattern else None
        self._forbidden = _compiled(wanted.forbidden) if wanted.forbidden else None
        self._bounds = _bounds(wanted)

    def find(self, output: str) -> Finding:
        """Say what is wrong with an output, which is not empty."""
        errors = list(self._errors(output, lenient=False))
        if not errors:
            return NOTHING_WRONG
        text = output.strip()
        fenced = _FENCE.match(text)
        body = fenced[1].strip() if fenced else text
        lenient = {"valid": next(self._errors(body, lenient=True), None) is None}
        return Finding(flag=OUTPUT_TEXT_INVALID, details={"errors": errors, "lenient": lenient})

    def _errors(self, text: str, *, lenient: bool) -> Iterator[Described]:
        wanted = self._wanted
        if self._pattern is not None and not _matches(self._pattern, text):
            yield _described("pattern", ErrorKind.PATTERN, wanted.pattern, "it is nowhere in it")
        if self._forbidden is not None and _matches(self._forbidden, text):
            yield _described("forbidden", ErrorKind.EXTRA, wanted.forbidden, "it is in it")
        if wanted.one_of and not _is_one_of(text, wanted.one_of, lenient=lenient):
            yield _described("one_of", ErrorKind.ENUM, ", ".join(wanted.one_of), "it is another")
        yield from _heading_errors(text, wanted.headings, lenient=lenient)
        for keyword, limit in self._bounds:
            least, unit = keyword.startswith("min"), keyword.partition("_")[2]
            found = _count(text, unit)
            if found < limit if least else found > limit:
                yield _described(keyword, ErrorKind.BOUND, str(limit), f"it has {found} {unit}")


def _bounds(wanted: TextFormat) -> list[tuple[str, int]]:
    names = [name for name in wanted.__struct_fields__ if name.startswith(("min_", "max_"))]
    found = [(name, limit) for name in names if (limit := getattr(wanted, name)) is not None]
    for name, limit in found:
        if not 0 <= limit < _MOST_COUNTED:
            raise DataError(f"the text format's {name} is {limit}, no count of anything")
    return found


def _compiled(pattern: str) -> jsonschema_rs.Validator:
    try:
        return jsonschema_rs.Draft202012Validator(
            {"pattern": pattern}, pattern_options=RegexOptions(size_limit=_MOST_PROGRAM_BYTES)
        )
    except ValueError as error:
        raise DataError(
            f"the pattern {pattern[:60]!r} of a text format is none whose time is bounded: use no "
            "look-around, no back-references and no large repetitions"
        ) from error


def _matches(pattern: jsonschema_rs.Validator, text: str) -> bool:
    # Half of a surrogate pair is no character: it matches nothing, as a replacement does.
    return pattern.is_valid(text.encode(errors="replace").decode())


def _is_one_of(text: str, allowed: Sequence[str], *, lenient: bool) -> bool:
    if not lenient:
        return text.strip() in allowed
    folded = {one.strip(_ROUND_AN_ANSWER).casefold() for one in allowed}
    return text.strip(_ROUND_AN_ANSWER).casefold() in folded


def _heading_errors(text: str, wanted: Sequence[str], *, lenient: bool) -> Iterator[Described]:
    if not wanted:
        return
    found: dict[str, int] = {}
    for match in _HEADING.finditer(text):
        found.setdefault(_title(match[1], lenient=lenient), match.start())
    for match in _LIKE_A_HEADING.finditer(text) if lenient else ():
        found.setdefault(_title(match[1] or match[2], lenient=True), match.start())
    places = [found.get(_title(one, lenient=lenient)) for one in wanted]
    for title, place in zip(wanted, places, strict=True):
        if place is None:
            yield _described("headings", ErrorKind.MISSING, title, "there is no such heading")
    there = [place for place in places if place is not None]
    if not lenient and any(later < earlier for earlier, later in pairwise(there)):
        order = ", ".join(wanted)
        yield _described("headings", ErrorKind.OTHER, order, "they stand in another order")


def _title(text: str, *, lenient: bool) -> str:
    return text.strip(" \t:*#").casefold() if lenient else text.strip()


def _count(text: str, unit: str) -> int:
    if unit == "words":
        return len(words(text))
    return len(text.strip().splitlines()) if unit == "lines" else len(text)


def _described(keyword: str, kind: ErrorKind, wanted: str, message: str) -> Described:
    return {
        "keyword": keyword,
        "pointer": "",
        "kind": kind.value,
        "wanted": wanted[:_LONGEST_WANTED],
        "message": message,
    }
