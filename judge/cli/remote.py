"""``judge submit``, ``judge status`` and ``judge fetch``: jobs of a service somewhere else."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from judge.errors import ConfigError

if TYPE_CHECKING:
    from judge.client import Client, RemoteJob

KEY_VARIABLE = "JUDGE_KEY"

ServerOption: TypeAlias = Annotated[
    str, typer.Option("--server", envvar="JUDGE_SERVER", help="Address of the service.")
]
JobArgument: TypeAlias = Annotated[str, typer.Argument(metavar="JOB", help="A job's id.")]
_DEFAULT_SERVER = "http://127.0.0.1:8000"


def submit(
    config: Annotated[Path, typer.Argument(help="A config; files beside it go with it.")],
    *,
    server: ServerOption = _DEFAULT_SERVER,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is over.")] = False,
    priority: Annotated[int, typer.Option(min=-10, max=10, help="Higher ones go first.")] = 0,
    max_cost: Annotated[float | None, typer.Option(min=0, help="US dollars it may spend.")] = None,
    idempotency_key: Annotated[
        str, typer.Option(help="Under it, it is one job, however often it is sent.")
    ] = "",
) -> None:
    """Submit a job to a service."""
    with _client(server) as client:
        try:
            job = client.submit_files(
                config,
                options={"priority": priority, "max_cost": max_cost},
                idempotency_key=idempotency_key,
            )
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{config} and its files cannot be read: {error}") from error
        _show(client.wait(job.job_id) if wait else job)


def status(job_id: JobArgument, *, server: ServerOption = _DEFAULT_SERVER) -> None:
    """Say how a job of a service stands."""
    with _client(server) as client:
        _show(client.job(job_id))


def fetch(
    job_id: JobArgument,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help=".html, .md, .json, .csv, or .jsonl for examples; default: print.",
        ),
    ] = None,
    server: ServerOption = _DEFAULT_SERVER,
) -> None:
    """Fetch the report of a job of a service."""
    from judge.cli.output import check_endings, write_whole

    if output is not None:
        check_endings([output], (".html", ".md", ".json", ".csv", ".jsonl"))
    with _client(server) as client:
        run_id = client.job(job_id).run_id
        if not run_id:
            raise ConfigError(f"{job_id} has not run yet; look again later: judge status {job_id}")
        form = "md" if output is None else output.suffix.removeprefix(".")
        body = client.report(run_id, form=form)
    if output is None:
        typer.echo(body.decode())
    else:
        write_whole(output, body)


def _client(server: str) -> "Client":
    from judge.client import Client

    if not (key := os.environ.get(KEY_VARIABLE, "")):
        raise ConfigError(
            f"set {KEY_VARIABLE} to a key of the service (made there with: judge keys create)"
        )
    return Client(server, key=key)


def _show(job: "RemoteJob") -> None:
    typer.echo(f"{job.job_id}  {job.state}  {job.done} of {job.total or '?'}  {job.name}")
    if job.error:
        typer.echo(job.error, err=True)
