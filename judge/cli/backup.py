"""``judge backup`` and ``judge restore``: a store in one file, and a store made of it."""

from pathlib import Path
from typing import Annotated

import typer

_Store = Annotated[
    str, typer.Argument(metavar="STORE", help="A SQLite file or a postgresql:// address.")
]


def backup(
    store: _Store, file: Annotated[Path, typer.Argument(help="The copy: a file that is not there.")]
) -> None:
    """Copy a store into one SQLite file, as it is at one moment; others may go on writing."""
    from judge.results.backup import back_up
    from judge.wiring.store import store_name, store_place

    back_up(store_place(store), file)
    print(f"{file}: a copy of {store_name(store)}")


def restore(
    file: Annotated[Path, typer.Argument(help="A copy that judge backup made, or a SQLite store.")],
    store: _Store,
) -> None:
    """Make a store of a copy, on either database, where there is none yet."""
    from judge.results.backup import restore as restore_to
    from judge.wiring.store import store_name, store_place

    restore_to(file, store_place(store))
    print(f"{store_name(store)}: restored from {file}")
