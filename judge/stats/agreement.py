"""Agreement between human and judge labels, from their confusion table."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import Codes, count_divisor, design_effect, why_too_few
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import wilson_interval

Table: TypeAlias = NDArray[np.integer]
Weights: TypeAlias = Literal["none", "linear", "quadratic"]

_BINARY = 2
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
    if human.ndim != 1 or human.shape != judge.shape:
        raise ValueError(f"labels have shapes {human.shape} and {judge.shape}, expected one (n,)")
    for side, codes in (("human", human), ("judge", judge)):
        _check_codes(codes, side=side, n_categories=n_categories)
    cells = human.astype(np.int64) * n_categories + judge.astype(np.int64)
    counts = np.bincount(cells, minlength=n_categories**2).astype(np.int64)
    return counts.reshape(n_categories, n_categories)


def agreement_design_effect(
    human: Codes, judge: Codes, *, clusters: Codes, level: float = 0.95
) -> float:
    """Design effect of whether human and judge agree, at least 1.

    Args:
        human: category codes, shape (n,).
        judge: category codes of the same items, shape (n,).
        clusters: integer cluster codes, shape (n,).
        level: two-sided coverage of the interval it is for, in (0, 1).

    Raises:
        ValueError: if the lengths differ.

    Source: as `clusters.design_effect`.
    """
    if human.ndim != 1 or human.shape != judge.shape:
        raise ValueError(f"labels have shapes {human.shape} and {judge.shape}, expected one (n,)")
    return design_effect(human == judge, clusters, level=level)


def percent_agreement(
    table: Table, *, level: float = 0.95, design_effect: float = 1.0, n_clusters: int | None = None
) -> Estimate | Undefined:
    """Share of items on which human and judge give the same label.

    Args:
        table: counts from `confusion`, shape (K, K).
        level: two-sided coverage aimed at, in (0, 1).
        design_effect: divides the counts behind the limits, at least 1; the value stays.
        n_clusters: clusters the items came in; None if independent.

    Returns:
        A fraction in [0, 1]; Undefined without labels.

    Source: as `wilson_interval`.
    """
    counts = _counts(table)
    return wilson_interval(
        int(np.trace(counts)),
        int(counts.sum()),
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
        table: counts from `confusion`, shape (K, K).
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
    counts = _counts(table)
    n = int(counts.sum())
    reason = _why_no_kappa(counts) or why_too_few(n_clusters, n=n)
    if reason is not None:
        return Undefined(reason=reason, n=n)
    cost = _costs(counts.shape[0], weights=weights)
    divisor = count_divisor(design_effect, n=n, n_clusters=n_clusters, level=level)
    tables = _posterior_tables(counts / divisor, draws=draws, rng=rng)
    return _from_draws(
        float(_kappas(counts[np.newaxis].astype(np.float64), cost)[0]),
        np.concatenate([_kappas(some, cost) for some in tables]),
        level=level,
        n=n,
        n_clusters=n_clusters,
        method="dirichlet",
    )


def true_positive_rate(
    table: Table, *, level: float = 0.95, design_effect: float = 1.0, n_clusters: int | None = None
) -> Estimate | Undefined:
    """Share of the human positives that the judge calls positive.

    Args:
        table: counts from `confusion`, shape (2, 2); the second category is positive.
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
        table, which=1, level=level, design_effect=design_effect, n_clusters=n_clusters
    )


