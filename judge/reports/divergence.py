"""How far students' distributions are from their teacher's: overall and on slices."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from judge.records.record import Unit
from judge.reports.groups import OVERALL, clusters_of, record_groups, slice_names
from judge.reports.summary import MIN_RECORDS, Status
from judge.results.divergence import Divergence
from judge.stats.divergence import MeanDivergence, mean_divergence
from judge.trust.admission import AdmittedResults


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceRow:
    """How far one student is from its teacher on one slice.

    Attributes:
        over: ``tokens`` of a text that both were given, or ``classes``.
        slice: ``overall`` or ``dimension=value``.
        n_records: outputs of the student there.
        n: items of which the two could be compared; each counts alike, however long.
        positions: of these items, in all.
        refused: items on which the student says something that cannot be compared, by why; on the
            others it says nothing.
        figures: None where the status is not shown.
        reason: why there are none; empty where there are.
    """

    student: str
    teacher: str
    over: str
    slice: str
    status: Status
    n_records: int
    n: int
    positions: int
    refused: Mapping[str, int]
    figures: MeanDivergence | None = None
    reason: str = ""

    @property
    def coverage(self) -> float:
        """Share of the outputs that the figures are of, in [0, 1]; 1 of none."""
        return self.n / self.n_records if self.n_records else 1.0


def divergence_rows(
    admitted: AdmittedResults, divergences: Sequence[Divergence], *, level: float = 0.95
) -> list[DivergenceRow]:
    """Return a row per student and kind of distribution, and per slice of it.

    Args:
        admitted: names the records; no score is looked at.
        divergences: what was found item by item.
        level: two-sided coverage aimed at, in (0, 1).
    """
    groups = record_groups(admitted)
    return [
        row
        for one in divergences
        if (one.student, OVERALL) in groups
        for name in slice_names(admitted)
        for row in _rows(one, name, groups[one.student, name], level=level)
    ]


def _rows(
    found: Divergence, name: str, records: Sequence[Unit], *, level: float
) -> Iterator[DivergenceRow]:
    compared = [record for record in records if record.item_id in found.items]
    refused = Counter(
        found.refused[record.item_id] for record in records if record.item_id in found.refused
    )
    if name != OVERALL and not compared and not refused:
        return
    texts = [found.items[record.item_id] for record in compared]
    row = DivergenceRow(
        student=found.student,
        teacher=found.teacher,
        over=found.over,
        slice=name,
        status=Status.INSUFFICIENT,
        n_records=len(records),
        n=len(texts),
        positions=sum(one.positions for one in texts),
        refused=dict(refused),
    )
    if len(texts) < MIN_RECORDS:
        yield replace(row, reason=f"{len(texts)} items could be compared, {MIN_RECORDS} are needed")
        return
    figures = mean_divergence(texts, clusters=clusters_of(compared), level=level)
    yield replace(row, status=Status.SHOWN, figures=figures)
