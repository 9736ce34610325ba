"""A p-value, what many of them still say together, and the level that is left for a look."""

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class PValue:
    """The result of a test.

    Attributes:
        value: chance, were the null hypothesis true, of data at least as far from it; in [0, 1].
        n: items the test was computed from.
        n_clusters: independent units those items came in; equal to `n` without clusters.
        method: the test, in a few words.

    Raises:
        ValueError: if the value is not in [0, 1].
    """

    value: float
    n: int
    n_clusters: int
    method: str

    def __post_init__(self) -> None:
        if not 0 <= self.value <= 1:  # a NaN is not either
            raise ValueError(f"a p-value is in [0, 1]: {self}")


def holm(p_values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Adjust p-values so that any false rejection at all stays under the level.

    Args:
        p_values: of any dependence, in [0, 1], shape (m,).

    Returns:
        Adjusted p-values in [0, 1], shape (m,): reject where one is at most the level.

    Raises:
        ValueError: if a p-value is not in [0, 1].

    Source: Holm (1979), Scand. J. Stat. 6(2), 65-70.
    """
    order, ordered = _ordered(p_values)
    left = np.arange(ordered.size, 0, -1)
    return _placed(np.maximum.accumulate(ordered * left), order)


def benjamini_hochberg(p_values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Adjust p-values so that the expected share of false rejections stays under the level.

    Args:
        p_values: independent or positively dependent, in [0, 1], shape (m,).

    Returns:
        Adjusted p-values in [0, 1], shape (m,): reject where one is at most the level.

    Raises:
        ValueError: if a p-value is not in [0, 1].

    Source: Benjamini and Hochberg (1995), J. R. Stat. Soc. B 57(1), 289-300.
    """
    return _step_up(p_values, factor=1.0)


def benjamini_yekutieli(p_values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Adjust p-values as `benjamini_hochberg` does, whatever their dependence.

    Args:
        p_values: of any dependence, such as those of overlapping slices, in [0, 1], shape (m,).

    Returns:
        Adjusted p-values in [0, 1], shape (m,): reject where one is at most the level.

    Raises:
        ValueError: if a p-value is not in [0, 1].

    Source: Benjamini and Yekutieli (2001), Ann. Stat. 29(4), 1165-1188, theorem 1.3.
    """
    return _step_up(p_values, factor=float(np.sum(1 / np.arange(1, p_values.size + 1))))


def look_level(look: int, *, total: float = 0.025) -> float:
    """One-sided level that look number `look` at growing data may spend.

    The levels of all looks, however many there will be, sum to `total`.

    Args:
        look: 1 for the first.
        total: one-sided level of all looks together, in (0, 1).

    Raises:
        ValueError: if `look` is under 1 or `total` not in (0, 1).

    Source: Bonferroni's inequality; the sum of 1/k^2 over all k is pi^2/6.
    """
    if look < 1 or not 0 < total < 1:
        raise ValueError(f"no level for look {look} of a total of {total}")
    return total * 6 / (pi**2 * look**2)


def _step_up(p_values: NDArray[np.floating], *, factor: float) -> NDArray[np.float64]:
    order, ordered = _ordered(p_values)
    raised = ordered * (factor * ordered.size) / np.arange(1, ordered.size + 1)
    return _placed(np.minimum.accumulate(raised[::-1])[::-1], order)


def _ordered(p_values: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    if p_values.ndim != 1 or not np.all((p_values >= 0) & (p_values <= 1)):
        raise ValueError("p-values are numbers in [0, 1] of shape (m,)")
    order = np.argsort(p_values, kind="stable").astype(np.int64)
    return order, p_values[order].astype(np.float64)


def _placed(adjusted: NDArray[np.float64], order: NDArray[np.int64]) -> NDArray[np.float64]:
    placed = np.empty(adjusted.size)
    placed[order] = np.minimum(adjusted, 1)
    return placed
