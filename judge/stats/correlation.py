"""Correlation of judge and human scores, be they grades or graduated.

The interval goes by what the scores are. Where both sides grade on few steps it is that of
`grades`. Other scores get Fisher's z with the variance of Bonett and Wright, or with the sample's
own where that is larger: theirs holds for ranks as if normal and without ties. The sample's own is
also what clusters go into, and it takes as many off their number as theirs takes off the items';
plain percentiles of a cluster bootstrap cover .81 to .95 with 10 or 20 clusters. A judge that
mostly copies graduated scores exactly is served by neither: what it gets wrong is too rare to be
seen in few items.

Source: Fisher (1921), Metron 1, 3-32; Bonett and Wright (2000), Psychometrika 65(1), 23-28; the
sample's own: `influence.correlation_influence`, with the clusters of `clusters.half_width`.
"""

from collections.abc import Mapping
from math import atanh, sqrt, tanh

import numpy as np

from judge.stats.clusters import (
    Codes,
    Numbers,
    cluster_codes,
    count_clusters,
    half_width,
    largest_design_effect,
    normal_quantile,
    why_too_few,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.grades import grades_correlation, why_constant
from judge.stats.influence import (
    CorrelationName,
    Floats,
    Places,
    correlation_influence,
    rank_codes,
)

_MOST_GRADES = 20  # distinct scores of a side, and half as many as items: else they are no grades
_LARGEST = 1e300
_FEWEST = 2
# Items that the variance of z does not count, of Bonett and Wright.
_LOST: Mapping[CorrelationName, int] = {"pearson": 3, "spearman": 3, "kendall_tau_b": 4}
_KENDALL = 0.437


def pearson(
    judge: Numbers,
    human: Numbers,
    *,
    rng: np.random.Generator,
    clusters: Codes | None = None,
    level: float = 0.95,
    draws: int = 4_000,
) -> Estimate | Undefined:
    """How close judge and human scores are to a line (Pearson's r).

    Its limits trust the tails: on scores whose logarithm is normal they cover .88 to .95. Use a
    rank correlation where a few scores are far out.

    Args:
        judge: scores, shape (n,).
        human: scores of the same items, shape (n,).
        rng: source of the draws, where both sides are grades.
        clusters: integer cluster code per item, shape (n,); None if items are independent.
        level: two-sided coverage aimed at, in (0, 1).
        draws: tables drawn.

    Returns:
        A number in [-1, 1]. Undefined where a side is constant; where there are under four items
        or clusters, of grades under two; and where graduated scores lie on one line: nothing tells
        how far off it others would be.

    Raises:
        ValueError: if a score is not finite or the lengths differ.

    Source: Pearson (1896), Philos. Trans. R. Soc. A 187, 253-318; limits: as the module.
    """
    return _correlation(
        judge,
        human,
        statistic="pearson",
        rng=rng,
        clusters=clusters,
        level=level,
        draws=draws,
    )


def spearman(
    judge: Numbers,
    human: Numbers,
    *,
    rng: np.random.Generator,
    clusters: Codes | None = None,
    level: float = 0.95,
    draws: int = 4_000,
) -> Estimate | Undefined:
    """How alike judge and human rank the items (Spearman's rho on average ranks).

    Args and errors are those of `pearson`.

    Returns:
        A number in [-1, 1]; Undefined where a side is constant, or where there are under four
        items or clusters, of grades under two. A perfect ranking of graduated scores has the limits
        of one with two neighbours exchanged.

    Source: Spearman (1904), Am. J. Psychol. 15(1), 72-101; limits: as the module.
    """
    return _correlation(
        judge,
        human,
        statistic="spearman",
        rng=rng,
        clusters=clusters,
        level=level,
        draws=draws,
    )


def kendall_tau_b(
    judge: Numbers,
    human: Numbers,
    *,
    rng: np.random.Generator,
    clusters: Codes | None = None,
    level: float = 0.95,
    draws: int = 4_000,
) -> Estimate | Undefined:
    """How much more often judge and human order two items alike than not (Kendall's tau-b).

    Args and errors are those of `pearson`.

    Returns:
        A number in [-1, 1]; Undefined where a side is constant, or where there are under five
        items or clusters, of grades under two. A perfect ranking of graduated scores has the limits
        of one with two neighbours exchanged.

    Source: Kendall (1945), Biometrika 33(3), 239-251; limits: as the module.
    """
    return _correlation(
        judge,
        human,
        statistic="kendall_tau_b",
        rng=rng,
        clusters=clusters,
        level=level,
        draws=draws,
    )


def fisher_correlation(
    judge: Numbers,
    human: Numbers,
    *,
    statistic: CorrelationName,
    clusters: Codes | None = None,
    level: float = 0.95,
    unit: str = "items",
) -> Estimate | Undefined:
    """Correlate graduated scores, with limits on the scale of Fisher's z.

    Args:
        judge: scores, shape (n,).
        human: scores of the same items, shape (n,).
        statistic: which correlation.
        clusters: integer cluster code per item, shape (n,); None if items are independent.
        level: two-sided coverage aimed at, in (0, 1).
        unit: what an item is called in a reason.

    Returns:
        As the three above, whatever the number of distinct scores.

    Raises:
        ValueError: if a score is not finite or the lengths differ.

    Source: as the module.
    """
    sides = checked_scores(judge, human)
    codes = cluster_codes(clusters, n=sides[0].size)
    reason = _why_none(sides, codes)
    if reason is not None:
        return Undefined(reason=reason, n=codes.size)
    return _graduated(sides, codes, statistic=statistic, level=level, unit=unit)


def checked_scores(judge: Numbers, human: Numbers) -> tuple[Floats, Floats]:
    """Return the scores of both sides, shape (n,) each, if they can be correlated.

    Raises:
        ValueError: if a score is not finite or the lengths differ.
    """
    if judge.ndim != 1 or judge.shape != human.shape:
        raise ValueError(f"scores have shapes {judge.shape} and {human.shape}, expected one (n,)")
    for side, scores in (("judge", judge), ("human", human)):
        broken = np.flatnonzero(~(np.abs(scores.astype(np.float64)) <= _LARGEST))
        if broken.size:
            raise ValueError(f"{side} score {int(broken[0])} is not a finite number")
    return judge.astype(np.float64), human.astype(np.float64)


def _correlation(
    judge: Numbers,
    human: Numbers,
    *,
    statistic: CorrelationName,
    rng: np.random.Generator,
    clusters: Codes | None,
    level: float,
    draws: int,
) -> Estimate | Undefined:
    sides = checked_scores(judge, human)
    codes = cluster_codes(clusters, n=sides[0].size)
    reason = _why_none(sides, codes)
    if reason is not None:
        return Undefined(reason=reason, n=codes.size)
    if max(_steps(side) for side in sides) > min(_MOST_GRADES, codes.size / 2):
        return _graduated(sides, codes, statistic=statistic, level=level, unit="items")
    return grades_correlation(sides, codes, statistic=statistic, rng=rng, level=level, draws=draws)


def _graduated(
    sides: tuple[Floats, Floats],
    codes: Places,
    *,
    statistic: CorrelationName,
    level: float,
    unit: str,
) -> Estimate | Undefined:
    n, groups = codes.size, count_clusters(codes)
    value, moved = correlation_influence(*sides, statistic=statistic)
    perfect = not moved.any()
    # Where no item moves it, nothing tells how alike the items of a cluster are: as if all were.
    size = n / largest_design_effect(codes) if perfect else float(n)
    lost = _LOST[statistic]
    if min(size, groups) <= lost:
        what = unit if groups == n else "clusters"
        return Undefined(reason=f"limits need more than {lost} independent {what}", n=n)
    if perfect and statistic == "pearson":
        return Undefined(
            reason=f"all {unit} lie on one line: nothing tells how far off it others would be, and "
            f"up to 3/{groups} of them may be",
            n=n,
        )
    bounded = max(-1.0, min(1.0, value))
    inside = bounded * _largest_below_1(size, statistic=statistic) if perfect else bounded
    half = normal_quantile(level) * sqrt(_z_variance(inside, size, statistic=statistic))
    if not perfect:
        own = half_width(moved, codes, level=level) / (1 - inside**2)
        half = max(half, own * sqrt((groups - 1) / (groups - lost)))
    low, high = tanh(atanh(inside) - half), tanh(atanh(inside) + half)
    return Estimate(
        value=bounded,
        low=min(low, bounded),
        high=max(high, bounded),
        level=level,
        n=n,
        n_clusters=groups,
        method="fisher z" if groups == n else "fisher z, cluster-robust",
    )


def _z_variance(value: float, size: float, *, statistic: CorrelationName) -> float:
    """Variance of Fisher's z of a correlation, of Bonett and Wright (2000)."""
    factors: Mapping[CorrelationName, float] = {
        "pearson": 1.0,
        "spearman": 1 + value**2 / 2,
        "kendall_tau_b": _KENDALL,
    }
    return factors[statistic] / (size - _LOST[statistic])


def _largest_below_1(size: float, *, statistic: CorrelationName) -> float:
    """Return the rank correlation of a ranking that is perfect but for two neighbours."""
    if statistic == "spearman":
        return 1 - 12 / (size * (size**2 - 1))
    return 1 - 4 / (size * (size - 1))


def _why_none(sides: tuple[Floats, Floats], codes: Places) -> str | None:
    if codes.size < _FEWEST:
        return "a correlation needs at least two items scored by both sides"
    constant = why_constant(judge=_steps(sides[0]), human=_steps(sides[1]))
    return constant or why_too_few(count_clusters(codes), n=codes.size)


def _steps(scores: Floats) -> int:
    return int(rank_codes(scores).max()) + 1
