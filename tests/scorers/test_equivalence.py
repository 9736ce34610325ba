import asyncio
from collections.abc import Mapping
from dataclasses import replace

import pytest

from judge.errors import JudgeRefused
from judge.judges.judge import JudgedCase, Judgement
from judge.records.record import Record, Target
from judge.records.scale import EQUIVALENCE as SCALE
from judge.results.outcome import Fate, FateCode, NotApplicable, Score
from judge.scorers.equivalence import EquivalenceScorer

RECORD = Record(
    item_id="i1",
    system="student",
    input="two and two?",
    output="four",
    references=("4", "four"),
    teacher_output="it is four",
    schema="",
    slices={},
    cluster="i1",
)


class _ExactJudge:
    """Says equivalent where the texts are the same, and refuses the word "bomb"."""

    def __init__(self) -> None:
        self.cases: list[JudgedCase] = []

    @property
    def identity(self) -> Mapping[str, str]:
        return {"judge": "exact"}

    async def judge(self, case: JudgedCase) -> Judgement:
        self.cases.append(case)
        await asyncio.sleep(0)
        if "bomb" in case.candidate:
            raise JudgeRefused("no")
        same = case.candidate in case.against
        return Judgement(
            label="equivalent" if same else "different",
            rationale="compared",
            served="exact-1",
            flags=("doubtful",),
            details={"asked": 1},
        )


def _scorer(judge: _ExactJudge, *, target: Target = Target.REFERENCE) -> EquivalenceScorer:
    return EquivalenceScorer(
        judge, scale=SCALE, criterion="equivalence", target=target, empty_value=0.0
    )


def test_a_verdict_becomes_a_score_with_all_that_it_rests_on() -> None:
    scorer = _scorer(_ExactJudge())

    (found,) = asyncio.run(scorer.score([RECORD]))

    assert found == Score(
        scorer="equivalence",
        target=Target.REFERENCE,
        value=1.0,
        signature=scorer.measure.signature,
        label="equivalent",
        rationale="compared",
        served="exact-1",
        flags=("doubtful",),
        details={"asked": 1},
    )


def test_the_worst_category_scores_zero() -> None:
    (found,) = asyncio.run(_scorer(_ExactJudge()).score([replace(RECORD, output="five")]))

    assert isinstance(found, Score)
    assert (found.label, found.value) == ("different", 0.0)


def test_the_judge_sees_the_texts_of_the_target_and_no_name_of_the_system() -> None:
    judge = _ExactJudge()

    asyncio.run(_scorer(judge, target=Target.TEACHER).score([RECORD]))

    assert judge.cases == [
        JudgedCase(
            key=RECORD.key,
            case_id="equivalence.teacher/student/i1",
            target=Target.TEACHER,
            input="two and two?",
            candidate="four",
            against=("it is four",),
        )
    ]


def test_what_is_known_beforehand_is_never_put_to_the_judge() -> None:
    judge = _ExactJudge()
    batch = [
        replace(RECORD, output=None),
        replace(RECORD, output=" "),
        replace(RECORD, references=()),
        RECORD,
    ]

    missing, empty, outside, scored = asyncio.run(_scorer(judge).score(batch))

    assert isinstance(missing, Fate)
    assert missing.code is FateCode.OUTPUT_MISSING
    assert isinstance(empty, Fate)
    assert empty.code is FateCode.OUTPUT_EMPTY
    assert isinstance(outside, NotApplicable)
    assert isinstance(scored, Score)
    assert len(judge.cases) == 1


def test_outcomes_stand_in_the_order_of_the_records() -> None:
    batch = [replace(RECORD, item_id=str(i), output=text) for i, text in enumerate("4x4x4")]

    found = asyncio.run(_scorer(_ExactJudge()).score(batch))

    assert [one.value for one in found if isinstance(one, Score)] == [1, 0, 1, 0, 1]


def test_the_error_of_a_single_record_comes_out_as_itself() -> None:
    with pytest.raises(JudgeRefused):
        asyncio.run(_scorer(_ExactJudge()).score([replace(RECORD, output="bomb")]))


def test_an_error_in_a_batch_fails_the_batch() -> None:
    with pytest.raises(ExceptionGroup):
        asyncio.run(_scorer(_ExactJudge()).score([RECORD, replace(RECORD, output="bomb")]))


def test_another_scale_is_another_signature() -> None:
    other = replace(SCALE, categories=("equivalent", "different"))
    turned = EquivalenceScorer(
        _ExactJudge(), scale=other, criterion="equivalence", target=Target.REFERENCE, empty_value=0
    )

    assert turned.measure.signature != _scorer(_ExactJudge()).measure.signature
    assert turned.measure.judged


class _HalfJudge(_ExactJudge):
    """Says equivalent, and only half means it."""

    async def judge(self, case: JudgedCase) -> Judgement:
        self.cases.append(case)
        return Judgement(label="equivalent", rationale="perhaps", value=0.5)


def test_a_judge_may_give_a_value_between_those_of_the_categories() -> None:
    scorer = EquivalenceScorer(
        _HalfJudge(),
        scale=SCALE,
        criterion="equivalence",
        target=Target.REFERENCE,
        empty_value=0.0,
        continuous=True,
    )

    (found,) = asyncio.run(scorer.score([RECORD]))

    assert isinstance(found, Score)
    assert (found.label, found.value) == ("equivalent", 0.5)
    assert not scorer.measure.passes_or_fails
    assert _scorer(_ExactJudge()).measure.passes_or_fails


def test_scorers_that_share_a_question_ask_it_under_one_name_and_score_under_their_own() -> None:
    judge = _ExactJudge()
    scorers = [
        EquivalenceScorer(
            judge,
            scale=SCALE,
            criterion=name,
            target=Target.SOURCE,
            empty_value=0.0,
            scorer=name,
            question="faithfulness",
        )
        for name in ("faithfulness", "coverage")
    ]

    found = [asyncio.run(scorer.score([RECORD]))[0] for scorer in scorers]

    assert [one.scorer for one in found] == ["faithfulness", "coverage"]
    assert [case.case_id for case in judge.cases] == ["faithfulness.source/student/i1"] * 2
    assert {scorer.measure.case_id(RECORD.key) for scorer in scorers} == {
        "faithfulness.source/student/i1"
    }
    assert [scorer.measure.metric for scorer in scorers] == [
        "faithfulness.source",
        "coverage.source",
    ]
