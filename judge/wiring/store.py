"""Where results are kept."""

from pathlib import Path

from judge.errors import StoreUnusable
from judge.results.postgres import address_without_password, holds_store
from judge.results.sql import SqlStore

DEFAULT_STORE = ".judge/judge.sqlite"

_VECTORS = "vectors.sqlite"


def vectors_beside(location: str) -> Path:
    """Return the file in which vectors are kept beside a store: in a file, whatever that is in."""
    return Path(DEFAULT_STORE if _is_address(location) else location).with_name(_VECTORS)


def open_store(location: str = DEFAULT_STORE, *, existing: bool = False) -> SqlStore:
    """Open the store at a path or an address.

    Args:
        location: the path of a SQLite file, or the ``postgresql://`` address of a database.
        existing: refuse to make one where there is none.

    Raises:
        ConfigError: the address is none of PostgreSQL.
        StoreUnusable: it cannot be opened.
    """
    if existing and not store_exists(location):
        raise StoreUnusable(
            f"there is no store {store_name(location)}; the first run makes it: judge run CONFIG "
            "(--store or JUDGE_STORE names another one)"
        )
    return SqlStore(store_place(location))


def store_place(location: str) -> Path | str:
    """Return the path of a SQLite file, or the address of a database as it is."""
    return location if _is_address(location) else Path(location)


def store_exists(location: str) -> bool:
    """Return whether there is something at a path, or a store at an address.

    Raises:
        ConfigError: the address is none of PostgreSQL.
        StoreUnusable: the database cannot be reached.
    """
    return holds_store(location) if _is_address(location) else Path(location).exists()


def store_name(location: str) -> str:
    """Return a location as it may be shown: without a password.

    Raises:
        ConfigError: the address is none of PostgreSQL.
    """
    return address_without_password(location) if _is_address(location) else location


def _is_address(location: str) -> bool:
    return "://" in location
