"""Evaluations of Phoenix: runs of an experiment, and data frames with evaluated rows."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from judge.errors import DataError
from judge.importers.imported import ONLY_SYSTEM, Gathering, Imported, label_text
from judge.importers.plain import read_into
from judge.importers.table import Table, TableRow
from judge.importers.texts import answered_text, asked_text, output_text, reference_texts
from judge.importers.values import object_of, objects_of, text_of
from judge.records.strict_json import JsonObject, JsonValue

TOOL = "Phoenix evaluations"
_RUN = frozenset({"example_id", "reference_output", "output"})
_ANNOTATIONS = "annotations"
_FLAT = re.compile(r"annotation_(?P<name>.+)_annotator_kind")
_DETAILS, _SCORE = "_execution_details", "_score"
PEOPLE, MODELS = frozenset({"HUMAN"}), frozenset({"LLM"})


def is_run(row: JsonValue) -> bool:
    """Whether a row is a run of an experiment, by its keys."""
    return isinstance(row, dict) and row.keys() >= {*_RUN, _ANNOTATIONS}


def is_flat_run(columns: Sequence[str]) -> bool:
    """Whether a table holds runs of an experiment, by its columns."""
    return set(columns) >= _RUN


def is_evaluated(columns: Sequence[str]) -> bool:
    """Whether a table is what ``evaluate_dataframe`` returns, by its columns."""
    return any(one.endswith(_DETAILS) for one in columns) and any(
        one.endswith(_SCORE) for one in columns
    )


def read_runs(path: Path, rows: Sequence[tuple[str, JsonValue]]) -> Imported:
    """Read the runs of an experiment, as they are downloaded as JSON.

    Raises:
        DataError: a row is no run.
    """
    gathering = Gathering(tool=TOOL, path=path)
    for place, row in rows:
        if not isinstance(row, dict) or not row.keys() >= _RUN:
            raise DataError(
                f"{place}: no run of an experiment of Phoenix: it needs the keys "
                f"{', '.join(sorted(_RUN))}; download the experiment as JSON"
            )
        _take_run(gathering, row, objects_of(row.get(_ANNOTATIONS)), place=place)
    return gathering.done()


def read_flat_runs(table: Table) -> Imported:
    """Read the runs of an experiment, as they are downloaded as CSV."""
    gathering = Gathering(tool=TOOL, path=table.path)
    names = [found["name"] for one in table.columns if (found := _FLAT.fullmatch(one))]
    for row in table.rows:
        annotations: list[JsonObject] = [
            {
                "name": name,
                **{
                    field: row.values.get(f"annotation_{name}_{field}")
                    for field in ("annotator_kind", "label", "score", "explanation", "error")
                },
            }
            for name in names
        ]
        numbers = ("latency_ms", "prompt_token_count", "completion_token_count")
        values = {**row.values, **{name: row.number(name) for name in numbers}}
        _take_run(gathering, values, annotations, place=row.place)
    return gathering.done()


def read_evaluated(table: Table) -> Imported:
    """Read what ``evaluate_dataframe`` returned: the columns it was given, and scores.

    Raises:
        DataError: no column looks like an input or an output.
    """
    gathering = Gathering(tool=TOOL, path=table.path)
    names = [
        one.removesuffix(_SCORE)
        for one in table.columns
        if one.endswith(_SCORE) and _is_score(table, one)
    ]
    apart = {f"{name}{_SCORE}" for name in names}
    apart |= {one for one in table.columns if one.endswith(_DETAILS)}
    for row, item_id, system in read_into(gathering, table, apart=apart):
        for name in names:
            score = object_of(row.written_out(f"{name}{_SCORE}"))
            if not score:
                gathering.leave_out(f"measurements of {name} that failed")
                continue
            annotation = {"name": name, **score, "annotator_kind": score.get("kind")}
            take_annotation(gathering, annotation, item_id=item_id, system=system, place=row.place)
    return gathering.done()


def take_annotation(
    gathering: Gathering, one: JsonObject, *, item_id: str, system: str, place: str
) -> None:
    """Take what was said of an output: of a person as a rating, of a model as a verdict.

    Args:
        gathering: where to.
        one: with ``name``, ``annotator_kind``, ``label`` or ``score``, and ``explanation``.
        item_id: of the output.
        system: of the output.
        place: of the record.
    """
    name = text_of(one.get("name")) or "annotation"
    kind = text_of(one.get("annotator_kind")).upper()
    label = one.get("score") if one.get("label") is None else one.get("label")
    if one.get("error") or label is None:
        if kind or one.get("error"):  # a table has empty cells where a run was not annotated
            gathering.leave_out(f"annotations {name} without a label or a score")
    elif kind in PEOPLE:
        gathering.became(f"annotations {name} by people", f"label of {name}")
        gathering.rating(
            item_id,
            system=system,
            rater=next(filter(None, (label_text(one.get(k)) for k in _RATERS)), "unknown"),
            question=name,
            label=label,
            comment=text_of(one.get("explanation")),
            place=place,
        )
    elif kind in MODELS:
        gathering.became(f"annotations {name} by a model", f"verdicts of {name}")
        gathering.verdict(
            item_id,
            system=system,
            judge=name,
            label=label,
            reply=one.get("explanation"),
            place=place,
        )
    else:
        gathering.leave_out(f"annotations {name} by code, which is a formula and no judge")


_RATERS = ("user_id", "identifier")


def _take_run(
    gathering: Gathering, run: JsonObject, annotations: Sequence[JsonObject], *, place: str
) -> None:
    item_id = label_text(run.get("example_id"))
    if item_id is None:
        raise DataError(f"{place}: 'example_id' must be text; download the experiment again")
    gathering.item(
        item_id,
        input=asked_text(_object_if_written(run.get("input"))),
        references=reference_texts(run.get("reference_output")),
        place=place,
    )
    output = run.get("output")
    new = gathering.output(
        item_id,
        system=ONLY_SYSTEM,
        output=answered_text(output) if isinstance(output, str) else output_text(output),
        took={
            "latency_ms": run.get("latency_ms"),
            "input_tokens": run.get("prompt_token_count"),
            "output_tokens": run.get("completion_token_count"),
        },
        error=text_of(run.get("error")),
        place=place,
    )
    gathering.became("example_id", "id")
    gathering.became("input", "input")
    gathering.became("reference_output", "reference")
    gathering.became("output", "output")
    if not new:
        gathering.leave_out("repetitions of a run: an item has one output of a system")
        return
    for one in annotations:
        take_annotation(gathering, one, item_id=item_id, system=ONLY_SYSTEM, place=place)


def _object_if_written(value: JsonValue) -> JsonValue:
    """Return the object that a cell of CSV writes out; examples are objects."""
    return TableRow(place="", values={"": value}).written_out("")


def _is_score(table: Table, column: str) -> bool:
    """Whether a column holds scores as Phoenix writes them, and not numbers of one's own."""
    found: Iterator[JsonValue] = (row.written_out(column) for row in table.rows)
    return all(isinstance(one, dict) for one in found if one is not None)
