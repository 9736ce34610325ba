import csv
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.records.dataset import Dataset
from judge.records.frozen import FrozenCounts, FrozenSet, freeze, manifest_json, read_manifest
from judge.records.reading import ItemSource, read_dataset
from judge.records.record import Item, Role, System
from judge.records.strict_json import JsonValue

CREATED = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
ITEMS = (
    Item(
        item_id="i1",
        input="Where?",
        references=("Paris", "paris"),
        slices={"kind": "plain", "lang": "en"},
        cluster="d1",
    ),
    Item(
        item_id="i2",
        input="Say “no”.\u2028",
        slices={"kind": "tricky", "lang": "en"},
        cluster="d1",
        schema='{"type":"string"}',
    ),
    Item(
        item_id="i3",
        references=(" Oslo ",),
        slices={"kind": "tricky", "lang": "no"},
        cluster="i3",
        opponent="",
    ),
)
DATASET = Dataset(
    items=ITEMS,
    systems=(System(name="teacher", role=Role.TEACHER), System(name="small", role=Role.STUDENT)),
    outputs={"teacher": {"i1": "Paris", "i2": "no"}, "small": {"i1": "Rome"}},
)


def _freeze(dataset: Dataset = DATASET, *, outputs: Sequence[str] = ()) -> FrozenSet:
    return freeze(dataset, name="capitals", created=CREATED, outputs=outputs)


def _write(path: Path, frozen: FrozenSet) -> Path:
    path.write_bytes(manifest_json(frozen))
    return path


def _edit(path: Path, old: str, new: str) -> Path:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


@pytest.mark.parametrize("outputs", [(), ("teacher",), ("teacher", "small")])
def test_a_manifest_reads_back_as_what_was_frozen(tmp_path: Path, outputs: Sequence[str]) -> None:
    frozen = _freeze(outputs=outputs)

    path = _write(tmp_path / "m.json", frozen)

    assert read_manifest(path) == frozen
    assert manifest_json(read_manifest(path)) == path.read_bytes()


def test_a_manifest_says_what_it_holds_and_no_text_of_the_set(tmp_path: Path) -> None:
    frozen = _freeze(outputs=["teacher"])

    text = manifest_json(frozen).decode()

    assert frozen.counts == FrozenCounts(
        items=3,
        clusters=2,
        with_reference=2,
        with_schema=1,
        slices={"kind": {"plain": 1, "tricky": 2}, "lang": {"en": 2, "no": 1}},
        outputs={"teacher": 2},
    )
    assert [list(item.parts) for item in frozen.items] == [
        ["cluster", "input", "reference", "slices"],
        ["cluster", "input", "schema", "slices"],
        ["opponent", "reference", "slices"],
    ]
    assert json.loads(text)["created"] == "2026-05-01T12:30:00+00:00"
    assert sum('"parts"' in line for line in text.splitlines()) == len(ITEMS)
    assert not any(told in text for told in ("Paris", "Oslo", "Where?", "Say", "string"))


def test_the_hashes_of_a_frozen_set_stay_as_they_are() -> None:
    # A manifest outlives the version that wrote it: other hashes here need another FORMAT.
    frozen = _freeze(outputs=["teacher"])

    assert frozen.items[0].content.startswith("89d59f9b6e838fc0")
    assert frozen.fingerprint.startswith("2b5ebaa523e6126e")


def test_the_same_values_freeze_alike_however_they_are_written(tmp_path: Path) -> None:
    rows: list[dict[str, JsonValue]] = [
        {"id": 1, "input": "a, “b”", "reference": "x", "kind": "p", "level": 3},
        {"id": 2, "input": "two\nlines", "reference": "", "kind": "q", "level": 4},
    ]
    source = ItemSource(path=Path(), fields={}, slices=("kind", "level"))
    (tmp_path / "spaced.jsonl").write_text(
        "\r\n".join(
            json.dumps(dict(sorted(row.items())), separators=(" , ", " :  "))
            for row in [rows[0], {**rows[1], "reference": None, "unread": True}]
        )
    )
    (tmp_path / "plain.jsonl").write_text(
        "\n".join(json.dumps({**row, "reference": row["reference"] or None}) for row in rows)
    )
    with (tmp_path / "a.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, ["level", "kind", "reference", "input", "id"])
        writer.writeheader()
        writer.writerows(rows)

    found = [
        _freeze(read_dataset(replace(source, path=tmp_path / name), ()))
        for name in ("spaced.jsonl", "plain.jsonl", "a.csv")
    ]

    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    "other",
    [
        replace(ITEMS[0], item_id="i9"),
        replace(ITEMS[0], input="Where? "),
        replace(ITEMS[0], references=("paris", "Paris")),
        replace(ITEMS[0], references=()),
        replace(ITEMS[0], slices={"kind": "plain", "lang": "EN"}),
        replace(ITEMS[0], cluster="d2"),
        replace(ITEMS[0], cluster="i1"),
        replace(ITEMS[0], schema="{}"),
        replace(ITEMS[0], opponent=""),
    ],
    ids=repr,
)
def test_another_value_has_another_hash(other: Item) -> None:
    changed = _freeze(replace(DATASET, items=(other, *ITEMS[1:])))

    assert changed.items[0].content != _freeze().items[0].content
    assert changed.fingerprint != _freeze().fingerprint


