"""``judge history``: a metric over many runs."""

from pathlib import Path
from typing import Annotated

import typer

from judge.cli.options import DEFAULT_STORE, JsonOption, StoreOption


def history(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Of the config; default: the newest run's.")
    ] = "",
    *,
    metric: Annotated[
        list[str] | None, typer.Option(help="Only this one, as reports name it; repeatable.")
    ] = None,
    system: Annotated[list[str] | None, typer.Option(help="Only this one; repeatable.")] = None,
    slice_name: Annotated[
        str, typer.Option("--slice", metavar="SLICE=VALUE", help="One slice instead of all items.")
    ] = "overall",
    last: Annotated[int | None, typer.Option(min=1, help="Only so many of the newest.")] = None,
    outputs: Annotated[
        list[Path] | None,
        typer.Option("-o", "--output", help="Write it: .html, .md or .json; repeatable."),
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Show a metric over the runs of one config, with breaks where set or judge changed."""
    from datetime import UTC, datetime

    from judge.api.comparing import history_of
    from judge.cli.output import print_json, print_page, write_files
    from judge.render.history_page import history_json, history_page
    from judge.render.html import as_html
    from judge.render.markdown import as_markdown
    from judge.wiring.store import open_store

    with open_store(store, existing=True) as kept:
        found = history_of(
            kept,
            now=datetime.now(UTC),
            name=name,
            last=last,
            slice_name=slice_name,
            metrics=metric or [],
            systems=system or [],
        )
    page = history_page(found)
    write_files(
        outputs or [],
        {
            ".html": lambda: as_html(page),
            ".md": lambda: as_markdown(page).encode(),
            ".json": lambda: history_json(found),
        },
    )
    if as_json:
        print_json(history_json(found))
    elif not outputs:
        print_page(page)
