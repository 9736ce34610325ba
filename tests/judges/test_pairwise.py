import asyncio
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from judge.errors import AccessDenied, ConfigError, JudgeUnparseable, ScoringError
from judge.judges.judge import Judge, JudgedCase, Judgement
from judge.judges.pairwise import OPPONENT_FIRST, OUTPUT_FIRST, PairwiseJudge, orders_of
from judge.judges.panel import Member, PanelJudge, RepeatedJudge
from judge.judges.prompt import read_prompt
from judge.judges.prompted import PromptedJudge
from judge.models.chat import ChatCall, Completion, Sampling
from judge.records.record import RecordKey, Target
from judge.records.scale import EQUIVALENCE, Scale, ScaleKind
from judge.results.outcome import Score, Vote
from judge.stats.estimate import Estimate
from judge.testing import FakeChat, FakeJudge, completion, labelled_verdicts, verdict
from judge.trust.labels import labels_of
from judge.trust.probes import Probes, probe

PAIRS = Scale(kind=ScaleKind.PAIRWISE, categories=("b", "tie", "a"))
PROMPT = Path(__file__).parents[2] / "prompts" / "preference" / "v1.md"
GOOD, POOR = "a long and good answer", "a poor one"


def _case(item_id: str = "i1", *, candidate: str = GOOD, opponent: str = POOR) -> JudgedCase:
    return JudgedCase(
        key=RecordKey(item_id=item_id, system="student"),
        case_id=f"preference.opponent/student/{item_id}",
        target=Target.OPPONENT,
        input="Answer.",
        candidate=candidate,
        against=(opponent,),
    )


def _longer(case: JudgedCase) -> str:
    """Prefer the longer output, wherever it stands: "a" is the one that stands first."""
    (second,) = case.against
    first = case.candidate
    return "tie" if len(first) == len(second) else "a" if len(first) > len(second) else "b"


def _first(case: JudgedCase) -> str:
    return "a"


def _pairwise(judge: Judge, *, orders: int = 2) -> PairwiseJudge:
    return PairwiseJudge(judge, scale=PAIRS, orders=orders)


def _judged(judge: Judge, case: JudgedCase) -> Judgement:
    return asyncio.run(judge.judge(case))


def _probed(judge: Judge, n: int = 60) -> tuple[Probes, Counter[str]]:
    """Return what validation says of a judge of pairs of which a wins and b wins as often."""
    texts = [(GOOD, POOR) if place % 2 else (POOR, GOOD) for place in range(n)]
    human = [2 if place % 2 else 0 for place in range(n)]
    verdicts = []
    for plain, (candidate, opponent) in zip(
        labelled_verdicts(human, human, scale=PAIRS), texts, strict=True
    ):
        case = _case(plain.key.item_id, candidate=candidate, opponent=opponent)
        found = _judged(judge, case)
        assert isinstance(plain.outcome, Score)
        outcome = replace(plain.outcome, label=found.label, votes=found.votes)
        verdicts.append(replace(plain, outcome=outcome))
    labels = Counter(v.outcome.label for v in verdicts if isinstance(v.outcome, Score))
    return probe(verdicts, labels_of(verdicts, PAIRS), families={}, level=0.95), labels


@pytest.mark.parametrize(
    ("candidate", "opponent", "label"), [(GOOD, POOR, "a"), (POOR, GOOD, "b"), (GOOD, GOOD, "tie")]
)
def test_the_better_output_wins_wherever_it_stands(
    candidate: str, opponent: str, label: str
) -> None:
    case = _case(candidate=candidate, opponent=opponent)

    found = _judged(_pairwise(FakeJudge(_longer)), case)

    assert (found.label, found.flags) == (label, ())
    assert {vote.order: vote.label for vote in found.votes} == {"ab": label, "ba": label}
    assert all(vote.own for vote in found.votes)
    assert json.loads(json.dumps(found.details)) == found.details


def test_each_output_is_shown_first_once_and_the_ledger_can_tell_the_two_apart() -> None:
    judge = FakeJudge(_longer)

    _judged(_pairwise(judge), _case())

    assert {case.part: (case.candidate, case.against) for case in judge.cases} == {
        "ab": (GOOD, (POOR,)),
        "ba": (POOR, (GOOD,)),
    }
    assert {case.case_id for case in judge.cases} == {_case().case_id}


def test_orders_that_disagree_are_kept_and_flagged_and_made_no_tie_of() -> None:
    found = _judged(_pairwise(FakeJudge(_first)), _case())

    counts = found.votes[0]
    assert found.flags == ("orders_disagree",)
    assert {vote.order: vote.label for vote in found.votes} == {"ab": "a", "ba": "b"}
    assert (found.label, counts.order) == (counts.label, orders_of(_case().key)[0])


def test_which_order_counts_is_the_same_in_every_run_and_even_over_records() -> None:
    keys = [RecordKey(item_id=f"i{place}", system="student") for place in range(2000)]

    counts = Counter(orders_of(key)[0] for key in keys)

    assert [orders_of(key) for key in keys] == [orders_of(key) for key in keys]
    assert set(counts) == {OUTPUT_FIRST, OPPONENT_FIRST}
    assert abs(counts[OUTPUT_FIRST] - 1000) < 4 * (2000 * 0.25) ** 0.5


def test_validation_sees_the_bias_of_a_judge_that_always_prefers_the_first() -> None:
    found, labels = _probed(_pairwise(FakeJudge(_first)))

    assert found.order is not None
    assert isinstance(found.order.same_winner, Estimate)
    assert isinstance(found.order.first_slot, Estimate)
    assert (found.order.same_winner.value, found.order.first_slot.value) == (0.0, 1.0)
    assert found.order.n_pairs == 60
    assert min(labels.values()) > 15  # and it gives neither side the wins


