"""How many labels it takes: for a width, for a margin to the teacher, for a trusted judge."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import ceil

import numpy as np
from numpy.typing import NDArray

from judge.records.record import Record, RecordKey
from judge.results.outcome import Outcome, Score
from judge.results.run import Measure
from judge.stats.clusters import design_effect, largest_design_effect
from judge.stats.estimate import Estimate, Undefined
from judge.stats.multiplicity import look_level
from judge.stats.planning import (
    cluster_factor,
    labels_alone,
    labels_with_judge,
    pairs_for_difference,
    squared_correlation,
)
from judge.stats.power import labels_balanced_by_verdict, labels_of_each_class
from judge.stats.retention import pass_covariance, smallest_decidable_margin
from judge.trust.certificate import Certificate, Primary, TrustThresholds

ASSUMED_RATE = 0.85
"""Of a judge that nobody has measured: its sensitivity, and its specificity."""
FEWEST_OF_A_SYSTEM = 20
"""Below it reports give no corrected number."""

_LEAST_SHARE = 0.02  # a share of 0 or 1 would need no label at all
_MOST_CORRELATION = 0.95
_FEWEST_PAIRS = 2


class Aim(StrEnum):
    """What labels are for."""

    HALF_WIDTH = "half_width"
    """To know the share of passes of a system to plus or minus so much."""
    MARGIN = "margin"
    """To show that a student keeps so much of its teacher's quality."""
    STANDING = "standing"
    """To show that the judge agrees with people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """How many labels it takes to reach an aim.

    Attributes:
        of: the system or student it is about; empty for the judge.
        wanted: half-width, margin, or bound of informedness.
        alone: labels without a judge; for a margin, items labelled on both systems.
        with_judge: the same with the judge's verdicts on everything.
    """

    aim: Aim
    of: str
    wanted: float
    alone: int | Undefined
    with_judge: int | Undefined


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How often the judge is right.

    Attributes:
        sensitivity: share of human passes that it passes.
        specificity: share of human fails that it fails.
        certificate: id of the certificate that says so; empty where both are assumed.
    """

    sensitivity: float = ASSUMED_RATE
    specificity: float = ASSUMED_RATE
    certificate: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known before anybody labels.

    Attributes:
        records: those that count for the measure.
        outcomes: of the judged measure.
        rates: of the judge.
        thresholds: what it must reach.
        teacher: name of the system that the others are compared with; empty for none.
        look: which look at labels the next one is, from 1.
    """

    measure: Measure
    records: Sequence[Record]
    outcomes: Mapping[RecordKey, Outcome]
    rates: Rates
    thresholds: TrustThresholds
    teacher: str
    look: int

    @property
    def systems(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(record.system for record in self.records))

    @property
    def fewest_for_items(self) -> int:
        """Labels that rate as many items as are asked for: systems are drawn on the same ones."""
        return self.thresholds.min_items * len(self.systems)

    @property
    def students(self) -> tuple[str, ...]:
        """Systems that are compared with the teacher; none where it is not among the records."""
        if self.teacher not in self.systems:
            return ()
        return tuple(system for system in self.systems if system != self.teacher)


def rates_of(measure: Measure, certificates: Sequence[Certificate]) -> Rates:
    """Return how often a judge is right, by the newest certificate that is about this very judge.

    Args:
        measure: judged.
        certificates: all there are, oldest first.
    """
    for certificate in reversed(certificates):
        if (certificate.signature, certificate.target) != (measure.signature, measure.target):
            continue
        found = [
            certificate.findings.get(name) for name in ("true_positive_rate", "true_negative_rate")
        ]
        if all(isinstance(rate, Estimate) for rate in found):
            sensitivity, specificity = (rate.value for rate in found if rate is not None)
            return Rates(
                sensitivity=sensitivity,
                specificity=specificity,
                certificate=certificate.certificate_id,
            )
    return Rates()


def next_look(measure: Measure, certificates: Sequence[Certificate], *, population: str) -> int:
    """Return which look at labels the next validation will be, from 1.

    Args:
        measure: judged.
        certificates: all there are: one is written at each look.
        population: fingerprint of the evaluation set.
    """
    about = (measure.criterion, measure.target, population)
    looks = [c.look for c in certificates if (c.criterion, c.target, c.population) == about]
    return 1 + max(looks, default=0)


def needs_of(known: Known, *, half_width: float, margin: float) -> tuple[Need, ...]:
    """Return what each aim takes, by what the verdicts let expect.

    Args:
        known: before anybody labels.
        half_width: of each system's share of passes, in (0, .5).
        margin: share of the teacher's quality to be kept, in (0, 1).
    """
    return (
        *(_half_width_need(known, system, half_width) for system in known.systems),
        *(_margin_need(known, student, margin) for student in known.students),
        _standing_need(known),
    )


def smallest_margin(known: Known, student: str, *, pairs: int) -> float | Undefined:
    """Return what share of the teacher's quality could be confirmed if the student is as good.

    Args:
        known: before anybody labels.
        student: name of the system.
        pairs: items that are labelled on both.
    """
    if not known.measure.passes_or_fails:
        return _GRADED
    if pairs < _FEWEST_PAIRS:
        return Undefined(reason="no two items are labelled on both systems", n=pairs)
    comparison = _Comparison(known, student)
    return comparison.margin(min(pairs, comparison.size), with_judge=True)


_GRADED = Undefined(reason="planned for scores of pass or fail only")


class _Outlook:
    """What the verdicts let expect of one system."""

    def __init__(self, known: Known, system: str) -> None:
        self._known = known
        self._records = [record for record in known.records if record.system == system]
        judged = [(record, _value(known, record)) for record in self._records]
        self._judged = [(record, value) for record, value in judged if value is not None]

    @property
    def size(self) -> int:
        return len(self._records)

    @cached_property
    def values(self) -> NDArray[np.float64]:
        return np.array([value for _, value in self._judged], dtype=np.float64)

    @cached_property
    def share(self) -> float:
        """Share of human passes that the judge's rates make of the verdicts."""
        judged, rates = float(self.values.mean()) if self.values.size else 0.5, self._known.rates
        informedness = rates.sensitivity + rates.specificity - 1
        share = (judged + rates.specificity - 1) / informedness if informedness > 0 else judged
        return min(1 - _LEAST_SHARE, max(_LEAST_SHARE, share))

    @cached_property
    def explained(self) -> float:
        """Part of the labels' variance that the verdicts explain."""
        rates = self._known.rates
        return squared_correlation(self.share, rates.sensitivity, specificity=rates.specificity)

    @cached_property
    def factor(self) -> float:
        """How many times more labels it takes because items come in clusters."""
        codes = np.unique([record.cluster for record, _ in self._judged], return_inverse=True)[1]
        most = largest_design_effect(codes)
        if most <= 1 or np.unique(codes).size == 1:
            return 1.0
        found = design_effect(self.values, codes)
        return cluster_factor(most, icc=min(1.0, (found - 1) / (most - 1)))

    def by_item(self) -> dict[str, float]:
        return {record.item_id: value for record, value in self._judged}


