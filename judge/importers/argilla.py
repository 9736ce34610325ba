"""Exports of Argilla: records as JSON, and flat as tables (Hugging Face datasets, Parquet)."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

from judge.errors import DataError
from judge.importers.imported import Gathering, Imported, label_text
from judge.importers.shown import Shown, take_shown
from judge.importers.table import Table
from judge.importers.values import list_of, object_of, objects_of, text_of
from judge.records.strict_json import JsonValue

TOOL = "an Argilla export"
_RESPONSES, _USERS, _STATUS = ".responses", ".responses.users", ".responses.status"
_SUGGESTION, _AGENT, _SCORE = ".suggestion", ".suggestion.agent", ".suggestion.score"
_OWN = frozenset({"status", "_server_id", "inserted_at", "updated_at"})
_NOT_SUBMITTED = frozenset({"draft", "discarded"})


def is_record(row: JsonValue) -> bool:
    """Whether a row is a record, by its keys."""
    return (
        isinstance(row, dict)
        and isinstance(row.get("fields"), dict)
        and bool({"responses", "suggestions"} & row.keys())
    )


def is_flat(columns: Sequence[str]) -> bool:
    """Whether a table holds flat records, by its columns."""
    return any(f"{one}.users" in columns for one in columns if one.endswith(_RESPONSES))


def read_records(path: Path, rows: Sequence[tuple[str, JsonValue]]) -> Imported:
    """Read records as ``dataset.records.to_json`` writes them.

    Raises:
        DataError: a record is none.
    """
    gathering = Gathering(tool=TOOL, path=path, by_people=True)
    for number, (place, row) in enumerate(rows, start=1):
        if not isinstance(row, dict) or not isinstance(row.get("fields"), dict):
            raise DataError(
                f"{place}: no record of Argilla: it needs an object 'fields'; export with "
                "dataset.records(with_responses=True, with_suggestions=True).to_json(...)"
            )
        metadata = object_of(row.get("metadata"))
        record_id = label_text(row.get("id")) or f"record-{number}"
        # The metadata may say whose output it is, and of which item.
        shown = take_shown(
            gathering,
            {**metadata, **object_of(row["fields"])},
            default_id=record_id,
            metadata={},
            place=place,
            prefix="",
        )
        for question, rater, value in _responses(gathering, row.get("responses")):
            _take_response(gathering, shown, question, rater, value, place=place)
        for question, one in object_of(row.get("suggestions")).items():
            suggestion = object_of(one)
            _take_suggestion(
                gathering,
                shown,
                question,
                suggestion.get("value"),
                suggestion.get("agent"),
                place=place,
            )
    return gathering.done()


def read_flat(table: Table) -> Imported:
    """Read flat records: a column for each question's responses, their users and the suggestion."""
    gathering = Gathering(tool=TOOL, path=table.path, by_people=True)
    suffixes = (_RESPONSES, _USERS, _STATUS, _SUGGESTION, _AGENT, _SCORE)
    apart = {one for one in table.columns if one.endswith(suffixes)} | _OWN
    answered = [n.removesuffix(_RESPONSES) for n in table.columns if n.endswith(_RESPONSES)]
    suggested = [n.removesuffix(_SUGGESTION) for n in table.columns if n.endswith(_SUGGESTION)]
    for number, row in enumerate(table.rows, start=1):
        shown = take_shown(
            gathering,
            row.values,
            default_id=f"record-{number}",
            metadata={},
            place=row.place,
            prefix="",
            apart=apart,
        )
        for question in answered:
            columns = (f"{question}{suffix}" for suffix in (_RESPONSES, _USERS, _STATUS))
            for value, user, status in zip_longest(*(list_of(row.written_out(c)) for c in columns)):
                if status in _NOT_SUBMITTED:
                    gathering.leave_out(f"responses that are {status}")
                elif value is not None:
                    rater = label_text(user) or "unknown"
                    _take_response(gathering, shown, question, rater, value, place=row.place)
        for question in suggested:
            _take_suggestion(
                gathering,
                shown,
                question,
                row.written_out(f"{question}{_SUGGESTION}"),
                row.values.get(f"{question}{_AGENT}"),
                place=row.place,
            )
    return gathering.done()


def _responses(gathering: Gathering, responses: JsonValue) -> Iterator[tuple[str, str, JsonValue]]:
    """Yield question, rater and value, by question (from 2.0 on) or by rater (before)."""
    if isinstance(responses, dict):
        for question, given in responses.items():
            for one in objects_of(given):
                yield question, label_text(one.get("user_id")) or "unknown", one.get("value")
    for one in objects_of(responses):
        status = one.get("status")
        if status in _NOT_SUBMITTED:
            gathering.leave_out(f"responses that are {status}")
            continue
        for question, value in object_of(one.get("values")).items():
            rater = label_text(one.get("user_id")) or "unknown"
            yield question, rater, object_of(value).get("value")


def _take_response(
    gathering: Gathering,
    shown: Shown,
    question: str,
    rater: str,
    value: JsonValue,
    *,
    place: str,
) -> None:
    gathering.became(f"responses to {question}", f"label of {question}")
    gathering.rating(
        shown.item_id,
        system=shown.system,
        rater=rater,
        question=question,
        label=value,
        output=shown.output,
        place=place,
    )


def _take_suggestion(
    gathering: Gathering,
    shown: Shown,
    question: str,
    value: JsonValue,
    agent: JsonValue,
    *,
    place: str,
) -> None:
    if value is None:
        return
    judge = text_of(agent) or f"suggestion-{question}"
    gathering.became(f"suggestions for {question}", f"verdicts of {judge}")
    gathering.verdict(shown.item_id, system=shown.system, judge=judge, label=value, place=place)
