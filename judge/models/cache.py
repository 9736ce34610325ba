"""Answers that were given before, found by everything that could change them."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import msgspec

from judge.models.chat import ChatCall, ChatModel, Completion

_LOG = logging.getLogger(__name__)

_LAYOUT = "1"  # of the key: another one finds none of the old answers
_SEAL_BYTES = 16


class CompletionStore(Protocol):
    """Keeps answers by the key of their question."""

    def completion(self, key: str) -> bytes | None:
        """Return what is kept under a key."""
        ...

    async def keep_completion(self, key: str, body: bytes, *, cost: float | None) -> None:
        """Keep an answer; return when it is durable. One that is kept already is replaced.

        Args:
            key: of the question.
            body: the answer.
            cost: US dollars it was paid with; None where that is not known.
        """
        ...


class Cached:
    """A chat model that is asked each question once.

    Two questions are equal when nothing about them could change the answer; the mark of their
    fences, which is drawn anew each time, and the name of the call could not. Equal questions
    that are asked at the same time share one call.

    Args:
        model: who is asked what was not asked before.
        store: keeps the answers.
        address: of the endpoint, whole, without credentials: two paths of one host may lead to
            two models.
        worth_keeping: whether an answer is one that need not be asked for again. A refusal, a cut
            or an unreadable reply is none.
    """

    def __init__(
        self,
        model: ChatModel,
        store: CompletionStore,
        *,
        address: str,
        worth_keeping: Callable[[Completion], bool],
    ) -> None:
        self._model = model
        self._store = store
        self._worth_keeping = worth_keeping
        self._in_flight: dict[str, _Flight] = {}
        self._asked = hashlib.sha256(
            msgspec.json.encode([_LAYOUT, address, sorted(model.identity.items())])
        )

    @property
    def identity(self) -> Mapping[str, str]:
        return self._model.identity

    def key(self, call: ChatCall) -> str:
        """Return the hash of everything that could change the answer."""
        messages = [
            (message.role, _parted(message.content, call.mark)) for message in call.messages
        ]
        key = self._asked.copy()
        # JSON keeps apart what bytes put in a row would run together.
        key.update(msgspec.json.encode((messages, call.sampling, call.reply_schema, call.repeat)))
        return key.hexdigest()

    def holds(self, key: str) -> bool:
        """Whether the answer to a question is kept."""
        return self._kept(key) is not None

    async def complete(self, call: ChatCall) -> Completion:
        key = self.key(call)
        if (flight := self._in_flight.get(key)) is not None:
            # The call is paid for once, by whoever asked first.
            return _for_nothing(await self._landed(key, flight))
        if (kept := self._kept(key)) is not None:
            return _for_nothing(kept)
        flight = _Flight(asyncio.create_task(self._ask(key, call)))
        self._in_flight[key] = flight
        return await self._landed(key, flight)

    async def _ask(self, key: str, call: ChatCall) -> Completion:
        completion = await self._model.complete(call)
        if self._worth_keeping(completion):
            body = _sealed(key, msgspec.json.encode(completion))
            await self._store.keep_completion(key, body, cost=completion.cost)
        return completion

    async def _landed(self, key: str, flight: "_Flight") -> Completion:
        """Wait for a call; one that nobody waits for any more is given up."""
        flight.passengers += 1
        try:
            return await asyncio.shield(flight.task)  # others may wait for it too
        finally:
            flight.passengers -= 1
            if not flight.passengers:
                flight.task.cancel()  # without effect where it is done
                self._in_flight.pop(key, None)

    def _kept(self, key: str) -> Completion | None:
        if (body := self._store.completion(key)) is None:
            return None
        try:
            return msgspec.json.decode(_opened(key, body), type=Completion)
        except (msgspec.DecodeError, UnicodeDecodeError):
            _LOG.warning("an answer in the cache is damaged, and is asked for again: %s", key)
            return None


@dataclass(slots=True)
class _Flight:
    """A call under way, and how many wait for it."""

    task: asyncio.Task[Completion]
    passengers: int = 0


def _parted(text: str, mark: str) -> list[str]:
    """Return a text cut at its marks: without them "a" and "b" would be the same as "ab"."""
    return text.split(mark) if mark else [text]


def _for_nothing(completion: Completion) -> Completion:
    return replace(completion, cached=True, cost=0.0)


def _sealed(key: str, body: bytes) -> bytes:
    """Return a body behind a hash that binds it to its key."""
    return _seal(key, body) + body


def _opened(key: str, sealed: bytes) -> bytes:
    """Return the body, or nothing where it is not the one that was kept under this key."""
    seal, body = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
    return body if seal == _seal(key, body) else b""


def _seal(key: str, body: bytes) -> bytes:
    return hashlib.blake2b(body, key=bytes.fromhex(key), digest_size=_SEAL_BYTES).digest()
