"""The one thread that writes to a database, committing what waits together."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

import sqlalchemy as sql
from sqlalchemy.exc import DBAPIError

from judge.errors import StoreError

T = TypeVar("T")

_MOST_TOGETHER = 1000


@dataclass(frozen=True, slots=True)
class _Job(Generic[T]):
    """One write, and the place its outcome is waited for."""

    write: Callable[[sql.Connection], T]
    done: Future[T]

    def run(self, connection: sql.Connection) -> Callable[[], None]:
        """Write, and return what to call once that is committed."""
        written = self.write(connection)
        return lambda: self.done.set_result(written)


class Writer:
    """Runs writes one after the other and answers each when it is durable."""

    def __init__(self, engine: sql.Engine, *, name: str) -> None:
        self._engine = engine
        self._name = name
        self._jobs: SimpleQueue[_Job[object] | None] = SimpleQueue()
        self._thread = Thread(target=self._serve, name=f"writer of {name}", daemon=True)
        self._thread.start()

    async def soon(self, write: Callable[[sql.Connection], T]) -> T:
        """Write together with whatever else waits; return when it is committed.

        Raises:
            StoreError: it could not be written.
        """
        return await asyncio.wrap_future(self._submitted(write))

    def now(self, write: Callable[[sql.Connection], T]) -> T:
        """Write and block until it is committed.

        Raises:
            StoreError: it could not be written.
        """
        return self._submitted(write).result()

    def close(self) -> None:
        """Write what still waits, and end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _submitted(self, write: Callable[[sql.Connection], T]) -> Future[T]:
        done: Future[T] = Future()
        self._jobs.put(_Job(write, done))  # type: ignore[arg-type]  # a queue of any result type
        return done

    def _serve(self) -> None:
        with self._engine.connect() as connection:
            while (first := self._jobs.get()) is not None:
                jobs, ended = self._together(first)
                self._commit(connection, jobs)
                if ended:
                    return

    def _together(self, first: "_Job[object]") -> "tuple[list[_Job[object]], bool]":
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

    def _commit(self, connection: sql.Connection, jobs: "list[_Job[object]]") -> None:
        wanted = [job for job in jobs if job.done.set_running_or_notify_cancel()]
        if self._try(connection, wanted) is None:
            return
        # One write spoils the whole commit: alone, each gets the answer it deserves.
        for job in wanted:
            if (fault := self._try(connection, [job])) is not None:
                failure = StoreError(f"writing to {self._name} failed: {fault_of(fault)}")
                failure.__cause__ = fault
                job.done.set_exception(failure)

    def _try(self, connection: sql.Connection, jobs: "list[_Job[object]]") -> Exception | None:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            answers = [job.run(connection) for job in jobs]
            connection.exec_driver_sql("COMMIT")
        except Exception as error:  # noqa: BLE001 - handed to whoever waits, never swallowed
            if connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
                connection.exec_driver_sql("ROLLBACK")
            return error
        for answer in answers:
            answer()
        return None


def fault_of(error: Exception) -> str:
    """Say what the database said, without the statement that it said it of."""
    return str(error.orig if isinstance(error, DBAPIError) else error)
