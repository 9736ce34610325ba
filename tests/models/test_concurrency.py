import asyncio
from collections.abc import Mapping

import numpy as np
import pytest

from judge.errors import RateLimited
from judge.models.chat import ChatCall, Completion, Sampling
from judge.models.concurrency import START, Window
from judge.models.limits import Limited, Retrying
from judge.testing import completion

SAMPLING = Sampling()


def _full_of(window: Window, times: int) -> None:
    """Let so many calls succeed while the window is full."""
    for _ in range(times):
        window.in_flight = window.limit
        window.succeeded(beside=window.limit)


def _refuse(window: Window, *, sent: float, now: float, timed: bool = False) -> bool:
    window.in_flight = window.limit
    return window.refused(beside=window.limit, sent=sent, now=now, timed=timed)


def test_it_starts_at_twenty_or_at_the_most_that_the_user_allows() -> None:
    assert [Window(most=most).limit for most in (1, 19, 20, 500)] == [1, 19, START, START]


def test_it_doubles_in_each_round_trip_until_something_is_refused_and_never_exceeds_the_most() -> (
    None
):
    window = Window(most=50)

    _full_of(window, 20)
    after_one = window.limit
    _full_of(window, 1000)

    assert (after_one, window.limit) == (40, 50)


def test_where_the_limit_is_not_reached_it_does_not_grow() -> None:
    window = Window(most=500)

    for _ in range(1000):
        window.in_flight = window.limit - 1
        window.succeeded(beside=window.in_flight)

    assert window.limit == START


def test_a_refusal_cuts_it_by_a_quarter_once_for_all_that_went_before_the_cut() -> None:
    window = Window(most=100, start=40)

    _refuse(window, sent=0.0, now=1.0, timed=True)
    same_round = [_refuse(window, sent=0.5, now=1.1, timed=True) for _ in range(10)]
    after_one = window.limit
    _refuse(window, sent=1.2, now=1.3, timed=True)

    assert (after_one, window.limit) == (30, 22)
    assert not any(same_round)


def test_it_never_falls_below_one() -> None:
    window = Window(most=100, start=2)

    for moment in range(10):
        _refuse(window, sent=moment, now=moment)

    assert window.limit == 1


def test_just_below_the_limit_that_was_refused_it_stays_for_ten_windows() -> None:
    window = Window(most=100, start=40)
    _full_of(window, 0)
    _refuse(window, sent=0.0, now=1.0)

    _full_of(window, 9)
    soon = window.limit
    _full_of(window, 389)
    long_after = window.limit
    _full_of(window, 1)
    at_last = window.limit
    _full_of(window, 40)

    assert (soon, long_after, at_last, window.limit) == (39, 39, 40, 41)


def test_another_failure_only_starts_the_count_anew() -> None:
    window = Window(most=100, start=40)
    _refuse(window, sent=0.0, now=1.0)
    _full_of(window, 9)

    for _ in range(20):
        _full_of(window, 389)
        window.failed()

    assert window.limit == 39


class _Slots:
    """An endpoint that answers so many calls at once, and refuses the others."""

    def __init__(self, slots: int, *, latency_s: float) -> None:
        self._free = slots
        self._latency_s = latency_s
        self._random = np.random.default_rng(7)

    @property
    def identity(self) -> Mapping[str, str]:
        return {}

    async def complete(self, call: ChatCall) -> Completion:
        if not self._free:
            await asyncio.sleep(0.01)
            raise RateLimited("too many at once")
        self._free -= 1
        await asyncio.sleep(self._latency_s * self._random.lognormal(0, 0.4))
        self._free += 1
        return completion("x")


@pytest.mark.parametrize("slots", [1, 5, 37, 1000])
@pytest.mark.parametrize("latency_s", [0.05, 0.5, 2])
def test_it_reaches_nine_tenths_of_the_best_fixed_setting(
    virtual: asyncio.Runner, slots: int, latency_s: float
) -> None:
    clock, most, calls = virtual.get_loop().time, 64, 2000

    async def seconds(model: Limited | Retrying | _Slots, workers: int) -> float:
        started, asked = clock(), iter(range(calls))

        async def work() -> None:
            for number in asked:
                await model.complete(ChatCall(call_id=f"{number}", messages=(), sampling=SAMPLING))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(workers):
                tasks.create_task(work())
        return clock() - started

    best_s = virtual.run(seconds(_Slots(slots, latency_s=latency_s), min(slots, most)))
    limited = Limited(_Slots(slots, latency_s=latency_s), connections=most, clock=clock)
    found_s = virtual.run(seconds(Retrying(limited), most))

    assert best_s / found_s > 0.9
