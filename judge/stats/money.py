"""Sums of money of which a part may be unknown."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """A sum in US dollars: at least so much, where some of its parts are unknown.

    Attributes:
        dollars: the sum of the known parts.
        known: how many parts are known.
        unknown: how many are not; none of them counts as 0.
    """

    dollars: float = 0.0
    known: int = 0
    unknown: int = 0

    def __add__(self, other: "Money") -> "Money":
        return Money(
            dollars=self.dollars + other.dollars,
            known=self.known + other.known,
            unknown=self.unknown + other.unknown,
        )


def total(costs: Iterable[float | None]) -> Money:
    """Return the sum of costs in US dollars; None is a cost that is not known."""
    parts = list(costs)
    known = [cost for cost in parts if cost is not None]
    return Money(dollars=fsum(known), known=len(known), unknown=len(parts) - len(known))
