"""``python -m judge.fault_server``: an endpoint to rehearse a run against."""

import json
import signal
import threading
from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from judge.fault_server.faults import FAULTS, PASSABLE
from judge.fault_server.plan import FaultPlan
from judge.fault_server.server import PAUSE_S, Entry, FaultServer

_RIGHT = "right"


def rehearse(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    faults: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the questions that meet a fault.")
    ] = 0.2,
    permanent: Annotated[
        float, typer.Option(min=0, max=1, help="Share of those whose fault never passes.")
    ] = 0.3,
    seed: Annotated[int, typer.Option(help="The same seed fails the same questions.")] = 0,
    kinds: Annotated[
        str,
        typer.Option(help="Faults to draw from, with commas; default: all that a run survives."),
    ] = "",
    latency_ms: Annotated[float, typer.Option(min=0, help="Of every answer.")] = 0.0,
    pause_ms: Annotated[
        float, typer.Option(min=0, help="How long a Retry-After asks to wait.")
    ] = PAUSE_S * 1000,
    ledger: Annotated[
        Path | None, typer.Option(help="JSONL file that each request is written to.")
    ] = None,
    names: Annotated[bool, typer.Option("--list", help="List the faults and leave.")] = False,
) -> None:
    """Serve an OpenAI-compatible endpoint on 127.0.0.1 that fails on a seeded plan.

    Prints its base URL, and when it is interrupted or ended what it answered how often.
    """
    if names:
        _list()
        return
    try:
        plan = FaultPlan(
            share=faults,
            seed=seed,
            kinds=tuple(kinds.split(",")) if kinds else PASSABLE,
            permanent=permanent,
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        file = stack.enter_context(ledger.open("w", buffering=1)) if ledger else None

        def note(entry: Entry) -> None:
            counts[entry.fault or _RIGHT] += 1
            if file:
                file.write(json.dumps(asdict(entry)) + "\n")

        server = stack.enter_context(
            FaultServer(
                plan,
                latency_s=latency_ms / 1000,
                pause_s=pause_ms / 1000,
                port=port,
                keep=False,
                watcher=note,
            )
        )
        over = threading.Event()
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, lambda *_: over.set())
        typer.echo(server.base_url)
        over.wait()
        for name, times in counts.most_common():
            typer.echo(f"{times:8} {name}")
        typer.echo(f"{len(server.strayed):8} arrived where redirects point to")


def _list() -> None:
    width = max(map(len, FAULTS))
    for name, fault in FAULTS.items():
        end = fault.fate.value if fault.fate else "scored"
        typer.echo(f"{name:{width}}  {end:22}  {fault.what}")


if __name__ == "__main__":
    typer.run(rehearse)
