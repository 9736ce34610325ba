"""How far several raters agree with each other, with labels that may be missing."""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.stats.agreement import Weights
from judge.stats.clusters import (
    Codes,
    Numbers,
    cluster_codes,
    count_clusters,
    normal_quantile,
    student_quantile,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.patterns import (
    Floats,
    LabelPatterns,
    bootstrap_estimate,
    category_values,
    clusters_of,
    label_patterns,
    why_no_spread,
)

Metric: TypeAlias = Literal["nominal", "ordinal", "interval"]

_PAIR = 2
_PRIOR = 0.5  # of a unit that agrees, and of one that does not: Jeffreys'


def krippendorff_alpha(
    labels: Codes,
    *,
    n_categories: int,
    metric: Metric,
    rng: np.random.Generator,
    values: Numbers | None = None,
    clusters: Codes | None = None,
    level: float = 0.95,
    draws: int = 4_000,
) -> Estimate | Undefined:
    """Agreement of any raters beyond what their labels, shuffled over the units, would show.

    The limits are of `patterns.bootstrap_estimate`, with half a unit that agrees and half a unit
    whose two labels differ, of any category alike, for what was not seen.

    Args:
        labels: category codes in the order of the scale, -1 for no label, shape
            (n_units, n_raters). A unit with one label alone says nothing and is left out.
        n_categories: categories of the scale, used or not.
        metric: cost of a disagreement: 1; the squared labels between the two; or the squared
            difference of their values.
        rng: source of the draws.
        values: what each category is worth, for the interval metric, shape (K,); None for equal
            steps.
        clusters: integer cluster code per unit, shape (n_units,); None if units are independent.
        level: two-sided coverage aimed at, in (0, 1).
        draws: of the bootstrap.

    Returns:
        Alpha in [-1, 1], n counts the units with two labels or more. Undefined under two of them
        or their clusters, and where all their labels have one and the same value.

    Raises:
        ValueError: if a label is off the scale, the lengths differ, or the values are not K finite
            numbers of which two differ.

    Source: Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section E.
    """
    return _corrected_for_chance(
        labels,
        metric=metric,
        values=_values(values, metric=metric, n_categories=n_categories),
        by_label=True,
        rng=rng,
        clusters=clusters,
        level=level,
        draws=draws,
    )


def fleiss_kappa(
    labels: Codes,
    *,
    n_categories: int,
    rng: np.random.Generator,
    clusters: Codes | None = None,
    level: float = 0.95,
    draws: int = 4_000,
) -> Estimate | Undefined:
    """Agreement of any raters beyond chance, each unit weighing the same however often labelled.

    It is nominal alpha but for that weight and a correction for few labels.

    Args:
        labels: as in `krippendorff_alpha`, shape (n_units, n_raters).
        n_categories: categories of the scale, used or not.
        rng: source of the draws.
        clusters: as in `krippendorff_alpha`, shape (n_units,).
        level: two-sided coverage aimed at, in (0, 1).
        draws: of the bootstrap.

    Returns:
        Kappa in [-1, 1]; n and Undefined as in `krippendorff_alpha`.

    Raises:
        ValueError: if a label is off the scale or the lengths differ.

    Source: Fleiss (1971), Psychol. Bull. 76(5), 378-382; unequal numbers of labels: Fleiss and
    Cuzick (1979), Appl. Psychol. Meas. 3(4), 537-542.
    """
    return _corrected_for_chance(
        labels,
        metric="nominal",
        values=np.arange(n_categories, dtype=np.float64),
        by_label=False,
        rng=rng,
        clusters=clusters,
        level=level,
        draws=draws,
    )


def gwet_ac(
    labels: Codes,
    *,
    n_categories: int,
    weights: Weights = "none",
    clusters: Codes | None = None,
    level: float = 0.95,
) -> Estimate | Undefined:
    """Agreement of any raters beyond a chance that does not grow where one category is common.

    AC1, or AC2 with weights. The limits are Jeffreys' for a share like the observed agreement, of
    as many independent units as give it Gwet's variance, mapped to the scale of the coefficient.
    The variance is that of the units and of half a unit that agrees and half a unit that does not,
    as in `krippendorff_alpha`: without them it is 0 where all units agree. With quadratic weights,
    two raters and K = 5 the limits lie too high: coverage .87 at n = 20, .91 at 30, .93 at 100.

    Args:
        labels: category codes in the order of the scale, -1 for no label, shape
            (n_units, n_raters). A unit with one label alone counts for the chance only.
        n_categories: categories of the scale, used or not.
        weights: cost of a disagreement over d steps: 1, d, or d^2.
        clusters: integer cluster code per unit, shape (n_units,); None if units are independent.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        The coefficient, at most 1, n counts the units with two labels or more; Undefined under
        two of them or their clusters. It is 1 where all labels are of one category.

    Raises:
        ValueError: if a label is off the scale or the lengths differ.

    Source: Gwet (2008), Br. J. Math. Stat. Psychol. 61(1), 29-48; AC2 and missing labels: Gwet
    (2014), Handbook of Inter-Rater Reliability, 4th ed., chapters 3 to 5. How many units have but
    one label is taken as given, where Gwet counts its spread too. Clustered: sums by cluster, as
    in `clusters.mean_variance`.
    """
    patterns = label_patterns(labels, n_categories=n_categories, fewest=1)
    groups = clusters_of(patterns.units, clusters, n_units=len(labels))
    in_pairs = np.flatnonzero((patterns.counts.sum(axis=1) >= _PAIR)[patterns.place])
    pair_codes = cluster_codes(
        clusters_of(in_pairs, groups, n_units=patterns.units.size), n=in_pairs.size
    )
    n, n_clusters = in_pairs.size, count_clusters(pair_codes)
    reason = why_no_spread(n_clusters)
    if reason is not None:
        return Undefined(reason=reason, n=n)
    agreeing = 1 - _costs(n_categories, weights=weights)
    observed, expected, _ = _gwet_parts(patterns.counts, patterns.occurrences, agreeing)
    codes = cluster_codes(groups, n=patterns.units.size)
    size = _gwet_size(patterns, codes, agreeing=agreeing, level=level)
    limits = _jeffreys_limits(observed, size=size, level=level)
    value, low, high = ((share - expected) / (1 - expected) for share in (observed, *limits))
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        level=level,
        n=n,
        n_clusters=n_clusters,
        method="jeffreys, gwet's variance" + ("" if n_clusters == n else ", cluster-robust"),
    )


