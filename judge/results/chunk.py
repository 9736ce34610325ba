"""A chunk: a part of a job that one worker does at a time."""

from dataclasses import dataclass
from enum import StrEnum


class Queue(StrEnum):
    """Which kind of worker a chunk needs."""

    IO = "io"
    """Judges are asked, formats are checked: it waits for others most of the time."""
    GPU = "gpu"
    """Texts are embedded."""


class ChunkKind(StrEnum):
    """What a chunk does."""

    BEGIN = "begin"
    """Reads and checks what was submitted, and plans the other chunks."""
    SCORE = "score"
    FINISH = "finish"
    """Does what needs all scores, when all of them are there."""


class ChunkState(StrEnum):
    """Where a chunk stands."""

    TODO = "todo"
    RUNNING = "running"
    DONE = "done"


SUSPECT_ATTEMPTS = 2
"""A chunk that was begun so often and not ended may hold a record that kills its process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A range of a job's items, and how far it is.

    Attributes:
        job_id: of its job.
        no: its number in the job.
        queue: who may do it.
        kind: what it does.
        first: of its items, in the order in which the run scores them.
        last: the first that is no longer its.
        state: where it stands.
        attempts: how often it was begun, counted before it is; given back, it does not count.
        token: grows each time somebody takes it: see `judge.results.fence`.
        worker: who has it, or had it last.
        undone: outcomes that are missing, or that a resume would make again, when it was done.
        suspect: the question that was about to be put when the chunk's items were tried one by
            one; empty where they are not.
    """

    job_id: str
    no: int
    queue: Queue
    kind: ChunkKind
    first: int = 0
    last: int = 0
    state: ChunkState = ChunkState.TODO
    attempts: int = 0
    token: int = 0
    worker: str = ""
    undone: int = 0
    suspect: str = ""

    @property
    def is_suspect(self) -> bool:
        """Whether it may hold a record that kills the process which scores it."""
        return self.attempts >= SUSPECT_ATTEMPTS
