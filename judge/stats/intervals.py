"""Intervals for a share or for a mean of bounded scores."""

from math import isfinite, sqrt

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import (
    Codes,
    Numbers,
    cluster_codes,
    count_clusters,
    count_divisor,
    design_effect,
    half_width,
    largest_design_effect,
    normal_quantile,
    why_too_few,
)
from judge.stats.estimate import Estimate, Undefined

_FLAT = 1e-9  # of the scale: a half-width below it is rounding, not spread
_FEWEST_FOR_SPREAD = 2


def wilson_interval(
    successes: int,
    n: int,
    *,
    level: float = 0.95,
    design_effect: float = 1.0,
    n_clusters: int | None = None,
) -> Estimate | Undefined:
    """Score interval for a binomial proportion.

    Args:
        successes: items that passed; 0 <= successes <= n.
        n: items scored. An item that failed to be scored is not counted here.
        level: two-sided coverage aimed at, in (0, 1).
        design_effect: divides the counts behind the limits, at least 1; the value stays.
        n_clusters: clusters the items came in, for Student's quantile; None if independent.

    Returns:
        The share of passes, a fraction in [0, 1], with its limits; Undefined where n is 0 or
        all items come from one cluster.

    Raises:
        ValueError: if the counts are impossible or the design effect is under 1.

    Source: Wilson (1927), J. Am. Stat. Assoc. 22(158), 209-212; counts over the design effect:
    Korn and Graubard (1998), Survey Methodology 24(2), 193-201.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} items is impossible")
    if n == 0:
        return Undefined(reason="a proportion needs at least one scored item")
    too_few = why_too_few(n_clusters, n=n)
    if too_few is not None:
        return Undefined(reason=too_few, n=n)
    divisor = count_divisor(design_effect, n=n, n_clusters=n_clusters, level=level)
    low, high = wilson_limits(successes / n, size=n / divisor, level=level)
    return Estimate(
        value=successes / n,
        low=low,
        high=high,
        level=level,
        n=n,
        n_clusters=n if n_clusters is None else n_clusters,
        method="wilson" if divisor == 1 else "wilson, counts over the design effect",
    )


def wilson_limits(share: float, *, size: float, level: float) -> tuple[float, float]:
    """Wilson's limits for a share of `size` independent items, which need not be a whole number.

    Args:
        share: in [0, 1].
        size: items, or as many as they are worth, above 0.
        level: two-sided coverage aimed at, in (0, 1).

    Source: as `wilson_interval`.
    """
    z = normal_quantile(level)
    shrink = 1 + z**2 / size
    centre = (share + z**2 / (2 * size)) / shrink
    half = z * sqrt(share * (1 - share) / size + z**2 / (4 * size**2)) / shrink
    # The exact limits touch 0 and 1 at the ends; rounding may step outside.
    return max(0.0, centre - half), min(1.0, centre + half)


def proportion(
    values: Numbers, clusters: Codes | None = None, *, level: float = 0.95
) -> Estimate | Undefined:
    """Share of ones, with a Wilson interval on counts divided by their design effect.

    Args:
        values: 0 or 1 per item, shape (n,).
        clusters: integer cluster code per item, shape (n,); None if items are independent.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        The share, a fraction in [0, 1]; Undefined without items or with one cluster of several.

    Raises:
        ValueError: if a value is not 0 or 1, or the lengths differ.

    Source: as `wilson_interval`; the design effect is that of `clusters.design_effect`.
    """
    scores = _bounded(values, lower=0, upper=1)
    if not np.all((scores == 0) | (scores == 1)):
        raise ValueError("a proportion is of zeros and ones; use bounded_mean for graded scores")
    n_clusters = count_clusters(cluster_codes(clusters, n=scores.size))
    return wilson_interval(
        int(scores.sum()),
        scores.size,
        level=level,
        design_effect=1.0 if clusters is None else design_effect(scores, clusters, level=level),
        n_clusters=n_clusters,
    )


def bounded_mean(
    values: Numbers,
    clusters: Codes | None = None,
    *,
    lower: float,
    upper: float,
    level: float = 0.95,
) -> Estimate | Undefined:
    """Mean of a bounded score, with a t interval that is robust to clusters.

    Scores that do not vary have no t interval. They get the Wilson interval of their mean
    mapped to [0, 1]: no variable within the bounds varies more than the one that is always at
    one of them, so that interval is too wide rather than too narrow; for the same reason it
    takes the items of a cluster to agree always.

    Args:
        values: scores in [lower, upper], shape (n,).
        clusters: integer cluster code per item, shape (n,); None if items are independent.
        lower: least score of the scale.
        upper: largest score of the scale.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        The mean, limits cut at the bounds; Undefined under two items or two clusters.

    Raises:
        ValueError: if a value is not finite or out of bounds, or the lengths differ.

    Source: Student (1908), Biometrika 6(1), 1-25; clusters: as `clusters.half_width`; largest
    variance for a mean: Bhatia and Davis (2000), Am. Math. Monthly 107(4), 353-357.
    """
    scores = _bounded(values, lower=lower, upper=upper)
    codes = cluster_codes(clusters, n=scores.size)
    groups = count_clusters(codes)
    if groups < _FEWEST_FOR_SPREAD:
        what = "cluster" if clusters is not None else "item"
        return Undefined(reason=f"a mean needs at least two {what}s to vary", n=scores.size)
    mean = float(scores.mean())
    half = half_width(scores, codes, level=level)
    low, high, method = max(lower, mean - half), min(upper, mean + half), "t"
    if half <= _FLAT * (upper - lower):
        low, high = _flat_limits(mean, codes, lower=lower, upper=upper, level=level)
        method = "wilson, scores do not vary"
    elif groups < scores.size:
        method = "t, cluster-robust"
    return Estimate(
        value=mean, low=low, high=high, level=level, n=scores.size, n_clusters=groups, method=method
    )


def exact_lower_bound(successes: int, n: int, *, level: float = 0.95) -> float | Undefined:
    """Exact one-sided lower limit of a binomial proportion.

    Args:
        successes: items that passed; 0 <= successes <= n.
        n: independent items.
        level: one-sided, in (0, 1).

    Returns:
        A rate in [0, 1]; Undefined without items.

    Raises:
        ValueError: if the counts are impossible.

    Source: Clopper and Pearson (1934), Biometrika 26(4), 404-413.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} items is impossible")
    if n == 0:
        return Undefined(reason="a proportion needs at least one item")
    if successes == 0:
        return 0.0
    from scipy.special import betaincinv  # 0.2 s to import: only when used

    return float(betaincinv(successes, n - successes + 1, 1 - level))


