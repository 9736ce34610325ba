"""How far a judge's probabilities can be believed: scores, calibration error, reliability curve.

Labels are 0 or 1, and a probability is the one that the judge gave to the label 1. Bins hold
equally many items, but equal probabilities are never parted: there may be fewer than asked for.
"""

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import (
    Codes,
    Numbers,
    cluster_codes,
    count_clusters,
    normal_quantile,
    student_quantile,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import bounded_mean, proportion
from judge.stats.losses import distance_limits, mean_loss

_FEWEST = 2
_BINS = 10
_ONE_ITEM = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BrierScore:
    """Mean squared difference of probability and label, and its parts over bins.

    The parts are those of these very items, so they have no limits:
    score = reliability - resolution + uncertainty + within_bins, exactly.

    Attributes:
        score: in [0, 1], 0 is best.
        reliability: mean squared difference of a bin's mean probability and its share of ones; 0
            is best, and bins of few items make it too large.
        resolution: variance of the bins' shares of ones; large is good.
        uncertainty: variance of the labels, whoever judges.
        within_bins: variance of the probabilities within bins less twice their covariance with the
            labels: what binning hides, above or below 0; 0 where a bin has one probability.
    """

    score: Estimate | Undefined
    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationError:
    """Expected calibration error (ECE), which is seen too large.

    Attributes:
        error: mean over items of the distance between their bin's mean probability and its share
            of ones, in [0, 1].
        if_calibrated: the error that these probabilities would show on average by chance, were they
            perfect and the items independent.
    """

    error: Estimate
    if_calibrated: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Items with about the same probability.

    Attributes:
        n: items.
        mean_probability: what the judge said, in [0, 1].
        observed: share of ones among them, with Wilson's limits.
    """

    n: int
    mean_probability: float
    observed: Estimate | Undefined


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Every figure of a set of probabilities.

    Attributes:
        brier: with its parts.
        log_loss: in nats.
        error: expected calibration error.
        curve: by rising probability.
    """

    brier: BrierScore | Undefined
    log_loss: Estimate | Undefined
    error: CalibrationError | Undefined
    curve: tuple[ReliabilityBin, ...]


def calibration(
    labels: Numbers,
    probabilities: Numbers,
    *,
    rng: np.random.Generator,
    clusters: Codes | None = None,
    n_bins: int = _BINS,
    level: float = 0.95,
    draws: int = 2_000,
) -> Calibration:
    """Return every figure of a set of probabilities.

    Args:
        labels: 0 or 1, shape (n,).
        probabilities: of the label 1, in [0, 1], shape (n,).
        rng: source of the draws.
        clusters: integer cluster code per item, shape (n,); None if items are independent.
        n_bins: bins at most.
        level: two-sided coverage aimed at, in (0, 1).
        draws: samples simulated for the limits of the calibration error.

    Raises:
        ValueError: if a label is not 0 or 1, a probability not in [0, 1], or the lengths differ.
    """
    return Calibration(
        brier=brier_score(labels, probabilities, clusters=clusters, n_bins=n_bins, level=level),
        log_loss=log_loss(labels, probabilities, clusters=clusters, level=level),
        error=calibration_error(
            labels,
            probabilities,
            rng=rng,
            clusters=clusters,
            n_bins=n_bins,
            level=level,
            draws=draws,
        ),
        curve=reliability_curve(
            labels, probabilities, clusters=clusters, n_bins=n_bins, level=level
        ),
    )


def brier_score(
    labels: Numbers,
    probabilities: Numbers,
    *,
    clusters: Codes | None = None,
    n_bins: int = _BINS,
    level: float = 0.95,
) -> BrierScore | Undefined:
    """Mean squared difference of probability and label, with Murphy's decomposition.

    Args and errors are those of `calibration`.

    Returns:
        The score with its parts; Undefined without items. The score itself is Undefined under two
        items or two clusters.

    Source: Brier (1950), Mon. Weather Rev. 78(1), 1-3; parts: Murphy (1973), J. Appl. Meteorol.
    12(4), 595-600; within bins: Stephenson, Coelho and Jolliffe (2008), Weather Forecast. 23(4),
    752-757.
    """
    ones, chances = checked_forecasts(labels, probabilities)
    if ones.size == 0:
        return Undefined(reason="a Brier score needs at least one labelled item")
    places = _bins(chances, n_bins=n_bins)
    sizes = np.bincount(places)
    said, seen = (np.bincount(places, weights=side) / sizes for side in (chances, ones))
    rate, shares = float(ones.mean()), sizes / ones.size
    off, beside = chances - said[places], ones - seen[places]
    return BrierScore(
        score=bounded_mean((chances - ones) ** 2, clusters, lower=0, upper=1, level=level),
        reliability=float(shares @ (said - seen) ** 2),
        resolution=float(shares @ (seen - rate) ** 2),
        uncertainty=rate * (1 - rate),
        within_bins=float(np.mean(off**2) - 2 * np.mean(off * beside)),
    )


def log_loss(
    labels: Numbers,
    probabilities: Numbers,
    *,
    clusters: Codes | None = None,
    level: float = 0.95,
) -> Estimate | Undefined:
    """Mean of -log of the probability that the judge gave to the label, in nats.

    Args and errors are those of `calibration`.

    Returns:
        A number of at least 0. Undefined where a label got a probability of exactly 0: one such
        item makes the loss infinite. Undefined also as `losses.mean_loss`.

    Source: Good (1952), J. R. Stat. Soc. B 14(1), 107-114.
    """
    ones, chances = checked_forecasts(labels, probabilities)
    given = np.where(ones == 1, chances, 1 - chances)
    impossible = int((given == 0).sum())
    if impossible:
        return Undefined(
            reason=f"{impossible} of {ones.size} labels got a probability of exactly 0: the log "
            "loss is infinite",
            n=ones.size,
        )
    return mean_loss(-np.log(given), clusters, level=level)


def calibration_error(
    labels: Numbers,
    probabilities: Numbers,
    *,
    rng: np.random.Generator,
    clusters: Codes | None = None,
    n_bins: int = _BINS,
    level: float = 0.95,
    draws: int = 2_000,
) -> CalibrationError | Undefined:
    """Mean distance between probabilities and shares of ones, over bins of equal mass (ECE).

    The estimate is biased upwards: noise in a bin counts as distance, whichever its sign. Perfect
    probabilities show about `if_calibrated`, .07 with 200 items that are uniform over [0, 1], so
    only a lower limit above 0 tells an error from chance. Limits are of a parametric bootstrap: the
    sums of label less probability in the bins are drawn as normal, with the covariance they have
    between clusters, and in each bin at least the variance of labels drawn with these
    probabilities, and at least that of one item: certain and always right is not proven perfect.

    Args and errors are those of `calibration`.

    Returns:
        The error with its limits, which are those of `losses.distance_limits`; Undefined under two
        items or two clusters.

    Source: Naeini, Cooper and Hauskrecht (2015), AAAI 29, 2901-2907; Guo et al. (2017), arXiv
    1706.04599, equation 3; equal mass: Nixon et al. (2019), arXiv 1904.01685; the bias: Roelofs et
    al. (2022), AISTATS, arXiv 2012.08668.
    """
    ones, chances = checked_forecasts(labels, probabilities)
    n, codes = ones.size, cluster_codes(clusters, n=ones.size)
    groups = count_clusters(codes)
    if groups < _FEWEST:
        what = "items" if clusters is None else "clusters"
        return Undefined(reason=f"a calibration error needs at least two {what}", n=n)
    places = _bins(chances, n_bins=n_bins)
    gaps = np.bincount(places, weights=ones - chances) / n
    by_chance = np.bincount(places, weights=chances * (1 - chances))
    covariance = _gap_covariance(ones - chances, places, codes)
    least = np.maximum(by_chance, _ONE_ITEM) / n**2
    covariance[np.diag_indices_from(covariance)] = np.maximum(np.diag(covariance), least)
    reach = student_quantile(level, degrees=groups - 1) / normal_quantile(level)
    noise = _normal_draws(covariance, draws=draws, rng=rng) * reach
    seen = float(np.abs(gaps).sum())

    def simulated(share: float) -> NDArray[np.float64]:
        return np.asarray(np.abs(share * gaps + noise).sum(axis=1), dtype=np.float64)

    low, high = distance_limits(
        seen, simulated=simulated, at=lambda share: share * seen, drawn=simulated(1.0), level=level
    )
    return CalibrationError(
        error=Estimate(
            value=min(1.0, seen),
            low=low,
            high=min(1.0, high),
            level=level,
            n=n,
            n_clusters=groups,
            method=f"{gaps.size} bins, parametric bootstrap",
        ),
        if_calibrated=float(np.sqrt(by_chance * 2 / pi).sum()) / n,
    )


def reliability_curve(
    labels: Numbers,
    probabilities: Numbers,
    *,
    clusters: Codes | None = None,
    n_bins: int = _BINS,
    level: float = 0.95,
) -> tuple[ReliabilityBin, ...]:
    """Share of ones beside the mean probability, over bins of equal mass.

    Args and errors are those of `calibration`.

    Returns:
        The bins by rising probability, none without items. A share is Undefined where all items
        of its bin come from one cluster of several.

    Source: Murphy and Winkler (1977), J. R. Stat. Soc. C 26(1), 41-47; limits: as
    `intervals.proportion`.
    """
    ones, chances = checked_forecasts(labels, probabilities)
    places = _bins(chances, n_bins=n_bins)
    codes = None if clusters is None else cluster_codes(clusters, n=ones.size)
    members = [np.flatnonzero(places == place) for place in range(int(places.max(initial=-1)) + 1)]
    return tuple(
        ReliabilityBin(
            n=some.size,
            mean_probability=float(chances[some].mean()),
            observed=proportion(ones[some], None if codes is None else codes[some], level=level),
        )
        for some in members
    )


def checked_forecasts(
    labels: Numbers, probabilities: Numbers
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return labels and probabilities as floats, shape (n,) each, if they are that.

    Raises:
        ValueError: if a label is not 0 or 1, a probability not in [0, 1], or the lengths differ.
    """
    if labels.ndim != 1 or labels.shape != probabilities.shape:
        raise ValueError(
            f"labels and probabilities have shapes {labels.shape} and {probabilities.shape}, "
            "expected one (n,)"
        )
    off = np.flatnonzero((labels != 0) & (labels != 1))
    if off.size:
        raise ValueError(f"label {int(off[0])} is {labels[off[0]]}, neither 0 nor 1")
    outside = np.flatnonzero(~((probabilities >= 0) & (probabilities <= 1)))
    if outside.size:
        first = int(outside[0])
        raise ValueError(f"probability {first} is {probabilities[first]}, not in [0, 1]")
    return labels.astype(np.float64), probabilities.astype(np.float64)


def _gap_covariance(
    gaps: NDArray[np.float64], places: NDArray[np.int64], codes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Covariance of the bins' sums of gaps over n, robust to clusters (CR1), shape (B, B)."""
    groups, bins = count_clusters(codes), int(places.max()) + 1
    sums = np.bincount(codes * bins + places, weights=gaps, minlength=groups * bins)
    off = sums.reshape(groups, bins) - sums.reshape(groups, bins).mean(axis=0)
    return np.asarray(groups / (groups - 1) * off.T @ off / gaps.size**2, dtype=np.float64)


def _normal_draws(
    covariance: NDArray[np.float64], *, draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    # The symmetric root: unlike the vectors it does not depend on rounding.
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return np.asarray(rng.standard_normal((draws, len(root))) @ root, dtype=np.float64)


def _bins(chances: NDArray[np.float64], *, n_bins: int) -> NDArray[np.int64]:
    """Bin of each item, numbered without gaps by rising probability, shape (n,)."""
    if n_bins < 1:
        raise ValueError(f"probabilities need at least one bin, not {n_bins}")
    _, which, counts = np.unique(chances, return_inverse=True, return_counts=True)
    middles = (np.cumsum(counts) - counts / 2) / max(1, chances.size)
    return np.asarray(
        np.unique((middles * n_bins).astype(np.int64)[which], return_inverse=True)[1],
        dtype=np.int64,
    )