def true_negative_rate(
    table: Table, *, level: float = 0.95, design_effect: float = 1.0, n_clusters: int | None = None
) -> Estimate | Undefined:
    """Share of the human negatives that the judge calls negative.

    Args:
        table: counts from `confusion`, shape (2, 2); the first category is negative.
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
        table, which=0, level=level, design_effect=design_effect, n_clusters=n_clusters
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
        table: counts from `confusion`, shape (2, 2); the second category is positive.
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
    counts = _binary_counts(table)
    n = int(counts.sum())
    reason = _why_no_class(counts) or why_too_few(n_clusters, n=n)
    if reason is not None:
        return Undefined(reason=reason, n=n)
    divisor = count_divisor(design_effect, n=n, n_clusters=n_clusters, level=level)
    (tn, fp), (fn, tp) = counts / divisor + 0.5
    sensitivity, specificity = rng.beta(tp, fn, size=draws), rng.beta(tn, fp, size=draws)
    rates = np.diag(counts) / counts.sum(axis=1)
    return _from_draws(
        float(rates.sum()) - 1,
        sensitivity + specificity - 1,
        level=level,
        n=n,
        n_clusters=n_clusters,
        method="beta draws of both rates",
    )


def _class_rate(
    table: Table, *, which: int, level: float, design_effect: float, n_clusters: int | None
) -> Estimate | Undefined:
    row = _binary_counts(table)[which]
    if row.sum() == 0:
        return Undefined(reason=f"no human {('negative', 'positive')[which]} among the labels")
    return wilson_interval(
        int(row[which]),
        int(row.sum()),
        level=level,
        design_effect=design_effect,
        n_clusters=n_clusters,
    )


def _from_draws(
    value: float,
    draws: NDArray[np.float64],
    *,
    level: float,
    n: int,
    n_clusters: int | None,
    method: str,
) -> Estimate:
    low, high = (float(limit) for limit in np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]))
    return Estimate(
        value=value,
        # The prior pulls draws to the middle: a perfect table has a value of 1 above them all.
        low=min(low, value),
        high=max(high, value),
        level=level,
        n=n,
        n_clusters=n if n_clusters is None else n_clusters,
        method=method,
    )


def _posterior_tables(
    counts: NDArray[np.float64], *, draws: int, rng: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """Yield drawn tables, shape (some, K, K), each up to a factor: `_kappas` divides it out."""
    categories = counts.shape[0]
    prior = 1 / 2 if categories == _BINARY else 1 / categories**2
    some = max(1, _CELLS_AT_ONCE // counts.size)
    for start in range(0, draws, some):
        yield rng.standard_gamma(counts + prior, size=(min(some, draws - start), *counts.shape))


def _kappas(tables: NDArray[np.float64], cost: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kappa of each table of shape (some, K, K) that has one."""
    observed = np.einsum("tij,ij->t", tables, cost) * tables.sum(axis=(1, 2))
    expected = ((tables.sum(axis=2) @ cost) * tables.sum(axis=1)).sum(axis=1)
    # Tiny gamma draws may all underflow to 0, which leaves a table of one cell without a kappa.
    defined = expected > 0
    return np.asarray(1 - observed[defined] / expected[defined], dtype=np.float64)


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


def _why_no_class(counts: NDArray[np.int64]) -> str | None:
    negatives, positives = counts.sum(axis=1)
    if negatives == 0 or positives == 0:
        return f"informedness needs both classes: {positives} positives, {negatives} negatives"
    return None


def _binary_counts(table: Table) -> NDArray[np.int64]:
    if table.shape != (_BINARY, _BINARY):
        raise ValueError(f"a rate of a class needs a 2 by 2 table, not shape {table.shape}")
    return _counts(table)


def _counts(table: Table) -> NDArray[np.int64]:
    if table.ndim != 2 or table.shape[0] != table.shape[1] or table.size == 0:  # noqa: PLR2004  axes
        raise ValueError(f"a confusion table is square, not of shape {table.shape}")
    if not np.issubdtype(table.dtype, np.integer) or table.min() < 0:
        raise ValueError("a confusion table holds counts: integers that are not negative")
    return table.astype(np.int64)


def _check_codes(codes: Codes, *, side: str, n_categories: int) -> None:
    if not np.issubdtype(codes.dtype, np.integer):
        raise ValueError(f"{side} labels must be integer codes, not {codes.dtype}")
    off = np.flatnonzero((codes < 0) | (codes >= n_categories))
    if off.size:
        first = int(off[0])
        raise ValueError(f"{side} label {first} is {codes[first]}, off a scale of {n_categories}")
