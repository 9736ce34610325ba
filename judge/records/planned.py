"""Rows planned for labelling: which record each task is, and with what chance it was drawn."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from judge.records.label import LabelKey
from judge.records.record import RecordKey, Target
from judge.records.rows import Row, read_rows
from judge.records.strict_json import JsonValue

CHANCE = "inclusion_probability"
"""The column that holds the chance with which a record was drawn."""

_NOT_LABELLED = "not labelled yet"
_CHANGED = "of outputs that changed since they were planned (judge plan asks for them again)"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRow:
    """A record that was drawn for people to label.

    Attributes:
        task: its name in the raters' file, which tells nothing of system or verdict.
        criterion: what raters are asked.
        target: what they compare the output with.
        output_hash: of the text that was planned.
        stratum: what it was drawn from, in words; all chances within are equal.
        inclusion_probability: the chance with which it was drawn, in (0, 1].
        kept: rater to category, of the same text and given before: they are not asked again.
        line: of the plan it was read from; 0 where it was not.
    """

    task: str
    key: RecordKey
    criterion: str
    target: Target
    output_hash: str
    stratum: str
    inclusion_probability: float
    kept: Mapping[str, str]
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledIn:
    """What raters filled in, as rows that name their record, and what was left out.

    Attributes:
        rows: each with id, system and chance of the record that its task is.
        chances_known: whether the labels are a random part of what was planned.
        complete: whether every planned row has a label.
        set_aside: why rows were not used, with their number.
    """

    rows: tuple[Row, ...]
    chances_known: bool
    complete: bool
    set_aside: Mapping[str, int]


def plan_jsonl(rows: Iterable[PlannedRow]) -> bytes:
    """Return a plan as the lines that `read_plan` reads."""
    return b"".join(
        msgspec.json.encode(
            {
                "task": row.task,
                "id": row.key.item_id,
                "system": row.key.system,
                "criterion": row.criterion,
                "target": row.target.value,
                "output_hash": row.output_hash,
                "stratum": row.stratum,
                CHANCE: row.inclusion_probability,
                "kept": row.kept,
            }
        )
        + b"\n"
        for row in rows
    )


def read_plan(path: Path, *, criterion: str, target: Target) -> Mapping[str, PlannedRow]:
    """Read a plan, by task.

    Raises:
        DataError: it cannot be read, is about another criterion or target, or names a task twice;
            the message names file and row.
    """
    planned: dict[str, PlannedRow] = {}
    for row in read_rows(path, {}):
        one = _planned(row)
        if (one.criterion, one.target) != (criterion, target):
            raise row.error(
                f"planned to be labelled for {one.criterion} against the {one.target.value}, but "
                f"the ratings are declared for {criterion} against the {target.value}"
            )
        if one.task in planned:
            raise row.error(
                f"the task {one.task!r} stands already on line {planned[one.task].line}"
            )
        planned[one.task] = one
    return planned


def read_filled_in(
    path: Path,
    fields: Mapping[str, str],
    plan: Path,
    *,
    criterion: str,
    target: Target,
    labels: Mapping[LabelKey, str],
    texts: Mapping[RecordKey, str],
) -> FilledIn:
    """Read the file that raters fill in, and add the labels that were kept.

    The file stands in random order, so what is labelled of a stratum so far is a random part of
    what was asked there: its chance is the planned one times that part. Where a planned text has
    changed its label is lost, what is left is no random part, and nobody knows the chances.

    Args:
        path: the file.
        fields: our field name to the file's.
        plan: the file's plan.
        criterion: what raters were asked.
        target: what they compared the outputs with.
        labels: a label as stored to the category it means; empty where they are the same.
        texts: hash of the output of each record of the set.

    Raises:
        DataError: either cannot be read, or a task was not planned; the message names file and
            row.
    """
    planned = read_plan(plan, criterion=criterion, target=target)
    changed = {task for task, one in planned.items() if _has_changed(one, texts)}
    set_aside: Counter[str] = Counter()
    answered: list[tuple[Row, PlannedRow]] = []
    for row in read_rows(path, fields, may_be_empty=True):
        one = _task_of(row, planned)
        if one.task in changed:
            set_aside[_CHANGED] += 1
        elif _is_blank(row.value("label")):
            set_aside[_NOT_LABELLED] += 1
        else:
            answered.append((row, one))
    parts = parts_labelled(planned, {one.task for _, one in answered})
    named = [_named(row, one, part=parts[one.task]) for row, one in answered]
    kept = (one for task, one in planned.items() if task not in changed)
    return FilledIn(
        rows=(*named, *(row for one in kept for row in _kept_rows(one, plan, labels))),
        chances_known=not changed,
        complete=not changed and min(parts.values()) == 1,
        set_aside=dict(set_aside),
    )


def parts_labelled(
    planned: Mapping[str, PlannedRow], labelled: Collection[str]
) -> Mapping[str, float]:
    """Return by task which part of the rows that were asked for in its stratum has a label.

    Rows with a kept label are no random part of their stratum: their texts are the old ones.
    They count in full, and the part is taken of the others.
    """
    asked: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    for task, one in planned.items():
        if not one.kept:
            asked[one.stratum] += 1
            answered[one.stratum] += task in labelled
    return {
        task: 1.0 if one.kept else answered[one.stratum] / asked[one.stratum]
        for task, one in planned.items()
    }


def _planned(row: Row) -> PlannedRow:
    chance, kept = row.value(CHANCE), row.value("kept") if row.has("kept") else {}
    if not isinstance(chance, float | int) or isinstance(chance, bool) or not 0 < chance <= 1:
        raise row.error(f"{CHANCE!r} must be a number in (0, 1], not {chance!r}")
    if not isinstance(kept, dict):
        raise row.wrong_type("kept", "an object of raters and labels")
    targets = {target.value: target for target in Target}
    if row.text("target") not in targets:
        raise row.error(f"unknown target {row.text('target')!r}; known: {', '.join(targets)}")
    return PlannedRow(
        task=row.identifier("task"),
        key=RecordKey(item_id=row.identifier("id"), system=row.identifier("system")),
        criterion=row.text("criterion"),
        target=targets[row.text("target")],
        output_hash=row.text("output_hash"),
        stratum=row.text("stratum"),
        inclusion_probability=float(chance),
        kept={rater: str(label) for rater, label in kept.items()},
        line=row.line,
    )


def _task_of(row: Row, planned: Mapping[str, PlannedRow]) -> PlannedRow:
    task = row.identifier("task")
    if task not in planned:
        raise row.error(
            f"the task {task!r} is not in the plan; give the plan that was written together with "
            "this file"
        )
    return planned[task]


def _is_blank(label: JsonValue) -> bool:
    return label is None or (isinstance(label, str) and not label.strip())


def _named(row: Row, planned: PlannedRow, *, part: float) -> Row:
    """Say in a row which record it is about."""
    return replace(
        row,
        values={
            **row.values,
            row.column("id"): planned.key.item_id,
            row.column("system"): planned.key.system,
            row.column(CHANCE): planned.inclusion_probability * part,
        },
    )


def _kept_rows(planned: PlannedRow, plan: Path, labels: Mapping[LabelKey, str]) -> Iterator[Row]:
    """Yield the labels that were kept as the rows of a file of ratings would have them."""
    stored = {category: label for label, category in labels.items()}
    for rater, label in planned.kept.items():
        values: dict[str, JsonValue] = {
            "id": planned.key.item_id,
            "system": planned.key.system,
            "rater": rater,
            "label": stored.get(label, label),
            "source": "human",  # no other label is kept
            "blind": True,
            CHANCE: planned.inclusion_probability,
        }
        yield Row(path=plan, line=planned.line, values=values, fields={}, typed=True)


def _has_changed(planned: PlannedRow, texts: Mapping[RecordKey, str]) -> bool:
    # A record that is not in the set, such as one that a filter left out, has not.
    return texts.get(planned.key, planned.output_hash) != planned.output_hash
