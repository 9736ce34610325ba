"""How the mean of a part differs from that of the rest."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import (
    Codes,
    Numbers,
    cluster_codes,
    count_clusters,
    student_quantile,
    variance_degrees,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.multiplicity import PValue

_FEWEST = 2  # items on either side, and clusters
_FLAT = 1e-9  # of the largest value: a spread below it is rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class PartContrast:
    """A part against the rest.

    Attributes:
        difference: mean of the part less mean of the rest, in the unit of the values.
        p_value: two-sided, of no difference.
    """

    difference: Estimate
    p_value: PValue


def part_against_rest(
    values: Numbers,
    member: NDArray[np.bool_],
    *,
    weights: Numbers | None = None,
    clusters: Codes | None = None,
    level: float = 0.95,
) -> PartContrast | Undefined:
    """Mean of a part less mean of the rest, robust to clusters that reach into both.

    Args:
        values: shape (n,).
        member: whether each item is in the part, shape (n,).
        weights: such as inverse chances of inclusion, above 0, shape (n,); None for equal ones.
        clusters: integer cluster code per item, shape (n,); None if items are independent.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        The difference with its test; Undefined where a side has under two items, under two
        clusters there are, or nothing varies.

    Source: the linearised difference of two weighted means, Binder (1983), Int. Stat. Rev. 51(3),
    279-292; degrees of freedom as `clusters.variance_degrees`.
    """
    from scipy.special import stdtr  # 0.2 s to import: only when used

    n, codes = values.size, cluster_codes(clusters, n=values.size)
    groups, inside = count_clusters(codes), int(member.sum())
    if min(inside, n - inside, groups) < _FEWEST:
        return Undefined(reason="a part and its rest need two items each, of two clusters", n=n)
    numbers = values.astype(np.float64)
    weigh = np.ones(n) if weights is None else weights.astype(np.float64)
    moved, means = np.zeros(n), []
    for side, sign in ((member, 1.0), (~member, -1.0)):
        share = weigh[side] / weigh[side].sum()
        means.append(float(share @ numbers[side]))
        moved[side] = sign * share * (numbers[side] - means[-1])
    sums = np.bincount(codes, weights=moved)
    error = sqrt(groups / (groups - 1) * float(sums @ sums))
    if error <= _FLAT * max(1e-300, float(np.abs(numbers).max())):
        return Undefined(reason="nothing varies within the part or the rest", n=n)
    value, degrees = means[0] - means[1], variance_degrees(n * moved, codes)
    half = student_quantile(level, degrees=degrees) * error
    return PartContrast(
        difference=Estimate(
            value=value,
            low=value - half,
            high=value + half,
            level=level,
            n=n,
            n_clusters=groups,
            method="part less rest, t",
        ),
        p_value=PValue(
            value=float(2 * stdtr(degrees, -abs(value) / error)),
            n=n,
            n_clusters=groups,
            method="part against rest, t",
        ),
    )
