"""What a similarity means here: that of texts about different things, and of ones that agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, islice
from math import ceil, floor, sqrt

import numpy as np
from numpy.typing import NDArray

from judge.models.embedding import SharedEmbedder
from judge.records.record import Record, Target
from judge.stats.clusters import cluster_codes, count_clusters, normal_quantile
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import bounded_mean

_DRAWS = 2_000
_FEWEST = 40
"""Pairs under which a percentile of 95 is no more than the largest of them."""
_HIGH = 0.95
_MOST_PER_ITEM = 10

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarityBaselines:
    """Where the scale of a similarity begins and ends on these texts.

    Attributes:
        random: mean cosine of an output with the answer to another item.
        random_high: what 19 of 20 of those stay under.
        paraphrase: mean cosine of two right answers to the same item.
    """

    random: Estimate | Undefined
    random_high: Estimate | Undefined
    paraphrase: Estimate | Undefined

    def place(self, similarity: float) -> float | Undefined:
        """Return where a similarity lies between random pairs (0) and paraphrases (1)."""
        if isinstance(self.random, Undefined):
            return self.random
        if isinstance(self.paraphrase, Undefined):
            return self.paraphrase
        reach = self.paraphrase.value - self.random.value
        if reach <= 0:
            return Undefined(reason="paraphrases are no more alike than random pairs")
        return (similarity - self.random.value) / reach


async def similarity_baselines(
    records: Sequence[Record],
    embedder: SharedEmbedder,
    *,
    target: Target,
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = _DRAWS,
) -> SimilarityBaselines:
    """Measure the baselines of some records.

    Args:
        records: those whose similarities they are for.
        embedder: makes the vectors, as it does for the similarities.
        target: what outputs are held against.
        rng: draws the random pairs.
        level: two-sided coverage aimed at, in (0, 1).
        draws: random pairs, and at most so many paraphrases; twice from the same cluster is never
            a random pair.
    """
    clusters = _codes([record.cluster for record in records])
    random, of_random = _random_pairs(records, clusters, target=target, rng=rng, draws=draws)
    alike, of_alike = _paraphrases(records, rng=rng, most=draws)
    texts = list(dict.fromkeys(text for pair in (*random, *alike) for text in pair))
    if not texts:
        none = Undefined(reason="no output has an answer to be compared with")
        return SimilarityBaselines(random=none, random_high=none, paraphrase=none)
    vectors = await embedder.embed(texts)
    row = {text: place for place, text in enumerate(texts)}

    def cosines(pairs: Sequence[Pair]) -> NDArray[np.float64]:
        left = vectors[[row[one] for one, _ in pairs]]
        right = vectors[[row[other] for _, other in pairs]]
        found = np.clip((left * right).sum(axis=1, dtype=np.float64), -1, 1)
        return np.asarray(found, dtype=np.float64)

    by_chance = cosines(random) if random else np.empty(0)
    agreeing = cosines(alike) if alike else np.empty(0)
    return SimilarityBaselines(
        random=bounded_mean(by_chance, of_random, lower=-1, upper=1, level=level),
        random_high=_high(by_chance, of_random, level=level),
        paraphrase=bounded_mean(agreeing, of_alike, lower=-1, upper=1, level=level)
        if alike
        else Undefined(reason="no item has two right answers"),
    )


def _random_pairs(
    records: Sequence[Record],
    clusters: NDArray[np.int64],
    *,
    target: Target,
    rng: np.random.Generator,
    draws: int,
) -> tuple[list[Pair], NDArray[np.int64]]:
    """Return outputs beside answers of other clusters, and the cluster of each output."""
    said = [place for place, record in enumerate(records) if (record.output or "").strip()]
    answers = [  # where they are: of many texts few are drawn
        (place, number)
        for place, record in enumerate(records)
        for number, answer in enumerate(record.answers(target))
        if answer.strip()
    ]
    if not said or not answers:
        return [], np.empty(0, np.int64)
    pairs: list[Pair] = []
    of_pair: list[int] = []
    outputs, others = rng.choice(said, draws), rng.integers(0, len(answers), draws)
    for output, other in zip(outputs, others, strict=True):
        place, number = answers[other]
        if clusters[output] != clusters[place]:
            answer = records[place].answers(target)[number]
            pairs.append((records[output].output or "", answer))
            of_pair.append(int(clusters[output]))
    return pairs, np.array(of_pair, dtype=np.int64)


def _paraphrases(
    records: Sequence[Record], *, rng: np.random.Generator, most: int
) -> tuple[list[Pair], NDArray[np.int64]]:
    """Return right answers beside each other, item by item, and the cluster of each pair."""
    places = {record.item_id: place for place, record in enumerate(records)}
    pairs: list[Pair] = []
    of_pair: list[str] = []
    for place in places.values():
        record = records[place]
        distinct = list(dict.fromkeys(text for text in record.references if text.strip()))
        found = list(islice(combinations(distinct, 2), _MOST_PER_ITEM))
        pairs += found
        of_pair += [record.cluster] * len(found)
    if len(pairs) <= most:
        return pairs, _codes(of_pair)
    drawn = np.sort(rng.choice(len(pairs), most, replace=False))
    return [pairs[place] for place in drawn], _codes([of_pair[place] for place in drawn])


def _codes(names: Sequence[str]) -> NDArray[np.int64]:
    number = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return np.array([number[name] for name in names], dtype=np.int64)


def _high(
    cosines: NDArray[np.float64], clusters: NDArray[np.int64], *, level: float
) -> Estimate | Undefined:
    """Return the percentile of 95, its limits by order statistics."""
    n = int(cosines.size)
    if n < _FEWEST:
        return Undefined(reason=f"a percentile needs {_FEWEST} random pairs", n=n)
    ordered = np.sort(cosines)
    reach = normal_quantile(level) * sqrt(n * _HIGH * (1 - _HIGH))
    value = float(np.quantile(ordered, _HIGH))
    low = float(ordered[max(0, floor(n * _HIGH - reach) - 1)])
    high = float(ordered[min(n - 1, ceil(n * _HIGH + reach))])
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        level=level,
        n=n,
        n_clusters=count_clusters(cluster_codes(clusters, n=n)),
        method="order statistics",
    )
