import asyncio
from dataclasses import replace

import msgspec
import pytest

from judge.errors import JudgeUnavailable, QuotaExhausted, ScoringError, StoreError
from judge.models.chat import ChatCall, Completion, Message, Sampling
from judge.models.ledger import Ledgered
from judge.testing import Attempt, FakeChat, MemoryAttemptLog, completion

CALL = ChatCall(
    call_id="one", messages=(Message(role="user", content="Is it so?"),), sampling=Sampling()
)


class _FullLog:
    """A ledger that can keep nothing more."""

    async def opened(self, call_id: str) -> int:
        raise StoreError("no space left on the device")

    async def closed(
        self,
        attempt: int,
        *,
        reply: bytes = b"",
        error: str = "",
        possibly_paid: bool = False,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cost: float | None = None,
        wait: bool = True,
    ) -> None:
        raise StoreError("no space left on the device")

    def answered(self, call_id: str) -> bytes | None:
        return None


def test_an_attempt_is_written_down_before_it_is_sent() -> None:
    log = MemoryAttemptLog()
    seen: list[list[Attempt]] = []

    def look(_: ChatCall) -> Completion:
        seen.append([Attempt(call_id=row.call_id, reply=row.reply) for row in log.attempts])
        return completion("Yes.")

    asyncio.run(Ledgered(FakeChat(look), log).complete(CALL))

    assert seen == [[Attempt(call_id="one")]]


def test_a_call_that_cannot_be_written_down_is_not_sent() -> None:
    model = FakeChat()

    with pytest.raises(StoreError, match="no space left"):
        asyncio.run(Ledgered(model, _FullLog()).complete(CALL))

    assert model.calls == []


@pytest.mark.parametrize(
    "answer",
    [
        completion("Yes."),
        completion("Yes. \U0001f600 \x00 \u2028", finish_reason=""),
        completion("", refusal="I will not.", model="another"),
        Completion(text="no counts", finish_reason="stop", model="m", latency_s=0.1),
    ],
)
def test_a_reply_is_kept_whole_and_given_back_after_a_crash(answer: Completion) -> None:
    log, never = MemoryAttemptLog(), FakeChat()

    given = asyncio.run(Ledgered(FakeChat(lambda _: answer), log).complete(CALL))
    (kept,) = log.attempts
    again = asyncio.run(Ledgered(never, MemoryAttemptLog({"one": kept.reply})).complete(CALL))

    assert given == answer
    assert again == replace(answer, cached=True)
    assert (kept.call_id, kept.error) == ("one", "")
    assert never.calls == []


def test_an_answer_that_was_paid_for_opens_no_attempt_and_answers_no_other_call() -> None:
    earlier = MemoryAttemptLog({"two": msgspec.json.encode(completion("Paid for."))})
    model = FakeChat(lambda _: completion("New."))
    two = ChatCall(call_id="two", messages=CALL.messages, sampling=CALL.sampling)

    async def ask() -> list[str]:
        ledgered = Ledgered(model, earlier)
        return [(await ledgered.complete(call)).text for call in (two, CALL, two)]

    assert asyncio.run(ask()) == ["Paid for.", "New.", "Paid for."]
    assert [attempt.call_id for attempt in earlier.attempts] == ["one"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (JudgeUnavailable("HTTP 503"), "judge_unavailable: HTTP 503"),
        (QuotaExhausted("HTTP 429: no credit"), "quota_exhausted: HTTP 429: no credit"),
    ],
)
def test_an_error_closes_its_attempt_and_goes_on_as_it_is(error: ScoringError, words: str) -> None:
    def fail(_: ChatCall) -> Completion:
        raise error

    log = MemoryAttemptLog()

    with pytest.raises(ScoringError) as caught:
        asyncio.run(Ledgered(FakeChat(fail), log).complete(CALL))

    assert caught.value is error
    assert log.attempts == [Attempt(call_id="one", error=words)]


def test_a_call_that_was_given_up_stays_open_as_possibly_paid() -> None:
    log = MemoryAttemptLog()

    async def give_up() -> None:
        asked = asyncio.create_task(Ledgered(FakeChat(), log).complete(CALL))
        await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    asyncio.run(give_up())

    assert log.attempts == [Attempt(call_id="one")]


def test_each_attempt_has_a_row_of_its_own() -> None:
    failures = iter([True, False])

    def answer(_: ChatCall) -> Completion:
        if next(failures):
            raise JudgeUnavailable("HTTP 500")
        return completion("Yes.")

    async def ask_twice(ledgered: Ledgered) -> None:
        with pytest.raises(JudgeUnavailable):
            await ledgered.complete(CALL)
        await ledgered.complete(CALL)

    log = MemoryAttemptLog()
    asyncio.run(ask_twice(Ledgered(FakeChat(answer), log)))

    failed, answered = log.attempts
    assert (failed.error, failed.reply) == ("judge_unavailable: HTTP 500", b"")
    assert msgspec.json.decode(answered.reply, type=Completion) == completion("Yes.")
