"""A merged set as our own files of rows, and what a config must say to read them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from judge.importers.imported import ImportedItem, ImportedOutput, ImportedRating, ImportedVerdict
from judge.importers.merged import Merged
from judge.records.rating import text_hash
from judge.records.strict_json import JsonObject, JsonValue, dump_json

ITEMS, RATINGS, VERDICTS = "items.jsonl", "ratings.jsonl", "verdicts.jsonl"
_TAKEN = frozenset({ITEMS, RATINGS, VERDICTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSet:
    """Files of rows.

    Attributes:
        files: name to content.
        outputs: system to the name of its file.
        several_references: whether references are lists of right answers.
    """

    files: Mapping[str, bytes]
    outputs: Mapping[str, str]
    several_references: bool


def row_set(merged: Merged, *, question: str) -> RowSet:
    """Return the files that hold a set in our own row shapes.

    Args:
        merged: the set.
        question: what the ratings in use were asked; those of others name it as their criterion.
    """
    several = any(len(item.references) > 1 for item in merged.items)
    asked = any(item.input for item in merged.items)
    answered = any(item.references for item in merged.items)
    files = {
        ITEMS: _lines(
            _item(
                item,
                merged.slices[item.item_id],
                several=several if answered else None,
                asked=asked,
            )
            for item in merged.items
        )
    }
    names: dict[str, str] = {}
    for system, outputs in merged.outputs.items():
        names[system] = _file_name(system, taken={*names.values(), *_TAKEN})
        files[names[system]] = _lines(map(_output, outputs))
    if merged.ratings:
        files[RATINGS] = _lines(_rating(one, question=question) for one in merged.ratings)
    if merged.verdicts:
        files[VERDICTS] = _lines(
            _verdict(one) for verdicts in merged.verdicts.values() for one in verdicts
        )
    return RowSet(files=files, outputs=names, several_references=several)


def _item(
    item: ImportedItem, slices: Mapping[str, str], *, several: bool | None, asked: bool
) -> JsonObject:
    """Return an item's row; of references either a list, or one, or (None) nothing is said."""
    row: dict[str, JsonValue] = {"id": item.item_id}
    if asked:
        row["input"] = item.input
    if several is not None:
        texts = list(item.references)
        row["reference"] = None if not texts else list(texts) if several else texts[0]
    if slices:
        row["slices"] = dict(slices)
    return row


def _output(output: ImportedOutput) -> JsonObject:
    row: dict[str, JsonValue] = {"id": output.item_id, "output": output.output, **output.took}
    return {**row, "error": output.error} if output.error else row


def _rating(rating: ImportedRating, *, question: str) -> JsonObject:
    row: dict[str, JsonValue] = {
        "id": rating.item_id,
        "system": rating.system,
        "rater": rating.rater,
        "label": rating.label,
    }
    if rating.question != question:
        row["criterion"] = rating.question
    if rating.output is not None:
        row["output_hash"] = text_hash(rating.output)
    if rating.seconds is not None:
        row["seconds"] = rating.seconds
    if rating.comment:
        row["comment"] = rating.comment
    return row


def _verdict(verdict: ImportedVerdict) -> JsonObject:
    row: dict[str, JsonValue] = {
        "id": verdict.item_id,
        "system": verdict.system,
        "judge": verdict.judge,
        "label": verdict.label,
    }
    return {**row, "reply": verdict.reply} if verdict.reply else row


def _file_name(system: str, *, taken: set[str]) -> str:
    """Return a name that is safe wherever files are, whatever a system is called."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", system).strip("-.")[:80] or "system"
    name, number = f"{stem}.jsonl", 2
    # Some file systems take large and small letters for the same.
    while name.lower() in {one.lower() for one in taken}:
        name, number = f"{stem}-{number}.jsonl", number + 1
    return name


def _lines(rows: Iterable[JsonObject]) -> bytes:
    return "".join(f"{dump_json(dict(row))}\n" for row in rows).encode()
