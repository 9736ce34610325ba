"""Where a student falls behind its teacher: slices, worst first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.records.record import Role, Unit
from judge.reports.bands import TEACHER, by_teacher, undeclared_slices
from judge.reports.decision import Decision, side
from judge.reports.evidence import Basis, PairedScores, paired_scores
from judge.reports.groups import OVERALL, record_groups
from judge.reports.summary import MIN_RECORDS
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import bounded_mean, proportion
from judge.stats.multiplicity import benjamini_hochberg, benjamini_yekutieli
from judge.stats.part_contrast import PartContrast, part_against_rest
from judge.trust.admission import AdmittedResults

MIN_CLASS = 5
"""Passes and fails of a slice below which nothing is said to be as elsewhere."""

_ALPHA = 0.05


Bands: TypeAlias = Mapping[str, Sequence[str]]
"""What nobody declared, of all records of a system by dimension."""


class SliceVerdict(StrEnum):
    """What a slice says of a student."""

    WORSE = "worse"
    BETTER = "better"
    ALIKE = "as elsewhere"
    SHOWN = "shown"
    """Not tested: a student falls with its teacher where that one is wrong."""
    INSUFFICIENT = "insufficient"


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceRow:
    """One student on one slice.

    Attributes:
        slice: ``dimension=value``.
        declared: whether the config or the items name it.
        n: items with a score of student and teacher.
        student: its mean score there; None where the slice is too small.
        teacher: its mean score there; likewise.
        gap: student less teacher there, less the same elsewhere; None where it was not tested.
        adjusted: p-value of the gap, once it is known how many slices were looked at.
    """

    metric: str
    system: str
    slice: str
    declared: bool
    n: int
    verdict: SliceVerdict
    basis: Basis
    student: Estimate | None = None
    teacher: Estimate | None = None
    gap: Estimate | None = None
    adjusted: float | None = None


def slice_rows(admitted: AdmittedResults, decision: Decision | None) -> list[SliceRow]:
    """Return every slice of each student by the deciding metric, worst first.

    Source: `multiplicity`, Benjamini and Hochberg within one dimension, Benjamini and Yekutieli
    over several, which overlap.
    """
    if decision is None:
        return []
    measure = next(m for m in admitted.measures if m.measure.metric == decision.metric)
    teacher = next(s.name for s in admitted.manifest.systems if s.role is Role.TEACHER)
    groups = record_groups(admitted)
    rows: list[SliceRow] = []
    for verdict in decision.verdicts:
        records = groups[verdict.student, OVERALL]
        found = paired_scores(
            side(measure, verdict.student, records),
            side(measure, teacher, groups[teacher, OVERALL]),
            slice_name=OVERALL,
            unscored=decision.terms.unscored,
        )
        if isinstance(found, PairedScores):
            bands = undeclared_slices(admitted.records.of(verdict.student))
            rows += _rows(found, verdict.student, records, bands)
    return rows


def _rows(
    found: PairedScores, system: str, records: Sequence[Unit], bands: Bands
) -> list[SliceRow]:
    asked = [found.records[place] for place in found.labelled]
    dimensions = _dimensions(found, asked, records, bands)
    rows, p_values = [], []
    for (dimension, value), member in dimensions.items():
        row, p_value = _row(found, member, tested=dimension != TEACHER)
        rows.append(
            replace(
                row,
                system=system,
                slice=f"{dimension}={value}",
                declared=dimension in asked[0].slices,
            )
        )
        p_values.append(p_value)
    if not rows:
        return []
    tested = [place for place, p_value in enumerate(p_values) if p_value is not None]
    overlap = len({rows[place].slice.partition("=")[0] for place in tested}) > 1
    adjust = benjamini_yekutieli if overlap else benjamini_hochberg
    adjusted = adjust(np.array([p_values[place] for place in tested], dtype=np.float64))
    for place, p_value in zip(tested, adjusted, strict=True):
        rows[place] = _with_verdict(rows[place], float(p_value))
    return sorted(rows, key=_worst_first)


def _dimensions(
    found: PairedScores, asked: Sequence[Unit], records: Sequence[Unit], bands: Bands
) -> Mapping[tuple[str, str], NDArray[np.bool_]]:
    """Return which of the asked records is in each slice; bands are those of all records."""
    place_of = {record.item_id: place for place, record in enumerate(records)}
    places = [place_of[record.item_id] for record in asked]
    values: dict[str, list[str]] = {
        name: [record.slices[name] for record in asked] for name in asked[0].slices
    }
    for name, of_all in bands.items():
        values.setdefault(name, [of_all[place] for place in places])
    teacher = by_teacher(found.labels[:, 1].tolist(), passes=found.measure.passes_or_fails)
    if len(set(teacher)) > 1:
        values.setdefault(TEACHER, teacher)
    return {
        (name, value): np.array([one == value for one in of_items])
        for name, of_items in values.items()
        for value in dict.fromkeys(of_items)
    }


def _row(
    found: PairedScores, member: NDArray[np.bool_], *, tested: bool
) -> tuple[SliceRow, float | None]:
    n = int(member.sum())
    row = SliceRow(
        metric=found.measure.metric,
        system="",
        slice="",
        declared=False,
        n=n,
        verdict=SliceVerdict.INSUFFICIENT,
        basis=found.basis,
    )
    clusters = found.clusters
    codes = None if clusters is None else clusters[found.labelled]
    if n < MIN_RECORDS:
        return row, None
    student, teacher = (_mean(found, member, column, codes) for column in (0, 1))
    row = replace(row, student=student, teacher=teacher)
    if not tested:
        return replace(row, verdict=SliceVerdict.SHOWN), None
    contrast = part_against_rest(
        found.labels[:, 0] - found.labels[:, 1],
        member,
        weights=None if found.inclusion is None else 1 / found.inclusion,
        clusters=codes,
    )
    if not isinstance(contrast, PartContrast):
        return row, None
    few = found.measure.passes_or_fails and _rarest(found.labels[member, 0]) < MIN_CLASS
    verdict = SliceVerdict.INSUFFICIENT if few else SliceVerdict.ALIKE
    return replace(row, gap=contrast.difference, verdict=verdict), contrast.p_value.value


def _mean(
    found: PairedScores, member: NDArray[np.bool_], column: int, codes: NDArray[np.int64] | None
) -> Estimate | None:
    values = found.labels[member, column]
    clusters = None if codes is None else codes[member]
    measure = found.measure
    if found.inclusion is not None:
        return None  # labels of unequal chances do not average
    if measure.passes_or_fails:
        mean = proportion(values, clusters)
    else:
        mean = bounded_mean(values, clusters, lower=measure.lower, upper=measure.upper)
    return None if isinstance(mean, Undefined) else mean


def _with_verdict(row: SliceRow, adjusted: float) -> SliceRow:
    verdict = row.verdict
    if row.gap is not None and adjusted <= _ALPHA:
        verdict = SliceVerdict.WORSE if row.gap.value < 0 else SliceVerdict.BETTER
    return replace(row, adjusted=adjusted, verdict=verdict)


def _rarest(values: NDArray[np.float64]) -> int:
    passed = int((values == 1).sum())
    return min(passed, values.size - passed)


def _worst_first(row: SliceRow) -> tuple[bool, bool, float]:
    found = row.gap.value if row.gap is not None else 0.0
    return row.verdict is not SliceVerdict.WORSE, row.gap is None, found
