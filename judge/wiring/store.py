"""Where results are kept."""

from pathlib import Path

from judge.errors import ConfigError, StoreUnusable
from judge.results.sql import SqlStore

DEFAULT_STORE = ".judge/judge.sqlite"

_VECTORS = "vectors.sqlite"


def vectors_beside(location: str) -> Path:
    """Return the file in which vectors are kept beside a store."""
    return Path(location).with_name(_VECTORS)


def open_store(location: str = DEFAULT_STORE, *, existing: bool = False) -> SqlStore:
    """Open the store at a path.

    Args:
        location: the path of a SQLite file.
        existing: refuse to make one where there is none.

    Raises:
        StoreUnusable: it cannot be opened.
    """
    if "://" in location:
        raise ConfigError(f"the store {location!r} must be the path of a SQLite file")
    if existing and not Path(location).exists():
        raise StoreUnusable(
            f"there is no store {location}; the first run makes it: judge run CONFIG "
            "(--store or JUDGE_STORE names another one)"
        )
    return SqlStore(Path(location))
