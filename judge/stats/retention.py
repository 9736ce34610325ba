"""What the student kept of the teacher's quality, and whether that is enough."""

from dataclasses import dataclass, replace
from math import ceil, sqrt
from statistics import NormalDist
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import Codes, Numbers, normal_quantile, student_quantile
from judge.stats.correction import (
    CorrectedMeans,
    Estimand,
    contrast_estimate,
    corrected_means,
)
from judge.stats.estimate import Estimate, Undefined

Decision: TypeAlias = Literal["yes", "no", "undecided"]

_FLAT = 1e-9  # of the share: limits closer than that are rounding
_NUMBERS_AT_ONCE = 2_000_000
_UNSEEN = 1.0  # units of each kind of pair
_KINDS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


@dataclass(frozen=True, slots=True, kw_only=True)
class NonInferiority:
    """Whether the student keeps at least a declared share of the teacher's quality.

    Attributes:
        decision: `yes` and `no` by limits of the level, else `undecided`.
        margin: the share to keep that was declared, such as .95.
        excess: corrected mean of student less margin times teacher, in the unit of the scores.
        more_labels: labels on the items at hand that would likely settle it; 0 where decided.
        more_items: items, labelled in the same share, that would likely settle it; 0 where decided.
        p_value: chance of an excess at least as high were it 0: near 0 speaks for `yes`, near 1
            for `no`.
        decidable: largest share to keep that so many items and labels would likely confirm of a
            student as good as this one.
    """

    decision: Decision
    margin: float
    excess: Estimate
    more_labels: int | Undefined
    more_items: int | Undefined
    p_value: float
    decidable: float | Undefined


def quality_retained(
    judged: Numbers,
    labels: Numbers,
    *,
    labelled: Codes,
    estimand: Estimand,
    strata: Codes | None = None,
    inclusion: Numbers | None = None,
    clusters: Codes | None = None,
    passes: bool = False,
    level: float = 0.95,
) -> Estimate | Undefined:
    """Student's corrected mean over the teacher's on the same items, by Fieller's inversion.

    The limits are the shares m at which the corrected mean of student less m times teacher is not
    told from 0. With every item labelled the judge plays no part in it.

    Args:
        judged: the judge's scores of student and teacher on every item, shape (N, 2).
        labels: the human scores of both on each labelled item, shape (n, 2).
        labelled: which items those are, indices into `judged`, shape (n,).
        estimand: whether the share is of this finite set or of the population it came from.
        strata: integer code per item, shape (N,); None for one stratum.
        inclusion: as in `correction.corrected_mean`, shape (n,).
        clusters: integer cluster code per item, shape (N,); None if items are independent.
        passes: whether scores are 0 or 1 and nothing between. The limits then allow for pairs of
            a kind that was not seen, as where the teacher passes every item.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        The share, 1 where the student is as good; n counts the labelled items. Undefined where
        the teacher's mean is not told from 0, which leaves the share without limits, and where no
        labelled item moves the share.

    Raises:
        ValueError: as `correction.corrected_means`, or if the shapes are not (N, 2) and (n, 2).

    Source: Fieller (1954), J. R. Stat. Soc. B 16(2), 175-185; passes: with one unit more of
    each kind of pair, after Agresti and Min (2005), Stat. Med. 24(5), 729-740.
    """
    means = _pair_means(
        judged,
        labels,
        labelled=labelled,
        estimand=estimand,
        strata=strata,
        inclusion=inclusion,
        clusters=clusters,
        passes=passes,
    )
    if isinstance(means, Undefined):
        return means
    student, teacher = means.values
    if teacher <= 0:
        return Undefined(reason="the teacher's corrected mean is not above 0", n=means.n)
    value = float(student / teacher)
    low, high, method = value, value, "census"
    if estimand == "population" or len(labels) < len(judged):
        reach = student_quantile(level, degrees=_degrees(means))
        limits = _fieller_limits(means.values, means.covariance, reach=reach)
        if isinstance(limits, Undefined):
            return Undefined(reason=limits.reason, n=means.n)
        (low, high), method = limits, "fieller"
        if high - low <= _FLAT * max(1.0, abs(value)):
            return Undefined(reason=_rule_of_three(means.n_clusters), n=means.n)
    return Estimate(
        value=value,
        low=low,
        high=high,
        level=level,
        n=means.n,
        n_clusters=means.n_clusters,
        method=method,
    )


