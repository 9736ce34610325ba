"""How a judge does on each of two classes: the rates among people's labels and its own."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import count_divisor, why_too_few
from judge.stats.estimate import Estimate, Undefined
from judge.stats.weighting import (
    Table,
    WeightedTable,
    cells_worth,
    estimate_from_draws,
    turned,
    weighted,
    weighted_share,
)

_BINARY = 2


def true_positive_rate(
    table: Table, *, level: float = 0.95, design_effect: float = 1.0, n_clusters: int | None = None
) -> Estimate | Undefined:
    """Share of the human positives that the judge calls positive.

    Args:
        table: from `confusion` or `weighted_confusion`, shape (2, 2); the second category is
            positive.
        level: two-sided coverage aimed at, in (0, 1).
        design_effect: of agreement among the human positives, at least 1.
        n_clusters: clusters with a human positive; None if independent.

    Returns:
        A fraction in [0, 1], n counts the human positives; Undefined without one.

    Raises:
        ValueError: if the table is not 2 by 2.

    Source: as `wilson_interval`.
    """
    return _class_rate(
        table, side="human", of=1, level=level, design_effect=design_effect, n_clusters=n_clusters
    )


def true_negative_rate(
    table: Table, *, level: float = 0.95, design_effect: float = 1.0, n_clusters: int | None = None
) -> Estimate | Undefined:
    """Share of the human negatives that the judge calls negative.

    Args:
        table: from `confusion` or `weighted_confusion`, shape (2, 2); the first category is
            negative.
        level: two-sided coverage aimed at, in (0, 1).
        design_effect: of agreement among the human negatives, at least 1.
        n_clusters: clusters with a human negative; None if independent.

    Returns:
        A fraction in [0, 1], n counts the human negatives; Undefined without one.

    Raises:
        ValueError: if the table is not 2 by 2.

    Source: as `wilson_interval`.
    """
    return _class_rate(
        table, side="human", of=0, level=level, design_effect=design_effect, n_clusters=n_clusters
    )


def positive_predictive_value(
    table: Table, *, level: float = 0.95, design_effect: float = 1.0, n_clusters: int | None = None
) -> Estimate | Undefined:
    """Share of what the judge calls positive that people call positive.

    Unlike `true_positive_rate` it moves with the share of positives in the population.

    Args:
        table: from `confusion` or `weighted_confusion`, shape (2, 2); the second category is
            positive.
        level: two-sided coverage aimed at, in (0, 1).
        design_effect: of agreement among the judge's positives, at least 1.
        n_clusters: clusters with a positive of the judge; None if independent.

    Returns:
        A fraction in [0, 1], n counts the judge's positives; Undefined without one.

    Raises:
        ValueError: if the table is not 2 by 2.

    Source: as `wilson_interval`.
    """
    return _class_rate(
        table, side="judge", of=1, level=level, design_effect=design_effect, n_clusters=n_clusters
    )


def negative_predictive_value(
    table: Table, *, level: float = 0.95, design_effect: float = 1.0, n_clusters: int | None = None
) -> Estimate | Undefined:
    """Share of what the judge calls negative that people call negative.

    Args:
        table: from `confusion` or `weighted_confusion`, shape (2, 2); the first category is
            negative.
        level: two-sided coverage aimed at, in (0, 1).
        design_effect: of agreement among the judge's negatives, at least 1.
        n_clusters: clusters with a negative of the judge; None if independent.

    Returns:
        A fraction in [0, 1], n counts the judge's negatives; Undefined without one.

    Raises:
        ValueError: if the table is not 2 by 2.

    Source: as `wilson_interval`.
    """
    return _class_rate(
        table, side="judge", of=0, level=level, design_effect=design_effect, n_clusters=n_clusters
    )


def informedness(
    table: Table,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = 10_000,
    design_effect: float = 1.0,
    n_clusters: int | None = None,
) -> Estimate | Undefined:
    """True positive rate plus true negative rate minus 1: it does not move with prevalence.

    The limits are quantiles over independent Beta draws of the two rates (Jeffreys' 1/2, 1/2).

    Args:
        table: from `confusion` or `weighted_confusion`, shape (2, 2); the second category is
            positive.
        rng: source of the draws.
        level: two-sided coverage aimed at, in (0, 1).
        draws: pairs of rates drawn.
        design_effect: divides the counts behind the limits, at least 1; the value stays.
        n_clusters: clusters the items came in; None if independent.

    Returns:
        A number in [-1, 1]; Undefined where a class is absent, or with one cluster of several
        items.

    Raises:
        ValueError: if the table is not 2 by 2.

    Source: Youden (1950), Cancer 3(1), 32-35; the name: Powers (2011), J. Mach. Learn. Technol.
    2(1), 37-63.
    """
    labels = _binary(table)
    reason = _why_no_class(labels.counts) or why_too_few(n_clusters, n=labels.n)
    if reason is not None:
        return Undefined(reason=reason, n=labels.n)
    divisor = count_divisor(design_effect, n=labels.n, n_clusters=n_clusters, level=level)
    worth = cells_worth(labels, divisor=divisor)
    (tn, fp), (fn, tp) = worth.sizes
    (one_tn, one_fp), (one_fn, one_tp) = worth.scales
    sensitivity = turned(rng.beta(tp, fn, size=draws), odds=one_fn / one_tp)
    specificity = turned(rng.beta(tn, fp, size=draws), odds=one_fp / one_tn)
    rates = np.diag(labels.weights) / labels.weights.sum(axis=1)
    return estimate_from_draws(
        float(rates.sum()) - 1,
        sensitivity + specificity - 1,
        labels=labels,
        level=level,
        n_clusters=n_clusters,
        method="beta draws of both rates",
    )


def _class_rate(
    table: Table,
    *,
    side: Literal["human", "judge"],
    of: int,
    level: float,
    design_effect: float,
    n_clusters: int | None,
) -> Estimate | Undefined:
    labels = _binary(table)
    yes, whole = np.zeros((2, 2), dtype=np.bool_), np.zeros((2, 2), dtype=np.bool_)
    yes[of, of] = True
    whole[(of, slice(None)) if side == "human" else (slice(None), of)] = True
    if labels.counts[whole].sum() == 0:
        return Undefined(reason=f"no {side} {('negative', 'positive')[of]} among the labels")
    return weighted_share(
        labels,
        yes=yes,
        no=whole & ~yes,
        level=level,
        design_effect=design_effect,
        n_clusters=n_clusters,
    )


def _why_no_class(counts: NDArray[np.int64]) -> str | None:
    negatives, positives = counts.sum(axis=1)
    if negatives == 0 or positives == 0:
        return f"informedness needs both classes: {positives} positives, {negatives} negatives"
    return None


def _binary(table: Table) -> WeightedTable:
    labels = weighted(table)
    if labels.counts.shape != (_BINARY, _BINARY):
        raise ValueError(f"a rate of a class needs a 2 by 2 table, not {labels.counts.shape}")
    return labels
