"""Whether the records of a run are like the rated ones, so that a certificate speaks for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2

import msgspec
import numpy as np
from numpy.typing import NDArray

from judge.records.record import Record, Slices, Target
from judge.stats.estimate import Undefined
from judge.stats.shift import population_shift

POPULATION_KIND = "population"
"""Kind of the stored document; its id is that of the certificate."""

ANOTHER_SET = "this judge was validated on another evaluation set"


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedPopulation:
    """What is known of the records a judge was validated on, without their texts.

    Attributes:
        certificate: id of the certificate that rests on them.
        lengths: of each record's input, output and target, as log2(1 + characters).
        slices: of each record.
        clusters: of each record.
        inclusion: chance of each to be rated.
    """

    certificate: str
    lengths: tuple[tuple[float, float, float], ...]
    slices: tuple[Slices, ...]
    clusters: tuple[str, ...]
    inclusion: tuple[float, ...]


def rated_population(
    records: Sequence[Record], target: Target, *, inclusion: Sequence[float], certificate: str
) -> RatedPopulation:
    """Return what is kept of rated records.

    Args:
        records: that people rated.
        target: what their outputs were held against.
        inclusion: chance of each to be rated.
        certificate: id of the certificate that rests on them.
    """
    return RatedPopulation(
        certificate=certificate,
        lengths=tuple(_lengths(record, target) for record in records),
        slices=tuple(dict(record.slices) for record in records),
        clusters=tuple(record.cluster for record in records),
        inclusion=tuple(inclusion),
    )


def encode_population(population: RatedPopulation) -> bytes:
    """Return it as the bytes that are stored."""
    return msgspec.json.encode(population)


def decode_population(body: bytes) -> RatedPopulation:
    """Read it as it was stored."""
    return msgspec.json.decode(body, type=RatedPopulation)


def why_moved(
    rated: RatedPopulation | None,
    records: Sequence[Record],
    target: Target,
    *,
    max_shift: float,
    seed: int,
) -> str:
    """Return why a certificate does not speak for records of another set; empty where it does.

    Args:
        rated: the records the judge was validated on; None where nothing is known of them.
        records: of the run.
        target: what their outputs are held against.
        max_shift: compared with the lower limit of `population_shift`.
        seed: of how the records are dealt into folds.
    """
    if rated is None:
        return f"{ANOTHER_SET}; nobody knows how it does here"
    here = rated_population(records, target, inclusion=[1.0] * len(records), certificate="")
    names = sorted({pair for one in (*rated.slices, *here.slices) for pair in one.items()})
    found = population_shift(
        _features(rated, names),
        _features(here, names),
        rng=np.random.default_rng(seed),
        weights=1 / np.array(rated.inclusion),
        clusters=_codes([*rated.clusters, *here.clusters]),
    )
    if isinstance(found, Undefined):
        return f"{ANOTHER_SET}, and whether this one is like it cannot be told: {found.reason}"
    if found.low > max_shift:
        return (
            f"{ANOTHER_SET}, and the population moved: lengths and slices tell the two apart by "
            f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}] of at most 0.5, "
            f"{max_shift:g} is allowed"
        )
    return ""


def _lengths(record: Record, target: Target) -> tuple[float, float, float]:
    against = max((len(text) for text in record.answers(target)), default=0)
    return (log2(1 + len(record.input)), log2(1 + len(record.output or "")), log2(1 + against))


def _features(population: RatedPopulation, names: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
    slices = [
        [float(one.get(dimension) == value) for dimension, value in names]
        for one in population.slices
    ]
    lengths = np.array(population.lengths, dtype=np.float64).reshape(-1, 3)
    return np.hstack([lengths, np.array(slices, dtype=np.float64).reshape(len(lengths), -1)])


def _codes(clusters: Sequence[str]) -> NDArray[np.int64]:
    codes: Mapping[str, int] = {name: place for place, name in enumerate(dict.fromkeys(clusters))}
    return np.array([codes[name] for name in clusters], dtype=np.int64)
