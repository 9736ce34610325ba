import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import numpy as np
import pytest

from judge.errors import (
    BudgetExhausted,
    EndpointPaused,
    JudgeRejected,
    JudgeUnavailable,
    QuotaExhausted,
    RateLimited,
    ScoringError,
)
from judge.models.breaker import Breaker
from judge.models.chat import ChatCall, ChatModel, Completion, Message, ReplyFormat, Sampling
from judge.models.deadline import Deadlined
from judge.models.ledger import Ledgered
from judge.models.limits import Bounded, Limited, RateLimit, SharedTurns, Turns
from judge.models.openai import OpenAIChat
from judge.models.retrying import Retrying
from judge.results.store import MemoryAttempts
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

Wrapper = Callable[[ChatModel], ChatModel]


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


def _failing(error: ScoringError, *, times: int = 1000) -> FakeChat:
    """Return a model that fails so often, and then answers."""
    left = iter(range(times))

    def script(_: ChatCall) -> Completion:
        if next(left, None) is None:
            return completion("Yes.")
        raise type(error)(*error.args)

    return FakeChat(script)


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


@pytest.mark.parametrize("wrap", [lambda chat: Limited(chat, connections=1), Retrying])
def test_a_wrapper_does_not_change_who_answers(wrap: Wrapper) -> None:
    assert wrap(FakeChat()).identity == FakeChat().identity


def _named(name: str) -> ChatCall:
    return ChatCall(
        call_id=f"{name}#1",
        messages=(Message(role="user", content=name),),
        sampling=Sampling(max_tokens=100),
    )


def test_a_pause_that_one_call_is_asked_for_is_kept_by_all_of_them(
    virtual: asyncio.Runner,
) -> None:
    moments: list[float] = []

    class _Busy(FakeChat):
        async def complete(self, call: ChatCall) -> Completion:
            moments.append(asyncio.get_running_loop().time())
            if len(moments) == 1:
                raise JudgeUnavailable("HTTP 503", retry_after_s=30.0)
            return completion("x")

    async def ask() -> None:
        model = Limited(_Busy(), connections=5, clock=virtual.get_loop().time)
        with pytest.raises(JudgeUnavailable):
            await model.complete(_named("first"))
        assert 30 <= model.pause_s <= 31.5
        await asyncio.gather(*(model.complete(_named(f"{number}")) for number in range(50)))

    virtual.run(ask())

    assert moments[0] == 0.0
    assert 30 <= min(moments[1:]) <= max(moments) < 32


def test_a_pause_beyond_all_patience_ends_those_that_wait_and_tells_when_to_resume(
    virtual: asyncio.Runner,
) -> None:
    def script(_: ChatCall) -> Completion:
        raise RateLimited("HTTP 429", retry_after_s=3600.0)

    chat = FakeChat(script)

    async def ask() -> list[Completion | BaseException]:
        model = Limited(
            chat,
            connections=1,
            clock=virtual.get_loop().time,
            jitter=lambda: 0.0,
            wall=lambda: AT_TWO,
        )
        calls = (model.complete(_named(f"{number}")) for number in range(10))
        found = await asyncio.gather(*calls, return_exceptions=True)
        with pytest.raises(EndpointPaused):
            await model.complete(_named("late"))
        return found

    first, *others = virtual.run(ask())

    assert len(chat.calls) == 1
    assert isinstance(first, RateLimited)
    for error in others:
        assert isinstance(error, EndpointPaused)
        assert error.attempts == 0
        assert "resume after 15:00:00 UTC on 2026-05-03" in str(error)


def test_an_empty_account_is_asked_once_and_not_by_those_that_wait() -> None:
    def script(_: ChatCall) -> Completion:
        raise QuotaExhausted("no credit")

    chat = FakeChat(script)

    async def ask() -> list[Completion | BaseException]:
        model = Limited(chat, connections=1)
        calls = (model.complete(_named(f"{number}")) for number in range(10))
        found = await asyncio.gather(*calls, return_exceptions=True)
        with pytest.raises(QuotaExhausted):
            await model.complete(_named("late"))
        return found

    found = asyncio.run(ask())

    assert len(chat.calls) == 1
    assert all(isinstance(error, QuotaExhausted) for error in found)


class _Bucket:
    """A server's bucket: so many requests a second, of which it holds one second's."""

    def __init__(self, per_second: float) -> None:
        self._per_second = self._level = per_second
        self._then: float | None = None
        self.began = self.ended = 0.0
        self.taken = 0

    def refused_for_s(self, now: float) -> float:
        """Take a request; return the seconds until the next one may be taken, if not this one."""
        if self._then is None:
            self._then = self.began = now
        level = self._level + (now - self._then) * self._per_second
        self._level, self._then = min(self._per_second, level), now
        if self._level < 1:
            return (1 - self._level) / self._per_second
        self._level -= 1
        self.taken, self.ended = self.taken + 1, now
        return 0.0

    @property
    def used(self) -> float:
        """The share of what it would have taken until its last request that it was asked for."""
        return self.taken / ((1 + self.ended - self.began) * self._per_second)


