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
_MOST_CUTS = 256
"""That resamples choose among: a threshold is never known to a 256th of the scores."""
_FEWEST_CUTS = 32
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
    resamples of the clusters, which choose among at most 256 places; the items that a resample
    left out tell what it is worth.

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
    cuts, told = _curve(positive, values)
    best = int(np.argmax(told))
    fewer = _thinned(cuts, best, most=_cuts_at_once(groups))
    tally = _Tally(positive, codes, np.searchsorted(fewer, values), n_cuts=fewer.size)
    places, outside = _resampled(tally, groups, rng=rng, draws=draws)
    if not outside.size:
        return Undefined(reason="the clusters are too few to hold some of them out", n=n)
    value = float(cuts[best])
    held_out = float(outside.mean())
    return Threshold(
        threshold=_estimate(value, fewer[places], level=level, n=n, groups=groups),
        informedness=_estimate(held_out, outside, level=level, n=n, groups=groups),
        fitted=float(told[best]),
    )


def _curve(positive: NDArray[np.bool_], values: Floats) -> tuple[Floats, Floats]:
    """Return every place between unequal scores, rising, and the informedness there."""
    order = np.argsort(values, kind="stable")
    ordered, labels = values[order], positive[order]
    last = np.flatnonzero(np.diff(ordered))
    cuts = ordered[last] + np.diff(ordered)[last] / 2
    below_1, below_0 = np.cumsum(labels)[last], np.cumsum(~labels)[last]
    told = below_0 / (~labels).sum() - below_1 / labels.sum()
    return cuts, np.asarray(told, dtype=np.float64)


def _cuts_at_once(groups: int) -> int:
    return int(np.clip(_CELLS // groups, _FEWEST_CUTS, _MOST_CUTS))


def _thinned(cuts: Floats, best: int, *, most: int) -> Floats:
    """Return about so many of the cuts, evenly many scores apart, the best of them among these."""
    if cuts.size <= most:
        return cuts
    spaced = np.linspace(0, cuts.size - 1, most).round().astype(np.int64)
    return np.asarray(cuts[np.unique(np.append(spaced, best))], dtype=np.float64)


class _Tally:
    """How many items of each label each cluster has between two cuts.

    A resample of the clusters is then one multiplication of matrices, whatever the items are.
    """

    def __init__(
        self,
        positive: NDArray[np.bool_],
        codes: NDArray[np.int64],
        bins: NDArray[np.intp],
        *,
        n_cuts: int,
    ) -> None:
        shape = (int(codes.max()) + 1, n_cuts + 1)
        self._of = np.zeros((2, *shape), dtype=np.float32)
        np.add.at(self._of, (positive.astype(np.int64), codes, bins), 1)

    def informedness(self, drawn: NDArray[np.float32]) -> Floats:
        """Return it for each row of draws and each cut; NaN where a label is not drawn."""
        below_0, below_1 = (
            np.cumsum(drawn @ table, axis=1, dtype=np.float64) for table in self._of
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            told = below_0[:, :-1] / below_0[:, -1:]
            missed = below_1[:, :-1] / below_1[:, -1:]
        return np.asarray(told - missed, dtype=np.float64)


def _resampled(
    tally: _Tally, groups: int, *, rng: np.random.Generator, draws: int
) -> tuple[NDArray[np.intp], Floats]:
    """Return the best cuts of resamples, and their informedness on what these left out."""
    places: list[NDArray[np.intp]] = []
    outside: list[Floats] = []
    for size in _sizes(draws, each=max(1, _CELLS // groups)):
        rows = np.arange(size)
        drawn = rng.integers(0, groups, (size, groups)) + groups * rows[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * groups).reshape(size, groups)
        weights = counts.astype(np.float32)
        told = np.nan_to_num(tally.informedness(weights), nan=-2.0)
        best = np.argmax(told, axis=1)
        left_out = tally.informedness((weights == 0).astype(np.float32))[rows, best]
        places.append(best)
        outside.append(left_out[np.isfinite(left_out)])
    return np.concatenate(places), np.concatenate(outside)


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
