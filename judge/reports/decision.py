"""May a student ship: what it keeps of its teacher, on the terms declared before the run."""

from collections.abc import Sequence
from dataclasses import dataclass

from judge.records.record import Role, Target, Unit
from judge.reports.evidence import Basis, Side
from judge.reports.groups import OVERALL, record_groups
from judge.reports.keeping import Answer, Kept, difference, kept, with_holm
from judge.results.terms import DecisionTerms
from judge.stats.estimate import Estimate, Undefined
from judge.trust.admission import AdmittedMeasure, AdmittedResults


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether one student may ship.

    Attributes:
        answer: `yes` where it keeps the margin overall and on every critical slice, `no` where it
            does not on one of them; None where no margin is declared.
        overall: on all items.
        critical: on the declared slices, with answers that hold for all of them together.
    """

    student: str
    answer: Answer | None
    overall: Kept
    critical: tuple[Kept, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earned:
    """Whether distillation was worth it: a distilled student against one of plain fine-tuning.

    Attributes:
        difference: distilled less fine-tuned on the same items, in the unit of the metric.
        bounds: limits of the difference in the worst and in the best case, where scores are
            missing.
        earned: `yes` where the lower limit is above 0, `no` where the upper one is not.
    """

    metric: str
    distilled: str
    sft: str
    basis: Basis | None
    n_items: int
    difference: Estimate | Undefined
    bounds: tuple[float, float] | None
    earned: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a run says on whether its students may ship.

    Attributes:
        metric: that decides; empty where none can.
        verdicts: one for each student.
        kept: of every metric and student, overall.
        earned: of each distilled student against each of plain fine-tuning, by every metric.
    """

    terms: DecisionTerms
    metric: str
    verdicts: tuple[Verdict, ...]
    kept: tuple[Kept, ...]
    earned: tuple[Earned, ...]


def decide(
    admitted: AdmittedResults, terms: DecisionTerms, *, level: float = 0.95
) -> Decision | None:
    """Return whether students may ship; None where no system is the teacher or a student.

    Args:
        admitted: the results.
        terms: as declared before the run.
        level: two-sided coverage of the limits that decide, in (0, 1).
    """
    systems = admitted.manifest.systems
    teacher = next((system.name for system in systems if system.role is Role.TEACHER), None)
    students = [system.name for system in systems if system.role is not Role.TEACHER]
    measures = [m for m in admitted.measures if m.measure.target is not Target.TEACHER]
    if teacher is None or not students or not measures:
        return None
    groups = record_groups(admitted)
    decides = deciding(measures, terms)

    def on(measure: AdmittedMeasure, student: str, name: str, margin: float | None) -> Kept:
        return kept(
            side(measure, student, groups.get((student, name), ())),
            side(measure, teacher, groups[teacher, OVERALL]),
            slice_name=name,
            margin=margin,
            unscored=terms.unscored,
            level=level,
        )

    return Decision(
        terms=terms,
        metric=decides.measure.metric,
        verdicts=tuple(
            _verdict(
                student,
                on(decides, student, OVERALL, terms.margin),
                [on(decides, student, name, terms.margin) for name in terms.critical],
                level=level,
            )
            for student in students
        ),
        kept=tuple(on(m, student, OVERALL, None) for m in measures for student in students),
        earned=tuple(_earned(admitted, terms, level=level)),
    )


def side(measure: AdmittedMeasure, system: str, records: Sequence[Unit]) -> Side:
    """Return one system on some records."""
    return Side(
        admitted=measure, system=system, records={record.item_id: record for record in records}
    )


def deciding(measures: Sequence[AdmittedMeasure], terms: DecisionTerms) -> AdmittedMeasure:
    """Return the declared measure, else a judged one, else one whose worst value is 0."""
    by_name = {m.measure.metric: m for m in measures}
    if terms.metric in by_name:
        return by_name[terms.metric]
    fit = [m for m in measures if m.measure.judged] or [m for m in measures if m.measure.lower == 0]
    return next(iter(fit), measures[0])


def _verdict(student: str, overall: Kept, critical: list[Kept], *, level: float) -> Verdict:
    rows = with_holm(critical, level=level)
    answers = [overall.answer, *(row.answer for row in rows)]
    answer: Answer | None = "undecided"
    if overall.answer is None:
        answer = None
    elif "no" in answers:
        answer = "no"
    elif set(answers) == {"yes"}:
        answer = "yes"
    return Verdict(student=student, answer=answer, overall=overall, critical=tuple(rows))


def _earned(admitted: AdmittedResults, terms: DecisionTerms, *, level: float) -> list[Earned]:
    groups = record_groups(admitted)
    by_role = {
        role: [s.name for s in admitted.manifest.systems if s.role is role]
        for role in (Role.DISTILLED, Role.SFT)
    }
    found = []
    # More like its teacher is not better.
    for measure in (m for m in admitted.measures if m.measure.target is not Target.TEACHER):
        for distilled in by_role[Role.DISTILLED]:
            for sft in by_role[Role.SFT]:
                scores, estimate, bounds = difference(
                    side(measure, distilled, groups[distilled, OVERALL]),
                    side(measure, sft, groups[sft, OVERALL]),
                    slice_name=OVERALL,
                    unscored=terms.unscored,
                    level=level,
                )
                found.append(
                    Earned(
                        metric=measure.measure.metric,
                        distilled=distilled,
                        sft=sft,
                        basis=scores.basis if scores else None,
                        n_items=scores.n_items if scores else 0,
                        difference=estimate,
                        bounds=bounds,
                        earned=_worth(estimate, bounds),
                    )
                )
    return found


def _worth(found: Estimate | Undefined, bounds: tuple[float, float] | None) -> Answer:
    if isinstance(found, Undefined):
        return "undecided"
    low, high = bounds or (found.low, found.high)
    return "yes" if low > 0 else "no" if high <= 0 else "undecided"
