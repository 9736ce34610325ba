import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx2
import pytest
import uvicorn

from judge.client import Client, RemoteJob
from judge.testing import FakeEndpoint
from judge.web.access import Role
from judge.web.app import create_app
from judge.web.limits import Limits
from judge.web.patience import PatientProtocol
from judge.web.server import LOOPBACK, Server, bound_socket, serving
from judge.wiring.serving import ServerRules, open_job
from judge.wiring.store import open_store

N_ITEMS = 24
NO_LIMITS = Limits(requests_per_minute=1_000_000, jobs=1_000_000)
ITEMS = "".join(
    f'{{"id": "i{n}", "input": "What is {n}?", "reference": "It is {n}.", "slices": {{"kind": '
    f'"{"even" if n % 2 == 0 else "odd"}"}}}}\n'
    for n in range(N_ITEMS)
)
OUTPUTS = "".join(f'{{"id": "i{n}", "output": "It is {n}."}}\n' for n in range(N_ITEMS))
FILES: Mapping[str, str] = {"items.jsonl": ITEMS, "outputs.jsonl": OUTPUTS}


def config_of(endpoint: FakeEndpoint | None, *, name: str = "numbers") -> str:
    """Return a config that asks an endpoint, or one that needs none: two scores an item."""
    scorers = "  task: {kind: qa}\n"
    if endpoint is not None:
        judge = f"{{model: fake-judge, base_url: '{endpoint.base_url}', api_key_env: FAKE_KEY}}"
        scorers = f"  equivalence: {{judge: {judge}, against: [reference]}}\n"
    return (
        f"name: {name}\ncache: false\ndataset: {{items: items.jsonl}}\n"
        f"systems:\n  student: {{role: student, outputs: outputs.jsonl}}\nscorers:\n{scorers}"
    )


@dataclass(frozen=True)
class Live:
    """A service that runs.

    Attributes:
        address: where it listens.
    """

    server: Server
    address: str
    exits: ExitStack

    def key(self, *roles: Role, workspace: str = "default", days: int | None = None) -> str:
        """Make a key."""
        _, key = self.server.keys.create(
            name="test", workspace=workspace, roles=roles or tuple(Role), days=days
        )
        return key

    def client(self, *roles: Role, workspace: str = "default") -> Client:
        """Return a client with a key of its own."""
        key = self.key(*roles, workspace=workspace)
        return self.exits.enter_context(Client(self.address, key=key))

    def http(
        self, *roles: Role, workspace: str = "default", anonymous: bool = False
    ) -> httpx2.Client:
        """Return what sends any request there is."""
        key = "" if anonymous else self.key(*roles, workspace=workspace)
        headers = {} if anonymous else {"Authorization": f"Bearer {key}"}
        http = httpx2.Client(base_url=self.address, headers=headers, trust_env=False, timeout=30)
        return self.exits.enter_context(http)


@contextmanager
def live(
    folder: Path,
    *endpoints: FakeEndpoint,
    roots: tuple[Path, ...] = (),
    limits: Limits | None = None,
    at_once: int = 4,
) -> Iterator[Live]:
    """Run a service over a store in a folder."""
    rules = ServerRules(
        folder=folder / "service",
        roots=roots,
        endpoints={one.base_url.removesuffix("/v1"): "FAKE_KEY" for one in endpoints},
        connections=8,
    )
    with open_store(str(folder / "judge.sqlite")) as store:
        opener = partial(open_job, rules, store)
        hosts = frozenset(LOOPBACK)
        with serving(
            store, rules, opener, hosts=hosts, at_once=at_once, limits=limits or NO_LIMITS
        ) as server:
            listening = bound_socket("127.0.0.1", 0)
            uvicorn_server = uvicorn.Server(
                uvicorn.Config(
                    create_app(server), http=PatientProtocol, log_config=None, lifespan="off"
                )
            )
            thread = threading.Thread(target=uvicorn_server.run, kwargs={"sockets": [listening]})
            thread.start()
            try:
                with ExitStack() as exits:
                    yield Live(server, f"http://127.0.0.1:{listening.getsockname()[1]}", exits)
            finally:
                uvicorn_server.should_exit = True
                thread.join()
                listening.close()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Live]:
    """A service without endpoints that may be asked."""
    with live(tmp_path) as found:
        yield found


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_KEY", "sk-fake")


RATED_CONFIG = """\
name: numbers
cache: false
dataset: {items: items.jsonl}
systems:
  student: {role: student, outputs: outputs.jsonl}
scorers:
  equivalence: {judge: %s, against: [reference]}
"""
RECORDED = "{recorded: verdicts.jsonl, name: theirs}"
N_WRONG = 6
VERDICTS = "".join(
    json.dumps(
        {"id": f"i{n}", "label": "different" if n < N_WRONG else "equivalent"}
        | {"system": "student"}
    )
    + "\n"
    for n in range(N_ITEMS)
)
OWN_RATINGS = "ratings: {path: ratings.jsonl, source: human, blind: true, sampling: random}\n"


def rated_config(endpoint: FakeEndpoint | None = None, *, ratings: bool = False) -> str:
    """Return a config with a judge: behind an endpoint, or one whose verdicts are known."""
    judge = RECORDED
    if endpoint is not None:
        judge = f"{{model: fake-judge, base_url: '{endpoint.base_url}', api_key_env: FAKE_KEY}}"
    return RATED_CONFIG % judge + (OWN_RATINGS if ratings else "")


def rating(item_id: str, *, label: str = "equivalent", **more: object) -> dict[str, object]:
    """Return what Ann, who is a person, says of an output that was drawn like every other."""
    return {
        "id": item_id,
        "system": "student",
        "rater": "ann",
        "label": label,
        "source": "human",
        "blind": True,
        "inclusion_probability": 1.0,
        **more,
    }


def submitted(client: Client, config: str = "", *, ratings: str | None = None) -> RemoteJob:
    """Submit a job and return it when it is over."""
    files = {**FILES, "verdicts.jsonl": VERDICTS}
    if ratings is not None:
        files["ratings.jsonl"] = ratings or json.dumps(rating("i9", rater="ben")) + "\n"
    return client.wait(client.submit(config=config or rated_config(), files=files).job_id)
