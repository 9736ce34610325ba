import csv
import json
from collections.abc import Callable

from judge.render.calibration_json import calibration_json
from judge.render.estimates_csv import estimates_csv
from judge.render.json import report_json
from judge.reports.report import Report
from judge.stats.estimate import Estimate
from tests.render.calibrated import columns, productions

Maker = Callable[..., Report]


def test_json_and_csv_say_the_same_numbers(report_of: Maker) -> None:
    report = report_of(columns(), productions=productions())

    rows = json.loads(report_json(report))["calibration"]
    cells = {
        (row["system"], row["metric"]): row
        for row in csv.DictReader(estimates_csv(report).decode().splitlines())
    }

    assert [row["system"] for row in rows] == ["teacher", "student"]
    for row in rows:
        for name, found in (
            *((name, row[name]) for name in ("excess", "brier", "log_loss", "calibration_error")),
            ("brier.after_platt", row["recalibrated"]["platt"]["brier"]),
        ):
            told = cells[row["system"], f"calibration.{name}"]
            for column in ("value", "low", "high"):
                assert float(told[column]) == found[column]
            assert told["target"] == row["metric"] == "equivalence.reference"
            assert float(told["coverage"]) == row["coverage"] == 1
    assert (rows[0]["n_declared"], rows[1]["n_from_logprobs"]) == (200, 200)


def test_parts_of_the_brier_score_sum_up_to_it(report_of: Maker) -> None:
    report = report_of(columns(), productions=productions())

    brier = json.loads(report_json(report))["calibration"][0]["brier"]

    whole = brier["reliability"] - brier["resolution"] + brier["uncertainty"] + brier["within_bins"]
    assert abs(whole - brier["value"]) < 1e-12


def test_where_there_is_no_number_the_reason_stands_in_both(report_of: Maker) -> None:
    report = report_of(columns(), productions=productions(), standing=None)

    row = calibration_json(report.calibration[0])
    told = [
        one
        for one in csv.DictReader(estimates_csv(report).decode().splitlines())
        if one["metric"].startswith("calibration")
    ]

    assert row["status"] == "undefined"
    assert "judge unvalidated" in str(row["reason"])
    assert not {"excess", "brier", "right", "recalibrated"} & row.keys()
    assert [(one["metric"], one["value"]) for one in told] == [("calibration", "")] * 2
    assert told[0]["reason"] == row["reason"]


def test_a_figure_is_a_number_with_its_limits(report_of: Maker) -> None:
    row = report_of(columns(), productions=productions()).calibration[0]
    assert isinstance(row.confidence, Estimate)

    found = calibration_json(row)["confidence"]

    assert isinstance(found, dict)
    assert found["value"] == row.confidence.value
