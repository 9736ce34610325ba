"""Doing a chunk of a job: what a worker does, whichever engine told it to."""

import asyncio
import json
import logging
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol, Self

from judge.api.dispatching import JobOpener, JobStore, keep_validation
from judge.api.leaks import found_in_training
from judge.api.project import Instrument, Project, RunContext, RunStore, run_context
from judge.api.running import ignore, new_run_id, score_tasks
from judge.api.scoring import begin_run, check_same, served_in, spent_by
from judge.api.sentinels import judge_sentinels_again
from judge.api.yardsticks import keep_yardsticks
from judge.errors import ChunkLost, JobChanged, JudgeError, StoreError, StoreUnusable
from judge.records.record import Record
from judge.results.chunk import Chunk, ChunkKind, Queue
from judge.results.fence import Fence
from judge.results.job import Job, JobKind, JobState, Wish
from judge.results.outcome import Fate, FateCode
from judge.results.run import Result, RunManifest, content_of
from judge.results.sql_chunks import SqlChunks
from judge.runs.executor import Stop
from judge.runs.order import Positions, item_order
from judge.runs.plan import Task, failed_by_the_judge, unscored

_LOGGER = logging.getLogger(__name__)

PILOT_ITEMS = 20
"""The first chunk is small: the others wait for what it finds out."""
RECORDS = {Queue.IO: 100, Queue.GPU: 2000}
"""About so many records are in a chunk."""
_JOBS_OPEN = 4
_DIED_ALONE = 2


class WorkerStore(RunStore, Protocol):
    """A store that workers share."""

    @property
    def chunks(self) -> SqlChunks:
        """The parts of jobs."""
        ...

    def fenced(self, fence: Fence, cases: Collection[str] = ()) -> Self:
        """Return the store to one who holds a chunk: what it writes is kept while it does."""
        ...

    def results_about(self, run_id: str, item_ids: Collection[str]) -> Sequence[Result]:
        """Return the newest results about some items of a run."""
        ...


@dataclass(frozen=True, slots=True)
class _Open:
    """A job's run, as a worker keeps it at hand between chunks."""

    project: Project
    manifest: RunManifest
    order: Positions

    def records(self, first: int, last: int) -> list[Record]:
        """Return the records of some items, by their turn."""
        found = self.project.dataset
        return [
            record
            for position in self.order[first:last]
            for record in found.records_of(found.items[position])
        ]


@dataclass(slots=True, kw_only=True)
class Desk:
    """What a worker does its chunks with.

    Attributes:
        store: of the runs.
        jobs: of the jobs.
        opener: makes their projects.
        worker: its name.
        lease_s: for how long others leave its chunks alone when it goes silent.
        beat_s: how often it looks whether a chunk is still its own, and wished for.
        now: the time; nothing is decided by it.
        stop: asked when the worker is to end.
    """

    store: WorkerStore
    jobs: JobStore
    opener: JobOpener
    worker: str
    lease_s: float
    beat_s: float
    now: Callable[[], datetime]
    stop: Stop
    _open: OrderedDict[str, asyncio.Task[_Open]] = field(default_factory=OrderedDict)

    async def opened(self, job: Job) -> _Open:
        """Return a job's run, which is read once for several chunks."""
        if (reading := self._open.get(job.run_id)) is None:
            reading = asyncio.create_task(asyncio.to_thread(self._read, job))
            self._open[job.run_id] = reading
        self._open.move_to_end(job.run_id)
        while len(self._open) > _JOBS_OPEN:
            self._open.popitem(last=False)
        try:
            return await asyncio.shield(reading)
        except Exception:
            self._open.pop(job.run_id, None)  # the next one tries again
            raise

    def _read(self, job: Job) -> _Open:
        manifest = next(one for one in self.store.manifests() if one.run_id == job.run_id)
        project = self.opener(job, manifest)
        return _Open(project, manifest, item_order(project.dataset, seed=manifest.seed))


