"""The scale that labels stand on, found from the labels themselves."""

import re
from collections.abc import Sequence

from judge.importers.columns import NEGATIVE, POSITIVE
from judge.records.scale import Scale, ScaleKind

MOST_CATEGORIES = 11
"""Categories of the widest scale that is made of labels: 0 to 10."""
_TWO = 2
_ZERO_ONE = ("0", "1")
_TRUTH = ("false", "true")
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,20})?(e-?\d{1,3})?")
_WHOLE = re.compile(r"-?\d+")


def scale_of(labels: Sequence[str], *, declared: Sequence[str] | None = None) -> Scale | str:  # noqa: PLR0911 - a return for each kind
    """Return the scale on which labels stand, or why there is none.

    Args:
        labels: what was said, as text.
        declared: all categories there are, worst first, where that is known; those in the middle
            that nobody used are left away.

    Returns:
        Binary for two categories that are known as wrong and right, ordinal for a few numbers in
        their order, nominal for other words.
    """
    used = set(labels)
    if declared is not None and used <= set(declared):
        ends = {declared[0], declared[-1]}
        return _ordered([one for one in declared if one in used | ends])
    for pair in (_ZERO_ONE, _TRUTH):
        if used <= set(pair):
            return _ordered(pair)
    numbers = _numbers(used)
    if numbers is not None:
        return _numeric(numbers)
    if len(used) > MOST_CATEGORIES:
        return f"{len(used)} different texts are no categories"
    if len(used) < _TWO:
        return f"all are {next(iter(used), '')!r}, and a scale has two categories"
    if (known := wrong_and_right(sorted(used))) is not None:
        return _ordered(known)
    return Scale(kind=ScaleKind.NOMINAL, categories=tuple(sorted(used)))


def wrong_and_right(labels: Sequence[str]) -> tuple[str, str] | None:
    """Return two labels as the wrong one and the right one; None where that is not known."""
    if len(labels) != _TWO:
        return None
    wrong = [one for one in labels if one.strip().casefold() in NEGATIVE]
    right = [one for one in labels if one.strip().casefold() in POSITIVE]
    return (wrong[0], right[0]) if len(wrong) == len(right) == 1 else None


def _ordered(categories: Sequence[str]) -> Scale:
    kind = ScaleKind.BINARY if len(categories) == _TWO else ScaleKind.ORDINAL
    return Scale(kind=kind, categories=tuple(categories))


def _numbers(labels: set[str]) -> dict[float, str] | None:
    if not all(_NUMBER.fullmatch(one) for one in labels):
        return None
    return {float(one): one for one in labels}


def _numeric(numbers: dict[float, str]) -> Scale | str:
    low, high = min(numbers), max(numbers)
    if all(map(_WHOLE.fullmatch, numbers.values())) and 0 < high - low < MOST_CATEGORIES:
        return _ordered([str(one) for one in range(int(low), int(high) + 1)])
    if len(numbers) > MOST_CATEGORIES:
        return f"{len(numbers)} different numbers are no categories; a verdict is one of a few"
    if len(numbers) < _TWO:
        return f"all are {next(iter(numbers.values()))}, and a scale has two categories"
    return _ordered([numbers[one] for one in sorted(numbers)])
