import csv
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.records.dataset import PAIR, Dataset
from judge.records.reading import (
    ItemSource,
    OutputSource,
    read_dataset,
    read_pairs,
    read_samples,
    read_schema,
)
from judge.records.record import Item, RecordKey, Role, System
from judge.records.strict_json import JsonValue

ROWS: Sequence[Mapping[str, JsonValue]] = [
    {"id": "i1", "input": "Where?", "reference": "Paris", "kind": "plain", "doc": "d1"},
    {"id": "i2", "input": "Say\n“no”, please.", "reference": None, "kind": "tricky", "doc": "d1"},
    {"id": "i3", "input": "", "reference": " Oslo ", "kind": "tricky", "doc": "d2"},
]

PLAIN = ItemSource(path=Path(), fields={})
SLASH = replace(PLAIN, alternatives="/")
LISTED = replace(PLAIN, alternatives="list")
KINDS = replace(PLAIN, slices=("kind",))


def _write(path: Path, rows: Sequence[Mapping[str, JsonValue]]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(rows[0])
            writer.writerows([["" if v is None else v for v in row.values()] for row in rows])
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _read(path: Path, like: ItemSource) -> Dataset:
    return read_dataset(replace(like, path=path), ())


def _items(
    folder: Path, *rows: Mapping[str, JsonValue], like: ItemSource = PLAIN
) -> Sequence[Item]:
    return _read(_write(folder / "items.jsonl", rows), like).items


def _answered(
    folder: Path,
    answers: Mapping[str, Sequence[Mapping[str, JsonValue]]],
    *,
    roles: Mapping[str, Role] | None = None,
) -> Dataset:
    sources = [
        OutputSource(
            system=System(name=name, role=(roles or {}).get(name, Role.STUDENT)),
            path=_write(folder / f"{name}.jsonl", rows),
            fields={},
        )
        for name, rows in answers.items()
    ]
    return read_dataset(replace(PLAIN, path=_write(folder / "items.jsonl", ROWS)), tuple(sources))


def test_the_content_is_the_same_whatever_the_format_the_columns_and_the_order(
    tmp_path: Path,
) -> None:
    turned = [dict(sorted(row.items())) for row in ROWS]
    random.Random(1).shuffle(turned)  # noqa: S311 - any order will do
    renamed = [{f"my {name}": value for name, value in row.items()} for row in ROWS]
    like = replace(KINDS, cluster="doc")
    mapped = replace(like, fields={name: f"my {name}" for name in ROWS[0]})

    jsonl = _read(_write(tmp_path / "a.jsonl", ROWS), like)
    others = [
        _read(_write(tmp_path / "b.jsonl", turned), like),
        _read(_write(tmp_path / "c.csv", ROWS), like),
        _read(_write(tmp_path / "d.csv", renamed), mapped),
    ]

    assert jsonl.items == (
        Item(
            item_id="i1",
            input="Where?",
            references=("Paris",),
            slices={"kind": "plain"},
            cluster="d1",
        ),
        Item(item_id="i2", input="Say\n“no”, please.", slices={"kind": "tricky"}, cluster="d1"),
        Item(item_id="i3", references=(" Oslo ",), slices={"kind": "tricky"}, cluster="d2"),
    )
    assert {other.fingerprint for other in others} == {jsonl.fingerprint}
    assert {frozenset(map(repr, other.items)) for other in others} == {
        frozenset(map(repr, jsonl.items))
    }


@pytest.mark.parametrize(
    "change",
    [
        {"id": "i9"},
        {"input": "Where? "},
        {"reference": "paris"},
        {"reference": None},
        {"cluster": "d2"},
        {"slices": {"kind": "Plain"}},
        {"slices": {"sort": "plain"}},
        {"schema": {"type": "string"}},
    ],
    ids=str,
)
def test_any_other_content_has_another_fingerprint(
    tmp_path: Path, change: Mapping[str, JsonValue]
) -> None:
    row: dict[str, JsonValue] = {
        "id": "i1",
        "input": "Where?",
        "reference": "Paris",
        "cluster": "d1",
        "slices": {"kind": "plain"},
        "schema": {},
    }
    like = replace(PLAIN, cluster="cluster")

    one = Dataset(items=_items(tmp_path, row, like=like), systems=(), outputs={})
    two = Dataset(items=_items(tmp_path, {**row, **change}, like=like), systems=(), outputs={})

    assert one.fingerprint != two.fingerprint


def test_no_item_more_or_less_goes_unnoticed(tmp_path: Path) -> None:
    sets = [_items(tmp_path, *ROWS[:count]) for count in (1, 2, 3)]

    prints = {Dataset(items=items, systems=(), outputs={}).fingerprint for items in sets}

    assert len(prints) == 3


def test_the_answers_of_a_system_have_a_fingerprint_of_their_own(tmp_path: Path) -> None:
    answers: list[Mapping[str, JsonValue]] = [{"id": f"i{k}", "output": f"a{k}"} for k in (1, 2, 3)]
    changed = [*answers[:2], {"id": "i3", "output": "a3 "}]

    found = _answered(tmp_path, {"a": answers, "b": answers[::-1], "c": changed, "d": answers[:2]})

    assert found.output_fingerprint("a") == found.output_fingerprint("b")
    assert len({found.output_fingerprint(name) for name in "abcd"}) == 3


@pytest.mark.parametrize(
    ("reference", "like", "expected"),
    [
        ("Paris / the city of light /", PLAIN, ("Paris / the city of light /",)),
        ("Paris / the city of light /", SLASH, ("Paris", "the city of light")),
        (["Paris", {"city": "Paris"}, 3], LISTED, ("Paris", '{"city":"Paris"}', "3")),
        (["b", "a"], PLAIN, ('["b","a"]',)),
        ({"b": 1, "a": "/"}, SLASH, ('{"a":"/","b":1}',)),
        (None, SLASH, ()),
        (None, LISTED, ()),
    ],
)
def test_a_reference_is_one_right_answer_or_several(
    tmp_path: Path, reference: JsonValue, like: ItemSource, expected: tuple[str, ...]
) -> None:
    (item,) = _items(tmp_path, {"id": 1, "reference": reference}, like=like)

    assert item.references == expected


def test_an_item_may_say_no_more_than_its_id(tmp_path: Path) -> None:
    assert _items(tmp_path, {"id": 7}) == (Item(item_id="7", cluster="7"),)


@pytest.mark.parametrize("declared", [None, ("kind", "hard", "level")])
def test_slices_stand_in_an_object_or_in_columns(
    tmp_path: Path, declared: tuple[str, ...] | None
) -> None:
    nested: dict[str, JsonValue] = {"kind": "plain", "hard": True, "level": 3}
    rows: list[Mapping[str, JsonValue]] = [{"id": 1, "slices": nested}]
    if declared:
        rows.append({"id": 2, "level": 4, "slices": {"kind": "odd", "hard": False}})

    found = Dataset(
        items=_items(tmp_path, *rows, like=replace(PLAIN, slices=declared)), systems=(), outputs={}
    )

    assert found.items[0].slices == {"kind": "plain", "hard": "true", "level": "3"}
    assert {name: values[0] for name, values in found.slice_values.items()} == found.items[0].slices
    if declared:
        assert found.slice_values["hard"] == ("true", "false")
        assert found.slice_values["level"] == ("3", "4")


def test_a_schema_is_the_items_own_or_the_one_for_all(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('{ "type": "object",\n "maxProperties": 1 }')

    found = _items(
        tmp_path,
        {"id": 1, "schema": {"type": "array", "maxItems": 2}},
        {"id": 2, "schema": "s.json"},
        {"id": 3, "schema": False},
        {"id": 4, "schema": None},
        {"id": 5},
        like=replace(PLAIN, schema='{"type":"string"}'),
    )

    assert [item.schema for item in found] == [
        '{"maxItems":2,"type":"array"}',
        '{"maxProperties":1,"type":"object"}',
        "false",
        '{"type":"string"}',
        '{"type":"string"}',
    ]


def test_records_carry_what_they_are_held_against(tmp_path: Path) -> None:
    found = _answered(
        tmp_path,
        {
            "small": [{"id": "i2", "output": "b"}, {"id": "i1", "output": ""}],
            "large": [{"id": "i1", "output": "A"}, {"id": "i2", "output": None}],
        },
        roles={"large": Role.TEACHER, "small": Role.DISTILLED},
    )

    records = list(found.records())

    assert [(r.system, r.item_id, r.output, r.teacher_output) for r in records] == [
        ("small", "i1", "", "A"),
        ("small", "i2", "b", None),
        ("small", "i3", None, None),
        ("large", "i1", "A", None),
        ("large", "i2", None, None),
        ("large", "i3", None, None),
    ]
    assert found.teacher == System(name="large", role=Role.TEACHER)
    assert found.record(RecordKey(item_id="i2", system="small")) == records[1]


def test_a_part_remembers_the_set_it_was_drawn_from(tmp_path: Path) -> None:
    source = replace(KINDS, path=_write(tmp_path / "items.jsonl", ROWS))
    outputs = _write(tmp_path / "o.jsonl", [{"id": f"i{k}", "output": "x"} for k in (1, 2, 3)])
    student = System(name="s", role=Role.STUDENT)
    whole = read_dataset(source, (OutputSource(system=student, path=outputs, fields={}),))

    tricky = whole.selected(filters={"kind": "tricky"})
    first = tricky.selected(limit=1)

    assert [item.item_id for item in tricky.items] == ["i2", "i3"]
    assert ([item.item_id for item in first.items], list(first.outputs["s"])) == (["i2"], ["i2"])
    assert first.fingerprint != whole.fingerprint
    assert whole.population == tricky.population == first.population == whole.fingerprint


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"knid": "plain"}, "unknown slice 'knid' (did you mean 'kind'?); the set has: kind, doc"),
        ({"kind": "plan"}, "no item has kind=plan (did you mean 'plain'?); values are: plain, tri"),
        ({"kind": "plain", "doc": "d2"}, "no item is left to score"),
    ],
)
def test_a_filter_that_fits_nothing_is_refused(
    tmp_path: Path, filters: Mapping[str, str], message: str
) -> None:
    found = _read(_write(tmp_path / "items.jsonl", ROWS), replace(PLAIN, slices=("kind", "doc")))

    with pytest.raises(DataError) as refused:
        found.selected(filters=filters)

    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("row", "like", "message"),
    [
        ({"input": "x"}, PLAIN, "'id' is missing; the row has: 'input'"),
        ({"id": " "}, PLAIN, "'id' is empty; every row needs one"),
        ({"id": 1.5}, PLAIN, "'id' must be text or a whole number, not the number 1.5"),
        (
            {"id": "i1"},
            PLAIN,
            "the id 'i1' stands already on line 1; each item needs an id of its own",
        ),
        ({"id": 2, "input": ["x"]}, PLAIN, "'input' must be text, not a list"),
        (
            {"id": 2, "reference": 3},
            PLAIN,
            "'reference' must be text or a JSON object or list, not the",
        ),
        (
            {"id": 2, "reference": True},
            PLAIN,
            "'reference' must be text or a JSON object or list, not t",
        ),
        (
            {"id": 2, "reference": ""},
            PLAIN,
            "'reference' is empty, or holds an empty answer; leave",
        ),
        ({"id": 2, "reference": " / "}, SLASH, "'reference' is empty, or holds"),
        (
            {"id": 2, "reference": "a"},
            LISTED,
            "must be a list of right answers, n",
        ),
        ({"id": 2, "reference": []}, LISTED, "'reference' is empty, or holds"),
        (
            {"id": 2, "reference": ["a", ""]},
            LISTED,
            "is empty, or holds an empty",
        ),
        ({"id": 2}, replace(PLAIN, cluster="doc"), "'doc' is missing"),
        (
            {"id": 2, "cluster": None},
            replace(PLAIN, cluster="cluster"),
            "'cluster' must be text or a whole nu",
        ),
        (
            {"id": 2, "knd": "x"},
            KINDS,
            "unknown slice 'kind' (did you mean 'knd'?);",
        ),
        (
            {"id": 2, "kind": " "},
            KINDS,
            "slice 'kind' must be a text or a whole nu",
        ),
        (
            {"id": 2, "kind": 0.5},
            KINDS,
            "slice 'kind' must be a text or a whole nu",
        ),
        (
            {"id": 2, "slices": ["kind"]},
            PLAIN,
            "'slices' must be an object of slice names and values",
        ),
        (
            {"id": 2, "slices": {"a": 1}},
            PLAIN,
            "slice 'a' is not in every row; give each item the same",
        ),
        ({"id": 2, "schema": 3}, PLAIN, "'schema' must be a JSON Schema object or the path of one"),
        ({"id": 2, "schema": "gone.json"}, PLAIN, "gone.json cannot be read: No such file"),
        ({"id": 2, "schema": "a\x00b"}, PLAIN, "'a\\x00b' is the name of no file"),
        (
            {"id": 2, "schema": "../s.json"},
            PLAIN,
            "'../s.json' lies outside of the folder of items",
        ),
        ({"id": 2, "schema": "/etc/s.json"}, PLAIN, "'/etc/s.json' lies outside of the folder of"),
    ],
    ids=lambda part: str(part)[:40],
)
def test_a_bad_item_is_refused_with_its_file_and_row(
    tmp_path: Path,
    row: Mapping[str, JsonValue],
    like: ItemSource,
    message: str,
) -> None:
    good: dict[str, JsonValue] = {"id": "i1", "doc": "d", "cluster": "c"}
    if like is KINDS:
        good["kind"] = "plain"

    with pytest.raises(DataError) as refused:
        _items(tmp_path, good, row, like=like)

    assert str(refused.value).startswith("items.jsonl line 2: ")
    assert message in str(refused.value)


