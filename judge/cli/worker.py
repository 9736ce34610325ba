"""``judge worker``: does chunks of the jobs of a service, on this machine."""

from typing import Annotated

import typer

from judge.cli.options import DEFAULT_CONNECTIONS, ConnectionsOption, FolderOption, StoreOption
from judge.cli.serve import EndpointsOption, RootsOption
from judge.errors import ConfigError


def worker(
    *,
    queues: Annotated[
        str,
        typer.Option(help="io: asks judges, checks formats; gpu: embeds texts; or io,gpu."),
    ] = "io,gpu",
    chunks: Annotated[
        int, typer.Option("--chunks", min=1, help="Most chunks of the queue io at once.")
    ] = 4,
    lease: Annotated[
        float,
        typer.Option(
            "--lease", min=1, help="Seconds after which others go on for a worker that is silent."
        ),
    ] = 30,
    roots: RootsOption = None,
    endpoints: EndpointsOption = None,
    folder: FolderOption = None,
    max_connections: ConnectionsOption = DEFAULT_CONNECTIONS,
    store: StoreOption = "",
) -> None:
    """Do chunks of the jobs of `judge serve --jobs 0`; as many workers as there is work for."""
    from judge.cli.loop import run_until_done
    from judge.cli.serve import server_rules
    from judge.results.chunk import Queue
    from judge.wiring.worker import WorkerTerms, work

    asked = [name.strip() for name in queues.split(",") if name.strip()]
    if not asked or set(asked) - {queue.value for queue in Queue}:
        raise ConfigError(f"--queues {queues!r} must be io, gpu, or io,gpu")
    if not store:
        raise ConfigError("a worker needs --store postgresql://user@host/database")
    terms = WorkerTerms(
        # One model at a time has the GPU.
        slots={queue: 1 if queue is Queue.GPU else chunks for queue in map(Queue, asked)},
        lease_s=lease,
    )
    rules = server_rules(
        store, folder=folder, roots=roots, endpoints=endpoints, connections=max_connections
    )
    print(f"working on {', '.join(asked)}; Ctrl-C finishes what is in flight and ends", flush=True)
    run_until_done(lambda stop: work(store, rules, terms, stop=stop))
