"""``judge doctor``: what is wrong with this machine or a config."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from judge.cli.options import DEFAULT_STORE, StoreOption
from judge.errors import ConfigError, InputError


def doctor(
    configs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="CONFIG", help="Also check these configs.", show_default=False),
    ] = None,
    *,
    config_only: Annotated[
        bool,
        typer.Option(
            "--config-only",
            help="Check the configs and what they name alone: no machine, no store, no key.",
        ),
    ] = False,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Check Python, the embedding model, the device, the store, keys and configs.

    Nothing is asked of an endpoint, and nothing is stored.
    """
    if config_only and not configs:
        raise ConfigError("--config-only checks configs: name one")
    checks = [] if config_only else _machine(store)
    for path in configs or ():
        checks.append((str(path), partial(_config, path, keys_needed=not config_only)))
    ill = [name for name, check in checks if not _healthy(name, check)]
    if ill:
        raise InputError(f"{len(ill)} of {len(checks)} checks failed: {', '.join(ill)}")


def _machine(store: str) -> list[tuple[str, Callable[[], str]]]:
    return [
        ("python", lambda: sys.version.split()[0]),
        ("sqlite", _sqlite),
        ("embedding model", _embedding_model),
        ("device", _device),
        ("store", lambda: _store(store)),
        ("keys", _keys),
    ]


def _healthy(name: str, check: Callable[[], str]) -> bool:
    try:
        print(f"  ok    {name}: {check()}")
    except InputError as error:
        print(f"  ill   {name}: {error}")
        return False
    return True


def _sqlite() -> str:
    import sqlite3

    return f"{sqlite3.sqlite_version} (one process writes, so its WAL-reset bug cannot bite)"


def _embedding_model() -> str:
    from judge.wiring.machine import describe_embedding_model

    return describe_embedding_model()


def _device() -> str:
    from judge.wiring.machine import describe_device

    return describe_device()


def _store(location: str) -> str:
    from judge.wiring.store import open_store, store_exists, store_name

    if not store_exists(location):
        return f"{store_name(location)} does not exist yet; the first run makes it"
    with open_store(location) as kept:
        return f"{store_name(location)}, {len(kept.manifests())} runs"


def _keys() -> str:
    import os

    names = ("OPENAI_API_KEY", "OPENAI_BASE_URL")
    return ", ".join(f"{name} {'set' if os.environ.get(name) else 'not set'}" for name in names)


def _config(path: Path, *, keys_needed: bool) -> str:
    from judge.api.declaring import check_decisions
    from judge.cli.loop import run_until_done
    from judge.wiring.endpoint import CallLimits
    from judge.wiring.project import open_project

    project = open_project(path, calls=CallLimits(keys_needed=keys_needed))
    run_until_done(lambda _: check_decisions(project))
    dataset = project.dataset
    words = f"{len(dataset.items)} items, {len(dataset.systems)} systems"
    return "; ".join([words, *project.limits])
