"""A chat model whose attempts are timed and counted for somebody who watches."""

import time
from collections.abc import Mapping
from typing import Protocol

from judge.errors import ScoringError
from judge.models.chat import ChatCall, ChatModel, Completion


class CallMeter(Protocol):
    """Told of each attempt that went to an endpoint; it sees no text."""

    def answered(
        self, identity: Mapping[str, str], completion: Completion, *, seconds: float
    ) -> None:
        """Count an answer, and the wall-clock seconds it took."""
        ...

    def failed(self, identity: Mapping[str, str], fate: str, *, seconds: float) -> None:
        """Count an attempt without an answer, and the fate it would give its record."""
        ...


class Metered:
    """A chat model that tells a meter of each attempt."""

    def __init__(self, model: ChatModel, meter: CallMeter) -> None:
        self._model = model
        self._meter = meter

    @property
    def identity(self) -> Mapping[str, str]:
        return self._model.identity

    async def complete(self, call: ChatCall) -> Completion:
        started = time.perf_counter()
        try:
            completion = await self._model.complete(call)
        except ScoringError as error:
            seconds = time.perf_counter() - started
            self._meter.failed(self.identity, error.fate, seconds=seconds)
            raise
        self._meter.answered(self.identity, completion, seconds=time.perf_counter() - started)
        return completion
