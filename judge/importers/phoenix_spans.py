"""Spans of Phoenix as a table, and what was annotated of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from judge.errors import DataError
from judge.importers.imported import ONLY_SYSTEM, Gathering, Imported, label_text
from judge.importers.phoenix import take_annotation
from judge.importers.table import Table, TableRow
from judge.importers.texts import answered_text, asked_text
from judge.importers.values import object_of
from judge.records.strict_json import JsonObject, JsonValue

TOOL, TOOL_ANNOTATIONS = "Phoenix spans", "annotations of Phoenix spans"
_IDS = ("context.span_id", "span_id")
_INPUT, _OUTPUT = "attributes.input.value", "attributes.output.value"
_MODEL = "attributes.llm.model_name"
_TOKENS = "attributes.llm.token_count."
_METADATA = "attributes.metadata"
_ANNOTATED = frozenset({"annotation_name", "annotator_kind"})
_EVALUATED = "eval."  # in tables of releases before annotations


def is_spans(columns: Sequence[str]) -> bool:
    """Whether a table holds spans, by its columns."""
    return {_INPUT, _OUTPUT} <= set(columns)


def is_annotations(columns: Sequence[str]) -> bool:
    """Whether a table holds annotations of spans, by its columns."""
    return set(columns) >= _ANNOTATED


def read_spans(table: Table) -> Imported:
    """Read spans as ``get_spans_dataframe`` returns them: an item and its output for each.

    Raises:
        DataError: the spans have no ids.
    """
    gathering = Gathering(tool=TOOL, path=table.path)
    column = _id_column(table)
    for row in table.rows:
        item_id = _span_id(row, column)
        system = label_text(row.values.get(_MODEL)) or ONLY_SYSTEM
        if row.values.get(_INPUT) is None and row.values.get(_OUTPUT) is None:
            gathering.leave_out("spans without an input or an output")
            continue
        metadata = object_of(row.written_out(_METADATA))
        gathering.item(
            item_id, input=asked_text(row.values.get(_INPUT)), metadata=metadata, place=row.place
        )
        failed = row.values.get("status_code") == "ERROR"
        gathering.output(
            item_id,
            system=system,
            output=answered_text(row.values.get(_OUTPUT)),
            took=_took(row),
            error=(label_text(row.values.get("status_message")) or "ERROR") if failed else "",
            place=row.place,
        )
        for name, one in _evaluations(row).items():
            take_annotation(
                gathering,
                {"name": name, "annotator_kind": "LLM", **one},
                item_id=item_id,
                system=system,
                place=row.place,
            )
    gathering.became(column, "id")
    gathering.became(_INPUT, "input")
    gathering.became(_OUTPUT, "output")
    if _MODEL in table.columns:
        gathering.became(_MODEL, "system")
    return gathering.done()


def read_annotations(table: Table) -> Imported:
    """Read annotations as ``get_span_annotations_dataframe`` returns them; the spans are another.

    Raises:
        DataError: they do not name their spans.
    """
    gathering = Gathering(tool=TOOL_ANNOTATIONS, path=table.path)
    column = _id_column(table)
    for row in table.rows:
        result = object_of(row.written_out("result"))
        annotation: JsonObject = {
            "name": row.values.get("annotation_name"),
            **{
                name: row.values.get(f"result.{name}", row.values.get(name, result.get(name)))
                for name in ("label", "score", "explanation")
            },
            **{name: row.values.get(name) for name in ("annotator_kind", "user_id", "identifier")},
        }
        take_annotation(
            gathering,
            annotation,
            item_id=_span_id(row, column),
            system=ONLY_SYSTEM,
            place=row.place,
        )
    gathering.became(column, "id")
    return gathering.done()


def _id_column(table: Table) -> str:
    column = next((one for one in _IDS if one in table.columns), None)
    if column is None:
        raise DataError(
            f"{table.path.name}: no column {' or '.join(map(repr, _IDS))}, which names each span; "
            "write the index of the data frame, too: df.reset_index().to_json(..., "
            'orient="records")'
        )
    return column


def _span_id(row: TableRow, column: str) -> str:
    found = label_text(row.values.get(column))
    if found is None:
        raise DataError(f"{row.place}: {column!r} is empty; every row must name its span")
    return found


def _took(row: TableRow) -> Mapping[str, JsonValue]:
    return {
        "latency_ms": _elapsed_ms(row.values.get("start_time"), row.values.get("end_time")),
        "input_tokens": row.number(f"{_TOKENS}prompt"),
        "output_tokens": row.number(f"{_TOKENS}completion"),
    }


def _elapsed_ms(start: JsonValue, end: JsonValue) -> JsonValue:
    if isinstance(start, int) and isinstance(end, int):  # pandas writes milliseconds
        return end - start
    try:
        times = [datetime.fromisoformat(str(one)) for one in (start, end)]
        return (times[1] - times[0]).total_seconds() * 1000
    except (ValueError, TypeError):
        return None


def _evaluations(row: TableRow) -> Mapping[str, JsonObject]:
    """Return by name what stands in columns such as ``eval.Correctness.label``."""
    found: dict[str, dict[str, JsonValue]] = {}
    for column, value in row.values.items():
        name, dot, field = column.removeprefix(_EVALUATED).rpartition(".")
        if column.startswith(_EVALUATED) and dot and field in {"label", "score", "explanation"}:
            found.setdefault(name, {})[field] = value
    return found
