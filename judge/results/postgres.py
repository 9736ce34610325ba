"""A store's database on a PostgreSQL server, written by several processes at once."""

import time
from collections.abc import Iterable
from contextlib import suppress

import sqlalchemy as sql
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from judge.errors import ConfigError, MissingExtra, StoreError, StoreUnusable
from judge.results.fence import lock_number, run_lock
from judge.results.tables import META
from judge.results.writer import Writer, fault_of

_PATIENCE_S = 10
_MOMENT_S = 0.5
# Where all values of a column are NULL, PostgreSQL takes it for text.
_CLOSE = """\
UPDATE attempts SET
    closed = row.column2, reply = CAST(row.column3 AS BYTEA), error = CAST(row.column4 AS BYTEA),
    possibly_paid = row.column5, input_tokens = CAST(row.column6 AS INTEGER),
    output_tokens = CAST(row.column7 AS INTEGER), cost = CAST(row.column8 AS DOUBLE PRECISION)
FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?)) AS row WHERE attempt = row.column1"""
# A result is durable when its commit returns; a server may be set up to promise less, or more.
_DURABLE = """\
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') = 'off'"""
_NUMBERS = """\
SELECT nextval(pg_get_serial_sequence('attempts', 'attempt')) FROM generate_series(1, 1000)"""
# What workers had before they died, others go on with.
_AT_WORK = sql.text(
    "SELECT job_id FROM chunks JOIN jobs USING (job_id) "
    "WHERE run_id = :run AND chunks.state = 'running' LIMIT 1"
)
_LAYOUT_LOCK = "the layout of judge"


def address_without_password(address: str) -> str:
    """Return an address as it may be shown.

    Raises:
        ConfigError: it is none of PostgreSQL.
    """
    return _url(address).render_as_string(hide_password=True)


def holds_store(address: str) -> bool:
    """Return whether a store was made in a database.

    Raises:
        ConfigError: the address is none of PostgreSQL.
        StoreUnusable: the database cannot be reached.
    """
    database = PostgresDatabase(address)
    try:
        with database.engine.connect() as connection:
            return sql.inspect(connection).has_table(META.name)
    except SQLAlchemyError as error:
        raise StoreUnusable(
            f"the store {database.name} cannot be opened: {fault_of(error)}"
        ) from error
    finally:
        database.close()


class PostgresDatabase:
    """One database of a server.

    Args:
        address: ``postgresql://user@host:port/database``; what it leaves out, libpq looks for in
            the environment and in ``~/.pgpass``.

    Raises:
        ConfigError: the address is none of PostgreSQL.
        MissingExtra: the driver is not installed.
    """

    close_attempts = _CLOSE

    def __init__(self, address: str) -> None:
        url = _url(address)
        self.name = url.render_as_string(hide_password=True)
        try:
            self.engine = _engine(url)
        except ModuleNotFoundError as error:
            raise MissingExtra("cluster", needed_for="a store on PostgreSQL") from error

    def spell(self, text: str) -> bytes:
        return text.encode()

    def finder(self) -> "PostgresFinder":
        return PostgresFinder(self.engine, self.name)

    def begin_alone(self, connection: sql.Connection) -> None:
        connection.exec_driver_sql("BEGIN")
        connection.execute(sql.select(sql.func.pg_advisory_xact_lock(lock_number(_LAYOUT_LOCK))))

    def claim(self) -> None:
        """Do nothing: several may write, each to runs of its own."""

    def claim_run(self, run_id: str, writer: Writer) -> None:
        # The server takes the right back when the connection ends, and with it the writing; of a
        # process that was killed it may notice that a moment later.
        lock = sql.select(sql.func.pg_try_advisory_lock(run_lock(run_id)))
        worked_on = writer.now(lambda c: c.execute(_AT_WORK, {"run": run_id}).scalar())
        if worked_on:
            raise StoreUnusable(
                f"workers score the run {run_id} for {worked_on}; pause or cancel that job first"
            )
        until = time.monotonic() + _MOMENT_S
        while not writer.now(lambda connection: connection.execute(lock).scalar_one()):
            if time.monotonic() > until:
                raise StoreUnusable(
                    f"another judge is writing to the run {run_id} in {self.name}; wait for it"
                )
            time.sleep(_MOMENT_S / 10)

    def release_runs(self, writer: Writer) -> None:
        release = sql.select(sql.func.pg_advisory_unlock_all())
        with suppress(StoreError):  # the connection ended, and its locks with it
            writer.now(lambda connection: connection.execute(release))

    def attempt_numbers(self, connection: sql.Connection) -> Iterable[int]:
        rows = connection.exec_driver_sql(_NUMBERS)
        return sorted(int(number) for (number,) in rows)

    def close(self) -> None:
        self.engine.dispose()


class PostgresFinder:
    """Looks rows up over the connections of an engine."""

    def __init__(self, engine: sql.Engine, name: str) -> None:
        self._engine = engine
        self._name = name

    def find(self, statement: str, values: tuple[object, ...]) -> tuple[object, ...] | None:
        try:
            with self._engine.connect() as connection:
                row = connection.exec_driver_sql(statement.replace("?", "%s"), values).first()
        except SQLAlchemyError as error:
            raise StoreError(
                f"the cache in {self._name} cannot be read: {fault_of(error)}"
            ) from error
        return row and tuple(row)

    def close(self) -> None:
        """Do nothing: the connections are the engine's."""


def _url(address: str) -> sql.URL:
    try:
        url = sql.make_url(address)
    except (ArgumentError, ValueError) as error:
        raise ConfigError("the store's address cannot be read as postgresql://...") from error
    if url.drivername not in {"postgresql", "postgres"}:
        raise ConfigError(
            f"the store {url.render_as_string(hide_password=True)!r} must be the path of a SQLite "
            "file or a postgresql:// address"
        )
    return url.set(drivername="postgresql")


def _engine(url: sql.URL) -> sql.Engine:
    # What the address says itself holds.
    ours = {"connect_timeout": str(_PATIENCE_S), "application_name": "judge"}
    engine = sql.create_engine(
        url.set(drivername="postgresql+psycopg", query={**ours, **url.query}),
        isolation_level="AUTOCOMMIT",  # the writer says BEGIN and COMMIT itself
        hide_parameters=True,  # they hold records, and an error is shown and logged
        pool_pre_ping=True,  # a server that was restarted is connected to again
    )

    @sql.event.listens_for(engine, "connect")
    def _configure(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute(_DURABLE)
        cursor.close()

    sql.event.listen(engine, "handle_error", _without_detail)
    return engine


def _without_detail(context: ExceptionContext) -> None:
    """Keep the first line of an error: its detail quotes the row."""
    import psycopg

    found = context.original_exception
    if isinstance(found, psycopg.Error):
        words = found.diag.message_primary or " ".join(str(found).split())
        found.args = (words,)
        if context.sqlalchemy_exception is not None:
            context.sqlalchemy_exception.args = (words,)
