"""What the cells of a table of labels are worth where the labels were drawn with unequal chances.

A label drawn with chance pi stands for 1 / pi records. How many records are behind a cell is then
a sum of unequal weights, and is as uncertain as a Gamma variable with the mean sum(w) and the
variance sum(w^2): that is a count of sum(w)^2 / sum(w^2) labels, each worth sum(w^2) / sum(w)
records (Kish's effective number, cell by cell). One effective number for all the labels of a class
would not do: where the chance goes by the verdict, misses weigh many times as much as hits or the
other way round. With chances of .9 and .05 and 300 labels, limits from one number cover the true
rate in anything from a thousandth to all of the cases; these do in .92 to .98. On scales of 3 and
5 grades, with chances from .05 to .9 by verdict, they do in .91 to .95, and for the bias in .89 or
more: some grade then has a dozen labels.

Source: Fay and Feuer (1997), Stat. Med. 16(7), 791-801, for weighted sums of counts as scaled
Gamma variables; Kish (1965), Survey Sampling; the weighted ratio: Hajek (1971).
"""

from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import count_divisor, why_too_few
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import wilson_limits

Cells: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Share = TypeVar("Share", float, NDArray[np.float64])

_BINARY = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightedTable:
    """Labels by cell, and sums of the powers of their weights.

    Attributes:
        counts: labels, shape (K, K), rows human, columns judge.
        weights: sum of the weights, shape (K, K). A label that was surest to be drawn weighs 1.
        squares: sum of the squared weights, shape (K, K).
        cubes: sum of the cubed weights, shape (K, K).
    """

    counts: NDArray[np.int64]
    weights: Cells
    squares: Cells
    cubes: Cells

    @property
    def n(self) -> int:
        """Labels."""
        return int(self.counts.sum())


Table: TypeAlias = NDArray[np.integer] | WeightedTable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Worth:
    """How many records may be behind each cell: a Gamma variable, up to one common factor.

    Attributes:
        means: shape (K, K), above 0: a prior is added to what was seen.
        variances: shape (K, K), above 0.
    """

    means: Cells
    variances: Cells

    @property
    def scales(self) -> Cells:
        """Records that a label of the cell stands for, shape (K, K)."""
        return self.variances / self.means

    @property
    def sizes(self) -> Cells:
        """Labels that the cell is worth, shape (K, K): the shape of the Gamma variable."""
        return self.means / self.scales

    def scale_of(self, some: Mask) -> float:
        """Records that a label in any of some cells stands for."""
        return float(self.variances[some].sum() / self.means[some].sum())


def weighted(table: Table) -> WeightedTable:
    """Return a table as it is, or counts as a table of labels that all weigh 1.

    Raises:
        ValueError: if it is not square or does not hold counts.
    """
    if isinstance(table, WeightedTable):
        return table
    if table.ndim != 2 or table.shape[0] != table.shape[1] or table.size == 0:  # noqa: PLR2004  axes
        raise ValueError(f"a confusion table is square, not of shape {table.shape}")
    if not np.issubdtype(table.dtype, np.integer) or table.min() < 0:
        raise ValueError("a confusion table holds counts: integers that are not negative")
    ones = table.astype(np.float64)
    return WeightedTable(counts=table.astype(np.int64), weights=ones, squares=ones, cubes=ones)


def cells_worth(table: WeightedTable, *, divisor: float = 1.0) -> Worth:
    """Weigh each cell: what was seen over `divisor`, and a prior.

    The prior is 1/2 a label for K = 2 and 1/K^2 a label above, of the weight that labels of the
    same verdict have in the population. Where that weight varies, its variance is added: a cell
    with three light labels may well have a heavy one that was not drawn (without it, .86 instead
    of .96 of the limits of a rate cover the truth where two slices are labelled at .05 and .9).
    With equal weights the sizes are counts / divisor + prior.

    Args:
        table: at least one label.
        divisor: of the counts, for clusters; at least 1.
    """
    categories = table.counts.shape[0]
    prior = 1 / 2 if categories == _BINARY else 1 / categories**2
    mean, mean_square = _population_weights(table)
    spread = mean_square - mean**2
    return Worth(
        means=table.weights / divisor + prior * mean,
        variances=table.squares / divisor + prior * mean_square + np.maximum(0, spread),
    )


