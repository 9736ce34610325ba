"""Quality retained: what share of the teacher's score each student keeps, on the same items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from judge.records.record import RecordKey, Role, Target, Unit
from judge.reports.corrected import Corrected, corrected_retention
from judge.reports.groups import cluster_codes, record_groups, slice_names
from judge.reports.summary import MIN_RECORDS, Status, value_of
from judge.stats.estimate import Estimate, Undefined
from judge.stats.paired import retained
from judge.trust.admission import AdmittedMeasure, AdmittedResults

_MOST_DRAWS, _FEWEST_DRAWS = 10_000, 2_000
_DRAWN_PAIRS = 20_000_000
"""About how many pairs a row may draw: 33,000 graded pairs drawn 10,000 times take 2 s a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRow:
    """Mean score of a student over mean score of the teacher, on items where both have one.

    Attributes:
        slice: ``overall`` or ``dimension=value``.
        n_pairs: items on which both have a score.
        n_unpaired: items the metric applies to on which one of the two has none.
        estimate: a ratio; present exactly where the status is shown.
        corrected: what people would have said, by their labels; None for a metric without a judge.
    """

    metric: str
    student: str
    teacher: str
    slice: str
    status: Status
    n_pairs: int
    n_unpaired: int
    estimate: Estimate | None = None
    reason: str = ""
    corrected: Corrected | None = None


def retention(admitted: AdmittedResults, *, level: float = 0.95) -> list[RetentionRow]:
    """Return a row per metric, student and slice; none where no system is the teacher.

    The teacher cannot be compared with itself, so metrics against the teacher have no retention.
    """
    systems = admitted.manifest.systems
    teacher = next((system for system in systems if system.role is Role.TEACHER), None)
    if teacher is None:
        return []
    groups = record_groups(admitted)
    return [
        _row(
            measure,
            system.name,
            teacher.name,
            name,
            groups=groups,
            level=level,
            seed=admitted.manifest.seed,
        )
        for measure in admitted.measures
        if measure.measure.target is not Target.TEACHER
        for system in systems
        if system.role is not Role.TEACHER
        for name in slice_names(admitted)
    ]


def _row(
    admitted: AdmittedMeasure,
    student: str,
    teacher: str,
    name: str,
    *,
    groups: Mapping[tuple[str, str], Sequence[Unit]],
    level: float,
    seed: int,
) -> RetentionRow:
    pairs, unpaired = _pairs(admitted, groups[student, name], teacher)
    # Both systems are in the ratio: a judge that is not believed on one is not believed on it.
    withheld = [admitted.why_withheld_on(system, name) for system in (student, teacher)]
    status, reason = _status(len(pairs), withheld="; ".join(dict.fromkeys(filter(None, withheld))))
    estimate = None
    if status is Status.SHOWN:
        found = retained(
            np.array([mine for _, mine, _ in pairs]),
            np.array([theirs for _, _, theirs in pairs]),
            clusters=cluster_codes([record for record, _, _ in pairs]),
            level=level,
            rng=np.random.default_rng(seed),
            draws=max(_FEWEST_DRAWS, min(_MOST_DRAWS, _DRAWN_PAIRS // len(pairs))),
        )
        if isinstance(found, Undefined):
            status, reason = Status.UNDEFINED, found.reason
        else:
            estimate = found
    return RetentionRow(
        metric=admitted.measure.metric,
        student=student,
        teacher=teacher,
        slice=name,
        status=status,
        n_pairs=len(pairs),
        n_unpaired=unpaired,
        estimate=estimate,
        reason=reason,
        corrected=corrected_retention(admitted, groups[student, name], teacher, level=level),
    )


def _pairs(
    admitted: AdmittedMeasure, records: Sequence[Unit], teacher: str
) -> tuple[list[tuple[Unit, float, float]], int]:
    pairs, unpaired = [], 0
    for record in records:
        mine = value_of(admitted.facts[record.key], admitted.measure)
        theirs = value_of(
            admitted.facts[RecordKey(item_id=record.item_id, system=teacher)], admitted.measure
        )
        if mine is not None and theirs is not None:
            pairs.append((record, mine, theirs))
        elif admitted.applies(record.key):
            unpaired += 1
    return pairs, unpaired


def _status(n_pairs: int, *, withheld: str) -> tuple[Status, str]:
    if withheld:
        return Status.WITHHELD, withheld
    if n_pairs < MIN_RECORDS:
        return Status.INSUFFICIENT, f"{n_pairs} items scored on both, {MIN_RECORDS} are needed"
    return Status.SHOWN, ""
