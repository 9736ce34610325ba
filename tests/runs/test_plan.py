import pytest

from judge.records.record import Record, Target
from judge.results.outcome import Fate, FateClass, FateCode, NotApplicable, Outcome, Score
from judge.results.run import Measure, Result
from judge.runs.plan import Task, failed_by_the_judge, unscored

MEASURE = Measure(
    scorer="equivalence",
    target=Target.REFERENCE,
    judged=True,
    criterion="equivalence",
    lower=0.0,
    upper=1.0,
    identity={"judge": "x"},
)
SCORE = Score(scorer="equivalence", target=Target.REFERENCE, value=1.0, signature="s")
OUTSIDE = NotApplicable(scorer="equivalence", target=Target.REFERENCE, reason="no reference")


def _record(item: str, *, system: str = "student") -> Record:
    return Record(
        item_id=item,
        system=system,
        input="",
        output="four",
        references=("four",),
        teacher_output=None,
        schema="",
        slices={},
        cluster=item,
    )


def _fate(code: FateCode, *, target: Target = Target.REFERENCE) -> Fate:
    return Fate(scorer="equivalence", target=target, code=code, message="no")


def _result(record: Record, outcome: Outcome, *, revision: int = 0) -> Result:
    return Result(
        run_id="r",
        key=record.key,
        outcome=outcome,
        content="c",
        revision=revision,
        duration_s=0.0,
    )


def test_a_new_run_scores_every_record_in_order() -> None:
    records = [_record("b"), _record("a"), _record("a", system="teacher")]

    tasks = list(unscored(records, MEASURE, []))

    assert tasks == [Task(record=record, revision=0) for record in records]


@pytest.mark.parametrize("outcome", [SCORE, OUTSIDE])
def test_what_is_settled_is_never_scored_again(outcome: Outcome) -> None:
    record = _record("a")

    results = [_result(record, outcome)]

    assert list(unscored([record], MEASURE, results)) == []
    assert list(failed_by_the_judge([record], MEASURE, results)) == []


@pytest.mark.parametrize("code", FateCode)
def test_a_resume_tries_again_what_the_infrastructure_or_a_bug_failed_at(code: FateCode) -> None:
    record = _record("a")

    tasks = list(unscored([record], MEASURE, [_result(record, _fate(code), revision=3)]))

    again = code.fate_class in {FateClass.INFRASTRUCTURE, FateClass.BUG}
    assert tasks == ([Task(record=record, revision=4)] if again else [])


@pytest.mark.parametrize("code", FateCode)
def test_only_on_request_is_tried_again_what_the_judge_failed_at(code: FateCode) -> None:
    record = _record("a")

    tasks = list(failed_by_the_judge([record], MEASURE, [_result(record, _fate(code), revision=3)]))

    judge = code.fate_class is FateClass.JUDGE
    assert tasks == ([Task(record=record, revision=4)] if judge else [])


def test_no_record_is_planned_by_both() -> None:
    records = [_record(code.value) for code in FateCode]
    results = [_result(record, _fate(FateCode(record.item_id))) for record in records]

    both = [*unscored(records, MEASURE, results), *failed_by_the_judge(records, MEASURE, results)]

    assert len({task.record.key for task in both}) == len(both)


def test_outcomes_of_other_measures_settle_nothing() -> None:
    record = _record("a")
    others = [
        _result(
            record, Score(scorer="similarity", target=Target.REFERENCE, value=1, signature="s")
        ),
        _result(record, Score(scorer="equivalence", target=Target.TEACHER, value=1, signature="s")),
        _result(record, _fate(FateCode.JUDGE_REFUSED, target=Target.TEACHER)),
        _result(_record("a", system="teacher"), SCORE),
    ]

    assert list(unscored([record], MEASURE, others)) == [Task(record=record)]
    assert list(failed_by_the_judge([record], MEASURE, others)) == []


def test_only_the_records_that_are_asked_about_are_planned() -> None:
    gone = _record("gone")

    assert list(unscored([], MEASURE, [_result(gone, _fate(FateCode.JUDGE_UNAVAILABLE))])) == []
