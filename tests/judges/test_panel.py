import asyncio
import json
from collections.abc import Callable, Sequence
from statistics import stdev

import pytest

from judge.errors import (
    AccessDenied,
    BudgetExhausted,
    ConfigError,
    JudgeIdentityChanged,
    JudgeRefused,
    JudgeUnavailable,
    JudgeUnparseable,
    PanelNoMajority,
    ScoringError,
)
from judge.judges.judge import Judge, JudgedCase, Judgement
from judge.judges.panel import Member, PanelJudge, RepeatedJudge, Rule
from judge.records.record import RecordKey, Target
from judge.records.scale import EQUIVALENCE, Scale, ScaleKind
from judge.results.outcome import Vote
from judge.testing import FakeJudge

GRADES = Scale(kind=ScaleKind.ORDINAL, categories=("1", "2", "3", "4", "5"))
TOPICS = Scale(kind=ScaleKind.NOMINAL, categories=("law", "art", "sport"))
CASE = JudgedCase(
    key=RecordKey(item_id="i1", system="student"),
    case_id="equivalence.reference/student/i1",
    target=Target.REFERENCE,
    input="Is it paid?",
    candidate="It is paid.",
    against=("Yes.",),
)
YES, NO = "equivalent", "different"
Make = Callable[[], Judge]
Said = str | Judgement | ScoringError


def _saying(said: Said, *, name: str = "fake") -> FakeJudge:
    def script(_: JudgedCase) -> str | Judgement:
        if isinstance(said, ScoringError):
            raise said
        return said

    return FakeJudge(script, name=name)


def _panel(
    *said: Said, scale: Scale = EQUIVALENCE, rule: Rule = Rule.MAJORITY, needed: int | None = None
) -> PanelJudge:
    members = [
        Member(name=name, judge=_saying(one, name=f"judge-{name}"))
        for name, one in zip("abcdefg", said, strict=False)
    ]
    return PanelJudge(members, scale=scale, rule=rule, needed=needed)


def _in_turn(*said: Said) -> FakeJudge:
    """A judge that says one thing after the other."""
    waiting = iter(said)

    def script(_: JudgedCase) -> str | Judgement:
        one = next(waiting)
        if isinstance(one, ScoringError):
            raise one
        return one

    return FakeJudge(script)


def _repeated(
    judge: Judge,
    times: int,
    *,
    scale: Scale = EQUIVALENCE,
    rule: Rule = Rule.MAJORITY,
    needed: int | None = None,
) -> RepeatedJudge:
    return RepeatedJudge(judge, times=times, scale=scale, rule=rule, needed=needed)


def _judged(judge: Judge, case: JudgedCase = CASE) -> Judgement:
    return asyncio.run(judge.judge(case))


def _error(judge: Judge) -> ScoringError:
    with pytest.raises(ScoringError) as caught:
        _judged(judge)
    return caught.value


def _single(*labels: str) -> tuple[Vote, ...]:
    return tuple(
        Vote(label=label, judge=name, own=False)
        for name, label in zip("abcdefg", labels, strict=False)
    )


def test_a_verdict_of_a_panel_shows_who_said_what_and_why() -> None:
    panel = _panel(YES, Judgement(label=NO, rationale="a number", flags=("odd",)), YES)

    found = _judged(panel)

    assert (found.label, found.value) == (YES, None)
    assert (
        found.rationale
        == "a (equivalent): because\nb (different): a number\nc (equivalent): because"
    )
    assert found.served == "a: judge-a-0501\nc: judge-c-0501"
    assert found.votes == _single(YES, NO, YES)
    assert found.flags == ("odd", "judges_disagree")
    assert json.loads(json.dumps(found.details)) == found.details
    assert found.details["lost"] == []


def test_members_that_agree_raise_no_doubt() -> None:
    assert _judged(_panel(YES, YES)).flags == ()


@pytest.mark.parametrize(
    ("said", "scale", "label"),
    [
        ([NO, NO, YES], EQUIVALENCE, NO),
        (["5", "5", "1", "2"], GRADES, "5"),
        (["art", "law", "art"], TOPICS, "art"),
    ],
)
def test_the_category_that_most_of_them_name_is_the_majority(
    said: Sequence[str], scale: Scale, label: str
) -> None:
    assert _judged(_panel(*said, scale=scale)).label == label