class _Metered:
    """An endpoint in virtual time behind a bucket, that keeps account of what comes too early."""

    def __init__(self, bucket: _Bucket, *, latency_s: float, in_seconds: bool) -> None:
        self._bucket = bucket
        self._latency_s = latency_s
        self._in_seconds = in_seconds
        self._random = np.random.default_rng(5)
        self._not_before = 0.0
        self.asked: Counter[str] = Counter()
        self.early = self.refused = 0

    @property
    def identity(self) -> Mapping[str, str]:
        return {}

    async def complete(self, call: ChatCall) -> Completion:
        clock = asyncio.get_running_loop().time
        self.asked[call.call_id] += 1
        self.early += clock() < self._not_before
        if wait_s := self._bucket.refused_for_s(clock()):
            self.refused += 1
            await asyncio.sleep(0.01)
            stated_s = float(math.ceil(wait_s)) if self._in_seconds else wait_s
            self._not_before = max(self._not_before, clock() + stated_s)
            raise RateLimited("HTTP 429", retry_after_s=stated_s)
        await asyncio.sleep(self._latency_s * self._random.lognormal(0, 0.4))
        return completion("x")


async def _judge_all(model: ChatModel, *, records: int, workers: int) -> list[ScoringError]:
    waiting, errors = iter(range(records)), []

    async def work() -> None:
        for number in waiting:
            try:
                await model.complete(_named(f"{number}"))
            except ScoringError as error:
                errors.append(error)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(workers):
            tasks.create_task(work())
    return errors


