"""A chat model with a wall-clock deadline round each attempt."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from judge.errors import JudgeUnavailable
from judge.models.chat import ChatCall, ChatModel, Completion


@dataclass(slots=True, eq=False)
class _Attempt:
    """One call under way.

    Attributes:
        cancellations: of its task that were asked for before, by others.
        ends_at: seconds of the event loop's clock.
        is_over: whether its deadline passed.
    """

    task: asyncio.Task[object]
    cancellations: int
    ends_at: float
    is_over: bool = False


class Deadlined:
    """A chat model that answers within a number of wall-clock seconds or not at all.

    A read timeout is no deadline: a server that drips a byte a second never trips it. What was
    sent by then may be charged for, so the error says that it was possibly paid.

    All attempts have the same time, so they run out in the order in which they began, and one
    timer watches the oldest: `asyncio.timeout` sets and clears one for each, a twentieth of all
    that a judged record costs.
    """

    def __init__(self, model: ChatModel, *, deadline_s: float) -> None:
        self._model = model
        self._deadline_s = deadline_s
        self._open: OrderedDict[_Attempt, None] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def identity(self) -> Mapping[str, str]:
        return self._model.identity

    async def complete(self, call: ChatCall) -> Completion:
        attempt = self._begin()
        try:
            return await self._model.complete(call)
        except asyncio.CancelledError as error:
            asked_by_others = attempt.task.cancelling() - attempt.cancellations - 1
            if not attempt.is_over or asked_by_others > 0:
                raise
            raise JudgeUnavailable(
                f"no answer within {self._deadline_s:g} s", possibly_paid=True
            ) from error
        finally:
            self._end(attempt)

    def _begin(self) -> _Attempt:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if task is None:
            raise AssertionError("a chat model is asked within a task")
        attempt = _Attempt(task, task.cancelling(), loop.time() + self._deadline_s)
        self._open[attempt] = None
        if self._timer is None:
            self._timer = loop.call_later(self._deadline_s, self._look)
        return attempt

    def _end(self, attempt: _Attempt) -> None:
        if attempt.is_over:
            attempt.task.uncancel()
            return
        del self._open[attempt]
        if not self._open and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """End the attempts whose time is over, and be back when that of the next one is."""
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._open:
            oldest = next(iter(self._open))
            if oldest.ends_at > loop.time():
                self._timer = loop.call_at(oldest.ends_at, self._look)
                return
            del self._open[oldest]
            oldest.is_over = True
            oldest.task.cancel()