@pytest.mark.parametrize(
    ("said", "label", "value"),
    [
        (["2", "4", "4"], "3", 7 / 12),
        (["4", "5"], "4", 0.875),  # as near to 5: the worse of the two
        (["1", "2"], "1", 0.125),
        (["1", "1", "5"], "2", 1 / 3),
    ],
)
def test_a_mean_is_a_value_and_the_category_nearest_to_it(
    said: Sequence[str], label: str, value: float
) -> None:
    found = _judged(_panel(*said, scale=GRADES, rule=Rule.MEAN))

    assert found.label == label
    assert found.value == pytest.approx(value)
    assert found.details["spread"] == pytest.approx(stdev(GRADES.value(one) for one in said))


def test_a_mean_takes_a_members_own_value_where_it_gives_one() -> None:
    surer = Judgement(label=YES, rationale="", value=0.7)

    found = _judged(_panel(surer, NO, rule=Rule.MEAN))

    assert (found.value, found.label) == (0.35, NO)


def test_a_tie_decides_nothing_and_keeps_the_votes() -> None:
    error = _error(_panel(YES, NO))

    assert type(error) is PanelNoMajority
    assert "tied: 1 x equivalent, 1 x different" in str(error)
    assert error.votes == _single(YES, NO)
    assert error.attempts == 2


def test_a_member_that_is_lost_is_told_and_the_others_decide() -> None:
    found = _judged(_panel(JudgeUnparseable("no JSON", attempts=3), YES, YES))

    assert (found.label, found.flags) == (YES, ("panel_member_lost",))
    assert found.votes == _single("", YES, YES)[1:]
    assert found.served == "b: judge-b-0501\nc: judge-c-0501"
    assert found.details["lost"] == [
        {"name": "a", "fate": "judge_unparseable", "message": "no JSON", "attempts": 3}
    ]
    assert found.details["asked"] == 5


@pytest.mark.parametrize(
    ("said", "needed"),
    [
        ([YES, JudgeRefused("no"), JudgeUnparseable("?")], None),
        ([YES, YES, JudgeRefused("no")], 3),
        ([JudgeUnparseable("?"), JudgeRefused("no")], 1),
        ([YES, NO, JudgeRefused("no")], 2),
    ],
)
def test_too_few_answers_decide_nothing(said: Sequence[Said], needed: int | None) -> None:
    error = _error(_panel(*said, needed=needed))

    assert type(error) is PanelNoMajority
    assert "judge_refused" in str(error)
    assert error.votes == _single(*[one for one in said if isinstance(one, str)])


def test_where_all_are_lost_to_the_same_that_is_the_fate() -> None:
    error = _error(_panel(*[JudgeUnavailable("HTTP 503", attempts=5) for _ in "abc"]))

    assert (type(error), error.attempts, error.votes) == (JudgeUnavailable, 15, ())


@pytest.mark.parametrize(
    "halting", [AccessDenied("401"), BudgetExhausted("spent"), JudgeIdentityChanged("other")]
)
def test_a_member_that_is_lost_for_good_stops_the_run_though_the_others_would_decide(
    halting: ScoringError,
) -> None:
    words = str(halting)

    error = _error(_panel(YES, halting, YES, needed=1))

    assert type(error) is type(halting)
    assert error.halts
    assert str(error) == f"panel: b: {words}"
    assert error.votes == (*_single(YES), Vote(label=YES, judge="c", own=False))


def test_an_error_that_may_be_charged_for_is_said_to_be_on_the_panels_too() -> None:
    error = _error(_panel(YES, NO, JudgeUnavailable("cut", possibly_paid=True), needed=2))

    assert error.possibly_paid


def test_a_bug_in_a_member_is_a_bug_and_no_lost_vote() -> None:
    def stumble(_: JudgedCase) -> str:
        raise KeyError("bug")

    panel = PanelJudge(
        [Member(name="a", judge=FakeJudge(stumble)), Member(name="b", judge=_saying(YES))],
        scale=EQUIVALENCE,
    )

    with pytest.raises(KeyError):
        _judged(panel)


