"""A chat model that puts what a batch left unanswered into the next one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
)

from judge.errors import JudgeUnavailable, ScoringError
from judge.models.chat import ChatCall, ChatModel, Completion

MOST_BATCHES = 4

_FIRST_WAIT_S = 30.0
_LONGEST_WAIT_S = 600.0


class Requeuing:
    """A chat model that asks in another batch what was not answered in one.

    It stands where `Retrying` stands round a model that is asked one question at a time. What one
    batch leaves over comes back at once, which is no sign that the endpoint is down; and all of it
    waits equally long, so that it is in one batch again.

    Args:
        model: who is asked.
        batches: in how many a question is put, at most.
        sleep: how to wait a number of seconds.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        batches: int = MOST_BATCHES,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._model = model
        self._batches = batches
        self._sleep = sleep
        self._backoff = wait_exponential(multiplier=_FIRST_WAIT_S, max=_LONGEST_WAIT_S)

    @property
    def identity(self) -> Mapping[str, str]:
        return self._model.identity

    async def complete(self, call: ChatCall) -> Completion:
        errors: list[JudgeUnavailable] = []

        async def attempt() -> Completion:
            try:
                return await self._model.complete(call)
            except JudgeUnavailable as error:
                errors.append(error)
                raise

        retrying = AsyncRetrying(
            retry=retry_if_exception_type(JudgeUnavailable),
            stop=stop_after_attempt(self._batches),
            wait=self._wait_s,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await retrying(attempt)
        except JudgeUnavailable as last:
            raise JudgeUnavailable(
                f"{len(errors)} batches left it unanswered, the last with: {last}",
                attempts=len(errors),
                possibly_paid=any(error.possibly_paid for error in errors),
            ) from last
        except ScoringError as error:
            error.attempts += len(errors)
            raise

    def _wait_s(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked_s = error.retry_after_s if isinstance(error, JudgeUnavailable) else None
        return max(self._backoff(state), asked_s or 0.0)
