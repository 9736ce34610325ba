"""What production samples say, as JSON with stable keys."""

from typing import TypeAlias

from judge.render.figures_json import figure_json
from judge.render.json import encoded
from judge.reports.monitors import Look, MonitorReport, Reading

SCHEMA_VERSION = "1"

_Object: TypeAlias = dict[str, object]


def monitor_json(found: MonitorReport) -> bytes:
    """Return what the looks up to now say as indented UTF-8 JSON."""
    stream, rules = found.stream, found.rules
    return encoded(
        {
            "schema_version": SCHEMA_VERSION,
            "name": found.name,
            "system": found.system,
            "baseline": stream.baseline,
            "complete": found.complete,
            "n_new": found.n_new,
            "n_samples": stream.n_samples,
            "rules": {
                "alarm": rules.false_alarms,
                "tolerated": rules.tolerated,
                "max_shift": rules.max_shift,
                "sentinel_disagreement": rules.sentinel_disagreement,
            },
            "alarms": [
                {
                    "look": one.look,
                    "kind": one.kind.value,
                    "metric": one.metric,
                    "slice": one.slice,
                    **({"direction": one.direction.value} if one.direction else {}),
                    "words": one.words,
                }
                for one in stream.alarms
            ],
            "watched": [_reading(one) for one in found.readings],
            "unwatched": dict(found.unwatched),
            "looks": [_look(one) for one in stream.looks],
        }
    )


def _reading(one: Reading) -> _Object:
    return {
        "metric": one.metric,
        "slice": one.slice,
        "kind": one.kind.value,
        "direction": one.direction.value,
        "n_frozen": one.n_frozen,
        "frozen": one.frozen,
        **({"samples": figure_json(one.mean)} if one.mean else {}),
        **({"difference": figure_json(one.difference)} if one.difference else {}),
        "evidence": one.evidence,
        "alarm": one.alarm,
    }


def _look(one: Look) -> _Object:
    found: _Object = {
        "look": one.number,
        "run_id": one.run_id,
        "at": one.at.isoformat(),
        "n_samples": one.n_samples,
        "missing": dict(one.missing),
        "held": dict(one.held),
        "sentinels": [
            {"metric": told.metric, "n": told.n, "differ": told.differ} for told in one.sentinels
        ],
    }
    if one.inputs is not None:
        shift = one.inputs.shift
        found["inputs"] = {
            "test": one.inputs.test,
            "n_samples": one.inputs.n_samples,
            **(figure_json(shift) if shift else {"undefined": one.inputs.reason}),
        }
    return found