def manski_bounds(
    total: float, scored: int, *, missing: int, lower: float, upper: float
) -> tuple[float, float] | Undefined:
    """Least and largest mean that the missing scores leave possible.

    Args:
        total: sum of the scores at hand.
        scored: how many scores `total` sums.
        missing: items without a score.
        lower: least score of the scale.
        upper: largest score of the scale.

    Returns:
        The mean over all items if every missing score were `lower`, and if `upper`; Undefined
        without items.

    Raises:
        ValueError: if a count is negative or `total` is not a sum of scores in the bounds.

    Source: Manski (2003), Partial Identification of Probability Distributions, chapter 1.
    """
    if scored < 0 or missing < 0 or not lower < upper:
        raise ValueError(f"impossible: {scored} scored, {missing} missing, in [{lower}, {upper}]")
    rounding = _FLAT * (upper - lower) * scored
    if not scored * lower - rounding <= total <= scored * upper + rounding:
        raise ValueError(f"{scored} scores in [{lower}, {upper}] cannot sum to {total}")
    n = scored + missing
    if n == 0:
        return Undefined(reason="a mean needs at least one item")
    return (total + missing * lower) / n, (total + missing * upper) / n


def _flat_limits(
    mean: float, codes: NDArray[np.int64], *, lower: float, upper: float, level: float
) -> tuple[float, float]:
    divisor = count_divisor(
        largest_design_effect(codes), n=codes.size, n_clusters=count_clusters(codes), level=level
    )
    share = min(1.0, max(0.0, (mean - lower) / (upper - lower)))
    low, high = wilson_limits(share, size=codes.size / divisor, level=level)
    return lower + low * (upper - lower), lower + high * (upper - lower)


def _bounded(values: Numbers, *, lower: float, upper: float) -> NDArray[np.float64]:
    if not (isfinite(lower) and isfinite(upper) and lower < upper):
        raise ValueError(f"[{lower}, {upper}] is not a scale")
    if values.ndim != 1:
        raise ValueError(f"scores have shape {values.shape}, expected (n,)")
    scores = values.astype(np.float64)
    outside = np.flatnonzero(~((scores >= lower) & (scores <= upper)))  # a NaN is outside too
    if outside.size:
        first = int(outside[0])
        raise ValueError(f"score {first} is {scores[first]}, outside [{lower}, {upper}]")
    return scores
