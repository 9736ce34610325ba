import asyncio
from collections.abc import Callable

import pytest

from judge.errors import StoreError
from judge.models.shared_rate import AHEAD_S, SharedBucket


class Book:
    """What several processes reserve from, at a time that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0
        self.until = 0.0

    async def reserve(self, name: str, amount: float, per_minute: float) -> float:
        start = max(self.until, self.now)
        self.until = start + amount * 60 / per_minute
        return start - self.now

    def bucket(self, per_minute: float = 600) -> SharedBucket:
        return SharedBucket("r", per_minute, reserve=self.reserve, clock=lambda: self.now)


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def _sent(
    book: Book, buckets: list[SharedBucket], *, for_s: float, size: float = 1.0
) -> list[float]:
    """Send as fast as is allowed; return when what went."""
    sent: list[float] = []
    until = book.now + for_s
    while book.now < until:
        for bucket in buckets:
            while bucket.ready_at(size) <= book.now:
                bucket.take(size, now=book.now)
                sent.append(book.now)
        await _settle()
        book.now += 0.01
    return sent


@pytest.mark.parametrize("n_processes", [1, 2, 5])
def test_however_many_share_a_rate_they_keep_to_it_and_use_nearly_all_of_it(
    n_processes: int,
) -> None:
    book = Book()

    sent = asyncio.run(_sent(book, [book.bucket() for _ in range(n_processes)], for_s=30))

    assert 0.95 * 300 <= len(sent) <= 300 + n_processes * 10 * 2 * AHEAD_S


def test_what_was_reserved_and_not_used_in_time_is_not_sent_on_top_of_what_others_send() -> None:
    async def rest() -> list[float]:
        book = Book()
        sleeper = book.bucket()
        sleeper.ready_at(1.0)
        await _settle()
        book.now += 60
        return await _sent(book, [sleeper, book.bucket()], for_s=1)

    assert len(asyncio.run(rest())) <= 10 + 2


def test_what_took_more_than_was_expected_is_paid_back_by_those_that_follow() -> None:
    async def send() -> int:
        book = Book()
        bucket = book.bucket()
        await _sent(book, [bucket], for_s=1)
        bucket.correct(50)  # five seconds of the rate
        return len(await _sent(book, [bucket], for_s=10))

    assert 40 <= asyncio.run(send()) <= 60


def test_something_larger_than_is_reserved_at_once_goes_when_it_is_paid_for() -> None:
    book = Book()

    sent = asyncio.run(_sent(book, [book.bucket()], for_s=60, size=100.0))

    assert 5 <= len(sent) <= 7


def test_where_nothing_can_be_reserved_calls_go_on_to_the_ledger_which_refuses_them() -> None:
    async def refuse(name: str, amount: float, per_minute: float) -> float:
        raise StoreError("gone")

    async def ask(clock: Callable[[], float]) -> float:
        bucket = SharedBucket("r", 600, reserve=refuse, clock=clock)
        bucket.ready_at(1.0)
        await _settle()
        return bucket.ready_at(1.0)

    assert asyncio.run(ask(lambda: 5.0)) == 5.0
