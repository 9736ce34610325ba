"""What people and judges said, as files that Label Studio and Argilla import."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from judge.records.record import Item, RecordKey
from judge.trust.said import RatingRow, Said, VerdictRow, question

_SHOWN = "output"
_Row = TypeVar("_Row", RatingRow, VerdictRow)


def label_studio(said: Said) -> bytes:
    """Return a task for each output: ratings are its annotations, verdicts its predictions.

    Which system wrote an output stands in the data of its task; an interface that does not name it
    keeps raters blind.
    """
    ratings, verdicts = _by_record(said.ratings), _by_record(said.verdicts)
    tasks = [
        {
            "id": number,
            "data": {
                "id": key.item_id,
                "system": key.system,
                "input": said.items[key.item_id].input,
                **_references(said.items[key.item_id]),
                _SHOWN: output,
            },
            "meta": dict(said.items[key.item_id].slices),
            "annotations": [
                {
                    "completed_by": _annotator(one.rater),
                    "result": [
                        _choice(question(one.criterion, one.target, said), one.label),
                        *_words("comment", one.comment),
                    ],
                    "was_cancelled": False,
                }
                for one in ratings.get(key, ())
            ],
            "predictions": [
                {
                    "model_version": one.judge,
                    "score": one.value,
                    "result": [
                        _choice(question(one.criterion, one.target, said), one.label),
                        *_words("reasons", one.reply),
                    ],
                }
                for one in verdicts.get(key, ())
            ],
        }
        for number, (key, output) in enumerate(said.outputs.items(), start=1)
    ]
    return _document(tasks)


def argilla(said: Said) -> bytes:
    """Return a record for each output: ratings are its responses, verdicts its suggestions.

    Which system wrote it stands in the metadata. Comments and reasons have no place in it.
    """
    ratings, verdicts = _by_record(said.ratings), _by_record(said.verdicts)
    return _document(
        [
            {
                "id": f"{key.item_id}/{key.system}",
                "fields": _fields(said.items[key.item_id], output),
                "metadata": {
                    **said.items[key.item_id].slices,
                    "item_id": key.item_id,
                    "system": key.system,
                },
                "responses": _responses(ratings.get(key, ()), said),
                "suggestions": _suggestions(verdicts.get(key, ()), said),
            }
            for key, output in said.outputs.items()
        ]
    )


def _fields(item: Item, output: str | None) -> Mapping[str, str]:
    """Return the texts that are shown; those that are empty are left out."""
    fields = {"input": item.input, "reference": "\n".join(item.references), _SHOWN: output or ""}
    return {name: text for name, text in fields.items() if text or name == _SHOWN}


def _responses(ratings: Iterable[RatingRow], said: Said) -> Mapping[str, Sequence[object]]:
    found: dict[str, list[object]] = {}
    for one in ratings:
        answers = found.setdefault(question(one.criterion, one.target, said), [])
        answers.append({"value": one.label, "user_id": one.rater})
    return found


def _suggestions(verdicts: Iterable[VerdictRow], said: Said) -> Mapping[str, object]:
    found: dict[str, object] = {}
    for one in verdicts:
        asked = question(one.criterion, one.target, said)
        # A question has one suggestion: that of a second judge goes by the judge's name. A dot is
        # refused in the name of a question.
        name = asked if asked not in found else one.judge.replace(".", "_")
        found[name] = {"value": one.label, "score": None, "agent": one.judge}
    return found


def _references(item: Item) -> Mapping[str, object]:
    if not item.references:
        return {}
    several = len(item.references) > 1
    return {"reference": list(item.references) if several else item.references[0]}


def _choice(asked: str, label: str) -> Mapping[str, object]:
    return {
        "from_name": asked,
        "to_name": _SHOWN,
        "type": "choices",
        "value": {"choices": [label]},
    }


def _words(name: str, text: str) -> Sequence[object]:
    if not text:
        return []
    return [{"from_name": name, "to_name": _SHOWN, "type": "textarea", "value": {"text": [text]}}]


def _annotator(rater: str) -> object:
    """Return who annotated as exports name people: by a number, or by an address."""
    return int(rater) if _is_number(rater) else {"email": rater}


def _is_number(rater: str) -> bool:
    return rater.isascii() and rater.isdecimal() and str(int(rater)) == rater


def _by_record(rows: Iterable[_Row]) -> Mapping[RecordKey, list[_Row]]:
    found: dict[RecordKey, list[_Row]] = {}
    for one in rows:
        found.setdefault(RecordKey(item_id=one.id, system=one.system), []).append(one)
    return found


def _document(rows: Sequence[object]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(rows), indent=1) + b"\n"


MAKERS: Mapping[str, Callable[[Said], bytes]] = {"label-studio": label_studio, "argilla": argilla}
"""By the name of the tool."""