class _Comparison:
    """A student that is as good as its teacher, seen through labels on some items."""

    def __init__(self, known: Known, student: str) -> None:
        self._teacher = _Outlook(known, known.teacher)
        self._student = _Outlook(known, student)

    @property
    def size(self) -> int:
        return min(self._teacher.size, self._student.size)

    @cached_property
    def _covariance(self) -> NDArray[np.float64]:
        taught, own = self._teacher.by_item(), self._student.by_item()
        both = [(taught[item], own[item]) for item in taught.keys() & own.keys()]
        correlation = 0.0
        if both and min(np.ptp(side) for side in zip(*both, strict=True)) > 0:
            correlation = float(np.corrcoef(np.array(both).T)[0, 1])
        return pass_covariance(
            self._teacher.share,
            self._teacher.share,
            correlation=min(_MOST_CORRELATION, max(0.0, correlation)),
        )

    def margin(self, pairs: int, *, with_judge: bool) -> float | Undefined:
        """Return the share of the teacher that so many items would confirm."""
        left = 1 - self._teacher.explained if with_judge else 1.0
        scale = left * self._teacher.factor * max(0.0, 1 / pairs - 1 / self.size)
        share = self._teacher.share
        return smallest_decidable_margin(share, share, covariance=self._covariance * scale)

    def pairs_for(self, margin: float, *, with_judge: bool) -> int:
        """Return the fewest items that would confirm a share; all of them always do."""

        def confirms(pairs: int) -> bool:
            found = self.margin(pairs, with_judge=with_judge)
            return not isinstance(found, Undefined) and found >= margin

        return _first(confirms, most=self.size)


