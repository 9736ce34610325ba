"""Whether systems are as sure as they are right, as a section of a page."""

from collections.abc import Mapping, Sequence

from judge.render.page import Curve, Intervals, Section, Table
from judge.render.text import NO_NUMBER, figure, interval, number
from judge.reports.calibration import CalibrationRow
from judge.reports.evidence import Basis
from judge.reports.groups import OVERALL
from judge.reports.summary import Status
from judge.stats.calibration import Calibration
from judge.stats.estimate import Estimate, Undefined

_SAYS: Mapping[Basis, str] = {
    Basis.LABELS: "people say what is right",
    Basis.JUDGE: "the judge says what is right",
    Basis.SCORER: "a formula says what is right, no judge",
}
_AS_IT_IS = "as it is"


def calibration_sections(rows: Sequence[CalibrationRow]) -> list[Section]:
    """Return the section, or none where no system says how sure it is."""
    if not rows:
        return []
    overall = [row for row in rows if row.slice == OVERALL]
    shown = [row for row in overall if row.status is Status.SHOWN]
    slices = [row for row in rows if row.slice != OVERALL and row.status is Status.SHOWN]
    lines = [*map(_about, overall), *_reasons(rows)]
    tables: list[Table] = []
    if shown:
        lines += [
            "too sure: mean confidence less the share that is right; below 0: too unsure",
            (
                "a calibration error is seen too large, the more so the fewer the items; by chance "
                "it is what perfect confidence would show"
            ),
            "after: put right by fits to other items of the same system, in five parts",
        ]
        tables = [_sureness(shown), _figures(shown), _parts(shown), *map(_curve_table, shown)]
    if slices:
        tables.insert(min(1, len(tables)), _sureness(slices))
        tables.append(_slice_figures(slices))
    curves = [curve for row in shown if (curve := _curve(row)) is not None]
    return [Section(title="Calibration", lines=lines, tables=tables, curves=curves)]


def _about(row: CalibrationRow) -> str:
    said = f"{row.system}: {row.n_confident} of {row.n_records} outputs have a confidence"
    if row.basis is None:
        return said
    kinds = [
        f"{n} {words}"
        for n, words in (
            (row.n_declared, "declared"),
            (row.n - row.n_declared, "the geometric mean of their tokens' probabilities"),
        )
        if n
    ]
    known = f"; {row.n} of them are known to be right or wrong" if row.n else ""
    told = f" ({', '.join(kinds)})" if kinds else ""
    return f"{said}{known}{told}; {_SAYS[row.basis]} ({row.metric})"


def _reasons(rows: Sequence[CalibrationRow]) -> list[str]:
    silent = [row for row in rows if row.status is not Status.SHOWN]
    # What no slice can tell is said once.
    whole = {row.system: row.reason for row in silent if row.slice == OVERALL}
    return [
        f"{row.system}{'' if row.slice == OVERALL else f' on {row.slice}'}: "
        f"{row.status.value}: {row.reason}"
        for row in silent
        if row.slice == OVERALL or row.reason != whole.get(row.system)
    ]


def _sureness(rows: Sequence[CalibrationRow]) -> Table:
    drawn = ("confidence", "share right")
    return Table(
        columns=[_first(rows), "n", *drawn, "too sure"],
        rows=[
            [_name(row), str(row.n), *map(_figure, (row.confidence, row.right, row.excess))]
            for row in rows
        ],
        intervals=Intervals(
            series=drawn, rows=[[_drawn(row.confidence), _drawn(row.right)] for row in rows]
        ),
    )


def _figures(rows: Sequence[CalibrationRow]) -> Table:
    return Table(
        columns=[
            *("confidence", "Brier score", "Brier change", "log loss"),
            *("calibration error", "by chance"),
        ],
        rows=[line for row in rows for line in _lines(row)],
    )


def _lines(row: CalibrationRow) -> list[list[str]]:
    if row.figures is None:
        return []
    lines = [[f"{row.system}  {_AS_IT_IS}", *_cells(row.figures, change=NO_NUMBER)]]
    for method, one in row.recalibrated.items():
        name = f"{row.system}  after {method}"
        if isinstance(one, Undefined):
            lines.append([name, figure(one), *[NO_NUMBER] * 4])
        else:
            lines.append([name, *_cells(one.figures, change=figure(one.brier_change))])
    return lines


def _cells(found: Calibration, *, change: str) -> list[str]:
    brier, error = found.brier, found.error
    return [
        figure(brier if isinstance(brier, Undefined) else brier.score),
        change,
        figure(found.log_loss),
        figure(error if isinstance(error, Undefined) else error.error),
        NO_NUMBER if isinstance(error, Undefined) else number(error.if_calibrated),
    ]


def _parts(rows: Sequence[CalibrationRow]) -> Table:
    """Return the parts of the Brier score, which sum up to it."""
    return Table(
        columns=["parts of Brier", "reliability", "- resolution", "+ uncertainty", "+ within bins"],
        rows=[
            [
                row.system,
                *map(
                    number,
                    (brier.reliability, brier.resolution, brier.uncertainty, brier.within_bins),
                ),
            ]
            for row in rows
            if row.figures is not None and not isinstance(brier := row.figures.brier, Undefined)
        ],
    )


def _slice_figures(rows: Sequence[CalibrationRow]) -> Table:
    return Table(
        columns=[
            _first(rows),
            "Brier score",
            "calibration error",
            "by chance",
            "after temperature",
        ],
        rows=[
            [_name(row), cells[0], cells[3], cells[4], _error_after(row)]
            for row in rows
            if row.figures is not None and (cells := _cells(row.figures, change=NO_NUMBER))
        ],
    )


def _error_after(row: CalibrationRow) -> str:
    found = row.recalibrated.get("temperature")
    if found is None or isinstance(found, Undefined):
        return NO_NUMBER
    error = found.figures.error
    return figure(error if isinstance(error, Undefined) else error.error)


def _curve_table(row: CalibrationRow) -> Table:
    bins = row.figures.curve if row.figures is not None else ()
    return Table(
        columns=[f"confidence, {row.system}", "n", "share right"],
        rows=[[number(one.mean_probability), str(one.n), figure(one.observed)] for one in bins],
        intervals=Intervals(series=["share right"], rows=[[_drawn(one.observed)] for one in bins]),
    )


def _curve(row: CalibrationRow) -> Curve | None:
    points = [
        (one.mean_probability, one.observed)
        for one in (row.figures.curve if row.figures is not None else ())
        if isinstance(one.observed, Estimate)
    ]
    if not points:
        return None
    return Curve(across=f"confidence, {row.system}", upwards="share right", points=points)


def _first(rows: Sequence[CalibrationRow]) -> str:
    return "system" if all(row.slice == OVERALL for row in rows) else "system and slice"


def _name(row: CalibrationRow) -> str:
    return row.system if row.slice == OVERALL else f"{row.system}  {row.slice}"


def _figure(found: Estimate | Undefined | None) -> str:
    return interval(found) if isinstance(found, Estimate) else NO_NUMBER


def _drawn(found: Estimate | Undefined | None) -> Estimate | None:
    return found if isinstance(found, Estimate) else None
