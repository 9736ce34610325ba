"""A store's database as one SQLite file, written by one process at a time."""

import fcntl
import os
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path

import sqlalchemy as sql
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

from judge.errors import StoreError, StoreUnusable
from judge.results.tables import ATTEMPTS
from judge.results.writer import Writer

_PATIENCE_S = 10
# Pages: records come in random order, and the same page of an index is written again and again.
_CHECKPOINT = "wal_autocheckpoint=4000"
_CLOSE = """\
UPDATE attempts SET
    closed = row.column2, reply = row.column3, error = row.column4, possibly_paid = row.column5,
    input_tokens = row.column6, output_tokens = row.column7, cost = row.column8
FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?)) AS row WHERE attempt = row.column1"""


class SqliteFile:
    """One file.

    Args:
        path: of the file; made, with its folder, for its owner alone if it does not exist.

    Raises:
        OSError: the file or its folder cannot be made.
    """

    close_attempts = _CLOSE

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = str(path)
        self._lock: int | None = None
        _make_private(path)
        self.engine = _engine(path)

    def spell(self, text: str) -> str:
        return text

    def finder(self) -> "SqliteFinder":
        return SqliteFinder(self._path)

    def begin_alone(self, connection: sql.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def claim(self) -> None:
        # The system takes the right back when the process ends, however it ends.
        path = self._path.with_name(self._path.name + ".lock")
        lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(lock)
            raise StoreUnusable(
                f"another judge is writing to {self.name}; wait for it, or give another --store"
            ) from error
        self._lock = lock

    def claim_run(self, run_id: str, writer: Writer) -> None:
        """Do nothing: who may write at all may write to every run."""

    def release_runs(self, writer: Writer) -> None:
        """Do nothing: that right goes with the file's."""

    def attempt_numbers(self, connection: sql.Connection) -> Iterable[int]:
        # Nobody else writes, so they can be given here.
        last = connection.execute(sql.select(sql.func.max(ATTEMPTS.c.attempt))).scalar_one()
        return count((last or 0) + 1)

    def close(self) -> None:
        self.engine.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class SqliteFinder:
    """Looks rows up by prepared statements on a connection that only reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Looked into from the thread of the loop; made and closed wherever its store is.
        self._reading = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def find(self, statement: str, values: tuple[object, ...]) -> tuple[object, ...] | None:
        try:
            found: tuple[object, ...] | None = self._reading.execute(statement, values).fetchone()
        except sqlite3.Error as error:
            raise StoreError(f"the cache in {self._path} cannot be read: {error}") from error
        return found

    def close(self) -> None:
        self._reading.close()


def _engine(path: Path) -> sql.Engine:
    # AUTOCOMMIT: the writer says BEGIN IMMEDIATE and COMMIT itself; a read is one statement.
    engine = sql.create_engine(
        sql.URL.create("sqlite", database=str(path)),  # a path may hold '?' or '#'
        isolation_level="AUTOCOMMIT",
        hide_parameters=True,  # they hold records, and an error is shown and logged
    )

    @sql.event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        _log_ahead(cursor)
        # A result is durable when its commit returns, also when the power fails.
        for pragma in ("synchronous=FULL", f"busy_timeout={_PATIENCE_S * 1000}", _CHECKPOINT):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _is_busy(error: BaseException) -> bool:
    return (
        isinstance(error, sqlite3.OperationalError)
        and error.sqlite_errorcode == sqlite3.SQLITE_BUSY
    )


# Of two that open a new file at once, SQLite refuses one without letting it wait.
@retry(
    retry=retry_if_exception(_is_busy),
    wait=wait_random(max=0.05),
    stop=stop_after_delay(_PATIENCE_S),
    reraise=True,
)
def _log_ahead(cursor: DBAPICursor) -> None:
    cursor.execute("PRAGMA journal_mode=WAL")


def _make_private(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # A file that exists is left to SQLite: to close it here would release the locks that another
    # store of this process holds on it, and what that one writes from then on could be lost.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
