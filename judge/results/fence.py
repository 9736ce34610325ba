"""The right to write for a chunk, which ends when the chunk is given to another."""

import hashlib
from dataclasses import dataclass

import sqlalchemy as sql

from judge.errors import ChunkLost, StoreUnusable


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """Who holds a chunk: what they write is kept only while that is so.

    A worker may be stopped for longer than its lease and then go on, unaware that its chunk was
    given to another. The token of a chunk grows each time it is taken. Whoever writes for it shows
    the token in the same transaction, so that the database decides who holds the chunk.

    Attributes:
        job_id: of the chunk's job.
        no: the chunk.
        token: it was taken with.
        run_id: that may be written to.
    """

    job_id: str
    no: int
    token: int
    run_id: str

    def check(self, connection: sql.Connection) -> None:
        """Refuse to write unless the chunk is still held, and keep it so until the commit.

        Raises:
            ChunkLost: another has the chunk.
            StoreUnusable: a process that is no worker writes to the run.
        """
        values = {"job_id": self.job_id, "no": self.no, "token": self.token}
        held = connection.execute(_HELD, {**values, "run": run_lock(self.run_id)}).first()
        if held is None:
            raise ChunkLost(
                f"chunk {self.no} of {self.job_id} was given to another; nothing is written"
            )
        if not held.free:
            raise StoreUnusable(f"another judge is writing to the run {self.run_id}; wait for it")


# Whoever would take the chunk away waits until this transaction is over.
_HELD = sql.text(
    "SELECT pg_try_advisory_xact_lock_shared(:run) AS free FROM chunks "
    "WHERE job_id = :job_id AND no = :no AND token = :token AND state = 'running' FOR SHARE"
)


def run_lock(run_id: str) -> int:
    """Return the number under which PostgreSQL knows the right to write to a run."""
    return lock_number(f"run {run_id}")


def lock_number(name: str) -> int:
    """Return the number under which PostgreSQL knows a lock."""
    digest = hashlib.sha256(f"judge: {name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
