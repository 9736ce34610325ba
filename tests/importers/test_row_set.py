import json
from collections.abc import Callable, Sequence
from pathlib import Path

from judge.importers.imported import Gathering, Imported
from judge.importers.merged import merge
from judge.importers.row_set import RowSet, row_set
from judge.records.rating import text_hash

Read = Callable[[Path], Imported]


def _rows(found: RowSet, name: str) -> list[object]:
    return [json.loads(line) for line in found.files[name].decode().splitlines()]


def _gathered(systems: Sequence[str], references: Sequence[str]) -> Gathering:
    gathering = Gathering(tool="a tool", path=Path("a.json"))
    gathering.item("1", input="ask", references=references, place="p")
    gathering.item("2", input="more", place="p")
    for system in systems:
        gathering.output("1", system=system, output="said", took={"cost": 0.5}, place="p")
        gathering.output("2", system=system, output=None, error="gone", place="p")
    return gathering


def test_rows_are_ours_and_say_no_more_than_is_known() -> None:
    found = row_set(merge([_gathered(["s"], ["right"]).done()]), question="")

    assert _rows(found, "items.jsonl") == [
        {"id": "1", "input": "ask", "reference": "right"},
        {"id": "2", "input": "more", "reference": None},
    ]
    assert _rows(found, "s.jsonl") == [
        {"id": "1", "output": "said", "cost": 0.5},
        {"id": "2", "output": None, "error": "gone"},
    ]
    assert set(found.files) == {"items.jsonl", "s.jsonl"}
    assert not found.several_references


def test_several_right_answers_make_every_reference_a_list() -> None:
    found = row_set(merge([_gathered(["s"], ["a", "b"]).done()]), question="")

    rows = _rows(found, "items.jsonl")
    assert [row["reference"] for row in rows if isinstance(row, dict)] == [["a", "b"], None]
    assert found.several_references


def test_files_have_safe_names_of_their_own_whatever_systems_are_called() -> None:
    names = ["../evil", "Items", "a/b", "A:B", "\N{SNOWMAN}"]

    found = row_set(merge([_gathered(names, []).done()]), question="")

    assert dict(found.outputs) == {
        "../evil": "evil.jsonl",
        "Items": "Items-2.jsonl",
        "a/b": "a-b.jsonl",
        "A:B": "A-B-2.jsonl",
        "\N{SNOWMAN}": "system.jsonl",
    }


def test_ratings_of_another_question_name_it_and_bind_the_text_that_was_rated() -> None:
    gathering = _gathered(["s"], [])
    for question, output in (("right?", "said"), ("fluent?", None)):
        gathering.rating(
            "1",
            system="s",
            rater="ann",
            question=question,
            label=1,
            output=output,
            seconds=3,
            comment="c",
            place="p",
        )
    gathering.verdict("1", system="s", judge="j", label=True, reply="why", place="p")

    found = row_set(merge([gathering.done()]), question="right?")

    rating = {
        "id": "1",
        "system": "s",
        "rater": "ann",
        "label": "1",
        "seconds": 3.0,
        "comment": "c",
    }
    assert _rows(found, "ratings.jsonl") == [
        {**rating, "output_hash": text_hash("said")},
        {**rating, "criterion": "fluent?"},
    ]
    assert _rows(found, "verdicts.jsonl") == [
        {"id": "1", "system": "s", "judge": "j", "label": "true", "reply": "why"}
    ]
