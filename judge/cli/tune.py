"""``judge tune``: a better wording of the judge's prompt, from people's labels."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.options import (
    DEFAULT_CONNECTIONS,
    DEFAULT_STORE,
    CacheOption,
    ConnectionsOption,
    JsonOption,
    MaxCostOption,
    RequestsOption,
    StoreOption,
    TokensOption,
    call_limits,
)
from judge.errors import ConfigError

if TYPE_CHECKING:
    from judge.trust.tuning import Tuning


def tune(
    config: Annotated[Path, typer.Argument(help="A config file with 'ratings:'.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Where a better prompt is written; default: prompts/NAME-tuned.md beside CONFIG.",
            show_default=False,
        ),
    ] = None,
    proposals: Annotated[
        int, typer.Option(min=0, max=20, help="Times the model is asked for rules.")
    ] = 3,
    max_cost: MaxCostOption = None,
    max_connections: ConnectionsOption = DEFAULT_CONNECTIONS,
    rpm: RequestsOption = None,
    tpm: TokensOption = None,
    cache: CacheOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Try wordings of the judge's prompt, and keep one that is surely better, if any is.

    Wordings are made from a quarter of the labels, one is chosen by another part, and only the
    chosen one is measured on the rest, which is also its validation.
    """
    import tempfile
    from datetime import UTC, datetime

    from judge.api.project import ratings_of
    from judge.api.tuning import tune as tune_prompt
    from judge.cli.exits import ExitCode
    from judge.cli.loop import run_until_done
    from judge.cli.output import print_json, print_page, write_whole
    from judge.cli.progress import RunProgress
    from judge.render.tuning_page import tuning_json, tuning_page
    from judge.wiring.store import open_store
    from judge.wiring.tuning import open_tunable

    tunable = open_tunable(
        config,
        calls=call_limits(
            connections=max_connections,
            store=store,
            rpm=rpm,
            tpm=tpm,
            max_cost=max_cost,
            batch=False,
            cache=cache,
        ),
    )
    criterion = ratings_of(tunable.project).source.criterion
    written = output or config.parent / "prompts" / f"{criterion}-tuned.md"
    _check_output(written)
    with (
        open_store(store) as kept,
        tempfile.TemporaryDirectory() as folder,
        RunProgress() as progress,
    ):
        found, interrupted = run_until_done(
            lambda stop: tune_prompt(
                tunable,
                kept,
                Path(folder),
                prompt_id=f"{criterion}/{written.stem}",
                now=lambda: datetime.now(UTC),
                proposals=proposals,
                stop=stop,
                watcher=progress.watch,
            )
        )
    if found is None:
        print(
            "judge: not every labelled record was judged; what was is kept: type it again to go on",
            file=sys.stderr,
        )
        raise typer.Exit(ExitCode.INTERRUPTED if interrupted else ExitCode.INCOMPLETE)
    if found.chosen is not None:
        written.parent.mkdir(parents=True, exist_ok=True)
        write_whole(written, found.prompt.encode())
    if as_json:
        print_json(tuning_json(found, written=str(written) if found.chosen else ""))
    else:
        steps = _steps(found, written, config)
        print_page(tuning_page(found, name=tunable.project.name, steps=steps))
    raise typer.Exit(ExitCode.DONE if found.chosen is not None else ExitCode.INCONCLUSIVE)


def _check_output(written: Path) -> None:
    if written.suffix != ".md":
        raise ConfigError(f"a prompt is a .md file, not {written.name}; give another name with -o")
    if written.exists():
        raise ConfigError(f"{written} exists already; give another name with -o")


def _steps(found: "Tuning", written: Path, config: Path) -> list[str]:
    if found.chosen is None:
        return [
            f"label more outputs by chance, and try again: judge plan {config} -o to_label.jsonl",
        ]
    near = written.absolute().is_relative_to(config.absolute().parent)
    name = written.absolute().relative_to(config.absolute().parent) if near else written.absolute()
    return [
        f"read {written}: its words were made by a model that read outputs of your systems",
        f"name it in {config}: prompt: {name}",
        "its certificate is written, from the labels of test alone; more labels make it stronger",
    ]
