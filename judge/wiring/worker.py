"""A worker: chunks of jobs, told of by procrastinate on the PostgreSQL database of the store.

The queue holds numbers of chunks and nothing else. What is lost of it, the upkeep puts in again.
"""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sql
from sqlalchemy.exc import SQLAlchemyError

from judge.api.chunks import Desk, run_chunk
from judge.api.upkeep import Put, look_after, look_after_all
from judge.errors import ConfigError, MissingExtra, StoreError, StoreUnusable
from judge.models.limits import SharedTurns
from judge.results.chunk import Chunk, Queue
from judge.results.postgres import PostgresDatabase
from judge.results.sql import SqlStore
from judge.results.writer import fault_of
from judge.runs.executor import Stop
from judge.wiring.serving import ServerRules, open_job
from judge.wiring.store import store_place

if TYPE_CHECKING:
    from procrastinate import App

_LOGGER = logging.getLogger(__name__)

LEASE_S = 30.0
_BEAT_S = 0.5
_UPKEEP_S = 1.0
_STALLED_S = 60.0
_LOOK_S = 2.0
_TASK = "chunk"
_MADE_BY = "made by procrastinate "


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerTerms:
    """How a worker works.

    Attributes:
        slots: chunks at once, of each queue it serves.
        lease_s: for how long others leave its chunks alone when it goes silent.
    """

    slots: Mapping[Queue, int]
    lease_s: float = LEASE_S


def open_shared_store(location: str, *, lease_s: float = LEASE_S) -> SqlStore:
    """Open a store that workers can share.

    Raises:
        ConfigError: it is a file.
        StoreUnusable: it cannot be opened.
    """
    place = store_place(location)
    if not isinstance(place, str):
        raise ConfigError(
            f"--store {location} is a file, which one process writes: workers need a "
            "postgresql:// address, and `judge serve` runs the jobs of a file by itself"
        )
    # A process that is stopped within a transaction would keep others from what it locked.
    limit = f"-cidle_in_transaction_session_timeout={max(1.0, lease_s / 3):.0f}s"
    return SqlStore(_with_options(place, limit))


async def work(location: str, rules: ServerRules, terms: WorkerTerms, *, stop: Stop) -> None:
    """Do chunks of jobs until it is asked to stop; then finish what is in flight.

    Raises:
        ConfigError: the store is a file.
        StoreUnusable: it cannot be opened, or its queue is of a newer version.
        MissingExtra: procrastinate is not installed.
    """
    with open_shared_store(location, lease_s=terms.lease_s) as store:
        schema = await asyncio.to_thread(_prepare_queue, location)

        async def reserve(name: str, amount: float, per_minute: float) -> float:
            return await asyncio.to_thread(store.rates.reserve, name, amount, per_minute)

        rules = replace(rules, turns=SharedTurns(reserve))
        desk = Desk(
            store=store,
            jobs=store.service,
            opener=lambda job, manifest: open_job(rules, store, job, manifest),
            # The end keeps apart those of containers, where each process has the same number.
            worker=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
            lease_s=terms.lease_s,
            beat_s=min(_BEAT_S, terms.lease_s / 10),
            now=lambda: datetime.now(UTC),
            stop=stop,
        )
        async with _engine(_with_options(location, f"-csearch_path={schema}")) as app:
            put = _take_tasks(app, desk)
            await _until(stop, app, desk, put, terms)


async def _until(stop: Stop, app: "App", desk: Desk, put: Put, terms: WorkerTerms) -> None:
    """Serve the queues until it is asked to stop."""
    asked = asyncio.Event()
    stop.tell(asked.set)
    if stop.reason:
        return
    async with asyncio.TaskGroup() as side_by_side:
        serving = [
            side_by_side.create_task(_serve(app, queue, slots, stop))
            for queue, slots in terms.slots.items()
        ]
        keeping = side_by_side.create_task(_keep_up(app, desk, put, terms))
        await asked.wait()
        keeping.cancel()
        for task in serving:
            task.cancel()  # it takes nothing new, and waits for what it has
    for queue in terms.slots:
        with suppress(StoreError):
            await asyncio.to_thread(desk.store.chunks.at_work, desk.worker, queue, slots=0)


def _take_tasks(app: "App", desk: Desk) -> Put:
    """Let an engine's tasks be chunks; return what puts some."""
    from procrastinate.exceptions import AlreadyEnqueued

    seats = _Seats()

    async def put(chunk: Chunk, priority: int) -> None:
        told = app.configure_task(
            _TASK,
            queue=chunk.queue.value,
            queueing_lock=f"{chunk.job_id}/{chunk.no}",
            priority=priority,
        )
        with suppress(AlreadyEnqueued):
            await told.defer_async(job_id=chunk.job_id, no=chunk.no)

    @app.task(name=_TASK)
    async def chunk(job_id: str, no: int) -> None:
        found = await asyncio.to_thread(desk.store.chunks.find, job_id, no)
        if found is None or desk.stop.reason:
            return
        # A chunk that may kill its process takes no other chunk with it.
        async with seats.seat(alone=found.is_suspect):
            await run_chunk(desk, job_id, no)
        await look_after(desk, put, job_id)

    return put


