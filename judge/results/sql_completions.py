"""Answers kept in the database of a store."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec
import sqlalchemy as sql

from judge.results.completions import CompletionStatistics, utc_now
from judge.results.database import Finder
from judge.results.tables import COMPLETIONS
from judge.results.writer import Rows, Writer
from judge.stats.money import Money

_FIND = "SELECT body FROM completions WHERE key = ?"
_KEEP = """\
INSERT INTO completions (key, kept, cost, body) VALUES (?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE
SET kept = excluded.kept, cost = excluded.cost, body = excluded.body"""
_COUNT = """\
SELECT count(*), sum(length(body)), min(kept), max(kept), sum(cost), count(cost)
FROM completions"""

_Counted: TypeAlias = tuple[int, int | None, str | None, str | None, float | None, int]
_AFTER_ALL = "9"  # no year begins with more


class SqlCompletions:
    """A shelf of answers.

    Each question is looked up before it is asked, in the thread that asks.

    Args:
        finder: looks into the database, which holds the table already; closed with the shelf.
        writing: gives the database's one writer, which is taken when something is kept first.
        now: the time, with its zone.
    """

    def __init__(
        self,
        finder: Finder,
        *,
        writing: Callable[[], Writer],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._finder = finder
        self._writing = writing
        self._now = now

    def close(self) -> None:
        """Let the database go."""
        self._finder.close()

    def completion(self, key: str) -> bytes | None:
        found = self._finder.find(_FIND, (key,))
        if found is None:
            return None
        # Anything else was not written by us, and is no answer either.
        return found[0] if isinstance(found[0], bytes) else b""

    async def keep_completion(self, key: str, body: bytes, *, cost: float | None) -> None:
        row = (key, _stamp(self._now()), cost, body)
        await self._writing().rows(Rows(_KEEP, [row]))

    def statistics(self) -> CompletionStatistics:
        found = self._finder.find(_COUNT, ())
        entries, size, oldest, newest, cost, known = msgspec.convert(found, _Counted)
        return CompletionStatistics(
            entries=entries,
            bytes=size or 0,
            oldest=oldest and datetime.fromisoformat(oldest),
            newest=newest and datetime.fromisoformat(newest),
            worth=Money(dollars=cost or 0.0, known=known, unknown=entries - known),
        )

    def forget_completions(self, *, older_than: datetime | None) -> int:
        before = _AFTER_ALL if older_than is None else _stamp(older_than)

        def write(connection: sql.Connection) -> int:
            old = sql.delete(COMPLETIONS).where(COMPLETIONS.c.kept < before)
            return connection.execute(old).rowcount

        return self._writing().now(write)


def _stamp(at: datetime) -> str:
    """Return a time so that texts stand in the order of the times."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