def test_the_members_are_asked_at_once_and_each_by_a_name_of_its_own() -> None:
    seen: list[str] = []

    def script(case: JudgedCase) -> str:
        seen.append(case.part)
        return YES

    judge = FakeJudge(script)
    panel = PanelJudge(
        [Member(name="a", judge=judge), Member(name="b", judge=_repeated(judge, 2))],
        scale=EQUIVALENCE,
    )

    _judged(panel)

    assert sorted(seen) == ["a", "b", "b/r1"]
    assert [case.part for case in judge.cases[:2]] == ["a", "b"]


def test_the_identity_names_every_member_and_the_rule() -> None:
    assert dict(_panel(YES, YES, YES, rule=Rule.MEAN, scale=GRADES).identity) == {
        "judge": "panel",
        "rule": "mean",
        "needed": "2",
        "a.judge": "judge-a",
        "b.judge": "judge-b",
        "c.judge": "judge-c",
    }


def test_repeats_ask_the_same_question_under_other_numbers() -> None:
    judge = _saying(YES)

    found = _judged(_repeated(judge, 3))

    assert [(case.part, case.repeat) for case in judge.cases] == [("", 0), ("r1", 1), ("r2", 2)]
    assert {case.case_id for case in judge.cases} == {CASE.case_id}
    assert found.served == "fake-0501"
    assert found.votes == tuple(Vote(label=YES, repeat=time, own=False) for time in range(3))


def test_repeats_of_repeats_never_share_a_number() -> None:
    judge = _saying(YES)

    found = _judged(_repeated(_repeated(judge, 2), 3))

    assert sorted(case.repeat for case in judge.cases) == [0, 1, 2, 3, 4, 5]
    assert len({case.part for case in judge.cases}) == 6
    assert sorted(vote.repeat for vote in found.votes) == [0, 1, 2, 3, 4, 5]


def test_repeats_that_differ_are_decided_by_the_rule_and_flagged() -> None:
    majority = _judged(_repeated(_in_turn(YES, NO, NO), 3))
    mean = _judged(_repeated(_in_turn("2", "5", "5"), 3, scale=GRADES, rule=Rule.MEAN))

    assert (majority.label, majority.flags) == (NO, ("repeats_disagree",))
    assert (mean.label, mean.value) == ("4", 0.75)


def test_a_repeat_that_is_lost_is_told_and_for_good_stops_the_run() -> None:
    found = _judged(_repeated(_in_turn(YES, JudgeUnparseable("?"), YES), 3))

    assert (found.label, found.flags) == (YES, ("repeat_lost",))
    assert [vote.repeat for vote in found.votes] == [0, 2]
    assert _error(_repeated(_in_turn(YES, AccessDenied("401"), YES), 3)).halts


def test_repeats_are_part_of_the_judges_identity() -> None:
    judge = _saying(YES)

    assert dict(_repeated(judge, 3).identity) == {
        "judge": "fake",
        "repeats": "3",
        "repeats.rule": "majority",
        "repeats.needed": "2",
    }


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: _panel(YES), "there must be 2 at least, not 1"),
        (lambda: _repeated(_saying(YES), 1), "there must be 2 at least, not 1"),
        (lambda: _panel(YES, NO, needed=3), "3 of 2 answers cannot be needed"),
        (lambda: _panel(YES, NO, needed=0), "0 of 2 answers cannot be needed"),
        (lambda: _panel("law", "art", scale=TOPICS, rule=Rule.MEAN), "have no order"),
        (
            lambda: PanelJudge([Member(name="a", judge=_saying(YES))] * 2, scale=EQUIVALENCE),
            "names a member twice: a, a",
        ),
        *[
            (
                lambda name=name: PanelJudge(
                    [Member(name=each, judge=_saying(YES)) for each in ("x", name)],
                    scale=EQUIVALENCE,
                ),
                "cannot be called",
            )
            for name in ("", "a#b", "a/b", "a: b", " a", "a\nb")
        ],
    ],
)
def test_what_cannot_be_a_panel_is_refused(make: Make, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()
