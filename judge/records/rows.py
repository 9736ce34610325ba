"""Rows from JSONL, CSV and Parquet files, each knowing the file and line it came from."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from judge.errors import DataError, did_you_mean
from judge.records.columnar import parquet_rows
from judge.records.strict_json import JsonValue, StrictJsonError, dump_json, read_strict_json

_BLOCK = 2**20
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
_PARQUET = ".parquet"
_KINDS = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One object of a JSONL file, one line of a CSV file or one row of a Parquet file.

    It is read through a field mapping.

    Attributes:
        values: what the file holds, by its own column names.
        fields: our name for a field to the file's name for it; our own name where not mapped.
        typed: whether values carry types (JSONL, Parquet) or are all text (CSV).
        gaps: whether a null only says that this row has nothing in a column of others (Parquet).
    """

    path: Path
    line: int
    values: Mapping[str, JsonValue]
    fields: Mapping[str, str]
    typed: bool
    gaps: bool = False

    @property
    def place(self) -> str:
        return f"{self.path.name} {'row' if self.gaps else 'line'} {self.line}"

    def column(self, field: str) -> str:
        """Return the file's own name for a field."""
        return self.fields.get(field, field)

    def has(self, field: str) -> bool:
        column = self.column(field)
        return column in self.values and not (self.gaps and self.values[column] is None)

    def value(self, field: str) -> JsonValue:
        """Return the field's value.

        Raises:
            DataError: the row has no such column.
        """
        column = self.column(field)
        if column not in self.values:
            raise self.error(
                f"{column!r} is missing{did_you_mean(column, self.values)}; "
                f"the row has: {', '.join(map(repr, self.values))}"
            )
        return self.values[column]

    def text(self, field: str) -> str:
        """Return a field that must be text.

        Raises:
            DataError: it is missing or something else.
        """
        value = self.value(field)
        if not isinstance(value, str):
            raise self.wrong_type(field, "text")
        return value

    def identifier(self, field: str) -> str:
        """Return a field that must be a non-empty text or a whole number, as text.

        Raises:
            DataError: it is missing or something else.
        """
        value = self.value(field)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise self.wrong_type(field, "text or a whole number")
        if not value.strip():
            raise self.error(f"{self.column(field)!r} is empty; every row needs one")
        return value

    def wrong_type(self, field: str, wanted: str) -> DataError:
        value = self.values[self.column(field)]
        found = _KINDS.get(type(value), f"the number {value}")
        return self.error(f"{self.column(field)!r} must be {wanted}, not {found}")

    def error(self, message: str) -> DataError:
        return DataError(f"{self.place}: {message}")


def mentions(path: Path, columns: Sequence[str]) -> bool:
    """Look whether a file may have any of some columns, without reading its rows."""
    if not all(name.isascii() for name in columns):  # others may be written with escapes
        return True
    wanted = [name.encode() for name in columns]
    longest, before = max(map(len, wanted)), b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            here = before + block  # a name may begin in one and end in the next
            if any(name in here for name in wanted):
                return True
            before = here[-longest:]
    return False


def read_rows(
    path: Path, fields: Mapping[str, str], *, may_be_empty: bool = False
) -> Iterator[Row]:
    """Read a JSONL, CSV or Parquet file, chosen by its ending.

    Args:
        path: the file.
        fields: our name for a field to the file's name for it.
        may_be_empty: whether a file without rows says something, too.

    Raises:
        DataError: the file is absent, empty, not UTF-8 throughout, of another kind, or a row
            cannot be read; the message names file and row.
        MissingExtra: it is Parquet, and pyarrow is not installed.
    """
    count = 0
    for row in _rows(path, fields):
        count += 1
        yield row
    if count == 0 and not may_be_empty:
        raise DataError(f"{path.name} holds no rows; nothing can be scored from an empty file")


def _rows(path: Path, fields: Mapping[str, str]) -> Iterator[Row]:
    suffix = path.suffix.lower()
    if suffix == _PARQUET:
        for number, values in enumerate(parquet_rows(path), start=1):
            yield Row(path=path, line=number, values=values, fields=fields, typed=True, gaps=True)
        return
    if suffix not in {".jsonl", ".ndjson", ".csv"}:
        raise DataError(f"{path}: unknown kind of file {suffix!r}; give .jsonl, .csv or .parquet")
    _check_encoding(path)
    # Only the line feed ends a row of JSON: U+2028, too, may stand in a text. Of CSV, the reader
    # finds the ends, and line breaks within a cell stay as they are.
    newline, reader = ("", _csv_rows) if suffix == ".csv" else ("\n", _jsonl_rows)
    try:
        with path.open(encoding="utf-8-sig", newline=newline) as lines:
            yield from reader(path, lines, fields)
    except OSError as error:
        raise _unreadable(path, error) from error


def _check_encoding(path: Path) -> None:
    """Look through a file before its first row is used, line by line: it may not fit in memory."""
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                _check_line(path, number, line)
    except OSError as error:
        raise _unreadable(path, error) from error


def _check_line(path: Path, number: int, line: bytes) -> None:
    if number == 1 and line.startswith(_WIDE_BOMS):
        raise DataError(f"{path.name} line 1: the file is UTF-16; save it as UTF-8")
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name} line {number}: not UTF-8 (byte 0x{line[error.start]:02x}); "
            "the file mixes encodings or uses another one: save all of it as UTF-8"
        ) from error


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(f"{path}: cannot be read: {error.strerror}")


def _jsonl_rows(path: Path, lines: Iterable[str], fields: Mapping[str, str]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values = read_strict_json(line.removesuffix("\n"))
        except StrictJsonError as error:
            raise DataError(f"{path.name} line {number}: unreadable JSON: {error}") from error
        if not isinstance(values, dict):
            raise DataError(
                f"{path.name} line {number}: a row must be a JSON object, "
                f"not {_KINDS.get(type(values), 'a number')}"
            )
        yield Row(path=path, line=number, values=values, fields=fields, typed=True)


def _csv_rows(path: Path, lines: Iterable[str], fields: Mapping[str, str]) -> Iterator[Row]:
    reader = csv.reader(lines, strict=True)
    header: list[str] | None = None
    line = 1  # a cell may hold line breaks: a row is named by the first of its lines
    try:
        for cells in reader:
            if cells and header is None:
                header = _checked_header(path, line, cells)
            elif cells and header is not None:
                yield _csv_row(path, line, header, cells, fields)
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path.name} line {line}: unreadable CSV: {error}; check the quotes of this row, or "
            "give the file as .jsonl"
        ) from error


def _checked_header(path: Path, line: int, cells: list[str]) -> list[str]:
    twice = next((name for name in cells if cells.count(name) > 1), None)
    if twice is not None:
        raise DataError(
            f"{path.name} line {line}: two columns have the same name {twice!r}; rename one"
        )
    return cells


def _csv_row(
    path: Path, line: int, header: list[str], cells: list[str], fields: Mapping[str, str]
) -> Row:
    if len(cells) != len(header):
        raise DataError(
            f"{path.name} line {line}: {len(cells)} cells where the header names {len(header)}; "
            "put a cell that holds a comma in double quotes"
        )
    values: dict[str, JsonValue] = dict(zip(header, cells, strict=True))
    return Row(path=path, line=line, values=values, fields=fields, typed=False)


def as_answer(value: JsonValue) -> str:
    """Return a right answer as text: JSON values in their canonical form."""
    return value if isinstance(value, str) else dump_json(value)