def test_a_mapped_column_must_be_there(tmp_path: Path) -> None:
    path = _write(tmp_path / "items.csv", [{"id": "1", "question": "Where?", "gold": "Paris"}])

    for field in ("input", "reference"):
        with pytest.raises(
            DataError, match=r"items\.csv line 2: 'golden' is missing \(did you mea"
        ):
            _read(path, replace(PLAIN, fields={field: "golden"}))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"output": "x"}, "'id' is missing"),
        (
            {"id": "i22", "output": "x"},
            "an output for the unknown item 'i22' (did you mean 'i2'?); ",
        ),
        (
            {"id": "i1", "output": "x"},
            "the id 'i1' stands already on line 1; s can answer an item o",
        ),
        ({"id": "i2"}, "'output' is missing; the row has: 'id'"),
        (
            {"id": "i2", "output": {"a": 1}},
            "'output' must be the raw text as the model wrote it, n",
        ),
        ({"id": "i2", "output": 3}, "'output' must be the raw text as the model wrote it, not the"),
    ],
)
def test_a_bad_output_is_refused_with_its_file_and_row(
    tmp_path: Path, row: Mapping[str, JsonValue], message: str
) -> None:
    with pytest.raises(DataError) as refused:
        _answered(tmp_path, {"s": [{"id": "i1", "output": None}, row]})

    assert str(refused.value).startswith("s.jsonl line 2: ")
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"type": "object"', "the schema 's.json' is no strict JSON: Expecting"),
        (b'{"type": 1, "type": 2}', "is no strict JSON: the key 'type' stands twice"),
        (b'{"title": "\xf6"}', "is no strict JSON: 'utf-8' codec can't decode"),
    ],
)
def test_a_schema_file_is_read_as_strictly_as_any_json(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "s.json").write_bytes(content)

    with pytest.raises(DataError) as refused:
        read_schema(tmp_path / "s.json", place="scorers.adherence.schema")

    assert str(refused.value).startswith("scorers.adherence.schema: ")
    assert message in str(refused.value)


