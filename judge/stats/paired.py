"""Two systems on the same items: what the student kept, and their difference."""

from math import sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import (
    Codes,
    Numbers,
    cluster_codes,
    count_clusters,
    half_width,
    student_quantile,
)
from judge.stats.estimate import Estimate, Undefined

_FEWEST_UNITS = 2
_FLAT = 1e-9  # of the largest score: a spread below it is rounding
_FAR_TAIL = 0.001
_NEAR_ZERO = 0.1  # of the teacher's mean
_NUMBERS_AT_ONCE = 2_000_000
_COST_OF_A_BINOMIAL = 8  # in drawn indices, measured


def retained(
    student: Numbers,
    teacher: Numbers,
    *,
    rng: np.random.Generator,
    clusters: Codes | None = None,
    level: float = 0.95,
    draws: int = 10_000,
) -> Estimate | Undefined:
    """Mean of the student over mean of the teacher on the same items.

    The limits are percentiles over resamples of whole items, or of whole clusters. The tails
    are taken a little further out, as Student's quantile is from z and the standard deviation
    over n - 1 from the one over n: with 20 clusters plain percentiles are 9 % too narrow.

    Args:
        student: scores, shape (n_items,).
        teacher: scores of the same items, shape (n_items,).
        rng: source of the resamples.
        clusters: integer cluster code per item, shape (n_items,); None if independent.
        level: two-sided coverage aimed at, in (0, 1).
        draws: resamples.

    Returns:
        The ratio, 1 where the student is as good. Undefined under two items or two clusters;
        where the teacher's mean is not above 0, or came within a tenth of its value of 0 in one
        resample of a thousand (the ratio then has no upper limit worth the name); and where no
        resample moves the ratio.

    Raises:
        ValueError: if a score is not finite or the lengths differ.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13; tails:
    Hesterberg (2015), Am. Stat. 69(4), 371-386 (expanded percentile interval).
    """
    pairs = _pairs(student, teacher)
    n, codes = len(pairs), cluster_codes(clusters, n=len(pairs))
    groups = count_clusters(codes)
    reason = _why_too_few(clusters, groups=groups) or _why_no_teacher(pairs[:, 1])
    if reason is not None:
        return Undefined(reason=reason, n=n)
    sums = _resampled_sums(_cluster_sums(pairs, codes), draws=draws, rng=rng)
    reason = _why_no_ratio(sums, groups=groups)
    if reason is not None:
        return Undefined(reason=reason, n=n)
    tails = _expanded_tails(level, groups=groups)
    low, high = (float(limit) for limit in np.quantile(sums[:, 0] / sums[:, 1], tails))
    value = float(pairs[:, 0].sum() / pairs[:, 1].sum())
    return Estimate(
        value=value,
        # A skewed ratio may, at a low level, leave the value outside its own percentiles.
        low=min(low, value),
        high=max(high, value),
        level=level,
        n=n,
        n_clusters=groups,
        method="bootstrap percentiles" if groups == n else "cluster bootstrap percentiles",
    )


def paired_difference(
    first: Numbers, second: Numbers, *, clusters: Codes | None = None, level: float = 0.95
) -> Estimate | Undefined:
    """Mean of first minus second on the same items, with a t interval robust to clusters.

    Args:
        first: scores, shape (n_items,).
        second: scores of the same items, shape (n_items,).
        clusters: integer cluster code per item, shape (n_items,); None if independent.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        The mean difference in the unit of the scores; Undefined under two items or two clusters,
        and where no item differs from the others: equal differences in a sample do not make
        equal differences in the population, and the scores alone do not bound them.

    Raises:
        ValueError: if a score is not finite or the lengths differ.

    Source: Student (1908), Biometrika 6(1), 1-25; clusters: as `clusters.half_width`.
    """
    pairs = _pairs(first, second)
    n, codes = len(pairs), cluster_codes(clusters, n=len(pairs))
    groups = count_clusters(codes)
    reason = _why_too_few(clusters, groups=groups)
    if reason is not None:
        return Undefined(reason=reason, n=n)
    differences = pairs[:, 0] - pairs[:, 1]
    half = half_width(differences, codes, level=level)
    if half <= _FLAT * float(np.abs(pairs).max()):
        return Undefined(reason=f"the difference does not vary: {_rule_of_three(groups)}", n=n)
    mean = float(differences.mean())
    return Estimate(
        value=mean,
        low=mean - half,
        high=mean + half,
        level=level,
        n=n,
        n_clusters=groups,
        method="paired t" if groups == n else "paired t, cluster-robust",
    )