def _gwet_parts(
    counts: NDArray[np.int64], occurrences: NDArray[np.integer | np.floating], agreeing: Floats
) -> tuple[float, float, Floats]:
    """Observed and expected agreement, and how far a unit of each pattern moves the coefficient."""
    totals, categories = counts.sum(axis=1), counts.shape[1]
    paired = totals >= _PAIR
    pairs = (counts * (counts @ agreeing - 1)).sum(axis=1)
    within = np.where(paired, pairs / np.maximum(totals * (totals - 1), 1), 0.0)
    whole, in_pairs = float(occurrences.sum()), float(occurrences[paired].sum())
    observed = float(occurrences @ within) / in_pairs
    profiles = counts / totals[:, np.newaxis]
    shares = occurrences @ profiles / whole
    by_chance = float(agreeing.sum()) / (categories * (categories - 1)) * profiles @ (1 - shares)
    expected = float(occurrences @ by_chance) / whole
    value = (observed - expected) / (1 - expected)
    agreed = whole / in_pairs * np.where(paired, within - observed, 0.0)
    moved = (agreed - 2 * (1 - value) * (by_chance - expected)) / (1 - expected)
    return observed, expected, np.asarray(moved, dtype=np.float64)


def _gwet_size(
    patterns: LabelPatterns, codes: NDArray[np.int64], *, agreeing: Floats, level: float
) -> float:
    """Independent units that would give the observed agreement the variance of the coefficient."""
    pairs, prior = _prior_pairs(patterns.counts.shape[1])
    counts, seen = np.concatenate([patterns.counts, pairs]), len(patterns.counts)
    groups = count_clusters(codes)
    # Where units come in clusters, so do those that the prior holds possible.
    cluster_size = codes.size / groups
    occurrences = np.concatenate([patterns.occurrences, prior * cluster_size])
    observed, expected, moved = _gwet_parts(counts, occurrences, agreeing)
    sums = np.bincount(codes, weights=moved[patterns.place])
    squares = groups / (groups - 1) * float(sums @ sums)
    squares += float(prior @ (cluster_size * moved[seen:]) ** 2)
    variance = squares / float(occurrences.sum()) ** 2 * (1 - expected) ** 2
    reach = student_quantile(level, degrees=groups - 1) / normal_quantile(level)
    return observed * (1 - observed) / variance / reach**2


