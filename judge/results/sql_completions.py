"""Answers kept in the SQLite file of a store."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sql

from judge.errors import StoreError
from judge.results.completions import CompletionStatistics, utc_now
from judge.results.writer import Rows, Writer
from judge.stats.money import Money

CREATE_COMPLETIONS = """\
CREATE TABLE IF NOT EXISTS completions (
    key TEXT NOT NULL PRIMARY KEY, kept TEXT NOT NULL, cost FLOAT, body BLOB NOT NULL
)"""
_FIND = "SELECT body FROM completions WHERE key = ?"
_KEEP = "INSERT OR REPLACE INTO completions (key, kept, cost, body) VALUES (?, ?, ?, ?)"
_COUNT = """\
SELECT count(*), total(length(body)), min(kept), max(kept), total(cost), count(cost)
FROM completions"""
_FORGET = "DELETE FROM completions WHERE kept < ?"

_AFTER_ALL = "9"  # no year begins with more


class SqlCompletions:
    """A shelf of answers.

    Each question is looked up before it is asked, in the thread that asks: the look-up is one
    prepared statement on one connection that only reads.

    Args:
        path: the file; it holds the table already.
        writing: gives the file's one writer, which is taken when something is kept first.
        now: the time, with its zone.
    """

    def __init__(
        self,
        path: Path,
        *,
        writing: Callable[[], Writer],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._path = path
        self._writing = writing
        self._now = now
        # Looked into from the thread of the loop; made and closed wherever its store is.
        self._reading = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def close(self) -> None:
        """Let the file go."""
        self._reading.close()

    def completion(self, key: str) -> bytes | None:
        try:
            found = self._reading.execute(_FIND, (key,)).fetchone()
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        if found is None:
            return None
        # Anything else was not written by us, and is no answer either.
        return found[0] if isinstance(found[0], bytes) else b""

    async def keep_completion(self, key: str, body: bytes, *, cost: float | None) -> None:
        row = (key, _stamp(self._now()), cost, body)
        await self._writing().rows(Rows(_KEEP, [row]))

    def statistics(self) -> CompletionStatistics:
        try:
            found = self._reading.execute(_COUNT).fetchone()
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        entries, size, oldest, newest, cost, known = found
        return CompletionStatistics(
            entries=entries,
            bytes=int(size),
            oldest=oldest and datetime.fromisoformat(oldest),
            newest=newest and datetime.fromisoformat(newest),
            worth=Money(dollars=cost, known=known, unknown=entries - known),
        )

    def forget_completions(self, *, older_than: datetime | None) -> int:
        before = _AFTER_ALL if older_than is None else _stamp(older_than)

        def write(connection: sql.Connection) -> int:
            return connection.exec_driver_sql(_FORGET, (before,)).rowcount

        return self._writing().now(write)

    def _unreadable(self, error: sqlite3.Error) -> StoreError:
        return StoreError(f"the cache in {self._path} cannot be read: {error}")


def _stamp(at: datetime) -> str:
    """Return a time so that texts stand in the order of the times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
