"""Where the sentences of a text begin and end, in any script that ends them with a sign.

Plain rules and no model: the same text has the same sentences on every machine. In doubt a
sentence goes on, since half a sentence says something else than the whole one.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

SENTENCES_VERSION = "1"
"""Part of the signature of whoever judges sentences."""

_CLOSERS = "\"'\u2019\u201d\u00bb)\\]}\u300d\u300f\uff09\u3011*_"
_UNSPACED_ENDS = "\u3002\uff01\uff1f\uff61"
# A run of end signs; the second group's need no space after them.
_END = re.compile(
    f"(?:[.!?\u2026\u0964\u0965\u061f\u06d4]+[{_CLOSERS}]*(?=\\s|$)"
    f"|[{_UNSPACED_ENDS}]+[{_CLOSERS}]*)"
)
# What is said or set in brackets is no sentence of its own.
_ENCLOSED = re.compile(
    r'"[^"\n]{1,600}"|\u201c[^\u201d\n]{1,600}\u201d|\u00ab[^\u00bb\n]{1,600}\u00bb'
    r"|\u300c[^\u300d\n]{1,600}\u300d|\u300e[^\u300f\n]{1,600}\u300f|\([^()\n]{1,600}\)"
    r"|\uff08[^\uff08\uff09\n]{1,600}\uff09"
)
_BULLET = re.compile(
    r"[ \t]*(?:[-*+\u2022\u2023\u25aa\u25cf\u2013\u2014]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])[ \t]+"
)
_HEADING = re.compile(r"[ \t]*(?:#{1,6}[ \t]|\|)")
_WRAPPED_AT = 50
"""Characters of a line beyond which a line end may be no more than the edge of a page."""
_LOOK = 200
"""Characters to either side of an end sign that can tell whether it ends a sentence."""

_ATTRIBUTION = re.compile(
    r"(?:[A-Z][\w.'\u2019-]*\s+){0,4}(?:said|says|asked|added|told|replied|wrote|explained)\b"
    r"|(?:he|she|they|it|I|we)\s+(?:said|says|asked|added|told|replied|wrote|explained)\b"
)
_OPENERS = "\"'\u2018\u201c\u00ab([{*_\u300c\u300e\u00bf\u00a1"
# After these a name or an example follows: they never end a sentence.
_NEVER_LAST = frozenset(
    re.findall(
        r"\S+",
        "mr mrs ms mx dr prof rev hon gen col capt lt sgt maj cmdr gov sen rep st mt ft messrs "
        "mme mlle vs v cf viz approx ca fig figs eqs chap ref refs ed eds e.g i.e a.k.a z.b d.h "
        "u.a bzw bspw vgl evtl ggf sog inkl p.ej hr fr",
    )
)
# These only where a number does: "No." alone is an answer.
_BEFORE_A_NUMBER = frozenset(["art", "c", "ch", "eq", "no", "nos", "nr", "p", "pp", "sec", "vol"])
# These may end one; then a word follows that commonly begins the next.
_MAY_BE_LAST = frozenset(
    re.findall(
        r"\S+",
        "etc al inc ltd co corp llc plc bros jr sr esq ph.d m.d b.a m.a b.sc m.sc dept univ est "
        "min max a.m p.m u.s u.k u.n e.u d.c u.s.a usw gmbh jan feb mar apr jun jul aug sep "
        "sept oct nov dec mon tue tues wed thu thur thurs fri sat sun ave blvd rd",
    )
)
_BEGINNERS = frozenset(
    re.findall(
        r"\S+",
        "the a an he she it they we i you this that these those there in on at by for from to "
        "of with as if when while after before since although though because but and or so yet "
        "however moreover meanwhile furthermore also then thus therefore his her its their our "
        "my your who what where why how no not most many some all each every both one two three "
        "another other several under over during according despite today yesterday",
    )
)
_INITIAL = re.compile(r"(?:[^\W\d_]\.)*[^\W\d_]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of a text, by its first character and the one after its last."""

    start: int
    end: int

    def of(self, text: str) -> str:
        """Return the part."""
        return text[self.start : self.end]


