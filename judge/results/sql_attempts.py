"""The attempt ledger of a run in a database."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

import sqlalchemy as sql

from judge.errors import StoreError
from judge.results.database import Database
from judge.results.fence import Fence
from judge.results.store import timestamp
from judge.results.tables import ATTEMPTS
from judge.results.writer import Rows, Writer

# What each record costs is written through this, many rows at a time.
_OPEN = "INSERT INTO attempts (attempt, run_id, call_id, opened) VALUES (?, ?, ?, ?)"


class SqlAttemptLog:
    """The attempt ledger of one run.

    When something could not be written, no attempt is opened any more: paid calls stop first. An
    attempt is closed whoever holds the chunk by then: what was paid for was paid for.

    Args:
        database: the ledger is in.
        run_id: the run.
        replay: whether answers received by an earlier process are to be used.
        writing: returns the writer, with the right to write to the run.
        number: draws the number of an attempt, above all that were drawn by earlier writers.
        read: reads rows.
        fence: of the chunk that the calls are made for; None where the run is not in chunks.
        cases: the records whose calls are asked for, by `case_id_of`; None for all of the run.
    """

    def __init__(
        self,
        database: Database,
        run_id: str,
        *,
        replay: bool,
        writing: Callable[[str], Writer],
        number: Callable[[], int],
        # The element types differ from query to query; each caller reads named columns only.
        read: Callable[[sql.Select[Any]], Sequence[sql.Row[Any]]],
        fence: Fence | None = None,
        cases: Collection[str] | None = None,
    ) -> None:
        self._database = database
        self._run_id = run_id
        self._replay = replay
        self._writing = writing
        self._number = number
        self._read = read
        self._fence = fence
        self._cases = cases
        self._failures: int | None = None

    async def opened(self, call_id: str) -> int:
        writer = self._writing(self._run_id)
        self._refuse_after_a_failure(writer)
        attempt = self._number()
        row = (attempt, self._run_id, self._database.spell(call_id), timestamp())
        await writer.rows(Rows(_OPEN, [row], self._fence))
        # Another write may have failed while this one was made.
        self._refuse_after_a_failure(writer)
        return attempt

    async def closed(
        self,
        attempt: int,
        *,
        reply: bytes = b"",
        error: str = "",
        possibly_paid: bool = False,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cost: float | None = None,
        wait: bool = True,
    ) -> None:
        paid = (int(possibly_paid), input_tokens, output_tokens, cost)
        # An endpoint's words may hold half of a surrogate pair, which no database takes.
        words = error.encode(errors="backslashreplace").decode()
        said = self._database.spell(words) if words else None
        row = (attempt, timestamp(), reply or None, said, *paid)
        rows = Rows(self._database.close_attempts, [row])
        if wait:
            await self._writing(self._run_id).rows(rows)
        else:
            self._writing(self._run_id).rows_unawaited(rows)

    def answered(self, call_id: str) -> bytes | None:
        if not self._replay or (attempt := self._answered.get(call_id)) is None:
            return None
        (row,) = self._read(sql.select(ATTEMPTS.c.reply).where(ATTEMPTS.c.attempt == attempt))
        return bytes(row.reply)

    @cached_property
    def _answered(self) -> Mapping[str, int]:
        """Return the last answered attempt at each call of an earlier process."""
        # An index of calls would cost every run more than this costs the few that are resumed.
        query = sql.select(ATTEMPTS.c.call_id, ATTEMPTS.c.attempt).where(
            ATTEMPTS.c.run_id == self._run_id, ATTEMPTS.c.reply.is_not(None)
        )
        rows = self._read(query.order_by(ATTEMPTS.c.attempt))
        return {row.call_id: row.attempt for row in rows if self._is_wanted(row.call_id)}

    def _is_wanted(self, call_id: str) -> bool:
        return self._cases is None or call_id.rpartition("#")[0] in self._cases

    def _refuse_after_a_failure(self, writer: Writer) -> None:
        if self._failures is None:
            self._failures = writer.failures
        if writer.failures > self._failures:
            raise StoreError("nothing is sent any more: something could not be written before")
