"""What a service removes by itself, and when."""

import logging
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Protocol

from judge.api.asking import REQUEST
from judge.api.project import RunStore
from judge.errors import JudgeError
from judge.results.job import Job, JobKind, JobState
from judge.results.sql_examples import SqlExamples
from judge.results.sql_service import SqlService

_LOGGER = logging.getLogger(__name__)

FILES_DAYS = 30

_EACH_S = 3600.0
_DONE = frozenset({JobState.FINISHED, JobState.CANCELLED})
"""What needs its files no more; what can be resumed keeps them."""


class ServiceStore(RunStore, Protocol):
    """A store that also keeps what a service has beside its runs."""

    @property
    def service(self) -> SqlService:
        """Jobs, keys and the audit log."""
        ...

    @property
    def examples(self) -> SqlExamples:
        """Single records of runs."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are kept after a job is over.

    Attributes:
        files_days: what was sent with a job that is finished or cancelled.
        runs_days: jobs that are over, with their runs, and what was asked about at once; None for
            good. Ratings, validations and certificates are kept in any case.
    """

    files_days: int = FILES_DAYS
    runs_days: int | None = None


def sweep(store: ServiceStore, folder: Path, retention: Retention, *, now: datetime) -> None:
    """Remove what was kept long enough.

    Args:
        store: of jobs and runs.
        folder: where what is submitted is kept.
        retention: how long.
        now: the time.
    """
    if retention.runs_days is not None:
        _sweep_runs(store, folder, now - timedelta(days=retention.runs_days))
    _sweep_files(store, folder, now - timedelta(days=retention.files_days), now=now)


class Sweeper:
    """Sweeps at the start and every hour, in a thread of its own.

    Args:
        store: of jobs and runs.
        folder: where what is submitted is kept.
        retention: how long.
        now: the time.
    """

    def __init__(
        self,
        store: ServiceStore,
        folder: Path,
        retention: Retention,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._folder = folder
        self._retention = retention
        self._now = now
        self._ending = Event()
        self._thread = Thread(target=self._serve, name="retention", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End; what is being removed is removed first."""
        self._ending.set()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                sweep(self._store, self._folder, self._retention, now=self._now())
            except (JudgeError, OSError):  # the next time it may go
                _LOGGER.exception("what was kept long enough could not be removed")
            if self._ending.wait(_EACH_S):
                return


def _sweep_runs(store: ServiceStore, folder: Path, before: datetime) -> None:
    for job in list(_over(store, before)):
        if job.run_id:
            store.service.remove_run(job.run_id)
        shutil.rmtree(folder / job.job_id, ignore_errors=True)
        store.service.remove(job)
        store.service.note(
            who="server",
            workspace=job.workspace,
            what="job.expire",
            about=job.job_id,
            details={"name": job.name, "run_id": job.run_id},
        )
    for manifest in store.manifests():
        if manifest.purpose == REQUEST and manifest.started < before:
            store.service.remove_run(manifest.run_id)


def _over(store: ServiceStore, before: datetime) -> Iterator[Job]:
    states = [state for state in JobState if state.is_over]
    place: int | None = None
    while found := store.service.jobs(kind=JobKind.SCORING, states=states, before=place, limit=500):
        yield from (job for _, job in found if datetime.fromisoformat(job.changed) < before)
        place = found[-1][0]


def _sweep_files(store: ServiceStore, folder: Path, before: datetime, *, now: datetime) -> None:
    for path in folder.glob("*-*/"):
        if path.name.partition("-")[0] not in set(JobKind):
            continue
        job = store.service.job(path.name)
        if job is None:
            # Of a submission that this very process may still be reading, or of one that died.
            made = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            is_done = made < now - timedelta(days=1)
        else:
            is_done = job.state in _DONE and datetime.fromisoformat(job.changed) < before
        if is_done:
            shutil.rmtree(path, ignore_errors=True)
