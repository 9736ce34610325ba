import asyncio
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.errors import (
    BudgetExhausted,
    JudgeRejected,
    JudgeUnavailable,
    QuotaExhausted,
    ScoringError,
)
from judge.models.budget import Budget, Budgeted
from judge.models.chat import ChatCall, Completion, Message, Sampling
from judge.models.ledger import Ledgered
from judge.models.prices import configured_price
from judge.testing import FakeChat, MemoryAttemptLog, completion

CALL = ChatCall(
    call_id="one",
    messages=(Message(role="user", content=""),),
    sampling=Sampling(max_tokens=1_000_000),
)
# A call costs a dollar at most: its million tokens of output.
PRICE = configured_price(
    input_per_million=0.0, output_per_million=1.0, cached_input_per_million=None
)


def costing(dollars: float | None) -> Completion:
    return replace(completion("Yes."), cost=dollars)


def failing(error: ScoringError) -> Callable[[ChatCall], Completion]:
    def script(_: ChatCall) -> Completion:
        raise error

    return script


def spent_by(budget: Budget, *scripts: Callable[[ChatCall], Completion]) -> list[ScoringError]:
    """Ask one model after the other; return the errors they ended with."""

    async def ask() -> list[ScoringError]:
        found = []
        for script in scripts:
            try:
                await Budgeted(FakeChat(script), budget, price=PRICE).complete(CALL)
            except ScoringError as error:
                found.append(error)
        return found

    return asyncio.run(ask())


def test_a_call_that_could_cost_more_than_is_left_is_not_sent_and_ends_the_run() -> None:
    budget, model = Budget(1.5), FakeChat(lambda _: costing(0.6))

    async def ask() -> None:
        budgeted = Budgeted(model, budget, price=PRICE)
        await budgeted.complete(CALL)
        await budgeted.complete(CALL)

    with pytest.raises(BudgetExhausted, match=r"up to \$1\.0000, and \$0\.6000 of the \$1\.50"):
        asyncio.run(ask())

    assert len(model.calls) == 1
    assert (BudgetExhausted.halts, BudgetExhausted.fate) == (True, "budget_exhausted")


@pytest.mark.parametrize(
    ("script", "spent"),
    [
        (lambda _: costing(0.25), 0.25),
        (lambda _: costing(0.0), 0.0),
        # It was answered, and nobody knows what that cost.
        (lambda _: costing(None), 1.0),
        (failing(JudgeUnavailable("no answer within 60 s", possibly_paid=True)), 1.0),
        (failing(JudgeUnavailable("HTTP 503")), 0.0),
        (failing(JudgeRejected("HTTP 400")), 0.0),
        (failing(QuotaExhausted("HTTP 429")), 0.0),
        # An answer that an earlier call paid for.
        (lambda _: replace(costing(0.25), cached=True), 0.0),
    ],
)
def test_what_was_spent_is_what_is_known_to_be_or_else_the_most_it_can_be(
    script: Callable[[ChatCall], Completion], spent: float
) -> None:
    budget = Budget(10.0)

    spent_by(budget, script)

    assert budget.spent == spent


def test_what_earlier_processes_spent_counts() -> None:
    budget = Budget(10.0, spent=9.5)

    (error,) = spent_by(budget, lambda _: costing(0.1))

    assert isinstance(error, BudgetExhausted)
    assert error.attempts == 0


def test_a_call_that_is_given_up_may_have_been_charged_for() -> None:
    budget, never = Budget(10.0), asyncio.Event()

    class _Hanging:
        identity = FakeChat().identity

        async def complete(self, call: ChatCall) -> Completion:
            await never.wait()
            return costing(0.1)

    async def ask() -> None:
        asked = asyncio.create_task(Budgeted(_Hanging(), budget, price=PRICE).complete(CALL))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait([asked])

    asyncio.run(ask())

    assert budget.spent == 1.0


