"""Vectors kept by the content of their text and the identity of what made them."""

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.errors import ConfigError
from judge.models.embedding import Embedder, Vectors

Vector: TypeAlias = NDArray[np.float32]

_UNIT_TOLERANCE = 1e-3
_FLOAT_BYTES = 4
_KEYS_AT_ONCE = 500
_PATIENCE_S = 30.0
_TABLE = "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID"


class VectorStore(Protocol):
    """Keeps vectors by name."""

    def known(self, keys: Sequence[bytes]) -> Mapping[bytes, Vector]:
        """Return those that are there."""
        ...

    def keep(self, vectors: Mapping[bytes, Vector]) -> None: ...


class VectorFile:
    """Vectors in one file, which several processes may use at once.

    Args:
        path: of the file; it and its folder are made when the first vector is kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def known(self, keys: Sequence[bytes]) -> Mapping[bytes, Vector]:
        """Return those that are there and whole.

        Raises:
            ConfigError: the file cannot be read as what it should be.
        """
        if not self._path.is_file():
            return {}
        found: dict[bytes, Vector] = {}
        try:
            with closing(self._open()) as file:
                for start in range(0, len(keys), _KEYS_AT_ONCE):
                    some = keys[start : start + _KEYS_AT_ONCE]
                    marks = ",".join("?" * len(some))
                    asked = f"SELECT key, vector FROM vectors WHERE key IN ({marks})"  # noqa: S608 - marks only
                    found.update(
                        (key, np.frombuffer(packed, dtype="<f4").astype(np.float32))
                        for key, packed in file.execute(asked, some)
                        if len(packed) % _FLOAT_BYTES == 0
                    )
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        return {key: vector for key, vector in found.items() if _is_sound(vector)}

    def keep(self, vectors: Mapping[bytes, Vector]) -> None:
        """Write vectors, all or none.

        Raises:
            ConfigError: the file cannot be written.
        """
        rows = [(key, vector.astype("<f4").tobytes()) for key, vector in vectors.items()]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(mode=0o600)  # of texts that are nobody else's business
            with closing(self._open()) as file, file:
                file.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error

    def _open(self) -> sqlite3.Connection:
        file = sqlite3.connect(self._path, timeout=_PATIENCE_S)
        # What is lost with the power is computed again.
        file.execute("PRAGMA synchronous = OFF")
        file.execute(_TABLE)
        return file

    def _unusable(self, error: Exception) -> ConfigError:
        return ConfigError(
            f"the kept vectors in {self._path} cannot be used: {error}; the file can be deleted"
        )


class CachedEmbedder:
    """An embedder that is asked only for what it was never asked for before.

    Args:
        embedder: makes the vectors.
        store: keeps them, beside those of other embedders.
    """

    def __init__(self, embedder: Embedder, store: VectorStore) -> None:
        self._embedder = embedder
        self._store = store

    @property
    def identity(self) -> Mapping[str, str]:
        return self._embedder.identity

    def embed(self, texts: Sequence[str]) -> Vectors:
        keys = {text: self._key(text) for text in texts}
        known = self._store.known(list(keys.values()))
        missing = [text for text, key in keys.items() if key not in known]
        if missing:
            made = self._embedder.embed(missing)
            if len(made) != len(missing):
                return made  # whoever asked says what is wrong with it
            fresh = {keys[text]: row for text, row in zip(missing, made, strict=True)}
            self._store.keep({key: row for key, row in fresh.items() if _is_sound(row)})
            known = {**known, **fresh}
        rows = [known[keys[text]] for text in texts]
        if len({row.shape for row in rows}) > 1:
            return self._embedder.embed(texts)  # something else was kept under this name
        return np.stack(rows) if rows else np.empty((0, 0), dtype=np.float32)

    @cached_property
    def _maker(self) -> bytes:
        return json.dumps(dict(self.identity), sort_keys=True).encode()

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(
            b"%b\0%b" % (self._maker, text.encode(errors="surrogatepass"))
        ).digest()


def _is_sound(vector: Vector) -> bool:
    # False for NaN and infinity too.
    return bool(abs(float(np.linalg.norm(vector.astype(np.float64))) - 1) < _UNIT_TOLERANCE)
