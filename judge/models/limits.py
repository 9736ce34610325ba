"""A chat model whose calls go out as fast as its endpoint takes them."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256

from judge.errors import EndpointPaused, JudgeUnavailable, RateLimited, ScoringError
from judge.models.chance import Chance
from judge.models.chat import ChatCall, ChatModel, Completion
from judge.models.concurrency import START, Window
from judge.models.deadline import Deadlined
from judge.models.learned_rate import LearnedRate
from judge.models.line import Line, Sent
from judge.models.pause import PATIENCE_S, Pause, clock_time, utc_now
from judge.models.rate import Allow, Pace, RateLimit
from judge.models.retrying import MAX_ATTEMPTS, Retrying
from judge.models.room import Room
from judge.models.shared_rate import Reserve, SharedBucket

__all__ = [
    "MAX_ATTEMPTS",
    "Bounded",
    "Deadlined",
    "Limited",
    "RateLimit",
    "Retrying",
    "SharedTurns",
    "Turns",
]


class Turns:
    """What all who ask one endpoint with one key share: how many may go, how fast, and in a line.

    Args:
        connections: most calls in flight.
        start: how many at first.
        written_down: so many more calls may have their turn, so that they are written down when
            one of the others is answered; `Bounded` holds those in flight to `connections` then.
        rate: what the account is granted; None where there is no such limit.
        allow: makes what keeps to that; None for buckets of its own.
        clock: seconds, from any start.
        jitter: draws from [0, 1).
    """

    def __init__(
        self,
        *,
        connections: int,
        start: int = START,
        written_down: int = 0,
        rate: RateLimit | None = None,
        allow: Allow | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.window = Window(most=connections + written_down, start=start)
        self.room = Room(connections)
        """For those in flight."""
        self._clock = clock
        self.pace = Pace(rate, allow=allow) if rate and rate != RateLimit() else None
        self.pause = Pause(jitter)
        self.learned = LearnedRate()
        self.chance = Chance()
        self.line = Line(
            window=self.window,
            pace=self.pace,
            pause=self.pause,
            learned=self.learned,
            clock=clock,
        )

    @property
    def is_paused(self) -> bool:
        """Whether the endpoint asked to be left alone."""
        return self.pause.resumes_at > self._clock()

    async def pause_over(self, *, patience_s: float = PATIENCE_S) -> None:
        """Wait until no pause is asked for.

        Raises:
            EndpointPaused: that takes longer than anybody waits.
        """
        while (left_s := self.pause.resumes_at - self._clock()) > 0:
            if left_s > patience_s:
                raise _paused(utc_now(), after_s=left_s)
            await asyncio.sleep(left_s)


class SharedTurns:
    """The turns of each endpoint, for all runs of one process and one event loop.

    Args:
        reserve: where other processes reserve parts of the same rates; None where there are none.
    """

    def __init__(self, reserve: Reserve | None = None) -> None:
        self._reserve = reserve
        self._turns: dict[object, Turns] = {}

    def of(
        self, endpoint: object, *, connections: int, written_down: int = 0, rate: RateLimit
    ) -> Turns:
        """Return the turns of an endpoint.

        Args:
            endpoint: its address, its key and the model: what an account's limits are about.
            connections: most calls in flight.
            written_down: see `Turns`.
            rate: what the account is granted.
        """
        if (endpoint, rate) not in self._turns:
            self._turns[endpoint, rate] = Turns(
                connections=connections,
                written_down=written_down,
                rate=rate,
                allow=self._allow(endpoint),
            )
        return self._turns[endpoint, rate]

    def _allow(self, endpoint: object) -> Allow | None:
        if (reserve := self._reserve) is None:
            return None
        # It holds a key: others are told no more than whether it is the same.
        name = sha256(repr(endpoint).encode()).hexdigest()[:32]
        return lambda what, per_minute: SharedBucket(
            f"{what} {name}", per_minute, reserve=reserve, clock=time.monotonic
        )


class Bounded:
    """A chat model that is asked no more at once than there is room for, and not in a pause.

    A call that had its turn is written down before it goes, and may then have to wait for room: the
    endpoint may have asked for a pause since.

    Args:
        model: who is asked.
        turns: where the calls had theirs.
    """

    def __init__(self, model: ChatModel, turns: Turns) -> None:
        self._model = model
        self._turns = turns

    @property
    def identity(self) -> Mapping[str, str]:
        return self._model.identity

    async def complete(self, call: ChatCall) -> Completion:
        turns = self._turns
        if not turns.room.enter():
            await turns.room.wait()
        try:
            if turns.is_paused:
                await turns.pause_over()
            return await self._model.complete(call)
        finally:
            turns.room.leave()


class Limited:
    """A chat model whose calls go out as fast as its endpoint takes them, and in their order.

    How many are in flight, and how far apart they go, is learned from what the endpoint refuses;
    requests and tokens per minute that are known beforehand are kept to. While the endpoint asks
    for a pause, nobody goes; whom it refused goes before those who were not asked yet. An error
    after which no call can do better, out of quota say, ends those that wait as well.

    Args:
        model: who is asked.
        connections: most calls in flight.
        start: how many at first.
        rate: what the account is granted; None where there is no such limit.
        patience_s: the longest pause that calls wait for.
        clock: seconds, from any start.
        jitter: draws from [0, 1).
        wall: the time of day, for messages.
        turns: shared with others who ask the same endpoint, in the place of `connections`, `start`,
            `rate` and `jitter`; None for turns of its own.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        connections: int,
        start: int = START,
        rate: RateLimit | None = None,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        wall: Callable[[], datetime] = utc_now,
        turns: Turns | None = None,
    ) -> None:
        self._model = model
        turns = turns or Turns(
            connections=connections, start=start, rate=rate, clock=clock, jitter=jitter
        )
        self._window, self._pace, self._pause = turns.window, turns.pace, turns.pause
        self._learned, self._chance, self._line = turns.learned, turns.chance, turns.line
        self._patience_s = patience_s
        self._clock = clock
        self._wall = wall
        self._refused: dict[str, int] = {}
        self._over: ScoringError | None = None

    @property
    def identity(self) -> Mapping[str, str]:
        return self._model.identity

    @property
    def limit(self) -> int:
        """How many calls may be in flight now."""
        return self._window.limit

    @property
    def learned_per_minute(self) -> float | None:
        """Calls a minute the endpoint took between its refusals; None where it refused none."""
        return self._learned.per_minute

    @property
    def pause_s(self) -> float:
        """Seconds until the endpoint may be asked again; 0 where it asked for no pause."""
        return max(0.0, self._pause.resumes_at - self._clock())

    async def complete(self, call: ChatCall) -> Completion:
        self._check_open()
        size = self._pace.size(call) if self._pace else 0.0
        refused = self._refused.get(call.call_id, 0) if self._refused else 0
        sent = await self._line.turn(size, refused=refused, of=self)
        try:
            completion = await self._model.complete(call)
        except RateLimited as error:
            self._turned_away(call, error, sent)
            raise
        except JudgeUnavailable as error:
            self._window.failed()
            self._pause_for(error)
            raise
        except ScoringError as error:
            if error.halts:
                self._end(error)
            raise
        else:
            self._window.succeeded(beside=sent.beside)
            self._chance.answered()
            if refused:
                self._refused.pop(call.call_id, None)
            if self._pace:
                self._pace.answered(call, completion, size=size)
            return completion
        finally:
            self._line.leave()

    def _turned_away(self, call: ChatCall, error: RateLimited, sent: Sent) -> None:
        now = self._clock()
        timed = error.retry_after_s is not None
        # One that comes by chance says nothing of how many may go, or how fast.
        of_limit = self._chance.refused()
        too_many = of_limit and self._window.refused(
            beside=sent.beside, sent=sent.at, now=now, timed=timed
        )
        if of_limit and not too_many:
            self._learned.refused(sent.number, sent=sent.at, now=now, paused_s=self._pause.asked_s)
        self._refused[call.call_id] = self._refused.get(call.call_id, 0) + 1
        if self._pace:
            self._pace.refused(size=sent.size)
        self._pause.refused(now - sent.at)
        self._pause_for(error)

    def _pause_for(self, error: JudgeUnavailable) -> None:
        if error.retry_after_s is None:
            return
        self._pause.asked(error.retry_after_s, now=self._clock())
        if error.retry_after_s > self._patience_s:
            self._line.send_away(self._paused)

    def _end(self, error: ScoringError) -> None:
        self._over = error
        self._line.send_away(lambda: _unsent(error), of=self)

    def _check_open(self) -> None:
        if self._over is not None:
            raise _unsent(self._over)
        if self._pause.resumes_at > self._clock() + self._patience_s:
            raise self._paused()

    def _paused(self) -> EndpointPaused:
        return _paused(self._wall(), after_s=self.pause_s)


def _paused(now: datetime, *, after_s: float) -> EndpointPaused:
    resume_at = clock_time(now, after_s=after_s)
    return EndpointPaused(f"the endpoint asks for a pause: resume after {resume_at}", attempts=0)


def _unsent(error: ScoringError) -> ScoringError:
    """Return the same error for a call that did not go."""
    return type(error)(str(error), attempts=0)
