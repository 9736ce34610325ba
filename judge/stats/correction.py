"""The corrected score: from what the judge said to what people would have said."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import (
    Codes,
    Numbers,
    cluster_codes,
    count_clusters,
    count_divisor,
    design_effect,
    normal_quantile,
    student_quantile,
    why_too_few,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.multiplicity import PValue

Estimand: TypeAlias = Literal["population", "finite"]

_FLAT = 1e-9  # of the largest score: a spread below it is rounding
_FEWEST_OF_A_CLASS = 5
_FEWEST_SYSTEMS = 2
_NAMES: dict[Estimand, str] = {"population": "the population", "finite": "this finite set"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectedMeans:
    """Corrected means of k scores of the same items, with what each cluster adds to their error.

    Attributes:
        values: the means, shape (k,).
        errors: by cluster, shape (G, k): their products sum to the covariance of the means.
        label_errors: the same for this finite set alone: what labelling every item would remove.
        most_degrees: of freedom at most: labelled clusters less strata.
        few_make_most: whether few clusters may make most of the variance.
        n: labelled items.
        n_clusters: clusters with a labelled item.
    """

    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    label_errors: NDArray[np.float64]
    most_degrees: int
    few_make_most: bool
    n: int
    n_clusters: int

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Covariance of the means, shape (k, k)."""
        return self.errors.T @ self.errors

    def degrees(self, contrast: NDArray[np.float64]) -> float:
        """Degrees of freedom of the variance of `values @ contrast`, at least 1.

        Source: Pan and Wall (2002), Stat. Med. 21(10), 1429-1441, where few make most.
        """
        squares = (self.errors @ contrast) ** 2
        if not self.few_make_most:
            return self.most_degrees
        uncertainty = squares.size * float(squares.var())
        if uncertainty == 0:
            return self.most_degrees
        return min(self.most_degrees, max(1.0, 2 * float(squares.sum()) ** 2 / uncertainty))


def double_sampling(
    judged: Numbers,
    labels: Numbers,
    *,
    labelled: Codes,
    estimand: Estimand,
    rng: np.random.Generator,
    strata: Codes | None = None,
    clusters: Codes | None = None,
    level: float = 0.95,
    draws: int = 10_000,
) -> Estimate | Undefined:
    """Share of items that people would pass, from a verdict on each and labels on some.

    The limits are quantiles over draws: of each verdict's share of human passes from its Beta
    posterior, and of how often the verdict is given (population) or of the passes among the
    unlabelled (finite). With several strata, 1/2 of a pass and of a fail is shared among the
    strata of a verdict by their size, so that cutting a stratum in two changes little: 1/2 in each
    of ten slices with five labels a verdict covers a true share of .9 half of the time, this .91.

    Args:
        judged: the judge's verdict on every item, 0 or 1, shape (N,).
        labels: the human label of each labelled item, 0 or 1, shape (n,).
        labelled: which items those are, indices into `judged`, shape (n,).
        estimand: whether the share is of this finite set or of the population it came from.
        rng: source of the draws.
        strata: integer code per item, shape (N,); within a stratum all items were equally likely
            to be labelled. None if that holds for all. Never pool items of unequal chances.
        clusters: integer cluster code per item, shape (N,); None if items are independent.
        level: two-sided coverage aimed at, in (0, 1).
        draws: how many.

    Returns:
        A fraction in [0, 1], n counts the labels; equal limits in a census only, where all items
        are labelled and the set itself is asked about. Undefined without labels, where a stratum
        has none, or where all come from one cluster.

    Raises:
        ValueError: if a verdict or label is not 0 or 1, or `labelled` does not index the items.

    Source: Tenenbein (1970), J. Am. Stat. Assoc. 65(331), 1350-1361, for the sampling and the
    estimate; Beta(1/2, 1/2) is Jeffreys' prior; clustered: counts over the design effect as in
    Korn and Graubard (1998), Survey Methodology 24(2), 193-201.
    """
    verdicts, truths = _zeros_and_ones(judged, "verdict"), _zeros_and_ones(labels, "label")
    chosen = _indices(labelled, n=truths.size, size=verdicts.size)
    groups, stratum = (
        cluster_codes(clusters, n=verdicts.size),
        _strata_codes(strata, n=verdicts.size),
    )
    n_clusters = np.unique(groups[chosen]).size
    reason = _why_unlabelled(stratum, chosen) or why_too_few(n_clusters, n=chosen.size)
    if reason is not None:
        return Undefined(reason=reason, n=chosen.size)
    if estimand == "finite" and chosen.size == verdicts.size:
        return _census(float(truths.mean()), level=level, n=chosen.size, n_clusters=n_clusters)
    cells = _cells(verdicts.astype(np.int64), truths, chosen=chosen, stratum=stratum)
    divisor = 1.0
    if clusters is not None:
        effect = _correction_effect(
            cells, truths, chosen=chosen, groups=groups, estimand=estimand, level=level
        )
        divisor = count_divisor(effect, n=chosen.size, n_clusters=n_clusters, level=level)
    shares = _drawn_shares(cells, estimand=estimand, divisor=divisor, draws=draws, rng=rng)
    low, high = (float(limit) for limit in np.quantile(shares, [(1 - level) / 2, (1 + level) / 2]))
    value = float(cells.size @ cells.share / verdicts.size)
    return Estimate(
        value=value,
        # The prior pulls draws to the middle: a share of 1 lies above them all.
        low=min(low, value),
        high=max(high, value),
        level=level,
        n=chosen.size,
        n_clusters=n_clusters,
        method=f"double sampling, {_NAMES[estimand]}",
    )


