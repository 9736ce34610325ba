"""What became of asking a system for its outputs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from judge.stats.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """What became of asking one system.

    Attributes:
        kept: outputs that were there before.
        made: outputs that are new.
        failed: items without one, by why.
        left: items that were not asked about.
        halted: why not, where no later call would have done better; else empty.
        cost: of the new ones.
    """

    system: str
    path: Path
    kept: int
    made: int
    failed: Mapping[str, int]
    left: int
    halted: str
    cost: Money

    @property
    def complete(self) -> bool:
        """Whether every item has an output."""
        return not self.failed and not self.left
