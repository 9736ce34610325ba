"""Two texts side by side, with what stands in one of them only."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from judge.render.markup import Markup, element, together

_WORDS = re.compile(r"\s*(?:\w+(?:[.,:'\u2019-]\w+)*|\S|\Z)")
_WORDS_OF_DATA = re.compile(r"\s*(?:\"?\w+(?:[.,:'\u2019@-]\w+)*\"?|\S|\Z)")
_JSON = re.compile(r"[\[{].*[\]}]", re.DOTALL)
_DEEPEST = 64
_MOST_CELLS = 600_000
"""Pairs of words that are looked at; of longer texts the order is left out of account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What two texts do not share.

    Attributes:
        left: the first text, with what it alone has marked as gone.
        right: the second, with what it alone has marked as added.
        size: words that stand on one side only.
        as_data: whether both were read as JSON and compared by content.
        summary: in words; says so where they were too long to compare.
    """

    left: Markup
    right: Markup
    size: int
    as_data: bool
    summary: str


def difference(left: str, right: str, *, name: str) -> Difference:
    """Compare two texts word by word; JSON by content, keys sorted, numbers as they were written.

    Args:
        left: what the output is held against.
        right: the output.
        name: what the left one is called, for example ``the reference``.
    """
    data = [laid_out(text) for text in (left, right)]
    as_data = data[0] is not None and data[1] is not None
    texts = (data[0] or "", data[1] or "") if as_data else (left, right)
    pattern = _WORDS_OF_DATA if as_data else _WORDS
    words = [pattern.findall(text) for text in texts]
    # The blanks before a word belong to it when it is shown, and not when it is compared.
    bare = [[word.strip() for word in side] for side in words]
    left_only, right_only, ordered = _only(bare[0], bare[1])
    gone = _words_marked(bare[0], left_only)
    come = _words_marked(bare[1], right_only)
    return Difference(
        left=_marked(words[0], left_only, "del", "missing"),
        right=_marked(words[1], right_only, "ins", "added"),
        size=len(gone) + len(come),
        as_data=as_data,
        summary=_summary(gone, come, name)
        + ("" if ordered else " Too long to compare in order: words count wherever they stand."),
    )


def laid_out(text: str) -> str | None:
    """Return the JSON in a text, keys sorted, one value a line; None where it holds none."""
    found = _JSON.search(text)
    if found is None:
        return None
    try:
        value = json.loads(found[0], parse_float=_Written, parse_int=_Written)
        return _laid_out(value, 0)
    except (ValueError, RecursionError):
        return None


class _Written(str):
    """A number, as it was written."""

    __slots__ = ()


def _laid_out(value: object, depth: int) -> str:
    if depth > _DEEPEST:
        raise ValueError("too deep")
    inner, outer = "  " * (depth + 1), "  " * depth
    if isinstance(value, _Written):
        return str(value)
    if isinstance(value, dict) and value:
        rows = [
            f"{inner}{json.dumps(key, ensure_ascii=False)}: {_laid_out(one, depth + 1)}"
            for key, one in sorted(value.items())
        ]
        return "{\n" + ",\n".join(rows) + f"\n{outer}}}"
    if isinstance(value, list) and value:
        rows = [f"{inner}{_laid_out(one, depth + 1)}" for one in value]
        return "[\n" + ",\n".join(rows) + f"\n{outer}]"
    return json.dumps(value, ensure_ascii=False)


def _only(left: Sequence[str], right: Sequence[str]) -> tuple[list[bool], list[bool], bool]:
    """Return for each word whether it stands on its side only, and whether order counted."""
    start, ends = 0, [len(left), len(right)]
    while start < min(ends) and left[start] == right[start]:
        start += 1
    while min(ends) > start and left[ends[0] - 1] == right[ends[1] - 1]:
        ends = [end - 1 for end in ends]
    middles = left[start : ends[0]], right[start : ends[1]]
    ordered = len(middles[0]) * len(middles[1]) <= _MOST_CELLS
    found = _in_order(*middles) if ordered else _by_count(*middles)
    whole = []
    for words, marks, end in zip((left, right), found, ends, strict=True):
        whole.append([False] * start + marks + [False] * (len(words) - end))
    return whole[0], whole[1], ordered


def _in_order(left: Sequence[str], right: Sequence[str]) -> tuple[list[bool], list[bool]]:
    """Keep the longest sequence that both have in common."""
    lengths = [[0] * (len(right) + 1)]
    for word in reversed(left):
        below, row = lengths[-1], [0] * (len(right) + 1)
        for place in range(len(right) - 1, -1, -1):
            same = word == right[place]
            row[place] = below[place + 1] + 1 if same else max(below[place], row[place + 1])
        lengths.append(row)
    lengths.reverse()
    only = [True] * len(left), [True] * len(right)
    one = other = 0
    while one < len(left) and other < len(right):
        if left[one] == right[other]:
            only[0][one] = only[1][other] = False
            one, other = one + 1, other + 1
        elif lengths[one + 1][other] >= lengths[one][other + 1]:
            one += 1
        else:
            other += 1
    return only


def _by_count(left: Sequence[str], right: Sequence[str]) -> tuple[list[bool], list[bool]]:
    """Keep what the other side has as well, wherever it stands, as often as it has it."""
    return _unshared(left, Counter(right)), _unshared(right, Counter(left))


def _unshared(words: Sequence[str], there: "Counter[str]") -> list[bool]:
    found = []
    for word in words:
        found.append(there[word] <= 0)
        there[word] -= 1
    return found


def _marked(words: Sequence[str], only: Sequence[bool], tag: str, name: str) -> Markup:
    parts = []
    for marked, run in groupby(zip(words, only, strict=True), key=lambda pair: pair[1]):
        text = "".join(word for word, _ in run)
        if not marked or text.isspace():
            parts.append(text)
            continue
        before = element("span", f" [{name}: ", class_="unseen")
        parts.append(element(tag, before, text, element("span", "] ", class_="unseen")))
    return together(*parts)


def _summary(gone: Sequence[str], come: Sequence[str], name: str) -> str:
    if not gone and not come:
        return f"The same words as {name}."
    words = "word" if len(gone) == 1 else "words"
    sides = [f"{len(gone)} {words} only in {name}", f"{len(come)} only in the output"]
    for side, where in ((gone, name), (come, "the output")):
        numbers = [word for word in side if any(mark.isdigit() for mark in word)]
        if numbers:
            more = f" and {len(numbers) - 12} more" if len(numbers) > 12 else ""  # noqa: PLR2004
            sides.append(f"numbers only in {where}: {', '.join(numbers[:12])}{more}")
    return "; ".join(sides) + "."


def _words_marked(words: Sequence[str], only: Sequence[bool]) -> list[str]:
    return [word for word, marked in zip(words, only, strict=True) if marked and _is_word(word)]


def _is_word(word: str) -> bool:
    return any(mark.isalnum() for mark in word)
