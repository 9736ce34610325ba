import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence

import pytest

from judge.errors import (
    AccessDenied,
    EndpointPaused,
    InputTooLong,
    JudgeRejected,
    JudgeUnavailable,
    JudgeUnparseable,
    QuotaExhausted,
    ScoringError,
)
from judge.models.chat import ChatCall, ChatModel, Completion, Message, ReplyFormat, Sampling
from judge.models.ledger import Ledgered
from judge.models.limits import MAX_ATTEMPTS, Deadlined, Limited, Retrying
from judge.models.openai import OpenAIChat
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

CALL = ChatCall(
    call_id="one", messages=(Message(role="user", content="Is it so?"),), sampling=Sampling()
)
GOOD = Answer(body=chat_completion(verdict()))
BUSY = Answer(status=503, body=fault("try later"))

Wrapper = Callable[[ChatModel], ChatModel]


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
    return asyncio.run(Retrying(model, sleep=sleeper.sleep).complete(CALL))


def test_no_more_calls_run_at_once_than_there_are_connections() -> None:
    with FakeEndpoint(lambda _: Answer(body=chat_completion("x"), delay_s=0.01)) as endpoint:
        _over_http(endpoint, lambda chat: Limited(chat, connections=3), calls=20)

    assert len(endpoint.requests) == 20
    assert endpoint.most_in_flight == 3


def test_two_askers_share_the_connections_of_one_model() -> None:
    running: list[int] = []

    class _Counting:
        identity = FakeChat().identity

        async def complete(self, call: ChatCall) -> Completion:
            running.append(running[-1] + 1 if running else 1)
            await asyncio.sleep(0)
            running.append(running[-1] - 1)
            return completion("x")

    async def ask() -> None:
        shared = Limited(_Counting(), connections=2)
        judges = [Retrying(shared), Retrying(shared)]
        await asyncio.gather(*(judge.complete(CALL) for judge in judges for _ in range(10)))

    asyncio.run(ask())

    assert len(running) == 40
    assert max(running) == 2


def test_a_call_that_failed_or_was_given_up_frees_its_connection() -> None:
    async def ask() -> Completion:
        model = Limited(_failing(JudgeRejected("no"), times=2), connections=1)
        with pytest.raises(JudgeRejected):
            await model.complete(CALL)
        given_up = asyncio.create_task(model.complete(CALL))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        with pytest.raises(JudgeRejected):
            await model.complete(CALL)
        return await model.complete(CALL)

    assert asyncio.run(ask()).text == "Yes."


def test_a_call_waits_for_its_connection_before_it_is_written_down_as_sent() -> None:
    log = MemoryAttemptLog()
    most_open: list[int] = []

    def look(_: ChatCall) -> Completion:
        most_open.append(sum(not (row.reply or row.error) for row in log.attempts))
        return completion("x")

    async def ask() -> None:
        model = Limited(Ledgered(FakeChat(look), log), connections=2)
        await asyncio.gather(*(model.complete(CALL) for _ in range(20)))

    asyncio.run(ask())

    assert (len(log.attempts), max(most_open)) == (20, 2)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(hang=True),
        Answer(body=GOOD.body, drip_s=0.05),  # a read timeout never sees this
        Answer(body=GOOD.body, delay_s=20),
    ],
)
def test_an_endpoint_that_hangs_or_drips_is_left_at_the_deadline(answer: Answer) -> None:
    with (
        FakeEndpoint(lambda _: answer) as endpoint,
        pytest.raises(JudgeUnavailable, match=r"no answer within 0\.2 s"),
    ):
        _over_http(endpoint, lambda chat: Deadlined(chat, deadline_s=0.2))


def test_an_attempt_after_a_deadline_has_a_deadline_of_its_own() -> None:
    with FakeEndpoint(_in_turn([Answer(hang=True), GOOD])) as endpoint:
        (found,) = _over_http(
            endpoint, lambda chat: Retrying(Deadlined(chat, deadline_s=1), longest_wait_s=0)
        )

    assert found.text == verdict()
    assert len(endpoint.requests) == 2


