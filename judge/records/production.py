"""What files of outputs say beside them: time, tokens, money, and how sure the system was."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from judge.records.reading import OutputSource
from judge.records.rows import Row, mentions, read_rows
from judge.records.token_logprobs import read_token_logprobs, token_probability

_COUNTS = ("input_tokens", "output_tokens")
_CONFIDENCE, _LOGPROBS = "confidence", "logprobs"
_FIELDS = (
    *("latency_ms", "first_token_ms", *_COUNTS, "cost", "error"),
    *(_CONFIDENCE, _LOGPROBS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """What a row of outputs says beside the output; None where it does not say it.

    Attributes:
        latency_ms: from the question to the whole answer.
        first_token_ms: to the first of it.
        cost: US dollars.
        error: why there is no output, where that is said; else empty.
        declared_confidence: the system's own probability that it is right, in [0, 1].
        token_probability: geometric mean of the probabilities of its tokens, in [0, 1].
    """

    latency_ms: float | None = None
    first_token_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
    error: str = ""
    declared_confidence: float | None = None
    token_probability: float | None = None

    @property
    def tells_its_making(self) -> bool:
        """Whether anything is said of what it took."""
        said = (self.latency_ms, self.first_token_ms, self.input_tokens, self.output_tokens)
        return bool(self.error) or any(one is not None for one in (*said, self.cost))

    @property
    def confidence(self) -> float | None:
        """How sure the system was: what it declares, else how probable it found its own tokens."""
        declared = self.declared_confidence
        return self.token_probability if declared is None else declared


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
    """What is said of one system's outputs, by item; items of which nothing is said are absent."""

    system: str
    conditions: Conditions
    outputs: Mapping[str, Produced]

    @property
    def tells_its_making(self) -> bool:
        """Whether anything is said of what the outputs took, or on what they were made."""
        said = any(one.tells_its_making for one in self.outputs.values())
        return said or self.conditions != Conditions()

    @property
    def is_known(self) -> bool:
        """Whether anything is said."""
        return bool(self.outputs) or self.conditions != Conditions()


def read_production(source: OutputSource, conditions: Conditions) -> Production:
    """Read what a file of outputs says beside them.

    Raises:
        DataError: a time, a count, a cost or a probability is none; the message names file, row and
            remedy.
    """
    found: dict[str, Produced] = {}
    if _speaks_of(source):
        for row in read_rows(source.path, source.fields):
            if (produced := _produced(row)) != Produced():
                found[row.identifier("id")] = produced
    return Production(system=source.system.name, conditions=conditions, outputs=found)


def _speaks_of(source: OutputSource) -> bool:
    """Look whether a file holds any such field: most do not, and need no second reading."""
    return mentions(source.path, [source.fields.get(field, field) for field in _FIELDS])


def _produced(row: Row) -> Produced:
    error = row.values.get(row.column("error"))
    return Produced(
        latency_ms=_amount(row, "latency_ms"),
        first_token_ms=_amount(row, "first_token_ms"),
        input_tokens=_count(row, "input_tokens"),
        output_tokens=_count(row, "output_tokens"),
        cost=_amount(row, "cost"),
        error=error if isinstance(error, str) else "",
        declared_confidence=_share(row, _CONFIDENCE),
        token_probability=token_probability(read_token_logprobs(row, _LOGPROBS)),
    )


def _share(row: Row, field: str) -> float | None:
    value = _number(row, field)
    if value is not None and not 0 <= value <= 1:
        raise row.error(
            f"{row.column(field)!r} must be a probability from 0 to 1, not {value:g}; divide "
            "percentages by 100, leave it out or use null where it is not known, and if the column "
            f"is something else, name another with fields: {{{field}: ...}}"
        )
    return value


def _amount(row: Row, field: str) -> float | None:
    value = _number(row, field)
    if value is not None and value < 0:
        raise _no_amount(row, field)
    return value


def _number(row: Row, field: str) -> float | None:
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
    if not isfinite(value):
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
    kind = "a whole number of at least 0" if field in _COUNTS else "a number of at least 0"
    if field == _CONFIDENCE:
        kind = "a probability from 0 to 1"
    return row.error(
        f"{column!r} must be {kind}, not {row.values[column]!r:.40}; leave it out "
        f"or use null where it is not known, and if the column is something else, name another "
        f"with fields: {{{field}: ...}}"
    )
