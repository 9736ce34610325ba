"""The terms of a decision, declared before a run: a metric, a margin, and what missing counts."""

from dataclasses import dataclass
from enum import StrEnum


class Unscored(StrEnum):
    """What a record without a score counts as in a decision."""

    BOUNDS = "bounds"
    """The decision must hold at the worst and at the best that it could have been."""
    LOWEST = "lowest"
    SET_ASIDE = "set_aside"
    """Nothing: the decision is about the scored records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionTerms:
    """What decides whether a student may ship.

    Attributes:
        metric: such as ``equivalence.reference``; empty for the first that can tell.
        margin: the share of the teacher to keep; None where nothing is asked.
        critical: slices, as ``dimension=value``, on which the margin must be kept as well.
        unscored: what a missing score counts as.
        place: where in the config this stands, for messages.
    """

    metric: str = ""
    margin: float | None = None
    critical: tuple[str, ...] = ()
    unscored: Unscored = Unscored.BOUNDS
    place: str = ""
