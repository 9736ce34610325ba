"""Running the jobs of a service, on one machine: the store is the checkpoint."""

import asyncio
import json
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Thread
from typing import Protocol

from judge.api.project import Project, RunStore
from judge.api.running import new_run_id
from judge.api.scoring import evaluate, n_outcomes, resume
from judge.api.validating import validate_judge
from judge.errors import JobChanged, JudgeError
from judge.render.validation_json import validation_json
from judge.results.job import Job, JobKind, JobState, Wish
from judge.results.run import Result, RunManifest
from judge.runs.executor import Stop

_LOGGER = logging.getLogger(__name__)

JOBS_AT_ONCE = 4
VALIDATION_KIND = "validation/"
"""Kind of the document that holds what a validation found, with the id of its job behind it."""

_LONGEST_UNSEEN_S = 5.0


class JobStore(Protocol):
    """Where jobs are kept."""

    def job(self, job_id: str) -> Job | None:
        """Return a job; None where there is none of that name."""
        ...

    def jobs(
        self,
        *,
        workspace: str | None = None,
        states: Sequence[JobState] = (),
        before: int | None = None,
        limit: int = 100,
    ) -> Sequence[tuple[int, Job]]:
        """Return jobs with their places in the order of submission, newest first."""
        ...

    def change(self, was: Job, becomes: Job) -> Job:
        """Put a job in the place of what was read of it."""
        ...

    def resumable(self, run_id: str) -> int:
        """Return how many outcomes of a run a resume would make again."""
        ...

    def n_outcomes(self, run_id: str) -> int:
        """Return how many records and measures of a run have an outcome."""
        ...


class JobOpener(Protocol):
    """Makes the project of a job."""

    def __call__(self, job: Job, manifest: RunManifest | None) -> Project:
        """Return it, from its config or, once it has begun, from its run.

        Raises:
            InputError: it cannot be run.
        """
        ...


@dataclass(slots=True)
class _Running:
    job: Job
    stop: Stop = field(default_factory=Stop)
    task: asyncio.Task[None] | None = None