def corrected_mean(
    judged: Numbers,
    labels: Numbers,
    *,
    labelled: Codes,
    estimand: Estimand,
    weight: float | None = None,
    strata: Codes | None = None,
    inclusion: Numbers | None = None,
    clusters: Codes | None = None,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    level: float = 0.95,
) -> Estimate | Undefined:
    """Mean that people would give, from a judgement of each item and labels on some (PPI++).

    Args:
        judged: the judge's score of every item, shape (N,).
        labels: the human score of each labelled item, shape (n,).
        labelled: which items those are, indices into `judged`, shape (n,).
        estimand: whether the mean is of this finite set or of the population it came from.
        weight: lambda, how much the judge counts, in [0, 1]; 0 leaves the labels alone. None
            takes the slope of the labels on the judgements, cut to [0, 1].
        strata: integer code per item, shape (N,), such as slice by plan cell; None for one.
        inclusion: chance of each labelled item to be labelled, in (0, 1], shape (n,); None where
            it is equal within each stratum.
        clusters: integer cluster code per item, shape (N,); None if items are independent.
        bounds: least and largest score of the scale; the value and its limits are cut at them.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        The mean in the unit of the scores, n counts the labels; equal limits in a census only.
        Undefined where a stratum that is not all labelled has under two labelled clusters, or
        where the labels do not vary.

    Raises:
        ValueError: if a score is not finite, a chance not in (0, 1], a weight not in [0, 1], or
            `labelled` does not index the items.

    Source: Angelopoulos, Duchi and Zrnic (2023), arXiv 2311.01453, with the labelled items part
    of the judged ones; finite set: Cochran (1977), Sampling Techniques, chapter 7 (regression
    estimator); weights: Hajek's ratio of weighted sums.
    """
    means = corrected_means(
        judged[:, np.newaxis],
        labels[:, np.newaxis],
        labelled=labelled,
        estimand=estimand,
        weight=weight,
        strata=strata,
        inclusion=inclusion,
        clusters=clusters,
    )
    if isinstance(means, Undefined):
        return means
    return contrast_estimate(
        means,
        np.ones(1),
        degrees=means.degrees(np.ones(1)),
        bounds=bounds,
        level=level,
        method="ppi++" if weight is None else f"ppi++ with lambda {weight:g}",
        estimand=estimand,
        census=estimand == "finite" and labels.size == judged.size,
    )


