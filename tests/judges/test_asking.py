import asyncio
from collections.abc import Callable

import pytest

from judge.errors import AccessDenied, JudgeUnparseable, ScoringError, StoreError
from judge.judges.asking import (
    Asked,
    Question,
    ask_all,
    stop_where_one_is_lost_for_good,
    sums_of,
    votes_of,
)
from judge.judges.judge import JudgedCase, Judgement
from judge.records.record import RecordKey, Target
from judge.results.outcome import Vote
from judge.testing import FakeJudge

CASE = JudgedCase(
    key=RecordKey(item_id="i1", system="student"),
    case_id="equivalence.reference/student/i1",
    target=Target.REFERENCE,
    input="",
    candidate="Paris",
    against=("Paris",),
)
Script = Callable[[JudgedCase], str | Judgement]


def _raising(error: Exception) -> Script:
    def script(_: JudgedCase) -> str:
        raise error

    return script


def _ask(**scripts: Script) -> Asked:
    questions = [
        Question(name=name, judge=FakeJudge(script), case=CASE) for name, script in scripts.items()
    ]
    return asyncio.run(ask_all(questions))


def test_answers_and_losses_keep_their_names_and_order() -> None:
    lost = JudgeUnparseable("?", attempts=3)

    found = _ask(b=lambda _: "yes", a=_raising(lost), c=lambda _: "no")

    assert [(name, one.label) for name, one in found.answers.items()] == [("b", "yes"), ("c", "no")]
    assert dict(found.lost) == {"a": lost}
    assert found.attempts == 5


def test_all_are_asked_before_the_first_answers() -> None:
    judge = FakeJudge(lambda _: str(len(judge.cases)))
    questions = [Question(name=name, judge=judge, case=CASE) for name in "abc"]

    found = asyncio.run(ask_all(questions))

    assert {one.label for one in found.answers.values()} == {"3"}


@pytest.mark.parametrize("error", [StoreError("disk full"), KeyError("bug")])
def test_what_is_no_fate_of_a_record_is_raised_as_itself(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        _ask(a=lambda _: "yes", b=_raising(error))

    assert caught.value is error


def test_only_what_is_lost_for_good_stops() -> None:
    for_now: ScoringError = JudgeUnparseable("?")
    vote = Vote(label="yes")

    stop_where_one_is_lost_for_good(_ask(a=_raising(for_now)), (), whole="panel")

    with pytest.raises(AccessDenied, match=r"^panel: b: 401$") as caught:
        stop_where_one_is_lost_for_good(
            _ask(a=_raising(for_now), b=_raising(AccessDenied("401"))), (vote,), whole="panel"
        )
    assert (caught.value.votes, caught.value.attempts) == ((vote,), 2)


def test_what_is_not_known_of_one_answer_is_not_known_of_their_sum() -> None:
    known = Judgement(
        label="yes",
        rationale="",
        details={"asked": 2, "input_tokens": 10, "output_tokens": 3, "cost": 0.5},
    )
    unknown = Judgement(label="yes", rationale="", details={"input_tokens": 5, "cost": None})

    assert sums_of([known, known])["cost"] == 1.0
    assert sums_of([known, unknown]) == {
        "asked": 3,
        "input_tokens": 15,
        "output_tokens": None,
        "cost": None,
    }


def test_votes_of_one_of_several_judges_bear_its_name_and_are_not_the_verdict() -> None:
    plain = Judgement(label="yes", rationale="")
    panel = Judgement(
        label="yes", rationale="", votes=(Vote(label="yes", judge="x", order="ab", own=False),)
    )

    assert votes_of(plain, judge="a") == (Vote(label="yes", judge="a", own=False),)
    assert votes_of(plain) == (Vote(label="yes", own=False),)
    assert votes_of(panel, judge="a") == (Vote(label="yes", judge="a/x", order="ab", own=False),)
