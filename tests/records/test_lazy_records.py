import pytest

from judge.records.dataset import Dataset
from judge.records.lazy_records import of_keys
from judge.records.record import Item, RecordKey, Role, System, Unit
from judge.records.spooled import AnswerWriter, ItemWriter

SYSTEMS = (System(name="s", role=Role.STUDENT), System(name="teacher", role=Role.TEACHER))
ITEMS = tuple(
    Item(item_id=f"i{n}", input="ask", slices={"kind": "xy"[n % 2]}, cluster=f"c{n // 2}")
    for n in range(5)
)
OUTPUTS = {"s": {"i0": "said", "i3": ""}, "teacher": {"i0": "taught", "i4": "too"}}


def _in_a_file() -> Dataset:
    items = ItemWriter()
    answers = {name: AnswerWriter(items.positions) for name in OUTPUTS}
    for item in ITEMS:
        items.add(item)
        for name, writer in answers.items():
            if item.item_id in OUTPUTS[name]:
                writer.add(item.item_id, OUTPUTS[name][item.item_id])
    outputs = {name: writer.answers() for name, writer in answers.items()}
    return Dataset(items=items.items(), systems=SYSTEMS, outputs=outputs)


HELD = Dataset(items=ITEMS, systems=SYSTEMS, outputs=OUTPUTS)


@pytest.fixture(params=[HELD, _in_a_file()], ids=["held", "in a file"])
def dataset(request: pytest.FixtureRequest) -> Dataset:
    found: Dataset = request.param
    return found


def test_a_record_holds_its_answer_beside_the_teachers_and_the_teacher_has_none(
    dataset: Dataset,
) -> None:
    records = list(dataset.records())

    assert [(r.system, r.item_id) for r in records] == [
        (system.name, item.item_id) for system in SYSTEMS for item in ITEMS
    ]
    assert [r.output for r in records[:5]] == ["said", None, None, "", None]
    assert [r.teacher_output for r in records] == ["taught", None, None, None, "too", *[None] * 5]


def test_records_are_reached_by_place_key_and_system(dataset: Dataset) -> None:
    records = dataset.records()
    everything = list(records)

    assert len(records) == 10
    assert [records[place] for place in range(-10, 10)] == [*everything, *everything]
    assert records[3:8] == everything[3:8]
    assert [records.place(record.key) for record in everything] == list(range(10))
    assert list(records.of("teacher")) == everything[5:]
    assert [records.output(record.key) for record in everything] == [r.output for r in everything]
    assert [records.is_answered(r.key) for r in everything] == [
        r.output is not None for r in everything
    ]
    with pytest.raises(IndexError):
        _ = records[10]
    for gone in (RecordKey(item_id="i9", system="s"), RecordKey(item_id="i1", system="t")):
        with pytest.raises(KeyError):
            records.place(gone)


def test_units_are_the_records_without_texts_and_hold_once_what_is_the_same(
    dataset: Dataset,
) -> None:
    units = dataset.records().units

    assert units == [
        Unit(item_id=r.item_id, system=r.system, slices=r.slices, cluster=r.cluster)
        for r in dataset.records()
    ]
    assert units[0].slices is units[2].slices is units[5].slices
    assert units[0].cluster is units[1].cluster


def test_records_of_keys_are_found_and_unknown_keys_passed_over(dataset: Dataset) -> None:
    keys = [
        RecordKey(item_id="i3", system="s"),
        RecordKey(item_id="gone", system="s"),
        RecordKey(item_id="i0", system="teacher"),
    ]

    for records in (dataset.records(), list(dataset.records())):
        assert {record.key for record in of_keys(records, keys)} == {keys[0], keys[2]}
