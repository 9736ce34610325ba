import csv
from collections.abc import Callable

from judge.render.estimates_csv import estimates_csv
from judge.reports.report import Report


def _rows(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(estimates_csv(report).decode().splitlines()))


def test_each_estimate_has_its_row_with_the_whole_number(small_report: Report) -> None:
    rows = _rows(small_report)

    assert len(rows) == len(small_report.estimates)
    for row, estimate in zip(rows, small_report.estimates, strict=True):
        assert row["metric"] == estimate.metric
        assert row["status"] == estimate.status.value
        assert row["value"] == (str(estimate.estimate.value) if estimate.estimate else "")
        assert bool(row["reason"]) is not bool(row["value"])


def test_a_withheld_row_has_no_number(report_of: Callable[..., Report]) -> None:
    cells = {"equivalence.reference": {"s": [1.0] * 30 + [0.0] * 10}}

    (row,) = _rows(report_of(cells, standing=None))

    assert row["status"] == "withheld"
    assert [row[name] for name in ("value", "low", "high", "worst", "best", "method")] == [""] * 6
    assert row["reason"].startswith("judge unvalidated")


def test_no_name_is_taken_for_a_formula(report_of: Callable[..., Report]) -> None:
    report = report_of({"adherence.strict": {"=cmd|' /c calc'!A1": [1.0] * 30}})

    (row,) = _rows(report)

    assert row["system"] == "'=cmd|' /c calc'!A1"
