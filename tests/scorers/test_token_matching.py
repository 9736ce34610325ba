import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from judge.models.embedding import Vectors
from judge.records.record import Record, Target
from judge.results.outcome import Fate, NotApplicable, Outcome, Score
from judge.scorers.token_matching import TokenMatchingScorer, match_tokens
from judge.testing import HashEmbedder

RECORD = Record(
    item_id="i1",
    system="student",
    input="",
    output="the invoice is paid",
    references=("the invoice is due",),
    teacher_output=None,
    schema="",
    slices={},
    cluster="i1",
)


class _Words:
    """A token is a word; two of them are alike where they are the same."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    @property
    def identity(self) -> Mapping[str, str]:
        return {"embedder": "words"}

    def token_vectors(self, texts: Sequence[str]) -> list[Vectors]:
        self.asked.update(texts)
        return [HashEmbedder(dim=4096).embed(text.split()) for text in texts]


def _scored(*batch: Record, embedder: _Words | None = None) -> Sequence[Outcome]:
    scorer = TokenMatchingScorer(embedder or _Words(), target=Target.REFERENCE, empty_value=None)
    return asyncio.run(scorer.score(batch))


def test_precision_and_recall_are_means_of_the_nearest_tokens() -> None:
    # The similarity matrix of figure 1 in Zhang et al. (2020), ICLR, has recall
    # (.713 + .515 + .858 + .796 + .913) / 5 there, without its weights.
    nearest = np.array([0.713, 0.515, 0.858, 0.796, 0.913])
    target = np.eye(5, 6, dtype=np.float32)
    output = np.zeros((5, 6), np.float32)
    output[np.arange(5), np.arange(5)] = nearest
    output[:, 5] = np.sqrt(1 - nearest**2)

    found = match_tokens(output, target)

    assert found.recall == pytest.approx(nearest.mean())
    assert found.precision == pytest.approx(nearest.mean())


def test_the_longer_text_has_the_lower_share() -> None:
    (found,) = _scored(replace(RECORD, output="the invoice is due since last March"))

    assert isinstance(found, Score)
    assert found.details["recall"] == pytest.approx(1)
    assert found.details["precision"] == pytest.approx(4 / 7)
    assert found.value == pytest.approx(2 * (4 / 7) / (1 + 4 / 7))


def test_of_several_answers_the_best_counts_and_each_text_is_read_once() -> None:
    embedder = _Words()
    record = replace(RECORD, references=("bananas", "the invoice is paid", " "))

    found = _scored(record, record, embedder=embedder)

    assert [one.value for one in found if isinstance(one, Score)] == pytest.approx([1, 1])
    assert set(embedder.asked.values()) == {1}


def test_a_text_without_tokens_matches_nothing() -> None:
    none, some = np.empty((0, 0), np.float32), np.eye(2, dtype=np.float32)

    assert match_tokens(none, some).f1 == match_tokens(some, none).f1 == 0


def test_opposite_tokens_are_worth_nothing_and_not_less() -> None:
    some = np.eye(2, dtype=np.float32)[:1]

    assert match_tokens(-some, some).f1 == 0


def test_absent_outputs_and_targets_keep_their_place_and_are_not_read() -> None:
    embedder = _Words()

    missing, scored, outside = _scored(
        replace(RECORD, output=None), RECORD, replace(RECORD, references=()), embedder=embedder
    )

    assert isinstance(missing, Fate)
    assert isinstance(scored, Score)
    assert isinstance(outside, NotApplicable)
    assert set(embedder.asked) == {RECORD.output, *RECORD.references}