def test_the_waiting_for_a_connection_is_not_counted_against_the_deadline() -> None:
    async def ask() -> list[Completion]:
        gate = asyncio.Event()

        class _Slow:
            identity = FakeChat().identity

            async def complete(self, call: ChatCall) -> Completion:
                await gate.wait()
                return completion("x")

        model = Limited(Deadlined(_Slow(), deadline_s=60), connections=1)
        calls = [asyncio.create_task(model.complete(CALL)) for _ in range(50)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*calls)

    assert len(asyncio.run(ask())) == 50


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
        return Retrying(Limited(attempt, connections=4), sleep=sleeper.sleep)

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
        (found,) = _over_http(
            endpoint, lambda chat: Retrying(Ledgered(chat, log), sleep=sleeper.sleep)
        )

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
        _over_http(endpoint, lambda chat: Retrying(chat, sleep=_Sleeper().sleep))

    assert len(endpoint.requests) == 1


def test_a_refusal_after_a_passing_fault_tells_how_many_attempts_there_were() -> None:
    answers = [BUSY, BUSY, Answer(status=400, body=fault("no"))]

    with FakeEndpoint(_in_turn(answers)) as endpoint, pytest.raises(JudgeRejected) as caught:
        _over_http(endpoint, lambda chat: Retrying(chat, sleep=_Sleeper().sleep))

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
        _over_http(endpoint, lambda chat: Retrying(chat, sleep=sleeper.sleep))

    assert sleeper.waits_s == [wait_s]


def test_a_pause_beyond_all_patience_ends_the_run_and_is_told() -> None:
    sleeper = _Sleeper()
    away = Answer(status=429, body=fault("come back later"), headers={"Retry-After": "3600"})

    with (
        FakeEndpoint(_in_turn([BUSY, away])) as endpoint,
        pytest.raises(EndpointPaused, match=r"come back later; .* a pause of 3600 s") as caught,
    ):
        _over_http(endpoint, lambda chat: Retrying(chat, sleep=sleeper.sleep))

    assert (caught.value.halts, caught.value.fate) == (True, "judge_unavailable")
    assert caught.value.attempts == len(endpoint.requests) == 2
    assert len(sleeper.waits_s) == 1


def test_without_a_word_from_the_endpoint_the_waits_grow_at_random_and_stay_bounded() -> None:
    longest_s = [0.0] * 4

    for _ in range(200):
        sleeper = _Sleeper()
        retrying = Retrying(
            _failing(JudgeUnavailable("busy")), longest_wait_s=2, sleep=sleeper.sleep
        )
        with pytest.raises(JudgeUnavailable):
            asyncio.run(retrying.complete(CALL))
        longest_s = list(map(max, longest_s, sleeper.waits_s))

    # Each wait is drawn from 0 to 0.5, 1, 2 and 4 s, but from 2 s at most.
    for longest, limit in zip(longest_s, [0.5, 1, 2, 2], strict=True):
        assert limit / 2 < longest <= limit


def test_calls_that_are_retried_at_the_same_time_count_their_own_attempts() -> None:
    async def ask() -> list[Completion | BaseException]:
        sleep: Callable[[float], Awaitable[None]] = _Sleeper().sleep
        models = [_failing(JudgeUnavailable("busy"), times=times) for times in range(7)]
        calls = (Retrying(model, sleep=sleep).complete(CALL) for model in models)
        found = await asyncio.gather(*calls, return_exceptions=True)
        assert [len(model.calls) for model in models] == [1, 2, 3, 4, 5, 5, 5]
        return found

    found = asyncio.run(ask())

    assert [isinstance(one, Completion) for one in found] == [True] * 5 + [False] * 2


@pytest.mark.parametrize(
    "wrap",
    [
        lambda chat: Limited(chat, connections=1),
        lambda chat: Deadlined(chat, deadline_s=1),
        Retrying,
    ],
)
def test_a_wrapper_does_not_change_who_answers(wrap: Wrapper) -> None:
    assert wrap(FakeChat()).identity == FakeChat().identity
