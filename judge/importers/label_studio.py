"""Exports of Label Studio: JSON with all annotations, and the short form (JSON-MIN, CSV)."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from judge.errors import DataError
from judge.importers.columns import column_for
from judge.importers.imported import Gathering, Imported, label_text
from judge.importers.shown import Shown, take_shown
from judge.importers.table import Table, TableRow
from judge.importers.values import list_of, object_of, objects_of, text_of
from judge.records.strict_json import JsonObject, JsonValue

TOOL = "a Label Studio export"
_ANNOTATIONS = ("annotations", "completions")  # the second one in exports before 1.0
_SHORT = frozenset({"annotator", "annotation_id"})
_AFTER = frozenset({"annotator", "annotation_id", "created_at", "updated_at", "lead_time"})
_TASK_ID = "id"  # of the tool: it hides what the data hold under that name
_TEXT = "textarea"
# Where the value of a result stands, by its type.
_VALUES = {"choices": "choices", "rating": "rating", "number": "number", "pairwise": "selected"}


def is_task(row: JsonValue) -> bool:
    """Whether a row is a task with annotations, by its keys."""
    return (
        isinstance(row, dict)
        and isinstance(row.get("data"), dict)
        and any(isinstance(row.get(key), list) for key in (*_ANNOTATIONS, "predictions"))
    )


def is_short(columns: Sequence[str]) -> bool:
    """Whether a table is an export in the short form, by its columns."""
    return set(columns) >= _SHORT


def read_tasks(path: Path, rows: Sequence[tuple[str, JsonValue]]) -> Imported:
    """Read tasks with all their annotations and predictions.

    Raises:
        DataError: a task is none.
    """
    gathering = Gathering(tool=TOOL, path=path, by_people=True)
    for number, (place, row) in enumerate(rows, start=1):
        if not isinstance(row, dict) or not isinstance(row.get("data"), dict):
            raise DataError(
                f"{place}: no task of Label Studio: it needs an object 'data'; export as JSON"
            )
        _take_task(gathering, row, default_id=f"task-{row.get('id', number)}", place=place)
    return gathering.done()


def read_short(table: Table) -> Imported:
    """Read a table of annotations, a row for each.

    The questions are the columns that stand before ``annotator`` and after what was shown.

    Raises:
        DataError: no column looks like an answer.
    """
    gathering = Gathering(tool=TOOL, path=table.path, by_people=True)
    questions = _questions(table)
    if not questions:
        raise DataError(
            f"{table.path.name}: no column of this Label Studio export looks like an answer; its "
            f"columns are: {', '.join(table.columns)}; export as JSON"
        )
    for number, row in enumerate(table.rows, start=1):
        _take_row(gathering, row, questions, number=number)
    return gathering.done()


def _take_task(gathering: Gathering, task: JsonObject, *, default_id: str, place: str) -> None:
    shown = take_shown(
        gathering,
        object_of(task["data"]),
        default_id=default_id,
        metadata=object_of(task.get("meta")),
        place=place,
        prefix="data.",
    )
    for annotation in objects_of(next((task[k] for k in _ANNOTATIONS if k in task), None)):
        if annotation.get("was_cancelled"):
            gathering.leave_out("annotations that were skipped")
            continue
        _take_annotation(gathering, annotation, shown, place=place)
    if drafts := objects_of(task.get("drafts")):
        gathering.leave_out("drafts", len(drafts))
    for prediction in objects_of(task.get("predictions")):
        _take_prediction(gathering, prediction, shown, place=place)


def _take_annotation(
    gathering: Gathering, annotation: JsonObject, shown: Shown, *, place: str
) -> None:
    results = objects_of(annotation.get("result"))
    comment = "\n".join(text for one in results for text in _written(one))
    for question, label in _answers(gathering, results):
        gathering.became(f"annotations: {question}", f"label of {question}")
        gathering.became("annotations.completed_by", "rater")
        gathering.rating(
            shown.item_id,
            system=shown.system,
            rater=_rater(annotation.get("completed_by")),
            question=question,
            label=label,
            output=shown.output,
            seconds=annotation.get("lead_time"),
            comment=comment,
            place=place,
        )


def _take_prediction(
    gathering: Gathering, prediction: JsonObject, shown: Shown, *, place: str
) -> None:
    results = objects_of(prediction.get("result"))
    answers = list(_answers(gathering, results))
    reply = "\n".join(text for one in results for text in _written(one))
    name = text_of(prediction.get("model_version")) or "prediction"
    for question, label in answers:
        judge = name if len(answers) == 1 else f"{name}-{question}"
        gathering.became(f"predictions of {name}: {question}", f"verdicts of {judge}")
        gathering.verdict(
            shown.item_id,
            system=shown.system,
            judge=judge,
            label=label,
            reply=reply,
            place=place,
        )


def _answers(
    gathering: Gathering, results: Sequence[JsonObject]
) -> Iterator[tuple[str, JsonValue]]:
    """Yield each answered question with its label; regions and spans are counted and left out."""
    for one in results:
        kind, value = str(one.get("type")), object_of(one.get("value"))
        if kind in _VALUES:
            yield str(one.get("from_name")), _single(value.get(_VALUES[kind]))
        elif kind != _TEXT:
            gathering.leave_out(f"results of the type {kind}, which say nothing of a whole output")


def _written(result: JsonObject) -> Iterator[str]:
    if result.get("type") == _TEXT:
        text = object_of(result.get("value")).get("text")
        yield from filter(None, map(text_of, list_of(text) or [text]))


def _single(value: JsonValue) -> JsonValue:
    """Return the one member of a list, which a single choice comes in."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _rater(value: JsonValue) -> str:
    """Return who annotated: an id, or a person with an email address or an id."""
    if isinstance(value, dict):
        value = value.get("email") or value.get("id")
    return label_text(value) or "unknown"


def _questions(table: Table) -> list[str]:
    columns = list(table.columns)
    shown = {column_for(field, columns) for field in ("input", "output", "system")}
    if (label := column_for("label", columns)) is not None:
        return [label]
    before = columns[: columns.index("annotator")]
    if _TASK_ID in before:
        before = before[before.index(_TASK_ID) + 1 :]
    return [name for name in before if name not in shown]


def _take_row(
    gathering: Gathering, row: TableRow, questions: Sequence[str], *, number: int
) -> None:
    apart = {*questions, *_AFTER, _TASK_ID}
    task_id = label_text(row.values.get(_TASK_ID)) or str(number)
    shown = take_shown(
        gathering,
        row.values,
        default_id=f"task-{task_id}",
        metadata={},
        place=row.place,
        prefix="",
        apart=apart,
    )
    for question in questions:
        value = _single(row.written_out(question))
        if isinstance(value, dict):
            value = _single(next(iter(value.values()), None))
        if value is None:
            gathering.leave_out(f"rows without an answer to {question!r}")
            continue
        gathering.became(question, f"label of {question}")
        gathering.became("annotator", "rater")
        gathering.rating(
            shown.item_id,
            system=shown.system,
            rater=_rater(row.values.get("annotator")),
            question=question,
            label=value,
            output=shown.output,
            seconds=row.number("lead_time"),
            place=row.place,
        )
