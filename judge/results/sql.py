"""Runs, results, attempts and documents in one SQLite file."""

import fcntl
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import sqlalchemy as sql
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor
from sqlalchemy.exc import SQLAlchemyError
from tenacity import retry, retry_if_exception, stop_after_delay, wait_random

from judge.errors import StoreError, StoreUnusable
from judge.records.dataset import Dataset
from judge.records.record import Item, RecordKey, Target
from judge.results.outcome import Fate, NotApplicable, Outcome, Score
from judge.results.run import Result, RunManifest
from judge.results.store import newest
from judge.results.writer import Writer, fault_of

SCHEMA_VERSION = "1"

_PATIENCE_S = 10

_METADATA = sql.MetaData()
_META = sql.Table(
    "meta",
    _METADATA,
    sql.Column("name", sql.Text, primary_key=True),
    sql.Column("value", sql.Text, nullable=False),
)
# Evaluation sets are kept by content, once, however many runs score them.
_ITEMS = sql.Table(
    "items",
    _METADATA,
    sql.Column("dataset", sql.Text, primary_key=True),
    sql.Column("position", sql.Integer, primary_key=True),
    sql.Column("body", sql.LargeBinary, nullable=False),
)
_OUTPUTS = sql.Table(
    "outputs",
    _METADATA,
    sql.Column("fingerprint", sql.Text, primary_key=True),
    sql.Column("item_id", sql.Text, primary_key=True),
    sql.Column("body", sql.LargeBinary, nullable=False),
)
_RUNS = sql.Table(
    "runs",
    _METADATA,
    sql.Column("sequence", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("run_id", sql.Text, nullable=False, unique=True),
    sql.Column("manifest", sql.LargeBinary, nullable=False),
)
_RESULTS = sql.Table(
    "results",
    _METADATA,
    sql.Column("sequence", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("run_id", sql.Text, nullable=False),
    sql.Column("item_id", sql.Text, nullable=False),
    sql.Column("system", sql.Text, nullable=False),
    sql.Column("scorer", sql.Text, nullable=False),
    sql.Column("target", sql.Text, nullable=False),
    sql.Column("revision", sql.Integer, nullable=False),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("signature", sql.Text, nullable=False),
    sql.Column("content", sql.Text, nullable=False),
    sql.Column("duration_s", sql.Float, nullable=False),
    sql.Column("body", sql.LargeBinary, nullable=False),
    sql.UniqueConstraint("run_id", "item_id", "system", "scorer", "target", "revision"),
    sql.Index("results_by_signature", "signature", "target"),
)
_ATTEMPTS = sql.Table(
    "attempts",
    _METADATA,
    sql.Column("attempt", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("run_id", sql.Text, nullable=False),
    sql.Column("call_id", sql.Text, nullable=False),
    sql.Column("opened", sql.Text, nullable=False),
    sql.Column("closed", sql.Text),
    sql.Column("reply", sql.LargeBinary),
    sql.Column("error", sql.Text),
    sql.Index("attempts_by_call", "run_id", "call_id"),
)
_DOCUMENTS = sql.Table(
    "documents",
    _METADATA,
    sql.Column("sequence", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column("kind", sql.Text, nullable=False),
    sql.Column("document_id", sql.Text, nullable=False),
    sql.Column("body", sql.LargeBinary, nullable=False),
    sql.UniqueConstraint("kind", "document_id"),
)
_KINDS: Mapping[str, type[Outcome]] = {kind.__name__: kind for kind in (Score, Fate, NotApplicable)}


class SqlStore:
    """A store on one SQLite file, written by one process at a time.

    Args:
        path: the file; made, with its folder, for its owner alone if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            _make_private(path)
            self._engine = _engine(path)
            self._prepare()
        except (OSError, SQLAlchemyError) as error:
            raise StoreUnusable(f"the store {path} cannot be opened: {fault_of(error)}") from error
        self._writer: Writer | None = None
        self._lock: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish writing and let the file go."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._engine.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def begin(self, manifest: RunManifest, dataset: Dataset) -> None:
        def write(connection: sql.Connection) -> None:
            _keep_dataset(connection, manifest, dataset)
            row = {"run_id": manifest.run_id, "manifest": msgspec.json.encode(manifest)}
            connection.execute(sql.insert(_RUNS), row)

        self._writing().now(write)

    async def put(self, results: Sequence[Result]) -> None:
        rows = [_result_row(result) for result in results]
        await self._writing().soon(lambda connection: _insert(connection, _RESULTS, rows))

    def manifests(self) -> Sequence[RunManifest]:
        rows = self._read(sql.select(_RUNS.c.manifest).order_by(_RUNS.c.sequence))
        return [msgspec.json.decode(row.manifest, type=RunManifest) for row in rows]

    def dataset(self, manifest: RunManifest) -> Dataset:
        items = self._read(
            sql.select(_ITEMS.c.body)
            .where(_ITEMS.c.dataset == manifest.dataset)
            .order_by(_ITEMS.c.position)
        )
        return Dataset(
            items=tuple(msgspec.json.decode(row.body, type=Item) for row in items),
            systems=manifest.systems,
            outputs={name: self._outputs(key) for name, key in manifest.outputs.items()},
            drawn_from=manifest.population,
        )

    def results(self, run_id: str) -> Sequence[Result]:
        query = sql.select(_RESULTS).where(_RESULTS.c.run_id == run_id)
        return newest([_result(row) for row in self._read(query.order_by(_RESULTS.c.sequence))])

    def scores(self, signature: str, target: Target) -> Mapping[str, Score]:
        query = sql.select(_RESULTS.c.content, _RESULTS.c.body).where(
            _RESULTS.c.signature == signature,
            _RESULTS.c.target == target.value,
            _RESULTS.c.kind == Score.__name__,
        )
        rows = self._read(query.order_by(_RESULTS.c.sequence))
        return {row.content: msgspec.json.decode(row.body, type=Score) for row in rows}

    def calls_left_open(self, run_id: str) -> frozenset[str]:
        query = sql.select(_ATTEMPTS.c.call_id).where(
            _ATTEMPTS.c.run_id == run_id, _ATTEMPTS.c.closed.is_(None)
        )
        return frozenset(row.call_id for row in self._read(query))

    def put_document(self, kind: str, document_id: str, body: bytes) -> None:
        def write(connection: sql.Connection) -> None:
            same = (_DOCUMENTS.c.kind == kind, _DOCUMENTS.c.document_id == document_id)
            connection.execute(sql.delete(_DOCUMENTS).where(*same))
            row = {"kind": kind, "document_id": document_id, "body": body}
            connection.execute(sql.insert(_DOCUMENTS), row)

        self._writing().now(write)

    def documents(self, kind: str) -> Sequence[bytes]:
        query = sql.select(_DOCUMENTS.c.body).where(_DOCUMENTS.c.kind == kind)
        return [row.body for row in self._read(query.order_by(_DOCUMENTS.c.sequence))]

    def attempts(self, run_id: str, *, replay: bool) -> "SqlAttemptLog":
        """Return the attempt ledger of one run.

        Args:
            run_id: the run.
            replay: whether answers received by an earlier process are to be used.
        """
        return SqlAttemptLog(self, run_id, replay=replay)

    def _outputs(self, fingerprint: str) -> Mapping[str, str]:
        query = sql.select(_OUTPUTS.c.item_id, _OUTPUTS.c.body)
        rows = self._read(query.where(_OUTPUTS.c.fingerprint == fingerprint))
        return {row.item_id: msgspec.json.decode(row.body, type=str) for row in rows}

    def _prepare(self) -> None:
        with self._engine.connect() as connection:
            # Two processes may open a new store at once, and one may be killed while it does.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            found = _layout(connection)
            if found == SCHEMA_VERSION:
                _METADATA.create_all(connection)
                connection.exec_driver_sql("COMMIT")
                return
        self._engine.dispose()
        raise StoreUnusable(
            f"the store {self._path} has layout {found}, this version of judge reads "
            f"{SCHEMA_VERSION}; use another --store or the version that wrote it"
        )

    # The element types differ from query to query; each caller reads named columns only.
    def _read(self, query: sql.Select[Any]) -> Sequence[sql.Row[Any]]:
        try:
            with self._engine.connect() as connection:
                return connection.execute(query).all()
        except SQLAlchemyError as error:
            raise StoreError(f"the store {self._path} cannot be read: {fault_of(error)}") from error

    def _writing(self) -> Writer:
        if self._writer is None:
            self._lock = _claim(self._path)
            self._writer = Writer(self._engine, name=str(self._path))
        return self._writer


class SqlAttemptLog:
    """The attempt ledger of one run."""

    def __init__(self, store: SqlStore, run_id: str, *, replay: bool) -> None:
        self._store = store
        self._run_id = run_id
        self._replay = replay

    async def opened(self, call_id: str) -> int:
        row = {"run_id": self._run_id, "call_id": call_id, "opened": _now()}

        def write(connection: sql.Connection) -> int:
            written = connection.execute(sql.insert(_ATTEMPTS), row)
            return int(written.lastrowid)

        return await self._store._writing().soon(write)  # noqa: SLF001 - one unit with its store

    async def closed(self, attempt: int, *, reply: bytes = b"", error: str = "") -> None:
        values = {"closed": _now(), "reply": reply or None, "error": error or None}
        statement = sql.update(_ATTEMPTS).where(_ATTEMPTS.c.attempt == attempt).values(values)
        await self._store._writing().soon(  # noqa: SLF001 - one unit with its store
            lambda connection: _run(connection, statement)
        )

    def answered(self, call_id: str) -> bytes | None:
        if not self._replay:
            return None
        query = sql.select(_ATTEMPTS.c.reply).where(
            _ATTEMPTS.c.run_id == self._run_id,
            _ATTEMPTS.c.call_id == call_id,
            _ATTEMPTS.c.reply.is_not(None),
        )
        rows = self._store._read(query)  # noqa: SLF001 - one unit with its store
        return bytes(rows[-1].reply) if rows else None


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
        for pragma in ("synchronous=FULL", f"busy_timeout={_PATIENCE_S * 1000}"):
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


def _layout(connection: sql.Connection) -> str:
    """Return the layout of the file's tables; a new file gets ours."""
    _META.create(connection, checkfirst=True)
    connection.execute(
        insert(_META).values(name="schema_version", value=SCHEMA_VERSION).on_conflict_do_nothing()
    )
    return str(connection.execute(sql.select(_META.c.value)).scalar_one())


def _claim(path: Path) -> int:
    """Take the right to write; the system takes it back when the process ends, however it ends."""
    lock = os.open(path.with_name(path.name + ".lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise StoreUnusable(
            f"another judge is writing to {path}; wait for it, or give another --store"
        ) from error
    return lock


def _keep_dataset(connection: sql.Connection, manifest: RunManifest, dataset: Dataset) -> None:
    items = [
        {"dataset": manifest.dataset, "position": position, "body": msgspec.json.encode(item)}
        for position, item in enumerate(dataset.items)
    ]
    _insert_new(connection, _ITEMS, items)
    for system, fingerprint in manifest.outputs.items():
        outputs = [
            {"fingerprint": fingerprint, "item_id": name, "body": msgspec.json.encode(text)}
            for name, text in dataset.outputs[system].items()
        ]
        _insert_new(connection, _OUTPUTS, outputs)


def _insert(
    connection: sql.Connection, table: sql.Table, rows: Sequence[Mapping[str, object]]
) -> None:
    if rows:
        connection.execute(sql.insert(table), rows)


def _insert_new(
    connection: sql.Connection, table: sql.Table, rows: Sequence[Mapping[str, object]]
) -> None:
    if rows:
        connection.execute(insert(table).on_conflict_do_nothing(), rows)


def _run(connection: sql.Connection, statement: sql.Update) -> None:
    connection.execute(statement)


def _result_row(result: Result) -> Mapping[str, object]:
    outcome = result.outcome
    return {
        "run_id": result.run_id,
        "item_id": result.key.item_id,
        "system": result.key.system,
        "scorer": outcome.scorer,
        "target": outcome.target.value,
        "revision": result.revision,
        "kind": type(outcome).__name__,
        "signature": outcome.signature if isinstance(outcome, Score) else "",
        "content": result.content,
        "duration_s": result.duration_s,
        "body": msgspec.json.encode(outcome),
    }


def _result(row: sql.Row[Any]) -> Result:
    return Result(
        run_id=row.run_id,
        key=RecordKey(item_id=row.item_id, system=row.system),
        outcome=msgspec.json.decode(row.body, type=_KINDS[row.kind]),
        content=row.content,
        revision=row.revision,
        duration_s=row.duration_s,
    )


def _now() -> str:
    return datetime.now(UTC).isoformat()
