"""Options that several verbs share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from judge.errors import ConfigError
from judge.tracking.tracker import Tracker

if TYPE_CHECKING:
    from judge.models.metering import CallMeter
    from judge.wiring.endpoint import CallLimits

DEFAULT_STORE = ".judge/judge.sqlite"
DEFAULT_CONNECTIONS = 64

StoreOption: TypeAlias = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="JUDGE_STORE",
        help="Where results are kept: a SQLite file, or a postgresql:// address.",
    ),
]
ConnectionsOption: TypeAlias = Annotated[
    int,
    typer.Option(
        "--max-connections",
        envvar="JUDGE_MAX_CONNECTIONS",
        min=1,
        help="Most calls to an endpoint at once; it begins with 20 and learns from refusals.",
    ),
]
FolderOption: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--folder",
        envvar="JUDGE_SERVICE_FOLDER",
        help="Where what is submitted is kept, the same for a service and its workers; default: "
        "beside the store.",
    ),
]
RequestsOption: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--rpm", envvar="JUDGE_RPM", min=0.1, help="Most requests a minute to an endpoint."
    ),
]
TokensOption: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--tpm", envvar="JUDGE_TPM", min=1, help="Most tokens a minute, of questions and replies."
    ),
]
MaxCostOption: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--max-cost",
        envvar="JUDGE_MAX_COST",
        min=0,
        help="US dollars a run may spend; it stops before the call that could cost more.",
    ),
]
BatchOption: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--batch",
        envvar="JUDGE_BATCH",
        help="Put all questions to the endpoint's batch API: cheaper, answered within a day.",
    ),
]
CacheOption: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--cache/--no-cache",
        envvar="JUDGE_CACHE",
        help="Whether answers that were paid for before are used again; default: the config's.",
        show_default=False,
    ),
]
TrackOption: TypeAlias = Annotated[
    list[Tracker] | None,
    typer.Option(
        "--track",
        envvar="JUDGE_TRACK",
        help="Also tell the run to MLflow, or to OpenTelemetry; repeatable.",
    ),
]
JsonOption: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON for machines instead of a page for people.")
]


def call_limits(
    *,
    connections: int,
    store: str = "",
    rpm: float | None = None,
    tpm: float | None = None,
    max_cost: float | None = None,
    batch: bool = False,
    cache: bool | None = None,
    meter: "CallMeter | None" = None,
) -> "CallLimits":
    """Return the limits that options set."""
    from judge.wiring.endpoint import CallLimits
    from judge.wiring.store import vectors_beside

    return CallLimits(
        connections=connections,
        requests_per_minute=rpm,
        tokens_per_minute=tpm,
        max_cost=max_cost,
        batch=batch,
        use_kept_answers=cache,
        meter=meter,
        vectors=vectors_beside(store) if store else None,
    )


def parse_filters(pairs: Sequence[str]) -> dict[str, str]:
    """Read ``dimension=value`` options.

    Raises:
        ConfigError: one is not of that form.
    """
    filters = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not (name and sign and value):
            raise ConfigError(f"--filter {pair!r} must be SLICE=VALUE, for example task=extraction")
        filters[name] = value
    return filters
