"""An estimate as JSON."""

from judge.stats.estimate import Estimate, Undefined


def figure_json(found: Estimate | Undefined) -> dict[str, object]:
    """Return an estimate with its limits, or the reason why there is none."""
    if isinstance(found, Undefined):
        return {"undefined": found.reason}
    return {
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "level": found.level,
        "n": found.n,
        "n_clusters": found.n_clusters,
        "method": found.method,
    }
