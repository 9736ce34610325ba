import tracemalloc
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from judge.errors import DataError
from judge.records.rows import Row, as_answer, mentions, read_rows
from judge.records.strict_json import JsonValue


def _read(folder: Path, name: str, content: str | bytes, **fields: str) -> list[Row]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_rows(path, fields))


def _row(folder: Path, value: JsonValue) -> Row:
    return Row(path=folder / "f.jsonl", line=3, values={"v": value}, fields={}, typed=True)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("f.jsonl", b'{"key": "a", "text": "x"}\n\n{"key": "b", "text": "y, \\"z\\""}'),
        ("f.NDJSON", b'{"key": "a", "text": "x"}\r\n \r\n{"key": "b", "text": "y, \\"z\\""}\r\n'),
        ("f.csv", b'key,text\r\na,x\r\nb,"y, ""z"""\r\n'),
        ("f.CSV", b'text,key\n\nx,a\n"y, ""z""",b'),
    ],
)
def test_both_kinds_of_file_are_read_through_the_field_mapping(
    tmp_path: Path, name: str, content: bytes, mark: bytes
) -> None:
    rows = _read(tmp_path, name, mark + content, id="key")

    assert [(row.text("id"), row.text("text")) for row in rows] == [("a", "x"), ("b", 'y, "z"')]


def test_a_row_says_where_it_stands_also_after_blank_lines_and_cells_of_several_lines(
    tmp_path: Path,
) -> None:
    lines = _read(tmp_path, "f.jsonl", '\n{"id": 1}\n\n{"id": 2}\n')
    cells = _read(tmp_path, "f.csv", '\nid,x\n1,"a\nb\n"\n\n2,"c\nd"\n')

    assert [row.place for row in lines] == ["f.jsonl line 2", "f.jsonl line 4"]
    assert [row.place for row in cells] == ["f.csv line 3", "f.csv line 7"]


def test_only_a_line_feed_ends_a_row(tmp_path: Path) -> None:
    breaks = "a\u2028b\u2029c\x85d\x0ce"

    (line,) = _read(tmp_path, "f.jsonl", f'{{"id": "{breaks}"}}\n'.replace("\x0c", "\\f"))
    (cell,) = _read(tmp_path, "f.csv", f"id\n{breaks}\n")

    assert line.text("id") == cell.text("id") == breaks


@pytest.mark.parametrize(
    ("name", "row"), [("f.jsonl", '{"id": "0123456789"}\n'), ("f.csv", "0123456789\n")]
)
def test_a_large_file_is_never_in_memory_as_a_whole(tmp_path: Path, name: str, row: str) -> None:
    path = tmp_path / name
    path.write_text(row * 50_000)

    tracemalloc.start()
    try:
        n_rows = sum(1 for _ in read_rows(path, {}))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert n_rows >= 49_999  # the first line of a CSV is its header
    assert peak < path.stat().st_size / 3


def test_json_keeps_types_and_csv_has_only_text(tmp_path: Path) -> None:
    (line,) = _read(tmp_path, "f.jsonl", '{"n": 1, "b": true, "z": null}')
    (cells,) = _read(tmp_path, "f.csv", "n,b,z\n1,true,\n")

    assert (line.typed, line.values) == (True, {"n": 1, "b": True, "z": None})
    assert (cells.typed, cells.values) == (False, {"n": "1", "b": "true", "z": ""})


@pytest.mark.parametrize(("value", "expected"), [("a 1", "a 1"), (7, "7"), (0, "0")])
def test_an_identifier_is_a_text_or_a_whole_number(
    tmp_path: Path, value: JsonValue, expected: str
) -> None:
    assert _row(tmp_path, value).identifier("v") == expected


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (True, "not true or false"),
        (3.0, "not the number 3.0"),
        (None, "not null"),
        ([1], "not a list"),
        ({}, "not an object"),
        ("", "'v' is empty"),
        (" \t", "'v' is empty"),
    ],
)
def test_anything_else_is_no_identifier(tmp_path: Path, value: JsonValue, found: str) -> None:
    with pytest.raises(DataError) as refused:
        _row(tmp_path, value).identifier("v")

    assert str(refused.value).startswith("f.jsonl line 3: ")
    assert found in str(refused.value)


