import asyncio

import pytest

from judge.models.room import Room


class Guests:
    """Enter a room, and stay until they are told to go."""

    def __init__(self, places: int) -> None:
        self.room = Room(places)
        self.order: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, *names: str) -> None:
        for name in names:
            self.ends[name] = asyncio.Event()
            self.tasks[name] = asyncio.create_task(self._visit(name))
        await _turns()

    async def go(self, *names: str) -> None:
        for name in names:
            self.ends[name].set()
        await _turns()

    async def _visit(self, name: str) -> None:
        if not self.room.enter():
            await self.room.wait()
        try:
            self.order.append(name)
            await self.ends[name].wait()
        finally:
            self.room.leave()


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_no_more_are_in_it_than_there_are_places_and_who_waits_longest_is_next() -> None:
    async def meet() -> list[list[str]]:
        guests, seen = Guests(2), list[list[str]]()
        await guests.come("a", "b", "c", "d")
        seen.append(list(guests.order))
        await guests.go("b")
        seen.append(list(guests.order))
        await guests.come("e")
        await guests.go("a", "c")
        seen.append(list(guests.order))
        await guests.go("d", "e")
        assert guests.room.free == 2
        return seen

    assert asyncio.run(meet()) == [["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d", "e"]]


@pytest.mark.parametrize("same_moment", [False, True], ids=["waiting", "as its place comes"])
def test_one_that_gives_up_takes_no_place_from_the_next(*, same_moment: bool) -> None:
    async def meet() -> tuple[list[str], int]:
        guests = Guests(1)
        await guests.come("a", "b", "c")
        if same_moment:
            guests.ends["a"].set()
            await guests.tasks["a"]  # its place is the second one's now, which has not run yet
        guests.tasks["b"].cancel()
        await guests.go("a")
        await guests.go("b", "c")
        return guests.order, guests.room.free

    order, free = asyncio.run(meet())

    assert order in (["a", "c"], ["a", "b", "c"])
    assert free == 1
