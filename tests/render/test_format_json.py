from collections.abc import Callable
from dataclasses import replace
from typing import cast

from judge.render.format_json import format_json
from judge.reports.report import Report


def test_each_part_has_its_rates_its_errors_and_what_a_repair_takes(
    report_of: Callable[..., Report],
) -> None:
    bad = (0.0, "output_not_json")
    findings = report_of({"adherence.strict": {"student": [bad] * 10 + [1.0] * 30}}).format
    assert findings is not None
    (part,) = findings.parts
    repaired = replace(part, errors=replace(part.errors, repairs=[1, 2, 9]))

    found = cast(
        "dict[str, list[dict[str, object]]]",
        format_json(replace(findings, parts=(part, repaired)))["format"],
    )

    plain, mended = found["parts"]
    assert (plain["n"], plain["shapes"], plain["kinds"]) == (40, {"not_json": 10}, {})
    assert cast("dict[str, float]", plain["strict"])["value"] == 0.75
    assert "repair" not in plain
    assert mended["repair"] == {"n": 3, "median_characters": 2, "most_characters": 9}
    assert found["frequent"][0]["kind"] == "not_json"


def test_a_run_without_a_format_has_no_such_part() -> None:
    assert format_json(None) == {}
