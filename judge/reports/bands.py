"""Slices nobody declared: bands of length, the teacher's own misses, and the right answers."""

from array import array
from collections.abc import Iterable, Mapping, Sequence

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


def undeclared_slices(records: Iterable[Record]) -> Mapping[str, Sequence[str]]:
    """Return the value of each record by dimension; a dimension of one value is left out.

    Args:
        records: of one system; looked at once, since their texts may lie in a file.
    """
    inputs, outputs, answers = array("Q"), array("Q"), _Answers()
    for record in records:
        inputs.append(len(record.input.split()))
        outputs.append(len((record.output or "").split()))
        answers.add(record.references)
    found = {
        INPUT_LENGTH: length_bands(inputs),
        OUTPUT_LENGTH: length_bands(outputs),
        ANSWER: answers.values(),
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


class _Answers:
    """The right answers of records, as long as these may be classes."""

    def __init__(self) -> None:
        self._different: dict[str, str] = {}
        self._of_each: list[str] = []
        self._are_open = False

    def add(self, references: Sequence[str]) -> None:
        if self._are_open or len(references) != 1:
            self._are_open = True
            return
        (answer,) = references
        self._of_each.append(self._different.setdefault(answer, answer))
        if len(self._different) > _MOST_ANSWERS:
            self._are_open = True
            self._of_each.clear()

    def values(self) -> Sequence[str]:
        """Return the right answer of each record; nothing where they are no classes."""
        n = len(self._of_each)
        return (
            [] if self._are_open or n < _ITEMS_AN_ANSWER * len(self._different) else self._of_each
        )


def _band(lower: int | None, upper: int | None) -> str:
    if lower is None and upper is None:
        return "any"
    if lower is None:
        return f"up to {upper} words"
    return f"{lower + 1} words or more" if upper is None else f"{lower + 1} to {upper} words"
