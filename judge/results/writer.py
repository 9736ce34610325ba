"""The one thread that writes to a database, committing what waits together."""

import asyncio
import logging
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import lru_cache
from itertools import chain, islice
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, TypeAlias, TypeVar

import sqlalchemy as sql
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from judge.errors import JudgeError, StoreError
from judge.results.fence import Fence

T = TypeVar("T")

_LOGGER = logging.getLogger(__name__)

_MOST_TOGETHER = 4096
_MOST_ROWS = 64
_STEP = 8
_ROW = re.compile(r"\(\?(?:, \?)*\)")
# SQLite: who reads first and writes then would be told that the file is locked.
_BEGIN = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN"}
_PLACEHOLDER = {"sqlite": "?", "postgresql": "%s"}
# Syncing a log costs as much CPU as writing 30 rows: where several wait, more are about to. It is
# waited for them as long as they come, until there are enough, and a few times at most.
_GATHER_S = 0.004
_GATHER_TIMES = 4
_ENOUGH = 64


class Rows(NamedTuple):
    """Rows for one statement: all of them are written or, where one cannot be, none.

    Attributes:
        statement: SQL with one list of values, a ``?`` for each: ``(?, ?)``. It must mean the same
            with several such lists, as ``INSERT INTO ... VALUES (?, ?), (?, ?)`` does.
        fence: must hold when they are written; None where nothing is asked.
    """

    statement: str
    values: Sequence[tuple[object, ...]]
    fence: Fence | None = None


class _Job(NamedTuple):
    """One write, and the place its outcome is waited for."""

    write: Callable[[sql.Connection], object] | Rows
    done: asyncio.Future[Any] | Future[Any] | None


_Answer: TypeAlias = tuple[asyncio.Future[Any] | Future[Any], object, JudgeError | None]


class Writer:
    """Runs writes one after the other and answers each when it is durable.

    Raises:
        StoreError: there is no connection to be had; known here, so that nobody waits for it.
    """

    def __init__(self, engine: sql.Engine, *, name: str) -> None:
        self._name = name
        try:
            self._connection = engine.connect()
        except DBAPIError as error:
            raise StoreError(f"{name} cannot be written to: {fault_of(error)}") from error
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._failures = 0
        self._connections = 1
        self._thread = Thread(target=self._serve, name=f"writer of {name}", daemon=True)
        self._thread.start()

    @property
    def failures(self) -> int:
        """How many writes could not be made; it grows before anybody is told of the failure."""
        return self._failures

    @property
    def connections(self) -> int:
        """How many connections it has had so far: locks end with theirs."""
        return self._connections

    async def soon(self, write: Callable[[sql.Connection], T]) -> T:
        """Write together with whatever else waits; return when it is committed.

        Raises:
            StoreError: it could not be written.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(write, done))
        return await done

    async def rows(self, rows: Rows) -> None:
        """Write rows: the same, at a fraction of the cost of a write that is a function.

        Raises:
            StoreError: they could not be written.
            ChunkLost: their fence does not hold; they were not.
        """
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(rows, done))
        await done

    def rows_unawaited(self, rows: Rows) -> None:
        """Write rows that nobody waits for, before or together with whatever is written later.

        That they could not be written is logged, and shows in `failures`.
        """
        self._jobs.put(_Job(rows, None))

    def now(self, write: Callable[[sql.Connection], T]) -> T:
        """Write and block until it is committed.

        Raises:
            StoreError: it could not be written.
        """
        done: Future[T] = Future()
        self._jobs.put(_Job(write, done))
        return done.result()

    def close(self) -> None:
        """Write what still waits, and end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _serve(self) -> None:
        several = False
        with self._connection as connection:
            while (first := self._jobs.get()) is not None:
                if several:
                    self._gather()
                jobs, ended = self._together(first)
                several = len(jobs) > 1
                _tell(self._commit(connection, jobs))
                if ended:
                    return

    def _gather(self) -> None:
        """Wait until enough is to be written together, or nobody joins those who wait."""
        n_waiting = self._jobs.qsize()
        for _ in range(_GATHER_TIMES):
            time.sleep(_GATHER_S)
            before, n_waiting = n_waiting, self._jobs.qsize()
            if n_waiting == before or n_waiting >= _ENOUGH:
                return

    def _together(self, first: _Job) -> tuple[list[_Job], bool]:
        jobs = [first]
        while len(jobs) < _MOST_TOGETHER:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                break
            if job is None:
                return jobs, True
            jobs.append(job)
        return jobs, False

    def _commit(self, connection: sql.Connection, jobs: list[_Job]) -> list[_Answer]:
        # Who gave up waiting gets nothing written.
        wanted = [job for job in jobs if job.done is None or not job.done.cancelled()]
        answers = _try(connection, wanted)
        if isinstance(answers, list):
            return answers
        # One write spoils the whole commit: alone, each gets the answer it deserves.
        return [answer for job in wanted for answer in self._alone(connection, job)]

    def _alone(self, connection: sql.Connection, job: _Job) -> list[_Answer]:
        answers = _try(connection, [job])
        if isinstance(answers, list):
            return answers
        if isinstance(answers, JudgeError):  # refused, by a fence: nothing is wrong with the rest
            return [] if job.done is None else [(job.done, None, answers)]
        self._failures += 1
        if connection.invalidated:  # the server ended it; the next write connects again
            self._connections += 1
            connection.rollback()
        failure = StoreError(f"writing to {self._name} failed: {fault_of(answers)}")
        failure.__cause__ = answers
        if job.done is None:
            _LOGGER.error("%s; nothing more is asked", failure)
            return []
        return [(job.done, None, failure)]


