import pytest

from judge.records.record import RecordKey, Target
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.results.run import case_id_of
from judge.results.spending import Attempt, Spent, name_of, spending
from judge.stats.money import Money

SCORE = Score(scorer="equivalence", target=Target.REFERENCE, value=1.0, signature="s")
FATE = Fate(
    scorer="equivalence", target=Target.REFERENCE, code=FateCode.JUDGE_REFUSED, message="no"
)
OUTSIDE = NotApplicable(scorer="equivalence", target=Target.REFERENCE, reason="no reference")


def _case(item: str, *, scorer: str = "equivalence") -> str:
    return case_id_of(scorer, Target.REFERENCE, RecordKey(item_id=item, system="org/student"))


def _answered(call_id: str, *, cost: float | None = None) -> Attempt:
    return Attempt(
        call_id=call_id, opened="t", closed="t", input_tokens=10, output_tokens=1, cost=cost
    )


def _spent(calls: int, *, cost: Money, possibly_paid: int = 0) -> Spent:
    return Spent(
        calls=calls,
        input_tokens=10 * (cost.known + cost.unknown),
        output_tokens=cost.known + cost.unknown,
        cost=cost,
        possibly_paid=possibly_paid,
    )


def test_calls_are_added_up_by_measure_and_by_what_became_of_their_record() -> None:
    attempts = [
        Attempt(call_id=f"{_case('a')}#1", opened="t", closed="t", error="judge_unavailable: 503"),
        _answered(f"{_case('a')}#1", cost=0.25),
        _answered(f"{_case('odd#7/x')}#ab.2", cost=0.5),
        _answered(f"{_case('a', scorer='faithfulness')}#1", cost=1.0),
    ]

    found = spending(attempts, {_case("a"): "score", _case("odd#7/x"): "judge_refused"})

    assert found.by_measure == {
        "equivalence.reference": _spent(3, cost=Money(dollars=0.75, known=2)),
        "faithfulness.reference": _spent(1, cost=Money(dollars=1.0, known=1)),
    }
    assert found.by_fate == {
        "score": _spent(2, cost=Money(dollars=0.25, known=1)),
        "judge_refused": _spent(1, cost=Money(dollars=0.5, known=1)),
        "not_yet_scored": _spent(1, cost=Money(dollars=1.0, known=1)),
    }
    assert found.total == _spent(4, cost=Money(dollars=1.75, known=3))


def test_a_cost_nobody_knows_is_counted_and_is_not_0() -> None:
    found = spending([_answered("m/s/a#1"), _answered("m/s/b#1", cost=0.0)], {})

    assert found.total.cost == Money(dollars=0.0, known=1, unknown=1)


@pytest.mark.parametrize(
    ("attempt", "paid", "fate"),
    [
        (Attempt(call_id="m/s/a#1", opened="t"), 1, "sent_unknown"),
        (
            Attempt(
                call_id="m/s/a#1", opened="t", closed="t", error="x: timeout", possibly_paid=True
            ),
            1,
            "not_yet_scored",
        ),
        (Attempt(call_id="m/s/a#1", opened="t", closed="t", error="x: 429"), 0, "not_yet_scored"),
    ],
)
def test_a_call_without_an_answer_has_no_cost_and_may_have_been_paid(
    attempt: Attempt, paid: int, fate: str
) -> None:
    found = spending([attempt], {})

    assert found.total == Spent(calls=1, possibly_paid=paid)
    assert found.by_fate == {fate: found.total}


@pytest.mark.parametrize(
    ("outcome", "name"), [(SCORE, "score"), (FATE, "judge_refused"), (OUTSIDE, "not_applicable")]
)
def test_each_outcome_has_a_name_to_be_counted_under(outcome: Outcome, name: str) -> None:
    assert name_of(outcome) == name
