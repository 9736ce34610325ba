"""A rate that several processes share, of which each reserves a little ahead."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from judge.errors import StoreError

_LOGGER = logging.getLogger(__name__)

Reserve: TypeAlias = Callable[[str, float, float], Awaitable[float]]
"""Reserves an amount of a named rate, given what goes out a minute.

It returns in how many seconds what was reserved may begin to go out, at that rate.
"""

AHEAD_S = 0.5
"""How much is reserved at once, in seconds of the rate."""
_LOOK_AGAIN_S = 0.02


@dataclass(slots=True)
class _Part:
    """What was reserved: it may go out from some moment on, at the rate."""

    start: float
    amount: float
    used: float = 0.0


class SharedBucket:
    """Says when something of a given size may go out, so that all processes together keep a rate.

    What each reserved is its own to use for a while: in any T seconds n processes together let at
    most rate x (T + 2 x n x `AHEAD_S`) out, and over a longer time the rate. The rest is lost.

    Args:
        name: of the rate, for all who share it.
        per_minute: the rate.
        reserve: the shared book in which parts of it are reserved.
        clock: seconds, from any start.

    Source: the generic cell rate algorithm (ITU-T I.371, annex A), its one number kept in the book.
    """

    def __init__(
        self, name: str, per_minute: float, *, reserve: Reserve, clock: Callable[[], float]
    ) -> None:
        self._name = name
        self._per_minute = per_minute
        self._rate = per_minute / 60
        self._reserve = reserve
        self._clock = clock
        self._parts: deque[_Part] = deque()
        self._owed = 0.0
        self._asking: asyncio.Task[None] | None = None

    def ready_at(self, size: float) -> float:
        """Return the first moment at which so much may go out, or at which to ask again."""
        now = self._clock()
        self._forget_late(now)
        left = self._left
        if left < size + self._rate * AHEAD_S / 2:
            self._ask_for(max(size - left, self._rate * AHEAD_S, 1.0))
        if left < size:
            return now + _LOOK_AGAIN_S
        part = self._parts[0]
        return part.start + part.used / self._rate

    def take(self, size: float, *, now: float) -> None:  # noqa: ARG002 - as `Bucket` has it
        """Note that so much goes out now."""
        self.correct(size)

    def correct(self, more: float) -> None:
        """Note that what went out earlier was larger by so much, or smaller where negative."""
        while self._parts and more > 0:
            part = self._parts[0]
            used = min(more, part.amount - part.used)
            part.used += used
            more -= used
            if part.used >= part.amount:
                self._parts.popleft()
        if self._parts:
            self._parts[0].used += more
        else:
            self._owed += more

    @property
    def _left(self) -> float:
        return sum(part.amount - part.used for part in self._parts) - self._owed

    def _forget_late(self, now: float) -> None:
        """Let go what should have gone out long ago: others send by now."""
        while self._parts:
            part = self._parts[0]
            if part.start + part.amount / self._rate + AHEAD_S > now:
                return
            self._parts.popleft()

    def _ask_for(self, amount: float) -> None:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._ask(amount))

    async def _ask(self, amount: float) -> None:
        try:
            in_s = await self._reserve(self._name, amount, self._per_minute)
        except StoreError as error:
            # The call goes on to the ledger, which lets none out that it cannot write down.
            _LOGGER.warning("a rate that is shared: %s", error)
            in_s = 0.0
        part = _Part(self._clock() + in_s, amount)
        self._parts.append(part)
        owed, self._owed = self._owed, 0.0
        self.correct(owed)
