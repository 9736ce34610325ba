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
        """What could change a vector: the weights' hash, dtype, pooling."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return shape (len(texts), dim), each row of L2 norm 1."""
        ...


class SharedEmbedder:
    """One embedder for every scorer and judge of a process.

    Each distinct text is embedded once. What is asked for in the same turn of the event loop is
    embedded in one batch, in a thread, so that a hundred judges of one record each cost as much
    as one call with a hundred texts.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, NDArray[np.float32]] = {}
        self._wanted: dict[str, None] = {}
        self._batch: asyncio.Task[None] | None = None

    @property
    def identity(self) -> Mapping[str, str]:
        return self._embedder.identity

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return shape (len(texts), dim), each row of L2 norm 1.

        Raises:
            EmbeddingInvalid: the embedder returned something else.
        """
        missing = [text for text in texts if text not in self._known]
        while missing:
            self._wanted.update(dict.fromkeys(missing))
            if self._batch is None or self._batch.done():
                self._batch = asyncio.create_task(self._embed_wanted())
            await asyncio.shield(self._batch)
            missing = [text for text in texts if text not in self._known]
        return np.stack([self._known[text] for text in texts])

    async def _embed_wanted(self) -> None:
        await asyncio.sleep(0)  # let everybody of this turn ask first
        texts, self._wanted = list(self._wanted), {}
        vectors = await asyncio.to_thread(self._embedder.embed, texts)
        self._known.update(zip(texts, checked(vectors, len(texts)), strict=True))


def checked(vectors: Vectors, count: int) -> Vectors:
    """Return the vectors if they are one finite unit row for each text.

    Raises:
        EmbeddingInvalid: they are not.
    """
    if vectors.ndim != 2 or vectors.shape[0] != count:  # noqa: PLR2004 - rows and columns
        raise EmbeddingInvalid(f"{count} texts gave vectors of shape {vectors.shape}")
    norms = np.linalg.norm(vectors, axis=1)
    if not np.all(np.abs(norms - 1) < _UNIT_TOLERANCE):  # also false for NaN and infinity
        raise EmbeddingInvalid("an embedding is zero, not finite, or not of unit length")
    return vectors
