"""The estimates of a report as CSV, for spreadsheets."""

import csv
from io import StringIO

from judge.reports.report import Report
from judge.reports.summary import SummaryRow

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
    for row in report.estimates:
        rows.writerow([_cell(value) for value in _values(row)])
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


def _cell(value: str | float) -> str | float:
    """Return a value that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