class _Seats:
    """Lets chunks in side by side, and a suspect one by itself."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._taken = 0
        self._alone = False

    @asynccontextmanager
    async def seat(self, *, alone: bool) -> AsyncIterator[None]:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._alone and not (alone and self._taken))
            self._taken += 1
            self._alone = alone
        try:
            yield
        finally:
            async with self._changed:
                self._taken -= 1
                self._alone = False
                self._changed.notify_all()


async def _serve(app: "App", queue: Queue, slots: int, stop: Stop) -> None:
    """Serve a queue, anew where the engine lost the database."""
    while not stop.reason:
        try:
            await app.run_worker_async(
                queues=[queue.value],
                name=queue.value,
                concurrency=slots,
                install_signal_handlers=False,
                delete_jobs="always",
                fetch_job_polling_interval=_LOOK_S,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the queue is served again
            _LOGGER.warning("the queue %s is out of reach: %s", queue, type(error).__name__)
        await asyncio.sleep(_UPKEEP_S)


async def _keep_up(app: "App", desk: Desk, put: Put, terms: WorkerTerms) -> None:
    """Say that this worker is there, and look after all jobs when it is its turn."""
    chunks = desk.store.chunks
    looked_at_stalled = asyncio.get_running_loop().time()
    while True:
        try:
            for queue, slots in terms.slots.items():
                await asyncio.to_thread(chunks.at_work, desk.worker, queue, slots=slots)
            if await asyncio.to_thread(chunks.is_turn, every_s=_UPKEEP_S):
                await look_after_all(desk, put)
            if asyncio.get_running_loop().time() - looked_at_stalled > _STALLED_S:
                looked_at_stalled = asyncio.get_running_loop().time()
                await _forget_stalled(app)
        except Exception as error:  # noqa: BLE001 - the next look may find the database again
            _LOGGER.warning("upkeep failed: %s: %s", type(error).__name__, error)
        await asyncio.sleep(_UPKEEP_S)


async def _forget_stalled(app: "App") -> None:
    """Take the tasks of dead workers from the queue: the chunks are put in again by their lease."""
    from procrastinate.jobs import Status

    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_S):
        await app.job_manager.finish_job(job, status=Status.FAILED, delete_job=True)


@asynccontextmanager
async def _engine(address: str) -> AsyncIterator["App"]:
    try:
        from procrastinate import App, PsycopgConnector
    except ModuleNotFoundError as error:
        raise MissingExtra("cluster", needed_for="a worker") from error

    # Each served queue listens on a connection of its own.
    app = App(connector=PsycopgConnector(conninfo=address, min_size=1, max_size=6))
    async with app.open_async():
        yield app


def _prepare_queue(location: str) -> str:
    """Make the queue's tables in a schema of their own, and return its name.

    They are no part of the store: they are made anew by a newer version, and no backup has them.
    """
    from importlib.metadata import version

    from packaging.version import Version
    from procrastinate.schema import SchemaManager

    ours = version("procrastinate")
    database = PostgresDatabase(location)
    try:
        with database.engine.connect() as connection:
            database.begin_alone(connection)
            beside = connection.exec_driver_sql("SELECT current_schema()").scalar_one()
            schema = "judge_queue" if beside == "public" else f"{beside}_queue"
            quoted = connection.dialect.identifier_preparer.quote(schema)
            said = "SELECT obj_description(to_regnamespace(%s)::oid, 'pg_namespace')"
            found = (connection.exec_driver_sql(said, (quoted,)).scalar() or "").removeprefix(
                _MADE_BY
            )
            if found and Version(found) > Version(ours):
                raise StoreUnusable(
                    f"the queue in {database.name} was made by procrastinate {found}, here is "
                    f"{ours}: use the newer one, and end workers of the older"
                )
            if found != ours:
                connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {quoted} CASCADE")
                connection.exec_driver_sql(f"CREATE SCHEMA {quoted}")
                connection.exec_driver_sql(f"SET LOCAL search_path TO {quoted}")
                connection.execute(sql.text(SchemaManager.get_schema().replace(":", r"\:")))
                connection.exec_driver_sql(f"COMMENT ON SCHEMA {quoted} IS '{_MADE_BY}{ours}'")
            connection.exec_driver_sql("COMMIT")
    except SQLAlchemyError as error:
        raise StoreUnusable(
            f"the queue in {database.name} cannot be made ready: {fault_of(error)}"
        ) from error
    finally:
        database.close()
    return schema


def _with_options(address: str, option: str) -> str:
    """Return an address whose sessions begin with one more setting."""
    url = sql.make_url(address)
    said = url.query.get("options", "")
    before = said if isinstance(said, str) else " ".join(said)
    url = url.update_query_dict({"options": f"{before} {option}".strip()})
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
