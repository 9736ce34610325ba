"""The report of a run: every number with what it rests on, and every record that made it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import overload

from judge.records.overlap import Overlap
from judge.records.production import Production
from judge.records.rating import LabelSource
from judge.records.record import Record, RecordKey, Role, Unit
from judge.reports.calibration import CalibrationRow, calibration_rows
from judge.reports.decision import Decision, decide
from judge.reports.diagnosis import Finding, diagnosis
from judge.reports.divergence import DivergenceRow, divergence_rows
from judge.reports.families import FamilyRow, families
from judge.reports.format import FormatFindings, format_findings
from judge.reports.leakage import LeakageFindings, leakage
from judge.reports.operations import Operations, operations
from judge.reports.retention import RetentionRow, retention
from judge.reports.similarity import SimilarityFindings, similarity_findings
from judge.reports.slices import SliceRow, slice_rows
from judge.reports.summary import SummaryRow, summarize
from judge.reports.task_figures import ClassRow, FieldRow, class_rows, field_rows
from judge.results.divergence import Divergence
from judge.results.outcome import Outcome
from judge.results.run import RunManifest
from judge.results.spending import Spending
from judge.results.yardstick import Yardstick
from judge.trust.admission import AdmittedResults
from judge.trust.certificate import JudgeTrust
from judge.trust.control_findings import ControlFindings


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidByPeople:
    """What the raters of a record said, by the declared rule; or who constructed it."""

    label: str
    constructed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One record with what was measured of it, for whoever asks for no text.

    Attributes:
        outcomes: by metric.
        people: by judged metric, what people said of the same text, where they were asked.
    """

    record: Unit
    outcomes: Mapping[str, Outcome]
    people: Mapping[str, SaidByPeople] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example(Measured):
    """One record with all that was measured of it.

    Attributes:
        trusted: by metric, whether its number may be believed.
    """

    record: Record
    trusted: Mapping[str, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run says.

    Attributes:
        possibly_paid: calls that were sent before a crash and never answered.
        controls: by metric, what became of the null answers and attacks in the run.
        spending: what the run's calls to endpoints cost; None where nobody kept account.
        leakage: what training files had of the items; None where nobody looked.
        operations: what the systems take to run; None where nothing is known.
        complete: whether no record is left for a resume.
        decision: whether students may ship; None where there is no teacher.
        slices: where each student falls behind its teacher, worst first.
        calibration: how sure systems are, and how right; none where none says how sure it is.
        divergence: how far students' distributions are from their teacher's, where both are given.
        diagnosis: named patterns that were found; none where nothing is wrong.
        examples: each record with all that was measured of it, in the order of the set; each is
            read when it is asked for.
    """

    manifest: RunManifest
    possibly_paid: int
    spending: Spending | None
    complete: bool
    decision: Decision | None
    slices: tuple[SliceRow, ...]
    trust: tuple[JudgeTrust, ...]
    controls: Mapping[str, ControlFindings]
    estimates: tuple[SummaryRow, ...]
    retention: tuple[RetentionRow, ...]
    families: tuple[FamilyRow, ...]
    classes: tuple[ClassRow, ...]
    fields: tuple[FieldRow, ...]
    similarity: tuple[SimilarityFindings, ...]
    leakage: LeakageFindings | None
    format: FormatFindings | None
    operations: Operations | None
    calibration: tuple[CalibrationRow, ...]
    divergence: tuple[DivergenceRow, ...]
    diagnosis: tuple[Finding, ...]
    examples: Sequence[Example]

    @property
    def teacher(self) -> str:
        """Name of the teacher; empty where there is none."""
        return next((s.name for s in self.manifest.systems if s.role is Role.TEACHER), "")


def report_on(
    admitted: AdmittedResults,
    *,
    spending: Spending | None = None,
    yardsticks: Mapping[str, Yardstick] = MappingProxyType({}),
    overlap: Overlap | None = None,
    productions: Sequence[Production] = (),
    divergences: Sequence[Divergence] = (),
) -> Report:
    """Return the report of admitted results.

    Args:
        admitted: the results.
        spending: what it cost to get them.
        yardsticks: what the similarities mean, by metric.
        overlap: what training files had of the items; None where nobody looked.
        productions: what files said beside the outputs, system by system.
        divergences: how far students' distributions are from their teacher's, item by item.
    """
    decision = decide(admitted, admitted.manifest.terms)
    trusts = tuple(m.trust for m in admitted.measures if m.trust is not None)
    return Report(
        manifest=admitted.manifest,
        possibly_paid=admitted.possibly_paid,
        spending=spending,
        complete=not any(measure.resumable for measure in admitted.measures),
        decision=decision,
        slices=tuple(slice_rows(admitted, decision)),
        trust=trusts,
        controls={m.measure.metric: m.controls for m in admitted.measures if m.controls},
        estimates=tuple(summarize(admitted)),
        retention=tuple(retention(admitted)),
        families=tuple(families(admitted)),
        classes=tuple(class_rows(admitted)),
        fields=tuple(field_rows(admitted)),
        similarity=tuple(similarity_findings(admitted, yardsticks=yardsticks)),
        leakage=leakage(admitted, overlap),
        format=format_findings(admitted),
        operations=operations(admitted, productions),
        calibration=tuple(calibration_rows(admitted, productions)),
        divergence=tuple(divergence_rows(admitted, divergences)),
        diagnosis=diagnosis(admitted, productions=productions, leaked=_leaked(overlap)),
        examples=examples_of(admitted),
    )


def examples_of(admitted: AdmittedResults) -> Sequence[Example]:
    """Return each record with all that was measured of it, in the order of the set.

    Each is read when it is asked for.
    """
    return _Examples(admitted)


def measured(examples: Sequence[Example]) -> Sequence[Measured]:
    """Return what was measured of examples, which is read a good deal faster than they are."""
    return _AllMeasured(examples.admitted) if isinstance(examples, _Examples) else examples


class _Examples(Sequence[Example]):
    def __init__(self, admitted: AdmittedResults) -> None:
        self.admitted = admitted

    def __len__(self) -> int:
        return len(self.admitted.records)

    @overload
    def __getitem__(self, place: int) -> Example: ...
    @overload
    def __getitem__(self, place: slice) -> list[Example]: ...
    def __getitem__(self, place: int | slice) -> Example | list[Example]:
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        return _example(self.admitted.records[place], self.admitted)

    def __iter__(self) -> Iterator[Example]:
        return (_example(record, self.admitted) for record in self.admitted.records)


class _AllMeasured(Sequence[Measured]):
    def __init__(self, admitted: AdmittedResults) -> None:
        self._admitted = admitted

    def __len__(self) -> int:
        return len(self._admitted.units)

    @overload
    def __getitem__(self, place: int) -> Measured: ...
    @overload
    def __getitem__(self, place: slice) -> list[Measured]: ...
    def __getitem__(self, place: int | slice) -> Measured | list[Measured]:
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        return _measured(self._admitted.units[place], self._admitted)


def _leaked(overlap: Overlap | None) -> frozenset[str]:
    return frozenset(overlap.leaked_items) if overlap else frozenset()


def _example(record: Record, admitted: AdmittedResults) -> Example:
    key = record.key
    return Example(
        record=record,
        outcomes={m.measure.metric: m.outcomes[key] for m in admitted.measures},
        trusted={m.measure.metric: not m.withheld for m in admitted.measures},
        people=_people(key, admitted),
    )


def _measured(unit: Unit, admitted: AdmittedResults) -> Measured:
    key = unit.key
    return Measured(
        record=unit,
        outcomes={m.measure.metric: m.facts[key] for m in admitted.measures},
        people=_people(key, admitted),
    )


def _people(key: RecordKey, admitted: AdmittedResults) -> Mapping[str, SaidByPeople]:
    return {
        m.measure.metric: SaidByPeople(
            label=label.label, constructed=m.gold.source is LabelSource.CONSTRUCTED
        )
        for m in admitted.measures
        if m.gold is not None and (label := m.gold.labels.get(key)) is not None
    }
