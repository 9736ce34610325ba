"""Corrected scores: what people would have said of all outputs, by their labels on some of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from judge.records.record import RecordKey, Unit
from judge.reports.groups import cluster_codes
from judge.results.outcome import Fate, Outcome, Score
from judge.results.run import Measure
from judge.stats.correction import Estimand, corrected_mean, double_sampling
from judge.stats.estimate import Estimate, Undefined
from judge.stats.retention import quality_retained
from judge.trust.admission import AdmittedMeasure
from judge.trust.gold import GoldLabel

MIN_LABELS = 20
"""Below it there is no corrected number: few labels make a lucky one."""

FINITE: Estimand = "finite"
"""What is asked about: these very outputs, not others like them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """A score that rests on labels by people, with a judge to make them go further.

    It does not need a trusted judge: a poor one makes it wide, never wrong.

    Attributes:
        estimate: in the unit of the metric; None where its conditions do not hold.
        without_judge: the same from the labels alone.
        n_labels: labels it rests on.
        effective_labels: how many labels without a judge would be as precise; None where either
            interval does not exist.
        conditions: what it rests on, in words.
        reason: why there is none; empty where there is one.
    """

    estimate: Estimate | None
    without_judge: Estimate | None = None
    n_labels: int
    effective_labels: float | None = None
    conditions: str = ""
    reason: str = ""


def corrected_score(
    admitted: AdmittedMeasure, records: Sequence[Unit], *, level: float, seed: int
) -> Corrected | None:
    """Return the corrected mean of one system on one slice; None for a metric without a judge."""
    if admitted.gold is None:
        return None
    held = [record for record in records if admitted.applies(record.key)]
    drawn = _drawn(admitted, held)
    if isinstance(drawn, Undefined):
        return _refused(drawn)
    found = drawn.mean(level=level)
    effective = _effective_by_weight(drawn, level=level)
    if admitted.measure.passes_or_fails:
        by_verdict = drawn.double_sampling(level=level, seed=seed)
        # Chances that differ within a verdict leave the weighted labels.
        if isinstance(by_verdict, Estimate):
            found = by_verdict
            alone_by_verdict = drawn.without_judge.double_sampling(level=level, seed=seed)
            effective = _effective(drawn, found, alone_by_verdict)
    if isinstance(found, Undefined):
        return _refused(found)
    alone = drawn.mean(level=level, weight=0.0)
    return Corrected(
        estimate=found,
        without_judge=alone if isinstance(alone, Estimate) else None,
        n_labels=drawn.labels.size,
        effective_labels=effective,
        conditions=_conditions(drawn.labels.size, len(held)),
    )