def _jeffreys_limits(share: float, *, size: float, level: float) -> tuple[float, float]:
    """Limits of a share of independent units that need not be whole, from Beta(1/2, 1/2)."""
    from scipy.special import betaincinv  # 0.2 s to import: only when used

    hits, misses = size * share + 0.5, size * (1 - share) + 0.5
    low, high = (
        float(betaincinv(hits, misses, tail)) for tail in ((1 - level) / 2, (1 + level) / 2)
    )
    return low, high


def _costs(categories: int, *, weights: Weights) -> Floats:
    """Cost of each disagreement, shape (K, K), 1 for the furthest."""
    steps = np.abs(np.subtract.outer(np.arange(categories), np.arange(categories)))
    powers = {"none": 0, "linear": 1, "quadratic": 2}
    costs = np.where(steps > 0, (steps / (categories - 1)) ** powers[weights], 0.0)
    return np.asarray(costs, dtype=np.float64)


def _corrected_for_chance(
    labels: Codes,
    *,
    metric: Metric,
    values: Floats,
    by_label: bool,
    rng: np.random.Generator,
    clusters: Codes | None,
    level: float,
    draws: int,
) -> Estimate | Undefined:
    """Return 1 - observed / expected disagreement, a unit weighing as its labels or as any."""
    patterns = label_patterns(labels, n_categories=values.size, fewest=_PAIR)
    groups = clusters_of(patterns.units, clusters, n_units=len(labels))
    n, seen = patterns.units.size, len(patterns.counts)
    reason = _why_no_chance(patterns.counts, metric=metric, values=values)
    if reason is not None:
        return Undefined(reason=reason, n=n)
    pairs, prior = _prior_pairs(patterns.counts.shape[1])
    counts = np.concatenate([patterns.counts, pairs]).astype(np.float64)
    sizes, few = np.ones(len(counts)), 1.0
    if by_label:
        in_all = patterns.occurrences @ patterns.counts.sum(axis=1)
        sizes = np.where(np.arange(len(counts)) < seen, counts.sum(axis=1), in_all / n)
        few = 1 - 1 / in_all

    def statistic(weights: Floats) -> Floats:
        observed, expected = _disagreement(weights * sizes, counts, metric=metric, values=values)
        ratio = np.full(len(weights), np.nan)
        np.divide(observed, expected, out=ratio, where=expected > 0)
        return np.clip(1 - few * ratio, -1, 1)

    return bootstrap_estimate(
        statistic,
        occurrences=patterns.occurrences,
        prior=prior,
        influence=_influence(patterns, sizes[:seen], metric=metric, values=values),
        place=patterns.place,
        clusters=groups,
        rng=rng,
        level=level,
        draws=draws,
    )


def _disagreement(
    weights: Floats, counts: Floats, *, metric: Metric, values: Floats
) -> tuple[Floats, Floats]:
    """Observed and expected disagreement, shape (some,), by weights of the labels (some, P)."""
    shares = _shares(weights, counts)
    places = _places(shares, metric=metric, values=values)
    within = _within(counts, places)
    return (weights * within).sum(axis=1) / weights.sum(axis=1), _expected(shares, places)


