import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import pytest

from judge.errors import (
    AccessDenied,
    EndpointPaused,
    InputTooLong,
    JudgeRejected,
    JudgeUnavailable,
    JudgeUnparseable,
    QuotaExhausted,
    RateLimited,
    ScoringError,
)
from judge.models import retrying
from judge.models.breaker import Breaker
from judge.models.chat import ChatCall, ChatModel, Completion, Message, ReplyFormat, Sampling
from judge.models.deadline import Deadlined
from judge.models.ledger import Ledgered
from judge.models.limits import Limited
from judge.models.openai import OpenAIChat
from judge.models.retrying import MAX_ATTEMPTS, Retrying
from judge.testing import (
    Answer,
    FakeChat,
    FakeEndpoint,
    MemoryAttemptLog,
    Received,
    chat_completion,
    completion,
    fault,
    verdict,
)

AT_TWO = datetime(2026, 5, 3, 14, tzinfo=UTC)
CALL = ChatCall(
    call_id="one", messages=(Message(role="user", content="Is it so?"),), sampling=Sampling()
)
GOOD = Answer(body=chat_completion(verdict()))
BUSY = Answer(status=503, body=fault("try later"))

Wrapper = Callable[[ChatModel], ChatModel]


def _retrying(model: ChatModel, sleeper: "_Sleeper", *, longest_wait_s: float = 60) -> Retrying:
    """Return a model that is asked again without any time passing."""
    return Retrying(
        model,
        longest_wait_s=longest_wait_s,
        breaker=Breaker(longest_gap_s=0),
        sleep=sleeper.sleep,
        wall=lambda: AT_TWO,
    )


class _Sleeper:
    """A sleep that takes no time and remembers how long it should have been."""

    def __init__(self) -> None:
        self.waits_s: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        await asyncio.sleep(0)


def _over_http(endpoint: FakeEndpoint, wrap: Wrapper, *, calls: int = 1) -> list[Completion]:
    """Ask through wrappers and a real client, all calls at once."""

    async def ask() -> list[Completion]:
        chat = OpenAIChat(
            "fake-judge",
            base_url=endpoint.base_url,
            api_key="sk-test",
            reply_format=ReplyFormat.TEXT,
            connections=100,
        )
        try:
            model = wrap(chat)
            return await asyncio.gather(*(model.complete(CALL) for _ in range(calls)))
        finally:
            await chat.close()

    return asyncio.run(ask())


def _in_turn(answers: Sequence[Answer]) -> Callable[[Received], Answer]:
    """Return these answers one a request, and the last one ever after."""
    waiting: Iterator[Answer] = iter(answers)
    last = answers[-1]
    return lambda _: next(waiting, last)


def _failing(error: ScoringError, *, times: int = 1000) -> FakeChat:
    """Return a model that fails so often, and then answers."""
    left = iter(range(times))

    def script(_: ChatCall) -> Completion:
        if next(left, None) is None:
            return completion("Yes.")
        raise type(error)(*error.args)

    return FakeChat(script)


def _retried(model: ChatModel, sleeper: _Sleeper) -> Completion:
    return asyncio.run(_retrying(model, sleeper).complete(CALL))


def test_an_attempt_after_a_deadline_has_a_deadline_of_its_own() -> None:
    with FakeEndpoint(_in_turn([Answer(hang=True), GOOD])) as endpoint:
        (found,) = _over_http(
            endpoint, lambda chat: Retrying(Deadlined(chat, deadline_s=1), longest_wait_s=0)
        )

    assert found.text == verdict()
    assert len(endpoint.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500),
        BUSY,
        Answer(status=429, body=fault("slow down")),
        Answer(status=408),
        Answer(reset=True),
        Answer(hang=True),
        Answer(body=fault("overloaded")),
    ],
)
def test_each_attempt_is_one_request_and_one_row_in_the_ledger_and_the_fifth_is_the_last(
    answer: Answer,
) -> None:
    log, sleeper = MemoryAttemptLog(), _Sleeper()

    def as_wired(chat: ChatModel) -> ChatModel:
        attempt = Ledgered(Deadlined(chat, deadline_s=0.5 if answer.hang else 30), log)
        return _retrying(Limited(attempt, connections=4), sleeper)

    with (
        FakeEndpoint(lambda _: answer) as endpoint,
        pytest.raises(JudgeUnavailable, match="5 attempts failed, the last with: ") as caught,
    ):
        _over_http(endpoint, as_wired)

    assert caught.value.attempts == MAX_ATTEMPTS == 5
    assert len(endpoint.requests) == 5
    assert len(log.attempts) == 5
    assert all(row.error.startswith("judge_unavailable: ") for row in log.attempts)
    assert len(sleeper.waits_s) == 4


