"""What training had of the evaluation set, and each score with and without those items."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from judge.records.overlap import Overlap
from judge.records.record import Unit
from judge.reports.groups import OVERALL, record_groups
from judge.reports.summary import MIN_RECORDS, Status, mean_of, value_of
from judge.results.run import Measure
from judge.stats.estimate import Estimate, Undefined
from judge.trust.admission import AdmittedMeasure, AdmittedResults


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakageRow:
    """The mean of one metric for one system on all items, and on those that training never had.

    Attributes:
        n: items with a score.
        n_leaked: those of them that training had.
        every: mean on all of them; present exactly where the status is shown.
        clean: mean on those that training never had; the same.
    """

    metric: str
    system: str
    status: Status
    n: int
    n_leaked: int
    every: Estimate | None = None
    clean: Estimate | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakageFindings:
    """What training had, and what it does to the scores.

    Attributes:
        n_items: items of the run.
        rows: none where nothing leaked.
    """

    overlap: Overlap
    n_items: int
    rows: tuple[LeakageRow, ...]


def leakage(
    admitted: AdmittedResults, overlap: Overlap | None, *, level: float = 0.95
) -> LeakageFindings | None:
    """Return what training had of a run's items; None where nobody looked.

    Args:
        admitted: the results.
        overlap: what was found in the training files; None where nobody looked.
        level: two-sided coverage aimed at, in (0, 1).
    """
    if overlap is None:
        return None
    leaked = frozenset(overlap.leaked_items)
    groups = record_groups(admitted) if leaked else {}
    return LeakageFindings(
        overlap=overlap,
        n_items=admitted.manifest.n_items,
        rows=tuple(_rows(admitted, groups, leaked, level=level)) if leaked else (),
    )


def _rows(
    admitted: AdmittedResults,
    groups: Mapping[tuple[str, str], Sequence[Unit]],
    leaked: AbstractSet[str],
    *,
    level: float,
) -> list[LeakageRow]:
    rows = (
        _row(measure, system.name, groups[system.name, OVERALL], leaked, level=level)
        for measure in admitted.measures
        for system in admitted.manifest.systems
    )
    return [row for row in rows if row.n_leaked]


def _row(
    admitted: AdmittedMeasure,
    system: str,
    records: Sequence[Unit],
    leaked: AbstractSet[str],
    *,
    level: float,
) -> LeakageRow:
    measure = admitted.measure
    scored = [
        (record, value)
        for record in records
        if (value := value_of(admitted.facts[record.key], measure)) is not None
    ]
    clean = [(record, value) for record, value in scored if record.item_id not in leaked]
    status, reason = Status.SHOWN, ""
    estimates: list[Estimate] = []
    if why := admitted.why_withheld_on(system, OVERALL):
        status, reason = Status.WITHHELD, why
    elif len(clean) < MIN_RECORDS:
        status = Status.INSUFFICIENT
        reason = f"{len(clean)} scored items that training never had, {MIN_RECORDS} are needed"
    else:
        for found in (_mean(scored, measure, level=level), _mean(clean, measure, level=level)):
            if isinstance(found, Undefined):
                status, reason = Status.UNDEFINED, found.reason
            else:
                estimates.append(found)
    every, without = estimates if status is Status.SHOWN else (None, None)
    return LeakageRow(
        metric=measure.metric,
        system=system,
        status=status,
        n=len(scored),
        n_leaked=len(scored) - len(clean),
        every=every,
        clean=without,
        reason=reason,
    )


def _mean(
    scored: Sequence[tuple[Unit, float]], measure: Measure, *, level: float
) -> Estimate | Undefined:
    values = [value for _, value in scored]
    return mean_of(values, [record for record, _ in scored], measure, level=level)
