"""What can be told of kept answers, and a shelf that keeps them in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from judge.stats.money import Money, total


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionStatistics:
    """What is kept.

    Attributes:
        entries: answers.
        bytes: of their bodies.
        oldest: when the first of them was kept; None where there is none.
        newest: when the last was.
        worth: what they were paid with, and what asking for all of them again would cost.
    """

    entries: int = 0
    bytes: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    worth: Money = field(default_factory=Money)


class CompletionShelf(Protocol):
    """Keeps answers of models by the key of their question, until they are forgotten."""

    def completion(self, key: str) -> bytes | None:
        """Return what is kept under a key."""
        ...

    async def keep_completion(self, key: str, body: bytes, *, cost: float | None) -> None:
        """Keep an answer; return when it is durable. One that is kept already is replaced.

        Args:
            key: of the question.
            body: the answer.
            cost: US dollars it was paid with; None where that is not known.
        """
        ...

    def statistics(self) -> CompletionStatistics:
        """Return what is kept."""
        ...

    def forget_completions(self, *, older_than: datetime | None) -> int:
        """Forget answers kept before a time, or all where it is None; return how many."""
        ...


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class MemoryCompletions:
    """Keeps answers in this process: for tests and notebooks.

    Args:
        now: the time, with its zone.
    """

    def __init__(self, *, now: Callable[[], datetime] = utc_now) -> None:
        self._now = now
        self._kept: dict[str, tuple[datetime, float | None, bytes]] = {}

    def completion(self, key: str) -> bytes | None:
        found = self._kept.get(key)
        return found and found[2]

    async def keep_completion(self, key: str, body: bytes, *, cost: float | None) -> None:
        self._kept[key] = (self._now(), cost, body)

    def statistics(self) -> CompletionStatistics:
        times = [kept for kept, _, _ in self._kept.values()]
        return CompletionStatistics(
            entries=len(self._kept),
            bytes=sum(len(body) for _, _, body in self._kept.values()),
            oldest=min(times, default=None),
            newest=max(times, default=None),
            worth=total(cost for _, cost, _ in self._kept.values()),
        )

    def forget_completions(self, *, older_than: datetime | None) -> int:
        old = [
            key
            for key, (kept, _, _) in self._kept.items()
            if older_than is None or kept < older_than
        ]
        for key in old:
            del self._kept[key]
        return len(old)
