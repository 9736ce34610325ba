"""Measuring what a similarity means on the texts of a run."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from judge.models.embedding import SharedEmbedder
from judge.records.record import Record
from judge.results.run import Measure
from judge.results.yardstick import BlindSpot, Yardstick
from judge.scorers.baselines import similarity_baselines
from judge.scorers.similarity import TokenCounter
from judge.scorers.similarity_probes import probe_similarity
from judge.stats.estimate import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class YardstickMaker:
    """Measures the baselines of one similarity.

    Attributes:
        embedder: makes the vectors, as it does for the similarities.
        counter: knows how much of a text the model reads; None where nobody does.
    """

    embedder: SharedEmbedder
    counter: TokenCounter | None = None

    async def measure(
        self, records: Sequence[Record], measure: Measure, *, run_id: str, seed: int
    ) -> Yardstick:
        """Measure the baselines on the records of a run.

        Raises:
            ScoringError: the embedder cannot be asked.
        """
        found = await similarity_baselines(
            records, self.embedder, target=measure.target, rng=np.random.default_rng(seed)
        )
        by_name = {
            "random": found.random,
            "random_high": found.random_high,
            "paraphrase": found.paraphrase,
        }
        probed = await probe_similarity(self.embedder)
        return Yardstick(
            run_id=run_id,
            metric=measure.metric,
            figures={name: one for name, one in by_name.items() if isinstance(one, Estimate)},
            undefined={
                name: one.reason for name, one in by_name.items() if not isinstance(one, Estimate)
            },
            token_limit=await self._limit(),
            blind_spots=tuple(
                BlindSpot(
                    change=one.change.value,
                    n=one.n,
                    paraphrase=one.paraphrase,
                    altered=one.altered,
                    blind=one.blind,
                    told=one.seen,
                )
                for one in probed
            ),
        )

    async def _limit(self) -> int:
        counter = self.counter
        return await asyncio.to_thread(lambda: counter.token_limit) if counter else 0
