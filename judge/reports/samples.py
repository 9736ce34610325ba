"""From scored records to the scores in [0, 1] that are watched, by metric and slice."""

from collections.abc import Iterable, Mapping, Sequence
from math import log2

import numpy as np
from numpy.typing import NDArray

from judge.records.record import Record, RecordKey
from judge.reports.groups import OVERALL
from judge.reports.summary import value_of
from judge.results.outcome import NotApplicable, Outcome
from judge.results.run import Measure

Scores = dict[tuple[str, str], NDArray[np.float64]]


def watched_scores(
    records: Sequence[Record], outcomes: Mapping[RecordKey, Outcome], measure: Measure
) -> tuple[Scores, int]:
    """Return the scores of one metric, overall and by slice, and how many records have none.

    The scale is mapped to [0, 1]. What shares a cluster is one score, their mean: it shares its
    luck too.
    """
    valued: list[tuple[Record, float]] = []
    missing = 0
    for record in records:
        outcome = outcomes.get(record.key)
        if outcome is None or isinstance(outcome, NotApplicable):
            continue
        value = value_of(outcome, measure)
        if value is None:
            missing += 1
        else:
            valued.append((record, (value - measure.lower) / (measure.upper - measure.lower)))
    return by_slice(measure.metric, valued), missing


def by_slice(metric: str, valued: Iterable[tuple[Record, float]]) -> Scores:
    """Return scores overall and by slice, one for each cluster."""
    groups: dict[str, dict[str, list[float]]] = {}
    for record, value in valued:
        for name in (OVERALL, *(f"{key}={found}" for key, found in record.slices.items())):
            groups.setdefault(name, {}).setdefault(record.cluster, []).append(value)
    return {
        (metric, name): np.array([np.mean(of) for of in clusters.values()]).clip(0, 1)
        for name, clusters in groups.items()
    }


class LengthScale:
    """Ranks the length of an output among those of some frozen outputs, in [0, 1].

    The outputs that make the scale are set apart: whether others rank as they did is asked of the
    rest.

    Args:
        records: of the frozen set.
        rng: draws a third of them for the scale.
    """

    def __init__(self, records: Sequence[Record], *, rng: np.random.Generator) -> None:
        answered = [record for record in records if record.output is not None]
        apart = rng.random(len(answered)) < 1 / 3
        lengths = [_length(r) for r, there in zip(answered, apart, strict=True) if there]
        self._sorted = np.sort(np.array(lengths, dtype=np.float64))
        self.rest = [r for r, there in zip(answered, apart, strict=True) if not there]
        """The frozen records that are not part of the scale."""

    def scores(self, records: Sequence[Record], metric: str) -> Scores:
        """Return the ranks of records that have an output, overall and by slice."""
        if self._sorted.size == 0:
            return {}
        valued = [(record, self._rank(record)) for record in records if record.output is not None]
        return by_slice(metric, valued)

    def _rank(self, record: Record) -> float:
        length = _length(record)
        below = np.searchsorted(self._sorted, length, side="left")
        up_to = np.searchsorted(self._sorted, length, side="right")
        return float(below + up_to) / (2 * self._sorted.size)


def _length(record: Record) -> float:
    return log2(1 + len(record.output or ""))
