"""A rule of a gate: what is asked of which system."""

from dataclasses import dataclass
from enum import StrEnum

from judge.reports.groups import OVERALL


class Ask(StrEnum):
    """What a rule asks of a number."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    RETAINS = "retains"
    """A share of another system's score on the same items."""
    LOSES_AT_MOST = "loses_at_most"
    """Against the same system in the baseline run, on the same items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a gate.

    Attributes:
        metric: such as ``equivalence.reference``.
        system: that is asked about.
        bound: in the unit of the metric; of `RETAINS` a share.
        of: the system that `RETAINS` is about; empty for the teacher.
        slices: on each of which the rule must hold: ``overall`` or ``dimension=value``.
        place: where in the config it stands, for messages.
        line: of the config; 0 where it is not known.
    """

    metric: str
    system: str
    ask: Ask
    bound: float
    of: str = ""
    slices: tuple[str, ...] = (OVERALL,)
    place: str = ""
    line: int = 0
