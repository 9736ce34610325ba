"""A copy of a store in one SQLite file, and a store made of such a copy, on either database."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from judge.errors import StoreError, StoreUnusable
from judge.results.database import Database
from judge.results.layout import prepare
from judge.results.postgres import PostgresDatabase
from judge.results.sqlite import SqliteFile
from judge.results.tables import META, METADATA
from judge.results.whole_file import whole_file
from judge.results.writer import fault_of

_ROWS_AT_ONCE = 500


def back_up(place: Path | str, file: Path) -> None:
    """Copy a store as it is at one moment, while others may go on writing to it.

    Args:
        place: the path of a SQLite file or a ``postgresql://`` address.
        file: the copy; it may not exist yet.

    Raises:
        StoreUnusable: there is no store, or the copy exists already.
        StoreError: the store cannot be read.
        ConfigError: the copy cannot be written.
    """
    if file.exists():
        raise StoreUnusable(f"{file} exists already; give the backup another name")
    with whole_file(file) as unfinished, _told(f"backing up {_name(place)} failed"):
        if isinstance(place, Path):
            _copy_file(place, unfinished)
        else:
            _copy_from_server(place, unfinished)


def restore(file: Path, place: Path | str) -> None:
    """Make a store of a copy; a copy of an earlier layout is brought up to date on the way.

    Args:
        file: the copy, which is left as it is.
        place: where there is no store yet, or an empty one on PostgreSQL.

    Raises:
        StoreUnusable: the copy is damaged or none, or there is a store already.
        StoreError: the store cannot be written.
    """
    _check(file)
    with _told(f"restoring {file} failed"):
        if isinstance(place, Path):
            if place.exists():
                raise StoreUnusable(f"{place} exists already; restore to another place")
            with whole_file(place) as unfinished:
                _copy_file(file, unfinished)
                _bring_up_to_date(unfinished)
            return
        with TemporaryDirectory() as folder:
            copy = Path(folder) / "copy.sqlite"
            _copy_file(file, copy)
            _bring_up_to_date(copy)
            _copy_to_server(copy, place)


def _check(file: Path) -> None:
    if not file.is_file():
        raise StoreUnusable(f"there is no backup {file}")
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as opened:
            (state,) = opened.execute("PRAGMA quick_check(1)").fetchone()
            opened.execute("SELECT value FROM meta").fetchone()
    except sqlite3.Error as error:
        raise StoreUnusable(f"{file} is no backup of a store: {error}") from error
    if state != "ok":
        raise StoreUnusable(f"the backup {file} is damaged: {state}")


def _copy_file(source: Path, target: Path) -> None:
    if not source.exists():
        raise StoreUnusable(f"there is no store {source}")
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as reading,
        closing(sqlite3.connect(target)) as writing,
    ):
        reading.backup(writing)
        _into_one_file(writing)


def _into_one_file(connection: sqlite3.Connection) -> None:
    # A copy carries the mode of its source: what it logged ahead would be left beside it.
    connection.execute("PRAGMA journal_mode=DELETE")


def _bring_up_to_date(file: Path) -> None:
    database = SqliteFile(file)
    try:
        prepare(database)
    finally:
        database.close()
    with closing(sqlite3.connect(file)) as connection:
        _into_one_file(connection)


def _copy_from_server(address: str, file: Path) -> None:
    source, target = PostgresDatabase(address), SqliteFile(file)
    with _closing(source, target):
        with source.engine.connect() as connection:
            if not sql.inspect(connection).has_table(META.name):
                raise StoreUnusable(f"there is no store {source.name}")
        prepare(source)
        prepare(target)
        with source.engine.connect() as reading, target.engine.connect() as writing:
            # All tables are seen as they are at the moment of the first query.
            reading = reading.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901
            target.begin_alone(writing)
            _copy_rows(reading, writing)
            writing.exec_driver_sql("COMMIT")
    with closing(sqlite3.connect(file)) as connection:
        _into_one_file(connection)


def _copy_to_server(file: Path, address: str) -> None:
    source, target = SqliteFile(file), PostgresDatabase(address)
    with _closing(source, target):
        prepare(target)
        with source.engine.connect() as reading, target.engine.connect() as writing:
            target.begin_alone(writing)
            for table in _tables():
                if writing.execute(sql.select(sql.literal(1)).select_from(table).limit(1)).first():
                    raise StoreUnusable(f"{target.name} holds a store already; restore elsewhere")
            _copy_rows(reading, writing)
            for table in _tables():
                _count_on(writing, table)
            writing.exec_driver_sql("COMMIT")


def _copy_rows(reading: sql.Connection, writing: sql.Connection) -> None:
    for table in _tables():
        found = reading.execution_options(yield_per=_ROWS_AT_ONCE).execute(sql.select(table))
        for rows in found.mappings().partitions():
            writing.execute(sql.insert(table), [dict(row) for row in rows])


def _count_on(connection: sql.Connection, table: sql.Table) -> None:
    """Let a server give numbers above those that were restored."""
    column = table.autoincrement_column
    if column is None:
        return
    last = connection.execute(sql.select(sql.func.max(column))).scalar_one()
    if last is not None:
        sequence = sql.func.pg_get_serial_sequence(table.name, column.name)
        connection.execute(sql.select(sql.func.setval(sequence, last)))


def _tables() -> list[sql.Table]:
    return [table for table in METADATA.sorted_tables if table is not META]


def _name(place: Path | str) -> str:
    return str(place) if isinstance(place, Path) else PostgresDatabase(place).name


@contextmanager
def _closing(*databases: Database) -> Iterator[None]:
    try:
        yield
    finally:
        for database in databases:
            database.close()


@contextmanager
def _told(what: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, SQLAlchemyError) as error:
        raise StoreError(f"{what}: {fault_of(error)}") from error
