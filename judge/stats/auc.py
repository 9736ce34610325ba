"""How often a score puts what is right over what is wrong: the area under the ROC curve."""

from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import (
    Codes,
    Numbers,
    cluster_codes,
    count_clusters,
    student_quantile,
    why_too_few,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import wilson_limits


def auc(
    labels: Numbers, scores: Numbers, *, clusters: Codes | None = None, level: float = 0.95
) -> Estimate | Undefined:
    """Chance that a score ranks a random item labelled 1 over one labelled 0; ties count half.

    Args:
        labels: 0 or 1, shape (n,).
        scores: finite, in any unit, shape (n,).
        clusters: integer cluster code per item, shape (n,); None if items are independent.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        A fraction in [0, 1]; .5 is chance. Undefined where one of the labels is missing, or there
        is one cluster. Where every pair is in order, the limit is Wilson's for as many items as
        there are of the rarer label, or clusters if those are fewer.

    Raises:
        ValueError: if a label is not 0 or 1, a score not finite, or the lengths differ.

    Source: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44(3), 837-845; with clusters
    Obuchowski (1997), Biometrics 53(2), 567-578; limits on the logit scale.
    """
    positive, values = checked_labels(labels, scores)
    codes = cluster_codes(clusters, n=positive.size)
    n, groups = int(positive.size), count_clusters(codes)
    rarer = int(min(positive.sum(), n - positive.sum()))
    if not rarer:
        return Undefined(reason="an AUC needs items of both labels", n=n)
    if (why := why_too_few(groups, n=n)) is not None:
        return Undefined(reason=why, n=n)
    area, influence = _area(positive, values)
    sums = np.bincount(codes, weights=influence)
    variance = groups / (groups - 1) * float(sums @ sums)
    if variance == 0 or area in {0.0, 1.0}:
        low, high = wilson_limits(area, size=min(rarer, groups), level=level)
    else:
        reach = student_quantile(level, degrees=groups - 1) * sqrt(variance) / (area * (1 - area))
        low, high = (_inverse_logit(log(area / (1 - area)) + side * reach) for side in (-1, 1))
    return Estimate(
        value=area,
        low=min(low, area),
        high=max(high, area),
        level=level,
        n=n,
        n_clusters=groups,
        method="DeLong, logit" if groups == n else "Obuchowski, logit",
    )


def checked_labels(
    labels: Numbers, scores: Numbers
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return labels as truth values and scores as floats.

    Raises:
        ValueError: if a label is not 0 or 1, a score not finite, or the lengths differ.
    """
    if labels.ndim != 1 or labels.shape != scores.shape:
        raise ValueError(f"{labels.shape} labels stand beside {scores.shape} scores")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("a label is 0 or 1")
    values = scores.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("a score is finite")
    return labels.astype(np.bool_), values


def _area(
    positive: NDArray[np.bool_], values: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Return the area and the influence of each item on it."""
    above, below = np.sort(values[positive]), np.sort(values[~positive])
    placed = np.empty(values.size)
    placed[positive] = _share_below(below, values[positive])
    placed[~positive] = 1 - _share_below(above, values[~positive])
    area = float(placed[positive].mean())
    counts = np.where(positive, above.size, below.size)
    return area, (placed - area) / counts


def _share_below(others: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    left = np.searchsorted(others, values, side="left")
    right = np.searchsorted(others, values, side="right")
    return np.asarray((left + right) / (2 * others.size), dtype=np.float64)


def _inverse_logit(value: float) -> float:
    return 1 / (1 + exp(-value)) if value >= 0 else exp(value) / (1 + exp(value))