@pytest.mark.parametrize("latency_s", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("in_seconds", [True, False])
def test_a_storm_of_refusals_costs_no_record_and_a_tenth_of_the_rate_at_most(
    virtual: asyncio.Runner, latency_s: float, *, in_seconds: bool
) -> None:
    clock, bucket = virtual.get_loop().time, _Bucket(20)
    endpoint = _Metered(bucket, latency_s=latency_s, in_seconds=in_seconds)
    limited = Limited(endpoint, connections=64, clock=clock)
    model = Retrying(limited, breaker=Breaker(clock=clock))

    errors = virtual.run(_judge_all(model, records=1000, workers=64))

    assert errors == []
    assert endpoint.early == 0
    assert bucket.used >= 0.9
    assert max(endpoint.asked.values()) <= 5
    assert endpoint.refused <= 64  # one for each worker


@pytest.mark.parametrize("latency_s", [0.05, 2.0])
def test_who_tells_the_rate_beforehand_is_never_refused(
    virtual: asyncio.Runner, latency_s: float
) -> None:
    clock, bucket = virtual.get_loop().time, _Bucket(20)
    endpoint = _Metered(bucket, latency_s=latency_s, in_seconds=True)
    rate = RateLimit(requests_per_minute=1200)
    limited = Limited(endpoint, connections=64, rate=rate, clock=clock)

    errors = virtual.run(_judge_all(limited, records=1000, workers=64))

    assert errors == []
    assert endpoint.refused == 0
    assert bucket.used >= 0.9


@pytest.mark.slow
def test_a_storm_over_a_real_connection_costs_no_record_and_a_tenth_of_the_rate_at_most() -> None:
    bucket, not_before, early = _Bucket(20), dict[str, float](), list[str]()

    def respond(received: Received) -> Answer:
        now, name = time.monotonic(), received.user_text
        if now < not_before.get(name, 0.0):
            early.append(name)
        if wait_s := bucket.refused_for_s(now):
            stated_s = math.ceil(wait_s)
            not_before[name] = now + stated_s
            return Answer(
                status=429, body=fault("slow down"), headers={"Retry-After": f"{stated_s}"}
            )
        return Answer(body=chat_completion("x"), delay_s=0.2)

    async def ask(endpoint: FakeEndpoint) -> list[ScoringError]:
        chat = OpenAIChat(
            "fake-judge",
            base_url=endpoint.base_url,
            api_key="sk-test",
            reply_format=ReplyFormat.TEXT,
            connections=64,
        )
        try:
            model = Retrying(Limited(Deadlined(chat, deadline_s=30), connections=64))
            return await _judge_all(model, records=1000, workers=64)
        finally:
            await chat.close()

    with FakeEndpoint(respond) as endpoint:
        errors = asyncio.run(ask(endpoint))

    assert (errors, early) == ([], [])
    assert bucket.used >= 0.9


def test_two_runs_that_share_their_turns_have_together_as_many_calls_in_flight_as_one() -> None:
    in_flight, most = 0, 0

    class Slow:
        identity: Mapping[str, str] = {}

        async def complete(self, call: ChatCall) -> Completion:
            nonlocal in_flight, most
            in_flight += 1
            most = max(most, in_flight)
            for _ in range(3):
                await asyncio.sleep(0)
            in_flight -= 1
            return completion(verdict())

    async def ask() -> None:
        shared = SharedTurns()
        runs = [
            Limited(Slow(), connections=4, turns=shared.of("e", connections=4, rate=RateLimit()))
            for _ in range(2)
        ]
        await asyncio.gather(*(run.complete(_named(str(n))) for run in runs for n in range(20)))

    asyncio.run(ask())

    assert most == 4


@pytest.mark.parametrize(("written_down", "least_busy"), [(0, 2.2), (2, 3.5)])
def test_calls_that_are_written_down_before_they_go_do_not_leave_a_connection_idle(
    written_down: int, least_busy: float
) -> None:
    seen: list[int] = []
    in_flight = 0

    class Slow(FakeChat):
        async def complete(self, call: ChatCall) -> Completion:
            nonlocal in_flight
            in_flight += 1
            for _ in range(8):
                await asyncio.sleep(0)
            in_flight -= 1
            return completion(verdict())

    class SlowlyWrittenDown(Ledgered):
        async def complete(self, call: ChatCall) -> Completion:
            for _ in range(4):
                await asyncio.sleep(0)
            return await super().complete(call)

    async def ask() -> None:
        turns = Turns(connections=4, written_down=written_down)
        written = SlowlyWrittenDown(Bounded(Slow(), turns), MemoryAttempts())
        model = Limited(written, connections=4, turns=turns)
        calls = asyncio.gather(*(model.complete(_named(str(n))) for n in range(80)))
        while not calls.done():
            seen.append(in_flight)
            await asyncio.sleep(0)

    asyncio.run(ask())

    at_full_speed = seen[len(seen) // 4 : -len(seen) // 4]
    assert max(seen) == 4
    assert least_busy < np.mean(at_full_speed) < least_busy + 0.6


def test_a_call_that_is_written_down_when_a_pause_is_asked_for_goes_after_it(
    virtual: asyncio.Runner,
) -> None:
    clock = virtual.get_loop().time
    asked_at: dict[str, float] = {}

    def answer(call: ChatCall) -> Completion:
        name = call.call_id.partition("#")[0]
        asked_at[name] = clock()
        if name == "first":
            raise RateLimited("HTTP 429", retry_after_s=5.0)
        return completion(verdict())

    async def ask() -> None:
        turns = Turns(connections=1, written_down=1, clock=clock, jitter=lambda: 0.0)
        written = Ledgered(Bounded(FakeChat(answer), turns), MemoryAttempts())
        model = Limited(written, connections=1, turns=turns, clock=clock)
        calls = (model.complete(_named(name)) for name in ("first", "second"))
        refused, answered = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(refused, RateLimited), refused
        assert isinstance(answered, Completion), answered

    virtual.run(ask())

    assert asked_at["second"] - asked_at["first"] >= 5.0


def test_a_run_with_few_calls_waits_each_time_for_one_of_the_other_and_not_for_all() -> None:
    async def ask() -> list[str]:
        turns, order = Turns(connections=1), list[str]()

        def note(call: ChatCall) -> Completion:
            order.append(call.call_id.partition("#")[0])
            return completion(verdict())

        large, small = (Limited(FakeChat(note), connections=1, turns=turns) for _ in range(2))
        await asyncio.gather(
            *(large.complete(_named("large")) for _ in range(50)),
            *(small.complete(_named("small")) for _ in range(5)),
        )
        return order

    order = asyncio.run(ask())

    assert Counter(order) == {"large": 50, "small": 5}
    assert max(place for place, name in enumerate(order) if name == "small") <= 10


def test_a_run_that_is_out_of_money_sends_nobody_elses_calls_away() -> None:
    async def ask() -> list[object]:
        shared = SharedTurns().of("e", connections=1, rate=RateLimit())

        def refuse(_: ChatCall) -> Completion:
            raise BudgetExhausted("no", attempts=0)

        poor = Limited(FakeChat(refuse), connections=1, turns=shared)
        rich = Limited(FakeChat(), connections=1, turns=shared)
        calls = [(poor, "1"), (rich, "2"), (poor, "3"), (rich, "4")]
        asked = (run.complete(_named(name)) for run, name in calls)
        return list(await asyncio.gather(*asked, return_exceptions=True))

    kinds = [type(one).__name__ for one in asyncio.run(ask())]

    assert kinds == ["BudgetExhausted", "Completion", "BudgetExhausted", "Completion"]
