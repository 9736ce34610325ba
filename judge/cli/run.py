"""``judge run``: the main job."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
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
    TrackOption,
    call_limits,
    parse_filters,
)
from judge.errors import ConfigError

if TYPE_CHECKING:
    from judge.api.project import Project, RunStore
    from judge.api.scoring import Forecast
    from judge.reports.report import Report
    from judge.results.run import RunManifest
    from judge.runs.executor import Stop


def run(
    config: Annotated[
        Path | None, typer.Argument(help="A config file; see: judge init.", show_default=False)
    ] = None,
    *,
    teacher: Annotated[
        Path | None, typer.Option(help="Teacher's outputs: the start without a config.")
    ] = None,
    student: Annotated[Path | None, typer.Option(help="Student's outputs.")] = None,
    schema: Annotated[
        Path | None, typer.Option(help="JSON Schema the outputs must satisfy.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many items.")] = None,
    filter_: Annotated[
        list[str] | None,
        typer.Option("--filter", metavar="SLICE=VALUE", help="Only items of a slice; repeatable."),
    ] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="At most so many items, drawn at random.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of that draw; default: the config's.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what would be asked and what it costs; no call, nothing stored."
        ),
    ] = False,
    controls: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=0,
            help="Null answers and attacks to mix blind among what is judged, to try the judge.",
        ),
    ] = 0,
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
    """Score every system three ways, store each result as it is known, print the report."""
    from judge.wiring.project import open_project
    from judge.wiring.store import open_store
    from judge.wiring.tracking import open_tracking

    path = _config_path(config, teacher, student, schema)
    with open_tracking([] if dry_run else track or []) as tracking:
        project = open_project(
            path,
            limit=limit,
            filters=parse_filters(filter_ or []),
            sample=sample,
            seed=seed,
            calls=call_limits(
                connections=max_connections,
                store=store,
                rpm=rpm,
                tpm=tpm,
                max_cost=max_cost,
                batch=batch,
                cache=cache,
                meter=tracking.meter,
            ),
        )
        for words in project.limits:
            print(f"judge: {words}", file=sys.stderr)
        if dry_run:
            _print_forecast(project, store, as_json=as_json)
            return
        with open_store(store) as kept:
            code = score_and_report(
                project, kept, controls=controls, as_json=as_json, tell=tracking.tell
            )
    raise typer.Exit(code)


def score_and_report(
    project: "Project",
    store: "RunStore",
    *,
    controls: int = 0,
    as_json: bool,
    tell: "Sequence[Callable[[Report], str]]" = (),
) -> int:
    """Run a project, print its report, tell it to others, and return the exit code."""
    from datetime import UTC, datetime

    from judge.api.scoring import evaluate, n_outcomes
    from judge.cli.loop import run_until_done
    from judge.cli.progress import RunProgress

    with RunProgress() as progress:

        async def work(stop: "Stop") -> "RunManifest":
            progress.expect(await n_outcomes(project))
            return await evaluate(
                project,
                store,
                now=lambda: datetime.now(UTC),
                controls=controls,
                stop=stop,
                watcher=progress.watch,
            )

        manifest, interrupted = run_until_done(work)
    return report_and_code(store, manifest, interrupted=interrupted, as_json=as_json, tell=tell)


def report_and_code(
    store: "RunStore",
    manifest: "RunManifest",
    *,
    interrupted: bool,
    as_json: bool,
    tell: "Sequence[Callable[[Report], str]]" = (),
) -> int:
    """Print a run's report, tell it to others, and return the exit code it deserves."""
    from datetime import UTC, datetime

    from judge.api.reporting import report
    from judge.cli.output import print_json, print_page
    from judge.render.json import report_json
    from judge.render.pages import report_page

    found = report(store, manifest, now=datetime.now(UTC))
    if as_json:
        print_json(report_json(found))
    else:
        print_page(report_page(found))
    for told in tell:
        print(f"judge: {told(found)}", file=sys.stderr)
    if not found.complete:
        print(
            f"judge: not every record has a final outcome; go on with: "
            f"judge resume {manifest.run_id}",
            file=sys.stderr,
        )
    return exit_code(found, interrupted=interrupted)


def exit_code(report: "Report", *, interrupted: bool) -> int:
    """Return the exit code a run's report deserves."""
    from judge.cli.exits import ExitCode, gravest

    bug = any(row.counts.fates.get("internal_error") for row in report.estimates)
    return gravest(
        code
        for code, holds in (
            (ExitCode.INTERRUPTED, interrupted and not report.complete),
            (ExitCode.INTERNAL, bug),
            (ExitCode.INCOMPLETE, not report.complete),
        )
        if holds
    )


def _config_path(
    config: Path | None, teacher: Path | None, student: Path | None, schema: Path | None
) -> Path:
    if config is not None:
        if teacher or student or schema:
            raise ConfigError(
                "give a config, or --teacher and --student, not both; the config names the files"
            )
        return config
    if teacher is None or student is None:
        raise ConfigError(
            "give a config (judge run judge.yaml), or two files to start without one: "
            "judge run --teacher teacher.jsonl --student student.jsonl"
        )
    from judge.cli.two_files import write_two_file_config

    return write_two_file_config(teacher, student, schema)


def _print_forecast(project: "Project", store: str, *, as_json: bool) -> None:
    from datetime import UTC, datetime

    import msgspec

    from judge.api.declaring import check_decisions
    from judge.api.scoring import forecast
    from judge.cli.loop import run_until_done
    from judge.cli.output import print_json
    from judge.models.forecast import CostForecast
    from judge.render.money import money
    from judge.wiring.store import open_store, store_exists

    with ExitStack() as opened:
        answers = None
        if store_exists(store):  # a dry run makes none
            answers = opened.enter_context(open_store(store)).completions

        async def work(_: "Stop") -> "list[Forecast]":
            await check_decisions(project)
            return await forecast(project, now=datetime.now(UTC), answers=answers)

        parts, _ = run_until_done(work)
    n_items = len(project.dataset.items)
    if as_json:
        body = {"name": project.name, "n_items": n_items, "forecast": parts}
        print_json(msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n")
        return
    print(f"{project.name}: {n_items} items, nothing was called or stored")
    for part in parts:
        kept = f", {part.cost.cached} answers kept from before" if part.cost.cached else ""
        print(
            f"  {part.metric}: {part.n_records} records, {part.settled} settled beforehand, "
            f"{part.cost.calls} calls{kept}"
        )
    whole = sum((part.cost for part in parts), start=CostForecast())
    if whole.calls:
        print(
            f"  in all {whole.calls} calls, about {whole.input_tokens:,} tokens in and "
            f"{whole.output_tokens:,} out; likely cost: {money(whole.likely)}, at most: "
            f"{money(whole.most)}"
        )