def test_validation_sees_that_a_judge_does_not_care_for_the_order() -> None:
    found, _ = _probed(_pairwise(FakeJudge(_longer)))

    assert found.order is not None
    assert isinstance(found.order.same_winner, Estimate)
    assert isinstance(found.order.first_slot, Estimate)
    assert (found.order.same_winner.value, found.order.first_slot.value) == (1.0, 0.5)


def test_one_order_costs_half_and_the_coin_that_chooses_it_evens_the_bias_out() -> None:
    judge = FakeJudge(_first)

    _, labels = _probed(_pairwise(judge, orders=1), n=400)

    assert len(judge.cases) == 400
    assert abs(labels["a"] - 200) < 4 * (400 * 0.25) ** 0.5
    assert Counter(case.part for case in judge.cases) == {"ab": labels["a"], "ba": labels["b"]}


def test_a_value_is_turned_with_its_verdict() -> None:
    sure = FakeJudge(lambda _: Judgement(label="a", rationale="", value=0.75))

    found = _judged(_pairwise(sure), _case())

    assert found.value == {"ab": 0.75, "ba": 0.25}[found.votes[0].order]


def test_a_pair_judged_in_one_order_only_for_want_of_an_answer_has_no_verdict() -> None:
    def script(case: JudgedCase) -> str:
        if case.part == "ba":
            raise JudgeUnparseable("no JSON", attempts=3)
        return "a"

    with pytest.raises(JudgeUnparseable) as caught:
        _judged(_pairwise(FakeJudge(script)), _case())

    assert caught.value.votes == (Vote(label="a", order="ab"),)
    assert caught.value.attempts == 4


def test_an_error_after_which_nothing_can_do_better_comes_before_another() -> None:
    def script(case: JudgedCase) -> str:
        first = orders_of(case.key)[0]
        error: ScoringError = JudgeUnparseable("?") if case.part == first else AccessDenied("401")
        raise error

    with pytest.raises(AccessDenied):
        _judged(_pairwise(FakeJudge(script)), _case())


def test_members_of_a_panel_vote_in_each_order_and_the_panel_has_one_verdict_a_pair() -> None:
    members = [
        Member(name=name, judge=FakeJudge(script))
        for name, script in (("x", _longer), ("y", _longer), ("z", _first))
    ]

    within, _ = _probed(_pairwise(PanelJudge(members, scale=PAIRS)))
    each = [Member(name=one.name, judge=_pairwise(one.judge)) for one in members]
    beside, _ = _probed(PanelJudge(each, scale=PAIRS))

    assert within.order is not None
    assert isinstance(within.order.same_winner, Estimate)
    assert within.order.same_winner.value == 1.0
    assert beside.order is not None
    assert isinstance(beside.order.same_winner, Estimate)
    assert beside.order.n_pairs == 180
    assert beside.order.same_winner.value == pytest.approx(2 / 3)


def test_repeats_in_each_order_are_votes_of_that_order() -> None:
    found = _judged(_pairwise(RepeatedJudge(FakeJudge(_longer), times=3, scale=PAIRS)), _case())

    single = [(vote.order, vote.repeat) for vote in found.votes if not vote.own]
    assert sorted(single) == [(order, time) for order in ("ab", "ba") for time in range(3)]
    assert {vote.label for vote in found.votes} == {"a"}
    assert [vote.own for vote in found.votes[:2]] == [True, True]


def test_the_orders_are_part_of_the_judges_identity() -> None:
    judge = FakeJudge(_longer)

    assert dict(_pairwise(judge).identity) == {"judge": "fake", "orders": "2"}
    assert dict(_pairwise(judge, orders=1).identity) == {"judge": "fake", "orders": "1"}


def test_a_prompt_shows_each_output_where_it_stands_and_its_verdict_is_turned_back() -> None:
    prompt = read_prompt(PROMPT)

    def longer(call: ChatCall) -> Completion:
        shown = re.findall(
            r"<<<(first|second) answer [0-9a-f]+>>>\n(.*?)\n<<<end", call.messages[-1].content
        )
        return completion(verdict(max(shown, key=lambda one: len(one[1]))[0]))

    chat = FakeChat(longer)
    prompted = PromptedJudge(chat, prompt=prompt, sampling=Sampling())
    judge = PairwiseJudge(prompted, scale=prompt.scale)

    won = _judged(judge, _case())
    lost = _judged(judge, _case("i2", candidate=POOR, opponent=GOOD))

    assert (won.label, lost.label) == ("first", "second")
    assert (won.flags, won.served) == ((), "fake-judge")
    assert sorted(call.call_id for call in chat.calls) == [
        f"preference.opponent/student/{item}#{order}.1"
        for item in ("i1", "i2")
        for order in ("ab", "ba")
    ]


def test_what_is_no_pair_is_refused() -> None:
    with pytest.raises(ConfigError, match="on a pairwise scale, not on a binary one"):
        PairwiseJudge(FakeJudge(_longer), scale=EQUIVALENCE)
    with pytest.raises(ConfigError, match="1 or 2 orders to be judged in, not 3"):
        _pairwise(FakeJudge(_longer), orders=3)
    with pytest.raises(ValueError, match="a pair is two outputs, not 3"):
        _judged(_pairwise(FakeJudge(_longer)), replace(_case(), against=("x", "y")))
