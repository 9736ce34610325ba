import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.records.record import Record, Target
from judge.results.outcome import NotApplicable, Outcome, Score
from judge.scorers.answers import ExactMatch, TokenF1
from judge.scorers.classification import LabelAccuracy
from judge.scorers.extraction import FieldF1
from judge.scorers.field_values import FieldRules
from judge.scorers.rouge import Rouge
from judge.scorers.task import Compared, Comparison, TaskScorer

RECORD = Record(
    item_id="i1",
    system="student",
    input="",
    output="spam",
    references=("", "spam"),
    teacher_output="not spam",
    schema="",
    slices={},
    cluster="i1",
)
RULES = FieldRules(decimal_mark="point", decimals=2, ignore_case=True, dates=("%Y-%m-%d",))
COMPARISONS: dict[str, Callable[[], Comparison]] = {
    "exact_match": ExactMatch,
    "token_f1": TokenF1,
    "rouge_1": lambda: Rouge("rouge_1"),
    "rouge_2": lambda: Rouge("rouge_2", stemmer=True),
    "rouge_l": lambda: Rouge("rouge_l"),
    "accuracy": lambda: LabelAccuracy(["spam", "not spam"]),
    "field_f1": lambda: FieldF1(RULES),
}
JSON_TEXTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=8,
).map(json.dumps)
TEXTS = st.text(max_size=30) | st.sampled_from(["spam", "not spam", "the"]) | JSON_TEXTS


def _scored(
    comparison: Comparison, record: Record, *, target: Target = Target.REFERENCE
) -> Outcome:
    (found,) = asyncio.run(TaskScorer(comparison, target=target).score([record]))
    return found


@pytest.mark.parametrize("name", COMPARISONS)
def test_its_metric_is_named_after_the_comparison_and_needs_no_certificate(name: str) -> None:
    measure = TaskScorer(COMPARISONS[name](), target=Target.REFERENCE).measure

    assert (measure.metric, measure.judged) == (f"{name}.reference", False)
    assert measure.passes_or_fails == (name in {"exact_match", "accuracy"})


def test_blank_answers_are_not_compared_with_and_the_target_decides() -> None:
    against_reference = _scored(ExactMatch(), RECORD)
    against_teacher = _scored(ExactMatch(), RECORD, target=Target.TEACHER)

    assert isinstance(against_reference, Score)
    assert isinstance(against_teacher, Score)
    assert (against_reference.value, against_teacher.value) == (1.0, 0.0)


@pytest.mark.parametrize("name", COMPARISONS)
@pytest.mark.parametrize(
    ("output", "flag"), [(None, "output_missing"), ("", "output_empty"), (" \n", "output_empty")]
)
def test_an_absent_output_is_a_measured_zero_with_its_name(
    name: str, output: str | None, flag: str
) -> None:
    found = _scored(
        COMPARISONS[name](), replace(RECORD, output=output, references=('"spam x"', "spam"))
    )

    assert isinstance(found, Score)
    assert (found.value, found.flags) == (0.0, (flag,))


def test_an_absent_output_misses_nothing_where_nothing_is_wanted_and_is_still_a_zero() -> None:
    found = _scored(FieldF1(RULES), replace(RECORD, output="", references=("{}",)))

    assert isinstance(found, Score)
    assert found.value == 0.0


def test_an_answer_that_cannot_be_compared_with_is_outside_n_with_its_reason() -> None:
    found = _scored(FieldF1(RULES), replace(RECORD, output="{}"))

    assert isinstance(found, NotApplicable)
    assert "no JSON document" in found.reason


@pytest.mark.parametrize("name", COMPARISONS)
@settings(max_examples=60, deadline=None)
@given(output=TEXTS, answers=st.lists(TEXTS.filter(str.strip), min_size=1, max_size=3))
def test_no_value_is_outside_zero_to_one_and_an_equal_text_has_the_best(
    name: str, output: str, answers: list[str]
) -> None:
    comparison = COMPARISONS[name]()

    found = comparison.compare(output, answers)
    same = comparison.compare(answers[0], answers)

    for one in (found, same):
        if isinstance(one, Compared):
            assert isfinite(one.value)
            assert 0 <= one.value <= 1
            json.dumps(dict(one.details), allow_nan=False)
    # What is no JSON is equal to nothing, and what has one word has no pair of them.
    if name in {"exact_match", "token_f1", "rouge_1", "rouge_l"}:
        assert isinstance(same, Compared)
        assert same.value == 1.0


@settings(max_examples=60, deadline=None)
@given(document=JSON_TEXTS)
def test_every_document_is_equal_to_itself(document: str) -> None:
    found = FieldF1(RULES).compare(document, [document])

    if isinstance(found, Compared):
        assert found.value == 1.0


def test_an_item_of_another_kind_of_task_is_not_part_of_n() -> None:
    scorer = TaskScorer(ExactMatch(), target=Target.REFERENCE, only={"task": "qa"})
    records = [replace(RECORD, slices={"task": task}) for task in ("qa", "summary")]

    ours, other = asyncio.run(scorer.score(records))

    assert isinstance(ours, Score)
    assert isinstance(other, NotApplicable)
    assert "another kind of task" in other.reason


def test_an_empty_output_of_another_kind_of_task_is_not_part_of_n_either() -> None:
    scorer = TaskScorer(ExactMatch(), target=Target.REFERENCE, only={"task": "qa"})

    (found,) = asyncio.run(scorer.score([replace(RECORD, output=None)]))

    assert isinstance(found, NotApplicable)
