"""How much of the spread of scores comes from items, from the student and from the judge."""

from dataclasses import astuple, dataclass
from math import isfinite, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import Codes, Numbers, cluster_codes, count_clusters, student_quantile
from judge.stats.estimate import Estimate, Undefined

_FEWEST_ITEMS = 5
_FLAT = 1e-9  # of the largest: a spread below it is rounding
_ROUNDING = 1e-12  # of the largest
_LEAST_STRETCH = 0.1
_NUMBERS_AT_ONCE = 2_000_000
_LEVELS = ("items", "outputs", "verdicts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """One number for each level of sampling: items, outputs of an item, verdicts on an output."""

    items: float
    outputs: float
    verdicts: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """What one level adds to the spread of single verdicts.

    Attributes:
        variance: in squared units of the score, at least 0.
        share: of the sum of the variances, in [0, 1].
    """

    variance: Estimate | Undefined
    share: Estimate | Undefined


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceComponents:
    """Where the spread of scores comes from.

    Attributes:
        items: some items are harder than others.
        outputs: the student writes another output each time.
        verdicts: the judge decides otherwise when it is asked again.
    """

    items: Component
    outputs: Component
    verdicts: Component


def variance_components(
    scores: Numbers,
    *,
    items: Codes,
    outputs: Codes,
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = 4_000,
) -> VarianceComponents:
    """Split the variance of a verdict's score into those of items, outputs and verdicts.

    The values are those of `variance_moments`, cut at 0. The limits come from resamples of whole
    items, corrected for bias and skewness, with the tails taken further out for few items. Those
    of the items' variance cover in .91 of the cases with 20 items and in .93 with 50, and less
    often where the means of a few items are far out.

    Args:
        scores: one a verdict, shape (n,).
        items: integer code of each verdict's item, shape (n,).
        outputs: integer code of each verdict's output, shape (n,); items may share codes.
        rng: source of the resamples.
        level: two-sided coverage aimed at, in (0, 1).
        draws: resamples.

    Returns:
        The components; n counts verdicts, and clusters are items. A level is Undefined where
        under five items tell it from another, where nothing varies on it (up to 3/n of all items
        may yet be unlike these), or where nearly every resample puts it below 0.

    Raises:
        ValueError: if a score is not finite or the lengths differ.

    Source: as `variance_moments`; limits: Efron (1987), J. Am. Stat. Assoc. 82(397), 171-185
    (BCa), with the tails of Hesterberg (2015), Am. Stat. 69(4), 371-386.
    """
    units = _item_sums(scores, items=items, outputs=outputs)
    reasons = 2 * _why_not_told(units)
    figures: list[Estimate | Undefined] = [
        Undefined(reason=reason, n=scores.size) for reason in reasons
    ]
    if not all(reasons):
        drawn = _figures(_resampled_sums(units, draws=draws, rng=rng))
        whole = _figures(units.sum(axis=0, keepdims=True))[0]
        left_out = _figures(units.sum(axis=0) - units)
        for place in (k for k, reason in enumerate(reasons) if not reason):
            figures[place] = _bootstrapped(
                float(whole[place]),
                draws=drawn[:, place],
                left_out=left_out[:, place],
                level=level,
                n=scores.size,
            )
    components = (Component(variance=figures[k], share=figures[3 + k]) for k in range(3))
    return VarianceComponents(**dict(zip(_LEVELS, components, strict=True)))


def variance_moments(scores: Numbers, *, items: Codes, outputs: Codes) -> Levels | Undefined:
    """Estimate the variances of items, outputs and verdicts from their mean squares.

    Args:
        scores: one a verdict, shape (n,).
        items: integer code of each verdict's item, shape (n,).
        outputs: integer code of each verdict's output, shape (n,); items may share codes.

    Returns:
        The estimates, without bias and so sometimes below 0. With one verdict an output the
        verdicts' is 0 and the outputs' holds both; with one output an item the outputs' is 0 and
        the items' holds both. Undefined under two items.

    Raises:
        ValueError: if a score is not finite or the lengths differ.

    Source: Searle, Casella and McCulloch (1992), Variance Components (Henderson's method 1);
    Sahai and Ojeda (2005), Analysis of Variance for Random Models, volume II (two-way nested).
    """
    units = _item_sums(scores, items=items, outputs=outputs)
    if len(units) < 2:  # noqa: PLR2004  to vary
        return Undefined(reason="items need to be two to differ", n=scores.size)
    of_items, of_outputs, of_verdicts = _moments(units.sum(axis=0, keepdims=True))[0]
    return Levels(items=float(of_items), outputs=float(of_outputs), verdicts=float(of_verdicts))


def variance_of_mean(variances: Levels, design: Levels) -> float:
    """Return the variance of the mean score of a balanced design.

    Args:
        variances: of items, outputs and verdicts, each at least 0.
        design: items, outputs an item, verdicts an output, each above 0; means where unbalanced.

    Raises:
        ValueError: if a number is out of its bounds.

    Source: as `variance_moments`.
    """
    _check("a variance is at least 0", astuple(variances), least=0.0)
    _check("a design has at least some of each level", astuple(design), least=1e-9)
    return (
        variances.items
        + (variances.outputs + variances.verdicts / design.verdicts) / design.outputs
    ) / design.items


def variances_after(budget: float, *, variances: Levels, design: Levels, costs: Levels) -> Levels:
    """Return the variance of the mean after the budget went all to one level: least is best.

    Args:
        budget: to spend, in the unit of the costs, at least 0.
        variances: of items, outputs and verdicts, each at least 0.
        design: items, outputs an item and verdicts an output that there are.
        costs: of one more item with its outputs and their verdicts, of one more output with its
            verdicts, and of one more verdict, each above 0.

    Returns:
        Variances of the mean after spending on items, on outputs of every item, and on verdicts
        on every output. Parts of an item count, so that small budgets compare.

    Raises:
        ValueError: if a number is out of its bounds.

    Source: as `variance_of_mean`.
    """
    _check("a budget is at least 0", (budget,), least=0.0)
    _check("a cost is above 0", astuple(costs), least=1e-300)
    n_outputs = design.items * design.outputs
    more_items = Levels(
        items=design.items + budget / costs.items,
        outputs=design.outputs,
        verdicts=design.verdicts,
    )
    more_outputs = Levels(
        items=design.items,
        outputs=design.outputs + budget / costs.outputs / design.items,
        verdicts=design.verdicts,
    )
    more_verdicts = Levels(
        items=design.items,
        outputs=design.outputs,
        verdicts=design.verdicts + budget / costs.verdicts / n_outputs,
    )
    return Levels(
        items=variance_of_mean(variances, more_items),
        outputs=variance_of_mean(variances, more_outputs),
        verdicts=variance_of_mean(variances, more_verdicts),
    )


def _item_sums(scores: Numbers, *, items: Codes, outputs: Codes) -> NDArray[np.float64]:
    """Everything the mean squares need of an item, shape (items, 10); they are sums over items."""
    if scores.ndim != 1 or not np.isfinite(scores).all():
        raise ValueError(f"scores are finite numbers of shape (n,), not of {scores.shape}")
    item = cluster_codes(items, n=scores.size)
    output = cluster_codes(outputs, n=scores.size)
    pairs = cluster_codes(item * (count_clusters(output) + 1) + output, n=scores.size)
    values = scores.astype(np.float64) - (scores.mean() if scores.size else 0.0)
    groups, n_pairs = count_clusters(item), count_clusters(pairs)
    of_item = np.zeros(n_pairs, dtype=np.int64)
    of_item[pairs] = item
    n = np.bincount(item, minlength=groups).astype(np.float64)
    total = np.bincount(item, weights=values, minlength=groups)
    in_pair = np.bincount(pairs, minlength=n_pairs).astype(np.float64)
    squares = np.bincount(pairs, weights=values, minlength=n_pairs) ** 2 / in_pair
    sizes = np.bincount(of_item, weights=in_pair**2, minlength=groups)
    return np.column_stack(
        [
            np.ones(groups),
            np.bincount(of_item, minlength=groups),
            n,
            total,
            total**2 / n,
            np.bincount(of_item, weights=squares, minlength=groups),
            np.bincount(item, weights=values**2, minlength=groups),
            sizes / n,
            sizes,
            n**2,
        ]
    )


def _moments(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variances of items, outputs and verdicts from sums over items, shape (rows, 3)."""
    items, outputs, n, total, by_item, by_output, squares, shared, sizes, item_sizes = rows.T
    verdict = _ratio(squares - by_output, n - outputs)
    output = _ratio(by_output - by_item - (outputs - items) * verdict, n - shared)
    left = (items - 1) * verdict + (shared - sizes / n) * output
    item = _ratio(by_item - total**2 / n - left, n - item_sizes / n)
    return np.column_stack([item, output, verdict])


def _figures(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Variances and their shares, shape (rows, 6); no share where no variance is above 0."""
    variances = _moments(rows)
    positive = np.maximum(0, variances)
    sums = positive.sum(axis=1, keepdims=True)
    nothing = np.full(variances.shape, np.nan)
    return np.hstack([variances, np.divide(positive, sums, out=nothing, where=sums > 0)])


def _ratio(over: NDArray[np.float64], under: NDArray[np.float64]) -> NDArray[np.float64]:
    # Sums of the same whole numbers in another order: what should be 0 may be off by rounding.
    return np.divide(over, under, out=np.zeros(over.size), where=under > _FLAT)


def _resampled_sums(
    units: NDArray[np.float64], *, draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Sum each column over resamples of the items, shape (draws, 10); equal items are counted."""
    # Rounded, so that items are equal, and sorted, whatever the order their verdicts came in.
    steps = np.maximum(_ROUNDING * np.abs(units).max(axis=0), np.finfo(np.float64).tiny)
    rounded = np.rint(units / steps) * steps
    patterns, counts = np.unique(rounded, axis=0, return_counts=True)
    some = max(1, _NUMBERS_AT_ONCE // max(1, len(patterns)))
    sizes = [min(some, draws - start) for start in range(0, draws, some)]
    shares = counts / max(1, len(units))
    return np.vstack([rng.multinomial(len(units), shares, size=k) @ patterns for k in sizes])


def _bootstrapped(
    value: float,
    *,
    draws: NDArray[np.float64],
    left_out: NDArray[np.float64],
    level: float,
    n: int,
) -> Estimate | Undefined:
    groups = left_out.size
    draws, left_out = draws[np.isfinite(draws)], left_out[np.isfinite(left_out)]
    unmoved = f"no item moves it: up to 3/{groups} of all items may be unlike these"
    if not isfinite(value) or np.ptp(draws) <= _FLAT * np.abs(draws).max():
        return Undefined(reason=unmoved, n=n)
    tails = _bca_tails(value, draws=draws, left_out=left_out, level=level)
    low, high = (max(0.0, float(limit)) for limit in np.quantile(draws, tails))
    low, value, high = min(low, max(0.0, value)), max(0.0, value), max(high, value)
    if high == 0:
        return Undefined(reason="units of this level differ less than chance makes them", n=n)
    if high - low <= _FLAT * high:
        return Undefined(reason=unmoved, n=n)
    return Estimate(
        value=value,
        low=low,
        high=high,
        level=level,
        n=n,
        n_clusters=groups,
        method="item bootstrap, bca",
    )


def _bca_tails(
    value: float, *, draws: NDArray[np.float64], left_out: NDArray[np.float64], level: float
) -> tuple[float, float]:
    normal, groups = NormalDist(), left_out.size
    reach = sqrt(groups / (groups - 1)) * student_quantile(level, degrees=groups - 1)
    below = float((draws < value).mean() + (draws <= value).mean()) / 2
    bias = normal.inv_cdf(min(1 - 0.5 / draws.size, max(0.5 / draws.size, below)))
    moves = left_out.mean() - left_out
    spread = float(moves @ moves)
    skew = float((moves**3).sum()) / (6 * spread**1.5) if spread > 0 else 0.0
    sides = [bias + side * reach for side in (-1, 1)]
    # A very skewed estimate from five items would be stretched to infinity and beyond.
    low, high = (bias + z / max(_LEAST_STRETCH, 1 - skew * z) for z in sides)
    return normal.cdf(low), normal.cdf(high)


def _why_not_told(units: NDArray[np.float64]) -> tuple[str, str, str]:
    """Say of items, outputs and verdicts why they cannot be told apart; empty where they can."""
    few = f"{_FEWEST_ITEMS} are needed to tell"
    if len(units) < _FEWEST_ITEMS:
        reason = f"{len(units)} items, {few} how items differ"
        return reason, reason, reason
    outputs, verdicts = units[:, 1], units[:, 2]
    several_outputs, several_verdicts = int((outputs > 1).sum()), int((verdicts > outputs).sum())
    by_output = by_verdict = ""
    if several_outputs < _FEWEST_ITEMS:
        by_output = f"{several_outputs} items have several outputs, {few} items from outputs"
    if several_verdicts < _FEWEST_ITEMS:
        by_verdict = (
            f"{several_verdicts} items have several verdicts on an output, {few} the judge's "
            "variation from the student's"
        )
    return by_output, by_output or by_verdict, by_verdict


def _check(what: str, numbers: tuple[float, ...], *, least: float) -> None:
    if not all(isfinite(number) and number >= least for number in numbers):
        raise ValueError(f"{what}: {numbers}")
