"""Slices of each student, worst first."""

from collections.abc import Sequence

from judge.render.figures_json import figure_json
from judge.render.page import Section, Table
from judge.render.text import NO_NUMBER, interval, number
from judge.reports.slices import SliceRow, SliceVerdict
from judge.reports.summary import MIN_RECORDS


def slices_sections(rows: Sequence[SliceRow]) -> list[Section]:
    """Return where each student falls behind its teacher; nothing where no slice is known."""
    if not rows:
        return []
    lines = [
        (
            f"{rows[0].metric}; the gap is student less teacher on the slice, less the same "
            "elsewhere; verdicts hold for all slices together"
        ),
        *(_worse(row) for row in rows if row.verdict is SliceVerdict.WORSE),
        *_too_few(rows),
    ]
    shown = [row for row in rows if row.student is not None or row.gap is not None]
    columns = ["student and slice", "n", "student", "teacher", "gap", "verdict"]
    table = Table(columns=columns, rows=[_cells(row) for row in shown])
    return [Section(title="Slices, worst first", lines=lines, tables=[table] if shown else [])]


def slice_json(row: SliceRow) -> dict[str, object]:
    """Return one slice as JSON."""
    found: dict[str, object] = {
        "metric": row.metric,
        "system": row.system,
        "slice": row.slice,
        "declared": row.declared,
        "n": row.n,
        "basis": row.basis.value,
        "verdict": row.verdict.value,
    }
    for name, figure in (("student", row.student), ("teacher", row.teacher), ("gap", row.gap)):
        if figure is not None:
            found[name] = figure_json(figure)
    if row.adjusted is not None:
        found["adjusted_p"] = row.adjusted
    return found


def _worse(row: SliceRow) -> str:
    gap = NO_NUMBER if row.gap is None else interval(row.gap)
    return f"{row.system} is worse on {row.slice} ({row.n} items): {gap}"


def _too_few(rows: Sequence[SliceRow]) -> list[str]:
    small = dict.fromkeys(f"{row.slice} ({row.n})" for row in rows if row.n < MIN_RECORDS)
    return [f"too few items to say anything: {', '.join(small)}"] if small else []


def _cells(row: SliceRow) -> list[str]:
    return [
        f"{row.system}  {row.slice}",
        str(row.n),
        NO_NUMBER if row.student is None else interval(row.student),
        NO_NUMBER if row.teacher is None else number(row.teacher.value),
        NO_NUMBER if row.gap is None else interval(row.gap),
        row.verdict.value,
    ]
