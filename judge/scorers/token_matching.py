"""Token by token: how much of each text an encoder finds in the other, as BERTScore does."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from judge.models.embedding import Vectors
from judge.records.record import Record, Target
from judge.results.outcome import Outcome, Score
from judge.results.run import TOKEN_MATCHING, Measure
from judge.scorers.scorer import known_outcome

_VERSION = "1"


class TokenEmbedder(Protocol):
    """Maps texts to unit vectors of their tokens."""

    @property
    def identity(self) -> Mapping[str, str]: ...

    def token_vectors(self, texts: Sequence[str]) -> Sequence[Vectors]:
        """Return shape (tokens, dim) for each text, each row of L2 norm 1."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMatch:
    """How the tokens of an output and its target match, each with its nearest.

    Attributes:
        precision: mean over the output's tokens of the largest cosine, in [-1, 1].
        recall: the same over the target's.
    """

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Harmonic mean; 0 where one of them is not above 0."""
        if min(self.precision, self.recall) <= 0:
            return 0.0
        return 2 * self.precision * self.recall / (self.precision + self.recall)


class TokenMatchingScorer:
    """Scores in [0, 1]: the F1 of greedily matched tokens; of several answers the best counts.

    Unlike published BERTScore the vectors are those of the last layer of a sentence encoder, and
    neither weighted by rarity nor rescaled: values compare with each other only.

    Args:
        embedder: makes the vectors of tokens.
        target: what the output is held against.
        empty_value: what an empty or missing output counts as; None for a missing score.
    """

    def __init__(
        self, embedder: TokenEmbedder, *, target: Target, empty_value: float | None
    ) -> None:
        self._embedder = embedder
        self._measure = Measure(
            scorer=TOKEN_MATCHING,
            target=target,
            judged=False,
            criterion=TOKEN_MATCHING,
            lower=0.0,
            upper=1.0,
            identity={**embedder.identity, "matching": _VERSION},
            empty_value=empty_value,
            continuous=True,
        )
        self._signature = self._measure.signature

    @property
    def measure(self) -> Measure:
        return self._measure

    async def score(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        known = [known_outcome(record, self._measure) for record in batch]
        open_ones = [
            record for record, outcome in zip(batch, known, strict=True) if outcome is None
        ]
        scored = iter(await asyncio.to_thread(self._scored, open_ones) if open_ones else ())
        return [outcome or next(scored) for outcome in known]

    def _scored(self, records: Sequence[Record]) -> list[Score]:
        texts = list(dict.fromkeys(text for record in records for text in self._texts(record)))
        vectors = dict(zip(texts, self._embedder.token_vectors(texts), strict=True))
        return [self._score(*(vectors[text] for text in self._texts(one))) for one in records]

    def _texts(self, record: Record) -> list[str]:
        answers = record.answers(self._measure.target)
        return [record.output or "", *(answer for answer in answers if answer.strip())]

    def _score(self, output: Vectors, *answers: Vectors) -> Score:
        best = max((match_tokens(output, answer) for answer in answers), key=lambda one: one.f1)
        return Score(
            scorer=self._measure.scorer,
            target=self._measure.target,
            value=min(1.0, best.f1),
            signature=self._signature,
            details={"precision": best.precision, "recall": best.recall},
        )


def match_tokens(output: Vectors, target: Vectors) -> TokenMatch:
    """Match each token with its nearest in the other text.

    Args:
        output: unit vectors of its tokens, shape (m, dim).
        target: the same, shape (n, dim).

    Returns:
        0 on both sides where one text has no tokens.

    Source: Zhang et al. (2020), BERTScore, ICLR, section 3, without weights and rescaling.
    """
    if not len(output) or not len(target):
        return TokenMatch(precision=0.0, recall=0.0)
    cosines = np.clip(target @ output.T, -1, 1)
    return TokenMatch(
        precision=float(cosines.max(axis=0).mean(dtype=np.float64)),
        recall=float(cosines.max(axis=1).mean(dtype=np.float64)),
    )
