"""Rows of Parquet files and of Arrow streams, read within limits as plain JSON values."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from judge.errors import DataError, MissingExtra
from judge.records.strict_json import JsonValue, StrictJsonError, read_strict_json

if TYPE_CHECKING:
    import pyarrow as pa

PARQUET_MAGIC = b"PAR1"
MAX_UNPACKED = 1 << 30
"""Bytes of the largest table that is read (1 GiB, unpacked): its rows stand in memory."""

_ROWS_AT_ONCE = 500  # few: a page of one repeated value may unpack to very much
_MIB = 1 << 20
_UNNAMED_INDEX = "__index_level_"  # of pandas


def parquet_columns(path: Path) -> Sequence[str]:
    """Return the names of a Parquet file's columns; no row is read.

    Raises:
        DataError: it is no readable Parquet file.
        MissingExtra: pyarrow is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("parquet", needed_for=f"reading {path.name}") from error
    with _Readable(path, "Parquet"):
        return _named(parquet.read_schema(path))


def parquet_rows(path: Path) -> Iterator[dict[str, JsonValue]]:
    """Yield the rows of a Parquet file, each with all its columns.

    Binary columns are texts where they are UTF-8, dates and times ISO 8601, numbers that are not
    finite null. Columns that datasets of Hugging Face call class labels hold their names.

    Raises:
        DataError: it is no readable Parquet file, or larger than the limit.
        MissingExtra: pyarrow is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("parquet", needed_for=f"reading {path.name}") from error
    with _Readable(path, "Parquet"), parquet.ParquetFile(path) as file:
        yield from _rows(path, file.schema_arrow, file.iter_batches(batch_size=_ROWS_AT_ONCE))


def arrow_rows(path: Path) -> Iterator[dict[str, JsonValue]]:
    """Yield the rows of an Arrow stream, as a dataset of Hugging Face is saved in.

    Raises:
        DataError: it is no readable stream, or larger than the limit.
        MissingExtra: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError as error:
        raise MissingExtra("hf", needed_for=f"reading {path.name}") from error
    with _Readable(path, "Arrow"), pa.OSFile(str(path)) as file, pa.ipc.open_stream(file) as stream:
        parts = (
            batch.slice(start, _ROWS_AT_ONCE)
            for batch in stream
            for start in range(0, batch.num_rows, _ROWS_AT_ONCE)
        )
        yield from _rows(path, stream.schema, parts)


class _Readable:
    """Says of what pyarrow raises which file it was, and what to do."""

    def __init__(self, path: Path, kind: str) -> None:
        self._path = path
        self._kind = kind

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        import pyarrow as pa

        if isinstance(error, pa.ArrowException | OSError | UnicodeDecodeError):
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DataError(
                f"{self._path}: no readable {self._kind} file: {reason}; write it again"
            ) from error


def _rows(
    path: Path, schema: "pa.Schema", batches: "Iterator[pa.RecordBatch]"
) -> Iterator[dict[str, JsonValue]]:
    named, classes, size = _named(schema), _class_names(schema), 0
    for batch in batches:
        batch.validate(full=True)  # offsets that lead elsewhere would be followed
        size += batch.nbytes
        if size > MAX_UNPACKED:
            raise DataError(
                f"{path.name}: more than {MAX_UNPACKED // _MIB:,} MiB of rows; that much is not "
                "read: write it in parts, or without the columns that are not needed"
            )
        for row in batch.to_pylist():
            values = {name: json_value(row[name]) for name in named}
            for name, names in classes.items():
                code = values.get(name)
                if isinstance(code, int):
                    values[name] = names[code] if 0 <= code < len(names) else None
            yield values


def _named(schema: "pa.Schema") -> Sequence[str]:
    return [name for name in schema.names if not name.startswith(_UNNAMED_INDEX)]


def _class_names(schema: "pa.Schema") -> Mapping[str, Sequence[str]]:
    """Return the names of class labels, which the datasets library writes beside the schema."""
    try:
        told = read_strict_json((schema.metadata or {}).get(b"huggingface", b"{}").decode())
    except (StrictJsonError, UnicodeDecodeError):
        return {}
    info = told.get("info") if isinstance(told, dict) else None
    features = info.get("features") if isinstance(info, dict) else None
    found: dict[str, Sequence[str]] = {}
    for column, feature in features.items() if isinstance(features, dict) else ():
        names = feature.get("names") if isinstance(feature, dict) else None
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel":
            found[column] = [str(name) for name in names] if isinstance(names, list) else []
    return {column: names for column, names in found.items() if names}


def json_value(value: object) -> JsonValue:
    """Return a value of a table's cell as JSON has it."""
    if isinstance(value, dict):
        return {str(name): json_value(one) for name, one in value.items()}
    if isinstance(value, list):
        if value and all(isinstance(one, tuple) for one in value):  # a map
            return {str(name): json_value(one) for name, one in value}
        return [json_value(one) for one in value]
    return _scalar(value)


def _scalar(value: object) -> JsonValue:  # noqa: PLR0911 - a return for each kind
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return f"({len(value):,} bytes that are no text)"
    return str(value)
