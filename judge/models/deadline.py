"""A chat model with a wall-clock deadline round each attempt."""

import asyncio
from collections.abc import Mapping

from judge.errors import JudgeUnavailable
from judge.models.chat import ChatCall, ChatModel, Completion


class Deadlined:
    """A chat model that answers within a number of wall-clock seconds or not at all.

    A read timeout is no deadline: a server that drips a byte a second never trips it. What was
    sent by then may be charged for, so the error says that it was possibly paid.
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
            raise JudgeUnavailable(
                f"no answer within {self._deadline_s:g} s", possibly_paid=True
            ) from error
