import json
from collections.abc import Callable
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.importers.imported import Imported

Read = Callable[[Path], Imported]
RECORDS = "argilla.json"


def test_responses_become_ratings_and_suggestions_verdicts(files: Path, read: Read) -> None:
    found = read(files / RECORDS)

    assert (found.tool, found.by_people) == ("an Argilla export", True)
    assert [(one.item_id, one.input) for one in found.items] == [
        (f"r{k}", f"ask {k}") for k in range(4)
    ]
    assert found.items[0].metadata == {"kind": "a"}
    assert [one.output for one in found.outputs] == [f"said {k}" for k in range(4)]
    assert [(one.question, one.label, one.rater, one.output) for one in found.ratings[:3]] == [
        ("correct", "yes", "00000000-user", "said 0"),
        ("correct", "yes", "00000001-user", "said 0"),
        ("stars", "1", "00000000-user", "said 0"),
    ]
    assert [(one.judge, one.label) for one in found.verdicts] == [("gpt", "yes")] * 4


def test_flat_records_say_the_same_and_what_was_not_submitted_is_counted(
    read: Read, tmp_path: Path
) -> None:
    row = {
        "id": "r0",
        "status": "pending",
        "_server_id": None,
        "question": "ask 0",
        "response": "said 0",
        "model": "m",
        "correct.responses": ["yes", "no", None],
        "correct.responses.users": ["ann", "bob"],
        "correct.responses.status": ["submitted", "draft"],
        "correct.suggestion": "no",
        "correct.suggestion.agent": None,
        "correct.suggestion.score": 0.9,
    }
    (tmp_path / "flat.jsonl").write_text(json.dumps(row))

    found = read(tmp_path / "flat.jsonl")

    assert found.tool == "an Argilla export"
    assert [(one.label, one.rater, one.system) for one in found.ratings] == [("yes", "ann", "m")]
    assert [(one.judge, one.label) for one in found.verdicts] == [("suggestion-correct", "no")]
    assert found.left_out == {"responses that are draft": 1}
    assert found.items[0].metadata == {}


def test_records_of_releases_before_2_are_read(read: Read, tmp_path: Path) -> None:
    record = {
        "fields": {"input": "ask", "output": "said"},
        "metadata": {"item_id": 7, "system": "m"},
        "responses": [
            {"user_id": "ann", "status": "submitted", "values": {"right": {"value": "yes"}}},
            {"user_id": "bob", "status": "discarded", "values": {"right": {"value": "no"}}},
        ],
    }
    (tmp_path / "old.json").write_text(json.dumps([record]))

    found = read(tmp_path / "old.json")

    assert [(one.item_id, one.system, one.label) for one in found.ratings] == [("7", "m", "yes")]
    assert found.left_out == {"responses that are discarded": 1}


def test_another_shape_is_named_with_its_place(files: Path, read: Read, tmp_path: Path) -> None:
    rows = json.loads((files / RECORDS).read_text())
    (tmp_path / "a.json").write_text(json.dumps([*rows, {"id": 1}]))

    with pytest.raises(
        DataError, match=r"a\.json: \[4\]: no record of Argilla: it needs an object"
    ):
        read(tmp_path / "a.json")
