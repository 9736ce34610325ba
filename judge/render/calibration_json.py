"""How far probabilities can be believed, as JSON."""

from judge.render.figures_json import figure_json
from judge.reports.calibration import CalibrationRow, Recalibrated
from judge.reports.summary import Status
from judge.stats.calibration import Calibration
from judge.stats.estimate import Undefined


def calibration_json(row: CalibrationRow) -> dict[str, object]:
    """Return how sure one system is on one slice, and how right."""
    found: dict[str, object] = {
        "system": row.system,
        "slice": row.slice,
        "status": row.status.value,
        "n_records": row.n_records,
        "n_confident": row.n_confident,
        "n": row.n,
        "n_declared": row.n_declared,
        "n_from_logprobs": row.n - row.n_declared,
        "coverage": row.coverage,
    }
    if row.basis is not None:
        found |= {"metric": row.metric, "basis": row.basis.value}
    if row.status is not Status.SHOWN:
        found["reason"] = row.reason
    for name, figure in (
        ("confidence", row.confidence),
        ("right", row.right),
        ("excess", row.excess),
    ):
        if figure is not None:
            found[name] = figure_json(figure)
    if row.figures is not None:
        found |= probabilities_json(row.figures)
        found["recalibrated"] = {
            method: _recalibrated(one) for method, one in row.recalibrated.items()
        }
    return found


def probabilities_json(found: Calibration) -> dict[str, object]:
    """Return every figure of a set of probabilities."""
    brier, error = found.brier, found.error
    return {
        "brier": {"undefined": brier.reason}
        if isinstance(brier, Undefined)
        else {
            **figure_json(brier.score),
            "reliability": brier.reliability,
            "resolution": brier.resolution,
            "uncertainty": brier.uncertainty,
            "within_bins": brier.within_bins,
        },
        "log_loss": figure_json(found.log_loss),
        "calibration_error": {"undefined": error.reason}
        if isinstance(error, Undefined)
        else {**figure_json(error.error), "if_calibrated": error.if_calibrated},
        "curve": [
            {
                "n": one.n,
                "mean_probability": one.mean_probability,
                "observed": figure_json(one.observed),
            }
            for one in found.curve
        ],
    }


def _recalibrated(found: Recalibrated | Undefined) -> dict[str, object]:
    if isinstance(found, Undefined):
        return {"undefined": found.reason}
    return {
        **probabilities_json(found.figures),
        "brier_change": figure_json(found.brier_change),
    }