async def run_chunk(desk: Desk, job_id: str, no: int) -> None:
    """Do a chunk that waits, if it is still to be had; what becomes of it is in the store.

    It is done, given back where it was to stop, or its job has failed; where its worker died, or
    could not keep what it found, its lease runs out and others do the rest.
    """
    chunks, job = desk.store.chunks, desk.jobs.job(job_id)
    if job is None:
        return
    alone = json.loads(job.options).get("max_cost") is not None
    chunk = await asyncio.to_thread(
        chunks.take, job_id, no, worker=desk.worker, lease_s=desk.lease_s, alone=alone
    )
    if chunk is None:
        return
    stop = Stop()
    try:
        async with _holding(desk, chunk, stop):
            undone = await _STEPS[chunk.kind](desk, job, chunk, stop)
            if undone and stop.reason:
                held = await asyncio.to_thread(chunks.give_back, chunk)
            else:
                held = await asyncio.to_thread(chunks.done, chunk, undone=undone)
            if not held:
                _LOGGER.warning("chunk %d of %s was given to another meanwhile", no, job_id)
    except ChunkLost as lost:
        _LOGGER.warning("%s", lost)
    except (StoreError, StoreUnusable) as error:
        _LOGGER.warning("chunk %d of %s is given back: %s", no, job_id, error)
        with suppress(StoreError):  # its lease runs out
            await asyncio.to_thread(chunks.give_back, chunk)
    except JudgeError as error:
        await _fail(desk, chunk, str(error))
    except Exception as error:  # a bug costs one job, not the worker
        incident = secrets.token_hex(4)
        _LOGGER.exception("incident %s in %s", incident, job_id)
        words = f"internal error, incident {incident} ({type(error).__name__})"
        await _fail(desk, chunk, words)


@asynccontextmanager
async def _holding(desk: Desk, chunk: Chunk, stop: Stop) -> AsyncIterator[None]:
    """Keep a chunk for as long as the block runs, and ask it to stop where that is wished."""
    chunks = desk.store.chunks

    async def beat() -> None:
        since_s = 0.0
        while True:
            await asyncio.sleep(desk.beat_s)
            since_s += desk.beat_s
            if desk.stop.reason:
                stop.ask(desk.stop.reason)
            try:
                wish = await asyncio.to_thread(chunks.wish, chunk)
                if wish is None:
                    stop.ask("the chunk was given to another")
                elif wish is not Wish.NONE:
                    stop.ask(f"asked to {wish}")
                if since_s >= desk.lease_s / 3:
                    await asyncio.to_thread(chunks.renew, chunk, lease_s=desk.lease_s)
                    since_s = 0.0
            except StoreError as error:
                _LOGGER.warning("%s", error)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


async def _begin(desk: Desk, job: Job, chunk: Chunk, stop: Stop) -> int:
    """Begin a job's run and plan its chunks; a validation is done as a whole."""
    if job.kind is JobKind.VALIDATION:
        project = await asyncio.to_thread(desk.opener, job, None)
        store = desk.store.fenced(_fence(chunk, job))
        return int(not await keep_validation(project, store, job, now=desk.now, stop=stop))
    if not job.run_id:
        job = change(desk.jobs, job, lambda one: replace(one, run_id=new_run_id(desk.now())))
    project = await asyncio.to_thread(desk.opener, job, None)
    store = desk.store.fenced(_fence(chunk, job))
    overlap = await found_in_training(project, stop=stop)
    context = run_context(store, job.run_id, stop=stop)
    async with project.instruments(context) as instruments:
        if stop.reason:
            return 1
        begin_run(
            project, store, instruments, run_id=job.run_id, started=desk.now(), overlap=overlap
        )
        n_items, n_systems = len(project.dataset.items), len(project.dataset.systems)
        total = len(instruments) * n_items * n_systems
        change(desk.jobs, job, lambda one: replace(one, total=total))
        await asyncio.to_thread(
            desk.store.chunks.plan,
            _planned(job.job_id, instruments, n_items=n_items, n_systems=n_systems),
        )
    return 0


