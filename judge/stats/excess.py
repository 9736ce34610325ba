"""By how much a mean, or one of two means, lies above what it may be."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import Codes, Numbers, cluster_codes, count_clusters, student_quantile
from judge.stats.estimate import Estimate, Undefined
from judge.stats.multiplicity import PValue

_FEWEST_UNITS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """A mean, or a difference of two, and the test that it is above a bound.

    Attributes:
        p_value: one-sided, of a mean at most at the bound.
    """

    estimate: Estimate
    p_value: PValue


def excess(
    values: Numbers,
    *,
    over: float,
    inside: NDArray[np.bool_] | None = None,
    weights: Numbers | None = None,
    clusters: Codes | None = None,
    span: float = 1.0,
    level: float = 0.95,
) -> Excess | Undefined:
    """Test that a mean is above a bound, or the mean of some items above that of the others.

    Values that do not vary leave a variance all the same: that of as many of which one is unlike
    the others by the span. A sample without a failure does not make a population without one.

    Args:
        values: shape (n,).
        over: the bound.
        inside: which items are those whose mean is compared with that of the others, shape (n,);
            None for the mean of all.
        weights: of each item, above 0, such as 1 over its chance to be labelled, shape (n,).
        clusters: integer cluster code per item, shape (n,); None if items are independent.
        span: largest difference of two values that is possible, above 0.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        The mean or the difference, inside less outside; Undefined under two items or clusters of
        either side.

    Raises:
        ValueError: if a value is not finite, a weight not above 0, or the lengths differ.

    Source: Student (1908), Biometrika 6(1), 1-25, with the linearised variance by cluster and the
    degrees of freedom of Pan and Wall (2002), Stat. Med. 21(10), 1429-1441.
    """
    from scipy.special import stdtr  # 0.2 s to import: only when used

    n = values.size
    worth = np.ones(n) if weights is None else weights.astype(np.float64)
    if values.shape != worth.shape or not np.all(np.isfinite(values)) or not np.all(worth > 0):
        raise ValueError("values are finite numbers of shape (n,), weights above 0 of the same")
    codes = cluster_codes(clusters, n=n)
    sides = [(1.0, np.ones(n, dtype=bool) if inside is None else inside.astype(bool))]
    if inside is not None:
        sides.append((-1.0, ~sides[0][1]))
    value, least, moves = 0.0, 0.0, np.zeros(n)
    for sign, side in sides:
        if np.unique(codes[side]).size < _FEWEST_UNITS:
            return Undefined(reason="a mean needs at least two units to vary", n=n)
        total = float(worth[side].sum())
        mean = float(worth[side] @ values[side]) / total
        moves[side] = sign * worth[side] * (values[side] - mean) / total
        value += sign * mean
        size = total**2 / float(worth[side] @ worth[side])
        least += span**2 * (1 - 1 / size) / size**2
    groups = count_clusters(codes)
    sums = np.bincount(codes, weights=moves).astype(np.float64)
    error = sqrt(max(least, groups / (groups - 1) * float(sums @ sums)))
    plain = inside is None and groups == n
    degrees = float(n - 1) if plain else _degrees(sums)
    half = student_quantile(level, degrees=degrees) * error
    method = "t" if groups == n else "t, cluster-robust"
    return Excess(
        estimate=Estimate(
            value=value,
            low=value - half,
            high=value + half,
            level=level,
            n=n,
            n_clusters=groups,
            method=method,
        ),
        p_value=PValue(
            value=float(stdtr(degrees, (over - value) / error)),
            n=n,
            n_clusters=groups,
            method=f"{method}, one-sided",
        ),
    )


def _degrees(sums: NDArray[np.float64]) -> float:
    """Degrees of freedom of the variance, fewer where few clusters make most of it."""
    squares, most = sums**2, float(sums.size - 1)
    uncertainty = squares.size * float(squares.var())
    if uncertainty == 0:
        return most
    return min(most, max(1.0, 2 * float(squares.sum()) ** 2 / uncertainty))
