"""An event loop whose time passes only when nobody has anything to do."""

import asyncio
import random
import selectors
from collections.abc import Iterator

import pytest


class _Leaping(selectors.SelectSelector):
    """A selector that does not wait: it moves a clock on by as long as it was to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits for somebody else")
        self.now += max(0.0, timeout)
        return super().select(0)


class _VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.now


@pytest.fixture
def virtual() -> Iterator[asyncio.Runner]:
    """Runs coroutines in virtual time: an hour of sleeping takes no time, and the order is exact.

    Its clock is ``virtual.get_loop().time``. The waits that retrying draws are always the same.
    """
    random.seed(1)
    with asyncio.Runner(loop_factory=_VirtualTimeLoop) as runner:
        yield runner