def corrected_difference(
    judged: Numbers,
    labels: Numbers,
    *,
    labelled: Codes,
    estimand: Estimand,
    strata: Codes | None = None,
    inclusion: Numbers | None = None,
    clusters: Codes | None = None,
    level: float = 0.95,
) -> Estimate | Undefined:
    """Mean difference of two systems that people would give, from the differences of each item.

    The judge may err differently on the two systems: it is corrected on the difference itself.

    Args:
        judged: the judge's scores of both systems on every item, shape (N, 2).
        labels: the human scores of both systems on the labelled items, shape (n, 2).
        labelled: which items those are, indices into `judged`, shape (n,).
        estimand: whether the mean is of this finite set or of the population it came from.
        strata: integer code per item, shape (N,); None for one stratum.
        inclusion: as in `corrected_mean`, shape (n,).
        clusters: integer cluster code per item, shape (N,); None if items are independent.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        First less second system, in the unit of the scores; Undefined as `corrected_mean` is.

    Raises:
        ValueError: as `corrected_mean`, or if the shapes are not (N, 2) and (n, 2).

    Source: as `corrected_mean`.
    """
    _check_pairs(judged, labels)
    contrast = np.array([1.0, -1.0])
    return corrected_mean(
        judged.astype(np.float64) @ contrast,
        labels.astype(np.float64) @ contrast,
        labelled=labelled,
        estimand=estimand,
        strata=strata,
        inclusion=inclusion,
        clusters=clusters,
        level=level,
    )


def corrected_means(
    judged: Numbers,
    labels: Numbers,
    *,
    labelled: Codes,
    estimand: Estimand,
    weight: float | None = None,
    strata: Codes | None = None,
    inclusion: Numbers | None = None,
    clusters: Codes | None = None,
) -> CorrectedMeans | Undefined:
    """Corrected means of k scores of the same items, with their joint error.

    Args:
        judged: the judge's scores of every item, shape (N, k).
        labels: the human scores of each labelled item, shape (n, k).
        labelled: which items those are, indices into `judged`, shape (n,).
        estimand: whether the means are of this finite set or of the population it came from.
        weight: as in `corrected_mean`; None takes a slope for each score.
        strata: integer code per item, shape (N,); None for one stratum.
        inclusion: as in `corrected_mean`, shape (n,).
        clusters: integer cluster code per item, shape (N,); None if items are independent.

    Returns:
        The means and the error each cluster adds; Undefined as `corrected_mean` is, save that
        labels may be without variation.

    Raises:
        ValueError: as `corrected_mean`.

    Source: as `corrected_mean`; the errors are those of the linearised estimator, summed by
    cluster: Binder (1983), Int. Stat. Rev. 51(3), 279-292.
    """
    guesses, truths = _finite_scores(judged, "judgement"), _finite_scores(labels, "label")
    if guesses.shape[1:] != truths.shape[1:]:
        raise ValueError(f"judged {guesses.shape} and labels {truths.shape} are not of one kind")
    size, chosen = len(guesses), _indices(labelled, n=len(truths), size=len(guesses))
    groups, stratum = cluster_codes(clusters, n=size), _strata_codes(strata, n=size)
    inverse = _inverse_chances(inclusion, n=chosen.size)
    reason = _why_unlabelled(stratum, chosen) or _why_no_spread(stratum, chosen, groups=groups)
    if reason is not None:
        return Undefined(reason=reason, n=chosen.size)
    counts = np.bincount(stratum).astype(np.float64)
    shares = inverse / np.bincount(stratum[chosen], weights=inverse)[stratum[chosen]]
    lambdas = _lambdas(
        guesses[chosen], truths, shares=shares, stratum=stratum[chosen], weight=weight
    )
    rests = truths - lambdas * guesses[chosen]
    rest_means = _sums(shares[:, np.newaxis] * rests, stratum[chosen])
    parts = lambdas * guesses + rest_means[stratum]
    moved = (counts[stratum[chosen]] / size * shares)[:, np.newaxis] * (
        rests - rest_means[stratum[chosen]]
    )
    moved *= _small_sample_factor(stratum, chosen, groups=groups)[:, np.newaxis]
    left = _left_unlabelled(counts, stratum[chosen], inclusion=inclusion)[:, np.newaxis]
    label_errors = _sums(np.sqrt(left) * moved, groups[chosen], size=count_clusters(groups))
    errors = label_errors
    if estimand == "population":
        errors = _sums(parts - parts.mean(axis=0), groups) / size
        errors = errors + _sums(moved, groups[chosen], size=count_clusters(groups))
    n_clusters = int(np.unique(groups[chosen]).size)
    return CorrectedMeans(
        values=parts.mean(axis=0),
        errors=errors,
        label_errors=label_errors,
        most_degrees=max(1, n_clusters - counts.size),
        few_make_most=clusters is not None or inclusion is not None,
        n=chosen.size,
        n_clusters=n_clusters,
    )


