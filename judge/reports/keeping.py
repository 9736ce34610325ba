"""Whether a student keeps a share of its teacher, also where scores are missing."""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from judge.reports.evidence import Basis, PairedScores, Side, paired_scores
from judge.results.terms import Unscored
from judge.stats.estimate import Estimate, Undefined
from judge.stats.multiplicity import holm
from judge.stats.retention import NonInferiority, non_inferiority, quality_retained

Answer: TypeAlias = Literal["yes", "no", "undecided"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What share of the teacher's quality a student keeps on one slice, and whether it is enough.

    It is about items like these, not about these alone.

    Attributes:
        slice: ``overall`` or ``dimension=value``.
        basis: whose word the scores are; None where nothing may be said.
        n_items: items the metric applies to in both systems.
        n_labels: items labelled by people in both systems; 0 where they are not the basis.
        n_missing: items that the worst and the best case are told apart by.
        share: 1 where the student is as good; None where there is none.
        at_least: lower limit of the share, of the worst case where scores are missing.
        at_most: upper limit of the share, of the best case where scores are missing.
        margin: the share to keep; None where nothing is asked.
        answer: None where nothing is asked.
        reason: why there is no share, or what leaves the answer open.
        more_labels: on these items that would likely settle it; 0 where decided or not asked.
        more_items: the same of items.
        decidable: largest share that so many items and labels would likely confirm of a student
            as good as this one.
        p_yes: one-sided p-value of a share above the margin; 1 where nothing may be said.
        p_no: one-sided p-value of a share under the margin; 1 where nothing may be said.
    """

    metric: str
    student: str
    teacher: str
    slice: str
    basis: Basis | None = None
    n_items: int = 0
    n_labels: int = 0
    n_missing: int = 0
    share: Estimate | None = None
    at_least: float | None = None
    at_most: float | None = None
    margin: float | None = None
    answer: Answer | None = None
    reason: str = ""
    more_labels: int | Undefined = 0
    more_items: int | Undefined = 0
    decidable: float | Undefined | None = None
    p_yes: float = 1.0
    p_no: float = 1.0


def kept(
    student: Side,
    teacher: Side,
    *,
    slice_name: str,
    margin: float | None,
    unscored: Unscored,
    level: float = 0.95,
) -> Kept:
    """Return what a student keeps of its teacher on one slice.

    Args:
        student: its records on the slice.
        teacher: its records, of the same items and perhaps more.
        slice_name: of the student's records.
        margin: the share to keep; None asks nothing.
        unscored: what a missing score counts as.
        level: two-sided coverage aimed at, in (0, 1).
    """
    measure = student.admitted.measure
    nothing = Kept(
        metric=measure.metric,
        student=student.system,
        teacher=teacher.system,
        slice=slice_name,
        margin=margin,
        answer=None if margin is None else "undecided",
    )
    if measure.lower != 0:
        reason = f"{measure.metric} does not begin at 0, so that no share of it is one of quality"
        return replace(nothing, reason=reason)
    found = paired_scores(student, teacher, slice_name=slice_name, unscored=unscored)
    if isinstance(found, Undefined):
        return replace(nothing, reason=found.reason)
    row = replace(
        nothing,
        basis=found.basis,
        n_items=found.n_items,
        n_labels=len(found.labels) if found.basis is Basis.LABELS else 0,
        n_missing=found.n_missing,
    )
    asked = _asked(found, margin=1.0 if margin is None else margin, level=level)
    if isinstance(asked, NonInferiority):
        row = replace(row, decidable=asked.decidable)
    row = _with_share(row, found, level=level)
    return row if margin is None else _with_answer(row, found, asked, level=level)


def with_holm(rows: list[Kept], *, level: float = 0.95) -> list[Kept]:
    """Return rows of several slices with answers that hold for all of them together.

    Source: `multiplicity.holm`, one-sided, for each of the two answers.
    """
    if not rows:
        return []
    yes = holm(np.array([row.p_yes for row in rows]))
    no = holm(np.array([row.p_no for row in rows]))
    return [
        _answered(replace(row, p_yes=float(p_yes), p_no=float(p_no)), level=level)
        for row, p_yes, p_no in zip(rows, yes, no, strict=True)
    ]


def difference(
    first: Side, second: Side, *, slice_name: str, unscored: Unscored, level: float = 0.95
) -> tuple[PairedScores | None, Estimate | Undefined, tuple[float, float] | None]:
    """Return how much better the first of two systems is on the same items.

    Returns:
        The scores; first less second, in the unit of the scores; and its limits in the worst and
        in the best case, where scores are missing.
    """
    found = paired_scores(first, second, slice_name=slice_name, unscored=unscored)
    if isinstance(found, Undefined):
        return None, found, None
    estimate = _excess(found, margin=1.0, level=level)
    if found.worst is None or found.best is None or isinstance(estimate, Undefined):
        return found, estimate, None
    cases = [
        _excess(found.filled(case), margin=1.0, level=level) for case in (found.worst, found.best)
    ]
    if isinstance(cases[0], Undefined) or isinstance(cases[1], Undefined):
        reason = "with the missing scores at their worst or best, it cannot be told"
        return found, Undefined(reason=reason, n=found.n_items), None
    return found, estimate, (min(cases[0].low, estimate.low), max(cases[1].high, estimate.high))


def _with_share(row: Kept, found: PairedScores, *, level: float) -> Kept:
    share = _share(found, level=level)
    if isinstance(share, Undefined):
        return replace(row, reason=share.reason)
    limits: list[float | None] = [share.low, share.high]
    cases = (found.worst, found.best)
    for side, case in enumerate(cases):
        if case is None:
            continue
        filled = _share(found.filled(case), level=level)
        if isinstance(filled, Undefined):
            limits[side] = None
        elif (own := limits[side]) is not None:
            limits[side] = min(own, filled.low) if side == 0 else max(own, filled.high)
    return replace(row, share=share, at_least=limits[0], at_most=limits[1])


def _with_answer(
    row: Kept, found: PairedScores, asked: NonInferiority | Undefined, *, level: float
) -> Kept:
    if isinstance(asked, Undefined):
        return replace(row, reason=row.reason or asked.reason)
    p_yes, p_no = asked.p_value, 1 - asked.p_value
    for side, case in enumerate((found.worst, found.best)):
        if case is None:
            continue
        filled = _asked(found.filled(case), margin=asked.margin, level=level)
        p_value = 0.5 if isinstance(filled, Undefined) else filled.p_value
        p_yes, p_no = (max(p_yes, p_value), p_no) if side == 0 else (p_yes, max(p_no, 1 - p_value))
    row = replace(
        row, p_yes=p_yes, p_no=p_no, more_labels=asked.more_labels, more_items=asked.more_items
    )
    row = _answered(row, level=level)
    if row.answer == "undecided" and asked.decision != "undecided":
        reason = (
            f"the scores alone say {asked.decision}, but {row.n_missing} of {row.n_items} items "
            "lack one that could turn it (judge resume, or 'missing: unscored:')"
        )
        return replace(row, reason=reason)
    return row


def _answered(row: Kept, *, level: float) -> Kept:
    if row.answer is None:
        return row
    allowed = (1 - level) / 2
    answer: Answer = "yes" if row.p_yes <= allowed else "no" if row.p_no <= allowed else "undecided"
    return replace(row, answer=answer)


def _share(found: PairedScores, *, level: float) -> Estimate | Undefined:
    return quality_retained(
        found.judged,
        found.labels,
        labelled=found.labelled,
        estimand="population",
        inclusion=found.inclusion,
        clusters=found.clusters,
        passes=found.measure.passes_or_fails,
        level=level,
    )


def _asked(found: PairedScores, *, margin: float, level: float) -> NonInferiority | Undefined:
    return non_inferiority(
        found.judged,
        found.labels,
        labelled=found.labelled,
        margin=margin,
        estimand="population",
        inclusion=found.inclusion,
        clusters=found.clusters,
        passes=found.measure.passes_or_fails,
        level=level,
    )


def _excess(found: PairedScores, *, margin: float, level: float) -> Estimate | Undefined:
    asked = _asked(found, margin=margin, level=level)
    return asked if isinstance(asked, Undefined) else asked.excess