def bootstrap_retained(
    judged: Numbers,
    labels: Numbers,
    *,
    labelled: Codes,
    rng: np.random.Generator,
    strata: Codes | None = None,
    inclusion: Numbers | None = None,
    clusters: Codes | None = None,
    level: float = 0.95,
    draws: int = 2_000,
) -> Estimate | Undefined:
    """Check `quality_retained` by percentiles over resampled clusters, for the population.

    What each cluster adds to either corrected mean is resampled, so strata keep their weights.

    Args:
        judged: as in `quality_retained`, shape (N, 2).
        labels: as in `quality_retained`, shape (n, 2).
        labelled: as in `quality_retained`, shape (n,).
        rng: source of the resamples.
        strata: as in `quality_retained`, shape (N,).
        inclusion: as in `quality_retained`, shape (n,).
        clusters: as in `quality_retained`, shape (N,).
        level: two-sided coverage aimed at, in (0, 1).
        draws: resamples.

    Returns:
        The share; Undefined as `quality_retained` is, or where a resampled teacher's mean is not
        above 0.

    Raises:
        ValueError: as `quality_retained`.

    Source: Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.
    """
    means = _pair_means(
        judged,
        labels,
        labelled=labelled,
        estimand="population",
        strata=strata,
        inclusion=inclusion,
        clusters=clusters,
    )
    if isinstance(means, Undefined):
        return means
    drawn = means.values + _resampled_sums(means.errors, draws=draws, rng=rng)
    if means.values[1] <= 0 or drawn[:, 1].min() <= 0:
        return Undefined(reason="the teacher's corrected mean could be 0", n=means.n)
    value, shares = float(means.values[0] / means.values[1]), drawn[:, 0] / drawn[:, 1]
    if np.ptp(shares) <= _FLAT * np.abs(shares).max():
        return Undefined(reason=_rule_of_three(means.n_clusters), n=means.n)
    low, high = (float(limit) for limit in np.quantile(shares, [(1 - level) / 2, (1 + level) / 2]))
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        level=level,
        n=means.n,
        n_clusters=means.n_clusters,
        method="cluster bootstrap percentiles",
    )


def non_inferiority(
    judged: Numbers,
    labels: Numbers,
    *,
    labelled: Codes,
    margin: float,
    estimand: Estimand,
    strata: Codes | None = None,
    inclusion: Numbers | None = None,
    clusters: Codes | None = None,
    passes: bool = False,
    level: float = 0.95,
    chance: float = 0.8,
) -> NonInferiority | Undefined:
    """Decide whether the student keeps at least `margin` of the teacher, or what would settle it.

    Args:
        judged: as in `quality_retained`, shape (N, 2).
        labels: as in `quality_retained`, shape (n, 2).
        labelled: as in `quality_retained`, shape (n,).
        margin: the share to keep, above 0, such as .95.
        estimand: as in `quality_retained`.
        strata: as in `quality_retained`, shape (N,).
        inclusion: as in `quality_retained`, shape (n,).
        clusters: as in `quality_retained`, shape (N,).
        passes: as in `quality_retained`.
        level: two-sided coverage of the limits that decide, in (0, 1).
        chance: of a decision that the named numbers of labels or items aim at, in (.5, 1).

    Returns:
        The decision; Undefined as `quality_retained` is where nothing varies. The numbers take
        the excess to be as it was estimated, and are Undefined where no number would do.

    Raises:
        ValueError: as `quality_retained`, or if the margin is not above 0.

    Source: as `quality_retained`: `yes` where its lower limit is at least the margin.
    """
    if not margin > 0:
        raise ValueError(f"a share to keep is above 0, not {margin}")
    means = _pair_means(
        judged,
        labels,
        labelled=labelled,
        estimand=estimand,
        strata=strata,
        inclusion=inclusion,
        clusters=clusters,
        passes=passes,
    )
    if isinstance(means, Undefined):
        return means
    contrast = np.array([1.0, -margin])
    census = estimand == "finite" and len(labels) == len(judged)
    excess = contrast_estimate(
        means,
        contrast,
        degrees=_degrees(means),
        method="ppi++",
        estimand=estimand,
        census=census,
        level=level,
    )
    if isinstance(excess, Undefined):
        return excess
    decision: Decision = "yes" if excess.low >= 0 else "no" if excess.high < 0 else "undecided"
    more_labels: int | Undefined = 0
    more_items: int | Undefined = 0
    if decision == "undecided":
        reach = normal_quantile(level) + NormalDist().inv_cdf(chance)
        wanted = (excess.value / reach) ** 2
        more_labels = _more_labels(means, contrast, wanted=wanted, n_items=len(judged))
        more_items = _more_items(
            means, contrast, wanted=wanted, n_items=len(judged), estimand=estimand
        )
    return NonInferiority(
        decision=decision,
        margin=margin,
        excess=excess,
        more_labels=more_labels,
        more_items=more_items,
        p_value=_chance_were_it_0(means, contrast, census=census),
        decidable=smallest_decidable_margin(
            *means.values, covariance=means.covariance, level=level, chance=chance
        ),
    )


