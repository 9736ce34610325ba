"""Rows as files: JSON lines, CSV for spreadsheets, Parquet."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, get_type_hints

import msgspec

from judge.errors import MissingExtra

if TYPE_CHECKING:
    import pyarrow as pa

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_QUOTE = "'"
_ROWS_AT_ONCE = 10_000


class Row(Protocol):
    """A data class of texts, numbers and truth values."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


def write_jsonl(rows: Iterable[Row], path: Path, *, of: type[Row]) -> None:
    """Write an object per line; a number that is missing is null."""
    del of  # each line names its fields
    with path.open("wb") as file:
        for row in rows:
            file.write(msgspec.json.encode(row) + b"\n")


def write_csv(rows: Iterable[Row], path: Path, *, of: type[Row]) -> None:
    """Write a header and a line per row; a number that is missing is an empty cell.

    A text that a spreadsheet would take for a formula gets an apostrophe before it, and so does
    one that begins with an apostrophe: `text_of_cell` takes it off again.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(field.name for field in fields(of))
        for row in rows:
            writer.writerow(_cell(value) for value in astuple(row))


def changed_in_csv(text: str) -> bool:
    """Whether `write_csv` writes a text with an apostrophe before it."""
    return text.startswith((*_STARTS_A_FORMULA, _QUOTE))


def text_of_cell(cell: str) -> str:
    """Return the text that `write_csv` wrote into a cell."""
    return cell.removeprefix(_QUOTE)


def write_parquet(rows: Iterable[Row], path: Path, *, of: type[Row]) -> None:
    """Write a Parquet file; a number that is missing is null.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("parquet", needed_for="writing Parquet") from error
    schema = _schema(of)
    with parquet.ParquetWriter(path, schema) as writer:
        for part in _parts(rows):
            columns = zip(*(astuple(row) for row in part), strict=True)
            arrays = [
                pa.array(values, type=kind.type)
                for values, kind in zip(columns, schema, strict=True)
            ]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


def _schema(of: type[Row]) -> "pa.Schema":
    import pyarrow as pa

    kinds = {
        str: pa.string(),
        bool: pa.bool_(),
        int: pa.int64(),
        int | None: pa.int64(),
        float: pa.float64(),
        float | None: pa.float64(),
    }
    hints = get_type_hints(of)
    return pa.schema([(field.name, kinds[hints[field.name]]) for field in fields(of)])


def _parts(rows: Iterable[Row]) -> Iterator[Sequence[Row]]:
    waiting = iter(rows)
    while part := list(islice(waiting, _ROWS_AT_ONCE)):
        yield part


def _cell(value: object) -> object:
    if isinstance(value, str) and changed_in_csv(value):
        return f"{_QUOTE}{value}"
    return value
