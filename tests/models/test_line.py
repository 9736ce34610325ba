import asyncio

import pytest

from judge.errors import EndpointPaused, ScoringError
from judge.models.concurrency import Window
from judge.models.learned_rate import LearnedRate
from judge.models.line import Line
from judge.models.pause import Pause
from judge.models.rate import Pace, RateLimit


def _line(
    virtual: asyncio.Runner, *, most: int = 1000, rate: RateLimit | None = None
) -> tuple[Line, Window, Pause]:
    window, pause = Window(most=most, start=most), Pause(lambda: 0.0)
    line = Line(
        window=window,
        pace=Pace(rate) if rate else None,
        pause=pause,
        learned=LearnedRate(),
        clock=virtual.get_loop().time,
    )
    return line, window, pause


class _Comers:
    """Come to a line, note when their turn was, and stay a second."""

    def __init__(self, line: Line, *, stays_s: float = 1.0) -> None:
        self._line = line
        self._stays_s = stays_s
        self.went: list[tuple[str, float]] = []

    async def come(self, name: str, *, size: float = 0.0, refused: int = 0) -> None:
        sent = await self._line.turn(size, refused=refused)
        self.went.append((name, sent.at))
        await asyncio.sleep(self._stays_s)
        self._line.leave()

    @property
    def names(self) -> str:
        return "".join(name for name, _ in self.went)


def test_calls_go_in_the_order_they_came_and_those_that_were_refused_before_the_others(
    virtual: asyncio.Runner,
) -> None:
    line, window, _ = _line(virtual, most=2)
    comers = _Comers(line)

    async def story() -> None:
        async with asyncio.TaskGroup() as tasks:
            for name in "abcdef":
                tasks.create_task(comers.come(name))
            await asyncio.sleep(0.5)
            tasks.create_task(comers.come("X", refused=1))
            tasks.create_task(comers.come("Y", refused=1))
            tasks.create_task(comers.come("Z", refused=2))

    virtual.run(story())

    assert comers.names == "abZXYcdef"
    assert window.in_flight == 0


def test_a_small_call_does_not_overtake_a_large_one(virtual: asyncio.Runner) -> None:
    line, _, _ = _line(virtual, rate=RateLimit(tokens_per_minute=600))
    comers = _Comers(line)

    async def story() -> None:
        async with asyncio.TaskGroup() as tasks:
            for name, size in [("a", 100.0), ("B", 1000.0), ("c", 1.0)]:
                tasks.create_task(comers.come(name, size=size))

    virtual.run(story())

    assert comers.names == "aBc"
    assert [at for _, at in comers.went] == pytest.approx([0, 10, 110], abs=0.2)


def test_nothing_of_the_rate_is_spent_on_calls_that_wait_for_a_connection(
    virtual: asyncio.Runner,
) -> None:
    line, _, _ = _line(virtual, most=2, rate=RateLimit(requests_per_minute=120))
    comers = _Comers(line, stays_s=10.0)

    async def story() -> None:
        async with asyncio.TaskGroup() as tasks:
            for name in "abcd":
                tasks.create_task(comers.come(name))

    virtual.run(story())

    # c and d come free at 10 and 10.5: had they taken their turns early, both would burst out.
    assert [at for _, at in comers.went] == pytest.approx([0, 0.5, 10, 10.5])


def test_one_that_gives_up_waiting_takes_nothing_with_it(virtual: asyncio.Runner) -> None:
    line, window, _ = _line(virtual, most=5, rate=RateLimit(requests_per_minute=60))
    comers = _Comers(line)

    async def story() -> None:
        tasks = [asyncio.create_task(comers.come(name)) for name in "abcde"]
        await asyncio.sleep(0.5)
        tasks[1].cancel()
        tasks[3].cancel()
        await asyncio.wait(tasks)

    virtual.run(story())

    assert comers.went == [("a", 0.0), ("c", 1.0), ("e", 2.0)]
    assert window.in_flight == 0


def test_one_that_gives_up_in_the_moment_of_its_turn_leaves_it_to_the_next(
    virtual: asyncio.Runner,
) -> None:
    line, window, _ = _line(virtual, most=1, rate=RateLimit(requests_per_minute=60))
    comers = _Comers(line)

    async def story() -> None:
        await line.turn(0.0)
        await asyncio.sleep(5)
        unlucky = asyncio.create_task(comers.come("u"))
        following = asyncio.create_task(comers.come("f"))
        await asyncio.sleep(0)
        line.leave()  # gives its turn to the first of the two, who does not know it yet
        unlucky.cancel()
        await asyncio.wait([unlucky, following])

    virtual.run(story())

    assert comers.went == [("f", 5.0)]
    assert window.in_flight == 0


def test_whoever_waits_can_be_sent_away_each_with_an_error_of_its_own(
    virtual: asyncio.Runner,
) -> None:
    line, _, pause = _line(virtual)

    async def story() -> list[ScoringError | None]:
        pause.asked(1000, now=0.0)
        turns = [line.turn(0.0, refused=number % 2) for number in range(3)]
        waiting = asyncio.gather(*turns, return_exceptions=True)
        await asyncio.sleep(0.1)
        line.send_away(lambda: EndpointPaused("later"))
        return [one if isinstance(one, EndpointPaused) else None for one in await waiting]

    errors = virtual.run(story())

    assert len({id(error) for error in errors if error}) == 3


def test_a_long_line_is_looked_at_only_when_somebody_comes_or_may_go(
    virtual: asyncio.Runner,
) -> None:
    clock, looks = virtual.get_loop().time, 0

    def watched() -> float:
        nonlocal looks
        looks += 1
        return clock()

    line = Line(
        window=Window(most=1000, start=1000),
        pace=Pace(RateLimit(requests_per_minute=6)),
        pause=Pause(lambda: 0.0),
        learned=LearnedRate(),
        clock=watched,
    )
    comers = _Comers(line, stays_s=0.0)

    async def story() -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(200):
                tasks.create_task(comers.come(f"{number}"))

    virtual.run(story())

    assert clock() == pytest.approx(1990)
    assert looks < 4 * 200