def _influence(patterns: LabelPatterns, sizes: Floats, *, metric: Metric, values: Floats) -> Floats:
    """Linear form of observed / expected by pattern, up to a factor; ranks are taken as given."""
    counts = patterns.counts.astype(np.float64)
    weights = (patterns.occurrences * sizes)[np.newaxis]
    shares = _shares(weights, counts)
    places = _places(shares, metric=metric, values=values)
    slope = -2 * shares[0]
    if places is not None:
        slope = 2 * (places[0] ** 2 - 2 * float(shares[0] @ places[0]) * places[0])
    within = _within(counts, places)[0]
    observed = float(weights[0] @ within) / float(weights.sum())
    moved = (counts / counts.sum(axis=1, keepdims=True) - shares[0]) @ slope
    residuals = within - observed - observed / _expected(shares, places)[0] * moved
    return np.asarray(sizes * residuals, dtype=np.float64)


def _shares(weights: Floats, counts: Floats) -> Floats:
    """Share of each category among all labels, shape (some, K)."""
    profiles = counts / counts.sum(axis=1, keepdims=True)
    return np.asarray(weights @ profiles / weights.sum(axis=1, keepdims=True), dtype=np.float64)


def _places(shares: Floats, *, metric: Metric, values: Floats) -> Floats | None:
    """Where the categories stand on a line, shape (some or 1, K); None if they do not.

    The labels between two categories, half of their own included, are those between middle ranks.
    """
    if metric == "nominal":
        return None
    return np.cumsum(shares, axis=1) - shares / 2 if metric == "ordinal" else values[np.newaxis]


def _within(counts: Floats, places: Floats | None) -> Floats:
    """Mean disagreement of two labels of one unit, by pattern, shape (some or 1, P)."""
    totals = counts.sum(axis=1)
    if places is None:
        alike = (counts * (counts - 1)).sum(axis=1) / (totals * (totals - 1))
        return np.asarray(1 - alike, dtype=np.float64)[np.newaxis]
    spread = places**2 @ counts.T - (places @ counts.T) ** 2 / totals
    # Rounding must not part labels of one category.
    within = np.where(counts.max(axis=1) == totals, 0.0, 2 * spread / (totals - 1))
    return np.asarray(within, dtype=np.float64)


def _expected(shares: Floats, places: Floats | None) -> Floats:
    """Mean disagreement of two labels of any units, shape (some,)."""
    if places is None:
        return np.asarray(1 - (shares**2).sum(axis=1), dtype=np.float64)
    mean = (shares * places).sum(axis=1, keepdims=True)
    return np.asarray(2 * (shares * (places - mean) ** 2).sum(axis=1), dtype=np.float64)


def _prior_pairs(categories: int) -> tuple[NDArray[np.int64], Floats]:
    """Units of two labels that are held possible, shape (Q, K), and their weight, shape (Q,)."""
    first, second = np.triu_indices(categories)
    ones = np.eye(categories, dtype=np.int64)
    differ = first != second
    weight = np.where(differ, _PRIOR / differ.sum(), _PRIOR / categories)
    return ones[first] + ones[second], weight


def _values(values: Numbers | None, *, metric: Metric, n_categories: int) -> Floats:
    """Values of the categories, mapped to [0, 1], shape (K,)."""
    if values is not None and metric != "interval":
        raise ValueError(f"values belong to the interval metric, not to the {metric} one")
    numbers = category_values(values, n_categories=n_categories)
    return np.asarray((numbers - numbers.min()) / np.ptp(numbers), dtype=np.float64)


def _why_no_chance(counts: NDArray[np.int64], *, metric: Metric, values: Floats) -> str | None:
    used = np.flatnonzero(counts.sum(axis=0))
    if used.size == 0:
        return "agreement needs units with at least two labels"
    if used.size == 1:
        return "all labels are of one and the same category: agreement by chance is certain"
    if metric == "interval" and np.ptp(values[used]) == 0:
        return "all labels have one and the same value: agreement by chance is certain"
    return None
