from collections import Counter

import pytest

from judge.judges.null_answers import LOOKS_NULL, NullKind, kinds_for, null_answers, null_flags
from judge.records.record import Target


def test_there_are_several_null_answers_of_each_fixed_kind_and_none_twice() -> None:
    found = null_answers()

    counts = Counter(answer.kind for answer in found)
    made_for_each_question = {NullKind.QUESTION, NullKind.RUBRIC, NullKind.OTHER_ANSWER}
    assert set(counts) == set(NullKind) - made_for_each_question
    assert min(counts.values()) >= 5
    assert len({answer.text for answer in found}) == len(found)
    assert len({(answer.kind, answer.name) for answer in found}) == len(found)


def test_every_null_answer_reaches_the_judge() -> None:
    assert all(answer.text.strip() for answer in null_answers())


@pytest.mark.parametrize(
    ("criterion", "target", "missing"),
    [
        ("equivalence", Target.REFERENCE, set()),
        ("preference", Target.OPPONENT, set()),
        ("coverage", Target.SOURCE, {NullKind.QUESTION}),
        ("faithfulness", Target.SOURCE, set(NullKind) - {NullKind.RUBRIC, NullKind.OTHER_ANSWER}),
        ("fluency", Target.SOURCE, set(NullKind) - {NullKind.SIGN, NullKind.SKELETON}),
    ],
)
def test_a_criterion_is_not_tried_with_what_it_rightly_accepts(
    criterion: str, target: Target, missing: set[NullKind]
) -> None:
    assert kinds_for(criterion, target) == set(NullKind) - missing


@pytest.mark.parametrize(
    "text", [".", "\u2026", "Thought process:", "solution", " \u89e3 ", "is it PAID", "---"]
)
def test_an_output_that_looks_like_a_null_answer_is_flagged(text: str) -> None:
    assert null_flags(text, "Is it paid?") == (LOOKS_NULL,)


@pytest.mark.parametrize(
    "text", ["yes", "7", "\u20ac", "+", "The solution is 4.", "not paid", "\u2713"]
)
def test_a_short_answer_is_not_flagged(text: str) -> None:
    assert null_flags(text, "Is it paid?") == ()
