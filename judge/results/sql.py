"""Runs, results, attempts and documents in one SQLite file."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import count
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
from judge.results.run import Result, RunManifest, case_id_of
from judge.results.spending import (
    SCORED,
    Attempt,
    PossiblyPaid,
    Spending,
    name_of,
    spending,
)
from judge.results.sql_completions import CREATE_COMPLETIONS, SqlCompletions
from judge.results.sql_service import SqlService
from judge.results.store import newest, timestamp
from judge.results.writer import Rows, Writer, fault_of, write_rows

SCHEMA_VERSION = "2"

_PATIENCE_S = 10
# Pages: records come in random order, and the same page of an index is written again and again.
_CHECKPOINT = "wal_autocheckpoint=4000"

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
    sql.Column("sequence", sql.Integer, primary_key=True),
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
    sql.Column("attempt", sql.Integer, primary_key=True),
    sql.Column("run_id", sql.Text, nullable=False),
    sql.Column("call_id", sql.Text, nullable=False),
    sql.Column("opened", sql.Text, nullable=False),
    sql.Column("closed", sql.Text),
    sql.Column("reply", sql.LargeBinary),
    sql.Column("error", sql.Text),
    sql.Column("possibly_paid", sql.Integer, nullable=False, server_default="0"),
    sql.Column("input_tokens", sql.Integer),
    sql.Column("output_tokens", sql.Integer),
    sql.Column("cost", sql.Float),
    sql.Index("attempts_by_run", "run_id"),
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
# What each record costs is written through these, many rows at a time.
_OPEN = "INSERT INTO attempts (attempt, run_id, call_id, opened) VALUES (?, ?, ?, ?)"
_CLOSE = """\
UPDATE attempts SET
    closed = row.column2, reply = row.column3, error = row.column4, possibly_paid = row.column5,
    input_tokens = row.column6, output_tokens = row.column7, cost = row.column8
FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?)) AS row WHERE attempt = row.column1"""
_PUT = """\
INSERT INTO results (
    run_id, item_id, system, scorer, target, revision, kind, signature, content, duration_s, body
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_KEEP_ITEM = "INSERT INTO items (dataset, position, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_KEEP_OUTPUT = """\
INSERT INTO outputs (fingerprint, item_id, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"""
# From a layout to the next one, in place.
_UPGRADES: Mapping[str, tuple[str, Sequence[str]]] = {
    "1": (
        "2",
        (
            "ALTER TABLE attempts ADD COLUMN possibly_paid INTEGER NOT NULL DEFAULT 0",
            "ALTER TABLE attempts ADD COLUMN input_tokens INTEGER",
            "ALTER TABLE attempts ADD COLUMN output_tokens INTEGER",
            "ALTER TABLE attempts ADD COLUMN cost FLOAT",
            "DROP INDEX attempts_by_call",
            "CREATE INDEX attempts_by_run ON attempts (run_id)",
        ),
    ),
}
_KINDS: Mapping[str, msgspec.json.Decoder[Outcome]] = {
    kind.__name__: msgspec.json.Decoder(kind) for kind in (Score, Fate, NotApplicable)
}
_JSON = msgspec.json.Encoder()


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
        self._completions: SqlCompletions | None = None
        self._service: SqlService | None = None
        self._attempts: Iterator[int] = iter(())
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
        if self._completions is not None:
            self._completions.close()
            self._completions = None
        self._engine.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def completions(self) -> SqlCompletions:
        """Answers that were paid for before."""
        if self._completions is None:
            self._completions = SqlCompletions(self._path, writing=self._writing)
        return self._completions

    @property
    def service(self) -> SqlService:
        """What a service keeps beside its runs."""
        if self._service is None:
            self._service = SqlService(self._engine, self._writing)
        return self._service

    def begin(self, manifest: RunManifest, dataset: Dataset) -> None:
        def write(connection: sql.Connection) -> None:
            _keep_dataset(connection, manifest, dataset)
            row = {"run_id": manifest.run_id, "manifest": msgspec.json.encode(manifest)}
            connection.execute(sql.insert(_RUNS), row)

        self._writing().now(write)

    async def put(self, results: Sequence[Result]) -> None:
        await self._writing().rows(Rows(_PUT, [_result_row(result) for result in results]))

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

    def possibly_paid(self, run_id: str) -> Sequence[PossiblyPaid]:
        rows = self._read(
            sql.select(_ATTEMPTS.c.call_id, _ATTEMPTS.c.opened, _ATTEMPTS.c.error)
            .where(_ATTEMPTS.c.run_id == run_id)
            .where(_ATTEMPTS.c.closed.is_(None) | (_ATTEMPTS.c.possibly_paid == 1))
            .order_by(_ATTEMPTS.c.attempt)
        )
        return [
            PossiblyPaid(call_id=row.call_id, opened=row.opened, error=row.error or "")
            for row in rows
        ]

    def spending(self, run_id: str) -> Spending:
        columns = [
            column
            for column in _ATTEMPTS.c
            if column.name not in {"attempt", "run_id", "reply"}  # replies may be large
        ]
        rows = self._read(sql.select(*columns).where(_ATTEMPTS.c.run_id == run_id))
        return spending((_attempt(row) for row in rows), self._names(run_id))

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

    def _names(self, run_id: str) -> Mapping[str, str]:
        """Return what the calls about each record with an outcome are counted under, by case."""
        key = (_RESULTS.c.item_id, _RESULTS.c.system, _RESULTS.c.scorer, _RESULTS.c.target)
        # Of a Score, which may be long, the kind says all that is asked for.
        body = sql.case((_RESULTS.c.kind == Score.__name__, None), else_=_RESULTS.c.body)
        query = sql.select(*key, _RESULTS.c.kind, body.label("body"))
        query = query.where(_RESULTS.c.run_id == run_id).order_by(_RESULTS.c.revision)
        names = {}
        for row in self._read(query):  # the newest comes last
            record = RecordKey(item_id=row.item_id, system=row.system)
            name = SCORED if row.body is None else name_of(_outcome(row.kind, row.body))
            names[case_id_of(row.scorer, Target(row.target), record)] = name
        return names

    def _outputs(self, fingerprint: str) -> Mapping[str, str]:
        query = sql.select(_OUTPUTS.c.item_id, _OUTPUTS.c.body)
        rows = self._read(query.where(_OUTPUTS.c.fingerprint == fingerprint))
        return {row.item_id: msgspec.json.decode(row.body, type=str) for row in rows}

    def _prepare(self) -> None:
        with self._engine.connect() as connection:
            # Two processes may open a new store at once, and one may be killed while it does.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            found = _upgraded(connection)
            if found == SCHEMA_VERSION:
                _METADATA.create_all(connection)
                connection.exec_driver_sql(CREATE_COMPLETIONS)
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
            lock = _claim(self._path)
            try:
                self._attempts = self._numbers()
                self._writer = Writer(self._engine, name=str(self._path))
            except StoreError:
                os.close(lock)
                raise
            self._lock = lock
        return self._writer

    def _numbers(self) -> Iterator[int]:
        """Return numbers for attempts: nobody else writes, so they can be given here."""
        (last,) = self._read(sql.select(sql.func.coalesce(sql.func.max(_ATTEMPTS.c.attempt), 0)))
        return count(int(last[0]) + 1)


class SqlAttemptLog:
    """The attempt ledger of one run.

    When something could not be written, no attempt is opened any more: paid calls stop first.
    """

    def __init__(self, store: SqlStore, run_id: str, *, replay: bool) -> None:
        self._store = store
        self._run_id = run_id
        self._replay = replay
        self._failures: int | None = None

    async def opened(self, call_id: str) -> int:
        writer = self._store._writing()  # noqa: SLF001 - one unit with its store
        self._refuse_after_a_failure(writer)
        attempt = next(self._store._attempts)  # noqa: SLF001 - likewise
        await writer.rows(Rows(_OPEN, [(attempt, self._run_id, call_id, timestamp())]))
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
    ) -> None:
        paid = (int(possibly_paid), input_tokens, output_tokens, cost)
        row = (attempt, timestamp(), reply or None, error or None, *paid)
        await self._store._writing().rows(Rows(_CLOSE, [row]))  # noqa: SLF001 - one unit

    def answered(self, call_id: str) -> bytes | None:
        if not self._replay or (attempt := self._answered.get(call_id)) is None:
            return None
        query = sql.select(_ATTEMPTS.c.reply).where(_ATTEMPTS.c.attempt == attempt)
        (row,) = self._store._read(query)  # noqa: SLF001 - one unit with its store
        return bytes(row.reply)

    @cached_property
    def _answered(self) -> Mapping[str, int]:
        """Return the last answered attempt at each call of an earlier process."""
        # An index of calls would cost every run more than this costs the few that are resumed.
        query = sql.select(_ATTEMPTS.c.call_id, _ATTEMPTS.c.attempt).where(
            _ATTEMPTS.c.run_id == self._run_id, _ATTEMPTS.c.reply.is_not(None)
        )
        rows = self._store._read(query.order_by(_ATTEMPTS.c.attempt))  # noqa: SLF001 - as above
        return {row.call_id: row.attempt for row in rows}

    def _refuse_after_a_failure(self, writer: Writer) -> None:
        if self._failures is None:
            self._failures = writer.failures
        if writer.failures > self._failures:
            raise StoreError("nothing is sent any more: something could not be written before")


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


def _upgraded(connection: sql.Connection) -> str:
    """Return the layout of the file's tables: ours, unless nobody knows how to get there."""
    _META.create(connection, checkfirst=True)
    version = {"name": "schema_version", "value": SCHEMA_VERSION}
    connection.execute(insert(_META).values(version).on_conflict_do_nothing())
    ours = _META.c.name == "schema_version"
    found = str(connection.execute(sql.select(_META.c.value).where(ours)).scalar_one())
    while found in _UPGRADES:
        found, statements = _UPGRADES[found]
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.execute(sql.update(_META).where(ours).values(value=found))
    return found


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
    # What a set holds once is kept once, however many runs score it.
    items = (
        (manifest.dataset, position, _JSON.encode(item))
        for position, item in enumerate(dataset.items)
    )
    write_rows(connection, _KEEP_ITEM, items)
    for system, fingerprint in manifest.outputs.items():
        answers = dataset.outputs[system].items()
        outputs = ((fingerprint, name, _JSON.encode(text)) for name, text in answers)
        write_rows(connection, _KEEP_OUTPUT, outputs)


def _result_row(result: Result) -> tuple[object, ...]:
    outcome = result.outcome
    return (
        result.run_id,
        result.key.item_id,
        result.key.system,
        outcome.scorer,
        outcome.target.value,
        result.revision,
        type(outcome).__name__,
        outcome.signature if isinstance(outcome, Score) else "",
        result.content,
        result.duration_s,
        _JSON.encode(outcome),
    )


def _result(row: sql.Row[Any]) -> Result:
    return Result(
        run_id=row.run_id,
        key=RecordKey(item_id=row.item_id, system=row.system),
        outcome=_outcome(row.kind, row.body),
        content=row.content,
        revision=row.revision,
        duration_s=row.duration_s,
    )


def _outcome(kind: str, body: bytes) -> Outcome:
    return _KINDS[kind].decode(body)


def _attempt(row: sql.Row[Any]) -> Attempt:
    return Attempt(
        call_id=row.call_id,
        opened=row.opened,
        closed=row.closed or "",
        error=row.error or "",
        possibly_paid=bool(row.possibly_paid),
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost=row.cost,
    )