def weighted_share(
    table: WeightedTable,
    *,
    yes: Mask,
    no: Mask,
    level: float,
    design_effect: float,
    n_clusters: int | None,
) -> Estimate | Undefined:
    """Share of the records of some cells that are in others of them, with Wilson's limits.

    The limits are those of the share among the labels as they were drawn, each side counted in
    effective labels, and turned by the odds of being drawn into those of the share among the
    records.

    Args:
        table: the labels.
        yes: cells counted, shape (K, K).
        no: the other cells of the whole, shape (K, K).
        level: two-sided coverage aimed at, in (0, 1).
        design_effect: divides the counts behind the limits, at least 1; the value stays.
        n_clusters: clusters these labels came in; None if independent.

    Returns:
        A fraction in [0, 1], n counts the labels of both sides; Undefined without one, or with
        one cluster of several.

    Source: Wilson (1927), J. Am. Stat. Assoc. 22(158), 209-212.
    """
    n = int(table.counts[yes | no].sum())
    if n == 0:
        return Undefined(reason="a share needs at least one labelled item")
    too_few = why_too_few(n_clusters, n=n)
    if too_few is not None:
        return Undefined(reason=too_few, n=n)
    divisor = count_divisor(design_effect, n=n, n_clusters=n_clusters, level=level)
    worth = cells_worth(table, divisor=divisor)
    hit, miss = float(table.weights[yes].sum()), float(table.weights[no].sum())
    one_hit = worth.scale_of(yes)
    one_miss = worth.scale_of(no) if no.any() else one_hit
    size = hit / one_hit + miss / one_miss
    limits = wilson_limits(hit / one_hit / size, size=size / divisor, level=level)
    low, high = (turned(limit, odds=one_miss / one_hit) for limit in limits)
    value = hit / (hit + miss)
    return Estimate(
        value=value,
        # Rounding may part them where the weights are very unequal.
        low=min(low, value),
        high=max(high, value),
        level=level,
        n=n,
        n_clusters=n if n_clusters is None else n_clusters,
        method=_share_method(table, divisor=divisor),
    )


def estimate_from_draws(
    value: float,
    draws: NDArray[np.float64],
    *,
    labels: WeightedTable,
    level: float,
    n_clusters: int | None,
    method: str,
) -> Estimate:
    """Take the limits of a figure from draws of it.

    Args:
        value: the figure on the labels themselves.
        draws: the figure on each drawn table that has one, in any number.
        labels: that it was computed from.
        level: two-sided coverage aimed at, in (0, 1).
        n_clusters: clusters the labels came in; None if independent.
        method: how the draws were made, in a few words.
    """
    low, high = (float(limit) for limit in np.quantile(draws, [(1 - level) / 2, (1 + level) / 2]))
    return Estimate(
        value=value,
        # The prior pulls draws to the middle: a perfect table has a value of 1 above them all.
        low=min(low, value),
        high=max(high, value),
        level=level,
        n=labels.n,
        n_clusters=labels.n if n_clusters is None else n_clusters,
        method=method if _is_equal(labels) else f"{method}, weighted by inclusion",
    )


def turned(share: Share, *, odds: float) -> Share:
    """Turn a share whose other side weighs `odds` times as much; it stays where odds are 1."""
    return share / (share + (1 - share) * odds)


def _share_method(table: WeightedTable, *, divisor: float) -> str:
    weights = "" if _is_equal(table) else ", weighted by inclusion"
    return f"wilson{weights}" if divisor == 1 else f"wilson{weights}, counts over the design effect"


def _is_equal(table: WeightedTable) -> bool:
    return bool(np.array_equal(table.weights, table.counts))


def _population_weights(table: WeightedTable) -> tuple[Cells, Cells]:
    """Mean weight and mean squared weight over the records of each verdict, shape (K,) each."""
    weights = table.weights.sum(axis=0)
    seen = weights > 0
    both = []
    for powers in (table.squares, table.cubes):
        overall = np.full(weights.size, powers.sum() / weights.sum())
        both.append(np.divide(powers.sum(axis=0), weights, out=overall, where=seen))
    return both[0], both[1]
