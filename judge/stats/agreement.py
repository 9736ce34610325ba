"""Agreement between human and judge labels, from their confusion table.

Every figure, here and in `class_rates`, takes a table of counts, or a weighted one where the labels
were drawn with unequal chances: the value is then Hajek's (weighted by the inverse of the chance),
and the limits come from the labels that each cell is worth. With equal chances both give the same.
"""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import (
    Codes,
    Numbers,
    count_divisor,
    design_effect,
    relative_weights,
    why_too_few,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.weighting import (
    Table,
    WeightedTable,
    Worth,
    cells_worth,
    estimate_from_draws,
    weighted,
    weighted_share,
)

Weights: TypeAlias = Literal["none", "linear", "quadratic"]

_CELLS_AT_ONCE = 2_000_000  # 16 MB of drawn cells


def confusion(human: Codes, judge: Codes, *, n_categories: int) -> NDArray[np.int64]:
    """Count the items of each pair of labels.

    Args:
        human: category codes 0 to n_categories - 1 in the order of the scale, shape (n,).
        judge: codes of the same items, shape (n,).
        n_categories: categories of the scale, used or not.

    Returns:
        Counts, shape (n_categories, n_categories), rows human, columns judge.

    Raises:
        ValueError: if a code is not an integer or off the scale, or the lengths differ.
    """
    cells = _cells(human, judge, n_categories=n_categories)
    counts = np.bincount(cells, minlength=n_categories**2).astype(np.int64)
    return counts.reshape(n_categories, n_categories)


def weighted_confusion(
    human: Codes, judge: Codes, *, n_categories: int, inclusion: Numbers
) -> WeightedTable:
    """Count the items of each pair of labels, and weigh them by how they were drawn.

    A verdict that the judge gives and no drawn item has counts for nothing: the figures are then
    those of the other verdicts. A plan must label some items of each.

    Args:
        human: category codes 0 to n_categories - 1 in the order of the scale, shape (n,).
        judge: codes of the same items, shape (n,).
        n_categories: categories of the scale, used or not.
        inclusion: chance of each item to be labelled, in (0, 1], shape (n,).

    Returns:
        A table for any figure; with equal chances it gives what the counts give.

    Raises:
        ValueError: as `confusion`, or if a chance is not in (0, 1].

    Source: Hajek (1971), comment in Foundations of Statistical Inference, p. 236.
    """
    cells = _cells(human, judge, n_categories=n_categories)
    weights = relative_weights(inclusion, n=cells.size)
    ones, first, second, third = (
        np.bincount(cells, weights=weights**power, minlength=n_categories**2)
        .astype(np.float64)
        .reshape(n_categories, n_categories)
        for power in range(4)
    )
    counts = ones.astype(np.int64)
    return WeightedTable(counts=counts, weights=first, squares=second, cubes=third)


def agreement_design_effect(
    human: Codes,
    judge: Codes,
    *,
    clusters: Codes,
    inclusion: Numbers | None = None,
    level: float = 0.95,
) -> float:
    """Design effect of whether human and judge agree, at least 1.

    Args:
        human: category codes, shape (n,).
        judge: category codes of the same items, shape (n,).
        clusters: integer cluster codes, shape (n,).
        inclusion: chance of each item to be labelled, shape (n,); None if equal.
        level: two-sided coverage of the interval it is for, in (0, 1).

    Raises:
        ValueError: if the lengths differ or a chance is not in (0, 1].

    Source: as `clusters.design_effect`.
    """
    if human.ndim != 1 or human.shape != judge.shape:
        raise ValueError(f"labels have shapes {human.shape} and {judge.shape}, expected one (n,)")
    return design_effect(human == judge, clusters, inclusion=inclusion, level=level)


def percent_agreement(
    table: Table, *, level: float = 0.95, design_effect: float = 1.0, n_clusters: int | None = None
) -> Estimate | Undefined:
    """Share of items on which human and judge give the same label.

    Args:
        table: from `confusion` or `weighted_confusion`, shape (K, K).
        level: two-sided coverage aimed at, in (0, 1).
        design_effect: divides the counts behind the limits, at least 1; the value stays.
        n_clusters: clusters the items came in; None if independent.

    Returns:
        A fraction in [0, 1]; Undefined without labels.

    Source: as `wilson_interval`.
    """
    labels = weighted(table)
    same = np.eye(labels.counts.shape[0], dtype=np.bool_)
    return weighted_share(
        labels,
        yes=same,
        no=~same,
        level=level,
        design_effect=design_effect,
        n_clusters=n_clusters,
    )


def cohen_kappa(
    table: Table,
    *,
    rng: np.random.Generator,
    weights: Weights = "none",
    level: float = 0.95,
    draws: int = 10_000,
    design_effect: float = 1.0,
    n_clusters: int | None = None,
) -> Estimate | Undefined:
    """Agreement beyond chance on the full scale, used categories or not.

    The limits are quantiles of kappa over draws of the table from its Dirichlet posterior, with
    1/2 a cell for K = 2 and 1/K^2 a cell above: 1/2 a cell on a large table adds more
    pseudo-labels than there are labels. The cost does not depend on the number of items.

    On 7 categories and more, with quadratic weights and errors of one step only, the prior's far
    disagreements weigh most: the limits are then too low (coverage .71 to .94 at K = 7 and n of 20
    to 200, less at K = 11), not too high.

    Args:
        table: from `confusion` or `weighted_confusion`, shape (K, K).
        rng: source of the draws.
        weights: cost of a disagreement over d steps: 1, d, or d^2.
        level: two-sided coverage aimed at, in (0, 1).
        draws: tables drawn.
        design_effect: divides the counts behind the limits, at least 1; the value stays.
        n_clusters: clusters the items came in; None if independent.

    Returns:
        Kappa, at most 1; Undefined without labels, where both sides used one and the same
        category only, or with one cluster of several items.

    Source: Cohen (1960), Educ. Psychol. Meas. 20(1), 37-46; weighted: Cohen (1968), Psychol.
    Bull. 70(4), 213-220.
    """
    labels = weighted(table)
    reason = _why_no_kappa(labels.counts) or why_too_few(n_clusters, n=labels.n)
    if reason is not None:
        return Undefined(reason=reason, n=labels.n)
    cost = _costs(labels.counts.shape[0], weights=weights)
    divisor = count_divisor(design_effect, n=labels.n, n_clusters=n_clusters, level=level)
    tables = _drawn_tables(cells_worth(labels, divisor=divisor), draws=draws, rng=rng)
    return estimate_from_draws(
        float(_kappas(labels.weights[np.newaxis], cost)[0]),
        np.concatenate([_kappas(some, cost) for some in tables]),
        labels=labels,
        level=level,
        n_clusters=n_clusters,
        method="dirichlet",
    )


def mean_bias(
    table: Table,
    *,
    values: NDArray[np.floating | np.integer],
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = 10_000,
    design_effect: float = 1.0,
    n_clusters: int | None = None,
) -> Estimate | Undefined:
    """Mean of judge minus human on the values of the scale, mapped to [0, 1].

    The limits are quantiles over draws of the table, as those of `cohen_kappa`: a judge that
    never erred on the labels has a narrow interval, not one without a width.

    Args:
        table: from `confusion` or `weighted_confusion`, shape (K, K).
        values: what each category is worth, in any unit, shape (K,); the least becomes 0 and the
            largest 1.
        rng: source of the draws.
        level: two-sided coverage aimed at, in (0, 1).
        draws: tables drawn.
        design_effect: of judge minus human (`clusters.design_effect`), at least 1.
        n_clusters: clusters the items came in; None if independent.

    Returns:
        A number in [-1, 1], above 0 where the judge is lenient; Undefined without labels, or with
        one cluster of several items.

    Raises:
        ValueError: if the values are not K finite numbers, or are all equal.

    Source: the posterior is that of `cohen_kappa`.
    """
    labels = weighted(table)
    steps = _steps(values, n_categories=labels.counts.shape[0])
    if labels.n == 0:
        return Undefined(reason="a bias needs at least one item labelled by both sides")
    reason = why_too_few(n_clusters, n=labels.n)
    if reason is not None:
        return Undefined(reason=reason, n=labels.n)
    divisor = count_divisor(design_effect, n=labels.n, n_clusters=n_clusters, level=level)
    tables = _drawn_tables(cells_worth(labels, divisor=divisor), draws=draws, rng=rng)
    return estimate_from_draws(
        float(_biases(labels.weights[np.newaxis], steps)[0]),
        np.concatenate([_biases(some, steps) for some in tables]),
        labels=labels,
        level=level,
        n_clusters=n_clusters,
        method="dirichlet",
    )


def _drawn_tables(
    worth: Worth, *, draws: int, rng: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """Yield drawn tables, shape (some, K, K), each up to a factor that every figure divides out."""
    sizes, scales = worth.sizes, worth.scales
    some = max(1, _CELLS_AT_ONCE // sizes.size)
    for start in range(0, draws, some):
        shape = (min(some, draws - start), *sizes.shape)
        yield rng.standard_gamma(sizes, size=shape) * scales


def _kappas(tables: NDArray[np.float64], cost: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kappa of each table of shape (some, K, K) that has one."""
    observed = np.einsum("tij,ij->t", tables, cost) * tables.sum(axis=(1, 2))
    expected = ((tables.sum(axis=2) @ cost) * tables.sum(axis=1)).sum(axis=1)
    # Tiny gamma draws may all underflow to 0, which leaves a table of one cell without a kappa.
    defined = expected > 0
    return np.asarray(1 - observed[defined] / expected[defined], dtype=np.float64)


def _biases(tables: NDArray[np.float64], steps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean step from human to judge of each table of shape (some, K, K) that has one."""
    totals = tables.sum(axis=(1, 2))
    moved = np.einsum("tij,ij->t", tables, steps)
    # Tiny gamma draws may all underflow to 0.
    return np.asarray(moved[totals > 0] / totals[totals > 0], dtype=np.float64)


def _steps(values: NDArray[np.floating | np.integer], *, n_categories: int) -> NDArray[np.float64]:
    """Judge minus human of each cell, on the values mapped to [0, 1]."""
    if values.shape != (n_categories,) or not np.isfinite(values).all():
        raise ValueError(f"a scale of {n_categories} categories has as many finite values")
    numbers = values.astype(np.float64)
    if numbers.min() == numbers.max():
        raise ValueError(f"all categories are worth {numbers[0]:g}: there is no bias to measure")
    shares = (numbers - numbers.min()) / (numbers.max() - numbers.min())
    return np.asarray(shares[np.newaxis, :] - shares[:, np.newaxis], dtype=np.float64)


def _costs(categories: int, *, weights: Weights) -> NDArray[np.float64]:
    steps = np.abs(np.subtract.outer(np.arange(categories), np.arange(categories)))
    powers = {"none": 0, "linear": 1, "quadratic": 2}
    return np.where(steps > 0, steps.astype(np.float64) ** powers[weights], 0.0)


def _why_no_kappa(counts: NDArray[np.int64]) -> str | None:
    n = counts.sum()
    if n == 0:
        return "kappa needs at least one item labelled by both sides"
    if np.diag(counts).max() == n:
        return "human and judge used one and the same category only: agreement by chance is certain"
    return None


def _cells(human: Codes, judge: Codes, *, n_categories: int) -> NDArray[np.int64]:
    """Number of the cell that each item falls in, shape (n,)."""
    if human.ndim != 1 or human.shape != judge.shape:
        raise ValueError(f"labels have shapes {human.shape} and {judge.shape}, expected one (n,)")
    for side, codes in (("human", human), ("judge", judge)):
        _check_codes(codes, side=side, n_categories=n_categories)
    return human.astype(np.int64) * n_categories + judge.astype(np.int64)


def _check_codes(codes: Codes, *, side: str, n_categories: int) -> None:
    if not np.issubdtype(codes.dtype, np.integer):
        raise ValueError(f"{side} labels must be integer codes, not {codes.dtype}")
    off = np.flatnonzero((codes < 0) | (codes >= n_categories))
    if off.size:
        first = int(off[0])
        raise ValueError(f"{side} label {first} is {codes[first]}, off a scale of {n_categories}")
