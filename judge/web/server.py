"""What the routes of one server share, and how long it lives."""

import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from judge.api.dispatching import JOBS_AT_ONCE, Dispatcher, JobOpener
from judge.api.project import RunStore
from judge.errors import ConfigError
from judge.results.job import JobState
from judge.results.sql_service import SqlService
from judge.web.access import KeyRing, Links, read_pepper
from judge.web.metrics import Metrics
from judge.wiring.serving import ServerRules

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class ServiceStore(RunStore, Protocol):
    """A store that also keeps what a service has beside its runs."""

    @property
    def service(self) -> SqlService:
        """Jobs, keys and the audit log."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Everything a route needs.

    Attributes:
        hosts: names this server goes by.
    """

    store: ServiceStore
    rules: ServerRules
    opener: JobOpener
    dispatcher: Dispatcher
    keys: KeyRing
    links: Links
    metrics: Metrics
    hosts: frozenset[str]

    @property
    def is_ready(self) -> bool:
        """Whether jobs are run, and results can be kept."""
        return self.dispatcher.is_alive and not self.store.service.is_failing

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
) -> Iterator[Server]:
    """Run jobs while the block runs; what is in flight at its end is finished and kept."""
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
        hosts=hosts,
    )
    metrics.watch_jobs(server.states)
    dispatcher.start()
    try:
        yield server
    finally:
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