def _half_width_need(known: Known, system: str, half_width: float) -> Need:
    outlook = _Outlook(known, system)
    with_judge: int | Undefined
    if known.measure.passes_or_fails:
        alone = labels_alone(half_width, share=outlook.share, cluster_factor=outlook.factor)
        with_judge = labels_with_judge(
            half_width,
            share=outlook.share,
            sensitivity=known.rates.sensitivity,
            specificity=known.rates.specificity,
            n_items=outlook.size,
            estimand="finite",
            cluster_factor=outlook.factor,
        )
    else:
        spread = float(outlook.values.var()) if outlook.values.size else 0.0
        with_judge = Undefined(reason="how far a judge is off on a graded scale is not known")
        alone = pairs_for_difference(
            half_width,
            variance=max(spread, _LEAST_SHARE * (1 - _LEAST_SHARE)),
            cluster_factor=outlook.factor,
        )
    return Need(
        aim=Aim.HALF_WIDTH,
        of=system,
        wanted=half_width,
        alone=_within(_of_finite(alone, outlook.size), outlook.size),
        with_judge=_within(with_judge, outlook.size),
    )


def _margin_need(known: Known, student: str, margin: float) -> Need:
    alone: int | Undefined = _GRADED
    with_judge: int | Undefined = _GRADED
    if known.measure.passes_or_fails:
        comparison = _Comparison(known, student)
        alone = comparison.pairs_for(margin, with_judge=False)
        with_judge = comparison.pairs_for(margin, with_judge=True)
    return Need(aim=Aim.MARGIN, of=student, wanted=margin, alone=alone, with_judge=with_judge)


def _standing_need(known: Known) -> Need:
    return Need(
        aim=Aim.STANDING,
        of="",
        wanted=known.thresholds.at_least,
        alone=Undefined(reason="a standing is the judge's own"),
        with_judge=_labels_for_standing(known),
    )


def _labels_for_standing(known: Known) -> int | Undefined:
    thresholds, rates = known.thresholds, known.rates
    if thresholds.primary is not Primary.INFORMEDNESS or not known.measure.passes_or_fails:
        return Undefined(
            reason=f"planned for informedness only; {thresholds.primary.value} decides here"
        )
    of_each = labels_of_each_class(
        thresholds.at_least,
        sensitivity=rates.sensitivity,
        specificity=rates.specificity,
        one_sided=look_level(known.look, total=(1 - thresholds.level) / 2),
    )
    if isinstance(of_each, Undefined):
        return of_each
    of_each = max(of_each, thresholds.min_class)
    systems = [_Outlook(known, system) for system in known.systems]
    passes, size = sum(one.share * one.size for one in systems), len(known.records)
    labels = labels_balanced_by_verdict(
        of_each,
        share=passes / size,
        sensitivity=rates.sensitivity,
        specificity=rates.specificity,
    )
    labels = max(labels, known.fewest_for_items)
    if of_each > min(passes, size - passes) or labels > size:
        return Undefined(
            reason=f"impossible here: about {of_each} labels of each class are needed, which "
            f"these {size} outputs do not hold; more items are needed",
            n=size,
        )
    return labels


def _value(known: Known, record: Record) -> float | None:
    outcome = known.outcomes[record.key]
    if isinstance(outcome, Score):
        return outcome.value
    return None if (record.output or "").strip() else known.measure.lower


def _of_finite(labels: int, size: int) -> int:
    """Return how many labels do the same for this very set, of which none is left when all are.

    Source: Cochran (1977), Sampling Techniques, section 4.4: 1/n = 1/n0 + 1/N.
    """
    return ceil(1 / (1 / labels + 1 / size))


def _within(labels: int | Undefined, size: int) -> int | Undefined:
    """Return no fewer labels than a report asks for, and no more than there are outputs."""
    if isinstance(labels, Undefined):
        return labels
    return min(size, max(labels, FEWEST_OF_A_SYSTEM))


def _first(holds: Callable[[int], bool], *, most: int) -> int:
    """Return the least number from 1 at which something holds that then holds for good."""
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
