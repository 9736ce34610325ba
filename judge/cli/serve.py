"""``judge serve``: the service, on this machine."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from judge.cli.options import (
    DEFAULT_CONNECTIONS,
    DEFAULT_STORE,
    ConnectionsOption,
    FolderOption,
    StoreOption,
)
from judge.errors import ConfigError

if TYPE_CHECKING:
    from judge.wiring.serving import ServerRules

RootsOption: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option("--root", help="A folder whose configs jobs may name; repeatable."),
]
EndpointsOption: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--endpoint",
        help="An endpoint jobs may ask, and the variable with its key: "
        "https://api.openai.com=OPENAI_API_KEY; repeatable.",
    ),
]


def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    behind_proxy: Annotated[
        bool,
        typer.Option("--behind-proxy", help="A proxy with TLS stands before it: needs a key."),
    ] = False,
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="A host name it goes by, behind a proxy; repeatable."),
    ] = None,
    roots: RootsOption = None,
    endpoints: EndpointsOption = None,
    folder: FolderOption = None,
    jobs: Annotated[
        int, typer.Option("--jobs", min=0, help="Most jobs at once; 0 leaves them to workers.")
    ] = 4,
    requests_per_minute: Annotated[
        int, typer.Option(min=1, help="Most requests of one key a minute.")
    ] = 1200,
    jobs_per_workspace: Annotated[
        int, typer.Option(min=1, help="Most jobs of one workspace that wait and run.")
    ] = 100,
    keep_files_days: Annotated[
        int,
        typer.Option(min=1, help="Days after its end that a job keeps the files sent with it."),
    ] = 30,
    keep_runs_days: Annotated[
        int | None,
        typer.Option(
            min=1, help="Days after its end that a job and its run are kept; default: for good."
        ),
    ] = None,
    max_connections: ConnectionsOption = DEFAULT_CONNECTIONS,
    log_json: Annotated[
        bool, typer.Option("--log-json", help="Log one line of JSON for each event on stderr.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Run jobs that are submitted over HTTP, and show pages about them."""
    from functools import partial

    from judge.cli.serving import listen
    from judge.web.app import create_app
    from judge.web.limits import Limits
    from judge.web.logs import service_logs
    from judge.web.retention import Retention
    from judge.web.server import LOOPBACK, bound_socket, check_bind, serving
    from judge.wiring.serving import open_job
    from judge.wiring.store import open_store

    if not jobs and "://" not in store:
        raise ConfigError("--jobs 0 leaves jobs to workers, which need a --store postgresql://...")
    rules = server_rules(
        store, folder=folder, roots=roots, endpoints=endpoints, connections=max_connections
    )
    secrets = [value for name in rules.endpoints.values() if (value := os.environ.get(name))]
    logs = service_logs(sys.stderr, as_json=log_json, secrets=secrets)
    with logs, open_store(store) as kept:
        check_bind(host, n_keys=len(kept.service.key_rows()), behind_proxy=behind_proxy)
        hosts = frozenset({*LOOPBACK, host, *(names or ())})
        opener = partial(open_job, rules, kept)
        with serving(
            kept,
            rules,
            opener,
            hosts=hosts,
            at_once=jobs,
            limits=Limits(requests_per_minute=requests_per_minute, jobs=jobs_per_workspace),
            retention=Retention(files_days=keep_files_days, runs_days=keep_runs_days),
        ) as server:
            listening = bound_socket(host, port)
            address = f"http://{host}:{listening.getsockname()[1]}"
            _say(f"serving on {address}; Ctrl-C finishes what is in flight and ends")
            if host in LOOPBACK:
                _say(f"open once: {address}/enter/{server.links.new_link()}")
            listen(create_app(server), listening, behind_proxy=behind_proxy)


def server_rules(
    store: str,
    *,
    folder: Path | None,
    roots: list[Path] | None,
    endpoints: list[str] | None,
    connections: int,
) -> "ServerRules":
    """Return what options say of the configs that may be run.

    Raises:
        ConfigError: an endpoint cannot be read.
    """
    from judge.web.server import service_folder
    from judge.wiring.serving import ServerRules

    return ServerRules(
        # Workers read it too, from wherever they were started.
        folder=(folder or service_folder(store)).resolve(),
        roots=roots or (),
        endpoints=_endpoints(endpoints),
        connections=connections,
    )


def _say(words: str) -> None:
    print(words, flush=True)  # whoever started it may read from a pipe


def _endpoints(said: list[str] | None) -> dict[str, str]:
    from judge.models.door import origin_of
    from judge.wiring.serving import OPENAI_KEY, OPENAI_ORIGIN

    if not said:
        return {OPENAI_ORIGIN: OPENAI_KEY}
    found = {}
    for one in said:
        address, sign, name = one.partition("=")
        if "://" not in address:
            raise ConfigError(f"--endpoint {one!r} must be ORIGIN=VARIABLE")
        found[origin_of(address)] = name if sign else OPENAI_KEY
    return found
