"""Units that are alike, and the bootstrap that draws how many of each kind there are.

Units with the same labels are interchangeable, so what is drawn is how much each kind of unit
weighs, not which units: the cost of a draw does not grow with the number of units.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import (
    Codes,
    Numbers,
    cluster_codes,
    count_clusters,
    design_effect,
    normal_quantile,
    student_quantile,
)
from judge.stats.estimate import Estimate, Undefined

Floats: TypeAlias = NDArray[np.float64]

NO_LABEL = -1

_FEWEST_CATEGORIES = 2
_FEWEST_UNITS = 2
_LARGEST_CODE = 2**62
_LARGEST_INDEX = 1_000_000
_CELLS_AT_ONCE = 2_000_000  # 16 MB of drawn weights


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LabelPatterns:
    """What several raters said of each unit, with equal units told once.

    Attributes:
        counts: labels of each category in each pattern, shape (P, K).
        units: rows of the units that were kept, shape (n,).
        place: which pattern each kept unit has, shape (n,).
    """

    counts: NDArray[np.int64]
    units: NDArray[np.int64]
    place: NDArray[np.int64]

    @property
    def occurrences(self) -> NDArray[np.int64]:
        """Units of each pattern, shape (P,)."""
        return np.bincount(self.place, minlength=len(self.counts)).astype(np.int64)


def label_patterns(labels: Codes, *, n_categories: int, fewest: int) -> LabelPatterns:
    """Find the distinct ways in which units are labelled, whoever gave which label.

    Args:
        labels: category codes 0 to n_categories - 1, or -1 for no label, shape (n_units, n_raters).
        n_categories: categories of the scale, used or not; at least 2.
        fewest: labels that a unit needs to be kept.

    Returns:
        The patterns, in an order that does not depend on that of the units.

    Raises:
        ValueError: if a label is not an integer or off the scale, or the shape is another.
    """
    codes = checked_labels(labels, n_categories=n_categories)
    counts, place = _alike(codes, n_categories=n_categories)
    kept = counts.sum(axis=1) >= fewest
    units = np.flatnonzero(kept[place])
    return LabelPatterns(
        counts=counts[kept], units=units, place=(np.cumsum(kept) - 1)[place[units]]
    )


def checked_labels(labels: Codes, *, n_categories: int) -> NDArray[np.int64]:
    """Return labels of raters, shape (n_units, n_raters), if they are codes of the scale or -1.

    Raises:
        ValueError: if a label is not an integer or off the scale, or the shape is another.
    """
    if labels.ndim != 2:  # noqa: PLR2004  axes
        raise ValueError(f"labels have shape {labels.shape}, expected (n_units, n_raters)")
    if not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integer codes, not {labels.dtype}")
    if n_categories < _FEWEST_CATEGORIES:
        raise ValueError(f"a scale has at least two categories, not {n_categories}")
    if labels.min(initial=NO_LABEL) < NO_LABEL or labels.max(initial=0) >= n_categories:
        off = np.argwhere((labels < NO_LABEL) | (labels >= n_categories))
        unit, rater = (int(place) for place in off[0])
        raise ValueError(
            f"the label of unit {unit} by rater {rater} is {labels[unit, rater]}, "
            f"off a scale of {n_categories}"
        )
    return labels.astype(np.int64)


def checked_judge(judge: Codes, *, n_units: int, n_categories: int) -> NDArray[np.int64]:
    """Return the judge's labels, shape (n_units,), if they are codes of the scale or -1.

    Raises:
        ValueError: as `checked_labels`.
    """
    if judge.shape != (n_units,):
        raise ValueError(f"the judge's labels have shape {judge.shape}, expected ({n_units},)")
    return checked_labels(judge[:, np.newaxis], n_categories=n_categories)[:, 0]


def category_values(values: Numbers | None, *, n_categories: int) -> Floats:
    """Return what each category is worth, shape (K,); 0, 1, ... where nothing is declared.

    Raises:
        ValueError: if the values are not K finite numbers of which two differ.
    """
    if values is None:
        return np.arange(n_categories, dtype=np.float64)
    numbers = values.astype(np.float64)
    if numbers.shape != (n_categories,) or not np.all(np.isfinite(numbers)):
        raise ValueError(f"values are {n_categories} finite numbers, one for each category")
    if np.ptp(numbers) == 0:
        raise ValueError("all categories have the same value")
    return numbers


def clusters_of(
    units: NDArray[np.int64], clusters: Codes | None, *, n_units: int
) -> NDArray[np.int64] | None:
    """Return the clusters of some units, shape (n,); None where all units are independent.

    Raises:
        ValueError: if `clusters` is not an integer array of shape (n_units,).
    """
    return None if clusters is None else cluster_codes(clusters, n=n_units)[units]


def bootstrap_estimate(
    statistic: Callable[[Floats], Floats],
    *,
    occurrences: NDArray[np.int64],
    prior: Floats,
    influence: Floats,
    place: NDArray[np.int64],
    clusters: Codes | None,
    rng: np.random.Generator,
    level: float,
    draws: int,
) -> Estimate | Undefined:
    """Take the limits of a statistic from draws of how much each kind of unit weighs.

    The draws are of the Bayesian bootstrap, over the kinds that were seen and over kinds that a
    prior holds possible. Without those, units that all agree would have limits without a width,
    and an agreement of .98 would be covered half of the time. Clusters, and that the spread is
    itself known from few units, reduce what the units weigh: by the design effect of the
    statistic's linear form, and by Student's quantile over the normal one.

    Args:
        statistic: from weights of the kinds, first those seen and then those of the prior, shape
            (some, P + Q), to values in any unit, shape (some,); not finite where there is none.
        occurrences: units of each kind seen, shape (P,).
        prior: weight of each kind held possible, shape (Q,).
        influence: how far one unit of a kind moves the statistic, up to a factor, shape (P,).
        place: kind of each unit, shape (n,).
        clusters: integer cluster code per unit, shape (n,); None if units are independent.
        rng: source of the draws.
        level: two-sided coverage aimed at, in (0, 1).
        draws: how many.

    Returns:
        The statistic of the units themselves, n counts them; Undefined under two clusters.

    Source: Rubin (1981), Ann. Stat. 9(1), 130-134; counts over the design effect: Korn and
    Graubard (1998), Survey Methodology 24(2), 193-201.
    """
    n, groups = place.size, count_clusters(cluster_codes(clusters, n=place.size))
    reason = why_no_spread(groups)
    if reason is not None:
        return Undefined(reason=reason, n=n)
    effect = 1.0 if clusters is None else design_effect(influence[place], clusters, level=level)
    reach = student_quantile(level, degrees=groups - 1) / normal_quantile(level)
    divisor = effect * reach**2 * groups / (groups - 1)
    seen = occurrences.astype(np.float64)
    value = float(statistic(np.concatenate([seen, np.zeros(prior.size)])[np.newaxis])[0])
    sizes = np.concatenate([seen / divisor, prior])
    some = max(1, _CELLS_AT_ONCE // sizes.size)
    drawn = [
        statistic(rng.standard_gamma(sizes, size=(min(some, draws - start), sizes.size)))
        for start in range(0, draws, some)
    ]
    # Weights that underflow may leave a draw without a value.
    kept = np.concatenate([np.array([value]), *(values[np.isfinite(values)] for values in drawn)])
    low, high = (float(limit) for limit in np.quantile(kept, [(1 - level) / 2, (1 + level) / 2]))
    return Estimate(
        value=value,
        # The prior pulls draws to the middle: agreement of all units lies above them all.
        low=min(low, value),
        high=max(high, value),
        level=level,
        n=n,
        n_clusters=groups,
        method="bayesian bootstrap" + ("" if groups == n else ", counts over the design effect"),
    )


def why_no_spread(n_clusters: int) -> str | None:
    """Say why so few independent units have no limits; None where there are enough."""
    if n_clusters >= _FEWEST_UNITS:
        return None
    return f"limits need at least two independent units with labels, not {n_clusters}"


def _alike(
    labels: NDArray[np.int64], *, n_categories: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels by category of each pattern, in the order of the patterns, and each unit's pattern."""
    base = labels.shape[1] + 1
    if base**n_categories > _LARGEST_CODE:
        unit, rater = np.nonzero(labels != NO_LABEL)
        counts = np.zeros((len(labels), n_categories), dtype=np.int64)
        np.add.at(counts, (unit, labels[unit, rater]), 1)
        patterns, place = np.unique(counts, axis=0, return_inverse=True)
        return patterns, place.reshape(-1)
    # A unit's counts read as the digits of one number; no label, -1, adds the last entry, a 0.
    digits = base ** np.arange(n_categories, dtype=np.int64)
    numbers = np.append(digits, 0)[labels].sum(axis=1)
    found, place = _numbered(numbers, size=base**n_categories)
    return found[:, np.newaxis] // digits % base, place


def _numbered(
    codes: NDArray[np.int64], *, size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct codes in 0 to size - 1, sorted, and the place of each among them.

    It is `np.unique`, ten times faster where the codes are not much more than the units.
    """
    if size > _LARGEST_INDEX:
        found, place = np.unique(codes, return_inverse=True)
        return found, place.astype(np.int64)
    seen = np.bincount(codes, minlength=size) > 0
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[codes]
