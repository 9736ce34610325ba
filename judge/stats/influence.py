"""Three correlations of the scores of two sides, and how far each item moves them."""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import Numbers

CorrelationName: TypeAlias = Literal["pearson", "spearman", "kendall_tau_b"]
Floats: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.int64]

_BITS = 40  # of a score that count: what differs beyond them differs by rounding
_PERFECT = 1 - 1e-12


def group_correlations(
    first: Numbers, second: Numbers, *, statistic: CorrelationName, groups: Places
) -> Floats:
    """Correlate the two sides within each group of items.

    Args:
        first: finite scores, shape (n,), that vary in each group.
        second: finite scores of the same items, shape (n,), that vary in each group.
        statistic: Pearson's r, Spearman's rho on average ranks, or Kendall's tau-b.
        groups: codes 0 to G - 1, each used, shape (n,).

    Returns:
        One correlation per group, in [-1, 1], shape (G,). The cost is that of a few sorts,
        whatever the sizes of the groups.

    Source: Spearman (1904), Am. J. Psychol. 15(1), 72-101; tau-b: Kendall (1945), Biometrika
    33(3), 239-251.
    """
    if statistic == "kendall_tau_b":
        order, apart = _pair_counts(first, second, groups=groups)
        over = np.bincount(groups, weights=order)
        under = [np.sqrt(np.bincount(groups, weights=side)) for side in apart]
        return np.clip(over / under[0] / under[1], -1, 1)
    u, v = _standardised(first, second, statistic=statistic, groups=groups)
    return np.clip(np.bincount(groups, weights=u * v) / np.bincount(groups), -1, 1)


def correlation_influence(
    first: Numbers, second: Numbers, *, statistic: CorrelationName
) -> tuple[float, Floats]:
    """Correlate the two sides, and say how far each item moves the correlation.

    The mean of the influences is 0, and their spread over the square root of n is the standard
    error of the correlation, whatever the scores are distributed like and however many are tied.

    Args:
        first: finite scores that vary, shape (n,), n of at least 2.
        second: finite scores of the same items that vary, shape (n,).
        statistic: as `group_correlations`.

    Returns:
        The correlation, in [-1, 1], and the influence of each item, shape (n,): all 0 where the
        correlation is perfect.

    Source: the influence function of Hampel (1974), J. Am. Stat. Assoc. 69(346), 383-393, for the
    three: Croux and Dehon (2010), Stat. Methods Appl. 19(4), 497-515; with ties: derived here.
    """
    whole = np.zeros(first.size, dtype=np.int64)
    value = float(group_correlations(first, second, statistic=statistic, groups=whole)[0])
    if abs(value) >= _PERFECT:
        return float(np.sign(value)), np.zeros(first.size)
    if statistic == "pearson":
        moved = _pearson_influence(first, second, value)
    elif statistic == "spearman":
        moved = _spearman_influence(first, second, value)
    else:
        moved = _kendall_influence(first, second, value)
    return value, moved - moved.mean()


def rank_codes(scores: Numbers) -> Places:
    """Number the distinct scores in their order, shape (n,); equal but for rounding is equal."""
    return _numbered(without_rounding(scores))


def without_rounding(scores: Numbers) -> Floats:
    """Return the scores to twelve digits each, so that means that are equal compare as equal."""
    mantissas, exponents = np.frexp(scores.astype(np.float64))
    return np.asarray(np.ldexp(np.rint(np.ldexp(mantissas, _BITS)), exponents - _BITS))


def codes_within(scores: Numbers, groups: Places) -> Places:
    """Number the distinct pairs of group and score in their order, groups first, shape (n,)."""
    codes = rank_codes(scores)
    return _numbered(groups * (int(codes.max(initial=0)) + 1) + codes)


def _numbered(values: Floats | Places) -> Places:
    return np.asarray(np.unique(values, return_inverse=True)[1], dtype=np.int64)


def _standardised(
    first: Numbers, second: Numbers, *, statistic: CorrelationName, groups: Places
) -> tuple[Floats, Floats]:
    """Scores or average ranks with mean 0 and variance 1 in each group, shape (n,) each."""
    sides = [without_rounding(side) for side in (first, second)]
    if statistic == "spearman":
        # Ranks count on from group to group, which the groups' means take out again.
        sides = [_middles(codes_within(side, groups)) for side in sides]
    return _standard(sides[0], groups), _standard(sides[1], groups)


