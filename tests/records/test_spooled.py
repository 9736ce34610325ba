from dataclasses import replace

import msgspec
import pytest

from judge.records import spool
from judge.records.dataset import Dataset
from judge.records.spooled import AnswerWriter, ItemWriter, SpooledItems
from tests.records.spooled_set import ITEMS, OUTPUTS, SYSTEMS, spooled


@pytest.fixture(params=[0, spool.HELD], ids=["in a file", "small"])
def dataset(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setattr(spool, "HELD", request.param)
    items, outputs = spooled(ITEMS, OUTPUTS)
    return Dataset(items=items, systems=SYSTEMS, outputs=outputs)


def test_sets_that_differ_in_one_text_or_in_order_are_not_equal(dataset: Dataset) -> None:
    items, outputs = dataset.items, dataset.outputs["s"]

    assert items != ITEMS[:-1]
    assert items != (*ITEMS[1:], ITEMS[0])
    assert outputs != {**OUTPUTS["s"], "i9": "another"}
    assert outputs != {name: text for name, text in OUTPUTS["s"].items() if name != "i9"}


def test_items_are_reached_by_position_slice_and_id(dataset: Dataset) -> None:
    items = dataset.items
    assert isinstance(items, SpooledItems)

    assert [items[position] for position in range(-8, 8)] == [*ITEMS, *ITEMS]
    assert items[2:5] == ITEMS[2:5]
    assert items[2:7][1:3] == ITEMS[3:5]
    assert items.named("i3") == ITEMS[4]
    assert list(items.encoded()) == [msgspec.json.encode(item) for item in ITEMS]
    assert list(items[2:5].encoded()) == list(items.encoded())[2:5]
    assert [head.item_id for head in items.heads()] == [item.item_id for item in ITEMS]
    with pytest.raises(IndexError):
        _ = items[8]
    with pytest.raises(KeyError):
        items.named("i7")


def test_an_answer_that_was_not_given_is_absent_and_an_empty_one_is_there(
    dataset: Dataset,
) -> None:
    answers = dataset.outputs["teacher"]

    assert answers["i4"] == ""
    assert "i9" not in answers
    assert answers.get("unknown") is None
    assert len(answers) == 5
    assert dict(answers) == dict(answers.items()) == OUTPUTS["teacher"]


def test_answers_come_with_their_items_however_they_lie_in_the_file(dataset: Dataset) -> None:
    assert isinstance(dataset.items, SpooledItems)
    backwards = AnswerWriter(dataset.items.positions)
    for name, text in reversed(OUTPUTS["teacher"].items()):
        backwards.add(name, text)
    answers = backwards.answers()
    few = dataset.items[2:5]

    assert list(answers.items()) == list(dataset.outputs["teacher"].items())
    assert list(answers.to(few).items()) == [(n, answers[n]) for n in few.positions if n in answers]


def test_items_of_the_same_ids_in_the_same_order_hold_their_ids_once(dataset: Dataset) -> None:
    assert isinstance(dataset.items, SpooledItems)
    alike, other = ItemWriter(), ItemWriter()
    for item in ITEMS:
        alike.add(replace(item, input="another"))
    for item in reversed(ITEMS):
        other.add(item)

    assert alike.items(like=dataset.items).positions is dataset.items.positions
    assert alike.items(like=dataset.items)[3] == replace(ITEMS[3], input="another")
    assert other.items(like=dataset.items) == tuple(reversed(ITEMS))
