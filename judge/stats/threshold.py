"""A threshold on a score, fitted on labels, and how sure one can be of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from judge.stats.auc import checked_labels
from judge.stats.clusters import Codes, Numbers, cluster_codes, count_clusters, why_too_few
from judge.stats.estimate import Estimate, Undefined

Floats = NDArray[np.float64]

_DRAWS = 2_000
_CELLS = 4_000_000
"""Numbers of resamples held at once: 32 MB."""
_FEWEST = 5
"""Items of each label under which a threshold is no more than where they happen to lie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """What counts as right from here on.

    Attributes:
        threshold: the score from which on an item is taken for right, with its limits.
        informedness: true positive rate plus true negative rate less 1, on items that had no part
            in fitting; 0 is chance.
        fitted: the same on the items it was fitted on, which flatters it.
    """

    threshold: Estimate
    informedness: Estimate
    fitted: float


def fit_threshold(
    labels: Numbers,
    scores: Numbers,
    *,
    rng: np.random.Generator,
    clusters: Codes | None = None,
    level: float = 0.95,
    draws: int = _DRAWS,
) -> Threshold | Undefined:
    """Return the threshold that tells the labels apart best, both of them weighing the same.

    It lies in the middle between two neighbouring scores. Its limits are percentiles over
    resamples of the clusters; the items that a resample left out tell what it is worth.

    Args:
        labels: 0 or 1, shape (n,).
        scores: finite, larger where 1 is likelier, shape (n,).
        rng: source of the resamples.
        clusters: integer cluster code per item, shape (n,); None if items are independent.
        level: two-sided coverage aimed at, in (0, 1).
        draws: resamples.

    Returns:
        Undefined with fewer than 5 items of a label, one cluster, or scores that are all equal.

    Raises:
        ValueError: if a label is not 0 or 1, a score not finite, or the lengths differ.

    Source: Youden (1950), Cancer 3(1), 32-35; items left out of a bootstrap sample as a test set:
    Efron (1983), J. Am. Stat. Assoc. 78(382), 316-331.
    """
    positive, values = checked_labels(labels, scores)
    codes = cluster_codes(clusters, n=positive.size)
    n, groups = int(positive.size), count_clusters(codes)
    if min(positive.sum(), n - positive.sum()) < _FEWEST:
        return Undefined(reason=f"a threshold needs {_FEWEST} items of each label", n=n)
    if (why := why_too_few(groups, n=n)) is not None:
        return Undefined(reason=why, n=n)
    if values.min() == values.max():
        return Undefined(reason="all scores are equal", n=n)
    order = np.argsort(values, kind="stable")
    curve = _Curve(positive[order], values[order])
    whole = np.ones((1, n))
    place = curve.best(whole)
    fitted = float(curve.informedness(whole)[0, place[0]])
    thresholds, outside = _resampled(curve, codes[order], groups, rng=rng, draws=draws)
    if not outside.size:
        return Undefined(reason="the clusters are too few to hold some of them out", n=n)
    value = float(curve.cuts[place[0]])
    held_out = float(outside.mean())
    return Threshold(
        threshold=_estimate(value, thresholds, level=level, n=n, groups=groups),
        informedness=_estimate(held_out, outside, level=level, n=n, groups=groups),
        fitted=fitted,
    )


class _Curve:
    """Items by rising score, and the places between unequal ones where they can be cut."""

    def __init__(self, positive: NDArray[np.bool_], values: Floats) -> None:
        self._positive = positive.astype(np.float64)
        self._last = np.flatnonzero(np.diff(values))
        self.cuts = values[self._last] + np.diff(values)[self._last] / 2

    def informedness(self, weights: Floats) -> Floats:
        """Return it for each row of weights and each cut; NaN where a label has no weight."""
        ones = weights * self._positive
        below_1 = np.cumsum(ones, axis=1)
        below_0 = np.cumsum(weights - ones, axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            missed = below_1[:, self._last] / below_1[:, -1:]
            told = below_0[:, self._last] / below_0[:, -1:]
        return np.asarray(told - missed, dtype=np.float64)

    def best(self, weights: Floats) -> NDArray[np.intp]:
        """Return the best cut for each row of weights."""
        told = np.nan_to_num(self.informedness(weights), nan=-2.0)
        return np.asarray(np.argmax(told, axis=1), dtype=np.intp)


def _resampled(
    curve: _Curve,
    codes: NDArray[np.int64],
    groups: int,
    *,
    rng: np.random.Generator,
    draws: int,
) -> tuple[Floats, Floats]:
    """Return the thresholds of resamples, and their informedness on what these left out."""
    thresholds: list[Floats] = []
    outside: list[Floats] = []
    for size in _sizes(draws, each=max(1, _CELLS // codes.size)):
        drawn = rng.multinomial(groups, np.full(groups, 1 / groups), size=size)
        weights = drawn[:, codes].astype(np.float64)
        cuts = curve.best(weights)
        left_out = curve.informedness((weights == 0).astype(np.float64))[np.arange(size), cuts]
        thresholds.append(curve.cuts[cuts])
        outside.append(left_out[np.isfinite(left_out)])
    return np.concatenate(thresholds), np.concatenate(outside)


def _sizes(total: int, *, each: int) -> Iterator[int]:
    for start in range(0, total, each):
        yield min(each, total - start)


def _estimate(value: float, drawn: Floats, *, level: float, n: int, groups: int) -> Estimate:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(
        value=value,
        low=min(float(low), value),
        high=max(float(high), value),
        level=level,
        n=n,
        n_clusters=groups,
        method="bootstrap of clusters" if groups < n else "bootstrap",
    )
