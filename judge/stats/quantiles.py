"""Quantiles of times and of sizes, with limits that assume no shape."""

from math import ceil, log

import numpy as np

from judge.stats.clusters import (
    Codes,
    Numbers,
    cluster_codes,
    count_clusters,
    count_divisor,
    design_effect,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import wilson_limits


def quantile(
    values: Numbers, share: float, *, clusters: Codes | None = None, level: float = 0.95
) -> Estimate | Undefined:
    """Return the value that a share of all items stays at or below, with order statistics round it.

    Of independent items the limits are those whose ranks a binomial variable stays between; of
    clustered ones, the ranks of a Wilson interval of the share on counts over the design effect.

    Args:
        values: finite, shape (n,).
        share: in (0, 1); .5 for the median.
        clusters: integer cluster code per item, shape (n,); None if items are independent.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        The value in the unit of the values; Undefined where there are too few of them to have any
        beyond the limits: then nothing tells how far the quantile could be.

    Raises:
        ValueError: if a value is not finite, the share not in (0, 1), or the lengths differ.

    Source: David and Nagaraja (2003), Order Statistics, section 7.1; clusters: Woodruff (1952),
    J. Am. Stat. Assoc. 47(260), 635-646.
    """
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError("a quantile is of finite numbers, of shape (n,)")
    if not 0 < share < 1:
        raise ValueError(f"a quantile is of a share between 0 and 1, not {share}")
    codes = cluster_codes(clusters, n=values.size)
    n, groups = values.size, count_clusters(codes)
    ordered = np.sort(values.astype(np.float64))
    low, high = (
        _binomial_ranks(n, share, level=level)
        if groups == n
        else _clustered_ranks(values, share, codes, level=level)
    )
    if not 1 <= low <= high <= n:
        needed = _fewest(share, level=level)
        what = "items" if groups == n else "items in clusters of their own"
        return Undefined(
            reason=f"limits of the {100 * share:g} % quantile need about {needed} {what}", n=n
        )
    return Estimate(
        value=float(ordered[ceil(share * n) - 1]),
        low=float(ordered[low - 1]),
        high=float(ordered[high - 1]),
        level=level,
        n=n,
        n_clusters=groups,
        method="order statistics" if groups == n else "order statistics, cluster-robust",
    )


def _binomial_ranks(n: int, share: float, *, level: float) -> tuple[int, int]:
    """Return the ranks whose values enclose the quantile; outside 1 to n where there are none."""
    from scipy.special import bdtr  # 0.2 s to import: only when used

    chances = bdtr(np.arange(n), n, share) if n else np.empty(0)
    tail = (1 - level) / 2
    # At most so many values lie below the quantile with no more than half of what is left.
    return int((chances <= tail).sum()), int((chances < 1 - tail).sum()) + 1


def _clustered_ranks(
    values: Numbers, share: float, codes: Codes, *, level: float
) -> tuple[int, int]:
    n, groups = values.size, count_clusters(cluster_codes(codes, n=values.size))
    if groups == 1:
        return 0, n + 1
    found = np.sort(values)[ceil(share * n) - 1]
    effect = design_effect((values <= found).astype(np.float64), codes, level=level)
    size = n / count_divisor(effect, n=n, n_clusters=groups, level=level)
    low, high = wilson_limits(share, size=size, level=level)
    # As with independent items: one must lie beyond, and in a small sample none may.
    beyond = _fewest(share, level=level) <= size
    return (max(1, ceil(low * n)), min(n, ceil(high * n))) if beyond else (0, n + 1)


def _fewest(share: float, *, level: float) -> int:
    """Return the items among which one each lies on both sides of the quantile, nearly surely."""
    return ceil(log((1 - level) / 2) / log(max(share, 1 - share)))
