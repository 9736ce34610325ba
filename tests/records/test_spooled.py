import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from judge.records import spool
from judge.records.dataset import Dataset
from judge.records.record import Item, RecordKey, Role, System
from judge.records.spooled import AnswerWriter, ItemWriter, SpooledAnswers, SpooledItems

SYSTEMS = (System(name="teacher", role=Role.TEACHER), System(name="s", role=Role.STUDENT))
TEXT = "The text says that the number is even, and gives two reasons for it. "

ITEMS = tuple(
    Item(
        item_id=f"i{n}",
        input=f'Wie heißt die {n}. Zahl? \u2028"',
        references=("a", "b")[: n % 3],
        slices={"kind": "x" if n % 2 else "y", "doc": str(n % 3)},
        cluster=f"c{n % 4}",
        schema='{"type":"object"}' if n == 3 else "",
        opponent="o" if n == 5 else None,
    )
    for n in (4, 2, 0, 1, 3, 5, 10, 9)
)
OUTPUTS = {
    "teacher": {f"i{n}": "" if n == 4 else f"taught {n}" for n in (0, 1, 2, 3, 4)},
    "s": {f"i{n}": f"answer\n{n} é" for n in (9, 1, 0, 5)},
}
HELD = Dataset(items=ITEMS, systems=SYSTEMS, outputs=OUTPUTS)


def _spooled(
    items: Sequence[Item], outputs: Mapping[str, Mapping[str, str]]
) -> tuple[SpooledItems, dict[str, SpooledAnswers]]:
    written = ItemWriter()
    for item in items:
        written.add(item)
    writers = {name: AnswerWriter(written.positions) for name in outputs}
    for name, answers in outputs.items():
        for item_id, text in answers.items():
            writers[name].add(item_id, text)
    return written.items(), {name: writer.answers() for name, writer in writers.items()}


@pytest.fixture(params=[0, spool.HELD], ids=["in a file", "small"])
def dataset(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setattr(spool, "HELD", request.param)
    items, outputs = _spooled(ITEMS, OUTPUTS)
    return Dataset(items=items, systems=SYSTEMS, outputs=outputs)


def test_a_spooled_set_is_the_one_that_was_written(dataset: Dataset) -> None:
    assert dataset == HELD
    assert dataset == HELD
    assert list(dataset.records()) == list(HELD.records())
    assert dataset.slice_values == HELD.slice_values
    assert list(dataset.slice_values) == ["kind", "doc"]


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
    assert dict(answers) == OUTPUTS["teacher"]


def test_one_record_is_found_by_its_key(dataset: Dataset) -> None:
    records = dataset.records()

    for place, record in enumerate(HELD.records()):
        assert dataset.record(record.key) == record == records[place]
    assert list(records[3:5]) == list(HELD.records())[3:5]
    for key in (RecordKey(item_id="i7", system="s"), RecordKey(item_id="i9", system="t")):
        with pytest.raises(KeyError):
            dataset.record(key)
        with pytest.raises(KeyError):
            HELD.record(key)


def test_the_hashes_of_a_set_are_what_they_always_were(dataset: Dataset) -> None:
    part = dataset.selected(filters={"kind": "x"})

    assert dataset.fingerprint == HELD.fingerprint
    assert dataset.fingerprint == "61a9f8d42d2ed22337f002eb66d25441af08f0d9b70ebb9e2f2ce5fa1848852d"
    assert dataset.output_fingerprint("s") == (
        "5a4a171bbdba15175ca5a465228715121d7e1b84aef430fc046feaab5079aa72"
    )
    assert part.fingerprint == "b6fa97240e0c6d6d03ee9bdd111ff89054125ca601ae50482eac105900382610"
    assert part.output_fingerprint("s") == (
        "4694656f0e5702a318a3c5941c6eeb994d9e280adfedd1fc56166b64f1bd9a92"
    )


@pytest.mark.parametrize(
    "select",
    [
        lambda one: one.selected(),
        lambda one: one.selected(limit=3),
        lambda one: one.selected(filters={"kind": "x"}),
        lambda one: one.selected(sample=4, seed=2),
        lambda one: one.selected(ids={"i10", "i1", "i4"}).selected(filters={"kind": "y"}),
        lambda one: one.selected(limit=6).selected(limit=2),
    ],
)
def test_a_selection_is_the_same_in_a_file_as_in_memory(
    select: Callable[[Dataset], Dataset], dataset: Dataset
) -> None:
    mine, its = select(dataset), select(HELD)

    assert mine == its
    assert mine.fingerprint == its.fingerprint
    assert mine.output_fingerprint("s") == its.output_fingerprint("s")
    assert mine.population == its.population == HELD.fingerprint
    assert list(mine.outputs["s"].items()) == [
        (item.item_id, OUTPUTS["s"][item.item_id])
        for item in its.items
        if item.item_id in OUTPUTS["s"]
    ]


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


def test_threads_walk_a_set_at_once(dataset: Dataset) -> None:
    expected = list(HELD.records())

    def walk(seed: int) -> bool:
        records = dataset.records()
        places = np.random.default_rng(seed).permutation(len(records)).tolist()
        return list(records) == expected and all(records[p] == expected[p] for p in places)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(walk, range(40)))


@contextmanager
def _peak_mib() -> Iterator[list[float]]:
    found: list[float] = []
    tracemalloc.start()
    try:
        yield found
        found.append(tracemalloc.get_traced_memory()[1] / 2**20)
    finally:
        tracemalloc.stop()


def test_a_set_takes_no_memory_for_its_texts() -> None:
    n = 20_000

    with _peak_mib() as peak:
        written = ItemWriter()
        answers = AnswerWriter(written.positions)
        for number in range(n):
            text = f"{number} {TEXT * 15}"
            name = str(number)
            written.add(Item(item_id=name, input=text, references=(text,), cluster=name))
            answers.add(name, text)
        one = Dataset(items=written.items(), systems=SYSTEMS[1:], outputs={"s": answers.answers()})
        texts = sum(len(record.input) + len(record.output or "") for record in one.records())
        smaller = one.selected(sample=n // 2)
        assert len({smaller.fingerprint, smaller.population, smaller.output_fingerprint("s")}) == 3

    assert texts > 38 * 2**20
    assert peak[0] < 20  # ids, places, and what is sorted at once