def contrast_estimate(
    means: CorrectedMeans,
    contrast: NDArray[np.float64],
    *,
    degrees: float,
    method: str,
    estimand: Estimand,
    census: bool,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    level: float = 0.95,
) -> Estimate | Undefined:
    """Weigh corrected means together, with a t interval.

    Args:
        means: from `corrected_means`.
        contrast: weight of each mean, shape (k,).
        degrees: of freedom of the weighted sum, such as `means.degrees(contrast)`.
        method: how the means were corrected, in a few words.
        estimand: as in `corrected_mean`.
        census: whether every item of the set that is asked about is labelled.
        bounds: the value and its limits are cut at them.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        The weighted sum; Undefined where nothing moves it although labels are missing.

    Source: Student (1908), Biometrika 6(1), 1-25.
    """
    value = float(np.clip(means.values @ contrast, *bounds))
    if census:
        return _census(value, level=level, n=means.n, n_clusters=means.n_clusters)
    error = sqrt(float(contrast @ means.covariance @ contrast))
    if error <= _FLAT * max(1e-300, float(np.abs(means.values * contrast).max())):
        reason = f"the labels do not vary: up to 3/{means.n_clusters} of all units may be unlike"
        return Undefined(reason=reason, n=means.n)
    half = student_quantile(level, degrees=degrees) * error
    low, high = (float(np.clip(value + side * half, *bounds)) for side in (-1, 1))
    return Estimate(
        value=value,
        low=low,
        high=high,
        level=level,
        n=means.n,
        n_clusters=means.n_clusters,
        method=f"{method}, {_NAMES[estimand]}",
    )


def effective_labels(corrected: Estimate, labels_alone: Estimate) -> float | Undefined:
    """How many labels would give by themselves what the judge and the labels give together.

    Args:
        corrected: the corrected estimate.
        labels_alone: the estimate from the same labels without the judge, at the same level.

    Returns:
        Labels: their number times the ratio of the variances, taken from the squared widths;
        Undefined where a width is 0, which is a census.

    Source: the effective sample size of Kish (1965), Survey Sampling.
    """
    widths = [estimate.high - estimate.low for estimate in (corrected, labels_alone)]
    if min(widths) <= 0:
        return Undefined(reason="a census has no effective number of labels", n=corrected.n)
    return labels_alone.n * (widths[1] / widths[0]) ** 2


