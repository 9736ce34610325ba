"""Format adherence: strict and lenient, what goes wrong, and students beside their teacher."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from judge.records.record import Role, Unit
from judge.reports.format_errors import (
    AdherenceErrors,
    FrequentError,
    PartErrors,
    adherence_errors,
)
from judge.reports.groups import cluster_codes, record_groups, slice_names
from judge.results.outcome import Score
from judge.results.run import ADHERENCE
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import proportion
from judge.stats.paired import paired_difference
from judge.trust.admission import AdmittedMeasure, AdmittedResults


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatPart:
    """How one system keeps to its format on one slice.

    Attributes:
        strict: share of the outputs that are right as they stand.
        lenient: share that is if fences, prose around and the like are forgiven.
        errors: what goes wrong in the others.
    """

    system: str
    slice: str
    strict: Estimate | Undefined
    lenient: Estimate | Undefined
    errors: PartErrors


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatBesideTeacher:
    """A student's strict format beside its teacher's, on the items both have a score on.

    Attributes:
        n: those items.
        teacher_only: of them, where the teacher is right and the student is not.
        student_only: the other way round.
        difference: the student's share less the teacher's.
    """

    student: str
    teacher: str
    n: int
    teacher_only: int
    student_only: int
    difference: Estimate | Undefined


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatFindings:
    """What there is to know of a run's format adherence.

    Attributes:
        parts: overall of each system, then its slices.
        frequent: what goes wrong in most outputs.
    """

    metric: str
    parts: tuple[FormatPart, ...]
    frequent: tuple[FrequentError, ...]
    beside_teacher: tuple[FormatBesideTeacher, ...]


def format_findings(admitted: AdmittedResults, *, level: float = 0.95) -> FormatFindings | None:
    """Return what there is to know of format adherence; None where it was not measured."""
    measure = next((m for m in admitted.measures if m.measure.scorer == ADHERENCE), None)
    if measure is None:
        return None
    errors = adherence_errors((unit, measure.outcomes[unit.key]) for unit in admitted.units)
    groups = record_groups(admitted)
    return FormatFindings(
        metric=measure.measure.metric,
        parts=tuple(
            _part(measure, groups[part], part, errors, level=level)
            for system in admitted.manifest.systems
            for name in slice_names(admitted)
            if (part := (system.name, name)) in errors.parts
        ),
        frequent=tuple(errors.frequent),
        beside_teacher=tuple(_beside_teacher(admitted, measure, level=level)),
    )


def _part(
    admitted: AdmittedMeasure,
    records: Sequence[Unit],
    part: tuple[str, str],
    errors: AdherenceErrors,
    *,
    level: float,
) -> FormatPart:
    found = ((record, admitted.facts[record.key]) for record in records)
    scored = [(record, outcome) for record, outcome in found if isinstance(outcome, Score)]
    clusters = cluster_codes([record for record, _ in scored])
    strict = np.array([score.value for _, score in scored], dtype=np.float64)
    lenient = np.array([unit.key not in errors.refused for unit, _ in scored], dtype=np.float64)
    system, name = part
    return FormatPart(
        system=system,
        slice=name,
        strict=proportion(strict, clusters, level=level),
        lenient=proportion(lenient, clusters, level=level),
        errors=errors.parts[part],
    )


def _beside_teacher(
    admitted: AdmittedResults, measure: AdmittedMeasure, *, level: float
) -> list[FormatBesideTeacher]:
    systems = admitted.manifest.systems
    teacher = next((system.name for system in systems if system.role is Role.TEACHER), None)
    if teacher is None:
        return []
    by_system: dict[str, dict[str, tuple[float, Unit]]] = {}
    for record in admitted.units:
        outcome = measure.facts[record.key]
        if isinstance(outcome, Score):
            by_system.setdefault(record.system, {})[record.item_id] = outcome.value, record
    taught = by_system.get(teacher, {})
    found = []
    for system in systems:
        own = by_system.get(system.name, {})
        both = [item_id for item_id in own if item_id in taught]
        if system.name == teacher or not both:
            continue
        first = np.array([own[item_id][0] for item_id in both])
        second = np.array([taught[item_id][0] for item_id in both])
        clusters = cluster_codes([own[item_id][1] for item_id in both])
        found.append(
            FormatBesideTeacher(
                student=system.name,
                teacher=teacher,
                n=len(both),
                teacher_only=int((second > first).sum()),
                student_only=int((first > second).sum()),
                difference=paired_difference(first, second, clusters=clusters, level=level),
            )
        )
    return found
