"""Samples of the lm-evaluation-harness: ``samples_TASK_DATE.jsonl``."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from judge.errors import DataError
from judge.importers.documents import read_document
from judge.importers.imported import ONLY_SYSTEM, Gathering, Imported, answer_texts
from judge.importers.texts import asked_text
from judge.records.strict_json import JsonObject, JsonValue

TOOL = "lm-evaluation-harness samples"
_KEYS = frozenset({"doc_id", "doc", "target", "arguments", "resps"})
_NAME = re.compile(r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT[\d.:-]+)")


def is_sample(row: JsonValue) -> bool:
    """Whether a row is a sample, by its keys."""
    return isinstance(row, dict) and row.keys() >= _KEYS


def read_samples(path: Path, rows: Sequence[tuple[str, JsonValue]]) -> Imported:
    """Read the samples of one task.

    Raises:
        DataError: a row is no sample.
    """
    gathering = Gathering(tool=TOOL, path=path)
    named = _NAME.fullmatch(path.stem)
    task = named["task"] if named else ""
    system = _model(path, named["date"]) if named else ONLY_SYSTEM
    for place, row in rows:
        if not isinstance(row, dict) or not row.keys() >= _KEYS:
            raise DataError(
                f"{place}: no sample of the lm-evaluation-harness: it needs the keys "
                f"{', '.join(sorted(_KEYS))}; write them with --log_samples"
            )
        _take(gathering, row, task=task, system=system, place=place)
    gathering.became("doc_id", "id")
    gathering.became("arguments", "input")
    gathering.became("target", "reference")
    gathering.became("resps", "output")
    gathering.became("doc", "slices, where it has few values")
    if system:
        gathering.became("model_name of the results beside it", "system")
    return gathering.done()


def _take(gathering: Gathering, row: JsonObject, *, task: str, system: str, place: str) -> None:
    asked, text, more = _asked_and_answered(row)
    if text is None:
        gathering.leave_out("answers by likelihood (multiple choice): no text was written")
        return
    item_id = f"{task}-{row['doc_id']}" if task else str(row["doc_id"])
    doc = row["doc"]
    gathering.item(
        item_id,
        input=asked,
        references=answer_texts(row["target"]),
        metadata={
            **(doc if isinstance(doc, dict) else {}),
            **({"task": task} if task else {}),
        },
        place=place,
    )
    if not gathering.output(item_id, system=system, output=text, place=place):
        gathering.leave_out("rows of further filters: an output is taken as the model wrote it")
        return
    if more:
        gathering.leave_out("further answers to the same question: an item has one", more)
    metrics = row.get("metrics")
    for name in metrics if isinstance(metrics, list) else []:
        gathering.leave_out(f"scores by {name}, which is a formula and no judge")


def _asked_and_answered(row: JsonObject) -> tuple[str, str | None, int]:
    """Return the question, the first answer and how many more; no answer where none was written."""
    first = _first(_first(row["arguments"]))
    answers = row["resps"]
    answers = answers[0] if isinstance(answers, list) and answers else []
    answers = answers if isinstance(answers, list) else [answers]
    text = answers[0] if answers and isinstance(answers[0], str) else None
    if isinstance(row["resps"], list) and len(row["resps"]) > 1:
        text = None  # one per choice
    return asked_text(first), text, len(answers) - 1


def _first(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return next(iter(value.values()), None)
    return value[0] if isinstance(value, list) and value else value


def _model(path: Path, date: str) -> str:
    """Return the model's name, which stands in the results beside the samples."""
    results = path.with_name(f"results_{date}.json")
    if not results.is_file():
        return ONLY_SYSTEM
    found = read_document(results)
    known: Mapping[str, JsonValue] = found if isinstance(found, dict) else {}
    name = known.get("model_name")
    if not isinstance(name, str) or not name:
        name = known.get("model_source")
    return name if isinstance(name, str) else ONLY_SYSTEM
