"""A chat model that is asked again: the one owner of all attempts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from judge.errors import EndpointPaused, JudgeUnavailable, RateLimited, ScoringError
from judge.models.breaker import Breaker
from judge.models.chat import ChatCall, ChatModel, Completion
from judge.models.pause import PATIENCE_S, clock_time, utc_now

MAX_ATTEMPTS = 5
LONGEST_WAIT_S = 60.0

_SHORTEST_TOLD_S = 0.001

# More records than can be in play at once: the failures of those that are over are forgotten.
_REMEMBERED = 4096


class Retrying:
    """A chat model that asks again when the endpoint may do better later.

    A record has so many attempts in all: those of ``record#2``, the repeat after an unreadable
    reply to ``record#1``, are counted with those of ``record#1``. While the endpoint is down,
    attempts wait for it (see `Breaker`) instead of being used up.

    Args:
        model: who is asked.
        attempts: how often, at most, about one record.
        longest_wait_s: between two attempts, where the endpoint does not say how long.
        patience_s: the longest wait an endpoint may ask for.
        breaker: decides whether the endpoint is down; a default one where None.
        sleep: how to wait a number of seconds.
        wall: the time of day, for messages.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        attempts: int = MAX_ATTEMPTS,
        longest_wait_s: float = LONGEST_WAIT_S,
        patience_s: float = PATIENCE_S,
        breaker: Breaker | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        wall: Callable[[], datetime] = utc_now,
    ) -> None:
        self._model = model
        self._attempts = attempts
        self._backoff = wait_random_exponential(multiplier=0.5, max=longest_wait_s)
        self._patience_s = patience_s
        self._breaker = breaker or Breaker()
        self._sleep = sleep
        self._wall = wall
        self._failed: dict[str, int] = {}

    @property
    def identity(self) -> Mapping[str, str]:
        return self._model.identity

    async def complete(self, call: ChatCall) -> Completion:
        self._breaker.in_play += 1
        try:
            if self._failed and self._spent(call) >= self._attempts:
                raise JudgeUnavailable(
                    f"the {self._attempts} attempts at this record are used up",
                    attempts=self._attempts,
                )
            try:
                return await self._attempt(call, tried=0)
            except JudgeUnavailable as error:
                first = error
            # Not before: an attempt costs several times as much through tenacity.
            return await self._again(call, first)
        finally:
            self._breaker.in_play -= 1

    async def _attempt(self, call: ChatCall, *, tried: int) -> Completion:
        if self._breaker.is_down:
            await self._breaker.turn(tried=tried)
        try:
            completion = await self._model.complete(call)
        except JudgeUnavailable as error:
            self._unavailable(call, error)
            raise
        except ScoringError as error:
            if not isinstance(error, EndpointPaused):  # nobody was asked then
                self._breaker.answered()
            raise
        self._breaker.answered()
        return completion

    async def _again(self, call: ChatCall, first: JudgeUnavailable) -> Completion:
        record, _ = _record(call)
        spent = self._spent(call)
        failed = self._failed.pop(record, 0)
        errors = [first]
        pending = [first]

        async def attempt() -> Completion:
            if pending:  # the first attempt is over: tenacity learns what came of it
                raise pending.pop()
            try:
                return await self._attempt(call, tried=spent + len(errors))
            except JudgeUnavailable as error:
                errors.append(error)
                raise

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(JudgeUnavailable),
            stop=stop_after_attempt(max(1, self._attempts - spent)),
            wait=self._wait_s,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(attempt)
        except JudgeUnavailable as last:
            raise JudgeUnavailable(
                f"{len(errors)} attempts failed, the last with: {last}",
                attempts=spent + len(errors),
                possibly_paid=any(error.possibly_paid for error in errors),
            ) from last
        except ScoringError as error:
            error.attempts += len(errors)
            raise
        finally:
            self._remember(record, failed + len(errors))

    def _unavailable(self, call: ChatCall, error: JudgeUnavailable) -> None:
        if isinstance(error, RateLimited):
            self._breaker.answered()
        else:
            self._breaker.failed(_record(call)[0], error)
        if (pause_s := error.retry_after_s) is not None and pause_s > self._patience_s:
            resume_at = clock_time(self._wall(), after_s=pause_s)
            raise EndpointPaused(
                f"{error}; the endpoint asks for a pause of {pause_s:g} s: resume after "
                f"{resume_at}",
                possibly_paid=error.possibly_paid,
            ) from error

    def _wait_s(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        stated_s = error.retry_after_s if isinstance(error, JudgeUnavailable) else None
        if stated_s is None:
            return self._backoff(state)
        if isinstance(error, RateLimited) and state.attempt_number > 1:
            # One that says "at once" and refuses again did not mean it.
            return stated_s + (0 if stated_s >= _SHORTEST_TOLD_S else self._backoff(state))
        return stated_s

    def _spent(self, call: ChatCall) -> int:
        """Return the attempts made at a record before this call."""
        record, number = _record(call)
        if number == 1:
            self._failed.pop(record, None)  # of an earlier time that it was judged
        return number - 1 + self._failed.get(record, 0)

    def _remember(self, record: str, failed: int) -> None:
        self._failed[record] = failed
        if len(self._failed) > _REMEMBERED:
            del self._failed[next(iter(self._failed))]


def _record(call: ChatCall) -> tuple[str, int]:
    """Return what a call is about, and how often it was asked, this time included."""
    record, mark, number = call.call_id.rpartition("#")
    return (record, int(number)) if mark and number.isdecimal() else (call.call_id, 1)
