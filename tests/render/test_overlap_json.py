from pathlib import Path

from judge.records.overlap import Finding, Likeness, Overlap, SearchedFile
from judge.records.training import Unread
from judge.render.figures_json import figure_json
from judge.render.overlap_json import leakage_json, overlap_json
from judge.reports.leakage import LeakageFindings, LeakageRow
from judge.reports.summary import Status
from judge.stats.estimate import Estimate

FOUND = Estimate(value=0.5, low=0.4, high=0.6, level=0.95, n=40, n_clusters=40, method="wilson")
LEAK = Finding(
    item_id="a",
    part="input",
    likeness=Likeness.NEAR,
    similarity=0.9,
    file=Path("train.txt"),
    line=7,
    column="",
    times=2,
)
FILE = SearchedFile(
    file=LEAK.file, texts=3, unread=1, first_unread=(Unread(line=4, reason="no JSON"),)
)
OVERLAP = Overlap(leaks=(LEAK,), generic=(), texts=2, only_whole=1, files=(FILE,))


def test_every_leak_and_every_file_is_there() -> None:
    found = overlap_json(OVERLAP)

    assert found == {
        "leaked_items": ["a"],
        "leaks": [
            {
                "id": "a",
                "part": "input",
                "likeness": "near",
                "similarity": 0.9,
                "file": "train.txt",
                "line": 7,
                "times": 2,
            }
        ],
        "too_short_to_tell": [],
        "texts": 2,
        "looked_for_as_a_whole_only": 1,
        "files": [
            {
                "file": "train.txt",
                "texts": 3,
                "unread": 1,
                "first_unread": [{"line": 4, "reason": "no JSON"}],
            }
        ],
    }


def test_a_report_has_the_scores_with_and_without_or_the_reason() -> None:
    shown = LeakageRow(
        metric="m",
        system="s",
        status=Status.SHOWN,
        n=40,
        n_leaked=2,
        every=FOUND,
        clean=FOUND,
    )
    few = LeakageRow(
        metric="m", system="t", status=Status.INSUFFICIENT, n=3, n_leaked=2, reason="1 is too few"
    )

    body = leakage_json(LeakageFindings(overlap=OVERLAP, n_items=40, rows=(shown, few)))

    part = body["training_overlap"]
    assert isinstance(part, dict)
    assert part["scores"] == [
        {
            "metric": "m",
            "system": "s",
            "status": "shown",
            "n": 40,
            "n_leaked": 2,
            "with_leaked": figure_json(FOUND),
            "without_leaked": figure_json(FOUND),
        },
        {
            "metric": "m",
            "system": "t",
            "status": "insufficient",
            "n": 3,
            "n_leaked": 2,
            "reason": "1 is too few",
        },
    ]


def test_where_nobody_looked_there_is_no_part() -> None:
    assert leakage_json(None) == {}
