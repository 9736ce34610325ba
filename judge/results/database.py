"""What a store asks of the database it lies in; all that SQLite and PostgreSQL differ in."""

from collections.abc import Iterable
from typing import Protocol

import sqlalchemy as sql

from judge.results.writer import Writer


class Finder(Protocol):
    """Looks single rows up, quickly: once for each question that is about to be asked."""

    def find(self, statement: str, values: tuple[object, ...]) -> tuple[object, ...] | None:
        """Return the first row; the statement holds a ``?`` for each value.

        Raises:
            StoreError: the database cannot be read.
        """
        ...

    def close(self) -> None:
        """Let its connection go."""
        ...


class Database(Protocol):
    """One database, reached through SQLAlchemy in autocommit mode."""

    @property
    def name(self) -> str:
        """How it is called in messages; without a password."""
        ...

    @property
    def engine(self) -> sql.Engine: ...

    @property
    def close_attempts(self) -> str:
        """The statement that closes attempts, many in one go."""
        ...

    def spell(self, text: str) -> str | bytes:
        """Return a name, which may hold any character, as its column takes it."""
        ...

    def finder(self) -> Finder:
        """Return what looks single rows up."""
        ...

    def begin_alone(self, connection: sql.Connection) -> None:
        """Begin a transaction during which nobody else changes tables."""
        ...

    def claim(self) -> None:
        """Take the right to write at all.

        Raises:
            StoreUnusable: another has it.
        """
        ...

    def claim_run(self, run_id: str, writer: Writer) -> None:
        """Take the right to write to a run, for as long as the writer's connection lasts.

        Raises:
            StoreUnusable: another has it.
        """
        ...

    def release_runs(self, writer: Writer) -> None:
        """Give the right to write to runs back."""
        ...

    def attempt_numbers(self, connection: sql.Connection) -> Iterable[int]:
        """Return numbers for attempts that nobody else is given, each above all before."""
        ...

    def close(self) -> None:
        """Let everything go, the right to write too."""
        ...
