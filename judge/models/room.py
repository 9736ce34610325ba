"""Room for so many at once: whoever comes to a full one waits, and who waits longest is next."""

import asyncio
from collections import deque


class Room:
    """Counts places. It does what a semaphore does, and costs next to nothing where one is free.

    Whoever enters leaves again, whatever happens to it meanwhile::

        if not room.enter():
            await room.wait()
        try:
            ...
        finally:
            room.leave()

    Args:
        places: how many there are.
    """

    def __init__(self, places: int) -> None:
        self.free = places
        """How many more may enter now."""
        self._waiting: deque[asyncio.Future[None]] = deque()

    def enter(self) -> bool:
        """Take a place; return whether one was free."""
        if not self.free:
            return False
        self.free -= 1
        return True

    async def wait(self) -> None:
        """Wait for a place, and take it."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.leave()  # it was given one, and does not take it
            raise

    def leave(self) -> None:
        """Give a place back: to the one that waits longest, if any does."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self.free += 1