def test_an_answer_ends_the_retrying() -> None:
    log, sleeper = MemoryAttemptLog(), _Sleeper()

    with FakeEndpoint(_in_turn([BUSY, Answer(reset=True), GOOD])) as endpoint:
        (found,) = _over_http(endpoint, lambda chat: _retrying(Ledgered(chat, log), sleeper))

    assert found.text == verdict()
    assert len(endpoint.requests) == 3
    assert [bool(row.error) for row in log.attempts] == [True, True, False]


@pytest.mark.parametrize(
    "error",
    [
        JudgeRejected("HTTP 400"),
        AccessDenied("HTTP 401"),
        QuotaExhausted("no credit"),
        InputTooLong("too long"),
        JudgeUnparseable("no chat completion"),
    ],
)
def test_what_would_fail_again_is_not_tried_again(error: ScoringError) -> None:
    model, sleeper = _failing(error), _Sleeper()

    with pytest.raises(type(error)) as caught:
        _retried(model, sleeper)

    assert (len(model.calls), sleeper.waits_s, caught.value.attempts) == (1, [], 1)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 307])
def test_a_deterministic_refusal_is_one_request(status: int) -> None:
    with (
        FakeEndpoint(lambda _: Answer(status=status, body=fault("no"))) as endpoint,
        pytest.raises(JudgeRejected),
    ):
        _over_http(endpoint, lambda chat: _retrying(chat, _Sleeper()))

    assert len(endpoint.requests) == 1


def test_a_refusal_after_a_passing_fault_tells_how_many_attempts_there_were() -> None:
    answers = [BUSY, BUSY, Answer(status=400, body=fault("no"))]

    with FakeEndpoint(_in_turn(answers)) as endpoint, pytest.raises(JudgeRejected) as caught:
        _over_http(endpoint, lambda chat: _retrying(chat, _Sleeper()))

    assert caught.value.attempts == len(endpoint.requests) == 3


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "90"}, 90.0),
        ({"Retry-After": "300"}, 300.0),
        ({"Retry-After-Ms": "250"}, 0.25),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_the_endpoint_is_left_alone_as_long_as_it_asks(
    headers: dict[str, str], wait_s: float
) -> None:
    sleeper = _Sleeper()
    busy = Answer(status=429, body=fault("slow down"), headers=headers)

    with FakeEndpoint(_in_turn([busy, GOOD])) as endpoint:
        _over_http(endpoint, lambda chat: _retrying(chat, sleeper))

    assert sleeper.waits_s == [wait_s]


def test_a_pause_beyond_all_patience_ends_the_run_and_is_told() -> None:
    sleeper = _Sleeper()
    away = Answer(status=429, body=fault("come back later"), headers={"Retry-After": "3600"})

    told = r"come back later; .* a pause of 3600 s: resume after 15:00:00 UTC on 2026-05-03$"

    with (
        FakeEndpoint(_in_turn([BUSY, away])) as endpoint,
        pytest.raises(EndpointPaused, match=told) as caught,
    ):
        _over_http(endpoint, lambda chat: _retrying(chat, sleeper))

    assert (caught.value.halts, caught.value.fate) == (True, "judge_unavailable")
    assert caught.value.attempts == len(endpoint.requests) == 2
    assert len(sleeper.waits_s) == 1


def test_without_a_word_from_the_endpoint_the_waits_grow_at_random_and_stay_bounded() -> None:
    longest_s = [0.0] * 4

    for _ in range(200):
        sleeper = _Sleeper()
        model = _retrying(_failing(JudgeUnavailable("busy")), sleeper, longest_wait_s=2)
        with pytest.raises(JudgeUnavailable):
            asyncio.run(model.complete(CALL))
        longest_s = list(map(max, longest_s, sleeper.waits_s))

    # Each wait is drawn from 0 to 0.5, 1, 2 and 4 s, but from 2 s at most.
    for longest, limit in zip(longest_s, [0.5, 1, 2, 2], strict=True):
        assert limit / 2 < longest <= limit


