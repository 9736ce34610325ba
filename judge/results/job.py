"""A job: a run that somebody asked a service for, and the states it goes through."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

from judge.errors import IllegalTransition


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    """Every record has its outcome."""
    INCOMPLETE = "incomplete"
    """It ended, and records are left that a resume could score: an endpoint was down, say."""
    FAILED = "failed"
    """It could not be run; its error says why."""
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens unless somebody asks for it."""
        return self not in {JobState.QUEUED, JobState.RUNNING}


class JobKind(StrEnum):
    """What a job does; its id begins with it."""

    SCORING = "job"
    """Scores an evaluation set."""
    VALIDATION = "validation"
    """Measures the judge of a config against ratings by people."""


class Wish(StrEnum):
    """What somebody wants of a running job."""

    NONE = ""
    PAUSE = "pause"
    CANCEL = "cancel"
    HALT = "halt"
    """Of a worker: no later call can do better; what is left waits for a resume."""


LEGAL: Mapping[JobState, frozenset[JobState]] = MappingProxyType(
    {
        JobState.QUEUED: frozenset({JobState.RUNNING, JobState.PAUSED, JobState.CANCELLED}),
        JobState.RUNNING: frozenset(JobState),
        JobState.PAUSED: frozenset({JobState.QUEUED, JobState.CANCELLED}),
        JobState.INCOMPLETE: frozenset({JobState.QUEUED, JobState.CANCELLED}),
        JobState.FAILED: frozenset({JobState.QUEUED, JobState.CANCELLED}),
        JobState.FINISHED: frozenset({JobState.QUEUED}),
        JobState.CANCELLED: frozenset(),
    }
)
"""To which states a job may go. A running one is queued again where its process died."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A run, or a validation, that somebody asked for.

    Attributes:
        job_id: its name; nobody can guess another's. It begins with the kind of the job.
        workspace: whose it is: to everybody else it does not exist.
        name: of its config, for a reader.
        state: where it stands.
        wish: what somebody wants of it while it runs.
        priority: higher ones go first; of equal ones, those whose workspace has fewest running.
        config_path: where its config lies on the server.
        options: how it is run, as JSON: a selection of items, a budget, whether to retry.
        run_id: of its results; empty until it first ran.
        total: outcomes it has in the end; 0 until it first ran.
        error: why it failed, or what it waits for.
        submitted: when, ISO 8601 in UTC.
        changed: likewise, when its state last changed.
        revision: grows with each change; a change of another revision than was read is refused.
        fingerprint: of all that was submitted: the same twice is one job.
        idempotency_key: the submitter's own name for the submission; empty where there is none.
    """

    job_id: str
    workspace: str
    name: str
    state: JobState = JobState.QUEUED
    wish: Wish = Wish.NONE
    priority: int = 0
    config_path: str
    options: str = "{}"
    run_id: str = ""
    total: int = 0
    error: str = ""
    submitted: str
    changed: str
    revision: int = 0
    fingerprint: str
    idempotency_key: str = ""

    @property
    def kind(self) -> JobKind:
        """What it does."""
        return JobKind(self.job_id.partition("-")[0])

    def moved(self, state: JobState, *, error: str = "") -> "Job":
        """Return the job in another state; what was wished of it is done then.

        Raises:
            IllegalTransition: it cannot go there from where it stands.
        """
        if state not in LEGAL[self.state]:
            raise IllegalTransition(
                f"the job is {self.state}, from where it cannot become {state}; "
                f"it can become: {', '.join(sorted(LEGAL[self.state])) or 'nothing else'}"
            )
        return replace(self, state=state, wish=Wish.NONE, error=error)