def smallest_decidable_margin(
    student: float,
    teacher: float,
    *,
    covariance: NDArray[np.float64],
    level: float = 0.95,
    chance: float = 0.8,
) -> float | Undefined:
    """Largest share to keep that would be confirmed with the given chance: the smallest loss.

    Args:
        student: mean that is expected.
        teacher: mean that is expected, above 0.
        covariance: of the two means at the planned size, shape (2, 2); for n independent pairs
            `pass_covariance` over n, or that of `correction.corrected_means`.
        level: two-sided coverage of the limits that decide, in (0, 1).
        chance: of the answer `yes`, in (.5, 1).

    Returns:
        A share of the teacher; Undefined where the teacher's mean is not told from 0.

    Raises:
        ValueError: if the covariance is not of shape (2, 2).

    Source: as `quality_retained`, with z of the level plus z of the chance.
    """
    if covariance.shape != (2, 2):
        raise ValueError(f"a covariance of two means has shape (2, 2), not {covariance.shape}")
    reach = normal_quantile(level) + NormalDist().inv_cdf(chance)
    limits = _fieller_limits(np.array([student, teacher]), covariance, reach=reach)
    return limits if isinstance(limits, Undefined) else limits[0]


def pass_covariance(student: float, teacher: float, *, correlation: float) -> NDArray[np.float64]:
    """Covariance of whether student and teacher pass one item, shape (2, 2).

    Args:
        student: chance to pass, in [0, 1].
        teacher: chance to pass, in [0, 1].
        correlation: of the two on the same item, in [-1, 1].

    Raises:
        ValueError: if two such passes cannot exist.
    """
    shares = np.array([student, teacher])
    if not np.all((shares >= 0) & (shares <= 1)):
        raise ValueError(f"chances to pass are in [0, 1], not {student} and {teacher}")
    spread = np.sqrt(shares * (1 - shares))
    both = student * teacher + correlation * float(spread.prod())
    if not max(0.0, student + teacher - 1) - _FLAT <= both <= min(student, teacher) + _FLAT:
        raise ValueError(f"passes of {student} and {teacher} cannot correlate by {correlation}")
    together = np.array([[1.0, correlation], [correlation, 1.0]])
    return np.asarray(np.outer(spread, spread) * together, dtype=np.float64)


def _pair_means(
    judged: Numbers,
    labels: Numbers,
    *,
    labelled: Codes,
    estimand: Estimand,
    strata: Codes | None,
    inclusion: Numbers | None,
    clusters: Codes | None,
    passes: bool = False,
) -> CorrectedMeans | Undefined:
    if any(side.ndim != 2 or side.shape[1] != 2 for side in (judged, labels)):  # noqa: PLR2004  two systems
        raise ValueError(f"student and teacher have shapes (N, 2) and (n, 2), not {judged.shape}")
    means = corrected_means(
        judged,
        labels,
        labelled=labelled,
        estimand=estimand,
        strata=strata,
        inclusion=inclusion,
        clusters=clusters,
    )
    if isinstance(means, Undefined):
        return means
    # Where the judge is nearly always right its few errors make most of the variance: with n - 1
    # degrees of freedom .91 against .94 is covered .93 of the time from 150 labels.
    means = replace(means, few_make_most=True)
    census = estimand == "finite" and len(labels) == len(judged)
    return _with_unseen(means) if passes and not census else means


