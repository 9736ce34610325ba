"""The estimates of a report as CSV, for spreadsheets."""

import csv
from collections.abc import Iterator
from io import StringIO

from judge.reports.calibration import CalibrationRow
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
    if row.figures is None:
        yield _row_of("calibration", row, Undefined(reason=row.reason))
        return
    yield _row_of("calibration.confidence", row, row.confidence)
    yield _row_of("calibration.right", row, row.right)
    yield _row_of("calibration.excess", row, row.excess)
    sides: dict[str, Calibration | Undefined] = {
        "": row.figures,
        **{
            f".after_{method}": one if isinstance(one, Undefined) else one.figures
            for method, one in row.recalibrated.items()
        },
    }
    for suffix, found in sides.items():
        for name, figure in _figures(found).items():
            yield _row_of(f"calibration.{name}{suffix}", row, figure)


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
    metric: str, row: CalibrationRow, found: Estimate | Undefined | None
) -> list[str | float]:
    number = found if isinstance(found, Estimate) else None
    status = row.status if number or row.status is not Status.SHOWN else Status.UNDEFINED
    return [
        metric,
        row.metric,
        row.system,
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
