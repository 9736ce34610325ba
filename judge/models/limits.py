"""Wrappers that bound calls: how many at once, how long an attempt, how many attempts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from judge.errors import EndpointPaused, JudgeUnavailable, ScoringError
from judge.models.chat import ChatCall, ChatModel, Completion

MAX_ATTEMPTS = 5
LONGEST_WAIT_S = 60.0
PATIENCE_S = 300.0


class Limited:
    """A chat model that is asked at most so many things at once, by whoever shares it."""

    def __init__(self, model: ChatModel, *, connections: int) -> None:
        self._model = model
        self._free = asyncio.Semaphore(connections)

    @property
    def identity(self) -> Mapping[str, str]:
        return self._model.identity

    async def complete(self, call: ChatCall) -> Completion:
        async with self._free:
            return await self._model.complete(call)


class Deadlined:
    """A chat model that answers within a number of wall-clock seconds or not at all.

    A read timeout is no deadline: a server that drips a byte a second never trips it.
    """

    def __init__(self, model: ChatModel, *, deadline_s: float) -> None:
        self._model = model
        self._deadline_s = deadline_s

    @property
    def identity(self) -> Mapping[str, str]:
        return self._model.identity

    async def complete(self, call: ChatCall) -> Completion:
        try:
            async with asyncio.timeout(self._deadline_s):
                return await self._model.complete(call)
        except TimeoutError as error:
            raise JudgeUnavailable(f"no answer within {self._deadline_s:g} s") from error


class Retrying:
    """A chat model that asks again when the endpoint may do better later.

    Args:
        model: who is asked.
        attempts: how often, at most.
        longest_wait_s: between two attempts, where the endpoint does not say how long.
        patience_s: the longest wait an endpoint may ask for.
        sleep: how to wait a number of seconds.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        attempts: int = MAX_ATTEMPTS,
        longest_wait_s: float = LONGEST_WAIT_S,
        patience_s: float = PATIENCE_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._model = model
        self._attempts = attempts
        self._backoff = wait_random_exponential(multiplier=0.5, max=longest_wait_s)
        self._patience_s = patience_s
        self._sleep = sleep

    @property
    def identity(self) -> Mapping[str, str]:
        return self._model.identity

    async def complete(self, call: ChatCall) -> Completion:
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(JudgeUnavailable),
            stop=stop_after_attempt(self._attempts),
            wait=self._wait_s,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(self._attempt, call)
        except JudgeUnavailable as last:
            raise JudgeUnavailable(
                f"{self._attempts} attempts failed, the last with: {last}",
                attempts=self._attempts,
            ) from last
        except ScoringError as error:
            error.attempts = retrying.statistics["attempt_number"]
            raise

    async def _attempt(self, call: ChatCall) -> Completion:
        try:
            return await self._model.complete(call)
        except JudgeUnavailable as error:
            if (pause_s := error.retry_after_s) is not None and pause_s > self._patience_s:
                raise EndpointPaused(
                    f"{error}; the endpoint asks for a pause of {pause_s:g} s: resume after it"
                ) from error
            raise

    def _wait_s(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, JudgeUnavailable) and error.retry_after_s is not None:
            return error.retry_after_s
        return self._backoff(state)