def test_a_missing_column_is_named_as_in_the_file_with_those_that_are_there(
    tmp_path: Path,
) -> None:
    (row,) = _read(tmp_path, "f.jsonl", '{"question_id": 1, "answr": "x"}', output="answer")

    assert not row.has("output")
    with pytest.raises(DataError) as refused:
        row.text("output")

    assert str(refused.value) == (
        "f.jsonl line 1: 'answer' is missing (did you mean 'answr'?); "
        "the row has: 'question_id', 'answr'"
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("f.json", "{}", "unknown kind of file '.json'; give .jsonl, .csv or .parquet"),
        ("f.jsonl", "", "f.jsonl holds no rows"),
        ("f.jsonl", "\ufeff\n \n", "f.jsonl holds no rows"),
        ("f.csv", "", "f.csv holds no rows"),
        ("f.csv", "id,x\n\n", "f.csv holds no rows"),
        ("f.jsonl", '{"id": 1}\n{"id": 2', "f.jsonl line 2: unreadable JSON: Expecting"),
        ("f.jsonl", '{"id": 1},\n', "f.jsonl line 1: unreadable JSON: something follows"),
        ("f.jsonl", "[\n1]", "f.jsonl line 1: unreadable JSON"),
        ("f.jsonl", "[1]", "f.jsonl line 1: a row must be a JSON object, not a list"),
        ("f.jsonl", "3", "f.jsonl line 1: a row must be a JSON object, not a number"),
        ("f.jsonl", '{"id": 1}\nnull', "f.jsonl line 2: a row must be a JSON object, not null"),
        ("f.jsonl", '\n{"x": NaN}', "f.jsonl line 2: unreadable JSON: NaN is not a JSON number"),
        ("f.jsonl", '{"x": 1, "x": 2}', "line 1: unreadable JSON: the key 'x' stands twice"),
        ("f.jsonl", '{"x":' + "[" * 64 + "]" * 64 + "}", "nested deeper than 64 levels (column 69"),
        ("f.jsonl", '{"x": "\\ud800"}', "half of a surrogate pair (column 7)"),
        ("f.jsonl", '{"x": 12345678901234567890}', "an integer has more than 19 digits (column 7)"),
        (
            "f.csv",
            "id,x\n1,2\n1,2,3\n",
            "line 3: 3 cells where the header names 2; put a cell that",
        ),
        ("f.csv", "id,x\n1\n", "f.csv line 2: 1 cells where the header names 2; put a cell that"),
        (
            "f.csv",
            "\nid,x,id\n1,2,3\n",
            "f.csv line 2: two columns have the same name 'id'; rename",
        ),
        (
            "f.csv",
            'id,x\n1,a\n2,"b\n3,c\n',
            "line 3: unreadable CSV: unexpected end of data; check",
        ),
        ("f.csv", 'id,x\n1,"a"b\n', "f.csv line 2: unreadable CSV: ',' expected after '\"'; check"),
        ("f.csv", "id\n" + "x" * 200_000, "line 2: unreadable CSV: field larger than field limit"),
    ],
    ids=lambda part: part[:20] if isinstance(part, str) else None,
)
def test_what_cannot_be_read_is_refused_with_file_row_and_remedy(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    with pytest.raises(DataError) as refused:
        _read(tmp_path, name, content)

    assert message in str(refused.value)


@pytest.mark.parametrize("name", ["f.jsonl", "f.csv"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe" + "id\nä".encode("utf-16-le"), "line 1: the file is UTF-16; save it as UTF-8"),
        (b"\xfe\xff" + "id\nä".encode("utf-16-be"), "line 1: the file is UTF-16; save it as UTF-8"),
        (
            "id\nä\n".encode() + "ö\n".encode("latin-1"),
            "line 3: not UTF-8 (byte 0xf6); the file mix",
        ),
        (b"\xef\xbb\xbf\n\xff\n", "line 2: not UTF-8 (byte 0xff); the file mixes encodings"),
    ],
    ids=["little", "big", "mixed", "marked"],
)
def test_a_file_that_is_not_utf_8_throughout_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(DataError) as refused:
        _read(tmp_path, name, content)

    assert f"{name} {message}" in str(refused.value)


def test_a_file_that_is_not_there_is_named_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "gone.jsonl"

    with pytest.raises(DataError, match=r"gone\.jsonl: cannot be read: No such file") as refused:
        list(read_rows(path, {}))

    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("value", "text"), [("a b", "a b"), ({"b": 1, "a": [True]}, '{"a":[true],"b":1}'), (2.5, "2.5")]
)
def test_a_right_answer_is_its_text_or_its_canonical_json(value: JsonValue, text: str) -> None:
    assert as_answer(value) == text


def test_parquet_keeps_types_and_a_null_says_nothing_where_a_field_may_be_absent(
    tmp_path: Path,
) -> None:
    table = pa.table({"key": ["a", "b"], "output": ["x", None], "comment": [None, "why"]})
    parquet.write_table(table, tmp_path / "f.parquet")

    first, second = read_rows(tmp_path / "f.parquet", {"id": "key"})

    assert (first.text("id"), first.text("output"), first.typed) == ("a", "x", True)
    assert (first.has("comment"), second.has("comment")) == (False, True)
    assert second.value("output") is None
    assert second.place == "f.parquet row 2"
    with pytest.raises(DataError, match=r"f\.parquet row 2: 'output' must be text, not null"):
        second.text("output")


@pytest.mark.parametrize("before", [0, 5, 2**20 - 3, 2**20, 3 * 2**20])
def test_a_column_is_found_wherever_a_file_mentions_it(before: int, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b" " * before + b'{"latency_ms": 3}\n')

    assert mentions(path, ["cost", "latency_ms"])
    assert not mentions(path, ["cost", "latency_s"])
    assert mentions(path, ["cost", "größe"])  # may be written with escapes
