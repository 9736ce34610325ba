"""The two families side by side: like the teacher, and right by the reference, and their gap."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from judge.records.record import Role, Target, Unit
from judge.reports.groups import OVERALL, cluster_codes, record_groups
from judge.reports.summary import MIN_RECORDS, Status, mean_of, value_of
from judge.results.run import Measure
from judge.stats.estimate import Estimate, Undefined
from judge.stats.paired import paired_difference
from judge.trust.admission import AdmittedMeasure, AdmittedResults


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyRow:
    """How like its teacher and how right a student is by one scorer, on the same items.

    Attributes:
        n: items on which the student has both scores.
        n_unpaired: items with one of the two scores alone, and those with neither.
        fidelity: mean score against the teacher.
        quality: mean score against the reference.
        gap: fidelity less quality, item by item; all three are present where the status is shown.
    """

    scorer: str
    student: str
    status: Status
    n: int
    n_unpaired: int
    fidelity: Estimate | None = None
    quality: Estimate | None = None
    gap: Estimate | None = None
    reason: str = ""


def families(admitted: AdmittedResults, *, level: float = 0.95) -> list[FamilyRow]:
    """Return a row for each student and each scorer that has both families."""
    groups = record_groups(admitted)
    return [
        _row(
            fidelity,
            quality,
            student=system.name,
            records=groups[system.name, OVERALL],
            level=level,
        )
        for fidelity, quality in _scorers_with_both(admitted)
        for system in admitted.manifest.systems
        if system.role is not Role.TEACHER
    ]


def _scorers_with_both(
    admitted: AdmittedResults,
) -> Iterator[tuple[AdmittedMeasure, AdmittedMeasure]]:
    by_name: Mapping[tuple[str, Target], AdmittedMeasure] = {
        (one.measure.scorer, one.measure.target): one for one in admitted.measures
    }
    for scorer in dict.fromkeys(one.measure.scorer for one in admitted.measures):
        fidelity = by_name.get((scorer, Target.TEACHER))
        quality = by_name.get((scorer, Target.REFERENCE))
        if fidelity is not None and quality is not None:
            yield fidelity, quality


def _row(
    fidelity: AdmittedMeasure,
    quality: AdmittedMeasure,
    *,
    student: str,
    records: Sequence[Unit],
    level: float,
) -> FamilyRow:
    both, unpaired = _pairs(fidelity, quality, records)
    status, reason = _status(
        len(both), [one.why_withheld_on(student, OVERALL) for one in (fidelity, quality)]
    )
    figures: _Figures | None = None
    if status is Status.SHOWN:
        found = _figures(both, fidelity.measure, quality.measure, level=level)
        if isinstance(found, Undefined):
            status, reason = Status.UNDEFINED, found.reason
        else:
            figures = found
    return FamilyRow(
        scorer=quality.measure.scorer,
        student=student,
        status=status,
        n=len(both),
        n_unpaired=unpaired,
        fidelity=figures.fidelity if figures else None,
        quality=figures.quality if figures else None,
        gap=figures.gap if figures else None,
        reason=reason,
    )


def _status(n: int, withheld: Sequence[str]) -> tuple[Status, str]:
    if any(withheld):
        return Status.WITHHELD, "; ".join(dict.fromkeys(filter(None, withheld)))
    if n < MIN_RECORDS:
        return Status.INSUFFICIENT, f"{n} items with both scores, {MIN_RECORDS} are needed"
    return Status.SHOWN, ""


def _figures(
    both: Sequence["_Both"], fidelity: Measure, quality: Measure, *, level: float
) -> "_Figures | Undefined":
    records = [one.record for one in both]
    like, right = [one.like for one in both], [one.right for one in both]
    gap = paired_difference(
        np.array(like), np.array(right), clusters=cluster_codes(records), level=level
    )
    means = [
        mean_of(values, records, measure, level=level)
        for values, measure in ((like, fidelity), (right, quality))
    ]
    estimates = []
    for found in (*means, gap):
        if isinstance(found, Undefined):
            return found
        estimates.append(found)
    return _Figures(*estimates)


class _Figures(NamedTuple):
    fidelity: Estimate
    quality: Estimate
    gap: Estimate


class _Both(NamedTuple):
    """An item with both scores of a student."""

    record: Unit
    like: float
    right: float


def _pairs(
    fidelity: AdmittedMeasure, quality: AdmittedMeasure, records: Sequence[Unit]
) -> tuple[list[_Both], int]:
    both, unpaired = [], 0
    for record in records:
        like = value_of(fidelity.facts[record.key], fidelity.measure)
        right = value_of(quality.facts[record.key], quality.measure)
        if like is not None and right is not None:
            both.append(_Both(record, like, right))
        elif fidelity.applies(record.key) or quality.applies(record.key):
            unpaired += 1
    return both, unpaired