def rogan_gladen(
    judged_share: float,
    n: int,
    *,
    specificity: float,
    sensitivity: float,
    n_negative: int,
    n_positive: int,
    level: float = 0.95,
) -> Estimate | Undefined:
    """Share of items people would pass, from the judge's error rates measured elsewhere.

    It holds where only the share of passes differs between there and here.

    Args:
        judged_share: share of verdicts that pass, p, in [0, 1].
        n: verdicts.
        specificity: share of human fails that the judge fails, q0, in [0, 1].
        sensitivity: share of human passes that the judge passes, q1, in [0, 1].
        n_negative: human fails behind the specificity, m0, at least 1.
        n_positive: human passes behind the sensitivity, m1, at least 1.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        A fraction in [0, 1], n counts the labels; Undefined unless the 97.5 % lower bound of
        q0 + q1 - 1 is above 0: the formula turns round below.

    Raises:
        ValueError: if a share is not in [0, 1] or a count under 1.

    Source: Rogan and Gladen (1978), Am. J. Epidemiol. 107(1), 71-76; interval: Lee et al.,
    arXiv 2511.21140; the bound: Newcombe (1998), Stat. Med. 17(8), 873-890, method 10.
    """
    shares, counts = (judged_share, specificity, sensitivity), (n, n_negative, n_positive)
    if not all(0 <= share <= 1 for share in shares) or min(counts) < 1:
        raise ValueError(f"not shares in [0, 1] of at least one each: {shares} of {counts}")
    labels = n_negative + n_positive
    if (
        _lowest_informedness(specificity, sensitivity, n_negative=n_negative, n_positive=n_positive)
        <= 0
    ):
        reason = "the judge may be no better than chance: the lower bound of q0 + q1 - 1 is not > 0"
        return Undefined(reason=reason, n=labels)
    value = (judged_share + specificity - 1) / (specificity + sensitivity - 1)
    low, high = _lee_limits(shares, counts, z=normal_quantile(level))
    value = min(1.0, max(0.0, value))
    return Estimate(
        value=value,
        # The limits are about a value drawn to the middle: at an end they may miss this one.
        low=min(low, value),
        high=max(high, value),
        level=level,
        n=labels,
        n_clusters=labels,
        method="rogan-gladen, lee",
    )


