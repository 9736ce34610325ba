import json
from datetime import UTC, datetime

from judge.render.monitor_json import monitor_json
from judge.reports.monitors import (
    InputLook,
    Look,
    MonitorReport,
    Rules,
    SentinelLook,
    Stream,
    looked,
)


def test_every_look_is_told_with_what_it_asked_again_and_what_it_held_back() -> None:
    look = Look(
        number=1,
        run_id="r1",
        at=datetime(2026, 5, 1, tzinfo=UTC),
        n_samples=60,
        scores={},
        held={"m": "the judge is stale"},
        sentinels=(SentinelLook(metric="m", n=30, differ=30),),
        inputs=InputLook(test=1, n_samples=60, shift=None, reason="too few"),
    )
    stream = looked(Stream(baseline="b"), look, watched=(), rules=Rules())
    report = MonitorReport(
        name="small",
        system="student",
        stream=stream,
        rules=Rules(),
        readings=(),
        n_new=60,
        complete=True,
    )

    found = json.loads(monitor_json(report))

    assert (found["n_samples"], found["n_new"], found["baseline"]) == (60, 60, "b")
    assert [(one["kind"], one["metric"]) for one in found["alarms"]] == [("judge", "m")]
    assert found["looks"] == [
        {
            "look": 1,
            "run_id": "r1",
            "at": "2026-05-01T00:00:00+00:00",
            "n_samples": 60,
            "missing": {},
            "held": {"m": "the judge is stale"},
            "sentinels": [{"metric": "m", "n": 30, "differ": 30}],
            "inputs": {"test": 1, "n_samples": 60, "undefined": "too few"},
        }
    ]
