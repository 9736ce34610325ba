"""How far students' distributions are from their teacher's, as a section of a page."""

from collections.abc import Sequence

from judge.render.page import Intervals, Section, Table
from judge.render.text import NO_NUMBER, interval, listed, share
from judge.reports.divergence import DivergenceRow
from judge.reports.groups import OVERALL
from judge.reports.summary import Status
from judge.results.divergence import CLASSES, TOKENS
from judge.stats.divergence import MeanDivergence
from judge.stats.estimate import Estimate, Undefined

_NOTES = {
    TOKENS: (
        "over tokens: what is not among the likeliest is one class, so the true Jensen-Shannon "
        "divergence lies between the two columns, and Kullback-Leibler is at least what is shown"
    ),
    CLASSES: "over classes: both sides gave every class its probability",
}


def divergence_sections(rows: Sequence[DivergenceRow]) -> list[Section]:
    """Return the section, or none where no file says what might have been said."""
    if not rows:
        return []
    shown = [row for row in rows if row.figures is not None]
    lines = [_about(row) for row in rows if row.slice == OVERALL]
    lines += [
        f"{row.student} on {row.slice}, {row.over}: {row.status.value}: {row.reason}"
        for row in rows
        if row.slice != OVERALL and row.status is not Status.SHOWN
    ]
    if shown:
        lines += ["in bits, 0 where they are alike; mean over items, each counting alike"]
        lines += [_NOTES[over] for over in dict.fromkeys(row.over for row in shown)]
        lines += _undefined(shown)
    tables = [
        _table([row for row in shown if row.over == over], over)
        for over in dict.fromkeys(row.over for row in shown)
    ]
    return [Section(title="Divergence from the teacher", lines=lines, tables=tables)]


def _about(row: DivergenceRow) -> str:
    said = (
        f"{row.student}, {row.over}: {row.n} of {row.n_records} items compared with {row.teacher}"
    )
    if row.refused:
        said += f"; cannot be compared: {listed(row.refused)}"
    if row.status is not Status.SHOWN:
        said += f"; {row.status.value}: {row.reason}"
    return said


def _undefined(rows: Sequence[DivergenceRow]) -> list[str]:
    return [
        f"{_name(row).replace('  ', ' on ')}, {row.over}: Kullback-Leibler: {found.reason}"
        for row in rows
        if row.figures is not None and isinstance(found := row.figures.kullback_leibler, Undefined)
    ]


def _table(rows: Sequence[DivergenceRow], over: str) -> Table:
    tokens = over == TOKENS
    columns = ["Jensen-Shannon", *(["at most"] if tokens else []), "Kullback-Leibler"]
    covered = ["positions", "teacher covered", "student covered"] if tokens else []
    return Table(
        columns=[f"{over} of student and slice", "n", *columns, *covered],
        rows=[
            [_name(row), str(row.n), *_cells(row, row.figures, tokens=tokens)]
            for row in rows
            if row.figures is not None
        ],
        intervals=Intervals(
            series=["Jensen-Shannon"],
            rows=[[_drawn(row.figures.jensen_shannon)] for row in rows if row.figures is not None],
        ),
    )


def _cells(row: DivergenceRow, figures: MeanDivergence, *, tokens: bool) -> list[str]:
    cells = [_figure(figures.jensen_shannon)]
    if tokens:
        cells.append(_figure(figures.jensen_shannon_at_most))
    cells.append(_figure(figures.kullback_leibler))
    if tokens:
        cells += [
            f"{row.positions:,}",
            _percent(figures.teacher_covered),
            _percent(figures.student_covered),
        ]
    return cells


def _name(row: DivergenceRow) -> str:
    return row.student if row.slice == OVERALL else f"{row.student}  {row.slice}"


def _figure(found: Estimate | Undefined) -> str:
    return interval(found) if isinstance(found, Estimate) else "undefined"


def _percent(found: Estimate | Undefined) -> str:
    return share(found.value) if isinstance(found, Estimate) else NO_NUMBER


def _drawn(found: Estimate | Undefined) -> Estimate | None:
    return found if isinstance(found, Estimate) else None
