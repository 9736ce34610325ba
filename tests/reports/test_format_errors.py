import asyncio
import json
from dataclasses import replace

import pytest

from judge.records.record import Record, Target
from judge.reports.format_errors import AdherenceErrors, adherence_errors
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome
from judge.scorers.adherence import AdherenceScorer

SCHEMA = json.dumps(
    {
        "type": "object",
        "required": ["total", "lines"],
        "additionalProperties": False,
        "properties": {
            "total": {"type": "number", "minimum": 0},
            "currency": {"enum": ["EUR", "USD"]},
            "issued": {"type": "string", "pattern": "^[0-9]{4}-"},
            "lines": {"type": "array", "items": {"required": ["price"]}},
        },
    }
)


def _record(output: str | None, *, system: str, item_id: str = "i1", size: str = "s") -> Record:
    return Record(
        item_id=item_id,
        system=system,
        input="",
        output=output,
        references=(),
        teacher_output=None,
        schema=SCHEMA,
        slices={"size": size},
        cluster=item_id,
    )


def _errors(records: list[Record], *, most: int = 5) -> AdherenceErrors:
    outcomes = asyncio.run(AdherenceScorer([SCHEMA]).score(records))
    return adherence_errors(zip(records, outcomes, strict=True), most=most)


RIGHT = '{"total": 3, "lines": []}'


def test_outputs_are_counted_by_system_and_slice() -> None:
    records = [
        _record(RIGHT, system="teacher", size="s"),
        _record(f"```\n{RIGHT}\n```", system="student", size="s"),
        _record('{"total": -1, "lines": [{}, {}]}', system="student", size="l"),
        _record(None, system="student", size="l"),
    ]

    parts = _errors(records).parts

    assert set(parts) == {
        ("teacher", "overall"),
        ("teacher", "size=s"),
        ("student", "overall"),
        ("student", "size=s"),
        ("student", "size=l"),
    }
    student, large = parts["student", "overall"], parts["student", "size=l"]
    assert (student.outputs, student.strict, student.lenient) == (3, 0, 1)
    assert student.shapes == {"fenced": 1}
    assert large.kinds == {"bound": 1, "missing": 1, "output_missing": 1}
    assert (large.outputs, large.lenient, large.shapes) == (2, 0, {})
    assert (student.repairs, large.repairs) == ([6], [])
    assert parts["teacher", "overall"].strict == 1


def test_the_most_frequent_errors_come_first_by_outputs_not_by_places() -> None:
    missing_twice = '{"total": 3, "lines": [{}, {}]}'
    records = [
        _record(missing_twice, system="student", item_id="a"),
        _record('{"total": "3", "lines": []}', system="student", item_id="b"),
        _record('{"total": "4", "lines": []}', system="teacher", item_id="c"),
        _record('{"total": "5", "lines": []}', system="student", item_id="d"),
    ]

    first, second = _errors(records).frequent

    assert (first.kind, first.place, first.outputs) == (
        "type",
        "/total",
        {"student": 2, "teacher": 1},
    )
    assert (first.item_id, first.system) == ("b", "student")
    assert first.message == '"3" is not of type "number"'
    assert (second.kind, second.place, second.wanted) == ("missing", "/lines/*", "price")
    assert second.outputs == {"student": 1, "teacher": 0}


def test_no_more_are_told_than_asked_for() -> None:
    outputs = ["{}", '{"total": -1, "lines": 3, "x": 1, "currency": "?"}']

    records = [_record(output, system="student") for output in outputs]

    assert len(_errors(records, most=3).frequent) == 3
    assert _errors([], most=3) == AdherenceErrors(parts={}, frequent=[], refused=frozenset())


@pytest.mark.parametrize(
    ("output", "fix"),
    [
        ('{"lines": []}', "Always write 'total' in the object at the top."),
        ('{"total": 1, "lines": [{}]}', "Always write 'price' in the object at /lines/*."),
        (
            '{"total": 1, "lines": [], "note": 2}',
            "Leave out note at the top: the schema does not know it.",
        ),
        ('{"total": "1", "lines": []}', "Write a number at /total."),
        (
            '{"total": 1, "lines": [], "currency": "€"}',
            'Write one of these at /currency, to the letter: "EUR", "USD".',
        ),
        ('{"total": -1, "lines": []}', "Write a number of at least 0 at /total."),
        (
            '{"total": 1, "lines": [], "issued": "x"}',
            "Write a text that matches ^[0-9]{4}- at /issued.",
        ),
        (f"```\n{RIGHT}\n```", "Write the JSON alone: no ``` before or after it."),
        (f"So: {RIGHT}", "Write nothing before or after the JSON."),
        (RIGHT[:-1], "The output ends too early: allow more tokens, or ask for less."),
        (RIGHT[:-1] + ",}", "Write no comma after the last member or item."),
        (RIGHT + RIGHT, "Write one JSON document; several belong into one list."),
        (
            '{"total": 1, "total": 2}',
            "Write each key once, only finite numbers, and no deep nesting.",
        ),
        ("three", "Write JSON: keys and texts in double quotes."),
        (" ", "The output is empty: look at how the system was run."),
        (None, "There is no output for this item: run the system on it."),
    ],
)
def test_the_fix_is_in_plain_words(output: str | None, fix: str) -> None:
    (found,) = _errors([_record(output, system="student")]).frequent

    assert found.fix == fix


@pytest.mark.parametrize(
    ("text", "output", "fix"),
    [
        ({"pattern": "^Dear"}, "Hi", "Write a text in which ^Dear is found."),
        ({"forbidden": "TODO"}, "TODO", "Write a text in which TODO is nowhere."),
        ({"one_of": ["yes", "no"]}, "maybe", "Write one of these and nothing else: yes, no."),
        ({"headings": ["Facts"]}, "-", "Write the heading 'Facts' on a line of its own."),
        ({"headings": ["A", "B"]}, "# B\n# A", "Write the headings in this order: A, B."),
        ({"min_words": 3}, "one", "Write at least 3 words."),
        ({"max_words": 1}, "one two", "Write at most 1 words."),
        ({"min_characters": 3}, "a", "Write at least 3 characters."),
        ({"max_characters": 1}, "ab", "Write at most 1 characters."),
        ({"max_lines": 1}, "a\nb", "Write at most 1 lines."),
    ],
)
def test_the_fix_of_a_text_is_in_plain_words(
    text: dict[str, object], output: str, fix: str
) -> None:
    schema = json.dumps({"$text": text})
    record = replace(_record(output, system="student"), schema=schema)
    (outcome,) = asyncio.run(AdherenceScorer([schema]).score([record]))

    (found,) = adherence_errors([(record, outcome)]).frequent

    assert found.fix == fix


@pytest.mark.parametrize(
    "outcome",
    [
        Fate(scorer="adherence", target=Target.SCHEMA, code=FateCode.SCHEMA_TIMEOUT, message="2 s"),
        NotApplicable(scorer="adherence", target=Target.SCHEMA, reason="the item has no schema"),
    ],
)
def test_what_has_no_score_is_not_counted(outcome: Outcome) -> None:
    assert adherence_errors([(_record("x", system="student"), outcome)]).parts == {}
