"""``judge gate``: whether a run may pass, for pipelines."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from judge.cli.options import DEFAULT_STORE, JsonOption, StoreOption


def gate(
    name: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's id, the start of one, or latest.")
    ] = "latest",
    *,
    baseline: Annotated[
        str | None,
        typer.Option(help="An earlier run on the same set, for rules with 'loses_at_most'."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(help="Take the rules of this config, not those the run began with."),
    ] = None,
    outputs: Annotated[
        list[Path] | None,
        typer.Option(
            "-o", "--output", help="Write it: .html, .md, .json, or .xml for JUnit; repeatable."
        ),
    ] = None,
    github: Annotated[
        bool, typer.Option("--github", help="Also print annotations for GitHub Actions.")
    ] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Decide by the rules under 'gate:' in the config, all of which must hold.

    Ends with 0 where they do, 1 where one does not, and 3 where nothing can be said of one.
    """
    from datetime import UTC, datetime

    from judge.api.gating import gate_run
    from judge.cli.exits import ExitCode, gravest
    from judge.cli.output import check_endings, print_json, print_page, write_files
    from judge.gates.finding import GateStatus
    from judge.render.gate_files import gate_json, gate_junit, github_annotations
    from judge.render.gate_page import gate_page
    from judge.render.html import as_html
    from judge.render.markdown import as_markdown
    from judge.results.store import find_run
    from judge.wiring.deciding import gate_rules, gate_rules_in
    from judge.wiring.store import open_store

    check_endings(outputs or [], (".html", ".md", ".json", ".xml"))
    with open_store(store, existing=True) as kept:
        manifest = find_run(kept, name)
        found = gate_run(
            kept,
            manifest,
            gate_rules_in(config) if config else gate_rules(manifest),
            baseline=find_run(kept, baseline) if baseline else None,
            now=datetime.now(UTC),
            config=str(config or manifest.config_path),
        )
    page = gate_page(found)
    makers = {
        ".html": lambda: as_html(page),
        ".md": lambda: as_markdown(page).encode(),
        ".json": lambda: gate_json(found),
        ".xml": lambda: gate_junit(found),
    }
    write_files(outputs or [], makers)
    if as_json:
        print_json(gate_json(found))
    elif not outputs:
        print_page(page)
    if github:
        # Beside JSON for machines it would be no JSON.
        print(github_annotations(found), end="", file=sys.stderr if as_json else sys.stdout)
    ends = (
        (ExitCode.INTERNAL, found.bug),
        (ExitCode.INCOMPLETE, not found.complete),
        (ExitCode.REFUSED, found.status is GateStatus.FAIL),
        (ExitCode.INCONCLUSIVE, found.status is GateStatus.INCONCLUSIVE),
    )
    raise typer.Exit(gravest(code for code, holds in ends if holds))
