import asyncio
from collections.abc import Sequence

import pytest

from judge.records.record import Record, Target
from judge.results.outcome import Fate, NotApplicable, Outcome, Score
from judge.scorers.numbers_and_names import (
    NAMES_DIFFER,
    NUMBERS_DIFFER,
    NumbersAndNamesScorer,
    one_sided,
)


def _texts(output: str, answer: str, *, context: str = "") -> tuple[list[str], list[str]]:
    found = one_sided(output, answer, context=context)
    return [fact.text for fact in found.missing], [fact.text for fact in found.added]


@pytest.mark.parametrize(
    ("output", "answer", "missing", "added"),
    [
        ("It was 1901.", "It was 1901.", [], []),
        ("It was 1902.", "It was 1901.", ["1901"], ["1902"]),
        ("on 10 December 1901", "1901", [], ["10 December 1901"]),
        ("1901", "10 December 1901", ["10 December 1901"], []),
        ("5 km", "5000 m", [], []),
        ("5 km", "5 miles", ["5 miles"], ["5 km"]),
        ("5 km", "5", [], ["5 km"]),
        ("three seasons", "3", [], []),
        ("03/05/2021", "5 March 2021", [], []),
    ],
)
def test_what_only_one_side_says_is_listed(
    output: str, answer: str, missing: list[str], added: list[str]
) -> None:
    assert _texts(output, answer) == (missing, added)


@pytest.mark.parametrize(
    ("output", "answer", "same"),
    [
        ("It was Wilhelm Röntgen.", "Wilhelm Conrad Röntgen", True),
        ("It was Röntgen.", "Wilhelm Röntgen", True),
        ("it was wilhelm rontgen", "Wilhelm Röntgen", True),
        ("It was Peter Röntgen.", "Wilhelm Röntgen", False),
        ("It was Wilhelm Tell.", "Wilhelm Röntgen", False),
        ("It was Marie Curie.", "Wilhelm Röntgen", False),
    ],
)
def test_a_name_is_kept_without_its_middle_or_first_part_but_not_with_another(
    output: str, answer: str, *, same: bool
) -> None:
    missing, _ = _texts(output, answer)

    assert missing == ([] if same else [answer])


def test_what_the_question_said_is_not_added() -> None:
    _, added = _texts("In Paris in 1999 it rained.", "Rain", context="what was it in 1999 in Paris")

    assert added == []


def test_the_value_is_the_share_kept_and_flags_name_what_differs() -> None:
    (found,) = _scored(
        "Marie Curie got it in 1903.", "Wilhelm Röntgen, 1901, and Marie Curie, 1903"
    )

    assert isinstance(found, Score)
    assert found.value == pytest.approx(0.5)
    assert found.flags == (NUMBERS_DIFFER, NAMES_DIFFER)
    assert found.details["missing"] == [
        {"kind": "number", "text": "1901"},
        {"kind": "name", "text": "Wilhelm Röntgen"},
    ]


def test_of_several_answers_the_best_kept_counts() -> None:
    (found,) = _scored("It was 1903.", "1901", "1903", "sometime")

    assert isinstance(found, Score)
    assert (found.value, found.flags) == (1.0, ())


@pytest.mark.parametrize("output", ["It was 1903.", "", None])
def test_answers_without_any_fact_are_outside_whatever_was_said(output: str | None) -> None:
    (found,) = _scored(output, "hit points", "one of them")

    assert isinstance(found, NotApplicable)


@pytest.mark.parametrize("output", ["", None])
def test_an_absent_output_has_its_fate(output: str | None) -> None:
    (found,) = _scored(output, "1901")

    assert isinstance(found, Fate)


def _scored(output: str | None, *answers: str) -> Sequence[Outcome]:
    record = Record(
        item_id="i1",
        system="student",
        input="",
        output=output,
        references=answers,
        teacher_output=None,
        schema="",
        slices={},
        cluster="i1",
    )
    scorer = NumbersAndNamesScorer(target=Target.REFERENCE, empty_value=None)
    return asyncio.run(scorer.score([record]))
