from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.importers.imported import ONLY_SYSTEM, Gathering, Imported
from judge.importers.merged import merge, renamed
from judge.records.strict_json import JsonValue


def _set(
    name: str = "a.json",
    *,
    answers: Mapping[str, str],
    system: str = ONLY_SYSTEM,
    asked: str = "ask",
    metadata: Sequence[Mapping[str, JsonValue]] = (),
) -> Gathering:
    gathering = Gathering(tool="a tool", path=Path(name))
    for number, (item_id, output) in enumerate(answers.items()):
        more = metadata[number] if metadata else {}
        place = f"{name}: [{number}]"
        gathering.item(
            item_id, input=f"{asked} {item_id}" if asked else "", metadata=more, place=place
        )
        gathering.output(item_id, system=system, output=output, place=place)
    return gathering


def _people(*said: tuple[str, str, str | None], basis: Mapping[str, str] | None = None) -> Imported:
    gathering = _set("labels.json", answers=basis or {}, asked="shown")
    gathering.by_people = True
    for item_id, system, output in said:
        gathering.rating(
            item_id, system=system, rater="ann", question="q", label="1", output=output, place="p"
        )
    return gathering.done()


def test_files_of_one_system_each_make_one_set() -> None:
    found = merge(
        [
            _set("teacher.json", answers={"1": "a", "2": "b"}).done(),
            _set("my student.json", answers={"2": "c", "3": "d"}, asked="").done(),
        ]
    )

    assert list(found.outputs) == ["teacher", "my-student"]
    assert [(one.item_id, one.input) for one in found.items] == [
        ("1", "ask 1"),
        ("2", "ask 2"),
        ("3", ""),
    ]


def test_an_id_with_two_inputs_and_a_system_that_answers_twice_are_refused() -> None:
    one = _set("a.json", answers={"1": "a"}, system="s").done()

    with pytest.raises(
        DataError, match=r"b\.json: \[0\]: the item '1' has another input than in a"
    ):
        merge([one, _set("b.json", answers={"1": "b"}, system="t", asked="other").done()])
    with pytest.raises(DataError, match=r"b\.json: \[0\]: s has answered the item '1' in a\.json"):
        merge([one, _set("b.json", answers={"1": "b"}, system="s").done()])


def test_without_any_output_the_remedy_is_named() -> None:
    gathering = Gathering(tool="a tool", path=Path("items.json"))
    gathering.item("1", input="ask", place="p")

    with pytest.raises(DataError, match=r"items\.json: no outputs of any system; .*--system NAME"):
        merge([gathering.done()])


def test_metadata_with_few_values_in_every_item_become_slices_and_others_are_named() -> None:
    tags: list[JsonValue] = ["y", "x"]
    metadata: list[dict[str, JsonValue]] = [
        {"kind": ("a", "b")[k % 2], "long": k > 1, "note": f"n{k}", "tags": tags[: 1 + k % 2]}
        for k in range(4)
    ]
    metadata[3] = {name: one for name, one in metadata[3].items() if name != "note"}

    found = merge([_set(answers={str(k): "x" for k in range(4)}, metadata=metadata).done()])

    assert found.dimensions == ("kind", "long", "tags")
    assert found.slices["1"] == {"kind": "b", "long": "false", "tags": "x+y"}
    assert list(found.left_out) == ["metadata 'note', which tells no slices apart"]


def test_ratings_find_their_record_by_id_and_system_else_by_the_text_that_was_shown() -> None:
    basis = [
        _set("s.json", answers={"1": "a", "2": "same"}, system="s").done(),
        _set("t.json", answers={"1": "b", "2": "same"}, system="t").done(),
    ]

    found = merge(
        [
            *basis,
            _people(
                ("1", "s", None),
                ("1", "s", "a"),
                ("1", "s", "another text"),
                ("2", ONLY_SYSTEM, "same"),  # of two systems
                ("task 9", ONLY_SYSTEM, "b"),
                ("1", ONLY_SYSTEM, None),
            ),
        ]
    )

    assert [(one.item_id, one.system) for one in found.ratings] == [("1", "s")] * 2 + [("1", "t")]
    assert found.left_out == {"ratings of outputs that no file holds": 3}


def test_ratings_of_nothing_that_is_there_are_refused() -> None:
    with pytest.raises(DataError, match=r"no rating of labels\.json is of an output of the set"):
        merge([_set(answers={"1": "a"}, system="s").done(), _people(("8", "s", None))])


def test_what_people_were_shown_is_the_set_where_no_other_file_has_one() -> None:
    people = _people(("1", ONLY_SYSTEM, "a"), basis={"1": "a"})

    alone = merge([people])
    beside = merge([_set(answers={"7": "a"}, system="s").done(), people])

    assert [(one.item_id, one.system) for one in alone.ratings] == [("1", "labels")]
    assert [(one.item_id, one.system) for one in beside.ratings] == [("7", "s")]
    assert [one.item_id for one in beside.items] == ["7"]


def test_answers_in_running_text_are_no_labels_and_are_counted() -> None:
    gathering = _set(answers={str(k): "x" for k in range(20)}, system="s")
    for k in range(20):
        for question, label in (("why?", f"because of {k}"), ("right?", "yes"), ("marks", k / 20)):
            gathering.rating(
                str(k), system="s", rater="ann", question=question, label=label, place="p"
            )

    found = merge([gathering.done()])

    assert {one.question for one in found.ratings} == {"right?"}
    assert found.left_out == {
        "answers to 'why?': 20 different texts are no categories": 20,
        "answers to 'marks': 20 different numbers are no categories; a verdict is one of a few": 20,
    }


def test_verdicts_that_stand_on_a_scale_are_kept_and_others_named() -> None:
    gathering = _set(answers={str(k): "x" for k in range(20)}, system="s")
    for k in range(20):
        for judge, label in (("binary", k % 2), ("continuous", k / 20 + 0.001)):
            gathering.verdict(str(k), system="s", judge=judge, label=label, place="p")
    gathering.verdict("99", system="s", judge="binary", label=1, place="p")

    found = merge([gathering.done()])

    assert {judge: scale.categories for judge, scale in found.scales.items()} == {
        "binary": ("0", "1")
    }
    assert len(found.verdicts["binary"]) == 20
    why = (
        "verdicts of continuous: 20 different numbers are no categories; a verdict is one of a few"
    )
    assert found.left_out == {why: 20, "verdicts on outputs that no file holds": 1}


def test_a_system_can_be_given_another_name() -> None:
    found = renamed(
        _set(answers={"1": "a"}, system="org/model").done(), "teacher", only="org/model"
    )

    assert found.systems == ("teacher",)