def test_a_pair_is_one_record_with_an_opponent(tmp_path: Path) -> None:
    rows: list[Mapping[str, JsonValue]] = [
        {"id": "p1", "input": "Where?", "output_a": "Paris", "output_b": "Rome"},
        {"id": "p2", "input": "When?", "output_a": "", "output_b": "now"},
    ]

    found = read_pairs(replace(PLAIN, path=_write(tmp_path / "pairs.csv", rows)))
    turned = read_pairs(replace(PLAIN, path=_write(tmp_path / "pairs.jsonl", rows[::-1])))

    assert [(r.system, r.output, r.opponent) for r in found.records()] == [
        (PAIR, "Paris", "Rome"),
        (PAIR, "", "now"),
    ]
    assert found.fingerprint == turned.fingerprint
    assert found.output_fingerprint(PAIR) == turned.output_fingerprint(PAIR)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": 2, "output_a": "x"}, "'output_b' is missing (did you mean 'output_a'?)"),
        ({"id": 2, "output_a": None, "output_b": "x"}, "'output_a' must be the raw text as the m"),
        ({"id": 1, "output_a": "x", "output_b": "y"}, "the id '1' stands already on line 1"),
    ],
)
def test_a_bad_pair_is_refused_with_its_file_and_row(
    tmp_path: Path, row: Mapping[str, JsonValue], message: str
) -> None:
    good: dict[str, JsonValue] = {"id": 1, "output_a": "x", "output_b": "y"}

    with pytest.raises(DataError) as refused:
        read_pairs(replace(PLAIN, path=_write(tmp_path / "pairs.jsonl", [good, row])))

    assert str(refused.value).startswith("pairs.jsonl line 2: ")
    assert message in str(refused.value)


