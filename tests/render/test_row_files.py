import csv
import json
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyarrow import parquet

from judge.errors import MissingExtra
from judge.render.row_files import (
    changed_in_csv,
    text_of_cell,
    write_csv,
    write_jsonl,
    write_parquet,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    text: str
    number: float | None
    count: int | None
    sure: bool


TEXTS = [
    "", "'", "''", "=1+1", "'=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "a\r\nb", 'say "x"',
    ",", "nul \x00", "日本語 \U0001f600", " =1", "plain",
]  # fmt: skip
LINES = [
    *(
        Line(text=text, number=0.1 + 0.2, count=place, sure=True)
        for place, text in enumerate(TEXTS)
    ),
    Line(text="missing", number=None, count=None, sure=False),
]


def test_a_line_of_json_reads_back_equal(tmp_path: Path) -> None:
    write_jsonl(LINES, tmp_path / "file", of=Line)

    read = [Line(**json.loads(line)) for line in (tmp_path / "file").read_text().split("\n")[:-1]]

    assert read == LINES


def test_a_cell_starts_no_formula_and_reads_back_exactly(tmp_path: Path) -> None:
    write_csv(LINES, tmp_path / "file", of=Line)

    with (tmp_path / "file").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["text", "number", "count", "sure"]
    assert [text_of_cell(row[0]) for row in rows] == [line.text for line in LINES]
    assert not [row[0] for row in rows if row[0].startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert [float(row[1]) if row[1] else None for row in rows] == [one.number for one in LINES]


def test_a_row_of_parquet_reads_back_equal(tmp_path: Path) -> None:
    write_parquet(LINES, tmp_path / "file", of=Line)

    table = parquet.read_table(tmp_path / "file")
    read = [Line(**row) for row in table.to_pylist()]

    assert read == LINES
    assert [str(field.type) for field in table.schema] == ["string", "double", "int64", "bool"]


@pytest.mark.parametrize("write", [write_jsonl, write_csv, write_parquet])
def test_no_rows_are_a_file_all_the_same(tmp_path: Path, write: object) -> None:
    assert callable(write)

    write([], tmp_path / "file", of=Line)

    assert (tmp_path / "file").exists()


def test_many_rows_are_kept_in_their_order(tmp_path: Path) -> None:
    lines = [
        Line(text=str(place), number=math.pi, count=place, sure=True) for place in range(25_000)
    ]

    write_parquet(lines, tmp_path / "file", of=Line)

    assert parquet.read_table(tmp_path / "file")["count"].to_pylist() == list(range(25_000))


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingExtra, match=r"pip install 'judge\[parquet\]'"):
        write_parquet(LINES, tmp_path / "file", of=Line)


@pytest.mark.parametrize("text", ["=1", "-1", "@a", "'a"])
def test_what_a_spreadsheet_gets_changed_is_known(text: str) -> None:
    assert changed_in_csv(text)
    assert not changed_in_csv("a=1")