def write_rows(
    connection: sql.Connection, statement: str, rows: Iterable[tuple[object, ...]]
) -> None:
    """Write rows with a statement as that of `Rows`, many at a time.

    One after the other would not do: the interpreter's lock is let go for each statement, and
    taking it back from a busy loop costs more than the row.
    """
    waiting = iter(rows)
    while part := list(islice(waiting, _MOST_ROWS)):
        even = len(part) - len(part) % _STEP
        # In few sizes, so that few statements have to be prepared.
        for some in (part[:even], part[even:]):
            if some:
                values = tuple(chain.from_iterable(some))
                wide = _widened(statement, len(some), _PLACEHOLDER[connection.dialect.name])
                connection.exec_driver_sql(wide, values)


def fault_of(error: Exception) -> str:
    """Say what the database said, without the statement that it said it of."""
    return str(error.orig if isinstance(error, DBAPIError) else error)


def _try(connection: sql.Connection, jobs: list[_Job]) -> list[_Answer] | Exception:
    try:
        connection.exec_driver_sql(_BEGIN[connection.dialect.name])
        answers = _written(connection, jobs)
        connection.exec_driver_sql("COMMIT")
    except Exception as error:  # noqa: BLE001 - handed to whoever waits, never swallowed
        # It may have ended already. Where it cannot be, the next BEGIN fails, and whoever wrote is
        # told.
        with suppress(SQLAlchemyError):
            connection.exec_driver_sql("ROLLBACK")
        return error
    return answers


def _written(connection: sql.Connection, jobs: list[_Job]) -> list[_Answer]:
    """Write jobs, the rows of each statement together; return what to answer once committed."""
    fences: set[Fence] = set()
    rows: defaultdict[str, list[tuple[object, ...]]] = defaultdict(list)
    answers: list[_Answer] = []
    for write, done in jobs:
        answer = None
        if isinstance(write, Rows):
            statement, values, fence = write
            if fence is not None and fence not in fences:
                fence.check(connection)
                fences.add(fence)
            rows[statement] += values
        else:
            answer = write(connection)
        if done is not None:
            answers.append((done, answer, None))
    for statement, together in rows.items():
        write_rows(connection, statement, together)
    return answers


@lru_cache(maxsize=256)
def _widened(statement: str, size: int, placeholder: str) -> str:
    """Return a statement that takes so many rows, as the driver reads it."""
    wide = _ROW.sub(lambda row: ", ".join([row[0]] * size), statement, count=1)
    return wide.replace("?", placeholder)


def _tell(answers: list[_Answer]) -> None:
    """Answer all who wait, each loop with a single call: that wakes it up once."""
    loops: dict[asyncio.AbstractEventLoop, list[_Answer]] = {}
    for answer in answers:
        done = answer[0]
        if isinstance(done, Future):
            _settle([answer])
        else:
            loops.setdefault(done.get_loop(), []).append(answer)
    for loop, of_loop in loops.items():
        with suppress(RuntimeError):  # it is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, of_loop)


def _settle(answers: list[_Answer]) -> None:
    for done, answer, failure in answers:
        if done.done():
            continue  # given up while it was being written
        if failure is None:
            done.set_result(answer)
        else:
            done.set_exception(failure)
