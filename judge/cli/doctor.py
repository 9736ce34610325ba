"""``judge doctor``: what is wrong with this machine or a config."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from judge.cli.options import DEFAULT_STORE, StoreOption
from judge.errors import InputError


def doctor(
    config: Annotated[
        Path | None, typer.Argument(help="Also check this config.", show_default=False)
    ] = None,
    *,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Check Python, the embedding model, the device, the store, keys and a config."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("python", lambda: sys.version.split()[0]),
        ("sqlite", _sqlite),
        ("embedding model", _embedding_model),
        ("device", _device),
        ("store", lambda: _store(store)),
        ("keys", _keys),
    ]
    if config is not None:
        path = config
        checks.append((str(path), lambda: _config(path)))
    ill = [name for name, check in checks if not _healthy(name, check)]
    if ill:
        raise InputError(f"{len(ill)} of {len(checks)} checks failed: {', '.join(ill)}")


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


def _config(path: Path) -> str:
    from judge.api.declaring import check_decisions
    from judge.cli.loop import run_until_done
    from judge.wiring.project import open_project

    project = open_project(path)
    run_until_done(lambda _: check_decisions(project))
    dataset = project.dataset
    words = f"{len(dataset.items)} items, {len(dataset.systems)} systems"
    return "; ".join([words, *project.limits])
