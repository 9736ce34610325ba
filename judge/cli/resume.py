"""``judge resume``: finish a run."""

from typing import Annotated

import typer

from judge.cli.options import (
    DEFAULT_CONNECTIONS,
    DEFAULT_STORE,
    BatchOption,
    CacheOption,
    ConnectionsOption,
    JsonOption,
    MaxCostOption,
    RequestsOption,
    StoreOption,
    TokensOption,
    TrackOption,
    call_limits,
)


def resume(
    name: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's id, the start of one, or latest.")
    ] = "latest",
    *,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Also ask again where the judge itself failed.")
    ] = False,
    max_cost: MaxCostOption = None,
    max_connections: ConnectionsOption = DEFAULT_CONNECTIONS,
    rpm: RequestsOption = None,
    tpm: TokensOption = None,
    batch: BatchOption = False,
    cache: CacheOption = None,
    track: TrackOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Finish a run: score what has no outcome yet, and what failed for want of an answer."""
    from judge.api.scoring import resume as finish
    from judge.cli.loop import run_until_done
    from judge.cli.progress import RunProgress
    from judge.cli.run import report_and_code
    from judge.results.store import find_run
    from judge.wiring.project import reopen_project
    from judge.wiring.store import open_store
    from judge.wiring.tracking import open_tracking

    with open_tracking(track or []) as tracking, open_store(store, existing=True) as kept:
        manifest = find_run(kept, name)
        calls = call_limits(
            connections=max_connections,
            store=store,
            rpm=rpm,
            tpm=tpm,
            max_cost=max_cost,
            batch=batch,
            cache=cache,
            meter=tracking.meter,
        )
        project = reopen_project(manifest, kept, calls=calls)
        with RunProgress() as progress:
            _, interrupted = run_until_done(
                lambda stop: finish(
                    project,
                    kept,
                    manifest,
                    retry_failed=retry_failed,
                    stop=stop,
                    watcher=progress.watch,
                )
            )
        code = report_and_code(
            kept, manifest, interrupted=interrupted, as_json=as_json, tell=tracking.tell
        )
    raise typer.Exit(code)
