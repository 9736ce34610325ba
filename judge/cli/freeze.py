"""``judge freeze``: pin an evaluation set by content."""

import os
from pathlib import Path
from typing import Annotated

import typer

from judge.cli.options import JsonOption
from judge.errors import ConfigError


def freeze(
    config: Annotated[Path, typer.Argument(help="The config whose evaluation set is pinned.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Where the manifest is written; default: CONFIG.frozen.json beside the config.",
            show_default=False,
        ),
    ] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            "--outputs",
            metavar="SYSTEM",
            help="Pin the answers of a system too, such as the teacher; repeatable.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a manifest of an evaluation set: a hash for each item, and one for all of them."""
    from datetime import UTC, datetime

    from judge.cli.output import print_json, print_page, write_whole
    from judge.records.frozen import freeze as frozen_set
    from judge.records.frozen import manifest_json
    from judge.render.json import encoded
    from judge.render.verification_page import frozen_json, frozen_page
    from judge.wiring.frozen import open_set

    path = output or config.with_name(f"{config.stem}.frozen.json")
    if path.exists():
        raise ConfigError(
            f"{path} exists already, and what was measured on its set would have no manifest any "
            f"more; check it with: judge verify {config} --manifest {path}, or give another name "
            "with -o"
        )
    found = open_set(config)
    frozen = frozen_set(
        found.dataset, name=found.name, created=datetime.now(UTC), outputs=tuple(outputs or ())
    )
    write_whole(path, manifest_json(frozen))
    if as_json:
        print_json(encoded({**frozen_json(frozen), "manifest": str(path)}))
        return
    steps = [
        f"wrote {path}: keep it with the config, under version control",
        f"in {config}: dataset: {{frozen: {os.path.relpath(path, config.parent)}}}",
        f"then every run refuses a set that differs; in which items: judge verify {config}",
    ]
    print_page(frozen_page(frozen, steps=steps))
