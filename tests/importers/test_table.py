from pathlib import Path

import pytest

from judge.errors import DataError
from judge.importers.table import csv_table, split_table, table_of
from judge.records.strict_json import JsonValue


def test_an_empty_cell_of_a_csv_file_is_null(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,score,data\n1,,\"{'a': 1}\"\n2,0.5,x\n")

    table = csv_table(path)

    first, second = table.rows
    assert (table.columns, first.place) == (("id", "score", "data"), "a.csv line 2")
    assert (first.values["score"], first.written_out("data")) == (None, {"a": 1})
    assert (second.number("score"), second.number("data"), second.number("no")) == (0.5, "x", None)


def test_columns_are_those_of_all_rows(tmp_path: Path) -> None:
    table = table_of(tmp_path / "a.json", [("a", {"x": 1}), ("b", {"y": 2, "x": 3})])

    assert table.columns == ("x", "y")


def test_lists_of_columns_and_data_are_a_table(tmp_path: Path) -> None:
    table = split_table(tmp_path / "t.json", {"columns": ["a", 1], "data": [[1, 2], [3, 4]]})

    assert [one.values for one in table.rows] == [{"a": 1, "1": 2}, {"a": 3, "1": 4}]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"columns": ["a"], "data": [[1], [1, 2]]}, r"t\.json: data\[1\]: a row needs one value"),
        ({"columns": "a", "data": []}, r"t\.json: 'columns' and 'data' must be lists"),
        ({"columns": ["a"], "data": []}, r"t\.json holds no rows"),
    ],
)
def test_a_table_that_does_not_hold_together_is_named(
    document: dict[str, JsonValue], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=problem):
        split_table(tmp_path / "t.json", document)


def test_a_row_that_is_no_object_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.json: \[1\]: a row must be an object"):
        table_of(tmp_path / "t.json", [("t.json: [0]", {}), ("t.json: [1]", 3)])
