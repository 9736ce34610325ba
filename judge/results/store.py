"""What a store of results must do, and one that keeps them in memory."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

from judge.errors import RunNotFound, StoreError
from judge.records.dataset import Dataset
from judge.records.record import RecordKey, Target
from judge.results.completions import MemoryCompletions
from judge.results.outcome import Score
from judge.results.run import Result, RunManifest, case_id_of
from judge.results.spending import Attempt, PossiblyPaid, Spending, name_of, spending


class ResultStore(Protocol):
    """Keeps runs: append-only, and a result is durable when `put` returns."""

    def begin(self, manifest: RunManifest, dataset: Dataset) -> None:
        """Keep a run's manifest and the records it will score, before anything is spent."""
        ...

    async def put(self, results: Sequence[Result]) -> None:
        """Keep results; all of them or, when a StoreError is raised, none."""
        ...

    def manifests(self) -> Sequence[RunManifest]:
        """Return every run's manifest, oldest first."""
        ...

    def dataset(self, manifest: RunManifest) -> Dataset:
        """Return the records a run scores."""
        ...

    def results(self, run_id: str) -> Sequence[Result]:
        """Return the newest result of each record, scorer and target of a run."""
        ...

    def scores(self, signature: str, target: Target) -> Mapping[str, Score]:
        """Return all scores one signature ever gave against a target, by content."""
        ...

    def calls_left_open(self, run_id: str) -> frozenset[str]:
        """Return the ids of calls of which nobody knows what came: they were never closed."""
        ...

    def possibly_paid(self, run_id: str) -> Sequence[PossiblyPaid]:
        """Return each call that may be charged for although there is no answer to it.

        Those are the calls left open, and those whose failure the endpoint may charge for.
        """
        ...

    def spending(self, run_id: str) -> Spending:
        """Return what the calls of a run cost."""
        ...


class DocumentStore(Protocol):
    """Keeps what others own, as bytes: certificates, validation reports."""

    def put_document(self, kind: str, document_id: str, body: bytes) -> None:
        """Keep a document; a document of the same kind and id is replaced."""
        ...

    def documents(self, kind: str) -> Sequence[bytes]:
        """Return all documents of a kind, oldest first."""
        ...


class Store(ResultStore, DocumentStore, Protocol):
    """Both in one, as every store here is."""


def find_run(store: ResultStore, name: str) -> RunManifest:
    """Return the run that goes by an id, a unique prefix of one, or ``latest``.

    ``latest`` is the newest run that scored a whole set; validations have ids only.

    Raises:
        RunNotFound: there is none, or several.
    """
    manifests = store.manifests()
    if name == "latest":
        scored = [manifest for manifest in manifests if manifest.purpose == "score"]
        if not scored:
            raise RunNotFound("this store holds no run yet; make one with: judge run CONFIG")
        return scored[-1]
    found = [manifest for manifest in manifests if manifest.run_id.startswith(name)]
    exact = [manifest for manifest in found if manifest.run_id == name]
    if len(exact or found) == 1:
        return (exact or found)[0]
    if found:
        raise RunNotFound(f"{name!r} fits {len(found)} runs; give more of the id")
    known = ", ".join(manifest.run_id for manifest in manifests[-3:]) or "none"
    raise RunNotFound(f"no run is called {name!r}; the newest are: {known}")


