"""How many labels it takes for a judge's informedness to reach a bound."""

from math import ceil
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from judge.stats.estimate import Undefined

_ROUNDING = 1e-9
_MOST_COUNTED = 1_000  # of a class: above it the normal approximation is as good as counting


def labels_of_each_class(
    at_least: float,
    *,
    sensitivity: float,
    specificity: float,
    one_sided: float = 0.025,
    chance: float = 0.8,
) -> int | Undefined:
    """Human passes, and as many fails, for the lower limit of informedness to reach a bound.

    Args:
        at_least: the bound, under 1.
        sensitivity: expected of the judge, in [0, 1].
        specificity: expected of the judge, in [0, 1].
        one_sided: level of the lower limit, in (0, .5).
        chance: of reaching the bound, in (0, 1).

    Returns:
        Labels of each class, by the chances of all that could be seen on so many; Undefined
        ("impossible") where the judge is not expected above the bound at all.

    Raises:
        ValueError: if an argument is out of its range.

    Source: the limit: Newcombe (1998), Stat. Med. 17(8), 873-890, method 10.
    """
    if not (0 < one_sided < 0.5 and 0 < chance < 1):  # noqa: PLR2004  a level above 1/2 is no limit
        raise ValueError(f"no plan for a level of {one_sided} and a chance of {chance}")
    _check(sensitivity, specificity)
    above = sensitivity + specificity - 1 - at_least
    if above <= _ROUNDING:
        reason = f"impossible: informedness is expected at {above + at_least:.3g}, not above it"
        return Undefined(reason=reason)
    z = NormalDist().inv_cdf(1 - one_sided)
    spread = sensitivity * (1 - sensitivity) + specificity * (1 - specificity)
    reach = z + NormalDist().inv_cdf(chance)
    labels = max(1, ceil(reach**2 * spread / above**2))
    if labels > _MOST_COUNTED:
        return labels
    low, high = 1, 2 * labels + 50
    while low < high:  # the normal approximation asks for up to half as many as it takes
        middle = (low + high) // 2
        found = _chance_to_reach(at_least, middle, rates=(sensitivity, specificity), z=z)
        low, high = (middle + 1, high) if found < chance else (low, middle)
    return low


def labels_balanced_by_verdict(
    of_each_class: int, *, share: float, sensitivity: float, specificity: float
) -> int:
    """Labels drawn half from either verdict that are worth so many of each human class.

    Args:
        of_each_class: from `labels_of_each_class`, at least 1.
        share: expected share of human passes, in (0, 1).
        sensitivity: expected share of those that the judge passes, in [0, 1].
        specificity: expected share of human fails that the judge fails, in [0, 1].

    Returns:
        A number: twice as many where passes and fails are as frequent, more where one is rare,
        since a judge's few mistakes about the frequent one then weigh much.

    Raises:
        ValueError: if an argument is out of its range.

    Source: both variances of informedness by the delta method.
    """
    _check(share, sensitivity, specificity)
    if not 0 < share < 1 or of_each_class < 1:
        raise ValueError(f"a share of passes of {share} leaves a class without labels")
    rates = np.array([[sensitivity, 1 - sensitivity], [1 - specificity, specificity]])
    spread = float((rates[:, 0] * rates[:, 1]).sum())
    cells = np.array([[share], [1 - share]]) * rates  # rows: people pass, fail; columns: the judge
    judged = cells.sum(axis=0)
    if spread == 0 or judged.min() <= 0:
        return 2 * of_each_class
    right = cells[0] / judged  # share of human passes of either verdict
    moved = judged * (cells[0, ::-1] / share**2 + cells[1, ::-1] / (1 - share) ** 2)
    worth = float((moved**2 * right * (1 - right)).sum()) / spread
    return ceil(2 * of_each_class * worth * (1 - _ROUNDING))


def _chance_to_reach(bound: float, labels: int, *, rates: tuple[float, float], z: float) -> float:
    """Chance that the lower limit of informedness from so many labels a class reaches a bound."""
    seen = np.arange(labels + 1) / labels
    middle = (seen + z**2 / (2 * labels)) / (1 + z**2 / labels)
    half = np.sqrt(seen * (1 - seen) / labels + z**2 / (4 * labels**2)) * z / (1 + z**2 / labels)
    drops = (seen - middle + half) ** 2
    lowest = seen[:, np.newaxis] + seen - 1 - np.sqrt(drops[:, np.newaxis] + drops)
    one, other = (_chances(labels, rate) for rate in rates)
    return float(one @ (lowest >= bound) @ other)


def _chances(n: int, rate: float) -> NDArray[np.float64]:
    """Binomial chances of 0 to n, shape (n + 1,)."""
    from scipy.special import gammaln, xlog1py, xlogy  # 0.2 s to import: only when used

    hits = np.arange(n + 1)
    ways = gammaln(n + 1) - gammaln(hits + 1) - gammaln(n - hits + 1)
    return np.asarray(np.exp(ways + xlogy(hits, rate) + xlog1py(n - hits, -rate)))


def _check(*shares: float) -> None:
    if not all(0 <= share <= 1 for share in shares):
        raise ValueError(f"shares are in [0, 1], not {shares}")
