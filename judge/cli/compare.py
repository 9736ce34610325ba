"""``judge compare``: two runs on the same frozen set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from judge.api.project import Project, RunStore
    from judge.results.run import RunManifest


def compare(
    before: Annotated[
        str, typer.Argument(metavar="A", help="The earlier run: its id, or the start of one.")
    ],
    after: Annotated[
        str, typer.Argument(metavar="B", help="The later run: its id, the start of one, or latest.")
    ] = "latest",
    *,
    rejudge: Annotated[
        bool,
        typer.Option(
            "--rejudge",
            help="Where B was judged by another judge, have it judge A's outputs too.",
        ),
    ] = False,
    outputs: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", help="Write it: .html, .md or .json; repeatable."),
    ] = None,
    max_cost: MaxCostOption = None,
    max_connections: ConnectionsOption = DEFAULT_CONNECTIONS,
    rpm: RequestsOption = None,
    tpm: TokensOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Compare two runs on the same set: what got better or worse, and whose doing it is.

    Ends with 2 where the runs are on different sets, 3 where a judge changed and nothing tells its
    part from the student's, and 4 where a run is not finished.
    """
    from datetime import UTC, datetime

    from judge.api.comparing import compare_runs
    from judge.cli.exits import ExitCode, gravest
    from judge.cli.output import check_endings, print_json, print_page, write_files
    from judge.render.comparison_json import comparison_json
    from judge.render.comparison_page import comparison_page
    from judge.render.html import as_html
    from judge.render.markdown import as_markdown
    from judge.results.store import find_run
    from judge.wiring.project import reopen_project
    from judge.wiring.store import open_store

    check_endings(outputs or [], (".html", ".md", ".json"))
    with open_store(store, existing=True) as kept:
        runs = find_run(kept, before), find_run(kept, after)
        interrupted = False
        if rejudge:
            limits = call_limits(
                connections=max_connections, store=store, rpm=rpm, tpm=tpm, max_cost=max_cost
            )
            project = reopen_project(runs[1], kept, calls=limits)
            interrupted = _judge_again(project, kept, *runs)
        found = compare_runs(kept, *runs, now=datetime.now(UTC))
    page = comparison_page(found)
    makers = {
        ".html": lambda: as_html(page),
        ".md": lambda: as_markdown(page).encode(),
        ".json": lambda: comparison_json(found),
    }
    write_files(outputs or [], makers)
    if as_json:
        print_json(comparison_json(found))
    elif not outputs:
        print_page(page)
    ends = (
        (ExitCode.INTERRUPTED, interrupted),
        (ExitCode.INCOMPLETE, not found.complete),
        (ExitCode.INCONCLUSIVE, found.undecided),
    )
    raise typer.Exit(gravest(code for code, holds in ends if holds))


def _judge_again(
    project: "Project", store: "RunStore", before: "RunManifest", after: "RunManifest"
) -> bool:
    """Judge the first run's outputs with the second run's judge; return whether stopped."""
    from datetime import UTC, datetime

    from judge.api.comparing import judge_outputs_again
    from judge.cli.loop import run_until_done
    from judge.cli.progress import RunProgress

    with RunProgress() as progress:
        _, interrupted = run_until_done(
            lambda stop: judge_outputs_again(
                project,
                store,
                before,
                after,
                now=lambda: datetime.now(UTC),
                stop=stop,
                watcher=progress.watch,
            )
        )
    return interrupted
