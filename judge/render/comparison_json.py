"""Two runs compared, as JSON with stable keys."""

from typing import TypeAlias

from judge.render.figures_json import figure_json
from judge.render.json import corrected_json, encoded
from judge.reports.comparison import Comparison, DifferenceRow
from judge.reports.run_changes import RunChanges
from judge.reports.summary import Status
from judge.results.run import RunManifest

SCHEMA_VERSION = "1"

_Object: TypeAlias = dict[str, object]


def comparison_json(found: Comparison) -> bytes:
    """Return a comparison as indented UTF-8 JSON."""
    return encoded(
        {
            "schema_version": SCHEMA_VERSION,
            "before": _run(found.before),
            "after": _run(found.after),
            "complete": found.complete,
            "undecided": found.undecided,
            "changes": _changes(found.changes),
            "judges": [
                {
                    "metric": one.metric,
                    "same": not one.reasons,
                    "reasons": list(one.reasons),
                    "n_again": one.n_again,
                    "n_same": one.n_same,
                    "n_lacking": one.n_lacking,
                    "undecided": one.undecided,
                }
                for one in found.judges
            ],
            "findings": [
                {
                    "metric": row.metric,
                    "system": row.system,
                    "slice": row.slice,
                    "finding": row.finding.value,
                }
                for row in found.findings
            ],
            "differences": [_row(row) for row in found.rows],
        }
    )


def _run(manifest: RunManifest) -> _Object:
    return {
        "run_id": manifest.run_id,
        "name": manifest.name,
        "started": manifest.started.isoformat(),
        "dataset": manifest.dataset,
        "outputs": dict(manifest.outputs),
        "signatures": {measure.metric: measure.signature for measure in manifest.measures},
        "versions": dict(manifest.versions),
    }


def _changes(changes: RunChanges) -> _Object:
    return {
        "outputs": [
            {
                "system": one.system,
                "n_items": one.n_items,
                "n_changed": one.n_changed,
                "changed": list(one.changed),
                "added": list(one.added),
                "removed": list(one.removed),
            }
            for one in changes.outputs
        ],
        "systems": list(changes.systems),
        "metrics": list(changes.metrics),
        "instruments": {metric: list(what) for metric, what in changes.instruments.items()},
        "config": list(changes.config),
        "versions": list(changes.versions),
    }


def _row(row: DifferenceRow) -> _Object:
    found: _Object = {
        "metric": row.metric,
        "system": row.system,
        "slice": row.slice,
        "status": row.status.value,
        "n_pairs": row.n_pairs,
        "n_unpaired": row.n_unpaired,
        "n_changed_outputs": row.n_changed,
        "one_judge": row.one_judge,
    }
    if row.estimate is not None:
        found.update(figure_json(row.estimate))
        found["finding"] = row.finding.value
    if row.means is not None:
        found["before"], found["after"] = row.means
    if row.moved is not None:
        found["n_higher"], found["n_lower"] = row.moved
    if row.bounds is not None:
        found["bounds"] = list(row.bounds)
    if row.p_value is not None:
        found["p_value"] = {"value": row.p_value.value, "method": row.p_value.method}
        found["p_adjusted"] = row.adjusted
    if row.judge_part is not None:
        found["judge_part"] = figure_json(row.judge_part)
    if row.status is not Status.SHOWN:
        found["reason"] = row.reason
    if row.corrected is not None:
        found["corrected"] = corrected_json(row.corrected)
    return found
