"""``judge report``: what a run says."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from judge.cli.options import DEFAULT_STORE, JsonOption, StoreOption, TrackOption


def report(
    name: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's id, the start of one, or latest.")
    ] = "latest",
    *,
    outputs: Annotated[
        list[Path] | None,
        typer.Option(
            "-o",
            "--output",
            help="Write it: .html, .md, .json, .csv for estimates, .jsonl for examples; "
            "repeatable.",
        ),
    ] = None,
    track: TrackOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Print or write a run's report; certificates are looked up now, not when it ran."""
    from datetime import UTC, datetime

    from judge.api.reporting import report as report_of
    from judge.cli.output import print_json, print_page, write_files
    from judge.render.estimates_csv import estimates_csv
    from judge.render.json import examples_jsonl, report_json
    from judge.render.markdown import as_markdown
    from judge.render.pages import report_page
    from judge.render.report_html import report_html
    from judge.results.store import find_run
    from judge.wiring.store import open_store
    from judge.wiring.tracking import open_tracking

    with open_tracking(track or []) as tracking, open_store(store, existing=True) as kept:
        found = report_of(kept, find_run(kept, name), now=datetime.now(UTC))
        for told in tracking.tell:
            print(f"judge: {told(found)}", file=sys.stderr)
    page = report_page(found)
    write_files(
        outputs or [],
        {
            ".html": lambda: report_html(found),
            ".md": lambda: as_markdown(page).encode(),
            ".json": lambda: report_json(found),
            ".csv": lambda: estimates_csv(found),
            ".jsonl": lambda: examples_jsonl(found),
        },
    )
    if as_json:
        print_json(report_json(found))
    elif not outputs:
        print_page(page)
