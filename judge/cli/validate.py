"""``judge validate``: measure the judge against people."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    call_limits,
)

_ENDINGS = (".html", ".md", ".json")

if TYPE_CHECKING:
    from judge.api.project import Project, RunStore


def validate(
    config: Annotated[Path, typer.Argument(help="A config file with 'ratings:'.")],
    *,
    outputs: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", help="Also write it: .html, .md or .json; repeatable."),
    ] = None,
    controls: Annotated[
        bool,
        typer.Option(
            "--controls",
            help="Also try the judge with null answers and attacks, blind among the rated outputs.",
        ),
    ] = False,
    max_cost: MaxCostOption = None,
    max_connections: ConnectionsOption = DEFAULT_CONNECTIONS,
    rpm: RequestsOption = None,
    tpm: TokensOption = None,
    batch: BatchOption = False,
    cache: CacheOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Compare the judge with human ratings; report the agreement and write its certificate."""
    from judge.api.project import ratings_of
    from judge.cli.output import check_endings
    from judge.wiring.project import open_project
    from judge.wiring.store import open_store

    check_endings(outputs or [], _ENDINGS)
    project = open_project(
        config,
        calls=call_limits(
            connections=max_connections,
            store=store,
            rpm=rpm,
            tpm=tpm,
            max_cost=max_cost,
            batch=batch,
            cache=cache,
        ),
    )
    ratings_of(project)  # refused now, if at all: before a store is made
    with open_store(store) as kept:
        code = validate_and_report(
            project, kept, outputs=outputs or [], controls=controls, as_json=as_json
        )
    raise typer.Exit(code)


def validate_and_report(
    project: "Project",
    store: "RunStore",
    *,
    outputs: list[Path],
    controls: bool = False,
    as_json: bool,
) -> int:
    """Validate a project's judge, print what was found and return the exit code."""
    from datetime import UTC, datetime

    from judge.api.validating import validate_judge
    from judge.cli.exits import ExitCode, gravest
    from judge.cli.loop import run_until_done
    from judge.cli.output import print_json, print_page, write_files
    from judge.cli.progress import RunProgress
    from judge.render.html import as_html
    from judge.render.markdown import as_markdown
    from judge.render.validation_json import validation_json
    from judge.render.validation_page import validation_page
    from judge.trust.certificate import Standing
    from judge.trust.controls import DEFAULT_CONTROLS

    with RunProgress() as progress:
        found, interrupted = run_until_done(
            lambda stop: validate_judge(
                project,
                store,
                now=lambda: datetime.now(UTC),
                controls=DEFAULT_CONTROLS if controls else 0,
                stop=stop,
                watcher=progress.watch,
            )
        )
    if found is None:
        print(
            "judge: not every rated record was judged; what was is kept: type it again to go on",
            file=sys.stderr,
        )
        return ExitCode.INTERRUPTED if interrupted else ExitCode.INCOMPLETE
    page = validation_page(found)
    if as_json:
        print_json(validation_json(found))
    else:
        print_page(page)
    write_files(
        outputs,
        {
            ".html": lambda: as_html(page),
            ".md": lambda: as_markdown(page).encode(),
            ".json": lambda: validation_json(found),
        },
    )
    codes = {Standing.TRUSTED: ExitCode.DONE, Standing.NOT_TRUSTED: ExitCode.REFUSED}
    bug = ExitCode.INTERNAL if found.overall.fates.get("internal_error") else ExitCode.DONE
    return gravest([codes.get(found.standing, ExitCode.INCONCLUSIVE), bug])
