"""What the routes of one server share, and how long it lives."""

import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from judge.api.dispatching import JOBS_AT_ONCE, Dispatcher, JobOpener
from judge.api.label_desk import LabelDesk
from judge.errors import ConfigError
from judge.results.job import JobState
from judge.web.access import KeyRing, Links, read_pepper
from judge.web.indexing import Indexer
from judge.web.limits import Limits
from judge.web.metrics import Metrics
from judge.web.retention import Retention, ServiceStore, Sweeper
from judge.wiring.serving import ServerRules

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Everything a route needs.

    Attributes:
        hosts: names this server goes by.
        retention: what is removed, and when.
        at_once: most jobs that run.
    """

    store: ServiceStore
    rules: ServerRules
    opener: JobOpener
    dispatcher: Dispatcher
    keys: KeyRing
    links: Links
    metrics: Metrics
    indexer: Indexer
    hosts: frozenset[str]
    limits: Limits
    labelling: LabelDesk
    retention: Retention
    at_once: int

    @property
    def is_ready(self) -> bool:
        """Whether jobs are run, and results can be kept."""
        return self.dispatcher.is_alive and not self.store.service.is_failing

    def waiting_s(self) -> float:
        """Return for how many seconds the job waits that waits longest; 0 where none does."""
        if not (since := self.store.service.oldest_queued()):
            return 0.0
        return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds())

    def states(self) -> Mapping[str, int]:
        """Return how many jobs are in each state."""
        return Counter({state.value: 0 for state in JobState}) | self.store.service.states()


@contextmanager
def serving(
    store: ServiceStore,
    rules: ServerRules,
    opener: JobOpener,
    *,
    hosts: frozenset[str],
    at_once: int = JOBS_AT_ONCE,
    limits: Limits | None = None,
    retention: Retention | None = None,
) -> Iterator[Server]:
    """Run jobs while the block runs; what is in flight at its end is finished and kept.

    Args:
        store: of runs, jobs and keys.
        rules: what configs that are submitted may name.
        opener: makes the projects of jobs.
        hosts: names the server goes by.
        at_once: most jobs that run.
        limits: what one key and one workspace may ask for; None takes the defaults.
        retention: what is removed, and when; None takes the defaults.
    """
    service = store.service
    dispatcher = Dispatcher(store, service, opener, at_once=at_once)
    metrics = Metrics()
    server = Server(
        store=store,
        rules=rules,
        opener=opener,
        dispatcher=dispatcher,
        keys=KeyRing(service, read_pepper(pepper_path(rules.folder))),
        links=Links(),
        metrics=metrics,
        indexer=Indexer(store, store.examples),
        hosts=hosts,
        limits=limits or Limits(),
        labelling=LabelDesk(store),
        retention=retention or Retention(),
        at_once=at_once,
    )
    metrics.watch_jobs(server.states)
    tally = service.tally()
    tally.look()  # it counts from here
    metrics.watch_work(tally.look, server.waiting_s)
    sweeper = Sweeper(store, rules.folder, server.retention)
    dispatcher.start()
    sweeper.start()
    try:
        yield server
    finally:
        sweeper.close()
        server.indexer.close()
        dispatcher.close()


def service_folder(store: str) -> Path:
    """Return where a service keeps what is submitted: beside its store, or here if that is far."""
    return Path(".judge" if "://" in store else Path(store).parent) / "service"


def pepper_path(folder: Path) -> Path:
    """Return where the secret lies under which keys are hashed."""
    return folder / "key-secret"


def bound_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        ConfigError: the address cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(256)
    except OSError as error:
        found.close()
        raise ConfigError(f"{host}:{port} cannot be listened on: {error.strerror}") from error
    return found


def check_bind(host: str, *, n_keys: int, behind_proxy: bool) -> None:
    """Refuse to be open to others without keys and without encryption.

    Raises:
        ConfigError: the server would be.
    """
    if host in LOOPBACK:
        return
    if not behind_proxy:
        raise ConfigError(
            f"--host {host} would send keys unencrypted; put a proxy with TLS before it and say "
            "--behind-proxy, or keep to 127.0.0.1"
        )
    if not n_keys:
        raise ConfigError("there is no key yet; make one first: judge keys create NAME")
