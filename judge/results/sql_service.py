"""What a service keeps beside its runs: jobs, keys to it, and who did what."""

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import msgspec
import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite

from judge.errors import JobChanged, TooManyJobs
from judge.results.job import Job, JobKind, JobState, Wish
from judge.results.outcome import Fate, FateClass
from judge.results.removing import remove_run
from judge.results.store import timestamp
from judge.results.tables import AUDIT as _AUDIT
from judge.results.tables import CHUNKS as _CHUNKS
from judge.results.tables import JOBS as _JOBS
from judge.results.tables import KEYS as _KEYS
from judge.results.tables import Name
from judge.results.tallies import Tally
from judge.results.writer import Writer

_FATES = msgspec.json.Decoder(Fate)
_INSERT: Mapping[str, Callable[[sql.Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
_FIELDS = tuple(field.name for field in fields(Job))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key as it is kept: never the key itself.

    Attributes:
        key_id: the part of it that may be shown.
        digest: keyed hash of the whole key.
        expires: ISO 8601 in UTC; empty for never.
        revoked: likewise, when; empty where it is valid.
    """

    key_id: str
    workspace: str
    name: str
    roles: tuple[str, ...]
    digest: bytes
    created: str
    expires: str = ""
    revoked: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that somebody did; entries are only ever added.

    Attributes:
        who: the id of a key, or who sat at the machine.
        what: for example ``job.submitted``.
        about: the id of what it was done to.
        place: in the log; later entries have higher ones.
    """

    at: str
    who: str
    workspace: str
    what: str
    about: str
    details: Mapping[str, object]
    place: int


class SqlService:
    """Jobs, keys and the audit log, in the database of the runs and through its one writer.

    Args:
        engine: reads.
        writing: returns the writer, and claims the right to write where nobody has yet.
    """

    def __init__(self, engine: sql.Engine, writing: Callable[[], Writer]) -> None:
        self._engine = engine
        self._writing = writing

    def submit(self, job: Job, *, most: int | None = None) -> Job:
        """Keep a new job, or return the one that was submitted under the same key before.

        Args:
            job: the job.
            most: jobs of a workspace that may wait and run; None for no such limit.

        Raises:
            TooManyJobs: there are as many as may be.
        """
        # Several may submit at once, in several processes: the database decides whose it is. How
        # many rows an insert made is not known from every driver; what it returns is.
        insert = _INSERT[self._engine.dialect.name](_JOBS).values(asdict(job))
        kept = insert.on_conflict_do_nothing().returning(_JOBS.c.job_id)
        same = sql.select(_JOBS).where(
            _JOBS.c.workspace == job.workspace, _JOBS.c.idempotency_key == job.idempotency_key
        )

        def write(connection: sql.Connection) -> Job | None:
            if connection.execute(kept).first() is None:
                return _job(connection.execute(same).one())
            if most is not None and _unfinished(connection, job.workspace) > most:
                connection.execute(sql.delete(_JOBS).where(_JOBS.c.job_id == job.job_id))
                return None
            return job

        if (found := self._writing().now(write)) is None:
            raise TooManyJobs(
                f"{most} jobs of this workspace wait or run, and no more may; submit it again "
                "when one of them is over"
            )
        return found

    def job(self, job_id: str) -> Job | None:
        """Return a job; None where there is none of that name."""
        rows = self._read(sql.select(_JOBS).where(_JOBS.c.job_id == job_id))
        return _job(rows[0]) if rows else None

    def jobs(
        self,
        *,
        workspace: str | None = None,
        kind: JobKind | None = None,
        states: Sequence[JobState] = (),
        before: int | None = None,
        limit: int = 100,
    ) -> Sequence[tuple[int, Job]]:
        """Return jobs with their places in the order of submission, newest first.

        Args:
            workspace: whose; None for all.
            kind: only those; None for all.
            states: only those; empty for all.
            before: only those that were submitted before that place.
            limit: at most so many.
        """
        query = sql.select(_JOBS).order_by(_JOBS.c.sequence.desc()).limit(limit)
        if workspace is not None:
            query = query.where(_JOBS.c.workspace == workspace)
        if kind is not None:
            query = query.where(_JOBS.c.job_id.startswith(f"{kind}-"))
        if states:
            query = query.where(_JOBS.c.state.in_([state.value for state in states]))
        if before is not None:
            query = query.where(_JOBS.c.sequence < before)
        return [(row.sequence, _job(row)) for row in self._read(query)]

    def change(self, was: Job, becomes: Job) -> Job:
        """Put a job in the place of what was read of it; return it as it stands now.

        Raises:
            JobChanged: it was changed by others since.
        """
        new = replace(becomes, revision=was.revision + 1, changed=timestamp())

        def write(connection: sql.Connection) -> bool:
            same = (_JOBS.c.job_id == was.job_id) & (_JOBS.c.revision == was.revision)
            return connection.execute(sql.update(_JOBS).where(same), asdict(new)).rowcount == 1

        if not self._writing().now(write):
            raise JobChanged(f"the job {was.job_id} was changed meanwhile; look at it again")
        return new

    def remove(self, job: Job) -> None:
        """Forget a job that is over; its run stays."""

        def write(connection: sql.Connection) -> None:
            connection.execute(sql.delete(_JOBS).where(_JOBS.c.job_id == job.job_id))
            connection.execute(sql.delete(_CHUNKS).where(_CHUNKS.c.job_id == job.job_id))

        self._writing().now(write)

    def remove_run(self, run_id: str) -> None:
        """Remove a run for good; see `judge.results.removing`."""
        remove_run(self._writing, run_id)

    def workspace_of(self, run_id: str) -> str | None:
        """Return whose the run of a job is; None where no job has it."""
        rows = self._read(sql.select(_JOBS.c.workspace).where(_JOBS.c.run_id == run_id))
        return rows[0].workspace if rows and run_id else None

    def states(self) -> Counter[str]:
        """Return how many jobs are in each state that some are in."""
        query = sql.select(_JOBS.c.state, sql.func.count().label("n")).group_by(_JOBS.c.state)
        return Counter({row.state: row.n for row in self._read(query)})

    def oldest_queued(self) -> str:
        """Return since when the job waits that waits longest, ISO 8601; empty where none does."""
        waits = _JOBS.c.state == JobState.QUEUED.value
        (row,) = self._read(sql.select(sql.func.min(_JOBS.c.changed).label("at")).where(waits))
        return row.at or ""

    def tally(self) -> Tally:
        """Return what counts outcomes and calls from now on."""
        return Tally(self._engine)

    @property
    def is_failing(self) -> bool:
        """Whether something could not be written."""
        return self._writing().failures > 0

    def n_outcomes(self, run_id: str) -> int:
        """Return how many records and measures of a run have an outcome."""
        (row,) = self._read(
            sql.text(
                "SELECT count(*) AS n FROM results WHERE run_id = :run_id AND revision = 0"
            ).bindparams(run_id=run_id)
        )
        return int(row.n)

    def resumable(self, run_id: str) -> int:
        """Return how many outcomes of a run a resume would make again."""
        return sum(fate.code.resumable for fate in self._fates(run_id))

    def retriable(self, run_id: str) -> int:
        """Return how many outcomes of a run are failures that may go otherwise another time."""
        return sum(
            fate.code.resumable or fate.code.fate_class is FateClass.JUDGE
            for fate in self._fates(run_id)
        )

    def _fates(self, run_id: str) -> Iterator[Fate]:
        key = "item_id, system, scorer, target, revision"
        rows = self._read(
            sql.text(
                f"SELECT {key}, kind, CASE WHEN kind = 'Fate' THEN body END AS body "  # noqa: S608
                "FROM results WHERE run_id = :run_id AND (kind = 'Fate' OR revision > 0) "
                "ORDER BY revision"
            ).bindparams(run_id=run_id)
        )
        newest = {(row.item_id, row.system, row.scorer, row.target): row for row in rows}
        for row in newest.values():
            if row.kind == Fate.__name__:
                yield _FATES.decode(bytes(row.body))

    def results_page(
        self, run_id: str, *, after: int, limit: int
    ) -> Sequence[tuple[int, Mapping[str, object]]]:
        """Return outcomes of a run in the order they were kept, each with its place in it.

        Args:
            run_id: the run.
            after: only those after that place; 0 for the first ones.
            limit: at most so many.
        """
        rows = self._read(
            sql.text(
                "SELECT sequence, item_id, system, scorer, target, revision, kind, body "
                "FROM results WHERE run_id = :run_id AND sequence > :after "
                "ORDER BY sequence LIMIT :limit"
            )
            .bindparams(run_id=run_id, after=after, limit=limit)
            .columns(item_id=Name(), system=Name(), scorer=Name())
        )
        return [
            (
                row.sequence,
                {
                    "id": row.item_id,
                    "system": row.system,
                    "scorer": row.scorer,
                    "target": row.target,
                    "revision": row.revision,
                    "kind": row.kind,
                    "outcome": msgspec.Raw(bytes(row.body)),
                },
            )
            for row in rows
        ]

    def put_key(self, key: KeyRow) -> None:
        """Keep a key, in the place of one of the same id."""
        row = {**asdict(key), "roles": " ".join(key.roles)}

        def write(connection: sql.Connection) -> None:
            connection.execute(sql.delete(_KEYS).where(_KEYS.c.key_id == key.key_id))
            connection.execute(sql.insert(_KEYS), row)

        self._writing().now(write)

    def key_rows(self) -> Sequence[KeyRow]:
        """Return all keys, oldest first."""
        rows = self._read(sql.select(_KEYS).order_by(_KEYS.c.created))
        return [
            KeyRow(
                key_id=row.key_id,
                workspace=row.workspace,
                name=row.name,
                roles=tuple(row.roles.split()),
                digest=bytes(row.digest),
                created=row.created,
                expires=row.expires,
                revoked=row.revoked,
            )
            for row in rows
        ]

    def note(
        self, *, who: str, workspace: str, what: str, about: str, details: Mapping[str, object]
    ) -> None:
        """Add an entry to the audit log."""
        row = {
            "at": timestamp(),
            "who": who,
            "workspace": workspace,
            "what": what,
            "about": about,
            "details": msgspec.json.encode(details),
        }
        self._writing().now(lambda connection: connection.execute(sql.insert(_AUDIT), row))

    def audit(
        self, *, workspace: str, before: int | None = None, limit: int = 1000
    ) -> Sequence[AuditEntry]:
        """Return what was done in a workspace, newest first.

        Args:
            workspace: whose.
            before: only entries before that place; None for the newest.
            limit: at most so many.
        """
        query = sql.select(_AUDIT).where(_AUDIT.c.workspace == workspace)
        if before is not None:
            query = query.where(_AUDIT.c.sequence < before)
        rows = self._read(query.order_by(_AUDIT.c.sequence.desc()).limit(limit))
        return [
            AuditEntry(
                at=row.at,
                who=row.who,
                workspace=row.workspace,
                what=row.what,
                about=row.about,
                details=msgspec.json.decode(row.details, type=dict[str, object]),
                place=row.sequence,
            )
            for row in rows
        ]

    # The element types differ from query to query; each caller reads named columns only.
    def _read(self, query: sql.Executable) -> Sequence[sql.Row[Any]]:
        with self._engine.connect() as connection:
            return connection.execute(query).all()


def new_job_id(kind: JobKind = JobKind.SCORING) -> str:
    """Return a name for a job that nobody can guess."""
    return f"{kind}-{secrets.token_hex(8)}"


def _unfinished(connection: sql.Connection, workspace: str) -> int:
    states = [state.value for state in JobState if not state.is_over]
    wanted = (_JOBS.c.workspace == workspace) & _JOBS.c.state.in_(states)
    query = sql.select(sql.func.count()).select_from(_JOBS).where(wanted)
    return int(connection.execute(query).scalar_one())


def _job(row: sql.Row[Any]) -> Job:
    values = {name: getattr(row, name) for name in _FIELDS}
    return Job(**{**values, "state": JobState(row.state), "wish": Wish(row.wish)})
