"""Whether an endpoint is down, and what its callers do until it is back."""

import asyncio
import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from judge.errors import EndpointPaused, JudgeUnavailable
from judge.models.pause import clock_time, utc_now

GIVE_UP_S = 60.0
"""How long an endpoint may be down before a run ends."""

LONGEST_GAP_S = 10.0
"""Between two probes of one call: its five attempts outlast half a minute."""

_MOST_FAILURES = 20
_SHORTEST_GAP_S = 1.0
_SHORTEST_STATED_GAP_S = 0.1
_PAUSES_BORNE = 2


@dataclass(frozen=True, slots=True, order=True)
class _Waiting:
    """The next probe is the call that was tried least; of several, the one that waits longest."""

    tried: int
    number: int
    turn: asyncio.Future[None] = field(compare=False)


@dataclass(slots=True)
class _Series:
    """The failures since the last answer."""

    began_at: float
    since: str
    record: str
    count: int = 0
    several: bool = False
    last: str = ""
    stated_s: float | None = None
    asked_s: float = 0.0

    def add(self, record: str, error: JudgeUnavailable) -> None:
        self.count += 1
        self.several = self.several or record != self.record
        self.last = str(error)
        self.stated_s = error.retry_after_s
        self.asked_s = max(self.asked_s, error.retry_after_s or 0.0)


class Breaker:
    """Holds calls back while an endpoint is down, so that they do not use up their attempts.

    An endpoint is taken to be down when, without any answer in between, more calls have failed
    than are in play, or 20. From then on calls wait, and one at a time goes as a probe: each
    second, or less often where few are in play, so that their attempts last for half a minute; or
    when the endpoint itself says. An answer of any kind, a refusal too, lets everybody go. An
    endpoint that fails for a minute, and not for one record alone, is given up: whoever waits ends
    with `EndpointPaused`, and so does every later call, but for one now and then that goes as a
    probe.

    Args:
        give_up_s: how long an endpoint may be down, besides the pauses it asks for.
        longest_gap_s: between two probes, where a single call is in play.
        clock: seconds, from any start.
        wall: the time of day, for messages.
    """

    def __init__(
        self,
        *,
        give_up_s: float = GIVE_UP_S,
        longest_gap_s: float = LONGEST_GAP_S,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = utc_now,
    ) -> None:
        self._give_up_s = give_up_s
        self._longest_gap_s = longest_gap_s
        self._clock = clock
        self._wall = wall
        self.in_play = 0
        """Calls that are not over, those that wait included: their owner counts them."""
        self.is_down = False
        """Whether a call must ask for its turn before it goes."""
        self._failures: _Series | None = None
        self._given_up = False
        self._probe_at = 0.0
        self._waiting: list[_Waiting] = []
        self._number = 0
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, *, tried: int) -> None:
        """Wait until the endpoint is back, or until this call is to find out whether it is.

        Args:
            tried: how often this call was tried already.

        Raises:
            EndpointPaused: the endpoint is given up.
        """
        if self._given_up:
            if self._clock() < self._probe_at:
                raise self._down()
            self._probe_at = self._clock() + self._longest_gap_s
            return
        self._number += 1
        waiting = _Waiting(tried, self._number, asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiting, waiting)
        self._look_again()
        await waiting.turn

    def failed(self, record: str, error: JudgeUnavailable) -> None:
        """Note that a call about a record got no answer."""
        now = self._clock()
        if self._failures is None:
            self._failures = _Series(now, clock_time(self._wall()), record)
        failures = self._failures
        failures.add(record, error)
        if not self.is_down and failures.count > min(self.in_play, _MOST_FAILURES):
            self.is_down = True
            self._probe_at = now + self._gap_s()
        borne_s = self._give_up_s + _PAUSES_BORNE * failures.asked_s
        if self.is_down and failures.several and now - failures.began_at >= borne_s:
            self._give_up()

    def answered(self) -> None:
        """Note that the endpoint answered something."""
        self._failures = None
        if self.is_down:
            self.is_down = self._given_up = False
            self._stop_looking()
            while self._waiting:
                if not (turn := heapq.heappop(self._waiting).turn).done():
                    turn.set_result(None)

    def _give_up(self) -> None:
        self._given_up = True
        self._probe_at = self._clock() + self._longest_gap_s
        self._stop_looking()
        while self._waiting:
            if not (turn := heapq.heappop(self._waiting).turn).done():
                turn.set_exception(self._down())

    def _probe(self) -> None:
        self._timer = None
        self._probe_at = self._clock() + self._gap_s()
        while self._waiting:
            if not (turn := heapq.heappop(self._waiting).turn).done():
                turn.set_result(None)
                break
        if self._waiting:
            self._look_again()

    def _look_again(self) -> None:
        if self._timer is None:
            in_s = max(0.0, self._probe_at - self._clock())
            self._timer = asyncio.get_running_loop().call_later(in_s, self._probe)

    def _stop_looking(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _gap_s(self) -> float:
        longest_s = self._longest_gap_s
        gap_s = min(longest_s, max(_SHORTEST_GAP_S, longest_s / max(self.in_play, 1)))
        stated_s = self._failures.stated_s if self._failures else None
        # One that says when it is back is believed, but not asked by everybody at once.
        return gap_s if stated_s is None else min(gap_s, max(stated_s, _SHORTEST_STATED_GAP_S))

    def _down(self) -> EndpointPaused:
        if (failures := self._failures) is None:
            raise AssertionError("an endpoint without failures was given up")
        return EndpointPaused(
            f"the endpoint has answered nothing since {failures.since}: {failures.count} calls "
            f"failed in a row, the last with: {failures.last}; resume when it is back",
            attempts=0,
        )
