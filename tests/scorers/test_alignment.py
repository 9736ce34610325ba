import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from judge.models.embedding import SharedEmbedder
from judge.records.record import Record, Target
from judge.results.outcome import Fate, NotApplicable, Outcome, Score
from judge.scorers.alignment import AlignmentScorer, align, pieces
from judge.testing import HashEmbedder

SOURCE = "The invoice was paid in March. Bananas are yellow. Nobody signed it."
RECORD = Record(
    item_id="i1",
    system="student",
    input="",
    output=SOURCE,
    references=(SOURCE,),
    teacher_output="Bananas are yellow.",
    schema="",
    slices={},
    cluster="i1",
)


def _scored(*batch: Record, target: Target = Target.REFERENCE) -> Sequence[Outcome]:
    async def score() -> Sequence[Outcome]:
        shared = SharedEmbedder(HashEmbedder(dim=4096))
        return await AlignmentScorer(shared, target=target, empty_value=None).score(batch)

    return asyncio.run(score())


def _score(record: Record, *, target: Target = Target.REFERENCE) -> Score:
    (found,) = _scored(record, target=target)
    assert isinstance(found, Score)
    return found


def _listed(found: Score, name: str) -> list[str]:
    listed = found.details[name]
    assert isinstance(listed, list)
    return [one["text"] for one in listed]


def test_the_same_sentences_in_another_order_align_wholly() -> None:
    shuffled = "Nobody signed it. The invoice was paid in March. Bananas are yellow."

    found = _score(replace(RECORD, output=shuffled))

    assert found.value == pytest.approx(1)
    assert (_listed(found, "missed"), _listed(found, "added")) == ([], [])


def test_what_is_missed_and_what_is_added_is_shown() -> None:
    found = _score(replace(RECORD, output="Bananas are yellow. Trains run late at night."))

    assert _listed(found, "missed") == ["The invoice was paid in March.", "Nobody signed it."]
    assert _listed(found, "added") == ["Trains run late at night."]
    assert found.details["kept"] == pytest.approx(1 / 3, abs=0.05)
    assert found.details["supported"] == pytest.approx(1 / 2, abs=0.05)
    assert found.value == pytest.approx(0.4, abs=0.05)


def test_of_several_right_answers_the_one_that_aligns_best_counts() -> None:
    found = _score(replace(RECORD, references=("Trains run late.", SOURCE, " ")))

    assert found.value == pytest.approx(1)


def test_a_target_that_is_a_part_of_the_output_is_kept_and_the_rest_is_added() -> None:
    found = _score(RECORD, target=Target.TEACHER)

    assert found.details["kept"] == pytest.approx(1)
    assert len(_listed(found, "added")) == 2


def test_the_end_of_a_long_text_counts_as_much_as_its_beginning() -> None:
    long = " ".join(f"Sentence {place} is about topic{place}." for place in range(300))
    without = long.replace("Sentence 299 is about topic299.", "Trains run late at night.")

    found = _score(replace(RECORD, output=without, references=(long,)))

    assert _listed(found, "added") == ["Trains run late at night."]


@pytest.mark.parametrize("text", ["word " * 900, "日本語" * 300, "a" * 9_000, "x. " * 400 + "!"])
def test_long_sentences_are_cut_into_parts_of_about_one_length_and_nothing_is_lost(
    text: str,
) -> None:
    found = pieces(text)

    assert "".join("".join(found).split()) == "".join(text.split())
    assert max(map(len, found)) < 1_200
    assert len(found) > 1


@pytest.mark.parametrize("text", ["", " ", "..."])
def test_a_text_without_sentences_is_one_piece(text: str) -> None:
    assert len(pieces(text)) == 1


def test_a_json_document_is_compared_value_by_value_however_it_is_laid_out() -> None:
    wide = '{"total": 12.5, "paid": true, "lines": [{"text": "glue"}, {"text": "two pens"}]}'
    tall = json.dumps(json.loads(wide), indent=2)

    assert pieces(wide) == pieces(tall)
    assert pieces(wide) == [
        *("total: 12.5", "paid: true", "lines text: glue", "lines text: two pens"),
    ]
    assert pieces("[1") == ["[1"]
    assert pieces("{}") == ["{}"]


def test_opposite_texts_have_no_share_of_each_other() -> None:
    one = np.array([[1, 0]], np.float32)

    assert align(one, -one).value == 0
    assert align(one, one).value == 1


def test_absent_outputs_and_targets_keep_their_place() -> None:
    missing, scored, outside = _scored(
        replace(RECORD, output=None), RECORD, replace(RECORD, references=())
    )

    assert isinstance(missing, Fate)
    assert isinstance(scored, Score)
    assert isinstance(outside, NotApplicable)
