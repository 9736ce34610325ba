"""How much was scored and paid for since somebody began to count: read from the tables, cheaply."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import msgspec
import sqlalchemy as sql

from judge.results.outcome import Fate, Score
from judge.results.tables import ATTEMPTS, RESULTS

_GAP = 5_000
"""Numbers are handed out in blocks: so far behind the newest, some may still be written."""
_AT_ONCE = 500
_PAGE = 10_000

_FATES = msgspec.json.Decoder(Fate)


@dataclass(slots=True)
class Tallies:
    """Counts since the first look.

    Attributes:
        outcomes: by what came of a record: ``score``, ``not_applicable``, or the code of a fate.
        calls: by what came of a call: ``answered`` or ``failed``.
        tokens: by ``input`` and ``output``, as far as endpoints count them.
        dollars: what calls cost, as far as that is known.
        unpriced: answered calls of which nobody knows what they cost.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)
    dollars: float = 0.0
    unpriced: int = 0


class Tally:
    """Counts outcomes and calls of all runs in a database, whichever process writes them.

    What was there at the first look is not counted; each later look reads what is new.

    Args:
        engine: of the database.
    """

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine
        self._found = Tallies()
        self._results = _Reader(RESULTS.c.sequence)
        self._attempts = _Reader(ATTEMPTS.c.attempt)
        self._open: set[int] = set()
        self._lock = Lock()

    def look(self) -> Tallies:
        """Return the counts as they stand now."""
        with self._lock, self._engine.connect() as connection:
            self._count_outcomes(connection)
            self._count_calls(connection)
            return self._found

    def _count_outcomes(self, connection: sql.Connection) -> None:
        body = sql.case((RESULTS.c.kind == Fate.__name__, RESULTS.c.body), else_=None)
        for row in self._results.new(connection, RESULTS.c.kind, body.label("body")):
            if row.kind == Fate.__name__:
                self._found.outcomes[_FATES.decode(bytes(row.body)).code.value] += 1
            else:
                name = "score" if row.kind == Score.__name__ else "not_applicable"
                self._found.outcomes[name] += 1

    def _count_calls(self, connection: sql.Connection) -> None:
        columns = [ATTEMPTS.c[name] for name in ("closed", "error", *_COUNTED)]
        waiting = sorted(self._open)
        for start in range(0, len(waiting), _AT_ONCE):
            wanted = ATTEMPTS.c.attempt.in_(waiting[start : start + _AT_ONCE])
            query = sql.select(ATTEMPTS.c.attempt.label("number"), *columns).where(
                wanted & ATTEMPTS.c.closed.is_not(None)
            )
            for row in connection.execute(query):
                self._open.discard(row.number)
                self._count_call(row)
        for row in self._attempts.new(connection, *columns):
            if row.closed is None:
                self._open.add(row.number)
            else:
                self._count_call(row)

    def _count_call(self, row: sql.Row[Any]) -> None:
        found = self._found
        found.calls["failed" if row.error else "answered"] += 1
        found.tokens["input"] += row.input_tokens or 0
        found.tokens["output"] += row.output_tokens or 0
        found.dollars += row.cost or 0.0
        found.unpriced += row.cost is None and not row.error


_COUNTED = ("input_tokens", "output_tokens", "cost")


class _Reader:
    """Reads each row of a table once, by a number that grows, if not strictly."""

    def __init__(self, number: sql.Column[int]) -> None:
        self._number = number
        self._newest: int | None = None
        self._first = 0
        self._seen: set[int] = set()

    def new(
        self, connection: sql.Connection, *columns: sql.ColumnElement[Any]
    ) -> Iterator[sql.Row[Any]]:
        """Yield the rows that were not read before, each with its number; at first none."""
        if self._newest is None:
            newest = connection.execute(sql.select(sql.func.max(self._number))).scalar_one()
            self._newest = self._first = newest or 0
            return
        place: int | None = max(self._first, self._newest - _GAP)
        query = sql.select(self._number.label("number"), *columns).order_by(self._number)
        while place is not None:
            page = connection.execute(query.where(self._number > place).limit(_PAGE)).all()
            yield from (row for row in page if row.number not in self._seen)
            self._seen.update(row.number for row in page)
            place = page[-1].number if len(page) == _PAGE else None
            self._newest = max([self._newest, *(row.number for row in page[-1:])])
            floor = self._newest - _GAP
            self._seen = {number for number in self._seen if number > floor}
