"""``judge keys``: make, list and revoke keys to the service."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.options import DEFAULT_STORE, FolderOption, StoreOption
from judge.errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from judge.web.access import KeyRing
    from judge.web.retention import ServiceStore

keys = typer.Typer(help="Keys to the service: make, list, revoke.", no_args_is_help=True)


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, for a reader.")],
    *,
    roles: Annotated[
        list[str] | None, typer.Option("--role", help="submit, read, label, admin; repeatable.")
    ] = None,
    workspace: Annotated[str, typer.Option(help="Whose jobs it sees.")] = "default",
    days: Annotated[int | None, typer.Option(min=1, help="Until it expires.")] = None,
    folder: FolderOption = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Make a key and show it: now, and never again."""
    from judge.web.access import Role
    from judge.wiring.store import open_store

    known = [role.value for role in Role]
    for role in roles or ():
        if role not in known:
            raise ConfigError(
                f"--role {role!r} is unknown{did_you_mean(role, known)}; known: {', '.join(known)}"
            )
    wanted = [Role(role) for role in roles or ("submit", "read")]
    with open_store(store) as kept:
        row, key = _ring(kept, store, folder).create(
            name=name, workspace=workspace, roles=wanted, days=days
        )
        _note(kept, "key.create", row.key_id, workspace)
    typer.echo(key)
    typer.echo("keep it: it is not shown again; it is kept as a hash", err=True)


@keys.command("list")
def show(*, store: StoreOption = DEFAULT_STORE) -> None:
    """List keys, without the keys themselves."""
    from judge.cli.output import print_page
    from judge.render.page import Page, Section, Table
    from judge.wiring.store import open_store

    with open_store(store, existing=True) as kept:
        rows = [
            [
                row.key_id,
                row.name,
                row.workspace,
                " ".join(row.roles),
                row.created[:10],
                f"revoked {row.revoked[:10]}" if row.revoked else (row.expires[:10] or "never"),
            ]
            for row in kept.service.key_rows()
        ]
    columns = ["id", "name", "workspace", "roles", "created", "expires"]
    table = Table(columns=columns, rows=rows)
    print_page(Page(title="Keys", sections=[Section(title="Keys", tables=[table])]))


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The id, as judge keys list shows it.")],
    *,
    folder: FolderOption = None,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Make a key void."""
    from judge.wiring.store import open_store

    with open_store(store, existing=True) as kept:
        row = _ring(kept, store, folder).revoke(key_id)
        if row is None:
            raise ConfigError(f"no key has the id {key_id!r}; judge keys list shows them")
        _note(kept, "key.revoke", key_id, row.workspace)
    typer.echo(f"{key_id} is void")


def _ring(kept: "ServiceStore", store: str, folder: Path | None) -> "KeyRing":
    from judge.web.access import KeyRing, read_pepper
    from judge.web.server import pepper_path, service_folder

    return KeyRing(kept.service, read_pepper(pepper_path(folder or service_folder(store))))


def _note(kept: "ServiceStore", what: str, key_id: str, workspace: str) -> None:
    kept.service.note(who="local", workspace=workspace, what=what, about=key_id, details={})
