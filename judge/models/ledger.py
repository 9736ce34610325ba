"""The attempt ledger: what was sent to a model, and what came of it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

import msgspec

from judge.errors import ScoringError
from judge.models.chat import ChatCall, ChatModel, Completion


class AttemptLog(Protocol):
    """Keeps one row per attempt; each method returns only when its row is durable."""

    async def opened(self, call_id: str) -> int:
        """Write down that a call is about to be sent; return the attempt's number."""
        ...

    async def closed(
        self,
        attempt: int,
        *,
        reply: bytes = b"",
        error: str = "",
        possibly_paid: bool = False,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cost: float | None = None,
        wait: bool = True,
    ) -> None:
        """Write down the answer as received, or the words that say why there is none.

        Args:
            attempt: its number.
            reply: the answer.
            error: why there is none.
            possibly_paid: whether the endpoint may charge for it although there is none.
            input_tokens: None where the endpoint did not count.
            output_tokens: likewise.
            cost: US dollars; None where that is not known.
            wait: False to return at once. The row is then durable before, or together with,
                whatever is written after it; where it cannot be, no attempt is opened any more.
        """
        ...

    def answered(self, call_id: str) -> bytes | None:
        """Return the answer an earlier process received and did not get to score."""
        ...


_COMPLETION = msgspec.json.Decoder(Completion)
_JSON = msgspec.json.Encoder()


class Ledgered:
    """A chat model whose every attempt is written down before it is sent.

    An answer that was paid for before a crash is read from the ledger, not asked for again.
    """

    def __init__(self, model: ChatModel, log: AttemptLog) -> None:
        self._model = model
        self._log = log

    @property
    def identity(self) -> Mapping[str, str]:
        return self._model.identity

    async def complete(self, call: ChatCall) -> Completion:
        if (earlier := self._log.answered(call.call_id)) is not None:
            # It keeps what it cost then, and costs nothing now.
            return replace(_COMPLETION.decode(earlier), cached=True)
        attempt = await self._log.opened(call.call_id)
        try:
            completion = await self._model.complete(call)
        except ScoringError as error:
            # Not decided here: written down, and passed on to whoever decides.
            await self._log.closed(
                attempt, error=f"{error.fate}: {error}", possibly_paid=error.possibly_paid
            )
            raise
        # The raw answer is durable before any verdict that is read from it, and before the worker
        # takes another record: nobody need wait for it here, where a call holds its turn.
        await self._log.closed(
            attempt,
            reply=_JSON.encode(completion),
            input_tokens=completion.input_tokens,
            output_tokens=completion.output_tokens,
            cost=completion.cost,
            wait=False,
        )
        return completion
