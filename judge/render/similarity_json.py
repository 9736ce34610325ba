"""What similarities mean in a run, as JSON."""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from judge.render.figures_json import figure_json
from judge.reports.similarity import RightFrom, SimilarityFindings, SimilarSystem
from judge.results.yardstick import Yardstick
from judge.stats.estimate import Undefined

_Object: TypeAlias = dict[str, object]


def similarity_json(findings: Sequence[SimilarityFindings]) -> _Object:
    """Return the part ``similarity`` of a report; nothing where there is none."""
    return {"similarity": [_findings(one) for one in findings]} if findings else {}


def _findings(findings: SimilarityFindings) -> _Object:
    found: _Object = {
        "metric": findings.metric,
        "systems": [_system(one) for one in findings.systems],
    }
    if findings.yardstick is not None:
        found["baselines"] = _baselines(findings.yardstick)
        found["blind_spots"] = msgspec.to_builtins(findings.yardstick.blind_spots)
    labelled = findings.labelled
    if isinstance(labelled, Undefined):
        found["labels"] = {"undefined": labelled.reason}
    else:
        found["labels"] = {
            "criterion": labelled.criterion,
            "source": labelled.source.value,
            "n": len(labelled.right),
        }
        found["right_from"] = [_right_from(one) for one in findings.right_from]
    return found


def _system(system: SimilarSystem) -> _Object:
    return {
        "system": system.system,
        "mean": figure_json(system.mean),
        **({} if system.place is None else {"place": system.place}),
        "truncated": figure_json(system.truncated),
    }


def _baselines(yardstick: Yardstick) -> _Object:
    return {
        **{name: figure_json(one) for name, one in yardstick.figures.items()},
        **{name: {"undefined": why} for name, why in yardstick.undefined.items()},
        **({"token_limit": yardstick.token_limit} if yardstick.token_limit else {}),
    }


def _right_from(part: RightFrom) -> _Object:
    found: _Object = {"system": part.system, "slice": part.slice, "auc": figure_json(part.auc)}
    threshold = part.threshold
    if isinstance(threshold, Undefined):
        return {**found, "threshold": figure_json(threshold)}
    return {
        **found,
        "threshold": figure_json(threshold.threshold),
        "informedness": figure_json(threshold.informedness),
        "informedness_where_fitted": threshold.fitted,
    }
