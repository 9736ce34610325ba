import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle

import pytest

from judge.errors import (
    EndpointPaused,
    JudgeRejected,
    JudgeUnavailable,
    RateLimited,
    ScoringError,
)
from judge.models.breaker import Breaker
from judge.models.chat import ChatCall, Completion, Sampling
from judge.models.limits import Limited
from judge.models.retrying import MAX_ATTEMPTS, Retrying
from judge.testing import completion

AT_TWO = datetime(2026, 5, 3, 14, tzinfo=UTC)


@dataclass
class _Run:
    """What came of records that were judged one after another by so many workers."""

    answered: list[str] = field(default_factory=list)
    errors: list[ScoringError] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    seconds: float = 0.0


class _Endpoint:
    """Answers, or fails as a script says; either takes 50 ms."""

    def __init__(self, fails: Callable[[str, float], ScoringError | None]) -> None:
        self._fails = fails
        self.asked: list[str] = []

    @property
    def identity(self) -> Mapping[str, str]:
        return {}

    async def complete(self, call: ChatCall) -> Completion:
        self.asked.append(call.call_id)
        error = self._fails(call.call_id, asyncio.get_running_loop().time())
        await asyncio.sleep(0.05)
        if error is not None:
            raise error
        return completion("x")


def _judged(
    virtual: asyncio.Runner,
    fails: Callable[[str, float], ScoringError | None],
    *,
    workers: int,
    records: int,
) -> _Run:
    """Judge in virtual time; as in a run, nothing new is taken after an error that halts."""
    clock = virtual.get_loop().time
    endpoint, run = _Endpoint(fails), _Run()
    limited = Limited(endpoint, connections=workers, clock=clock)
    model = Retrying(limited, breaker=Breaker(clock=clock, wall=lambda: AT_TWO))
    waiting = iter(range(records))

    async def work() -> None:
        for number in waiting:
            if any(error.halts for error in run.errors):
                return
            call = ChatCall(call_id=f"{number}#1", messages=(), sampling=Sampling())
            try:
                await model.complete(call)
            except ScoringError as error:
                run.errors.append(error)
            else:
                run.answered.append(call.call_id)

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(workers):
                tasks.create_task(work())

    virtual.run(all_of_them())
    run.asked, run.seconds = endpoint.asked, clock()
    return run


def _down(start: float, end: float) -> Callable[[str, float], ScoringError | None]:
    def fails(_: str, now: float) -> ScoringError | None:
        return JudgeUnavailable("HTTP 503") if start <= now < end else None

    return fails


@pytest.mark.parametrize("workers", [1, 2, 3, 5, 10, 20, 64, 256])
@pytest.mark.parametrize("start", [0.0, 0.4])
def test_an_endpoint_that_is_down_for_twenty_seconds_costs_no_record(
    virtual: asyncio.Runner, workers: int, start: float
) -> None:
    run = _judged(virtual, _down(start, start + 20), workers=workers, records=600)

    assert len(run.answered) == 600
    assert max(map(run.asked.count, set(run.asked))) <= MAX_ATTEMPTS
    assert run.seconds < 20 + 600 * 0.06 / workers + 12


@pytest.mark.parametrize("workers", [1, 2, 5, 20, 64, 256])
def test_a_run_over_a_dead_endpoint_ends_in_about_a_minute(
    virtual: asyncio.Runner, workers: int
) -> None:
    run = _judged(virtual, _down(0, 1e9), workers=workers, records=100_000)

    assert 50 < run.seconds < 75
    assert len(run.asked) < 3 * workers + 75
    assert isinstance(run.errors[-1], EndpointPaused)
    assert "answered nothing since 14:00:00 UTC on 2026-05-03" in str(run.errors[-1])
    assert "the last with: HTTP 503" in str(run.errors[-1])