def corrected_retention(
    admitted: AdmittedMeasure,
    records: Sequence[Unit],
    teacher: str,
    *,
    level: float,
) -> Corrected | None:
    """Return the share of the teacher's quality that people would say a student kept.

    Args:
        admitted: the measure.
        records: of the student.
        teacher: name of the system it is compared with, on the same items.
        level: two-sided coverage aimed at, in (0, 1).
    """
    if admitted.gold is None:
        return None
    pairs = [
        (record.key, RecordKey(item_id=record.item_id, system=teacher), record)
        for record in records
    ]
    pairs = [pair for pair in pairs if admitted.applies(pair[0]) and admitted.applies(pair[1])]
    if admitted.gold.why_not:
        return _refused(Undefined(reason=admitted.gold.why_not))
    labels = admitted.gold.labels
    both = [place for place, (own, its, _) in enumerate(pairs) if own in labels and its in labels]
    if len(both) < MIN_LABELS:
        return _refused(
            Undefined(
                reason=f"{len(both)} items with a label on both systems, {MIN_LABELS} are needed"
            )
        )
    chances = joint_chances([[labels[key] for key in pairs[place][:2]] for place in both])
    if chances is None:
        return _refused(
            Undefined(reason="the chance that both systems of an item were rated is not known")
        )
    measure = admitted.measure
    found = quality_retained(
        np.array([[guess_of(admitted.facts[key], measure) for key in keys[:2]] for keys in pairs]),
        np.array([[worth_of(labels[key], measure) for key in pairs[place][:2]] for place in both]),
        labelled=np.array(both),
        estimand=FINITE,
        inclusion=np.array(chances) if len(set(chances)) > 1 else None,
        clusters=cluster_codes([record for _, _, record in pairs]),
        level=level,
    )
    if isinstance(found, Undefined):
        return _refused(found)
    return Corrected(
        estimate=found, n_labels=len(both), conditions=_conditions(len(both), len(pairs))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawn:
    """Judgements of all records of a row, and the labels drawn from them."""

    judged: NDArray[np.float64]
    labels: NDArray[np.float64]
    labelled: NDArray[np.int64]
    clusters: NDArray[np.int64]
    strata: NDArray[np.int64] | None
    inclusion: NDArray[np.float64] | None
    bounds: tuple[float, float]

    def double_sampling(self, *, level: float, seed: int) -> Estimate | Undefined:
        if self.inclusion is not None:
            return Undefined(reason="chances differ within a verdict", n=self.labels.size)
        return double_sampling(
            self.judged,
            self.labels,
            labelled=self.labelled,
            estimand=FINITE,
            rng=np.random.default_rng(seed),
            strata=self.strata,
            clusters=self._clusters,
            level=level,
        )

    def mean(self, *, level: float, weight: float | None = None) -> Estimate | Undefined:
        return corrected_mean(
            self.judged,
            self.labels,
            labelled=self.labelled,
            estimand=FINITE,
            weight=weight,
            strata=self.strata,
            inclusion=self.inclusion,
            clusters=self._clusters,
            bounds=self.bounds,
            level=level,
        )

    @property
    def without_judge(self) -> "_Drawn":
        """The same with one judgement for all, which says nothing."""
        return replace(self, judged=np.zeros(self.judged.size))

    @property
    def _clusters(self) -> NDArray[np.int64] | None:
        # Without clusters of several the functions know better than to estimate their effect.
        return None if np.unique(self.clusters).size == self.clusters.size else self.clusters


def _drawn(admitted: AdmittedMeasure, records: Sequence[Unit]) -> _Drawn | Undefined:
    gold, measure = admitted.gold, admitted.measure
    if gold is None or gold.why_not:
        return Undefined(reason=gold.why_not if gold else "no labels by people")
    places = [place for place, record in enumerate(records) if record.key in gold.labels]
    if not places and gold.changed:
        return Undefined(
            reason="labelled outputs have changed, and what is left is no random part of them: "
            "rate them anew (judge plan)"
        )
    if len(places) < MIN_LABELS:
        return Undefined(reason=f"{len(places)} labels by people, {MIN_LABELS} are needed")
    labels = [gold.labels[records[place].key] for place in places]
    strata, inclusion = _strata(admitted, records, places, [label.inclusion for label in labels])
    return _Drawn(
        judged=np.array([guess_of(admitted.facts[record.key], measure) for record in records]),
        labels=np.array([worth_of(label, measure) for label in labels]),
        labelled=np.array(places, dtype=np.int64),
        clusters=cluster_codes(records),
        strata=strata,
        inclusion=inclusion,
        bounds=(measure.lower, measure.upper),
    )


def _strata(
    admitted: AdmittedMeasure,
    records: Sequence[Unit],
    places: Sequence[int],
    chances: Sequence[float | None],
) -> tuple[NDArray[np.int64] | None, NDArray[np.float64] | None]:
    """Return strata within which every record was equally likely to be rated, or the chances.

    The coarsest cut by which the chances of the rated records are equal is taken: none, by
    verdict, by verdict and slice. Where none does, and where a stratum has no label by chance, as
    in a small slice, each label is weighted by its own chance.
    """
    known = [chance or 1.0 for chance in chances]
    if len(set(known)) == 1:
        return None, None
    verdicts = [_verdict_name(admitted.facts[record.key]) for record in records]
    slices = [tuple(sorted(record.slices.items())) for record in records]
    for names in (verdicts, list(zip(verdicts, slices, strict=True))):
        of_name: dict[object, set[float]] = {}
        for place, chance in zip(places, known, strict=True):
            of_name.setdefault(names[place], set()).add(chance)
        if all(len(found) == 1 for found in of_name.values()) and of_name.keys() >= set(names):
            codes: dict[object, int] = {}
            strata = [codes.setdefault(name, len(codes)) for name in names]
            return np.array(strata, dtype=np.int64), None
    return None, np.array(known)


def joint_chances(pairs: Sequence[Sequence[GoldLabel]]) -> list[float] | None:
    """Return the chance that both systems of each item were rated; None where nobody knows.

    Where all chances are equal so are the joint ones, whatever they are. Where one random number
    drew an item in all systems, both were drawn with the lesser of their chances.
    """
    chances = [[label.inclusion or 1.0 for label in pair] for pair in pairs]
    if len({chance for pair in chances for chance in pair}) == 1:
        return [1.0] * len(pairs)
    if all(label.shared_draw for pair in pairs for label in pair):
        return [min(pair) for pair in chances]
    return None


def _verdict_name(outcome: Outcome) -> str:
    return outcome.label if isinstance(outcome, Score) else "no verdict"


def guess_of(outcome: Outcome, measure: Measure) -> float:
    """Return what the judge's outcome is worth as a guess of the label.

    Any guess is right to use, since it is corrected: what has no verdict is guessed the lowest.
    """
    if isinstance(outcome, Score):
        return outcome.value
    if isinstance(outcome, Fate) and measure.empty_value is not None:
        return measure.empty_value
    return measure.lower


def worth_of(label: GoldLabel, measure: Measure) -> float:
    """Return what people's label is worth on the scale of a measure."""
    return measure.values[measure.categories.index(label.label)]


def _effective_by_weight(drawn: _Drawn, *, level: float) -> float | None:
    unbounded = replace(drawn, bounds=(-np.inf, np.inf))
    alone = unbounded.mean(level=level, weight=0.0)
    return _effective(drawn, unbounded.mean(level=level), alone)


def _effective(
    drawn: _Drawn, found: Estimate | Undefined, alone: Estimate | Undefined
) -> float | None:
    """Return the n at which S^2 (1/n - 1/N), the variance of labels alone, is that of `found`."""
    n, size = drawn.labels.size, drawn.judged.size
    if n == size:
        return float(n)
    if isinstance(found, Undefined) or isinstance(alone, Undefined) or alone.low == alone.high:
        return None
    ratio = ((found.high - found.low) / (alone.high - alone.low)) ** 2
    return float(1 / (1 / size + ratio * (1 / n - 1 / size)))


def _conditions(n_labels: int, n_records: int) -> str:
    if n_labels == n_records:
        return f"people labelled all {n_records} of these outputs"
    return f"people labelled {n_labels} of these {n_records} outputs, drawn with known chances"


def _refused(why: Undefined) -> Corrected:
    return Corrected(estimate=None, n_labels=why.n, reason=why.reason)


def labels_without_text(measures: Sequence[AdmittedMeasure]) -> Mapping[str, int]:
    """Return, by metric, how many labels were lost because the text they are about changed."""
    return {m.measure.metric: m.gold.changed for m in measures if m.gold and m.gold.changed}
