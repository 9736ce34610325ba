from datetime import UTC, datetime

import numpy as np

from judge.render.markdown import as_markdown
from judge.render.monitor_page import monitor_page
from judge.reports.monitors import (
    InputLook,
    Kind,
    Look,
    MonitorReport,
    Rules,
    SentinelLook,
    Stream,
    looked,
    readings,
    series_of,
    watches,
)
from judge.stats.betting import tally

METRIC = "equivalence.reference"


def _report(passes: int, *, n: int = 400) -> MonitorReport:
    frozen = {(METRIC, "overall"): np.repeat([1.0, 0.0], [800, 200])}
    watched = watches(frozen, {METRIC: Kind.QUALITY}, seed=0)
    look = Look(
        number=1,
        run_id="r1",
        at=datetime(2026, 5, 1, tzinfo=UTC),
        n_samples=n,
        scores={series_of(METRIC, "overall"): tally(np.repeat([1.0, 0.0], [passes, n - passes]))},
        missing={METRIC: 3},
        sentinels=(SentinelLook(metric=METRIC, n=30, differ=1),),
        inputs=InputLook(test=1, n_samples=n, shift=None, reason="no feature varies"),
    )
    rules = Rules(tolerated=0.01)
    stream = looked(Stream(baseline="b"), look, watched=watched, rules=rules)
    return MonitorReport(
        name="small",
        system="student",
        stream=stream,
        rules=rules,
        readings=tuple(readings(stream, watched=watched, rules=rules)),
        n_new=n,
        complete=True,
        unwatched={"equivalence.teacher": "judge unvalidated: never measured"},
    )


def test_the_page_says_what_alarmed_what_is_watched_and_how_the_judge_is() -> None:
    page = as_markdown(monitor_page(_report(240)))

    assert page.startswith("# small: student in production, 1 looks, 400 samples\n")
    assert "look 1: equivalence.reference fell on overall: 0.800 on the frozen set, 0.600" in page
    assert "over the whole stream and all that is watched: at most 5.0 %" in page
    assert "equivalence.teacher is not watched: judge unvalidated" in page
    assert "samples of the last look without a value: equivalence.reference 3" in page
    assert "29 of 30 certified verdicts came out the same when asked for again" in page
    assert "| equivalence.reference overall | 0.800 of 1000 | 400 | 0.600" in page
    assert "cannot be told: no feature varies" in page
    assert "begin anew" in page


def test_without_an_alarm_the_page_says_none() -> None:
    lines = monitor_page(_report(320)).sections[0].lines

    assert lines[0] == "none"