def test_records_that_always_fail_do_not_stop_the_others(virtual: asyncio.Runner) -> None:
    def fails(call_id: str, _: float) -> ScoringError | None:
        poisoned = int(call_id.removesuffix("#1")) % 5 == 0
        return JudgeUnavailable("HTTP 500") if poisoned else None

    run = _judged(virtual, fails, workers=64, records=3000)

    assert len(run.answered) == 2400
    assert len(run.errors) == 600
    assert len(run.asked) == 2400 + 5 * 600 - sum(5 - error.attempts for error in run.errors)
    assert run.seconds < 600 * 7.5 / 64 + 90


def test_one_record_that_always_fails_is_not_taken_for_a_dead_endpoint(
    virtual: asyncio.Runner,
) -> None:
    def fails(call_id: str, _: float) -> ScoringError | None:
        return JudgeUnavailable("HTTP 500") if call_id == "3#1" else None

    run = _judged(virtual, fails, workers=1, records=10)

    assert len(run.answered) == 9
    assert [error.attempts for error in run.errors] == [5]


@pytest.mark.parametrize("sign", [RateLimited("HTTP 429"), JudgeRejected("HTTP 400"), None])
def test_any_answer_is_a_sign_of_life(virtual: asyncio.Runner, sign: ScoringError | None) -> None:
    breaker = Breaker(clock=virtual.get_loop().time)
    fails = cycle([JudgeUnavailable("HTTP 500"), sign])
    model = Retrying(_Endpoint(lambda _, __: next(fails)), attempts=1, breaker=breaker)

    async def ask() -> None:
        for number in range(100):
            call = ChatCall(call_id=f"{number}", messages=(), sampling=Sampling())
            with contextlib.suppress(ScoringError):
                await model.complete(call)

    virtual.run(ask())

    assert not breaker.is_down
    assert virtual.get_loop().time() == pytest.approx(100 * 0.05)


def test_an_endpoint_that_was_given_up_is_asked_again_now_and_then(
    virtual: asyncio.Runner,
) -> None:
    clock = virtual.get_loop().time
    endpoint = _Endpoint(_down(0, 500))
    breaker = Breaker(clock=clock, wall=lambda: AT_TWO)
    model = Retrying(endpoint, breaker=breaker)

    async def ask(name: str) -> Completion | ScoringError:
        try:
            return await model.complete(ChatCall(call_id=name, messages=(), sampling=Sampling()))
        except ScoringError as error:
            return error

    async def story() -> tuple[int, object]:
        await asyncio.gather(*(ask(f"{number}") for number in range(40)))
        asked = len(endpoint.asked)
        for number in range(1000):  # a hundred seconds of calls
            await ask(f"later {number}")
            await asyncio.sleep(0.1)
        more = len(endpoint.asked) - asked
        await asyncio.sleep(500)
        return more, await ask("last")

    more, last = virtual.run(story())

    assert 5 <= more <= 11
    assert isinstance(last, Completion)


@pytest.mark.parametrize(("stated_s", "least_s", "most_s"), [(0.0, 0.4, 2), (4.0, 16, 18)])
def test_an_endpoint_that_says_when_it_is_back_is_probed_then(
    virtual: asyncio.Runner, stated_s: float, least_s: float, most_s: float
) -> None:
    def fails(_: str, __: float) -> ScoringError:
        return JudgeUnavailable("HTTP 503", retry_after_s=stated_s)

    run = _judged(virtual, fails, workers=1, records=1)

    assert len(run.asked) == MAX_ATTEMPTS
    assert least_s <= run.seconds < most_s


def test_a_call_that_is_cancelled_while_it_waits_leaves_the_probe_to_the_next(
    virtual: asyncio.Runner,
) -> None:
    breaker = Breaker(clock=virtual.get_loop().time)

    async def story() -> float:
        breaker.in_play = 10
        for number in range(20):
            breaker.failed(f"{number}", JudgeUnavailable("HTTP 503"))
        turns = [asyncio.create_task(breaker.turn(tried=1)) for _ in range(3)]
        await asyncio.sleep(0)
        turns[0].cancel()
        await turns[1]
        assert not turns[2].done()
        return asyncio.get_running_loop().time()

    assert virtual.run(story()) == 1.0
