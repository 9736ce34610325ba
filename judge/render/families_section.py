"""The two families side by side, as a section of a page."""

from collections.abc import Sequence

from judge.render.page import Intervals, Section, Table
from judge.render.text import NO_NUMBER, interval
from judge.reports.families import FamilyRow
from judge.reports.summary import Status
from judge.stats.estimate import Estimate

_LINES = (
    "fidelity: the score against the teacher; task quality: against the reference; same items",
    "a gap above 0: the student is more like its teacher than it is right",
)


def families_sections(rows: Sequence[FamilyRow]) -> list[Section]:
    """Return the section, or none where no scorer has both families."""
    rows = [row for row in rows if row.n or row.status is Status.WITHHELD]
    if not rows:
        return []
    reasons = dict.fromkeys(
        f"{row.scorer} of {row.student}: {row.status.value}"
        + (f": {row.reason}" if row.status is not Status.WITHHELD else "")
        for row in rows
        if row.status is not Status.SHOWN
    )
    shown = [row for row in rows if row.status is Status.SHOWN]
    columns = ["scorer and student", "items", "fidelity", "task quality", "gap"]
    drawn = Intervals(
        series=["fidelity", "task quality"], rows=[[row.fidelity, row.quality] for row in shown]
    )
    table = Table(columns=columns, rows=[_cells(row) for row in shown], intervals=drawn)
    return [
        Section(
            title="Fidelity and task quality",
            lines=[*(_LINES if shown else ()), *reasons],
            tables=[table] if shown else [],
        )
    ]


def _cells(row: FamilyRow) -> list[str]:
    figures = (row.fidelity, row.quality, row.gap)
    return [f"{row.scorer}  {row.student}", str(row.n), *map(_figure, figures)]


def _figure(found: Estimate | None) -> str:
    return NO_NUMBER if found is None else interval(found)
