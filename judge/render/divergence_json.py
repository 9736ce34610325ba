"""How far students' distributions are from their teacher's, as JSON."""

from collections.abc import Mapping

from judge.render.figures_json import figure_json
from judge.reports.divergence import DivergenceRow
from judge.reports.summary import Status
from judge.stats.estimate import Estimate, Undefined

UNIT = "bits"


def divergence_json(row: DivergenceRow) -> dict[str, object]:
    """Return one student on one slice."""
    found: dict[str, object] = {
        "student": row.student,
        "teacher": row.teacher,
        "over": row.over,
        "slice": row.slice,
        "status": row.status.value,
        "n_records": row.n_records,
        "n": row.n,
        "positions": row.positions,
        "coverage": row.coverage,
        "refused": dict(row.refused),
    }
    if row.status is not Status.SHOWN:
        found["reason"] = row.reason
    named = divergence_figures(row)
    if named:
        found["unit"] = UNIT
    return found | {name: figure_json(figure) for name, figure in named.items()}


def divergence_figures(row: DivergenceRow) -> Mapping[str, Estimate | Undefined]:
    """Return the figures of a row by the names they have in JSON and CSV."""
    figures = row.figures
    if figures is None:
        return {}
    return {
        "jensen_shannon": figures.jensen_shannon,
        "jensen_shannon_at_most": figures.jensen_shannon_at_most,
        "kullback_leibler": figures.kullback_leibler,
        "teacher_covered": figures.teacher_covered,
        "student_covered": figures.student_covered,
    }
