"""Rates that workers share, in a PostgreSQL database."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import SQLAlchemyError

from judge.errors import StoreError
from judge.results.tables import META
from judge.results.writer import fault_of

_NOW = sql.extract("epoch", sql.func.clock_timestamp())


class SqlRates:
    """For each rate the moment up to which it is reserved, by the clock of the database.

    Args:
        engine: in autocommit mode: each statement is a transaction.
    """

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine

    def reserve(self, name: str, amount: float, per_minute: float) -> float:
        """Reserve a part of a rate.

        Args:
            name: of the rate.
            amount: how much is to go out.
            per_minute: how much goes out in a minute.

        Returns:
            Seconds from now until it may begin to go out; 0 or more.

        Raises:
            StoreError: the database is out of reach.
        """
        takes_s = amount * 60 / per_minute
        insert = postgresql.insert(META).values(
            name=f"rate {name}", value=sql.cast(_NOW + takes_s, sql.Text)
        )
        until = sql.func.greatest(sql.cast(META.c.value, sql.Float), _NOW) + takes_s
        reserved = insert.on_conflict_do_update(
            index_elements=["name"], set_={"value": sql.cast(until, sql.Text)}
        ).returning(sql.cast(META.c.value, sql.Float) - _NOW - takes_s)
        with self._connected() as connection:
            return max(0.0, float(connection.execute(reserved).scalar_one()))

    @contextmanager
    def _connected(self) -> Iterator[sql.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(f"shared rates are out of reach: {fault_of(error)}") from error
