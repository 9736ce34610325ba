"""Slices nobody declared: bands of length, the teacher's own misses, and the right answers."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from judge.records.record import Record

INPUT_LENGTH = "input length"
OUTPUT_LENGTH = "output length"
TEACHER = "teacher"
ANSWER = "answer"

_BANDS = 3
_MOST_ANSWERS = 20
_ITEMS_AN_ANSWER = 5
"""On average: a set with fewer has open answers, not classes."""


def length_bands(lengths: Sequence[int]) -> list[str]:
    """Return the band of each length in words: thirds of the set, of whole numbers.

    Returns:
        Names such as ``13 to 40 words``; one for all where the thirds cannot be told apart.
    """
    if not lengths:
        return []
    array = np.array(lengths)
    cuts = np.unique(np.quantile(array, np.arange(1, _BANDS) / _BANDS, method="lower"))
    cuts = cuts[cuts < array.max()]
    names = [_band(lower, upper) for lower, upper in zip([None, *cuts], [*cuts, None], strict=True)]
    return [names[place] for place in np.searchsorted(cuts, array, side="left")]


def undeclared_slices(records: Sequence[Record]) -> Mapping[str, Sequence[str]]:
    """Return the value of each record by dimension; a dimension of one value is left out.

    Args:
        records: of one system.
    """
    found = {
        INPUT_LENGTH: length_bands([len(record.input.split()) for record in records]),
        OUTPUT_LENGTH: length_bands([len((record.output or "").split()) for record in records]),
        ANSWER: _answers(records),
    }
    return {name: values for name, values in found.items() if len(set(values)) > 1}


def by_teacher(scores: Sequence[float], *, passes: bool) -> list[str]:
    """Return whether the teacher was right on each item, or among its worst third.

    Args:
        scores: of the teacher.
        passes: whether they are 0 or 1 and nothing between.
    """
    if passes:
        return ["right" if score == 1 else "wrong" for score in scores]
    cut = float(np.quantile(scores, 1 / _BANDS, method="lower")) if scores else 0.0
    return ["its worst third" if score <= cut else "its better two thirds" for score in scores]


def _answers(records: Sequence[Record]) -> list[str]:
    """Return the right answer of each record where these are classes, else nothing."""
    if not records or any(len(record.references) != 1 for record in records):
        return []
    answers = [record.references[0] for record in records]
    counts = Counter(answers)
    if len(counts) > min(_MOST_ANSWERS, len(records) / _ITEMS_AN_ANSWER):
        return []
    return answers


def _band(lower: int | None, upper: int | None) -> str:
    if lower is None and upper is None:
        return "any"
    if lower is None:
        return f"up to {upper} words"
    return f"{lower + 1} words or more" if upper is None else f"{lower + 1} to {upper} words"