def _with_unseen(means: CorrectedMeans) -> CorrectedMeans:
    """Add to the errors what one unit more of each kind of pair would: both, either, neither pass.

    Without it 99 passes of 100 beside a teacher that never fails keep 97 % "for sure", which a
    true share of .97 brings about 15 times in 100.
    """
    moved = sqrt(_UNSEEN / means.n_clusters / means.n) * (_KINDS - means.values)
    return replace(
        means,
        errors=np.vstack([means.errors, moved]),
        label_errors=np.vstack([means.label_errors, moved]),
    )


def _chance_were_it_0(
    means: CorrectedMeans, contrast: NDArray[np.float64], *, census: bool
) -> float:
    """One-sided p-value of a weighted sum of means above 0; 0 or 1 where nothing is left open."""
    from scipy.special import stdtr  # 0.2 s to import: only when used

    value = float(means.values @ contrast)
    if census:
        return float(value < 0)
    error = sqrt(float(contrast @ means.covariance @ contrast))
    return float(stdtr(_degrees(means), -value / error))


def _degrees(means: CorrectedMeans) -> float:
    """Degrees of freedom of student less the share they kept times teacher."""
    student, teacher = means.values
    share = float(student / teacher) if teacher > 0 else 0.0
    return means.degrees(np.array([1.0, -share]))


def _fieller_limits(
    means: NDArray[np.float64], covariance: NDArray[np.float64], *, reach: float
) -> tuple[float, float] | Undefined:
    """Limits of the first mean over the second, at `reach` standard errors."""
    squares = np.outer(means, means) - reach**2 * covariance
    if means[1] <= 0 or squares[1, 1] <= 0:
        return Undefined(reason="the teacher's mean is not told from 0: the share has no limits")
    # Above 0 but for rounding: the share itself is always between the limits.
    root = sqrt(max(0.0, squares[0, 1] ** 2 - squares[0, 0] * squares[1, 1]))
    low, high = ((float(squares[0, 1]) + side * root) / float(squares[1, 1]) for side in (-1, 1))
    return low, high


def _resampled_sums(
    units: NDArray[np.float64], *, draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Sum each column over resamples of the units, shape (draws, k)."""
    some = max(1, _NUMBERS_AT_ONCE // len(units))
    sizes = [min(some, draws - start) for start in range(0, draws, some)]
    chances = np.full(len(units), 1 / len(units))
    return np.vstack([rng.multinomial(len(units), chances, size=size) @ units for size in sizes])


def _more_labels(
    means: CorrectedMeans, contrast: NDArray[np.float64], *, wanted: float, n_items: int
) -> int | Undefined:
    """Labels until the variance is the wanted one; those missing fall as 1/n - 1/N."""
    total = float(contrast @ means.covariance @ contrast)
    by_labels = float(((means.label_errors @ contrast) ** 2).sum())
    fixed = max(0.0, total - by_labels)
    if means.n == n_items or wanted <= fixed:
        reason = "labels on these items alone would not settle it: more items are needed"
        return Undefined(reason=reason, n=means.n)
    each = by_labels / (1 / means.n - 1 / n_items)
    return max(1, ceil(1 / ((wanted - fixed) / each + 1 / n_items)) - means.n)


def _more_items(
    means: CorrectedMeans,
    contrast: NDArray[np.float64],
    *,
    wanted: float,
    n_items: int,
    estimand: Estimand,
) -> int | Undefined:
    if estimand == "finite":
        return Undefined(reason="more items would make it another set", n=means.n)
    if wanted == 0:
        return Undefined(reason="an excess of 0 is never told from 0", n=means.n)
    total = float(contrast @ means.covariance @ contrast)
    return max(1, ceil(n_items * (total / wanted - 1)))


def _rule_of_three(n: int) -> str:
    return f"no labelled item moves the share: up to 3/{n} of all units may be unlike these"
