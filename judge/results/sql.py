"""Runs, results, attempts and documents in one database."""

import copy
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self, TypeAlias
from weakref import WeakValueDictionary

import msgspec
import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from judge.errors import StoreError, StoreUnusable
from judge.records.dataset import Dataset
from judge.records.record import Item, RecordKey, Target
from judge.records.spooled import AnswerWriter, ItemWriter, SpooledItems
from judge.results.database import Database
from judge.results.fence import Fence
from judge.results.layout import prepare
from judge.results.outcome import Score
from judge.results.postgres import PostgresDatabase
from judge.results.run import Result, RunManifest, case_id_of
from judge.results.spending import (
    SCORED,
    Attempt,
    PossiblyPaid,
    Spending,
    name_of,
    spending,
)
from judge.results.spooled import KINDS, StoredResult, result_of, spooled_results
from judge.results.sql_attempts import SqlAttemptLog
from judge.results.sql_chunks import SqlChunks
from judge.results.sql_completions import SqlCompletions
from judge.results.sql_examples import SqlExamples
from judge.results.sql_rates import SqlRates
from judge.results.sql_service import SqlService
from judge.results.sqlite import SqliteFile
from judge.results.store import newest
from judge.results.tables import ATTEMPTS, DOCUMENTS, ITEMS, OUTPUTS, RESULTS, RUNS
from judge.results.writer import Rows, Writer, fault_of, write_rows

