from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.importers.imported import ONLY_SYSTEM, Imported
from judge.importers.plain import Holds, read_table
from judge.importers.table import table_of
from judge.records.strict_json import JsonValue


def _read(*rows: Mapping[str, JsonValue], holds: Holds = Holds.ANYTHING) -> Imported:
    placed: Sequence[tuple[str, JsonValue]] = [(f"row {k}", dict(r)) for k, r in enumerate(rows)]
    return read_table(table_of(Path("t.parquet"), placed), holds=holds)


def test_columns_are_found_by_what_people_call_them() -> None:
    found = _read(
        {"question": "Who?", "golden_answer": ["Ann", "Anne"], "prediction": "Ann", "kind": "a"}
    )

    item, output = found.items[0], found.outputs[0]
    assert (item.item_id, item.input, item.references) == ("1", "Who?", ("Ann", "Anne"))
    assert item.metadata == {"kind": "a"}
    assert (output.output, output.system) == ("Ann", ONLY_SYSTEM)
    assert found.became == {
        "question": "input",
        "golden_answer": "reference",
        "prediction": "output",
        "(the number of the row)": "id",
    }


def test_an_answer_is_right_beside_a_question_and_an_output_where_nothing_else_is() -> None:
    beside = _read({"id": "1", "question": "Who?", "answer": "Ann"})
    alone = _read({"id": "1", "answer": "Ann"})
    given = _read({"id": "1", "question": "Who?", "answer": "Ann"}, holds=Holds.OUTPUTS)
    items = _read({"id": "1", "text": "Who?", "answer": "x", "output": "y"}, holds=Holds.ITEMS)

    assert (beside.items[0].references, beside.outputs) == (("Ann",), ())
    assert (alone.items, alone.outputs[0].output) == ((), "Ann")
    assert given.outputs[0].output == "Ann"
    assert (items.items[0].references, items.outputs) == (("x",), ())


def test_systems_stand_in_rows_or_in_columns() -> None:
    rows = _read(
        {"input": "a", "model": "m1", "output": "x", "latency_ms": "3"},
        {"input": "a", "model": "m2", "output": "y"},
        {"input": "b", "model": "m1", "output": "z"},
    )
    columns = _read({"id": 7, "input": "a", "teacher_output": "x", "student_output": None})

    assert rows.systems == ("m1", "m2")
    assert [(one.item_id, one.system) for one in rows.outputs] == [
        ("1", "m1"),
        ("1", "m2"),
        ("2", "m1"),
    ]
    assert rows.outputs[0].took == {"latency_ms": 3.0}
    assert [(one.system, one.output) for one in columns.outputs] == [
        ("teacher", "x"),
        ("student", None),
    ]


def test_rows_with_a_rater_are_what_people_said_of_the_text_beside_it() -> None:
    found = _read(
        {"id": "1", "system": "s", "output": "x", "rater": "ann", "label": 1, "comment": "c"},
        {"id": "1", "system": "s", "output": "x", "rater": "bob", "label": 0, "seconds": "9"},
        {"id": "1", "system": "s", "output": "x", "rater": "bob", "label": None},
    )

    assert [(one.rater, one.label, one.output, one.seconds) for one in found.ratings] == [
        ("ann", "1", "x", None),
        ("bob", "0", "x", 9.0),
    ]
    assert len(found.outputs) == 1
    assert found.left_out == {"rows without a rater or a label": 1}


def test_chats_and_nested_metadata_are_read() -> None:
    found = _read(
        {
            "id": "1",
            "messages": [{"role": "user", "content": "Hi"}],
            "output": {"choices": [{"message": {"content": "Yes"}}]},
            "metadata": '{"kind": "a"}',
            "slices": {"size": 3},
        }
    )

    assert (found.items[0].input, found.outputs[0].output) == ("Hi", "Yes")
    assert found.items[0].metadata == {"kind": "a", "size": 3}


def test_columns_that_say_nothing_are_named() -> None:
    with pytest.raises(
        DataError, match=r"t\.parquet has no column .* columns are: alpha, beta; re"
    ):
        _read({"alpha": 1, "beta": 2})


def test_a_row_without_its_id_is_named() -> None:
    with pytest.raises(DataError, match="row 1: 'id' must be text or a number"):
        _read({"id": 1, "output": "x"}, {"id": None, "output": "x"})
