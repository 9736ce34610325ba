"""Options that several verbs share."""

from collections.abc import Sequence
from typing import Annotated, TypeAlias

import typer

from judge.errors import ConfigError

DEFAULT_STORE = ".judge/judge.sqlite"
DEFAULT_CONNECTIONS = 20

StoreOption: TypeAlias = Annotated[
    str,
    typer.Option("--store", envvar="JUDGE_STORE", help="Where results are kept: a SQLite file."),
]
ConnectionsOption: TypeAlias = Annotated[
    int,
    typer.Option(
        "--max-connections",
        envvar="JUDGE_MAX_CONNECTIONS",
        min=1,
        help="Most calls to an endpoint at once.",
    ),
]
JsonOption: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON for machines instead of a page for people.")
]


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
