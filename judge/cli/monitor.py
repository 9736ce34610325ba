"""``judge monitor``: production samples against the frozen set."""

from pathlib import Path
from typing import Annotated

import typer

from judge.cli.options import (
    DEFAULT_CONNECTIONS,
    DEFAULT_STORE,
    ConnectionsOption,
    JsonOption,
    MaxCostOption,
    RequestsOption,
    StoreOption,
    TokensOption,
    call_limits,
)


def monitor(
    config: Annotated[Path, typer.Argument(help="A config file with 'monitor:'.")],
    *,
    anew: Annotated[
        bool,
        typer.Option(
            "--begin-anew",
            help="Forget looks and alarms, as after a repair; samples seen stay seen.",
        ),
    ] = False,
    outputs: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", help="Also write it: .html, .md or .json; repeatable."),
    ] = None,
    max_cost: MaxCostOption = None,
    max_connections: ConnectionsOption = DEFAULT_CONNECTIONS,
    rpm: RequestsOption = None,
    tpm: TokensOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Look at the samples that no look has seen; ends with 1 while an alarm stands."""
    from datetime import UTC, datetime

    from judge.api.monitoring import begin_anew
    from judge.api.monitoring import monitor as look
    from judge.cli.exits import ExitCode, gravest
    from judge.cli.loop import run_until_done
    from judge.cli.output import check_endings, print_json, print_page, write_files
    from judge.cli.progress import RunProgress
    from judge.render.html import as_html
    from judge.render.markdown import as_markdown
    from judge.render.monitor_json import monitor_json
    from judge.render.monitor_page import monitor_page
    from judge.wiring.monitoring import open_monitored
    from judge.wiring.store import open_store

    check_endings(outputs or [], (".html", ".md", ".json"))
    monitored = open_monitored(
        config,
        calls=call_limits(
            connections=max_connections, rpm=rpm, tpm=tpm, max_cost=max_cost, store=store
        ),
    )
    with open_store(store, existing=True) as kept:
        if anew:
            begin_anew(monitored, kept, now=lambda: datetime.now(UTC))
        with RunProgress() as progress:
            found, interrupted = run_until_done(
                lambda stop: look(
                    monitored,
                    kept,
                    now=lambda: datetime.now(UTC),
                    stop=stop,
                    watcher=progress.watch,
                )
            )
    page = monitor_page(found)
    if as_json:
        print_json(monitor_json(found))
    else:
        print_page(page)
    write_files(
        outputs or [],
        {
            ".html": lambda: as_html(page),
            ".md": lambda: as_markdown(page).encode(),
            ".json": lambda: monitor_json(found),
        },
    )
    ends = (
        (ExitCode.INTERRUPTED, interrupted),
        (ExitCode.INCOMPLETE, not found.complete),
        (ExitCode.REFUSED, bool(found.stream.alarms)),
    )
    raise typer.Exit(gravest(code for code, holds in ends if holds))
