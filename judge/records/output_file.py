"""A file of outputs that grows row by row and can be gone on with after a crash."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from judge.errors import ConfigError, DataError
from judge.records.rows import read_rows

_MADE = ".made.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How a file of outputs was made, kept beside it.

    Attributes:
        identity: all that could change an output.
        batch: how many questions its system was put at once.
        seconds: in which it was asked, over all times that was gone on with.
        outputs: made in that time.
    """

    identity: Mapping[str, str]
    batch: str = ""
    seconds: float = 0.0
    outputs: int = 0


def made_beside(path: Path) -> Path:
    """Return where it is kept how a file of outputs was made."""
    return path.with_name(f"{path.stem}{_MADE}")


def read_made(path: Path) -> Made | None:
    """Return how a file of outputs was made; None where nothing says it.

    Raises:
        DataError: what says it cannot be read.
    """
    beside = made_beside(path)
    try:
        return msgspec.json.decode(beside.read_bytes(), type=Made)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise DataError(f"{beside}: cannot be read: {error}") from error


class OutputFile:
    """Outputs in a JSONL file, each written whole as soon as it is there.

    Entering it keeps the rows it holds but those without an output, which are asked for again, and
    the end of one that was cut off in the middle.

    Args:
        path: of the file.
        fields: our name for a field to the file's name for it.
        identity: all that could change an output.

    Raises:
        ConfigError: it is no .jsonl, or its rows were made otherwise.
    """

    def __init__(
        self, path: Path, *, fields: Mapping[str, str], identity: Mapping[str, str]
    ) -> None:
        if path.suffix != ".jsonl":
            raise ConfigError(f"{path}: outputs are made into .jsonl; name such a file")
        made = read_made(path)
        if made is None and path.exists() and path.stat().st_size:
            raise ConfigError(
                f"{path} holds outputs that were not made here; move it away, or name another file"
            )
        self._path = path
        self._fields = fields
        self._made = made or Made(identity=identity)
        if changed := sorted(
            name
            for name in {*self._made.identity, *identity}
            if self._made.identity.get(name) != identity.get(name)
        ):
            raise ConfigError(
                f"{path} was made otherwise: {', '.join(changed)} changed; undo that, or move it "
                f"and {made_beside(path).name} away"
            )
        self.kept: frozenset[str] = frozenset()
        """Items that have their output from before."""
        self.spent = 0.0
        """US dollars that these cost, as far as it is known."""
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        rows = self._rows()
        self.kept = frozenset(str(row[self._column("id")]) for row in rows)
        costs = [row.get(self._column("cost")) for row in rows]
        self.spent = float(sum(cost for cost in costs if isinstance(cost, int | float)))
        _replace(self._path, b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        _replace(made_beside(self._path), msgspec.json.encode(self._made))
        self._file = self._path.open("ab")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            os.fsync(self._file.fileno())
            self._file.close()

    def write(self, row: Mapping[str, object]) -> None:
        """Write one row, by our names of its fields; what is None is left out but the output."""
        if self._file is None:
            raise AssertionError("rows are written to a file that was entered")
        named = {
            self._column(name): value
            for name, value in row.items()
            if value is not None or name == "output"
        }
        self._file.write(msgspec.json.encode(named) + b"\n")
        self._file.flush()

    def note(self, *, batch: str, seconds: float, outputs: int) -> None:
        """Write down beside it in which time more outputs were made."""
        self._made = Made(
            identity=self._made.identity,
            batch=batch,
            seconds=self._made.seconds + seconds,
            outputs=self._made.outputs + outputs,
        )
        _replace(made_beside(self._path), msgspec.json.encode(self._made))

    def _column(self, field: str) -> str:
        return self._fields.get(field, field)

    def _rows(self) -> list[dict[str, object]]:
        if not self._path.exists():
            return []
        data = self._path.read_bytes()
        if not data.endswith(b"\n"):  # a row that was cut off in the middle
            _replace(self._path, data[: data.rfind(b"\n") + 1])
        rows = read_rows(self._path, self._fields, may_be_empty=True)
        return [dict(row.values) for row in rows if row.value("output") is not None]


def _replace(path: Path, body: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(body)
    unfinished.replace(path)  # one atomic step
