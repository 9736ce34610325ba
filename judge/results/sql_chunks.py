"""Chunks of jobs, and who works on them, in a PostgreSQL database that workers share.

Each change names in its WHERE what it expects, and the database's clock is the only one that
decides: two who do the same at once do it once.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from typing import Any

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import SQLAlchemyError

from judge.errors import StoreError
from judge.results.chunk import SUSPECT_ATTEMPTS, Chunk, ChunkKind, ChunkState, Queue
from judge.results.job import Wish
from judge.results.tables import CHUNKS, JOBS, META, WORKERS
from judge.results.writer import fault_of

_FIELDS = tuple(field.name for field in fields(Chunk))
_NOW = sql.extract("epoch", sql.func.clock_timestamp())
_UPKEEP = "upkeep"
_UNSEEN_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job's chunks are.

    Attributes:
        planned: chunks there are.
        running: chunks somebody has.
        left: chunks that are not done, those that run among them.
        undone: outcomes that are missing in chunks that are done.
    """

    planned: int = 0
    running: int = 0
    left: int = 0
    undone: int = 0


class SqlChunks:
    """The chunks of all jobs.

    Args:
        engine: in autocommit mode: each statement is a transaction.
    """

    def __init__(self, engine: sql.Engine) -> None:
        self._engine = engine

    def plan(self, chunks: Iterable[Chunk]) -> None:
        """Keep chunks that are not there yet."""
        rows = [{**asdict(chunk), "leased_until": 0.0} for chunk in chunks]
        insert = postgresql.insert(CHUNKS).on_conflict_do_nothing()
        with self._connected() as connection:
            connection.execute(insert, rows)

    def find(self, job_id: str, no: int) -> Chunk | None:
        """Return a chunk; None where there is none."""
        return self._first(sql.select(CHUNKS).where(_is(job_id, no)))

    def take(
        self, job_id: str, no: int, *, worker: str, lease_s: float, alone: bool = False
    ) -> Chunk | None:
        """Take a chunk that waits, for a job that runs; the attempt is counted now.

        Args:
            job_id: of the job.
            no: the chunk.
            worker: who takes it.
            lease_s: how long others leave it alone.
            alone: whether no other chunk of the job may run.

        Returns:
            The chunk; None where it is not to be had.
        """
        job = sql.select(JOBS.c.job_id).where(JOBS.c.job_id == job_id)
        job = job.where(JOBS.c.state == "running", JOBS.c.wish == "")
        taking = sql.update(CHUNKS).where(_is(job_id, no), CHUNKS.c.state == ChunkState.TODO.value)
        taking = taking.values(
            state=ChunkState.RUNNING.value,
            attempts=CHUNKS.c.attempts + 1,
            token=CHUNKS.c.token + 1,
            worker=worker,
            leased_until=_NOW + lease_s,
        )
        others = sql.select(CHUNKS.c.no).where(_of(job_id), CHUNKS.c.state == "running").limit(1)
        with self._together() as connection:
            # Who pauses or cancels the job waits for this, or comes before it.
            locked = job.with_for_update(read=not alone)
            if connection.execute(locked).first() is None:
                return None
            if alone and connection.execute(others).first() is not None:
                return None
            row = connection.execute(taking.returning(CHUNKS)).first()
            return None if row is None else _chunk(row)

    def wish(self, chunk: Chunk) -> Wish | None:
        """Return what is wished of the job of a chunk; None where the chunk is lost."""
        query = sql.select(JOBS.c.wish).join(CHUNKS, JOBS.c.job_id == CHUNKS.c.job_id)
        with self._connected() as connection:
            row = connection.execute(query.where(_held(chunk))).first()
        return None if row is None else Wish(row.wish)

    def renew(self, chunk: Chunk, *, lease_s: float) -> bool:
        """Keep a chunk for longer; return whether it is still held."""
        return self._changed(chunk, leased_until=_NOW + lease_s)

    def suspect(self, chunk: Chunk, question: str) -> None:
        """Write down which question is put now, in case the process does not live to tell."""
        self._changed(chunk, suspect=question)

    def done(self, chunk: Chunk, *, undone: int) -> bool:
        """Note that a chunk is done; return whether it was still held."""
        return self._changed(chunk, state=ChunkState.DONE.value, undone=undone)

    def give_back(self, chunk: Chunk) -> bool:
        """Let others do a chunk; the attempt does not count. Return whether it was still held."""
        return self._changed(chunk, state=ChunkState.TODO.value, attempts=CHUNKS.c.attempts - 1)

    def take_back_lapsed(self) -> Sequence[Chunk]:
        """Take chunks from those who went silent; halve those that died twice."""
        found = (
            sql.select(CHUNKS)
            .where(CHUNKS.c.state == ChunkState.RUNNING.value, CHUNKS.c.leased_until < _NOW)
            .with_for_update(skip_locked=True)
        )
        with self._together() as connection:
            lapsed = [_chunk(row) for row in connection.execute(found)]
            for chunk in lapsed:
                back = sql.update(CHUNKS).where(_is(chunk.job_id, chunk.no))
                connection.execute(
                    back.values(state=ChunkState.TODO.value, token=CHUNKS.c.token + 1)
                )
                if chunk.is_suspect and chunk.last - chunk.first > 1:
                    _halve(connection, chunk)
        return lapsed

    def reopen(self, job_id: str, *, everything: bool) -> None:
        """Let what is not done of a job be done again, as if it were begun for the first time."""
        again = sql.update(CHUNKS).where(_of(job_id), CHUNKS.c.kind != ChunkKind.BEGIN.value)
        if not everything:
            again = again.where(
                (CHUNKS.c.undone > 0)
                | (CHUNKS.c.state != ChunkState.DONE.value)
                | (CHUNKS.c.kind == ChunkKind.FINISH.value)
            )
        with self._connected() as connection:
            connection.execute(
                again.values(state=ChunkState.TODO.value, attempts=0, suspect="", undone=0)
            )

    def forget(self, job_id: str) -> None:
        """Remove the chunks of a job."""
        with self._connected() as connection:
            connection.execute(sql.delete(CHUNKS).where(_of(job_id)))

    def progress(self, job_id: str) -> Progress:
        """Return how far a job is."""
        n = sql.func.count()
        running = n.filter(CHUNKS.c.state == ChunkState.RUNNING.value)
        left = n.filter(CHUNKS.c.state != ChunkState.DONE.value)
        undone = sql.func.coalesce(sql.func.sum(CHUNKS.c.undone), 0)
        query = sql.select(n, running, left, undone).where(_of(job_id))
        with self._connected() as connection:
            planned, running_now, left_now, undone_now = connection.execute(query).one()
        return Progress(planned=planned, running=running_now, left=left_now, undone=int(undone_now))

    def next(self, job_id: str, queue: Queue, *, most: int) -> Sequence[Chunk]:
        """Return chunks of a job that may be begun now, at most so many with those that run.

        The first one of a queue goes alone: what it finds out, that the key is refused or which
        model answers, the others know. The last one waits for all others.
        """
        left = sql.select(CHUNKS).where(_of(job_id), CHUNKS.c.state != ChunkState.DONE.value)
        with self._connected() as connection:
            others = left.where(CHUNKS.c.kind != ChunkKind.FINISH.value)
            if connection.execute(others.limit(1)).first() is None:
                rows = connection.execute(left.where(CHUNKS.c.queue == queue.value)).all()
                return [c for c in map(_chunk, rows) if c.state is ChunkState.TODO]
            done = sql.select(CHUNKS.c.no).where(
                _of(job_id), CHUNKS.c.queue == queue.value, CHUNKS.c.state == ChunkState.DONE.value
            )
            scored = done.where(CHUNKS.c.kind == ChunkKind.SCORE.value).limit(1)
            if connection.execute(scored).first() is None:
                most = 1
            wanted = others.where(CHUNKS.c.queue == queue.value)
            # Those that run come first: they were begun first.
            order = sql.case((CHUNKS.c.state == ChunkState.RUNNING.value, 0), else_=1)
            rows = connection.execute(wanted.order_by(order, CHUNKS.c.no).limit(most)).all()
        return [c for c in map(_chunk, rows) if c.state is ChunkState.TODO]

    def at_work(self, worker: str, queue: Queue, *, slots: int) -> None:
        """Say that a worker is there; 0 slots say that it goes."""
        row = {"worker": worker, "queue": queue.value, "slots": slots, "seen": _NOW}
        insert = postgresql.insert(WORKERS).values(row)
        changed = {"slots": insert.excluded.slots, "seen": insert.excluded.seen}
        with self._connected() as connection:
            connection.execute(
                insert.on_conflict_do_update(index_elements=["worker", "queue"], set_=changed)
            )

    def slots(self, queue: Queue) -> int:
        """Return how many chunks of a queue are worked on at once, by workers that are there.

        What is taken from whom is decided by leases alone; this says how far to plan ahead.
        """
        n = sql.func.coalesce(sql.func.sum(WORKERS.c.slots), 0)
        query = sql.select(n).where(
            WORKERS.c.queue == queue.value, WORKERS.c.seen > _NOW - _UNSEEN_S
        )
        gone = sql.delete(WORKERS).where(WORKERS.c.seen < _NOW - 100 * _UNSEEN_S)
        with self._connected() as connection:
            connection.execute(gone)
            return int(connection.execute(query).scalar_one())

    def is_turn(self, *, every_s: float) -> bool:
        """Return whether it is this worker who looks after all jobs now: one does, now and then."""
        insert = postgresql.insert(META).values(name=_UPKEEP, value="0").on_conflict_do_nothing()
        due = sql.cast(META.c.value, sql.Float) <= _NOW - every_s
        turn = sql.update(META).where(META.c.name == _UPKEEP, due)
        with self._connected() as connection:
            connection.execute(insert)
            taken = turn.values(value=sql.cast(_NOW, sql.Text)).returning(META.c.name)
            return connection.execute(taken).first() is not None

    def _changed(self, chunk: Chunk, **values: object) -> bool:
        change = sql.update(CHUNKS).where(_held(chunk)).values(**values)
        with self._connected() as connection:
            return connection.execute(change.returning(CHUNKS.c.no)).first() is not None

    def _first(self, query: sql.Select[Any]) -> Chunk | None:
        with self._connected() as connection:
            row = connection.execute(query).first()
        return None if row is None else _chunk(row)

    @contextmanager
    def _connected(self) -> Iterator[sql.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise StoreError(f"the chunks of jobs are out of reach: {fault_of(error)}") from error

    @contextmanager
    def _together(self) -> Iterator[sql.Connection]:
        """Run several statements as one transaction."""
        with self._connected() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            except BaseException:
                with suppress(SQLAlchemyError):  # the connection may be what failed
                    connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")


def _of(job_id: str) -> sql.ColumnElement[bool]:
    return CHUNKS.c.job_id == job_id


def _is(job_id: str, no: int) -> sql.ColumnElement[bool]:
    return _of(job_id) & (CHUNKS.c.no == no)


def _held(chunk: Chunk) -> sql.ColumnElement[bool]:
    """Say that whoever took a chunk has it still."""
    return (
        _is(chunk.job_id, chunk.no)
        & (CHUNKS.c.token == chunk.token)
        & (CHUNKS.c.state == ChunkState.RUNNING.value)
    )


def _halve(connection: sql.Connection, chunk: Chunk) -> None:
    """Make two chunks of one, both as suspect as it is."""
    middle = (chunk.first + chunk.last) // 2
    newest = sql.select(sql.func.max(CHUNKS.c.no)).where(_of(chunk.job_id))
    no = int(connection.execute(newest).scalar_one())
    first = sql.update(CHUNKS).where(_is(chunk.job_id, chunk.no))
    connection.execute(first.values(last=middle, attempts=SUSPECT_ATTEMPTS))
    other = Chunk(
        job_id=chunk.job_id,
        no=no + 1,
        queue=chunk.queue,
        kind=chunk.kind,
        first=middle,
        last=chunk.last,
        attempts=SUSPECT_ATTEMPTS,
        token=chunk.token + 1,
    )
    connection.execute(sql.insert(CHUNKS).values({**asdict(other), "leased_until": 0.0}))


def _chunk(row: sql.Row[Any]) -> Chunk:
    values = {name: getattr(row, name) for name in _FIELDS}
    kinds = {"queue": Queue, "kind": ChunkKind, "state": ChunkState}
    return Chunk(**{**values, **{name: kind(values[name]) for name, kind in kinds.items()}})
