"""Has the examples of runs indexed beside the requests that look at them."""

import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Lock

from judge.api.example_index import kept_index, make_index
from judge.reports.example_index import ExampleIndex
from judge.results.run import RunManifest
from judge.results.sql_examples import SqlExamples
from judge.results.store import Store
from judge.trust.certificate import CERTIFICATE_KIND
from judge.trust.controls import CONTROLS_KIND
from judge.trust.gold import GOLD_KIND

_LOGGER = logging.getLogger(__name__)

_PATIENCE_S = 0.25
"""How long a request waits for an index that is being made."""
_MOST_KEPT = 8


class Indexer:
    """Makes indexes one at a time, and keeps those that were looked at last.

    Args:
        store: holds the runs and the indexes.
        examples: tells whether a run has changed.
        now: the time.
    """

    def __init__(
        self,
        store: Store,
        examples: SqlExamples,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._examples = examples
        self._now = now
        self._making: dict[str, Future[ExampleIndex]] = {}
        self._kept: OrderedDict[str, ExampleIndex] = OrderedDict()
        self._lock = Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="examples")

    def index(self, manifest: RunManifest) -> ExampleIndex | None:
        """Return the index of a run as it stands; None where it is still being made."""
        run_id, version = manifest.run_id, self._version(manifest.run_id)
        with self._lock:
            found = self._kept.get(run_id)
        if found is None:
            found = kept_index(self._store, run_id)
        if found is not None and self._holds(found, version):
            return self._keep(run_id, found)
        try:
            return self._keep(run_id, self._made(manifest, version).result(_PATIENCE_S))
        except TimeoutError:
            return None

    def begin(self, manifest: RunManifest) -> None:
        """Have the index of a run made, unless it is there as the run stands."""
        version = self._version(manifest.run_id)
        with self._lock:
            found = self._kept.get(manifest.run_id)
        found = found or kept_index(self._store, manifest.run_id)
        if found is None or not self._holds(found, version):
            self._made(manifest, version)

    def close(self) -> None:
        """Make no further index."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _version(self, run_id: str) -> str:
        kinds = (CERTIFICATE_KIND, GOLD_KIND, CONTROLS_KIND)
        return f"{self._examples.n_results(run_id)}.{self._examples.newest_document(kinds)}"

    def _holds(self, found: ExampleIndex, version: str) -> bool:
        expired = bool(found.valid_until) and found.valid_until <= self._now().isoformat()
        return found.version == version and not expired

    def _keep(self, run_id: str, found: ExampleIndex) -> ExampleIndex:
        with self._lock:
            self._kept[run_id] = found
            self._kept.move_to_end(run_id)
            if len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return found

    def _made(self, manifest: RunManifest, version: str) -> "Future[ExampleIndex]":
        with self._lock:
            making = self._making.get(manifest.run_id)
            if making is None:
                making = self._worker.submit(self._make, manifest, version)
                self._making[manifest.run_id] = making
            return making

    def _make(self, manifest: RunManifest, version: str) -> ExampleIndex:
        try:
            found = make_index(self._store, manifest, version=version, now=self._now())
            _LOGGER.info("examples indexed", extra={"run_id": manifest.run_id})
            return self._keep(manifest.run_id, found)
        finally:
            with self._lock:
                self._making.pop(manifest.run_id, None)