@dataclass(slots=True)
class MemoryStore:
    """Keeps everything in this process and loses it with it: for tests and notebooks."""

    _runs: dict[str, tuple[RunManifest, Dataset]] = field(default_factory=dict)
    _results: dict[str, list[Result]] = field(default_factory=dict)
    _documents: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _ledgers: dict[str, "MemoryLedger"] = field(default_factory=dict)
    completions: MemoryCompletions = field(default_factory=MemoryCompletions)

    def begin(self, manifest: RunManifest, dataset: Dataset) -> None:
        if manifest.run_id in self._runs:
            raise StoreError(f"the run {manifest.run_id} exists already")
        self._runs[manifest.run_id] = (manifest, dataset)
        self._results[manifest.run_id] = []

    async def put(self, results: Sequence[Result]) -> None:
        new = [_identity(result) for result in results]
        for run_id in {result.run_id for result in results}:
            taken = {_identity(result) for result in self._results[run_id]}
            if taken.intersection(new) or len(set(new)) < len(new):
                raise StoreError("a result was stored twice")
        for result in results:
            self._results[result.run_id].append(result)

    def manifests(self) -> Sequence[RunManifest]:
        return [manifest for manifest, _ in self._runs.values()]

    def dataset(self, manifest: RunManifest) -> Dataset:
        return self._runs[manifest.run_id][1]

    def results(self, run_id: str) -> Sequence[Result]:
        return newest(self._results[run_id])

    def scores(self, signature: str, target: Target) -> Mapping[str, Score]:
        return {
            result.content: result.outcome
            for results in self._results.values()
            for result in results
            if isinstance(result.outcome, Score)
            and (result.outcome.signature, result.outcome.target) == (signature, target)
        }

    def calls_left_open(self, run_id: str) -> frozenset[str]:
        rows = self._ledger(run_id).rows
        return frozenset(row.call_id for row in rows if not row.closed)

    def possibly_paid(self, run_id: str) -> Sequence[PossiblyPaid]:
        return [
            PossiblyPaid(call_id=row.call_id, opened=row.opened, error=row.error)
            for row in self._ledger(run_id).rows
            if row.may_be_charged
        ]

    def spending(self, run_id: str) -> Spending:
        results = newest(self._results.get(run_id, []))
        names = {
            case_id_of(one.outcome.scorer, one.outcome.target, one.key): name_of(one.outcome)
            for one in results
        }
        return spending(self._ledger(run_id).rows, names)

    def attempts(self, run_id: str, *, replay: bool) -> "MemoryAttempts":
        """Return the attempt ledger of one run; nothing in it outlives this process.

        Args:
            run_id: the run.
            replay: whether answers received before are to be used.
        """
        return MemoryAttempts(self._ledger(run_id), replay=replay)

    def _ledger(self, run_id: str) -> "MemoryLedger":
        return self._ledgers.setdefault(run_id, MemoryLedger())

    def put_document(self, kind: str, document_id: str, body: bytes) -> None:
        self._documents.pop((kind, document_id), None)
        self._documents[kind, document_id] = body

    def documents(self, kind: str) -> Sequence[bytes]:
        return [body for (stored, _), body in self._documents.items() if stored == kind]


@dataclass(slots=True)
class MemoryLedger:
    """The attempts of one run, and the answers to them by call id."""

    rows: list[Attempt] = field(default_factory=list)
    replies: dict[str, bytes] = field(default_factory=dict)


class MemoryAttempts:
    """An attempt ledger in this process.

    Args:
        ledger: where the attempts are kept; others may keep theirs there too.
        replay: whether answers received before are to be used.
    """

    def __init__(self, ledger: MemoryLedger | None = None, *, replay: bool = False) -> None:
        self._ledger = ledger or MemoryLedger()
        self._earlier = dict(self._ledger.replies) if replay else {}

    async def opened(self, call_id: str) -> int:
        self._ledger.rows.append(Attempt(call_id=call_id, opened=timestamp()))
        return len(self._ledger.rows) - 1

    async def closed(
        self,
        attempt: int,
        *,
        reply: bytes = b"",
        error: str = "",
        possibly_paid: bool = False,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cost: float | None = None,
        wait: bool = True,
    ) -> None:
        del wait  # it is there at once
        row = self._ledger.rows[attempt]
        row.closed, row.error, row.possibly_paid = timestamp(), error, possibly_paid
        row.input_tokens, row.output_tokens, row.cost = input_tokens, output_tokens, cost
        if reply:
            self._ledger.replies[row.call_id] = reply

    def answered(self, call_id: str) -> bytes | None:
        return self._earlier.get(call_id)


def timestamp() -> str:
    """Return the time as attempts are marked with it: ISO 8601, in UTC."""
    second, microseconds = divmod(time.time_ns() // 1000, 1_000_000)
    return f"{_to_the_second(second)}.{microseconds:06d}+00:00"


@lru_cache(maxsize=2)  # two of these are written for each call
def _to_the_second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def newest(results: Iterable[Result]) -> list[Result]:
    """Keep the highest revision of each record, scorer and target, in order of arrival."""
    latest: dict[tuple[RecordKey, str, Target], Result] = {}
    for result in results:
        place = (result.key, result.outcome.scorer, result.outcome.target)
        if place not in latest or latest[place].revision < result.revision:
            latest[place] = result
    return list(latest.values())


def _identity(result: Result) -> tuple[str, RecordKey, str, Target, int]:
    outcome = result.outcome
    return (result.run_id, result.key, outcome.scorer, outcome.target, result.revision)
