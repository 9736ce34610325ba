import pytest

from judge.records.record import Record, Target
from judge.results.outcome import Fate, FateCode, NotApplicable
from judge.results.run import EQUIVALENCE, Measure
from judge.scorers.scorer import known_outcome


def _record(
    *, output: str | None, references: tuple[str, ...] = ("four",), teacher: str | None = None
) -> Record:
    return Record(
        item_id="i1",
        system="student",
        input="two and two?",
        output=output,
        references=references,
        teacher_output=teacher,
        schema="",
        slices={},
        cluster="i1",
    )


def _measure(target: Target) -> Measure:
    return Measure(
        scorer=EQUIVALENCE,
        target=target,
        judged=True,
        criterion="equivalence",
        lower=0.0,
        upper=1.0,
        identity={"judge": "x"},
    )


@pytest.mark.parametrize(
    ("output", "code"),
    [
        (None, FateCode.OUTPUT_MISSING),
        ("", FateCode.OUTPUT_EMPTY),
        (" \n\t", FateCode.OUTPUT_EMPTY),
    ],
)
def test_an_absent_output_has_its_fate_before_anything_is_spent(
    output: str | None, code: FateCode
) -> None:
    found = known_outcome(_record(output=output), _measure(Target.REFERENCE))

    assert isinstance(found, Fate)
    assert (found.code, found.scorer, found.target) == (code, EQUIVALENCE, Target.REFERENCE)
    assert found.attempts == 0


@pytest.mark.parametrize("references", [(), ("",), (" ", "\n")])
def test_without_a_reference_the_record_is_outside_n(references: tuple[str, ...]) -> None:
    record = _record(output="four", references=references)

    found = known_outcome(record, _measure(Target.REFERENCE))

    assert isinstance(found, NotApplicable)
    assert found.reason == "the item has no reference"


@pytest.mark.parametrize("teacher", [None, "", " "])
def test_without_an_answer_of_the_teacher_the_record_is_outside_n(teacher: str | None) -> None:
    found = known_outcome(_record(output="four", teacher=teacher), _measure(Target.TEACHER))

    assert isinstance(found, NotApplicable)
    assert "teacher" in found.reason


def test_nothing_to_compare_with_comes_before_an_absent_output() -> None:
    found = known_outcome(_record(output=None, references=()), _measure(Target.REFERENCE))

    assert isinstance(found, NotApplicable)


def test_one_answer_of_several_is_enough_to_need_a_scorer() -> None:
    record = _record(output="four", references=("", "four"))

    assert known_outcome(record, _measure(Target.REFERENCE)) is None