def equal_rates(
    human: Codes, judge: Codes, *, systems: Codes, clusters: Codes | None = None
) -> PValue | Undefined:
    """Test that the judge has one true positive and one true negative rate on all systems.

    Where it is rejected, labels of different systems must not be pooled to correct a judge.

    Args:
        human: 0 or 1 per label, shape (n,).
        judge: 0 or 1 for the same labels, shape (n,).
        systems: integer code of the system each label is about, shape (n,).
        clusters: integer cluster code per label, shape (n,), such as the question that all
            systems answered; None if labels are independent.

    Returns:
        A p-value for both rates together; Undefined under two systems, where a system has under
        five labels of a class, or with too few clusters.

    Raises:
        ValueError: if a code is not 0 or 1, or the lengths differ.

    Source: a Wald test of equal means with the variance under the null hypothesis, robust to
    clusters, and the F reference of Korn and Graubard (1990), Am. Stat. 44(4), 270-276.
    """
    truths = _zeros_and_ones(human, "human label").astype(np.int64)
    verdicts = _zeros_and_ones(judge, "verdict").astype(np.int64)
    if truths.shape != verdicts.shape:
        raise ValueError(f"labels have shapes {truths.shape} and {verdicts.shape}, expected one")
    groups, system = cluster_codes(clusters, n=truths.size), cluster_codes(systems, n=truths.size)
    n_systems, n_clusters = count_clusters(system), count_clusters(groups)
    if n_systems < _FEWEST_SYSTEMS:
        return Undefined(reason="two systems are needed to compare", n=truths.size)
    cell = truths * n_systems + system
    counts = np.bincount(cell, minlength=2 * n_systems).astype(np.float64)
    if counts.min() < _FEWEST_OF_A_CLASS:
        few = f"a system has only {int(counts.min())} labels of a class, under {_FEWEST_OF_A_CLASS}"
        return Undefined(reason=few, n=truths.size)
    right = (truths == verdicts).astype(np.float64)
    rates = np.bincount(cell, weights=right, minlength=2 * n_systems) / counts
    pooled = np.bincount(truths, weights=right) / np.bincount(truths)
    moves = np.zeros((truths.size, 2 * n_systems))
    moves[np.arange(truths.size), cell] = (right - pooled[truths]) / counts[cell]
    differences = _differences_from_first(n_systems)
    value = _wald_p_value(differences @ rates, _sums(moves, groups) @ differences.T)
    if isinstance(value, Undefined):
        return value
    return PValue(
        value=value, n=truths.size, n_clusters=n_clusters, method="wald, variance under the null"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cells:
    """Counts of each stratum and verdict that occurs, each of shape (C,)."""

    size: NDArray[np.float64]
    labelled: NDArray[np.float64]
    passes: NDArray[np.float64]
    prior: NDArray[np.float64]
    share: NDArray[np.float64]
    of_item: NDArray[np.int64]  # shape (N,)


def _strata_codes(strata: Codes | None, *, n: int) -> NDArray[np.int64]:
    return np.zeros(n, dtype=np.int64) if strata is None else cluster_codes(strata, n=n)


def _cells(
    verdicts: NDArray[np.int64],
    truths: NDArray[np.float64],
    *,
    chosen: NDArray[np.int64],
    stratum: NDArray[np.int64],
) -> _Cells:
    found, of_item = np.unique(stratum * 2 + verdicts, return_inverse=True)
    sizes = np.bincount(of_item).astype(np.float64)
    labelled = np.bincount(of_item[chosen], minlength=found.size).astype(np.float64)
    passes = np.bincount(of_item[chosen], weights=truths, minlength=found.size).astype(np.float64)
    of_verdict = np.bincount(found % 2, weights=sizes)[found % 2]
    seen = labelled > 0
    return _Cells(
        size=sizes,
        labelled=labelled,
        passes=passes,
        prior=0.5 * sizes / of_verdict,
        share=np.divide(passes, labelled, out=np.full(found.size, 0.5), where=seen),
        of_item=of_item.astype(np.int64),
    )


def _correction_effect(
    cells: _Cells,
    truths: NDArray[np.float64],
    *,
    chosen: NDArray[np.int64],
    groups: NDArray[np.int64],
    estimand: Estimand,
    level: float,
) -> float:
    """Design effect of what each item adds to the estimate."""
    cell = cells.of_item[chosen]
    rests = cells.size[cell] / cells.labelled[cell] * (truths - cells.share[cell])
    if estimand == "finite":
        return design_effect(rests, groups[chosen], level=level)
    added = cells.share[cells.of_item]
    added[chosen] += rests
    return design_effect(added, groups, level=level)


def _drawn_shares(
    cells: _Cells, *, estimand: Estimand, divisor: float, draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    passes, fails = cells.passes / divisor, (cells.labelled - cells.passes) / divisor
    shares = rng.beta(passes + cells.prior, fails + cells.prior, size=(draws, cells.size.size))
    if estimand == "population":
        weights = rng.standard_gamma(cells.size / divisor + cells.prior, size=shares.shape)
        return np.asarray((weights * shares).sum(axis=1) / weights.sum(axis=1))
    left = cells.size - cells.labelled
    # Items of a cluster pass together: as many fewer of them are drawn, each counting for more.
    units = np.where(left > 0, np.maximum(1, np.rint(left / divisor)), 0).astype(np.int64)
    worth = np.divide(left, units, out=np.zeros(left.size), where=units > 0)
    drawn = rng.binomial(units, shares) @ worth
    return np.asarray((cells.passes.sum() + drawn) / cells.size.sum())


def _census(value: float, *, level: float, n: int, n_clusters: int) -> Estimate:
    return Estimate(
        value=value, low=value, high=value, level=level, n=n, n_clusters=n_clusters, method="census"
    )


def _lambdas(
    guesses: NDArray[np.float64],
    truths: NDArray[np.float64],
    *,
    shares: NDArray[np.float64],
    stratum: NDArray[np.int64],
    weight: float | None,
) -> NDArray[np.float64]:
    """Slope of the labels on the judgements within strata, cut to [0, 1], shape (k,)."""
    if weight is not None:
        if not 0 <= weight <= 1:
            raise ValueError(f"the judge's weight is in [0, 1], not {weight}")
        return np.full(truths.shape[1], float(weight))
    column = shares[:, np.newaxis]
    centred = [side - _sums(column * side, stratum)[stratum] for side in (guesses, truths)]
    spread = (column * centred[0] ** 2).sum(axis=0)
    common = (column * centred[0] * centred[1]).sum(axis=0)
    slopes = np.divide(common, spread, out=np.zeros(spread.size), where=spread > 0)
    slopes = np.clip(slopes, 0, 1)
    # A judge that was never wrong on the labels would leave no error: it is not counted then.
    rests = np.abs(centred[1] - slopes * centred[0]).max(axis=0)
    return np.where(rests > _FLAT * np.abs(truths).max(axis=0), slopes, 0.0)


def _sums(
    values: NDArray[np.float64], codes: NDArray[np.int64], *, size: int = 0
) -> NDArray[np.float64]:
    """Sum each column by code, shape (codes or size, k)."""
    return np.column_stack([np.bincount(codes, weights=c, minlength=size) for c in values.T])


def _labelled_clusters(
    stratum: NDArray[np.int64], chosen: NDArray[np.int64], *, groups: NDArray[np.int64]
) -> NDArray[np.int64]:
    pairs = np.unique(np.column_stack([stratum[chosen], groups[chosen]]), axis=0)
    return np.bincount(pairs[:, 0], minlength=count_clusters(stratum))


def _small_sample_factor(
    stratum: NDArray[np.int64], chosen: NDArray[np.int64], *, groups: NDArray[np.int64]
) -> NDArray[np.float64]:
    clusters = _labelled_clusters(stratum, chosen, groups=groups).astype(np.float64)
    return np.sqrt(clusters / np.maximum(1, clusters - 1))[stratum[chosen]]


def _left_unlabelled(
    counts: NDArray[np.float64], stratum: NDArray[np.int64], *, inclusion: Numbers | None
) -> NDArray[np.float64]:
    if inclusion is not None:
        return 1 - inclusion.astype(np.float64)
    labelled = np.bincount(stratum, minlength=counts.size).astype(np.float64)
    return (1 - labelled / counts)[stratum]


def _why_unlabelled(stratum: NDArray[np.int64], chosen: NDArray[np.int64]) -> str | None:
    if chosen.size == 0:
        return "a correction needs at least one human label"
    labelled = np.bincount(stratum[chosen], minlength=count_clusters(stratum))
    if labelled.min() > 0:
        return None
    return f"{int((labelled == 0).sum())} strata have items and no label: label them or join them"


def _why_no_spread(
    stratum: NDArray[np.int64], chosen: NDArray[np.int64], *, groups: NDArray[np.int64]
) -> str | None:
    everything = np.bincount(stratum) == np.bincount(stratum[chosen])
    few = (_labelled_clusters(stratum, chosen, groups=groups) < 2) & ~everything  # noqa: PLR2004  to vary
    if few.any():
        return f"{int(few.sum())} strata have under two labelled units to vary: join them"
    return None


def _lowest_informedness(
    specificity: float, sensitivity: float, *, n_negative: int, n_positive: int
) -> float:
    """Lower limit of q0 + q1 - 1 at 97.5 %, one-sided: each rate's Wilson limit, in squares."""
    z = normal_quantile(0.95)
    drops = 0.0
    for share, size in ((specificity, n_negative), (sensitivity, n_positive)):
        middle = (share + z**2 / (2 * size)) / (1 + z**2 / size)
        half = z * sqrt(share * (1 - share) / size + z**2 / (4 * size**2)) / (1 + z**2 / size)
        drops += (share - (middle - half)) ** 2
    return specificity + sensitivity - 1 - sqrt(drops)


def _lee_limits(
    shares: tuple[float, float, float], counts: tuple[int, int, int], *, z: float
) -> tuple[float, float]:
    n, m0, m1 = counts[0] + z**2, counts[1] + 2, counts[2] + 2
    p = (counts[0] * shares[0] + z**2 / 2) / n
    q0, q1 = (counts[1] * shares[1] + 1) / m0, (counts[2] * shares[2] + 1) / m1
    theta = (p + q0 - 1) / (q0 + q1 - 1)
    v0, v1 = q0 * (1 - q0) / m0, q1 * (1 - q1) / m1
    shift = 2 * z**2 * (-(1 - theta) * v0 + theta * v1)
    half = z * sqrt(p * (1 - p) / n + (1 - theta) ** 2 * v0 + theta**2 * v1) / (q0 + q1 - 1)
    low, high = (min(1.0, max(0.0, theta + shift + side * half)) for side in (-1, 1))
    return low, high


def _differences_from_first(n_systems: int) -> NDArray[np.float64]:
    """Contrasts of each later system with the first, for both classes, shape (2(S-1), 2S)."""
    one = np.hstack([-np.ones((n_systems - 1, 1)), np.eye(n_systems - 1)])
    return np.asarray(np.kron(np.eye(2), one), dtype=np.float64)


def _wald_p_value(
    differences: NDArray[np.float64], moves: NDArray[np.float64]
) -> float | Undefined:
    from scipy.special import fdtrc  # 0.2 s to import: only when used

    groups = len(moves)
    variance = moves.T @ moves * groups / max(1, groups - 1)
    # A class without an error on any system has no variance, and no difference either.
    rank = int(np.linalg.matrix_rank(variance, hermitian=True))
    if rank == 0:
        return 1.0
    if groups <= rank:
        return Undefined(reason=f"{groups} clusters cannot tell {rank} differences", n=groups)
    inverse = np.linalg.pinv(variance, hermitian=True)
    statistic = float(differences @ inverse @ differences)
    return float(fdtrc(rank, groups - rank, statistic * (groups - rank) / (rank * (groups - 1))))


def _zeros_and_ones(values: Numbers, what: str) -> NDArray[np.float64]:
    numbers = values.astype(np.float64)
    if numbers.ndim != 1:
        raise ValueError(f"{what}s have shape {values.shape}, expected (n,)")
    wrong = np.flatnonzero((numbers != 0) & (numbers != 1))  # a NaN is neither
    if wrong.size:
        raise ValueError(f"{what} {int(wrong[0])} is {numbers[wrong[0]]}, expected 0 or 1")
    return numbers


def _finite_scores(values: Numbers, what: str) -> NDArray[np.float64]:
    if values.ndim != 2:  # noqa: PLR2004  axes
        raise ValueError(f"{what}s have shape {values.shape}, expected (n, k)")
    wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if wrong.size:
        raise ValueError(f"{what} {int(wrong[0])} is not a finite number")
    return values.astype(np.float64)


def _indices(labelled: Codes, *, n: int, size: int) -> NDArray[np.int64]:
    if labelled.shape != (n,) or not np.issubdtype(labelled.dtype, np.integer):
        raise ValueError(f"{n} labels need {n} integer indices, not {labelled.dtype} of any shape")
    if n and not (labelled.min() >= 0 and labelled.max() < size):
        raise ValueError(f"a labelled item is not among the {size} judged ones")
    if np.unique(labelled).size != n:
        raise ValueError("an item is labelled twice")
    return labelled.astype(np.int64)


def _inverse_chances(inclusion: Numbers | None, *, n: int) -> NDArray[np.float64]:
    if inclusion is None:
        return np.ones(n)
    if inclusion.shape != (n,) or not np.all((inclusion > 0) & (inclusion <= 1)):
        raise ValueError(f"chances of inclusion are {n} numbers in (0, 1]")
    return np.asarray(1 / inclusion, dtype=np.float64)


def _check_pairs(judged: Numbers, labels: Numbers) -> None:
    if any(side.ndim != 2 or side.shape[1] != 2 for side in (judged, labels)):  # noqa: PLR2004  two systems
        raise ValueError(f"two systems have shapes (N, 2) and (n, 2), not {judged.shape}")
