"""Embedding models behind any OpenAI-compatible endpoint."""

import asyncio
import threading
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from judge.errors import EmbeddingInvalid, JudgeUnavailable
from judge.models.door import Address, door_of, request_head
from judge.models.embedding import Vectors
from judge.models.embedding_reply import EmbeddingReply, read_embeddings
from judge.models.posting import Poster
from judge.models.redaction import Secrets
from judge.models.refusal import refusal

_SUCCESS = range(200, 300)
_CHAT_PATH = "/chat/completions"
_PATH = "/embeddings"
# An answer of 64 vectors of 4,096 numbers is up to 6 MB, and one of more than 8 is refused.
_TEXTS_AT_ONCE = 64
# Endpoints take some 300,000 tokens in a request; a token is seldom under one character.
_CHARACTERS_AT_ONCE = 250_000
_PAUSES_S = (1.0, 4.0, 16.0)
_LONGEST_PAUSE_S = 120.0
_DEADLINE_S = 60.0


class EndpointEmbedder:
    """Unit vectors from one model at one endpoint, every reply checked.

    It is blocking, as every `Embedder`: it runs in a thread, and an event loop of its own keeps
    some requests on their way at once. What a request asked for is asked again only after an
    answer that says, or lets think, that a later one will do better.

    Args:
        model: the name the endpoint knows it by.
        base_url: of the endpoint, for example ``https://api.openai.com/v1``.
        api_key: sent to that origin only; never logged, stored or shown.
        dimensions: numbers in a vector, asked for and checked; 0 for the model's own.
        connections: requests on their way at once.
        api_version: of Azure's endpoints, which have one.
        headers: sent with every request.
        deadline_s: for each attempt.
        pauses_s: before each further attempt, where the endpoint states no other.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str,
        api_key: str,
        dimensions: int = 0,
        connections: int = 4,
        api_version: str = "",
        headers: Mapping[str, str] | None = None,
        deadline_s: float = _DEADLINE_S,
        pauses_s: Sequence[float] = _PAUSES_S,
    ) -> None:
        self._model = model
        self._dimensions = dimensions
        self._dim = dimensions
        self._door = door_of(
            model, base_url=base_url, api_key=api_key, api_version=api_version, headers=headers
        )
        self._connections = connections
        self._deadline_s = deadline_s
        self._pauses_s = tuple(pauses_s)
        self._one_at_a_time = threading.Lock()
        self._served: dict[str, None] = {}
        self.input_tokens = 0
        """That the endpoint counted so far."""

    @property
    def identity(self) -> Mapping[str, str]:
        return {
            "embedder": self._model,
            "endpoint": self._door.origin,
            "dimensions": str(self._dimensions or "the model's own"),
        }

    @property
    def served(self) -> tuple[str, ...]:
        """The names the endpoint gave the model that answered."""
        return tuple(self._served)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return shape (len(texts), dim), each row of L2 norm 1.

        Raises:
            EmbeddingInvalid: a reply is not one sound vector for each text.
            ScoringError: the endpoint refused, or did not answer usefully within the attempts.
        """
        if not texts:
            return np.empty((0, 0), dtype=np.float32)
        distinct = list(dict.fromkeys(texts))
        with self._one_at_a_time:
            vectors = asyncio.run(self._embedded(distinct))
        place = {text: row for row, text in enumerate(distinct)}
        return vectors[[place[text] for text in texts]]

    async def _embedded(self, texts: Sequence[str]) -> Vectors:
        batches = _batches(texts)
        found: dict[int, Vectors] = {}
        waiting = iter(enumerate(batches))
        poster = Poster(self._door.origin, connections=self._connections)

        async def work() -> None:
            for number, batch in waiting:  # one iterator for all: each batch is taken once
                found[number] = await self._answered(poster, batch)

        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(min(self._connections, len(batches))):
                    workers.create_task(work())
        except ExceptionGroup as group:
            raise group.exceptions[0] from group  # the one that stopped the others
        finally:
            await poster.close()
        return np.concatenate([found[number] for number in range(len(batches))])

    async def _answered(self, poster: Poster, texts: Sequence[str]) -> Vectors:
        for attempts, pause_s in enumerate((*self._pauses_s, None), start=1):
            try:
                return self._noted(await self._attempt(poster, texts))
            except JudgeUnavailable as error:
                wait_s = pause_s if error.retry_after_s is None else error.retry_after_s
                if pause_s is None or wait_s is None or wait_s > _LONGEST_PAUSE_S:
                    error.attempts = attempts
                    raise
            await asyncio.sleep(wait_s)
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, poster: Poster, texts: Sequence[str]) -> EmbeddingReply:
        chat = await self._door.address()
        # The door knows where chats go; embeddings stand beside them at every endpoint.
        address = Address(url=chat.url.replace(_CHAT_PATH, _PATH, 1), headers=chat.headers)
        words = Secrets(address.url, address.headers).words
        body = msgspec.json.encode(self._question(texts))
        request = b"%b%d\r\n\r\n%b" % (request_head(address), len(body), body)
        try:
            async with asyncio.timeout(self._deadline_s):
                reply = await poster.post(request)
        except TimeoutError as error:
            raise JudgeUnavailable(
                f"no embeddings within {self._deadline_s:g} s", possibly_paid=True
            ) from error
        if reply.status not in _SUCCESS:
            raise refusal(reply.status, body=reply.body, header=reply.header, words=words)
        return read_embeddings(reply.body, n_texts=len(texts), dim=self._dim, words=words)

    def _question(self, texts: Sequence[str]) -> dict[str, object]:
        asked: dict[str, object] = {
            "model": self._model,
            # Some servers refuse a text of nothing; a space says as little.
            "input": [text or " " for text in texts],
            "encoding_format": "float",
        }
        return {**asked, "dimensions": self._dimensions} if self._dimensions else asked

    def _noted(self, reply: EmbeddingReply) -> Vectors:
        dim = reply.vectors.shape[1]
        if self._dim not in {0, dim}:  # of a reply that came while this one was on its way
            raise EmbeddingInvalid(f"vectors of {dim} numbers came after ones of {self._dim}")
        self._dim = dim
        self._served[reply.model] = None
        self.input_tokens += reply.input_tokens or 0
        return reply.vectors


def _batches(texts: Sequence[str]) -> list[list[str]]:
    batches: list[list[str]] = [[]]
    characters = 0
    for text in texts:
        full = len(batches[-1]) == _TEXTS_AT_ONCE or characters + len(text) > _CHARACTERS_AT_ONCE
        if batches[-1] and full:
            batches.append([])
            characters = 0
        batches[-1].append(text)
        characters += len(text)
    return batches
