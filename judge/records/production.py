"""What it took to make outputs, as their files say it: time, tokens and money."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite

from judge.records.dataset import OutputSource
from judge.records.rows import Row, read_rows

_COUNTS = ("input_tokens", "output_tokens")


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """What one output took; None where its row does not say.

    Attributes:
        latency_ms: from the question to the whole answer.
        first_token_ms: to the first of it.
        cost: US dollars.
        error: why there is no output, where that is said; else empty.
    """

    latency_ms: float | None = None
    first_token_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a system ran on, as its owner says; empty or None where nobody does.

    Attributes:
        batch: how many questions it was put at once.
        memory_gib: memory that it takes.
        outputs_per_s: outputs it made in a second while it was asked.
    """

    hardware: str = ""
    batch: str = ""
    memory_gib: float | None = None
    outputs_per_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Production:
    """What one system's outputs took, by item; items of which nothing is said are absent."""

    system: str
    conditions: Conditions
    outputs: Mapping[str, Produced]

    @property
    def is_known(self) -> bool:
        """Whether anything is said."""
        return bool(self.outputs) or self.conditions != Conditions()


def read_production(source: OutputSource, conditions: Conditions) -> Production:
    """Read what a file of outputs says beside them.

    Raises:
        DataError: a time, a count or a cost is none; the message names file, row and remedy.
    """
    found: dict[str, Produced] = {}
    if _speaks_of(source):
        for row in read_rows(source.path, source.fields):
            if (produced := _produced(row)) != Produced():
                found[row.identifier("id")] = produced
    return Production(system=source.system.name, conditions=conditions, outputs=found)


def _speaks_of(source: OutputSource) -> bool:
    """Look whether a file holds any such field: most do not, and need no second reading."""
    data = source.path.read_bytes()
    names = (source.fields.get(field.name, field.name) for field in fields(Produced))
    return any(name.encode() in data or not name.isascii() for name in names)


def _produced(row: Row) -> Produced:
    error = row.values.get(row.column("error"))
    return Produced(
        latency_ms=_amount(row, "latency_ms"),
        first_token_ms=_amount(row, "first_token_ms"),
        input_tokens=_count(row, "input_tokens"),
        output_tokens=_count(row, "output_tokens"),
        cost=_amount(row, "cost"),
        error=error if isinstance(error, str) else "",
    )


def _amount(row: Row, field: str) -> float | None:
    value = row.values.get(row.column(field))
    if value is None or (value == "" and not row.typed):
        return None
    if isinstance(value, str) and not row.typed:
        try:
            value = float(value)
        except ValueError:
            raise _no_amount(row, field) from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _no_amount(row, field)
    if not isfinite(value) or value < 0:
        raise _no_amount(row, field)
    return float(value)


def _count(row: Row, field: str) -> int | None:
    value = _amount(row, field)
    if value is None:
        return None
    if value != int(value):
        raise _no_amount(row, field)
    return int(value)


def _no_amount(row: Row, field: str) -> Exception:
    column = row.column(field)
    kind = "a whole number" if field in _COUNTS else "a number"
    return row.error(
        f"{column!r} must be {kind} of at least 0, not {row.values[column]!r:.40}; leave it out "
        f"or use null where it is not known, and if the column is something else, name another "
        f"with fields: {{{field}: ...}}"
    )