# What each record costs is written through this, many rows at a time.
_PUT = """\
INSERT INTO results (
    run_id, item_id, system, scorer, target, revision, kind, signature, content, duration_s, body
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""
_KEEP_ITEM = "INSERT INTO items (dataset, position, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_KEEP_OUTPUT = """\
INSERT INTO outputs (fingerprint, item_id, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"""
_JSON = msgspec.json.Encoder()

Spell: TypeAlias = Callable[[str], str | bytes]


class SqlStore:
    """A store in one database.

    Args:
        place: the path of a SQLite file, made for its owner alone if it does not exist; or the
            address of a PostgreSQL database, as ``postgresql://user@host/database``.

    Raises:
        StoreUnusable: it cannot be opened.
    """

    def __init__(self, place: Path | str) -> None:
        self._database = _opened(place)
        self._writer: Writer | None = None
        self._opening = Lock()
        self._completions: SqlCompletions | None = None
        self._service: SqlService | None = None
        self._chunks: SqlChunks | None = None
        self._claimed: dict[str, int] = {}
        self._attempts: Iterator[int] = iter(())
        self._fence: Fence | None = None
        self._cases: Collection[str] | None = None
        # What is judged and what is reported on is often one set: its ids are held once.
        self._sets: WeakValueDictionary[str, SpooledItems] = WeakValueDictionary()

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
        """Finish writing and let the database go."""
        if self._writer is not None:
            if self._claimed:
                self._database.release_runs(self._writer)
            self._writer.close()
            self._writer = None
        if self._completions is not None:
            self._completions.close()
            self._completions = None
        self._claimed, self._attempts = {}, iter(())
        self._database.close()

    @property
    def completions(self) -> SqlCompletions:
        """Answers that were paid for before."""
        if self._completions is None:
            self._completions = SqlCompletions(self._database.finder(), writing=self._writing)
        return self._completions

    @property
    def service(self) -> SqlService:
        """What a service keeps beside its runs."""
        if self._service is None:
            self._service = SqlService(self._database.engine, self._writing)
        return self._service

    @property
    def examples(self) -> SqlExamples:
        """Single records of runs."""
        return SqlExamples(self._database.engine)

    @property
    def chunks(self) -> SqlChunks:
        """The parts of jobs that workers share."""
        if self._chunks is None:
            self._chunks = SqlChunks(self._database.engine)
        return self._chunks

    @property
    def rates(self) -> SqlRates:
        """The rates that workers share."""
        return SqlRates(self._database.engine)

    def fenced(self, fence: Fence, cases: Collection[str] = ()) -> "SqlStore":
        """Return this store to a worker who holds a chunk: what it writes is kept while it does.

        Args:
            fence: shows that it holds the chunk.
            cases: the questions of the chunk, by `case_id_of`: of the ledger, only they are read.
        """
        self._writing()
        _ = self.completions, self.service, self.chunks  # there is one of each
        held = copy.copy(self)
        held._hold(fence, cases)  # noqa: SLF001 - a copy of this one
        return held

    def begin(self, manifest: RunManifest, dataset: Dataset) -> None:
        def write(connection: sql.Connection) -> None:
            self._check_fence(connection)
            _keep_dataset(connection, manifest, dataset, spell=self._database.spell)
            row = {"run_id": manifest.run_id, "manifest": msgspec.json.encode(manifest)}
            connection.execute(sql.insert(RUNS), row)

        self._writing(manifest.run_id).now(write)
        if isinstance(dataset.items, SpooledItems):
            self._sets[manifest.dataset] = dataset.items

    async def put(self, results: Sequence[Result]) -> None:
        spell = self._database.spell
        run_ids = {result.run_id for result in results}
        fence = self._fence if self._fence and self._fence.run_id in run_ids else None
        rows = Rows(_PUT, [_result_row(result, spell) for result in results], fence)
        await self._writing(*run_ids).rows(rows)

    def manifests(self) -> Sequence[RunManifest]:
        rows = self._read(sql.select(RUNS.c.manifest).order_by(RUNS.c.sequence))
        return [msgspec.json.decode(row.manifest, type=RunManifest) for row in rows]

    def dataset(self, manifest: RunManifest) -> Dataset:
        written = ItemWriter()
        query = sql.select(ITEMS.c.body).where(ITEMS.c.dataset == manifest.dataset)
        for row in self._each(query.order_by(ITEMS.c.position)):
            written.add(msgspec.json.decode(row.body, type=Item))
        items = written.items(like=self._sets.get(manifest.dataset))
        del written
        known = items.positions
        self._sets[manifest.dataset] = items
        return Dataset(
            items=items,
            systems=manifest.systems,
            outputs={name: self._outputs(key, known) for name, key in manifest.outputs.items()},
            drawn_from=manifest.population,
        )

    def results(self, run_id: str) -> Sequence[Result]:
        query = sql.select(RESULTS).where(RESULTS.c.run_id == run_id)
        rows = self._each(query.order_by(RESULTS.c.sequence))
        return spooled_results(run_id, map(_stored, rows))

    def results_about(self, run_id: str, item_ids: Collection[str]) -> Sequence[Result]:
        """Return the newest results about some items of a run."""
        name = RESULTS.c.item_id
        about = name.in_(item_ids)
        if self._database.engine.dialect.name == "postgresql":  # as its index has them
            hashes = [hashlib.sha256(item_id.encode()).digest() for item_id in item_ids]
            about = sql.func.sha256(name).in_(hashes)
        query = sql.select(RESULTS).where(RESULTS.c.run_id == run_id, about)
        rows = self._read(query.order_by(RESULTS.c.sequence))
        return newest(result_of(run_id, _stored(row)) for row in rows)

    def scores(self, signature: str, target: Target) -> Mapping[str, Score]:
        query = sql.select(RESULTS.c.content, RESULTS.c.body).where(
            RESULTS.c.signature == signature,
            RESULTS.c.target == target.value,
            RESULTS.c.kind == Score.__name__,
        )
        rows = self._each(query.order_by(RESULTS.c.sequence))
        return {row.content: msgspec.json.decode(row.body, type=Score) for row in rows}

    def calls_left_open(self, run_id: str) -> frozenset[str]:
        query = sql.select(ATTEMPTS.c.call_id).where(
            ATTEMPTS.c.run_id == run_id, ATTEMPTS.c.closed.is_(None)
        )
        return frozenset(row.call_id for row in self._read(query))

    def possibly_paid(self, run_id: str) -> Sequence[PossiblyPaid]:
        rows = self._read(
            sql.select(ATTEMPTS.c.call_id, ATTEMPTS.c.opened, ATTEMPTS.c.error)
            .where(ATTEMPTS.c.run_id == run_id)
            .where(ATTEMPTS.c.closed.is_(None) | (ATTEMPTS.c.possibly_paid == 1))
            .order_by(ATTEMPTS.c.attempt)
        )
        return [
            PossiblyPaid(call_id=row.call_id, opened=row.opened, error=row.error or "")
            for row in rows
        ]

    def spending(self, run_id: str) -> Spending:
        columns = [
            column
            for column in ATTEMPTS.c
            if column.name not in {"attempt", "run_id", "reply"}  # replies may be large
        ]
        rows = self._each(sql.select(*columns).where(ATTEMPTS.c.run_id == run_id))
        return spending((_attempt(row) for row in rows), self._names(run_id))

    def put_document(self, kind: str, document_id: str, body: bytes) -> None:
        def write(connection: sql.Connection) -> None:
            self._check_fence(connection)
            same = (DOCUMENTS.c.kind == kind, DOCUMENTS.c.document_id == document_id)
            connection.execute(sql.delete(DOCUMENTS).where(*same))
            row = {"kind": kind, "document_id": document_id, "body": body}
            connection.execute(sql.insert(DOCUMENTS), row)

        self._writing().now(write)

    def documents(self, kind: str) -> Sequence[bytes]:
        query = sql.select(DOCUMENTS.c.body).where(DOCUMENTS.c.kind == kind)
        return [row.body for row in self._read(query.order_by(DOCUMENTS.c.sequence))]

    def attempts(self, run_id: str, *, replay: bool) -> SqlAttemptLog:
        """Return the attempt ledger of one run.

        Args:
            run_id: the run.
            replay: whether answers received by an earlier process are to be used.
        """
        return SqlAttemptLog(
            self._database,
            run_id,
            replay=replay,
            writing=self._writing,
            number=self._attempt_number,
            read=self._read,
            fence=self._fence if self._fence and self._fence.run_id == run_id else None,
            cases=self._cases,
        )

    def _names(self, run_id: str) -> Mapping[str, str]:
        """Return what the calls about each record with an outcome are counted under, by case."""
        key = (RESULTS.c.item_id, RESULTS.c.system, RESULTS.c.scorer, RESULTS.c.target)
        # Of a Score, which may be long, the kind says all that is asked for.
        body = sql.case((RESULTS.c.kind == Score.__name__, None), else_=RESULTS.c.body)
        query = sql.select(*key, RESULTS.c.kind, body.label("body"))
        query = query.where(RESULTS.c.run_id == run_id).order_by(RESULTS.c.revision)
        names = {}
        for row in self._each(query):  # the newest comes last
            record = RecordKey(item_id=row.item_id, system=row.system)
            name = SCORED if row.body is None else name_of(KINDS[row.kind].decode(row.body))
            names[case_id_of(row.scorer, Target(row.target), record)] = name
        return names

    def _outputs(self, fingerprint: str, positions: Mapping[str, int]) -> Mapping[str, str]:
        answers = AnswerWriter(positions)
        query = sql.select(OUTPUTS.c.item_id, OUTPUTS.c.body)
        for row in self._each(query.where(OUTPUTS.c.fingerprint == fingerprint)):
            if row.item_id in positions:  # a look at samples keeps those of earlier ones too
                answers.add(row.item_id, msgspec.json.decode(row.body, type=str))
        return answers.answers()

    # The element types differ from query to query; each caller reads named columns only.
    def _read(self, query: sql.Select[Any]) -> Sequence[sql.Row[Any]]:
        with self._reading() as connection:
            return connection.execute(query).all()

    def _each(self, query: sql.Select[Any]) -> Iterator[sql.Row[Any]]:
        """Yield rows of which there may be one for each record, without holding them all."""
        with self._reading() as connection:
            yield from connection.execute(query)

    @contextmanager
    def _reading(self) -> Iterator[sql.Connection]:
        try:
            with self._database.engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(
                f"the store {self._database.name} cannot be read: {fault_of(error)}"
            ) from error

    def _writing(self, *run_ids: str) -> Writer:
        """Return the writer, with the right to write to some runs."""
        with self._opening:  # several threads may write first
            if self._writer is None:
                self._database.claim()
                try:
                    self._writer = Writer(self._database.engine, name=self._database.name)
                except StoreError:
                    self._database.close()
                    raise
        for run_id in run_ids:
            if self._fence is not None and self._fence.run_id == run_id:
                continue  # the fence is the right
            if self._claimed.get(run_id) != self._writer.connections:
                self._database.claim_run(run_id, self._writer)
                self._claimed[run_id] = self._writer.connections
                # A later writer of a run counts from a higher number.
                self._attempts = iter(())
        return self._writer

    def _hold(self, fence: Fence, cases: Collection[str]) -> None:
        self._fence, self._cases = fence, frozenset(cases)
        self._attempts = iter(())  # above those of whoever had the chunk before

    def _check_fence(self, connection: sql.Connection) -> None:
        if self._fence is not None:
            self._fence.check(connection)

    def _attempt_number(self) -> int:
        for number in self._attempts:
            return number
        with self._reading() as connection:
            self._attempts = iter(self._database.attempt_numbers(connection))
        return next(self._attempts)


def _opened(place: Path | str) -> Database:
    name = str(place)
    try:
        database = SqliteFile(place) if isinstance(place, Path) else PostgresDatabase(place)
        name = database.name
        try:
            prepare(database)
        except BaseException:
            database.close()
            raise
    except (OSError, SQLAlchemyError) as error:
        raise StoreUnusable(f"the store {name} cannot be opened: {fault_of(error)}") from error
    return database


def _keep_dataset(
    connection: sql.Connection, manifest: RunManifest, dataset: Dataset, *, spell: Spell
) -> None:
    # What a set holds once is kept once, however many runs score it.
    found = dataset.items
    encoded = found.encoded() if isinstance(found, SpooledItems) else map(_JSON.encode, found)
    items = ((manifest.dataset, position, body) for position, body in enumerate(encoded))
    write_rows(connection, _KEEP_ITEM, items)
    for system, fingerprint in manifest.outputs.items():
        answers = dataset.outputs[system].items()
        outputs = ((fingerprint, spell(name), _JSON.encode(text)) for name, text in answers)
        write_rows(connection, _KEEP_OUTPUT, outputs)


def _result_row(result: Result, spell: Spell) -> tuple[object, ...]:
    outcome = result.outcome
    return (
        result.run_id,
        spell(result.key.item_id),
        spell(result.key.system),
        spell(outcome.scorer),
        outcome.target.value,
        result.revision,
        type(outcome).__name__,
        outcome.signature if isinstance(outcome, Score) else "",
        result.content,
        result.duration_s,
        _JSON.encode(outcome),
    )


def _stored(row: sql.Row[Any]) -> StoredResult:
    return StoredResult(
        item_id=row.item_id,
        system=row.system,
        scorer=row.scorer,
        target=row.target,
        kind=row.kind,
        content=row.content,
        revision=row.revision,
        duration_s=row.duration_s,
        body=row.body,
    )


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
