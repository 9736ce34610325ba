"""One estimate per metric, system and slice, with its coverage, fates and bounds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from judge.records.record import Unit
from judge.reports.corrected import Corrected, corrected_score
from judge.reports.groups import cluster_codes, record_groups, slice_names
from judge.results.outcome import Fate, FateClass, NotApplicable, Outcome, Score
from judge.results.run import Measure
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import bounded_mean, manski_bounds, proportion
from judge.trust.admission import AdmittedMeasure, AdmittedResults

MIN_RECORDS = 20
"""Below it a slice has no number: it would be a lucky one."""


class Status(StrEnum):
    """Whether a row has a number."""

    SHOWN = "shown"
    WITHHELD = "withheld"
    UNDEFINED = "undefined"
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What became of the records of a row: ``n_records = scored + sum of fates``.

    Attributes:
        n_records: records the scorer applies to, fixed when the run began.
        not_applicable: records outside `n_records`.
        by_policy: fates that count as a value, by a policy declared before the run.
        flags: of the scores, by name.
    """

    n_records: int
    scored: int
    fates: Mapping[str, int]
    not_applicable: int
    by_policy: int
    flags: Mapping[str, int]

    @property
    def coverage(self) -> float:
        """Share of the records that have a value, in [0, 1]; 1 of none."""
        if self.n_records == 0:
            return 1.0
        return (self.scored + self.by_policy) / self.n_records


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryRow:
    """The mean of one metric for one system on one slice, or the reason there is none.

    Attributes:
        slice: ``overall`` or ``dimension=value``.
        level: two-sided coverage aimed at, in (0, 1).
        n_clusters: independent units the records with a value came in.
        estimate: present exactly where the status is shown.
        bounds: worst and best case over the missing scores and the doubted verdicts; present
            where the estimate is.
        corrected: what people would have said, by their labels; None for a metric without a judge.
    """

    metric: str
    scorer: str
    target: str
    system: str
    slice: str
    status: Status
    counts: Counts
    level: float = 0.95
    n_clusters: int = 0
    estimate: Estimate | None = None
    bounds: tuple[float, float] | None = None
    reason: str = ""
    corrected: Corrected | None = None


def summarize(admitted: AdmittedResults, *, level: float = 0.95) -> list[SummaryRow]:
    """Return a row per metric, system and slice: overall first, then the slices in order."""
    groups = record_groups(admitted)
    return [
        summary_row(
            measure,
            system.name,
            name,
            groups[system.name, name],
            level=level,
            seed=admitted.manifest.seed,
        )
        for measure in admitted.measures
        for system in admitted.manifest.systems
        for name in slice_names(admitted)
    ]


def value_of(outcome: Outcome, measure: Measure) -> float | None:
    """Return what an outcome counts as in an aggregate; None where its score is missing."""
    if isinstance(outcome, Score):
        return outcome.value
    if isinstance(outcome, Fate) and outcome.code.fate_class is FateClass.OUTPUT:
        return measure.empty_value
    return None


def mean_of(
    values: Sequence[float], records: Sequence[Unit], measure: Measure, *, level: float
) -> Estimate | Undefined:
    """Return the mean of a metric with its interval, robust to clusters."""
    array, clusters = np.array(values, dtype=np.float64), cluster_codes(records)
    if measure.passes_or_fails:
        return proportion(array, clusters, level=level)
    return bounded_mean(array, clusters, lower=measure.lower, upper=measure.upper, level=level)


def summary_row(
    admitted: AdmittedMeasure,
    system: str,
    name: str,
    records: Sequence[Unit],
    *,
    level: float = 0.95,
    seed: int,
) -> SummaryRow:
    """Return the mean of one metric for one system on one slice.

    Args:
        admitted: the metric.
        system: whose mean.
        name: of the slice.
        records: of the system on it.
        level: two-sided coverage aimed at, in (0, 1).
        seed: of the resamples that labels by people may need.
    """
    measure = admitted.measure
    facts = admitted.facts
    outcomes = [facts[record.key] for record in records]
    counts = _counts(outcomes, measure)
    status, reason = _status(admitted, counts, withheld=admitted.why_withheld_on(system, name))
    estimate, bounds = None, None
    values = [value_of(outcome, measure) for outcome in outcomes]
    valued = [record for record, value in zip(records, values, strict=True) if value is not None]
    if status is Status.SHOWN:
        known = [value for value in values if value is not None]
        found = mean_of(known, valued, measure, level=level)
        if isinstance(found, Undefined):
            status, reason = Status.UNDEFINED, found.reason
        else:
            certain = [
                value
                for value, outcome in zip(values, outcomes, strict=True)
                if value is not None and not doubted(outcome, measure)
            ]
            estimate, bounds = found, _bounds(certain, counts, measure)
    return SummaryRow(
        metric=measure.metric,
        scorer=measure.scorer,
        target=measure.target.value,
        system=system,
        slice=name,
        status=status,
        counts=counts,
        level=level,
        n_clusters=len({record.cluster for record in valued}),
        estimate=estimate,
        bounds=bounds,
        reason=reason,
        corrected=corrected_score(admitted, records, level=level, seed=seed),
    )


def doubted(outcome: Outcome, measure: Measure) -> bool:
    """Whether a verdict may be what the judged text made it: missing in the bounds.

    The flags of other scorers are facts about the output.
    """
    return measure.judged and isinstance(outcome, Score) and bool(outcome.flags)


def _counts(outcomes: Sequence[Outcome], measure: Measure) -> Counts:
    fates = Counter(o.code.value for o in outcomes if isinstance(o, Fate))
    flags = Counter(flag for o in outcomes if isinstance(o, Score) for flag in o.flags)
    outside = sum(isinstance(outcome, NotApplicable) for outcome in outcomes)
    return Counts(
        n_records=len(outcomes) - outside,
        scored=sum(isinstance(outcome, Score) for outcome in outcomes),
        fates=dict(fates),
        not_applicable=outside,
        by_policy=sum(isinstance(o, Fate) and value_of(o, measure) is not None for o in outcomes),
        flags=dict(flags),
    )


def _status(admitted: AdmittedMeasure, counts: Counts, *, withheld: str) -> tuple[Status, str]:
    if withheld and (admitted.withheld or counts.n_records):
        return Status.WITHHELD, withheld
    if counts.n_records == 0:
        return Status.UNDEFINED, "no record here that this scorer applies to"
    if counts.scored + counts.by_policy < MIN_RECORDS:
        return Status.INSUFFICIENT, (
            f"{counts.scored + counts.by_policy} scored records, {MIN_RECORDS} are needed"
        )
    return Status.SHOWN, ""


def _bounds(
    values: Sequence[float], counts: Counts, measure: Measure
) -> tuple[float, float] | None:
    found = manski_bounds(
        sum(values),
        len(values),
        missing=counts.n_records - len(values),
        lower=measure.lower,
        upper=measure.upper,
    )
    return None if isinstance(found, Undefined) else found
