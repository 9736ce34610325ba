"""A rule of a gate: what is asked of which system."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from judge.reports.groups import OVERALL

OPERATIONS = "operations."
"""How the metrics of what outputs took to make begin."""


class Ask(StrEnum):
    """What a rule asks of a number."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    RETAINS = "retains"
    """A share of another system's score on the same items."""
    LOSES_AT_MOST = "loses_at_most"
    """Against the same system in the baseline run, on the same items."""
    SAVES_AT_LEAST = "saves_at_least"
    """A share of what another system takes of time, tokens or money on the same items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a gate.

    Attributes:
        metric: such as ``equivalence.reference`` or ``operations.latency_ms.p95``; where several
            metrics are asked for together, what they are in words.
        system: that is asked about.
        bound: in the unit of the metric; of `RETAINS` and `SAVES_AT_LEAST` a share.
        together: the least that a record must have, by metric: the rule is about the share of
            records that have it all; empty for a rule about one metric.
        of: the system that `RETAINS` and `SAVES_AT_LEAST` are about; empty for the teacher.
        slices: on each of which the rule must hold: ``overall`` or ``dimension=value``.
        place: where in the config it stands, for messages.
        line: of the config; 0 where it is not known.
    """

    metric: str
    system: str
    ask: Ask
    bound: float
    together: Mapping[str, float] = field(default_factory=dict)
    of: str = ""
    slices: tuple[str, ...] = (OVERALL,)
    place: str = ""
    line: int = 0

    @property
    def is_of_operations(self) -> bool:
        """Whether it asks what outputs took to make, and not what they are worth."""
        return self.metric.startswith(OPERATIONS)

    @property
    def measured(self) -> tuple[str, ...]:
        """The metrics whose scores it rests on."""
        if self.is_of_operations:
            return ()
        return tuple(self.together) or (self.metric,)
