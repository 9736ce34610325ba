import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest

from judge.records import spool
from judge.records.dataset import Dataset
from judge.records.record import Item, RecordKey
from judge.records.spooled import AnswerWriter, ItemWriter
from tests.records.spooled_set import HELD, ITEMS, OUTPUTS, SYSTEMS, spooled

TEXT = "The text says that the number is even, and gives two reasons for it. "


@pytest.fixture(params=[0, spool.HELD], ids=["in a file", "small"])
def dataset(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setattr(spool, "HELD", request.param)
    items, outputs = spooled(ITEMS, OUTPUTS)
    return Dataset(items=items, systems=SYSTEMS, outputs=outputs)


def test_a_spooled_set_is_the_one_that_was_written(dataset: Dataset) -> None:
    assert dataset == HELD
    assert dataset == HELD
    assert list(dataset.records()) == list(HELD.records())
    assert dataset.slice_values == HELD.slice_values
    assert list(dataset.slice_values) == ["kind", "doc"]


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
