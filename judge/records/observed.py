"""What was observed while a system answered: how sure it was, how long it took, what it cost."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

import msgspec

from judge.records.dataset import OutputSource
from judge.records.record import RecordKey
from judge.records.rows import Row, read_rows

OBSERVED_KIND = "observed"
"""Kind of the stored document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a row of outputs says beside the output; None where it does not say it.

    Attributes:
        confidence: the system's own probability that it is right, in [0, 1].
        latency_ms: from the request to the whole answer.
        cost: of the answer, in one currency for all systems.
    """

    item_id: str
    system: str
    confidence: float | None = None
    latency_ms: float | None = None
    cost: float | None = None

    @property
    def key(self) -> RecordKey:
        return RecordKey(item_id=self.item_id, system=self.system)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedRun:
    """What was observed of the records of one run."""

    run_id: str
    records: tuple[Observed, ...]


def read_observed(sources: Iterable[OutputSource]) -> tuple[Observed, ...]:
    """Read how sure systems were, by their output files; rows that do not say it are left out.

    Raises:
        DataError: a confidence outside [0, 1]; the message names file and row.
    """
    return tuple(_rows(sources))


def encode_observed(run: ObservedRun) -> bytes:
    """Return what was observed as the bytes that are stored."""
    return msgspec.json.encode(run)


def observed_in(documents: Sequence[bytes], run_id: str) -> tuple[Observed, ...]:
    """Return what was observed of a run, from all stored documents of the kind."""
    runs = (msgspec.json.decode(body, type=ObservedRun) for body in documents)
    return next((run.records for run in runs if run.run_id == run_id), ())


def _rows(sources: Iterable[OutputSource]) -> Iterator[Observed]:
    for source in sources:
        if source.given is not None:
            continue
        for row in read_rows(source.path, source.fields):
            found = Observed(
                item_id=row.identifier("id"),
                system=source.system.name,
                confidence=_number(row, "confidence", most=1.0),
            )
            if found.confidence is not None:
                yield found


def _number(row: Row, field: str, *, most: float) -> float | None:
    value = row.value(field) if row.has(field) else None
    if value is None or (value == "" and not row.typed):
        return None
    if isinstance(value, str) and not row.typed:
        try:
            value = float(value)
        except ValueError:
            raise row.wrong_type(field, "a number") from None
    if not isinstance(value, float | int) or isinstance(value, bool):
        raise row.wrong_type(field, "a number")
    if not (isfinite(value) and 0 <= value <= most):
        raise row.error(f"{row.column(field)!r} must be from 0 to {most:g}, not {value}")
    return float(value)
