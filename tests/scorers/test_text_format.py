import asyncio
import json
from typing import cast

import pytest

from judge.errors import DataError
from judge.records.record import Record
from judge.results.outcome import Outcome, Score
from judge.scorers.adherence import AdherenceScorer
from judge.scorers.schema_check import Finding
from judge.scorers.text_format import TextCheck, TextFormat, read_text_format, text_schema

LETTER = """\
## Facts
The invoice of 3 May is paid.

## Advice
Nothing to do.
"""


def _found(output: str, **wanted: object) -> Finding:
    read = read_text_format(json.loads(json.dumps({"$text": wanted})))
    assert read is not None
    return TextCheck(read).find(output)


def _errors(found: Finding) -> list[tuple[str, str, str]]:
    listed = cast("list[dict[str, str]]", found.details.get("errors", []))
    return [(error["keyword"], error["kind"], error["wanted"]) for error in listed]


def _lenient(found: Finding) -> bool:
    return cast("dict[str, bool]", found.details["lenient"])["valid"]


@pytest.mark.parametrize(
    ("output", "wanted"),
    [
        (LETTER, {"headings": ["Facts", "Advice"]}),
        (LETTER, {"headings": ["Advice"], "max_words": 20, "max_lines": 5}),
        (LETTER, {"pattern": r"(?m)^The invoice of \d"}),
        (LETTER, {"forbidden": "(?i)as an ai"}),
        ("yes\n", {"one_of": ["yes", "no"]}),
        ("日本語", {"min_words": 3, "max_words": 3, "min_characters": 3, "max_characters": 3}),
        ("half a pair \ud800", {"pattern": "^half"}),
    ],
)
def test_a_text_that_is_what_was_asked_for_is_right(output: str, wanted: dict[str, object]) -> None:
    assert _found(output, **wanted).flag == ""


@pytest.mark.parametrize(
    ("output", "wanted", "error"),
    [
        (LETTER, {"pattern": "^Dear"}, ("pattern", "pattern", "^Dear")),
        (LETTER, {"forbidden": "paid"}, ("forbidden", "extra", "paid")),
        ("Yes", {"one_of": ["yes", "no"]}, ("one_of", "enum", "yes, no")),
        (LETTER, {"headings": ["Facts", "Costs"]}, ("headings", "missing", "Costs")),
        (LETTER, {"headings": ["Advice", "Facts"]}, ("headings", "other", "Advice, Facts")),
        ("one two", {"min_words": 3}, ("min_words", "bound", "3")),
        ("one two", {"max_words": 1}, ("max_words", "bound", "1")),
        ("one", {"min_characters": 4}, ("min_characters", "bound", "4")),
        ("one", {"max_characters": 2}, ("max_characters", "bound", "2")),
        ("a\nb", {"max_lines": 1}, ("max_lines", "bound", "1")),
    ],
)
def test_what_is_wrong_with_a_text_is_said_by_keyword_and_kind(
    output: str, wanted: dict[str, object], error: tuple[str, str, str]
) -> None:
    found = _found(output, **wanted)

    assert found.flag == "output_text_invalid"
    assert _errors(found) == [error]


@pytest.mark.parametrize(
    ("output", "wanted", "forgiven"),
    [
        ("Yes.", {"one_of": ["yes", "no"]}, True),
        ("```\nyes\n```", {"one_of": ["yes", "no"]}, True),
        ("Yes, it is", {"one_of": ["yes", "no"]}, False),
        ("**Facts**\nNone.", {"headings": ["Facts"]}, True),
        ("FACTS:\nNone.", {"headings": ["Facts"]}, True),
        ("The facts: none.", {"headings": ["Facts"]}, False),
        ("# B\n# A", {"headings": ["A", "B"]}, True),
        ("```\nDear all\n```", {"pattern": "^Dear"}, True),
        ("Hi", {"pattern": "^Dear"}, False),
        ("one two", {"max_words": 1}, False),
    ],
)
def test_read_leniently_case_fences_and_what_looks_like_a_heading_are_forgiven(
    output: str, wanted: dict[str, object], *, forgiven: bool
) -> None:
    found = _found(output, **wanted)

    assert found.flag
    assert _lenient(found) is forgiven


def test_a_pattern_that_would_take_for_ever_elsewhere_takes_no_time() -> None:
    assert _found("a" * 200_000 + "!", pattern="^(a+)+$").flag


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"pattern": "(?=a)a"}, "no look-around"),
        ({"pattern": "("}, "no look-around"),
        ({"forbidden": r"(a)\1"}, "no look-around"),
        ({"pattern": "(a{500}){500}"}, "no large repetitions"),
        ({"patern": "a"}, "unknown field `patern`"),
        ({"max_words": "3"}, "Expected `int | null`"),
        ({"max_words": -1}, "max_words is -1, no count of anything"),
    ],
)
def test_a_format_that_is_none_is_refused(wanted: dict[str, object], why: str) -> None:
    with pytest.raises(DataError) as refused:
        AdherenceScorer([json.dumps({"$text": wanted})])

    assert why in str(refused.value)


def test_a_format_is_written_as_what_it_asks_for_and_read_back() -> None:
    wanted = TextFormat(headings=("A", "B"), max_words=9)

    written = text_schema(wanted)

    assert written == '{"$text":{"headings":["A","B"],"max_words":9}}'
    assert read_text_format(json.loads(written)) == wanted
    assert read_text_format({"type": "object"}) is None
    assert read_text_format(True) is None  # noqa: FBT003 - a schema that accepts everything


def _record(output: str | None, schema: str) -> Record:
    return Record(
        item_id="i",
        system="s",
        input="",
        output=output,
        references=(),
        teacher_output=None,
        schema=schema,
        slices={},
        cluster="i",
    )


def test_texts_and_documents_are_scored_by_one_scorer_each_by_its_own_format() -> None:
    text, document = text_schema(TextFormat(one_of=("yes", "no"))), '{"type":"object"}'
    records = [
        *(_record("yes", text), _record("{}", text), _record(" ", text), _record(None, text)),
        *(_record("yes", document), _record("{}", document)),
    ]

    outcomes: list[Outcome] = list(asyncio.run(AdherenceScorer([text, document]).score(records)))

    flags = [one.flags for one in outcomes if isinstance(one, Score)]
    assert flags == [
        *((), ("output_text_invalid",), ("output_empty",), ("output_missing",)),
        *(("output_not_json",), ()),
    ]


def test_only_where_there_are_formats_of_texts_are_they_part_of_the_identity() -> None:
    document = AdherenceScorer(['{"type":"object"}']).measure
    text = AdherenceScorer([text_schema(TextFormat(max_words=3))]).measure

    assert "texts" not in document.identity
    assert text.identity["texts"]
