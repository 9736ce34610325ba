"""The two results a statistic can have: an estimate with its limits, or a reason for none."""

from dataclasses import dataclass
from math import isfinite

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its limits. It cannot hold a NaN or limits that miss the value.

    Attributes:
        value: the point estimate, in the unit of the statistic.
        low: lower limit, at most `value` up to rounding.
        high: upper limit, at least `value` up to rounding.
        level: two-sided coverage aimed at, in (0, 1).
        n: items the value was computed from.
        n_clusters: independent units those items came in; equal to `n` without clusters.
        method: how the limits were computed, in a few words.

    Raises:
        ValueError: if a number is not finite or the limits do not enclose the value.
    """

    value: float
    low: float
    high: float
    level: float
    n: int
    n_clusters: int
    method: str

    def __post_init__(self) -> None:
        if not all(isfinite(number) for number in (self.value, self.low, self.high)):
            raise ValueError(f"an estimate must be finite: {self}")
        if not self.low - _ROUNDING <= self.value <= self.high + _ROUNDING:
            raise ValueError(f"the limits of an estimate must enclose its value: {self}")
        if not 0 < self.level < 1:
            raise ValueError(f"a level is between 0 and 1: {self}")
        if not 0 <= self.n_clusters <= self.n:
            raise ValueError(f"n items come in at most n clusters: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Undefined:
    """A statistic that cannot be given, and why.

    Attributes:
        reason: what was missing, for a reader of the report.
        n: items at hand.
    """

    reason: str
    n: int = 0
