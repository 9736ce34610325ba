import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from judge.models.embedding import SharedEmbedder
from judge.records.record import Record, Target
from judge.scorers.baselines import SimilarityBaselines, similarity_baselines
from judge.stats.estimate import Estimate, Undefined
from judge.testing import HashEmbedder


def _record(
    place: int, *, output: str | None, references: Sequence[str], cluster: str = ""
) -> Record:
    return Record(
        item_id=f"i{place}",
        system="student",
        input="",
        output=output,
        references=tuple(references),
        teacher_output=None,
        schema="",
        slices={},
        cluster=cluster or f"c{place}",
    )


def _baselines(records: Sequence[Record], *, draws: int = 500) -> SimilarityBaselines:
    embedder = SharedEmbedder(HashEmbedder(dim=4096))
    return asyncio.run(
        similarity_baselines(
            records,
            embedder,
            target=Target.REFERENCE,
            rng=np.random.default_rng(7),
            draws=draws,
        )
    )


def _estimate(found: Estimate | Undefined) -> Estimate:
    assert isinstance(found, Estimate)
    return found


# Half the words of each answer are everybody's; two answers of an item share three of four words.
RECORDS = [
    _record(
        place,
        output=f"the answer {place}a {place}b",
        references=[f"the answer {place}a {place}b", f"the answer {place}a {place}c"],
    )
    for place in range(60)
]


def test_a_similarity_is_placed_between_other_items_and_other_words() -> None:
    found = _baselines(RECORDS)

    assert _estimate(found.random).value == pytest.approx(0.5, abs=0.02)
    assert _estimate(found.random_high).value == pytest.approx(0.5, abs=0.1)
    assert _estimate(found.paraphrase).value == pytest.approx(0.75, abs=0.02)
    placed = [found.place(value) for value in (0.5, 0.75)]
    assert placed == pytest.approx([0, 1], abs=0.1)


def test_items_of_one_cluster_are_no_random_pair() -> None:
    same = [
        _record(
            place, output="the same words", references=["the same words"], cluster=f"c{place % 2}"
        )
        for place in range(40)
    ] + [_record(99, output="other things", references=["unlike all"], cluster="c0")]

    found = _baselines(same)
    alone = _baselines([_record(0, output="a", references=["a"], cluster="c")] * 5)

    assert _estimate(found.random).n < 500
    assert isinstance(alone.random, Undefined)


def test_without_a_second_answer_there_is_no_paraphrase_and_no_place() -> None:
    found = _baselines([_record(i, output=f"a {i}", references=[f"b {i}"]) for i in range(50)])

    assert isinstance(found.paraphrase, Undefined)
    assert isinstance(found.place(0.6), Undefined)


@pytest.mark.parametrize(
    "records",
    [
        [],
        [_record(0, output=None, references=[])],
        [_record(0, output=" ", references=["a"]), _record(1, output=None, references=["b"])],
    ],
)
def test_where_nothing_was_said_there_is_nothing_to_compare(records: list[Record]) -> None:
    found = _baselines(records)

    assert isinstance(found.random, Undefined)
    assert isinstance(found.random_high, Undefined)


def test_paraphrases_that_are_less_alike_than_random_pairs_give_no_scale() -> None:
    odd = [
        _record(i, output="all say this", references=["all say this", f"x{i}"]) for i in range(50)
    ]

    assert isinstance(_baselines(odd).place(0.5), Undefined)
