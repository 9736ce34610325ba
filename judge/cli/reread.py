"""``judge reread``: read stored replies again, without a call."""

from typing import Annotated

import typer

from judge.cli.options import DEFAULT_STORE, JsonOption, StoreOption


def reread(
    name: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's id, the start of one, or latest.")
    ] = "latest",
    *,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Score a run anew from the replies that are stored: a new run, without a call.

    For a run whose replies an earlier version could not read, or read otherwise.
    """
    from datetime import UTC, datetime

    from judge.api.scoring import reread as read_again
    from judge.cli.loop import run_until_done
    from judge.cli.progress import RunProgress
    from judge.cli.run import report_and_code
    from judge.results.store import find_run
    from judge.wiring.project import reopen_project
    from judge.wiring.store import open_store

    with open_store(store, existing=True) as kept:
        project = reopen_project(find_run(kept, name), kept)
        with RunProgress() as progress:
            manifest, interrupted = run_until_done(
                lambda stop: read_again(
                    project,
                    kept,
                    find_run(kept, name),
                    now=lambda: datetime.now(UTC),
                    stop=stop,
                    watcher=progress.watch,
                )
            )
        code = report_and_code(kept, manifest, interrupted=interrupted, as_json=as_json)
    raise typer.Exit(code)
