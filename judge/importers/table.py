"""Rows of one table, from whatever file holds them: JSON lines, CSV, Parquet, JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from judge.errors import DataError
from judge.importers.texts import written_out
from judge.records.columnar import parquet_rows
from judge.records.rows import read_rows
from judge.records.strict_json import JsonObject, JsonValue


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    """One row, with the place it was read from."""

    place: str
    values: JsonObject

    def number(self, name: str) -> JsonValue:
        """Return a number, also where it stands as text; whatever else it is, where it is none."""
        value = self.values.get(name)
        if isinstance(value, str):
            try:
                return float(value)
            except ValueError:
                return value or None
        return value

    def written_out(self, name: str) -> JsonValue:
        """Return a value, read again where a text writes out an object or a list."""
        return written_out(self.values.get(name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows and their columns, in order of first appearance."""

    path: Path
    columns: Sequence[str]
    rows: Sequence[TableRow]


def table_of(path: Path, rows: Sequence[tuple[str, JsonValue]]) -> Table:
    """Make a table of objects.

    Raises:
        DataError: a row is no object, or there is none.
    """
    found = []
    for place, row in rows:
        if not isinstance(row, dict):
            raise DataError(f"{place}: a row must be an object with named values")
        found.append(TableRow(place=place, values=row))
    if not found:
        raise DataError(f"{path.name} holds no rows; nothing can be taken from it")
    columns: dict[str, None] = {}
    for one in found:
        columns.update(dict.fromkeys(one.values))
    return Table(path=path, columns=tuple(columns), rows=found)


def csv_table(path: Path) -> Table:
    """Read a CSV file; an empty cell is null.

    Raises:
        DataError: it cannot be read; the message names file and row.
    """
    rows: list[tuple[str, JsonValue]] = [
        (row.place, {name: _cell(value) for name, value in row.values.items()})
        for row in read_rows(path, {})
    ]
    return table_of(path, rows)


def parquet_table(path: Path) -> Table:
    """Read a Parquet file.

    Raises:
        DataError: it cannot be read.
        MissingExtra: pyarrow is not installed.
    """
    rows: list[tuple[str, JsonValue]] = [
        (f"{path.name} row {number}", row) for number, row in enumerate(parquet_rows(path), start=1)
    ]
    return table_of(path, rows)


def split_table(path: Path, document: Mapping[str, JsonValue]) -> Table:
    """Make a table of lists of columns and of data, as pandas writes them (orient="split").

    Raises:
        DataError: a row has more or fewer values than there are columns.
    """
    names, data = document.get("columns"), document.get("data")
    if not isinstance(names, list) or not isinstance(data, list):
        raise DataError(f"{path.name}: 'columns' and 'data' must be lists")
    rows: list[tuple[str, JsonValue]] = []
    for number, values in enumerate(data):
        place = f"{path.name}: data[{number}]"
        if not isinstance(values, list) or len(values) != len(names):
            raise DataError(f"{place}: a row needs one value for each of {len(names)} columns")
        rows.append((place, dict(zip(map(str, names), values, strict=True))))
    return table_of(path, rows)


def _cell(value: JsonValue) -> JsonValue:
    return None if value == "" else value
