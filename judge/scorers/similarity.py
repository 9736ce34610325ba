"""Embedding similarity: the cosine between the output and its target."""

from collections.abc import Sequence

import numpy as np

from judge.models.embedding import SharedEmbedder
from judge.records.record import Record, Target
from judge.results.outcome import Outcome, Score
from judge.results.run import SIMILARITY, Measure
from judge.scorers.scorer import known_outcome


class SimilarityScorer:
    """Scores in [-1, 1]; of several right answers the closest counts.

    Args:
        embedder: makes the vectors.
        target: what the output is held against.
        empty_value: what an empty or missing output counts as; None for a missing score.
    """

    def __init__(
        self, embedder: SharedEmbedder, *, target: Target, empty_value: float | None
    ) -> None:
        self._embedder = embedder
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
        return [
            outcome or self._score(vectors[[rows[text] for text in self._texts(record)]])
            for record, outcome in zip(batch, known, strict=True)
        ]

    def _texts(self, record: Record) -> tuple[str, ...]:
        return (record.output or "", *record.answers(self._measure.target))

    def _score(self, vectors: np.ndarray) -> Score:
        cosine = float(np.max(vectors[1:] @ vectors[0]))
        return Score(
            scorer=self._measure.scorer,
            target=self._measure.target,
            # Rounding may carry the cosine of a text with itself past 1.
            value=min(1.0, max(-1.0, cosine)),
            signature=self._signature,
        )
