from collections.abc import Callable
from dataclasses import replace
from typing import cast

from judge.render.similarity_json import similarity_json
from judge.reports.report import Report
from judge.results.yardstick import BlindSpot, Yardstick
from judge.stats.estimate import Estimate


def _part(report: Report, yardstick: Yardstick | None) -> dict[str, object]:
    (findings,) = report.similarity
    found = similarity_json([replace(findings, yardstick=yardstick)])
    (part,) = cast("list[dict[str, object]]", found["similarity"])
    return part


def test_baselines_and_blind_spots_stand_there_where_they_were_measured(
    report_of: Callable[..., Report],
) -> None:
    report = report_of({"similarity.reference": {"student": [0.5] * 30}})
    random = Estimate(value=0.1, low=0, high=0.2, level=0.95, n=9, n_clusters=9, method="test")
    yardstick = Yardstick(
        run_id="r",
        metric="similarity.reference",
        figures={"random": random},
        undefined={"paraphrase": "one answer each"},
        token_limit=256,
        blind_spots=(
            BlindSpot(change="number", n=6, paraphrase=0.8, altered=0.9, blind=5, told=6),
        ),
    )

    measured, not_measured = _part(report, yardstick), _part(report, None)

    baselines = cast("dict[str, dict[str, object]]", measured["baselines"])
    assert baselines["random"]["value"] == 0.1
    assert baselines["paraphrase"] == {"undefined": "one answer each"}
    (spot,) = cast("tuple[dict[str, object]]", measured["blind_spots"])
    assert (spot["change"], spot["blind"], spot["told"]) == ("number", 5, 6)
    assert list(not_measured) == ["metric", "systems", "labels"]
