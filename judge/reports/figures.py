"""The figures of many task scores together: F1 by class and by field, from the stored evidence."""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.results.outcome import Outcome, Score
from judge.stats.clusters import Codes, cluster_codes
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import bounded_mean
from judge.stats.pooled import f1_counts, mean_share, pooled_share

Counts: TypeAlias = NDArray[np.int64]

NO_LABEL = ""
"""What an output that names no label is found as."""

_SHOWN_FIELDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Precision, recall and F1 with their limits."""

    precision: Estimate | Undefined
    recall: Estimate | Undefined
    f1: Estimate | Undefined


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassificationFigures:
    """How well each class is told, and all of them on average.

    Attributes:
        macro_f1: mean of the F1 of the classes that some item is expected to have.
        classes: by label, in the order they were declared.
        confusion: items by expected label, then by found label; ``""`` for none of them.
    """

    macro_f1: Estimate | Undefined
    classes: Mapping[str, Rates]
    confusion: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCounts:
    """How often a field was right, given by outputs, and wanted by references."""

    right: int
    given: int
    wanted: int

    @property
    def failures(self) -> int:
        """Fields missed or added; one that is wrong is both."""
        return self.given + self.wanted - 2 * self.right


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFigures:
    """How well the fields of documents were extracted.

    Attributes:
        micro: of all fields of all records alike.
        macro_f1: mean over records, each weighing the same.
        fields: the fields that most often are not right, worst first, with their rates.
        counts: right, given and wanted of every field, worst first.
    """

    micro: Rates
    macro_f1: Estimate | Undefined
    fields: Mapping[str, Rates]
    counts: Mapping[str, FieldCounts]


def classification_figures(
    outcomes: Iterable[Outcome],
    *,
    labels: Sequence[str],
    clusters: Codes | None = None,
    level: float = 0.95,
) -> ClassificationFigures:
    """Compute the figures of classes from the outcomes of the accuracy scorer.

    Args:
        outcomes: of one system, looked at once; those without a score do not count.
        labels: every declared label, as the scorer was given them.
        clusters: integer cluster code per outcome, shape (n,); None if items are independent.
        level: two-sided coverage aimed at, in (0, 1).
    """
    places = {label: place for place, label in enumerate(labels)}
    rows, n = array("q"), 0
    pairs: list[tuple[str, str]] = []
    same: dict[tuple[str, str], tuple[str, str]] = {}  # there are few, and one for each outcome
    for n, outcome in enumerate(outcomes, start=1):
        if isinstance(outcome, Score):
            details = outcome.details
            pair = (str(details["expected"]), str(details.get("found", NO_LABEL)))
            pairs.append(same.setdefault(pair, pair))
            rows.append(n - 1)
    codes = cluster_codes(clusters, n=n)[np.array(rows)]
    expected = np.array([places[wanted] for wanted, _ in pairs], dtype=np.int64)
    predicted = np.array([places.get(found, -1) for _, found in pairs], dtype=np.int64)
    parts, wholes = f1_counts(expected, predicted, n_classes=len(labels))
    confusion: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (wanted, found), count in Counter(pairs).items():
        confusion[wanted][found] = count
    return ClassificationFigures(
        macro_f1=mean_share(parts, wholes, codes, level=level),
        classes={
            label: _rates(_class_counts(expected == place, predicted == place), codes, level=level)
            for label, place in places.items()
        },
        confusion=dict(confusion),
    )


def field_figures(
    outcomes: Iterable[Outcome],
    *,
    clusters: Codes | None = None,
    level: float = 0.95,
    most: int = _SHOWN_FIELDS,
) -> FieldFigures:
    """Compute the figures of fields from the outcomes of the field scorer.

    Args:
        outcomes: of one system, looked at once; those without a score do not count.
        clusters: integer cluster code per outcome, shape (n,); None if items are independent.
        level: two-sided coverage aimed at, in (0, 1).
        most: fields that get rates.
    """
    columns: defaultdict[str, _Column] = defaultdict(_Column)
    rows, n, values, totals = array("q"), 0, array("d"), array("q")
    for n, outcome in enumerate(outcomes, start=1):
        if isinstance(outcome, Score):
            found = _counts_of(outcome)
            for name, counts in found.items():
                columns[name].add(len(rows), counts)
            totals.extend(sum(column) for column in zip((0, 0, 0), *found.values(), strict=True))
            values.append(outcome.value)
            rows.append(n - 1)
    codes = cluster_codes(clusters, n=n)[np.array(rows)]
    worst = sorted(columns, key=lambda name: (-columns[name].sums.failures, name))
    return FieldFigures(
        micro=_rates(np.array(totals).reshape(-1, 3).T, codes, level=level),
        macro_f1=bounded_mean(np.array(values), codes, lower=0, upper=1, level=level),
        fields={
            name: _rates(columns[name].counts, codes[columns[name].rows], level=level)
            for name in worst[:most]
        },
        counts={name: columns[name].sums for name in worst},
    )


@dataclass(slots=True, kw_only=True)
class _Column:
    """The counts of one field in the records that have it."""

    rows: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[int]" = field(default_factory=lambda: array("q"))

    def add(self, row: int, counts: Sequence[int]) -> None:
        self.rows.append(row)
        self.values.extend(counts)

    @property
    def counts(self) -> Counts:
        """Right, given and wanted by record, shape (3, n)."""
        return np.array(self.values).reshape(-1, 3).T

    @property
    def sums(self) -> FieldCounts:
        right, given, wanted = self.counts.sum(axis=1).tolist()
        return FieldCounts(right=right, given=given, wanted=wanted)


def _class_counts(wanted: NDArray[np.bool_], given: NDArray[np.bool_]) -> Counts:
    return np.array([wanted & given, given, wanted], dtype=np.int64)


def _rates(counts: Counts, clusters: Counts, *, level: float) -> Rates:
    """Rates from counts of what is right, given and wanted by item, shape (3, n)."""
    right, given, wanted = counts
    return Rates(
        precision=pooled_share(right, given, clusters, level=level),
        recall=pooled_share(right, wanted, clusters, level=level),
        f1=pooled_share(2 * right, given + wanted, clusters, level=level),
    )


def _counts_of(score: Score) -> Mapping[str, Sequence[int]]:
    fields = score.details["fields"]
    if not isinstance(fields, Mapping):
        raise TypeError(f"the counts of fields are an object, not {fields!r}")
    return fields
