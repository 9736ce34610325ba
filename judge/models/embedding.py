"""What turns texts into vectors, and the front that asks for each text once."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.errors import EmbeddingInvalid

Vectors: TypeAlias = NDArray[np.float32]

DEFAULT_MODEL = "all-MiniLM-L6-v2"

_UNIT_TOLERANCE = 1e-3


class Embedder(Protocol):
    """Maps texts to unit vectors."""

    @property
    def identity(self) -> Mapping[str, str]:
        """What could change a vector: hashes of weights and configuration, the dtype."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return shape (len(texts), dim), each row of L2 norm 1."""
        ...


class SharedEmbedder:
    """One embedder for every scorer and judge of a process.

    Each distinct text is embedded once. What is asked for in the same turn of the event loop is
    embedded in one batch, in a thread, so that a hundred judges of one record each cost as much
    as one call with a hundred texts. One batch runs at a time.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, NDArray[np.float32]] = {}
        self._wanted: list[str] = []
        self._batch_of: dict[str, asyncio.Task[None]] = {}
        self._newest: asyncio.Task[None] | None = None

    @property
    def identity(self) -> Mapping[str, str]:
        return self._embedder.identity

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return shape (len(texts), dim), each row of L2 norm 1.

        Raises:
            EmbeddingInvalid: the embedder returned something else.
        """
        for batch in {self._coming(text) for text in texts if text not in self._known}:
            await asyncio.shield(batch)  # others wait for it too
        if any(text not in self._known for text in texts):
            raise EmbeddingInvalid("an embedding is zero, not finite, or not of unit length")
        return np.stack([self._known[text] for text in texts])

    def _coming(self, text: str) -> asyncio.Task[None]:
        batch = self._batch_of.get(text)
        if batch is not None and not batch.done():
            return batch
        if self._newest is None or self._newest.done() or not self._wanted:
            self._wanted.clear()  # of a batch that was cancelled before it began
            self._newest = asyncio.create_task(self._embed_wanted(after=self._newest))
        self._wanted.append(text)
        self._batch_of[text] = self._newest
        return self._newest

    async def _embed_wanted(self, *, after: asyncio.Task[None] | None) -> None:
        await asyncio.sleep(0)  # let everybody of this turn ask first
        if after is not None and not after.done():
            await asyncio.wait([after])
        texts, self._wanted = self._wanted, []
        try:
            vectors = await asyncio.to_thread(self._embedder.embed, texts)
            width = next((len(vector) for vector in self._known.values()), None)
            # One bad vector must not cost the texts of other askers theirs.
            for place in _sound(vectors, texts, width=width):
                self._known[texts[place]] = vectors[place]
        finally:
            for text in texts:
                del self._batch_of[text]


def _sound(vectors: Vectors, texts: Sequence[str], *, width: int | None) -> list[int]:
    """Return the places of the finite unit rows; earlier ones were `width` numbers long."""
    if vectors.ndim != 2 or len(vectors) != len(texts):  # noqa: PLR2004 - rows and columns
        raise EmbeddingInvalid(f"{len(texts)} texts gave vectors of shape {vectors.shape}")
    if width not in (None, vectors.shape[1]):
        raise EmbeddingInvalid(f"vectors of {vectors.shape[1]} numbers came after ones of {width}")
    with np.errstate(over="ignore"):  # a huge number makes an infinite norm
        norms = np.linalg.norm(vectors, axis=1)
    # The comparison is also false for NaN and infinity.
    return [int(place) for place in np.flatnonzero(np.abs(norms - 1) < _UNIT_TOLERANCE)]
