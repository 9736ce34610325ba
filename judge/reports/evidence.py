"""What is known of two systems on the same items: from people, from a believed judge, or facts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from judge.records.record import Unit
from judge.reports.corrected import MIN_LABELS, guess_of, joint_chances, worth_of
from judge.reports.groups import clusters_of
from judge.reports.summary import MIN_RECORDS, doubted, value_of
from judge.results.run import Measure
from judge.results.terms import Unscored
from judge.stats.estimate import Undefined
from judge.trust.admission import AdmittedMeasure


class Basis(StrEnum):
    """Whose word the scores are."""

    LABELS = "labels"
    JUDGE = "judge"
    SCORER = "scorer"
    """A fact about the output, such as its format: no judge is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One system, by one measure, on some items.

    Attributes:
        records: by item id.
    """

    admitted: AdmittedMeasure
    system: str
    records: Mapping[str, Unit]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedScores:
    """Scores of two systems on the same items.

    Attributes:
        judged: of every item, shape (N, 2); where people's labels are the basis, the judge's
            guesses, whatever they are worth.
        labels: of the items that count for themselves, shape (n, 2).
        labelled: which those are, shape (n,).
        inclusion: chance of each to be labelled, shape (n,); None where it is equal.
        records: of the first system, one per item of `judged`.
        n_items: items the metric applies to in both systems.
        worst: the scores with each missing or doubted one at its worst for the first system,
            shape (n_items, 2); None where none is or where they count otherwise.
        best: the same at its best for the first system.
        every: the records behind `worst` and `best`.
    """

    basis: Basis
    measure: Measure
    judged: NDArray[np.float64]
    labels: NDArray[np.float64]
    labelled: NDArray[np.int64]
    inclusion: NDArray[np.float64] | None
    records: tuple[Unit, ...]
    n_items: int
    worst: NDArray[np.float64] | None = None
    best: NDArray[np.float64] | None = None
    every: tuple[Unit, ...] = ()

    @property
    def clusters(self) -> NDArray[np.int64] | None:
        """Cluster code of each item; None where every item is its own."""
        return clusters_of(self.records)

    @property
    def n_missing(self) -> int:
        """Items without a score of both, or with one in doubt; 0 where labels are the basis."""
        if self.basis is Basis.LABELS:
            return 0
        return self.n_items - len(self.judged) if self.worst is None else _moved(self)

    def filled(self, scores: NDArray[np.float64]) -> "PairedScores":
        """Return the same with `worst` or `best` for scores."""
        return PairedScores(
            basis=self.basis,
            measure=self.measure,
            judged=scores,
            labels=scores,
            labelled=np.arange(len(scores)),
            inclusion=None,
            records=self.every,
            n_items=self.n_items,
        )


def paired_scores(
    first: Side, second: Side, *, slice_name: str, unscored: Unscored
) -> PairedScores | Undefined:
    """Return the best evidence on two systems: labels, else a believed judge, else facts.

    Args:
        first: the system that is asked about.
        second: what it is compared with, by the same measure.
        slice_name: of the records, for what is believed of a judge there.
        unscored: what a missing score counts as.

    Returns:
        The scores; Undefined where nothing may be said, with all the reasons.
    """
    pairs = [
        (mine, second.records[item_id])
        for item_id, mine in first.records.items()
        if item_id in second.records
        and first.admitted.applies(mine.key)
        and second.admitted.applies(second.records[item_id].key)
    ]
    if not pairs:
        reason = f"no item that {first.admitted.measure.metric} applies to in both systems"
        return Undefined(reason=reason)
    labelled = _by_labels(first, second, pairs)
    if isinstance(labelled, PairedScores):
        return labelled
    withheld = dict.fromkeys(
        why
        for side in (first, second)
        if (why := side.admitted.why_withheld_on(side.system, slice_name))
    )
    if withheld:
        reasons = "; ".join(filter(None, (*withheld, f"labels: {labelled.reason}")))
        return Undefined(reason=reasons, n=labelled.n)
    return _by_values(first, second, pairs, unscored)


def _by_labels(
    first: Side, second: Side, pairs: Sequence[tuple[Unit, Unit]]
) -> PairedScores | Undefined:
    golds = [side.admitted.gold for side in (first, second)]
    if golds[0] is None or golds[1] is None:
        return Undefined(reason="")
    for gold in golds:
        if gold is not None and gold.why_not:
            return Undefined(reason=gold.why_not)
    labels = [golds[0].labels, golds[1].labels]
    both = [
        place
        for place, pair in enumerate(pairs)
        if pair[0].key in labels[0] and pair[1].key in labels[1]
    ]
    if len(both) < MIN_LABELS:
        reason = f"{len(both)} items with a label on both systems, {MIN_LABELS} are needed"
        return Undefined(reason=reason, n=len(both))
    found = [[labels[k][pairs[place][k].key] for k in (0, 1)] for place in both]
    chances = joint_chances(found)
    if chances is None:
        reason = "the chance that both systems of an item were rated is not known"
        return Undefined(reason=reason, n=len(both))
    measure = first.admitted.measure
    return PairedScores(
        basis=Basis.LABELS,
        measure=measure,
        judged=np.array(
            [
                [
                    guess_of(first.admitted.facts[mine.key], measure),
                    guess_of(second.admitted.facts[other.key], measure),
                ]
                for mine, other in pairs
            ]
        ),
        labels=np.array([[worth_of(label, measure) for label in pair] for pair in found]),
        labelled=np.array(both, dtype=np.int64),
        inclusion=np.array(chances) if len(set(chances)) > 1 else None,
        records=tuple(mine for mine, _ in pairs),
        n_items=len(pairs),
    )


def _by_values(
    first: Side, second: Side, pairs: Sequence[tuple[Unit, Unit]], unscored: Unscored
) -> PairedScores | Undefined:
    measure = first.admitted.measure
    outcomes = [
        (first.admitted.facts[mine.key], second.admitted.facts[other.key]) for mine, other in pairs
    ]
    values = [[value_of(outcome, measure) for outcome in pair] for pair in outcomes]
    certain = [
        [
            value is not None and not doubted(outcome, measure)
            for value, outcome in zip(*both, strict=True)
        ]
        for both in zip(values, outcomes, strict=True)
    ]
    if unscored is Unscored.LOWEST:
        values = [[measure.lower if one is None else one for one in pair] for pair in values]
    complete = [place for place, pair in enumerate(values) if None not in pair]
    if len(complete) < MIN_RECORDS:
        reason = f"{len(complete)} items scored on both, {MIN_RECORDS} are needed"
        return Undefined(reason=reason, n=len(complete))
    scores = np.array([values[place] for place in complete], dtype=np.float64)
    worst = best = None
    if unscored is Unscored.BOUNDS and not all(map(all, certain)):
        worst = _filled(values, certain, (measure.lower, measure.upper))
        best = _filled(values, certain, (measure.upper, measure.lower))
    return PairedScores(
        basis=Basis.JUDGE if measure.judged else Basis.SCORER,
        measure=measure,
        judged=scores,
        labels=scores,
        labelled=np.arange(len(scores)),
        inclusion=None,
        records=tuple(pairs[place][0] for place in complete),
        n_items=len(pairs),
        worst=worst,
        best=best,
        every=tuple(mine for mine, _ in pairs),
    )


def _filled(
    values: Sequence[Sequence[float | None]],
    certain: Sequence[Sequence[bool]],
    filling: tuple[float, float],
) -> NDArray[np.float64]:
    return np.array(
        [
            [
                fill if value is None or not sure else value
                for value, sure, fill in zip(*both, filling, strict=True)
            ]
            for both in zip(values, certain, strict=True)
        ]
    )


def _moved(scores: PairedScores) -> int:
    if scores.worst is None or scores.best is None:
        return 0
    return int((scores.worst != scores.best).any(axis=1).sum())