def _pairs(first: Numbers, second: Numbers) -> NDArray[np.float64]:
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(f"scores have shapes {first.shape} and {second.shape}, expected one (n,)")
    pairs = np.column_stack([first, second]).astype(np.float64)
    broken = np.flatnonzero(~np.isfinite(pairs).all(axis=1))
    if broken.size:
        raise ValueError(f"the scores of item {int(broken[0])} are not both finite numbers")
    return pairs


def _cluster_sums(pairs: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.column_stack([np.bincount(codes, weights=side) for side in pairs.T])


def _resampled_sums(
    units: NDArray[np.float64], *, draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Sum both columns over resamples of the units, shape (draws, 2).

    Units with the same pair are interchangeable, so where pairs repeat, how often each is drawn
    is drawn instead: the same distribution at a cost that does not grow with the units.
    """
    # A pair read as one complex number sorts ten times faster than a row of two.
    found, counts = np.unique(units.view(np.complex128)[:, 0], return_counts=True)
    patterns = found.view(np.float64).reshape(-1, 2)
    repeats = len(patterns) * _COST_OF_A_BINOMIAL <= len(units)
    width = len(patterns) if repeats else len(units)
    some = max(1, _NUMBERS_AT_ONCE // width)
    sizes = [min(some, draws - start) for start in range(0, draws, some)]
    if repeats:
        shares = counts / len(units)
        return np.vstack([rng.multinomial(len(units), shares, size=k) @ patterns for k in sizes])
    # Sorted, so that the order of the rows changes nothing.
    first, second = np.repeat(patterns, counts, axis=0).T.copy()
    chosen = (rng.integers(0, width, size=(k, width), dtype=np.int32) for k in sizes)
    both = [np.stack([first[c].sum(axis=1), second[c].sum(axis=1)], axis=1) for c in chosen]
    return np.vstack(both)


def _expanded_tails(level: float, *, groups: int) -> tuple[float, float]:
    reach = sqrt(groups / (groups - 1)) * student_quantile(level, degrees=groups - 1)
    tail = NormalDist().cdf(-reach)
    return tail, 1 - tail


def _why_too_few(clusters: Codes | None, *, groups: int) -> str | None:
    if groups >= _FEWEST_UNITS:
        return None
    return f"two systems need at least two {'items' if clusters is None else 'clusters'} to vary"


def _why_no_teacher(teacher: NDArray[np.float64]) -> str | None:
    if teacher.mean() > 0:
        return None
    return "the teacher's mean is not above 0: there is nothing to keep a share of"


def _why_no_ratio(sums: NDArray[np.float64], *, groups: int) -> str | None:
    teacher = sums[:, 1]
    if teacher.min() <= 0 or np.quantile(teacher, _FAR_TAIL) <= _NEAR_ZERO * teacher.mean():
        return "the teacher's mean could be 0 for all the items tell: the share has no limits"
    ratios = sums[:, 0] / teacher
    if np.ptp(ratios) <= _FLAT * np.abs(ratios).max():
        return f"no item moves the share: {_rule_of_three(groups)}"
    return None


def _rule_of_three(n: int) -> str:
    """Say what is left open when none of n units differs (95 %).

    Source: Hanley and Lippman-Hand (1983), J. Am. Med. Assoc. 249(13), 1743-1745.
    """
    return f"how far it could move cannot be told; up to 3/{n} of all units may be unlike these"
