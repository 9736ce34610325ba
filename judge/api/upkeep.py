"""Looking after the jobs that workers share: who begins, what is next, and who is over."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeAlias

from judge.api.chunks import Desk, change
from judge.errors import IllegalTransition, JobChanged
from judge.results.chunk import Chunk, ChunkKind, Queue
from judge.results.job import Job, JobKind, JobState, Wish
from judge.results.sql_chunks import Progress

Put: TypeAlias = Callable[[Chunk, int], Awaitable[None]]
"""Tells an engine of a chunk that may be begun, and of its priority: higher ones go first."""

_AHEAD = 2
"""Chunks of a job that wait beside those that could run: few, so that others get their share."""
_ENDED = {
    Wish.PAUSE: JobState.PAUSED,
    Wish.CANCEL: JobState.CANCELLED,
    Wish.HALT: JobState.INCOMPLETE,
}


async def look_after_all(desk: Desk, put: Put) -> None:
    """Take back what died, begin what waits, and say of each job what is next.

    All of it may be done twice, by two workers at once, and comes to the same.
    """
    await asyncio.to_thread(desk.store.chunks.take_back_lapsed)
    for _, job in await asyncio.to_thread(desk.jobs.jobs, states=[JobState.QUEUED], limit=10_000):
        await asyncio.to_thread(_begin, desk, job)
    running = await asyncio.to_thread(desk.jobs.jobs, states=[JobState.RUNNING], limit=10_000)
    for _, job in reversed(running):
        await look_after(desk, put, job.job_id)


async def look_after(desk: Desk, put: Put, job_id: str) -> None:
    """Say what is next of a job that runs, or that it is over."""
    chunks = desk.store.chunks
    job = await asyncio.to_thread(desk.jobs.job, job_id)
    if job is None or job.state is not JobState.RUNNING:
        return
    if await asyncio.to_thread(_is_over, desk, job) or job.wish is not Wish.NONE:
        return
    alone = json.loads(job.options).get("max_cost") is not None
    for queue in Queue:
        slots = await asyncio.to_thread(chunks.slots, queue)
        most = 1 if alone else slots + _AHEAD
        for chunk in await asyncio.to_thread(chunks.next, job_id, queue, most=most):
            await put(chunk, 2 * job.priority + _is_waited_for(chunk))


def _is_waited_for(chunk: Chunk) -> bool:
    """Return whether other chunks wait for it: it goes before those of equal jobs."""
    return chunk.kind is not ChunkKind.SCORE or chunk.first == 0


def _begin(desk: Desk, job: Job) -> None:
    """Let a job that waits run: from its beginning, or what is left of it."""
    chunks = desk.store.chunks
    again = job.kind is JobKind.SCORING and chunks.progress(job.job_id).planned > 1
    if again:
        chunks.reopen(job.job_id, everything=bool(json.loads(job.options).get("retry_failed")))
    else:
        chunks.forget(job.job_id)
        chunks.plan([Chunk(job_id=job.job_id, no=0, queue=Queue.IO, kind=ChunkKind.BEGIN)])
    with suppress(JobChanged, IllegalTransition):  # somebody was quicker
        desk.jobs.change(job, job.moved(JobState.RUNNING))


def _is_over(desk: Desk, job: Job) -> bool:
    """Return whether nothing more is done for a job, and say so in its state."""
    progress = desk.store.chunks.progress(job.job_id)
    state = _came_to(desk, job, progress)
    if state is None:
        return False
    error = job.error if state is JobState.INCOMPLETE else ""
    with suppress(JobChanged, IllegalTransition):  # somebody was quicker
        change(desk.jobs, job, lambda one: one.moved(state, error=error))
    return True


def _came_to(desk: Desk, job: Job, progress: Progress) -> JobState | None:
    if progress.running or not progress.planned:
        return None
    if not progress.left:
        if job.kind is JobKind.VALIDATION:
            return JobState.INCOMPLETE if progress.undone else JobState.FINISHED
        whole = desk.jobs.n_outcomes(job.run_id) >= job.total and not progress.undone
        return JobState.FINISHED if whole else JobState.INCOMPLETE
    return _ENDED.get(job.wish)
