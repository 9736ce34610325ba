"""Embedding similarity: the cosine between the output and its target."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from judge.models.embedding import SharedEmbedder, Vectors
from judge.records.record import Record, Target
from judge.results.outcome import Outcome, Score
from judge.results.run import SIMILARITY, TRUNCATED, Measure
from judge.scorers.scorer import known_outcome

# No tokenizer makes more tokens of a text than it has bytes, and the few that a model adds.
_MOST_BYTES = 4
_ADDED = 8


class TokenCounter(Protocol):
    """Knows how much of a text its model reads."""

    @property
    def token_limit(self) -> int: ...

    def token_counts(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Count the tokens of whole texts, with those the model adds."""
        ...


class SimilarityScorer:
    """Scores in [-1, 1]; of several right answers the closest counts.

    Args:
        embedder: makes the vectors.
        target: what the output is held against.
        empty_value: what an empty or missing output counts as; None for a missing score.
        counter: flags scores about texts over the model's limit; None leaves them unflagged.
    """

    def __init__(
        self,
        embedder: SharedEmbedder,
        *,
        target: Target,
        empty_value: float | None,
        counter: TokenCounter | None = None,
    ) -> None:
        self._embedder = embedder
        self._counter = counter
        self._measure = Measure(
            scorer=SIMILARITY,
            target=target,
            judged=False,
            criterion="similarity",
            lower=-1.0,
            upper=1.0,
            identity=embedder.identity,
            empty_value=empty_value,
        )
        self._signature = self._measure.signature

    @property
    def measure(self) -> Measure:
        return self._measure

    async def score(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        known = [known_outcome(record, self._measure) for record in batch]
        texts: dict[str, None] = {}
        for record, outcome in zip(batch, known, strict=True):
            if outcome is None:
                texts.update(dict.fromkeys(self._texts(record)))
        rows = {text: row for row, text in enumerate(texts)}
        vectors = await self._embedder.embed(list(texts)) if texts else np.empty((0, 0), np.float32)
        cut = await self._cut(list(texts))
        return [
            outcome
            or self._score(record, vectors[[rows[text] for text in self._texts(record)]], cut)
            for record, outcome in zip(batch, known, strict=True)
        ]

    async def _cut(self, texts: Sequence[str]) -> AbstractSet[str]:
        """Return the texts that are over the model's limit."""
        if self._counter is None or not texts:
            return frozenset()
        counter, limit = self._counter, self._counter.token_limit
        long = [text for text in texts if _MOST_BYTES * len(text) + _ADDED > limit]
        if not limit or not long:
            return frozenset()
        counts = await asyncio.to_thread(counter.token_counts, long)
        return {text for text, count in zip(long, counts, strict=True) if count > limit}

    def _texts(self, record: Record) -> tuple[str, ...]:
        return (record.output or "", *record.answers(self._measure.target))

    def _score(self, record: Record, vectors: Vectors, cut: AbstractSet[str]) -> Score:
        cosine = float(np.max(vectors[1:] @ vectors[0]))
        return Score(
            scorer=self._measure.scorer,
            target=self._measure.target,
            # Rounding may carry the cosine of a text with itself past 1.
            value=min(1.0, max(-1.0, cosine)),
            signature=self._signature,
            flags=() if cut.isdisjoint(self._texts(record)) else (TRUNCATED,),
        )