STUDENT, TEACHER = (
    System(name="student", role=Role.STUDENT),
    System(name="teacher", role=Role.TEACHER),
)


def test_a_row_of_samples_is_an_item_with_its_output_and_perhaps_the_teachers(
    tmp_path: Path,
) -> None:
    rows: list[Mapping[str, JsonValue]] = [
        {"id": "p1", "input": "Where?", "output": "Paris", "teacher_output": "In Paris"},
        {"id": "p2", "input": "When?", "output": None, "teacher_output": None},
    ]
    path = _write(tmp_path / "samples.jsonl", rows)

    both = read_samples(replace(PLAIN, path=path), STUDENT, teacher=TEACHER)
    alone = read_samples(replace(PLAIN, path=path), STUDENT, teacher=None)

    assert [item.item_id for item in both.items] == ["p1", "p2"]
    assert both.outputs == {"student": {"p1": "Paris"}, "teacher": {"p1": "In Paris"}}
    assert both.teacher == TEACHER
    assert (alone.systems, alone.outputs) == ((STUDENT,), {"student": {"p1": "Paris"}})


def test_a_sample_without_a_column_of_outputs_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "samples.jsonl", [{"id": "p1", "answer": "Paris"}])

    with pytest.raises(DataError, match=r"samples\.jsonl line 1: 'output'"):
        read_samples(replace(PLAIN, path=path), STUDENT, teacher=None)