def test_the_fingerprint_covers_frozen_outputs_and_neither_order_nor_time() -> None:
    turned = replace(
        DATASET,
        items=ITEMS[::-1],
        outputs={**DATASET.outputs, "teacher": {"i2": "no", "i1": "Paris"}},
    )
    swapped = replace(DATASET, outputs={**DATASET.outputs, "teacher": {"i1": "no", "i2": "Paris"}})

    prints = [
        freeze(dataset, name=name, created=created, outputs=["teacher"]).fingerprint
        for dataset, name, created in [
            (DATASET, "a", CREATED),
            (turned, "b", CREATED.replace(year=2027)),
            (swapped, "a", CREATED),
        ]
    ]

    assert prints[0] == prints[1] != prints[2]
    assert _freeze().fingerprint not in prints


def test_only_outputs_of_a_system_that_is_there_can_be_frozen() -> None:
    with pytest.raises(DataError, match=r"'teachr' cannot be frozen.*did you mean 'teacher'"):
        _freeze(outputs=["teachr"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"capitals"', '"capital"'),
        ('"items": 3', '"items": 4'),
        ("2026-05-01", "2026-05-02"),
        ('"i1"', '"i1 "'),
        ('"created"', '"note": "only a note", "created"'),
        ('"i3"', '"i2"'),
        ('"seal": "', '"seal": "0'),
        ('"seal"', '"sael"'),
    ],
)
def test_a_manifest_edited_by_hand_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = _edit(_write(tmp_path / "m.json", _freeze()), old, new)

    with pytest.raises(DataError, match=r"m\.json was edited after it was written.*judge freeze"):
        read_manifest(path)


def test_items_moved_within_a_manifest_are_an_edit(tmp_path: Path) -> None:
    path = _write(tmp_path / "m.json", _freeze())
    document = json.loads(path.read_text())
    document["items"].reverse()
    path.write_text(json.dumps(document))

    with pytest.raises(DataError, match="edited"):
        read_manifest(path)


def test_a_manifest_laid_out_anew_by_a_formatter_is_the_same(tmp_path: Path) -> None:
    path = _write(tmp_path / "m.json", _freeze(outputs=["teacher"]))

    path.write_text(json.dumps(json.loads(path.read_text()), indent=4, sort_keys=True))

    assert read_manifest(path) == _freeze(outputs=["teacher"])


def _sealed_anew(change: Callable[[dict[str, JsonValue]], object]) -> Callable[[Path], None]:
    """Change a manifest and give it a seal of its own, as somebody who means it would."""

    def forge(path: Path) -> None:
        document = json.loads(path.read_text())
        del document["seal"]
        change(document)
        canonical = json.dumps(
            document, sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()
        document["seal"] = hashlib.sha256(canonical).hexdigest()
        path.write_text(json.dumps(document))

    return forge


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "cannot be read: No such file"),
        (lambda path: path.write_text("{"), "is no manifest of a frozen set"),
        (lambda path: path.write_bytes(b"\xff\xfe\x00"), "is no manifest of a frozen set"),
        (lambda path: path.write_text("[" * 10_000), "is no manifest of a frozen set"),
        (lambda path: path.write_text("[]"), "is no manifest of a frozen set; judge freeze"),
        (lambda path: path.write_text('{"id": "i1"}'), "is no manifest of a frozen set; judge"),
        (_sealed_anew(lambda d: d.update(format=2)), "has format 2 with sha256.*format 1"),
        (_sealed_anew(lambda d: d.update(hash="md5")), "has format 1 with md5"),
        (_sealed_anew(lambda d: d.update(items=[])), "its fingerprint is not that of its items"),
        (_sealed_anew(lambda d: d.update(items="none")), r"Expected `array`, got `str`"),
        (_sealed_anew(lambda d: d.pop("counts")), "missing required field `counts`"),
        (_sealed_anew(lambda d: d.update(created="May")), "created"),
    ],
)
def test_what_is_no_sound_manifest_is_refused_with_its_reason(
    tmp_path: Path, spoil: Callable[[Path], object], message: str
) -> None:
    path = _write(tmp_path / "m.json", _freeze())
    spoil(path)

    with pytest.raises(DataError, match=message):
        read_manifest(path)


def test_an_id_cannot_stand_twice_in_a_manifest(tmp_path: Path) -> None:
    twice = _freeze(replace(DATASET, items=(ITEMS[0], ITEMS[0])))

    with pytest.raises(DataError, match="fingerprint"):
        read_manifest(_write(tmp_path / "m.json", twice))