def test_calls_that_are_retried_at_the_same_time_count_their_own_attempts() -> None:
    async def ask() -> list[Completion | BaseException]:
        models = [_failing(JudgeUnavailable("busy"), times=times) for times in range(7)]
        calls = (_retrying(model, _Sleeper()).complete(CALL) for model in models)
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert [len(model.calls) for model in models] == [1, 2, 3, 4, 5, 5, 5]
        return found

    found = asyncio.run(ask())

    assert [isinstance(one, Completion) for one in found] == [True] * 5 + [False] * 2


def test_a_first_attempt_that_is_answered_never_wakes_the_retrying(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(retrying, "AsyncRetrying")

    found = asyncio.run(Retrying(FakeChat()).complete(CALL))

    assert found.text == verdict()


def _asked(number: int) -> ChatCall:
    return ChatCall(call_id=f"record#{number}", messages=CALL.messages, sampling=CALL.sampling)


def test_the_repeats_of_an_unreadable_reply_share_the_attempts_of_their_record() -> None:
    # Three failures and an answer that cannot be read, one failure and another such answer.
    outcomes = iter([False, False, True, False, True, True])

    def script(_: ChatCall) -> Completion:
        if next(outcomes):
            return completion("?")
        raise JudgeUnavailable("busy")

    model = FakeChat(script)

    async def ask() -> None:
        retried = _retrying(model, _Sleeper())
        await retried.complete(_asked(1))
        await retried.complete(_asked(2))
        await retried.complete(_asked(3))

    with pytest.raises(JudgeUnavailable, match="the 5 attempts at this record are used up"):
        asyncio.run(ask())

    assert len(model.calls) == 5


def test_a_repeat_has_as_many_attempts_as_the_record_has_left() -> None:
    outcomes = iter([False, True])

    def script(_: ChatCall) -> Completion:
        if next(outcomes, False):
            return completion("?")
        raise JudgeUnavailable("busy")

    model = FakeChat(script)

    async def ask() -> None:
        retried = _retrying(model, _Sleeper())
        await retried.complete(_asked(1))
        await retried.complete(_asked(2))

    with pytest.raises(JudgeUnavailable, match="3 attempts failed") as caught:
        asyncio.run(ask())

    assert len(model.calls) == caught.value.attempts == 5


def test_a_record_that_is_judged_another_time_has_all_its_attempts_again() -> None:
    model = _failing(JudgeUnavailable("busy"), times=9)

    async def ask() -> Completion:
        retried = _retrying(model, _Sleeper())
        with pytest.raises(JudgeUnavailable):
            await retried.complete(_asked(1))
        return await retried.complete(_asked(1))

    assert asyncio.run(ask()).text == "Yes."
    assert len(model.calls) == 10


@pytest.mark.parametrize(("stated_s", "longest_s"), [(0.0, [0.0, 1, 2, 4]), (3.0, [3.0, 3, 3, 3])])
def test_an_endpoint_that_says_at_once_again_and_again_is_left_more_time_than_that(
    stated_s: float, longest_s: list[float]
) -> None:
    def script(_: ChatCall) -> Completion:
        raise RateLimited("slow down", retry_after_s=stated_s)

    sleeper = _Sleeper()
    with pytest.raises(JudgeUnavailable):
        _retried(FakeChat(script), sleeper)

    assert sleeper.waits_s[0] == stated_s
    assert all(
        stated_s <= wait_s <= longest
        for wait_s, longest in zip(sleeper.waits_s, longest_s, strict=True)
    )
    assert sum(sleeper.waits_s) > 0


def test_an_attempt_that_may_have_been_paid_for_is_told_whatever_the_last_one_was() -> None:
    paid = iter([True])

    def script(_: ChatCall) -> Completion:
        raise JudgeUnavailable("no answer", possibly_paid=next(paid, False))

    with pytest.raises(JudgeUnavailable) as caught:
        _retried(FakeChat(script), _Sleeper())

    assert caught.value.possibly_paid
