"""What turns texts into vectors, and the front that asks for each text once."""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.errors import EmbeddingInvalid

Vectors: TypeAlias = NDArray[np.float32]

DEFAULT_MODEL = "all-MiniLM-L6-v2"

REMEMBERED = 200_000
"""Vectors a process holds; of 384 numbers they are 300 MB, whatever the number of records."""

_UNIT_TOLERANCE = 1e-3


_Batch: TypeAlias = asyncio.Task[Mapping[str, NDArray[np.float32]]]


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

    Each distinct text is embedded once, as long as it is remembered. What is asked for in the
    same turn of the event loop is embedded in one batch, in a thread, so that a hundred judges of
    one record each cost as much as one call with a hundred texts. One batch runs at a time.

    Args:
        embedder: makes the vectors.
        remembered: vectors that are kept at most, those that came last; what is being waited for
            is kept besides.
    """

    def __init__(self, embedder: Embedder, *, remembered: int = REMEMBERED) -> None:
        self._embedder = embedder
        self._remembered = remembered
        self._width: int | None = None
        self._known: dict[str, NDArray[np.float32]] = {}
        self._wanted: list[str] = []
        self._batch_of: dict[str, _Batch] = {}
        self._newest: _Batch | None = None

    @property
    def identity(self) -> Mapping[str, str]:
        return self._embedder.identity

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Return shape (len(texts), dim), each row of L2 norm 1.

        Raises:
            EmbeddingInvalid: the embedder returned something else.
        """
        # Held here: by the time all are there, others may have pushed the first ones out.
        found = {text: self._known[text] for text in texts if text in self._known}
        for batch in {self._coming(text) for text in texts if text not in found}:
            found.update(await asyncio.shield(batch))  # others wait for it too
        if any(text not in found for text in texts):
            raise EmbeddingInvalid("an embedding is zero, not finite, or not of unit length")
        return np.stack([found[text] for text in texts])

    def _coming(self, text: str) -> _Batch:
        batch = self._batch_of.get(text)
        if batch is not None and not batch.done():
            return batch
        if self._newest is None or self._newest.done() or not self._wanted:
            self._wanted.clear()  # of a batch that was cancelled before it began
            self._newest = asyncio.create_task(self._embed_wanted(after=self._newest))
        self._wanted.append(text)
        self._batch_of[text] = self._newest
        return self._newest

    async def _embed_wanted(self, *, after: _Batch | None) -> Mapping[str, NDArray[np.float32]]:
        await asyncio.sleep(0)  # let everybody of this turn ask first
        if after is not None and not after.done():
            await asyncio.wait([after])
        texts, self._wanted = self._wanted, []
        try:
            vectors = await asyncio.to_thread(self._embedder.embed, texts)
            # One bad vector must not cost the texts of other askers theirs.
            sound = _sound(vectors, texts, width=self._width)
            made = {texts[place]: vectors[place] for place in sound}
            self._width = vectors.shape[1] if made else self._width
            self._remember(made)
            return made
        finally:
            for text in texts:
                del self._batch_of[text]

    def _remember(self, made: Mapping[str, NDArray[np.float32]]) -> None:
        for text, vector in made.items():
            # A copy: a row would keep the whole batch alive.
            self._known[text] = vector.copy()
        for text in list(islice(self._known, max(0, len(self._known) - self._remembered))):
            del self._known[text]


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