def _planned(
    job_id: str, instruments: Sequence[Instrument], *, n_items: int, n_systems: int
) -> Sequence[Chunk]:
    """Return the chunks of a job, but the one that plans them."""
    planned: list[Chunk] = []
    queues = [queue for queue in Queue if any(_queue(one) is queue for one in instruments)]
    for queue in queues:
        first, size = 0, max(1, min(PILOT_ITEMS, RECORDS[queue] // n_systems))
        while first < n_items:
            last = min(first + size, n_items)
            planned.append(
                Chunk(
                    job_id=job_id,
                    no=len(planned) + 1,
                    queue=queue,
                    kind=ChunkKind.SCORE,
                    first=first,
                    last=last,
                )
            )
            first, size = last, max(1, RECORDS[queue] // n_systems)
    # What similarities mean is measured with the model that measured them.
    queue = Queue.GPU if Queue.GPU in queues else Queue.IO
    no = len(planned) + 1
    return [*planned, Chunk(job_id=job_id, no=no, queue=queue, kind=ChunkKind.FINISH)]


async def _score(desk: Desk, job: Job, chunk: Chunk, stop: Stop) -> int:
    """Score a range of items; return how many outcomes are missing, or would be made again."""
    opened = await desk.opened(job)
    manifest = opened.manifest
    records = opened.records(chunk.first, chunk.last)
    measures = manifest.measures
    cases = [measure.case_id(record.key) for measure in measures for record in records]
    store = desk.store.fenced(_fence(chunk, job), cases)
    ids = list(dict.fromkeys(record.key.item_id for record in records))
    plans = [(unscored, chunk.token > 1)]  # whoever had it before may have been answered
    if json.loads(job.options).get("retry_failed"):
        plans.append((failed_by_the_judge, False))
    work: list[tuple[Instrument, list[Task]]] = []
    for plan, replay in plans:
        results = await asyncio.to_thread(store.results_about, job.run_id, ids)
        context = await _context(store, job, opened, replay=replay, stop=stop)
        async with opened.project.instruments(context) as instruments:
            check_same(instruments, manifest)
            work = [
                (one, list(plan(records, one.scorer.measure, results)))
                for one in instruments
                if _queue(one) is chunk.queue
            ]
            if chunk.is_suspect and len(ids) == 1:
                await _one_by_one(desk, store, chunk, work, run_id=job.run_id, stop=stop)
            else:
                await score_tasks(work, store, run_id=job.run_id, stop=stop, watcher=ignore)
    found = await asyncio.to_thread(store.results_about, job.run_id, ids)
    mine = [one for one, _ in work]
    left = sum(1 for one in mine for _ in unscored(records, one.scorer.measure, found))
    n_found = sum(_of(one, result) for one in mine for result in found)
    if n_found < len(mine) * len(records) and not stop.reason:
        _halt(desk, job, found)
    return left


def _of(instrument: Instrument, result: Result) -> bool:
    measure, outcome = instrument.scorer.measure, result.outcome
    return (outcome.scorer, outcome.target) == (measure.scorer, measure.target)


def _halt(desk: Desk, job: Job, found: Sequence[Result]) -> None:
    """Let a job wait for a resume: a scorer stopped, since no later call could do better."""
    fates = [one.outcome for one in found if isinstance(one.outcome, Fate)]
    said = next((fate.message for fate in fates if fate.code.resumable), "a scorer stopped")
    with suppress(JobChanged):
        change(desk.jobs, job, lambda one: replace(one, wish=one.wish or Wish.HALT, error=said))


async def _one_by_one(
    desk: Desk,
    store: WorkerStore,
    chunk: Chunk,
    work: Sequence[tuple[Instrument, list[Task]]],
    *,
    run_id: str,
    stop: Stop,
) -> None:
    """Score the one item that is left of a chunk which killed its process again and again.

    Each question is written down before it is put: the one that was, when the process died, gets
    its fate, and the others are tried.
    """
    for instrument, tasks in work:
        measure = instrument.scorer.measure
        for task in tasks:
            question = f"{measure.metric}/{measure.case_id(task.record.key)}"
            if chunk.suspect == question and chunk.attempts > _DIED_ALONE:
                await store.put([_killer(run_id, instrument, task)])
                continue
            if stop.reason:
                return
            await asyncio.to_thread(desk.store.chunks.suspect, chunk, question)
            await score_tasks(
                [(instrument, [task])], store, run_id=run_id, stop=stop, watcher=ignore
            )


def _killer(run_id: str, instrument: Instrument, task: Task) -> Result:
    measure = instrument.scorer.measure
    incident = secrets.token_hex(4)
    _LOGGER.error(
        "incident %s: scoring one record with %s ends its process", incident, measure.metric
    )
    return Result(
        run_id=run_id,
        key=task.record.key,
        outcome=Fate(
            scorer=measure.scorer,
            target=measure.target,
            code=FateCode.INTERNAL_ERROR,
            message=f"incident {incident}: scoring this record ended the process again and again",
        ),
        content=content_of(task.record, measure.target),
        revision=task.revision,
        duration_s=0.0,
    )


async def _finish(desk: Desk, job: Job, chunk: Chunk, stop: Stop) -> int:
    """Do what needs all scores."""
    opened = await desk.opened(job)
    store = desk.store.fenced(_fence(chunk, job))
    context = await _context(store, job, opened, replay=True, stop=stop)
    async with opened.project.instruments(context) as instruments:
        await keep_yardsticks(opened.project, store, instruments, run_id=job.run_id, stop=stop)
    await judge_sentinels_again(opened.project, store, opened.manifest, now=desk.now, stop=stop)
    return int(bool(stop.reason))


async def _context(
    store: WorkerStore,
    job: Job,
    opened: _Open,
    *,
    replay: bool,
    stop: Stop,
) -> RunContext:
    # What answered in the first chunk answers in all.
    pilots = list(dict.fromkeys(one.item_id for one in opened.records(0, PILOT_ITEMS)))
    answered = await asyncio.to_thread(store.results_about, job.run_id, pilots)
    spent = 0.0
    if json.loads(job.options).get("max_cost") is not None:
        spent = await spent_by(opened.project, store, opened.manifest)
    return run_context(
        store, job.run_id, stop=stop, replay=replay, served=served_in(answered), spent=spent
    )


def _fence(chunk: Chunk, job: Job) -> Fence:
    return Fence(job_id=job.job_id, no=chunk.no, token=chunk.token, run_id=job.run_id)


def _queue(instrument: Instrument) -> Queue:
    return Queue.GPU if instrument.embeds else Queue.IO


async def _fail(desk: Desk, chunk: Chunk, error: str) -> None:
    """Note why a job cannot be run, unless the chunk is somebody else's by now."""
    if not await asyncio.to_thread(desk.store.chunks.give_back, chunk):
        return
    found = desk.jobs.job(chunk.job_id)
    if found is not None and found.state is JobState.RUNNING:
        change(desk.jobs, found, lambda one: one.moved(JobState.FAILED, error=error))


def change(jobs: JobStore, job: Job, become: Callable[[Job], Job]) -> Job:
    """Change a job, however often others change it meanwhile.

    Raises:
        JobChanged: it is gone.
    """
    while True:
        found = jobs.job(job.job_id)
        if found is None:
            raise JobChanged(f"the job {job.job_id} is gone")
        try:
            return jobs.change(found, become(found))
        except JobChanged:
            continue  # between our two looks: look again


_STEPS = {ChunkKind.BEGIN: _begin, ChunkKind.SCORE: _score, ChunkKind.FINISH: _finish}
