"""Two systems on the same items: what the student kept, and their difference."""

from dataclasses import dataclass
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
from judge.stats.multiplicity import PValue

_FEWEST_UNITS = 2
_FLAT = 1e-9  # of the largest score: a spread below it is rounding
_FAR_TAIL = 0.001
_NEAR_ZERO = 0.1  # of the teacher's mean
_NUMBERS_AT_ONCE = 2_000_000
_COST_OF_A_BINOMIAL = 8  # in drawn indices, measured
_EXACT_BELOW = 25  # discordant pairs
_MOST_EXACT_UNITS = 50
_MOST_EXACT_SUM = 200_000  # of doubled ranks: 50 steps over as many take 20 ms


@dataclass(frozen=True, slots=True, kw_only=True)
class McNemar:
    """Whether two systems pass the same share of the same items.

    Attributes:
        first_only: items that only the first system passes.
        second_only: items that only the second system passes.
        p_value: the exact one below 25 such items, the asymptotic one from there.
        exact: never rejects too often, and too seldom.
        mid_p: between the two: half of the chance of exactly these data is left out.
    """

    first_only: int
    second_only: int
    p_value: PValue
    exact: PValue
    mid_p: PValue


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


def mcnemar(first_only: int, second_only: int) -> McNemar | Undefined:
    """Test that two systems pass the same share of independent items.

    For clustered items use `signed_rank` on the passes, which then is this test by cluster.

    Args:
        first_only: items that only the first system passes.
        second_only: items that only the second system passes.

    Returns:
        Two-sided p-values, n counts the items on which the systems differ; Undefined without one.

    Raises:
        ValueError: if a count is negative.

    Source: McNemar (1947), Psychometrika 12(2), 153-157; the mid-p: Fagerland, Lydersen and Laake
    (2013), BMC Med. Res. Methodol. 13, 91.
    """
    from scipy.special import bdtr, chdtrc  # 0.2 s to import: only when used

    if min(first_only, second_only) < 0:
        raise ValueError(f"impossible counts: {first_only} and {second_only}")
    n, fewer = first_only + second_only, min(first_only, second_only)
    if n == 0:
        return Undefined(reason="the systems pass the same items: no item tells them apart")
    up_to = float(bdtr(fewer, n, 0.5))
    below = float(bdtr(fewer - 1, n, 0.5)) if fewer else 0.0
    exact = _p_value(min(1.0, 2 * up_to), n=n, method="mcnemar, exact")
    squared = (first_only - second_only) ** 2 / n
    asymptotic = _p_value(float(chdtrc(1, squared)), n=n, method="mcnemar, asymptotic")
    return McNemar(
        first_only=first_only,
        second_only=second_only,
        p_value=exact if n < _EXACT_BELOW else asymptotic,
        exact=exact,
        mid_p=_p_value(min(1.0, up_to + below), n=n, method="mcnemar, mid-p"),
    )


def signed_rank(
    first: Numbers, second: Numbers, *, clusters: Codes | None = None
) -> PValue | Undefined:
    """Test that the differences of two systems are symmetric about 0 (Wilcoxon), for grades.

    Items without a difference are left out, equal differences share their mean rank, and a
    cluster keeps or changes the sign of its summed ranks as a whole. Up to 50 such units the
    p-value is exact, given the ranks; from there it is asymptotic.

    Args:
        first: grades as ordered codes or scores, shape (n_items,).
        second: grades of the same items, shape (n_items,).
        clusters: integer cluster code per item, shape (n_items,); None if independent.

    Returns:
        A two-sided p-value, n counts the items with a difference; Undefined without one.

    Raises:
        ValueError: if a grade is not finite or the lengths differ.

    Source: Wilcoxon (1945), Biometrics Bulletin 1(6), 80-83; clusters: Rosner, Glynn and Lee
    (2006), Biometrics 62(1), 185-192.
    """
    pairs = _pairs(first, second)
    codes = cluster_codes(clusters, n=len(pairs))
    differences = pairs[:, 0] - pairs[:, 1]
    moved = np.flatnonzero(np.abs(differences) > _FLAT * np.abs(pairs).max(initial=0.0))
    if moved.size == 0:
        return Undefined(reason="no item tells the two systems apart", n=len(pairs))
    ranks = _doubled_ranks(np.abs(differences[moved]))
    units = cluster_codes(codes[moved], n=moved.size)
    sums = np.rint(np.bincount(units, weights=np.sign(differences[moved]) * ranks))
    exact = sums.size <= _MOST_EXACT_UNITS and np.abs(sums).sum() <= _MOST_EXACT_SUM
    return PValue(
        value=_exact_sign_flips(sums) if exact else _normal_sign_flips(sums),
        n=moved.size,
        n_clusters=sums.size,
        method=f"signed rank, {'exact' if exact else 'asymptotic'}",
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


def _p_value(value: float, *, n: int, method: str) -> PValue:
    return PValue(value=value, n=n, n_clusters=n, method=method)


def _doubled_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Twice the rank of each value, the mean rank where some are equal but for rounding."""
    rounded = np.rint(values / (_FLAT * values.max()))
    _, place, counts = np.unique(rounded, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (2 * last - counts + 1)[place].astype(np.float64)


def _exact_sign_flips(sums: NDArray[np.float64]) -> float:
    """Chance of a sum at least as far from 0 when each unit's sign is a fair coin."""
    sizes = np.abs(sums).astype(np.int64)
    total = int(sizes.sum())
    chances = np.zeros(total + 1)  # of the sum of the positive ones
    chances[0] = 1.0
    for size in sizes:
        shifted = np.concatenate([np.zeros(size), chances[: total + 1 - size]])
        chances = (chances + shifted) / 2
    sum_of_all = 2 * np.arange(total + 1) - total
    return min(1.0, float(chances[np.abs(sum_of_all) >= abs(sums.sum())].sum()))


def _normal_sign_flips(sums: NDArray[np.float64]) -> float:
    spread = sqrt(float(sums @ sums))
    if spread == 0:
        return 1.0
    return 2 * NormalDist().cdf(-abs(float(sums.sum())) / spread)
