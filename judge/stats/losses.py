"""What is at least 0 and best at 0: the mean of a loss, and a distance seen too large."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import Codes, Numbers, cluster_codes, count_clusters, half_width
from judge.stats.estimate import Estimate, Undefined

_FEWEST = 2
_FLAT = 1e-9  # of the largest loss: a half-width below it is rounding, not spread
_HALVINGS = 12


def mean_loss(
    losses: Numbers, clusters: Codes | None = None, *, level: float = 0.95
) -> Estimate | Undefined:
    """Mean of a loss without an upper bound, with a t interval robust to clusters.

    Args:
        losses: at least 0, shape (n,).
        clusters: integer cluster code per item, shape (n,); None if items are independent.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        The mean in the unit of the losses, its lower limit cut at 0. Undefined under two items or
        two clusters, where a loss is infinite, and where none differs from the others: nothing
        then tells how large others could be.

    Raises:
        ValueError: if a loss is negative or not a number, or the lengths differ.

    Source: Student (1908), Biometrika 6(1), 1-25; clusters: as `clusters.half_width`.
    """
    if losses.ndim != 1 or not np.all(losses >= 0):  # a NaN is not at least 0 either
        raise ValueError("losses are numbers of at least 0, of shape (n,)")
    values, codes = losses.astype(np.float64), cluster_codes(clusters, n=losses.size)
    n, groups = values.size, count_clusters(codes)
    if groups < _FEWEST:
        what = "items" if clusters is None else "clusters"
        return Undefined(reason=f"a mean loss needs at least two {what} to vary", n=n)
    infinite = int(np.isinf(values).sum())
    if infinite:
        return Undefined(reason=f"the loss of {infinite} of {n} items is infinite", n=n)
    mean, half = float(values.mean()), half_width(values, codes, level=level)
    if half <= _FLAT * float(values.max()):
        reason = f"all losses are equal; up to 3/{groups} of all items may be unlike these"
        return Undefined(reason=reason, n=n)
    return Estimate(
        value=mean,
        low=max(0.0, mean - half),
        high=mean + half,
        level=level,
        n=n,
        n_clusters=groups,
        method="t" if groups == n else "t, cluster-robust",
    )


def distance_limits(
    seen: float,
    *,
    simulated: Callable[[float], NDArray[np.float64]],
    at: Callable[[float], float],
    drawn: NDArray[np.float64],
    level: float,
) -> tuple[float, float]:
    """Limits of a distance from 0 whose estimate is too large, most so where the truth is 0.

    Percentiles of a bootstrap never cover a truth of 0: noise adds to the distance, and a resample
    adds it again. The lower limit is therefore of a test turned round: the least distance, on the
    way from none to what was seen, from which a sample is as far off as this one often enough. It
    is 0 where the sample does not tell the truth from 0. The upper limit is a percentile of draws
    round what was seen: twice too large, so rather too high.

    Args:
        seen: the distance in the sample, at least 0.
        simulated: from a share of the way, 0 for no distance and 1 for what was seen, to distances
            in samples from there, shape (draws,).
        at: from a share of the way to the distance there.
        drawn: distances in draws round what was seen, shape (draws,).
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        Limits that enclose what was seen.

    Source: the test inversion bootstrap of Carpenter (1999), J. R. Stat. Soc. B 61(1), 159-172.
    """
    tail = (1 - level) / 2
    high = float(np.quantile(drawn, 1 - tail))
    least, most = 0.0, 1.0
    if np.mean(simulated(0.0) >= seen) >= tail:
        return 0.0, max(seen, high)
    for _ in range(_HALVINGS):
        middle = (least + most) / 2
        if np.mean(simulated(middle) >= seen) < tail:
            least = middle
        else:
            most = middle
    return min(seen, at(least)), max(seen, high)