class _Enclosed:
    """The quotations and brackets of a block."""

    def __init__(self, text: str, block: Span) -> None:
        found = _ENCLOSED.finditer(text, block.start, block.end)
        self._spans = [Span(start=one.start(), end=one.end()) for one in found]
        self._starts = [span.start for span in self._spans]

    def around(self, place: int) -> Span | None:
        """Return the one that a place is in; None where it is in none."""
        before = bisect_left(self._starts, place) - 1
        if before < 0 or place >= self._spans[before].end:
            return None
        return self._spans[before]


def sentence_spans(text: str) -> list[Span]:
    """Return the sentences, lines of lists and headings of a text, in order, without blanks."""
    return [
        trimmed
        for block in _blocks(text)
        for span in _within(text, block)
        if (trimmed := _trimmed(text, span)) is not None
    ]


def bullet_length(line: str) -> int:
    """Return how many characters mark a line as one of a list; 0 where it is none."""
    found = _BULLET.match(line)
    return found.end() if found else 0


def _blocks(text: str) -> Iterator[Span]:
    """Cut at blank lines, and at line ends that are no mere edge of a page."""
    start = 0
    for line_end in re.finditer("\n", text):
        if line_end.start() >= start and _parts(text, start, line_end.start()):
            yield Span(start=start, end=line_end.start())
            start = line_end.end()
    yield Span(start=start, end=len(text))


def _parts(text: str, start: int, end: int) -> bool:
    """Whether the line that ends here and the one after it are of two sentences."""
    line = text[max(start, text.rfind("\n", start, end) + 1) : end]
    after_end = text.find("\n", end + 1)
    after = text[end + 1 : after_end if after_end >= 0 else len(text)]
    if not line.strip() or not after.strip():
        return True
    if bullet_length(after) or _HEADING.match(after) or _HEADING.match(line):
        return True
    if after.lstrip(_OPENERS + " \t")[:1].islower():
        return False
    return len(line.strip()) < _WRAPPED_AT


def _within(text: str, block: Span) -> Iterator[Span]:
    enclosed = _Enclosed(text, block)
    start = block.start
    for end in _END.finditer(text, block.start, block.end):
        if end.end() <= start or not _ends(text, block, end, start, enclosed):
            continue
        yield Span(start=start, end=end.end())
        start = end.end()
    yield Span(start=start, end=block.end)


def _ends(
    text: str,
    block: Span,
    end: re.Match[str],
    start: int,
    enclosed: "_Enclosed",
) -> bool:
    """Whether a run of end signs ends a sentence."""
    around = enclosed.around(end.start())
    if around is not None and end.end() < around.end:
        return False
    rest = text[end.end() : min(block.end, end.end() + _LOOK)].lstrip()
    if not rest:
        return True
    signs = end[0].rstrip(_CLOSERS.replace("\\", ""))
    if signs[-1] in _UNSPACED_ENDS:
        return len(signs) == len(end[0]) or not _goes_on(rest, around, start)
    begins = rest.lstrip(_OPENERS)
    if begins[:1].islower():
        return False
    if len(signs) < len(end[0]) and _ATTRIBUTION.match(rest):
        return False
    before = text[max(start, end.start() - _LOOK) : end.start()]
    return signs != "." or _ends_with_a_full_stop(before, begins)


def _goes_on(rest: str, quoted: Span | None, start: int) -> bool:
    """Whether what follows a quotation says who said it, in a script without spaces."""
    begins_it = quoted is not None and quoted.start <= start
    return rest.startswith("\u3068") or (begins_it and rest[0] not in _OPENERS)


def _ends_with_a_full_stop(before: str, begins: str) -> bool:
    last = re.split(r"[\s(\[\"\u201c\u00ab]", before)[-1]
    word = last.casefold()
    if word in _NEVER_LAST:
        return False
    if word in _BEFORE_A_NUMBER:
        return not begins[:1].isdigit()
    if before.strip() == last and (last.isdigit() or _INITIAL.fullmatch(last)):
        return False  # the number or letter of a point
    if word in _MAY_BE_LAST or _INITIAL.fullmatch(last):
        follows = re.match(r"[^\W_]+", begins)
        return follows is not None and follows[0].casefold() in _BEGINNERS
    return True


def _trimmed(text: str, span: Span) -> Span | None:
    part = span.of(text)
    inner = part.strip()
    if not inner:
        return None
    start = span.start + part.index(inner[0])
    return Span(start=start, end=start + len(inner))