class Dispatcher:
    """Runs queued jobs, a few at once, in a thread and an event loop of its own.

    Whoever changes a job tells it to look. What a job has scored is in the store: after a restart,
    of this process or of the machine, each goes on from there. Of the jobs that wait, those of the
    highest priority go first; of these, one of the workspace that has fewest running.

    Args:
        store: of the runs.
        jobs: of the jobs.
        opener: makes their projects.
        at_once: most jobs that run; 0 leaves them to workers.
    """

    def __init__(
        self,
        store: RunStore,
        jobs: JobStore,
        opener: JobOpener,
        *,
        at_once: int = JOBS_AT_ONCE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._opener = opener
        self._at_once = at_once
        self._now = now
        self._running: dict[str, _Running] = {}
        self._ending = False
        self._loop = asyncio.new_event_loop()
        self._look = asyncio.Event()
        self._thread = Thread(target=self._serve, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin to run jobs; those that ran when the last process ended go on."""
        running = self._jobs.jobs(states=[JobState.RUNNING], limit=1_000_000)
        for _, job in running if self._at_once else ():  # else workers have them
            self._jobs.change(job, job.moved(JobState.QUEUED))
        self._thread.start()

    def poke(self) -> None:
        """Say that a job was submitted, or that something is wished of one."""
        self._loop.call_soon_threadsafe(self._look.set)

    def close(self) -> None:
        """Let what is in flight finish, keep it, and end; jobs go on at the next start."""
        self._ending = True
        if self._thread.is_alive():
            self.poke()
            self._thread.join()
        self._loop.close()

    @property
    def is_alive(self) -> bool:
        """Whether jobs are run."""
        return self._thread.is_alive()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._dispatch())

    async def _dispatch(self) -> None:
        while not (self._ending and not self._running):
            self._look.clear()
            for running in self._running.values():
                self._heed(running)
            if not self._ending:
                for job in self._next():
                    running = self._running[job.job_id] = _Running(job)
                    running.task = self._loop.create_task(self._run(running))
            try:
                async with asyncio.timeout(_LONGEST_UNSEEN_S):
                    await self._look.wait()
            except TimeoutError:
                continue  # nobody said anything; look all the same

    def _heed(self, running: _Running) -> None:
        found = self._jobs.job(running.job.job_id)
        if found is None or self._ending:
            running.stop.ask("the service ends" if self._ending else "the job is gone")
        elif found.wish is not Wish.NONE:
            running.stop.ask(f"asked to {found.wish}")

    def _next(self) -> list[Job]:
        """Return the jobs that begin now."""
        free = self._at_once - len(self._running)
        if free <= 0:
            return []
        waiting = self._jobs.jobs(states=[JobState.QUEUED], limit=10_000)
        left = [(place, job) for place, job in waiting if job.job_id not in self._running]
        share = Counter(running.job.workspace for running in self._running.values())
        begun: list[Job] = []
        while left and len(begun) < free:
            first = min(left, key=lambda one: (-one[1].priority, share[one[1].workspace], one[0]))
            left.remove(first)
            share[first[1].workspace] += 1
            begun.append(first[1])
        return begun

    async def _run(self, running: _Running) -> None:
        try:
            running.job = self._jobs.change(running.job, running.job.moved(JobState.RUNNING))
        except JobChanged:  # cancelled in that very moment
            self._over(running)
            return
        job_id = running.job.job_id
        _LOGGER.info("job begins", extra={"job_id": job_id, "state": JobState.RUNNING.value})
        try:
            state = await self._done(running)
        except JudgeError as error:
            self._end(running, JobState.FAILED, error=str(error))
        except Exception as error:  # a bug costs one job, not the service
            incident = secrets.token_hex(4)
            _LOGGER.exception("incident %s in %s", incident, running.job.job_id)
            words = f"internal error, incident {incident} ({type(error).__name__})"
            self._end(running, JobState.FAILED, error=words)
        else:
            self._end(running, state)
        finally:
            self._over(running)

    async def _done(self, running: _Running) -> JobState:
        """Do what a job is for; return the state it came to."""
        if running.job.kind is JobKind.VALIDATION:
            project = await asyncio.to_thread(self._opener, running.job, None)
            whole = await keep_validation(
                project, self._store, running.job, now=self._now, stop=running.stop
            )
        else:
            await self._score(running)
            whole = self._is_whole(running.job)
        return JobState.FINISHED if whole else self._came_to(running)

    async def _score(self, running: _Running) -> None:
        job = running.job
        manifest = next((m for m in self._store.manifests() if m.run_id == job.run_id), None)
        project = await asyncio.to_thread(self._opener, job, manifest)
        if manifest is None:
            named = replace(
                job, run_id=job.run_id or new_run_id(self._now()), total=await n_outcomes(project)
            )
            job = running.job = self._change(running, named)
            await evaluate(
                project,
                self._store,
                now=self._now,
                run_id=job.run_id,
                stop=running.stop,
                watcher=_ignore,
            )
        else:
            await resume(
                project,
                self._store,
                manifest,
                retry_failed=bool(json.loads(job.options).get("retry_failed")),
                stop=running.stop,
                watcher=_ignore,
            )

    def _is_whole(self, job: Job) -> bool:
        done = self._jobs.n_outcomes(job.run_id)
        return done >= job.total and not self._jobs.resumable(job.run_id)

    def _came_to(self, running: _Running) -> JobState:
        """Return the state of a job that has ended with something left to do."""
        found = self._jobs.job(running.job.job_id)
        if found is not None and found.wish is Wish.PAUSE:
            return JobState.PAUSED
        if found is not None and found.wish is Wish.CANCEL:
            return JobState.CANCELLED
        return JobState.QUEUED if self._ending else JobState.INCOMPLETE

    def _end(self, running: _Running, state: JobState, *, error: str = "") -> None:
        job = running.job
        told = {"job_id": job.job_id, "run_id": job.run_id, "state": state.value}
        _LOGGER.info("job over", extra=told)
        self._change(running, running.job.moved(state, error=error))

    def _change(self, running: _Running, becomes: Job) -> Job:
        """Keep a change of ours, whatever was wished of the job meanwhile."""
        while True:
            found = self._jobs.job(running.job.job_id)
            if found is None:
                return becomes
            wish = becomes.wish if becomes.state is not JobState.RUNNING else found.wish
            try:
                return self._jobs.change(found, replace(becomes, wish=wish))
            except JobChanged:
                continue  # between our two looks: look again

    def _over(self, running: _Running) -> None:
        self._running.pop(running.job.job_id, None)
        self._look.set()


async def keep_validation(
    project: Project,
    store: RunStore,
    job: Job,
    *,
    now: Callable[[], datetime],
    stop: Stop,
) -> bool:
    """Measure a judge and keep what was found; return whether there was all it takes."""
    controls = json.loads(job.options).get("controls", 0)
    found = await validate_judge(project, store, now=now, controls=controls, stop=stop)
    if found is None:
        return False
    body = await asyncio.to_thread(validation_json, found)
    store.put_document(f"{VALIDATION_KIND}{job.job_id}", job.job_id, body)
    return True


def _ignore(results: Sequence[Result]) -> None:
    del results
