"""What a store of results must do, and one that keeps them in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from judge.errors import RunNotFound, StoreError
from judge.records.dataset import Dataset
from judge.records.record import RecordKey, Target
from judge.results.outcome import Score
from judge.results.run import Result, RunManifest


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
        """Return the ids of calls that were sent and never answered: possibly paid."""
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
        del run_id  # nothing here outlives a crash
        return frozenset()

    def attempts(self, run_id: str, *, replay: bool) -> "MemoryAttempts":
        """Return an attempt ledger; nothing in it outlives this process."""
        del run_id, replay
        return MemoryAttempts()

    def put_document(self, kind: str, document_id: str, body: bytes) -> None:
        self._documents.pop((kind, document_id), None)
        self._documents[kind, document_id] = body

    def documents(self, kind: str) -> Sequence[bytes]:
        return [body for (stored, _), body in self._documents.items() if stored == kind]


@dataclass(slots=True)
class MemoryAttempts:
    """An attempt ledger in this process: what was opened, and what came of it.

    Attributes:
        opened_calls: call ids in the order they were opened.
        closed_attempts: attempt number to the reply, or to the words that say why there is none.
    """

    opened_calls: list[str] = field(default_factory=list)
    closed_attempts: dict[int, bytes | str] = field(default_factory=dict)

    async def opened(self, call_id: str) -> int:
        self.opened_calls.append(call_id)
        return len(self.opened_calls) - 1

    async def closed(self, attempt: int, *, reply: bytes = b"", error: str = "") -> None:
        self.closed_attempts[attempt] = reply or error

    def answered(self, call_id: str) -> bytes | None:
        del call_id  # there was no earlier process
        return None


def newest(results: Sequence[Result]) -> list[Result]:
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
