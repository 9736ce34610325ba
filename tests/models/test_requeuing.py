import asyncio
from collections.abc import Iterator

import pytest

from judge.errors import JudgeRejected, JudgeUnavailable, RateLimited, ScoringError
from judge.models.batch import Batched
from judge.models.batch_endpoint import BatchEndpoint
from judge.models.chat import ChatCall, Completion, Message, ReplyFormat, Sampling
from judge.models.ledger import Ledgered
from judge.models.requeuing import MOST_BATCHES, Requeuing
from judge.results.store import MemoryStore
from judge.testing import FakeChat, FakeEndpoint, MemoryAttemptLog, completion
from tests.models.batch_stub import BatchStub, answered, unasked

CALL = ChatCall(
    call_id="one", messages=(Message(role="user", content="Is it so?"),), sampling=Sampling()
)


class _Sleeper:
    """A sleep that takes no time and remembers how long it should have been."""

    def __init__(self) -> None:
        self.waits_s: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        for _ in range(3):
            await asyncio.sleep(0)


def ask(*errors: ScoringError) -> tuple[Completion, list[float]]:
    """Ask a model that fails in these ways first; return its answer and the waits before it."""
    failures: Iterator[ScoringError] = iter(errors)

    def script(_: ChatCall) -> Completion:
        for failure in failures:
            raise failure
        return completion("Yes.")

    sleeper = _Sleeper()
    model = Requeuing(FakeChat(script), sleep=sleeper.sleep)
    return asyncio.run(model.complete(CALL)), sleeper.waits_s


def test_what_a_batch_left_over_is_asked_again_after_ever_longer_waits() -> None:
    answer, waits_s = ask(*(JudgeUnavailable("left over") for _ in range(MOST_BATCHES - 1)))

    assert answer.text == "Yes."
    assert waits_s == [30, 60, 120]


def test_the_endpoint_may_ask_for_a_longer_wait() -> None:
    _, waits_s = ask(RateLimited("too much is queued", retry_after_s=77.0))

    assert waits_s == [77.0]


def test_a_question_is_put_into_so_many_batches_and_no_more() -> None:
    paid = JudgeUnavailable("gave it up", possibly_paid=True)
    left = [JudgeUnavailable("left over") for _ in range(MOST_BATCHES - 1)]

    with pytest.raises(JudgeUnavailable, match="4 batches left it unanswered, the last") as caught:
        ask(paid, *left)

    assert (caught.value.attempts, caught.value.possibly_paid) == (MOST_BATCHES, True)


def test_a_refusal_is_not_asked_again() -> None:
    with pytest.raises(JudgeRejected) as caught:
        ask(JudgeUnavailable("left over"), JudgeRejected("HTTP 400"))

    assert caught.value.attempts == 2


def test_all_that_one_batch_left_over_is_in_the_next_one() -> None:
    calls = [
        ChatCall(call_id=f"{place}", messages=CALL.messages, sampling=CALL.sampling)
        for place in range(60)
    ]
    # Of 60, then of 40, then of 20: the last 20 are answered.
    stub = BatchStub(
        stages=["expired"],
        lines=lambda _, names: (
            [answered(name) for name in names[-20:]],
            [unasked(name) for name in names[:-20]],
        ),
    )
    log = MemoryAttemptLog()

    async def ask_all(base_url: str) -> list[Completion]:
        endpoint = BatchEndpoint(
            "tested-judge",
            base_url=base_url,
            api_key="sk-test",
            reply_format=ReplyFormat.TEXT,
            identity={"model": "tested-judge"},
        )
        sleep = _Sleeper().sleep
        batched = Batched(endpoint, MemoryStore(), run_id="r1", replay=True, sleep=sleep)
        model = Requeuing(Ledgered(batched, log), sleep=sleep)
        try:
            return await asyncio.gather(*(model.complete(call) for call in calls))
        finally:
            await batched.close()

    with FakeEndpoint(stub) as server:
        found = asyncio.run(ask_all(server.base_url))

    assert len(found) == 60
    assert [len(batch.custom_ids) for batch in stub.batches.values()] == [60, 40, 20]
    assert len(log.attempts) == 120


def test_it_does_not_change_who_answers() -> None:
    assert Requeuing(FakeChat()).identity == FakeChat().identity
