import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from judge.errors import EmbeddingInvalid
from judge.models.embedding import Embedder, SharedEmbedder, Vectors
from judge.records.record import Record, Target
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.results.run import TRUNCATED
from judge.scorers.similarity import SimilarityScorer
from judge.testing import HashEmbedder

RECORD = Record(
    item_id="i1",
    system="student",
    input="",
    output="the invoice is paid",
    references=("the invoice is paid",),
    teacher_output="bananas are yellow",
    schema="",
    slices={},
    cluster="i1",
)


class _FixedEmbedder:
    """Gives each text the vector a table holds."""

    def __init__(self, vectors: Mapping[str, Sequence[float]]) -> None:
        self._vectors = vectors

    @property
    def identity(self) -> Mapping[str, str]:
        return {"embedder": "fixed"}

    def embed(self, texts: Sequence[str]) -> Vectors:
        return np.array([self._vectors[text] for text in texts], dtype=np.float32)


def _scored(
    batch: Sequence[Record],
    *,
    embedder: Embedder | None = None,
    target: Target = Target.REFERENCE,
) -> Sequence[Outcome]:
    async def score() -> Sequence[Outcome]:
        shared = SharedEmbedder(embedder or HashEmbedder())
        return await SimilarityScorer(shared, target=target, empty_value=None).score(batch)

    return asyncio.run(score())


def _values(outcomes: Sequence[Outcome]) -> list[float]:
    return [outcome.value for outcome in outcomes if isinstance(outcome, Score)]


def test_the_same_text_scores_one_and_never_more() -> None:
    texts = [f"text number {i} of {i % 7} and {i % 11}" for i in range(200)]

    values = _values(_scored([replace(RECORD, output=t, references=(t,)) for t in texts]))

    assert values == pytest.approx([1.0] * 200, abs=1e-6)
    assert max(values) <= 1.0


def test_opposite_vectors_score_minus_one() -> None:
    embedder = _FixedEmbedder({"a": [1, 0], "b": [-1, 0]})

    found = _scored([replace(RECORD, output="a", references=("b",))], embedder=embedder)

    assert _values(found) == [-1.0]


def test_of_several_right_answers_the_closest_counts() -> None:
    embedder = _FixedEmbedder({"a": [1, 0], "far": [0, 1], "near": [0.8, 0.6]})
    record = replace(RECORD, output="a", references=("far", "near"))

    assert _values(_scored([record], embedder=embedder)) == pytest.approx([0.8])


def test_the_target_decides_what_it_is_compared_with() -> None:
    (same,), (other,) = (
        _values(_scored([RECORD], target=target)) for target in (Target.REFERENCE, Target.TEACHER)
    )

    assert same == pytest.approx(1)
    assert other < 0.5


def test_absent_outputs_and_targets_are_not_embedded_and_others_keep_their_place() -> None:
    embedder = HashEmbedder()
    batch = [
        replace(RECORD, output=None),
        RECORD,
        replace(RECORD, output=""),
        replace(RECORD, references=()),
    ]

    missing, scored, empty, outside = _scored(batch, embedder=embedder)

    assert isinstance(missing, Fate)
    assert missing.code is FateCode.OUTPUT_MISSING
    assert isinstance(scored, Score)
    assert isinstance(empty, Fate)
    assert empty.code is FateCode.OUTPUT_EMPTY
    assert isinstance(outside, NotApplicable)
    assert set(embedder.asked) == {RECORD.output}


def test_a_batch_without_anything_to_embed_asks_nobody() -> None:
    embedder = HashEmbedder()

    _scored([replace(RECORD, output=None)], embedder=embedder)

    assert not embedder.asked


def test_a_text_that_many_records_share_is_embedded_once() -> None:
    embedder = HashEmbedder()

    _scored([RECORD] * 5, embedder=embedder)

    assert embedder.asked[RECORD.references[0]] == 1


@pytest.mark.parametrize("broken", [[0.0, 0.0], [float("nan"), 1.0], [float("inf"), 0.0]])
def test_a_vector_that_is_none_is_an_error_and_no_number(broken: list[float]) -> None:
    embedder = _FixedEmbedder({"a": broken, "b": [1, 0]})

    with pytest.raises(EmbeddingInvalid):
        _scored([replace(RECORD, output="a", references=("b",))], embedder=embedder)


def test_it_is_not_judged_and_stands_on_the_scale_of_a_cosine() -> None:
    scorer = SimilarityScorer(
        SharedEmbedder(HashEmbedder()), target=Target.TEACHER, empty_value=0.0
    )

    measure = scorer.measure

    assert (measure.metric, measure.judged) == ("similarity.teacher", False)
    assert (measure.lower, measure.upper, measure.empty_value) == (-1.0, 1.0, 0.0)
    assert measure.identity == HashEmbedder().identity


class _FourWords:
    """Reads four words; a token is a word, and there is one more."""

    token_limit = 5

    def token_counts(self, texts: Sequence[str]) -> NDArray[np.int64]:
        return np.array([1 + len(text.split()) for text in texts])


def test_a_score_about_a_text_over_the_models_limit_is_flagged() -> None:
    long = "the invoice is paid in full"
    batch = [
        RECORD,
        replace(RECORD, output=long),
        replace(RECORD, references=(long,)),
        replace(RECORD, output=None),
    ]

    async def score() -> Sequence[Outcome]:
        scorer = SimilarityScorer(
            SharedEmbedder(HashEmbedder()),
            target=Target.REFERENCE,
            empty_value=None,
            counter=_FourWords(),
        )
        return await scorer.score(batch)

    found = [one.flags if isinstance(one, Score) else None for one in asyncio.run(score())]

    assert found == [(), (TRUNCATED,), (TRUNCATED,), None]
