"""Which tool a file is of, told by its shape and not by its name."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

from judge.errors import DataError
from judge.importers import (
    argilla,
    deepeval,
    inspect_log,
    label_studio,
    lm_eval,
    mlflow_table,
    phoenix,
    phoenix_spans,
    promptfoo,
    saved_dataset,
)
from judge.importers.archive import Archive
from judge.importers.documents import read_document, read_lines, unreadable
from judge.importers.imported import Imported
from judge.importers.plain import Holds, read_table
from judge.importers.table import Table, csv_table, parquet_table, split_table, table_of
from judge.records.columnar import PARQUET_MAGIC, parquet_columns
from judge.records.strict_json import JsonValue

KNOWN = (
    "inspect_ai logs (.eval, .json) and samples, promptfoo results, DeepEval test runs, "
    "lm-evaluation-harness samples, tables of MLflow and Phoenix, exports of Label Studio and "
    "Argilla, datasets of Hugging Face saved to a disk, and tables in JSON, JSONL, CSV or Parquet"
)

_ZIP = b"PK\x03\x04"
_LINES = frozenset({".jsonl", ".ndjson"})
_HEAD = 16


def read_foreign(path: Path, *, holds: Holds | None) -> Imported | None:
    """Read a file of another tool.

    Args:
        path: the file or folder.
        holds: what a table with columns as people name them is given as; None for JSONL, CSV and
            Parquet that are read as they are: then None is returned for them.

    Raises:
        DataError: it cannot be read, or is of no shape that is known; the message names what was
            expected, the place and the remedy.
        MissingExtra: what reads it is not installed.
    """
    if path.is_dir():
        return _given(saved_dataset.read_saved(path), holds or Holds.ANYTHING)
    head = _head(path)
    if head.startswith(PARQUET_MAGIC):
        return _parquet(path, holds)
    if head.startswith(_ZIP):
        return _archive(path)
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return _of_table(csv_table(path), holds)
    if suffix in _LINES:
        return _of_lines(path, holds)
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        return _of_document(path, holds or Holds.ANYTHING)
    raise DataError(f"{path}: of no kind that is known; known are {KNOWN}")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError as error:
        raise unreadable(path, error) from error


def _archive(path: Path) -> Imported:
    with Archive(path) as archive:
        if inspect_log.MEMBER not in archive.names:
            raise DataError(
                f"{path.name}: a zip archive without {inspect_log.MEMBER}, so no log of inspect_ai;"
                " unpack it and give the file that is meant"
            )
    return inspect_log.read_archive(path)


def _parquet(path: Path, holds: Holds | None) -> Imported | None:
    if holds is None and _tool_of_table(parquet_columns(path)) is None:
        return None
    return _of_table(parquet_table(path), holds)


def _of_lines(path: Path, holds: Holds | None) -> Imported | None:
    lines = read_lines(path)
    first = next(lines, None)
    if first is None:
        raise DataError(f"{path.name} holds no rows; nothing can be taken from it")
    rows: Iterator[tuple[str, JsonValue]] = chain([first], lines)
    found = _of_rows(path, first[1], rows)
    if found is not None:
        return found
    if holds is None and not (isinstance(first[1], dict) and _tool_of_table(list(first[1]))):
        return None  # rows of our own: the others are not even looked at
    return _of_table(table_of(path, list(rows)), holds)


def _of_rows(
    path: Path, first: JsonValue, rows: Iterator[tuple[str, JsonValue]]
) -> Imported | None:
    """Read rows of which the first is like those of one tool."""
    for is_one, read in (
        (lm_eval.is_sample, lm_eval.read_samples),
        (promptfoo.is_result, promptfoo.read_rows),
        (inspect_log.is_sample, inspect_log.read_samples),
        (label_studio.is_task, label_studio.read_tasks),
        (argilla.is_record, argilla.read_records),
        (phoenix.is_run, phoenix.read_runs),
    ):
        if is_one(first):
            return read(path, list(rows))
    return None


def _of_document(path: Path, holds: Holds) -> Imported:
    document = _document(path)
    if isinstance(document, dict):
        if inspect_log.is_log(document):
            return inspect_log.read_log(path, document)
        if promptfoo.is_results(document):
            return promptfoo.read_results(path, document)
        if deepeval.is_run(document):
            return deepeval.read_run(path, document)
        if {"columns", "data"} <= document.keys():
            return _given(split_table(path, document), holds)
        keys = ", ".join(map(repr, list(document)[:8])) or "none"
        raise DataError(
            f"{path.name}: a JSON object of no shape that is known; its keys are: {keys}; known "
            f"are {KNOWN}"
        )
    if not isinstance(document, list) or not document:
        raise DataError(f"{path.name}: a JSON document must be an object, or a list of objects")
    rows = [(f"{path.name}: [{k}]", row) for k, row in enumerate(document)]
    return _of_rows(path, document[0], iter(rows)) or _given(table_of(path, rows), holds)


def _document(path: Path) -> JsonValue:
    try:
        return read_document(path)
    except DataError:
        # Many tools give JSON lines the ending .json.
        rows: list[JsonValue] = []
        with suppress(DataError):
            rows = [row for _, row in read_lines(path)]
        if len(rows) > 1:
            return rows
        raise


def _tool_of_table(columns: Sequence[str]) -> Callable[[Table], Imported] | None:
    """Return what reads a table of one tool, which is known by its columns."""
    for is_one, read in (
        (label_studio.is_short, label_studio.read_short),
        (argilla.is_flat, argilla.read_flat),
        (mlflow_table.is_traces, mlflow_table.read_traces),
        (mlflow_table.is_table, mlflow_table.read_table),
        (phoenix.is_flat_run, phoenix.read_flat_runs),
        (phoenix.is_evaluated, phoenix.read_evaluated),
        (phoenix_spans.is_annotations, phoenix_spans.read_annotations),
        (phoenix_spans.is_spans, phoenix_spans.read_spans),
    ):
        if is_one(columns):
            return read
    return None


def _of_table(table: Table, holds: Holds | None) -> Imported | None:
    if (read := _tool_of_table(table.columns)) is not None:
        return read(table)
    return None if holds is None else read_table(table, holds=holds)


def _given(table: Table, holds: Holds) -> Imported:
    read = _tool_of_table(table.columns)
    return read_table(table, holds=holds) if read is None else read(table)
