import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from judge.errors import DataError, MissingExtra
from judge.records import columnar
from judge.records.columnar import arrow_rows, json_value, parquet_columns, parquet_rows


def _write(path: Path, columns: Mapping[str, object], **metadata: object) -> Path:
    table = pa.table(columns)
    if metadata:
        table = table.replace_schema_metadata(
            {name: json.dumps(value) for name, value in metadata.items()}
        )
    parquet.write_table(table, path)
    return path


def test_values_of_a_parquet_file_are_those_of_json(tmp_path: Path) -> None:
    made = {
        "text": ["a", None],
        "number": [1.5, float("nan")],
        "list": [["x", "y"], []],
        "object": [{"a": 1}, None],
        "day": [date(2026, 1, 2), None],
        "raw": [b"caf\xc3\xa9", b"\xff\xfe"],
    }

    rows = list(parquet_rows(_write(tmp_path / "f.parquet", made)))

    assert rows[0] == {
        "text": "a",
        "number": 1.5,
        "list": ["x", "y"],
        "object": {"a": 1},
        "day": "2026-01-02",
        "raw": "café",
    }
    assert (rows[1]["number"], rows[1]["raw"]) == (None, "(2 bytes that are no text)")
    assert list(parquet_columns(tmp_path / "f.parquet")) == list(made)


def test_class_labels_are_read_as_their_names(tmp_path: Path) -> None:
    feature = {"_type": "ClassLabel", "names": ["negative", "positive"]}
    told = {"info": {"features": {"label": feature, "n": {"_type": "Value"}}}}

    path = _write(tmp_path / "f.parquet", {"label": [1, 0, -1], "n": [1, 0, 0]}, huggingface=told)

    assert [row["label"] for row in parquet_rows(path)] == ["positive", "negative", None]
    assert [row["n"] for row in parquet_rows(path)] == [1, 0, 0]


def test_what_is_written_beside_the_schema_may_be_anything(tmp_path: Path) -> None:
    for told in ([1], {"info": 3}, {"info": {"features": [1]}}, {"info": {"features": {"n": 1}}}):
        path = _write(tmp_path / "f.parquet", {"n": [1]}, huggingface=told)

        assert list(parquet_rows(path)) == [{"n": 1}]


def test_an_index_without_a_name_is_no_column(tmp_path: Path) -> None:
    path = _write(tmp_path / "f.parquet", {"n": [1], "__index_level_0__": [7]})

    assert list(parquet_rows(path)) == [{"n": 1}]
    assert list(parquet_columns(path)) == ["n"]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (Decimal("2.50"), 2.5),
        (Decimal(3), 3),
        (Decimal("NaN"), None),
        (datetime(2026, 1, 2, 3, 4), "2026-01-02T03:04:00"),  # noqa: DTZ001 - as tables hold them
        ([("a", 1), ("b", 2)], {"a": 1, "b": 2}),
        (timedelta(seconds=5), "0:00:05"),
        (float("inf"), None),
    ],
)
def test_a_cell_becomes_the_json_value_nearest_to_it(value: object, found: object) -> None:
    assert json_value(value) == found


@pytest.mark.parametrize("body", [b"PAR1", b"PAR1 and more PAR1", b"", b"{}"])
def test_a_file_that_is_damaged_is_named(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "f.parquet").write_bytes(body)

    for read in (parquet_columns, lambda path: list(parquet_rows(path))):
        with pytest.raises(DataError, match=r"f\.parquet: no readable Parquet file: .*write it"):
            read(tmp_path / "f.parquet")
    with pytest.raises(DataError, match=r"f\.parquet: no readable Arrow file"):
        list(arrow_rows(tmp_path / "f.parquet"))


def test_a_file_that_is_absent_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.parquet: no readable Parquet file"):
        list(parquet_rows(tmp_path / "absent.parquet"))


def test_a_small_file_that_unpacks_to_very_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columnar, "MAX_UNPACKED", 1 << 20)
    path = _write(tmp_path / "f.parquet", {"text": ["x" * 1000] * 5000})
    assert path.stat().st_size < 1 << 16

    with pytest.raises(DataError, match=r"f\.parquet: more than 1 MiB of rows; that much is not"):
        list(parquet_rows(path))


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)

    with pytest.raises(MissingExtra, match=r"reading f.parquet needs an extra: .*judge\[parquet\]"):
        list(parquet_rows(tmp_path / "f.parquet"))
    with pytest.raises(MissingExtra, match=r"judge\[hf\]"):
        list(arrow_rows(tmp_path / "f.arrow"))