def _standard(scores: Floats, groups: Places) -> Floats:
    sizes = np.bincount(groups)
    largest = np.zeros(sizes.size)
    np.maximum.at(largest, groups, np.abs(scores))
    scaled = scores / largest[groups]  # squares neither overflow nor vanish
    centred = scaled - (np.bincount(groups, weights=scaled) / sizes)[groups]
    spread = np.sqrt(np.bincount(groups, weights=centred**2) / sizes)
    return np.asarray(centred / spread[groups], dtype=np.float64)


def _middles(codes: Places) -> Floats:
    """Items below each code and half of those at it, shape (n,): the average rank less 1/2."""
    counts = np.bincount(codes)
    return np.asarray((np.cumsum(counts) - counts / 2)[codes], dtype=np.float64)


def _pair_counts(
    first: Numbers, second: Numbers, *, groups: Places
) -> tuple[Floats, tuple[Floats, Floats]]:
    """Pairs of each item with the others of its group.

    Returns:
        Concordant less discordant ones, shape (n,), and those apart on either side, shape (n,).
    """
    one, other = codes_within(first, groups), codes_within(second, groups)
    both = _numbered(one * (int(other.max()) + 1) + other)
    sizes, tied, also_tied, same = (
        np.bincount(codes)[codes] for codes in (groups, one, other, both)
    )
    order = np.lexsort((other, one))
    discordant = np.empty(groups.size, dtype=np.int64)
    discordant[order] = _inversions(other[order])
    apart_on_both = sizes - tied - also_tied + same
    return (
        (apart_on_both - 2 * discordant).astype(np.float64),
        ((sizes - tied).astype(np.float64), (sizes - also_tied).astype(np.float64)),
    )


def _inversions(codes: Places) -> Places:
    """Places out of order with each place of a sequence, shape (n,).

    From the highest bit on, the sequence is parted by the bits seen so far, and within a part
    each 1 that stands before a 0 in the next bit is a pair out of order.
    """
    n, found, places = codes.size, np.zeros(codes.size, dtype=np.int64), np.arange(codes.size)
    for bit in reversed(range(int(codes.max(initial=0)).bit_length())):
        now = codes[places] >> bit
        ones, starts = now & 1, np.flatnonzero(np.diff(now >> 1, prepend=-1))
        sizes = np.diff(starts, append=n)
        start, seen = np.repeat(starts, sizes), np.cumsum(ones) - ones
        ones_before = seen - seen[start]
        zeros_before = np.arange(n) - start - ones_before
        zeros = np.repeat(sizes - np.add.reduceat(ones, starts), sizes)
        found[places] += np.where(ones == 1, zeros - zeros_before, ones_before)
        moved = start + np.where(ones == 1, zeros + ones_before, zeros_before)
        parted = np.empty_like(places)
        parted[moved] = places
        places = parted
    return found


def _pearson_influence(first: Numbers, second: Numbers, value: float) -> Floats:
    whole = np.zeros(first.size, dtype=np.int64)
    u, v = _standardised(first, second, statistic="pearson", groups=whole)
    return u * v - value / 2 * (u**2 + v**2)


def _spearman_influence(first: Numbers, second: Numbers, value: float) -> Floats:
    """Influence through the ranks of the item, of the others, and through the ties."""
    n, codes = first.size, (rank_codes(first), rank_codes(second))
    f, g = (_middles(side) / n - 1 / 2 for side in codes)
    shares = [np.bincount(side) / n for side in codes]
    spreads = [(1 - (share**3).sum()) / 12 for share in shares]
    together = f * g + _passed_on(codes[0], g) + _passed_on(codes[1], f)
    ties = sum(
        (share**2)[side] / spread
        for share, side, spread in zip(shares, codes, spreads, strict=True)
    )
    return np.asarray(together / np.sqrt(spreads[0] * spreads[1]) + value / 8 * ties)


def _passed_on(codes: Places, weights: Floats) -> Floats:
    """How an item moves the ranks of those above it, and by half of those at it."""
    sums = np.bincount(codes, weights=weights)
    above_or_at = sums.sum() - np.cumsum(sums) + sums
    return np.asarray((above_or_at - sums / 2)[codes] / weights.size, dtype=np.float64)


def _kendall_influence(first: Numbers, second: Numbers, value: float) -> Floats:
    whole = np.zeros(first.size, dtype=np.int64)
    order, (apart, also_apart) = _pair_counts(first, second, groups=whole)
    scale = np.sqrt(apart.mean()) * np.sqrt(also_apart.mean())
    turned = apart / apart.mean() + also_apart / also_apart.mean()
    return np.asarray(2 * order / scale - value * turned)
