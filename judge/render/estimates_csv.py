"""The estimates of a report as CSV, for spreadsheets."""

import csv
from collections.abc import Iterator
from functools import partial
from io import StringIO

from judge.render.divergence_json import divergence_figures
from judge.reports.calibration import CalibrationRow
from judge.reports.divergence import DivergenceRow
from judge.reports.report import Report
from judge.reports.summary import Status, SummaryRow
from judge.stats.calibration import Calibration
from judge.stats.estimate import Estimate, Undefined

_COLUMNS = (
    "metric", "target", "system", "slice", "status", "value", "low", "high", "level",
    "n_records", "scored", "coverage", "worst", "best", "corrected_value", "corrected_low",
    "corrected_high", "labels", "method", "reason",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def estimates_csv(report: Report) -> bytes:
    """Return a row per estimate in UTF-8; where there is no number its cell is empty."""
    written = StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for values in (
        *map(_values, report.estimates),
        *(values for row in report.calibration for values in _calibrated(row)),
        *(values for row in report.divergence for values in _diverged(row)),
    ):
        rows.writerow([_cell(value) for value in values])
    return written.getvalue().encode("utf-8", "replace")


def _values(row: SummaryRow) -> list[str | float]:
    counts, found = row.counts, row.estimate
    corrected = row.corrected.estimate if row.corrected else None
    return [
        row.metric,
        row.target,
        row.system,
        row.slice,
        row.status.value,
        *([found.value, found.low, found.high] if found else ["", "", ""]),
        row.level,
        counts.n_records,
        counts.scored,
        counts.coverage,
        *(row.bounds or ("", "")),
        *([corrected.value, corrected.low, corrected.high] if corrected else ["", "", ""]),
        row.corrected.n_labels if row.corrected else "",
        found.method if found else "",
        row.reason,
    ]


def _calibrated(row: CalibrationRow) -> Iterator[list[str | float]]:
    """Yield how sure a system is and how right, a row for each figure; one where there is none."""
    said = partial(_row_of, row=row, target=row.metric, system=row.system)
    if row.figures is None:
        yield said("calibration", Undefined(reason=row.reason))
        return
    yield said("calibration.confidence", row.confidence)
    yield said("calibration.right", row.right)
    yield said("calibration.excess", row.excess)
    sides: dict[str, Calibration | Undefined] = {
        "": row.figures,
        **{
            f".after_{method}": one if isinstance(one, Undefined) else one.figures
            for method, one in row.recalibrated.items()
        },
    }
    for suffix, found in sides.items():
        for name, figure in _figures(found).items():
            yield said(f"calibration.{name}{suffix}", figure)


def _diverged(row: DivergenceRow) -> Iterator[list[str | float]]:
    """Yield how far a student is from its teacher, a row for each figure."""
    figures = divergence_figures(row) or {"": Undefined(reason=row.reason)}
    for name, found in figures.items():
        metric = ".".join(filter(None, ("divergence", row.over, name)))
        yield _row_of(metric, found, row=row, target=row.teacher, system=row.student)


def _figures(found: Calibration | Undefined) -> dict[str, Estimate | Undefined]:
    if isinstance(found, Undefined):
        return dict.fromkeys(("brier", "log_loss", "calibration_error"), found)
    brier, error = found.brier, found.error
    return {
        "brier": brier if isinstance(brier, Undefined) else brier.score,
        "log_loss": found.log_loss,
        "calibration_error": error if isinstance(error, Undefined) else error.error,
    }


def _row_of(
    metric: str,
    found: Estimate | Undefined | None,
    *,
    row: CalibrationRow | DivergenceRow,
    target: str,
    system: str,
) -> list[str | float]:
    number = found if isinstance(found, Estimate) else None
    status = row.status if number or row.status is not Status.SHOWN else Status.UNDEFINED
    return [
        metric,
        target,
        system,
        row.slice,
        status.value,
        *([number.value, number.low, number.high, number.level] if number else [""] * 4),
        row.n_records,
        row.n,
        row.coverage,
        *[""] * 6,
        number.method if number else "",
        found.reason if isinstance(found, Undefined) else "",
    ]


def _cell(value: str | float) -> str | float:
    """Return a value that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
