"""The one line in which the calls to an endpoint wait for their turn."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from judge.errors import ScoringError
from judge.models.concurrency import Window
from judge.models.learned_rate import LearnedRate
from judge.models.pause import Pause
from judge.models.rate import Pace


@dataclass(slots=True)
class Sent:
    """A call that went out.

    Attributes:
        number: its place among all that went, from 1.
        at: when, in seconds of the line's clock.
        beside: calls in flight then, itself included.
        size: tokens it is expected to take.
    """

    number: int
    at: float
    beside: int
    size: float


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    turn: asyncio.Future[Sent]
    size: float
    of: object


class Line:
    """Lets calls go in their order, each when everything that bounds them allows it.

    Of several who ask, each has one call go in turn: who has a thousand waiting does not keep one
    who has ten from going on.

    All of it is decided in the moment a call goes: one that holds a connection does not wait for
    tokens, and tokens are not taken by one that waits for a connection, or for a pause to end.

    Args:
        window: how many may be in flight.
        pace: requests and tokens a minute; None where nobody set any.
        pause: what the endpoint asked for.
        learned: the rate its refusals tell.
        clock: seconds, from any start.
    """

    def __init__(
        self,
        *,
        window: Window,
        pace: Pace | None,
        pause: Pause,
        learned: LearnedRate,
        clock: Callable[[], float],
    ) -> None:
        self._window = window
        self._pace = pace
        self._pause = pause
        self._learned = learned
        self._clock = clock
        self._first: deque[_Waiting] = deque()
        self._others: OrderedDict[object, deque[_Waiting]] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, size: float, *, refused: int = 0, of: object = None) -> Sent:
        """Wait until a call may go, and count it as gone.

        Args:
            size: tokens it is expected to take.
            refused: how often the endpoint refused it: it then goes before those that were not
                asked yet, and before everybody the second time.
            of: who asks, where several stand in one line.

        Raises:
            ScoringError: nothing goes any more.
        """
        if not (self._first or self._others or self._window.is_full):
            now = self._clock()
            if self._ready_at(size) <= now:
                return self._go(size, now=now)
        waiting = _Waiting(asyncio.get_running_loop().create_future(), size, of)
        if refused > 1:
            self._first.appendleft(waiting)
        elif refused:
            self._first.append(waiting)
        else:
            self._others.setdefault(of, deque()).append(waiting)
        self._let_go()
        went = False
        try:
            sent = await waiting.turn
            went = True
            return sent
        finally:
            if not went:
                self._given_up(waiting)

    def leave(self) -> None:
        """Note that a call that went is over."""
        self._window.in_flight -= 1
        if self._first or self._others:
            self._let_go()

    def send_away(self, error: Callable[[], ScoringError], *, of: object = None) -> None:
        """End all that wait, or those of one who asks, each with an error of its own."""
        gone = [waiting for waiting in self._first if of in (None, waiting.of)]
        self._first = deque(waiting for waiting in self._first if of not in (None, waiting.of))
        for asking in list(self._others) if of is None else [of]:
            gone += self._others.pop(asking, ())
        for waiting in gone:
            if not waiting.turn.done():
                waiting.turn.set_exception(error())

    def _ready_at(self, size: float) -> float:
        ready_at = max(self._pause.ready_at(), self._learned.ready_at())
        return max(ready_at, self._pace.ready_at(size)) if self._pace else ready_at

    def _go(self, size: float, *, now: float) -> Sent:
        self._window.in_flight += 1
        self._pause.take(opened=self._window.limit)
        if self._pace:
            self._pace.take(size, now=now)
        return Sent(self._learned.take(now=now), now, self._window.in_flight, size)

    def _let_go(self) -> None:
        """Give their turn to all who may go now, and be back when the next one may."""
        now = self._clock()
        while self._first or self._others:
            line = self._first or next(iter(self._others.values()))
            waiting = line[0]
            if waiting.turn.done():  # given up
                self._take_out(line)
                continue
            if self._window.is_full:
                return
            ready_at = self._ready_at(waiting.size)
            if ready_at > now:
                self._look_again(ready_at - now)
                return
            self._take_out(line)
            waiting.turn.set_result(self._go(waiting.size, now=now))

    def _take_out(self, line: deque[_Waiting]) -> None:
        """Take the first out of a line; whoever it was of is last to be asked again."""
        waiting = line.popleft()
        if line is not self._first:
            self._others.move_to_end(waiting.of)
            if not line:
                del self._others[waiting.of]

    def _look_again(self, in_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(in_s, self._let_go)

    def _given_up(self, waiting: _Waiting) -> None:
        turn = waiting.turn
        if not turn.done() or turn.cancelled() or turn.exception():
            return
        # Given up in the very moment its turn came: what it took is there for the next one.
        if self._pace:
            self._pace.give_back(waiting.size)
        self.leave()