def test_each_attempt_that_may_be_charged_for_is_counted() -> None:
    budget = Budget(3.0)
    hung = failing(JudgeUnavailable("no answer within 60 s", possibly_paid=True))

    errors = spent_by(budget, hung, hung, hung, hung)

    assert [type(error) for error in errors] == [JudgeUnavailable] * 3 + [BudgetExhausted]
    assert budget.spent == 3.0


def test_an_answer_that_was_paid_for_before_a_crash_is_not_paid_for_again() -> None:
    budget = Budget(10.0, spent=0.25)
    log = MemoryAttemptLog({"one": msgspec.json.encode(costing(0.25))})

    asyncio.run(Budgeted(Ledgered(FakeChat(), log), budget, price=PRICE).complete(CALL))

    assert budget.spent == 0.25


def test_a_thousand_calls_at_once_use_a_budget_that_holds_three_of_them_at_their_worst() -> None:
    budget, model = Budget(3.0), FakeChat(lambda _: costing(0.002))

    async def ask() -> None:
        budgeted = Budgeted(model, budget, price=PRICE)
        await asyncio.gather(*(budgeted.complete(CALL) for _ in range(1000)))

    asyncio.run(ask())

    assert len(model.calls) == 1000
    assert budget.spent == pytest.approx(2.0)


def test_one_that_waits_and_goes_away_keeps_nothing_and_holds_up_nobody() -> None:
    budget = Budget(1.0)

    async def ask() -> None:
        await budget.take(0.6)
        waiting = [asyncio.create_task(budget.take(dollars)) for dollars in (0.9, 0.3, 0.5)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await waiting[1]  # it fits beside what is in flight
        budget.settle(0.6, cost=0.0)
        waiting[2].cancel()  # it had its turn a moment ago
        await asyncio.wait(waiting)
        budget.settle(0.3, cost=0.0)
        await asyncio.wait_for(budget.take(1.0), timeout=5)

    asyncio.run(ask())

    assert budget.spent == 0.0


@settings(max_examples=60, deadline=None)
@given(
    most=st.floats(0.5, 8),
    calls=st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from(["known", "unknown", "paid", "unpaid", "gone"])),
        max_size=40,
    ),
    delays=st.lists(st.integers(0, 4), min_size=40, max_size=40),
)
def test_whatever_calls_cost_fail_and_overtake_each_other_the_cap_holds(
    most: float, calls: list[tuple[float, str]], delays: list[int]
) -> None:
    charged: list[float] = []  # by an endpoint that charges for whatever it may
    budget = Budget(most)

    class _Endpoint:
        identity = FakeChat().identity

        async def complete(self, call: ChatCall) -> Completion:
            cost, end = calls[int(call.call_id)]
            charged.append(0.0 if end == "unpaid" else cost)
            for _ in range(delays[int(call.call_id)]):
                await asyncio.sleep(0)
            if end == "unpaid":
                raise JudgeUnavailable("HTTP 503")
            if end in {"paid", "gone"}:
                raise JudgeUnavailable("the connection broke", possibly_paid=True)
            return costing(cost if end == "known" else None)

    async def ask() -> list[Completion | BaseException]:
        budgeted = Budgeted(_Endpoint(), budget, price=PRICE)
        asked = [
            asyncio.create_task(budgeted.complete(replace(CALL, call_id=str(number))))
            for number in range(len(calls))
        ]
        for _ in range(2):
            await asyncio.sleep(0)
        for task, (_, end) in zip(asked, calls, strict=True):
            if end == "gone":
                task.cancel()
        return await asyncio.gather(*asked, return_exceptions=True)

    ended = asyncio.run(asyncio.wait_for(ask(), timeout=20))

    assert len(ended) == len(calls)
    assert sum(charged) <= budget.spent + 1e-9 <= most + 2e-9
    if any(isinstance(end, BudgetExhausted) for end in ended):
        assert budget.spent + 1.0 > most
