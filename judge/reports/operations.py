"""What systems take to run, and what students save of it beside their teacher."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.records.production import Conditions, Produced, Production
from judge.records.record import Role, System, Unit
from judge.reports.groups import OVERALL, cluster_codes, record_groups
from judge.reports.summary import MIN_RECORDS
from judge.stats.clusters import Codes, Numbers
from judge.stats.estimate import Estimate, Undefined
from judge.stats.losses import mean_loss
from judge.stats.paired import retained
from judge.stats.quantiles import quantile
from judge.trust.admission import AdmittedResults

PERCENTILES: Mapping[str, float] = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

_Found: TypeAlias = Estimate | Undefined
Reader: TypeAlias = Callable[[Produced], float | None]

READERS: Mapping[str, Reader] = {
    "latency_ms": lambda one: one.latency_ms,
    "first_token_ms": lambda one: one.first_token_ms,
    "input_tokens": lambda one: one.input_tokens,
    "output_tokens": lambda one: one.output_tokens,
    "cost": lambda one: one.cost,
}
"""What one output may take, by the field of its row that says it."""
_WORDS: Mapping[str, str] = {
    "latency_ms": "time",
    "first_token_ms": "time to the first token",
    "input_tokens": "tokens in",
    "output_tokens": "tokens out",
    "cost": "cost",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationsRow:
    """What one system takes.

    Attributes:
        n: outputs of the run.
        n_timed: those with a latency.
        n_priced: those with a known cost; of the others it is unknown, and not 0.
        failed: outputs that were not made, by why.
        latency_ms: by percentile; none where no output is timed.
        first_token_ms: likewise.
        input_tokens: mean of an output; None where no output says it.
        output_tokens: likewise.
        cost_per_1000: US dollars of 1,000 outputs like those of known cost; None where none is.
        parameters: as its owner writes it; empty if not said.
    """

    system: str
    role: Role
    n: int
    n_timed: int
    n_priced: int
    failed: Mapping[str, int]
    latency_ms: Mapping[str, _Found]
    first_token_ms: Mapping[str, _Found]
    input_tokens: _Found | None
    output_tokens: _Found | None
    cost_per_1000: _Found | None
    parameters: str
    conditions: Conditions


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRow:
    """What a student saves of one quantity beside its teacher, on the items on which both say it.

    Attributes:
        n: those items.
        saved: 1 less the student's sum over the teacher's; below 0 where it takes more.
        typical: 1 less the median over items of the student's over the teacher's.
    """

    student: str
    quantity: str
    n: int
    saved: _Found
    typical: _Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """What all systems take.

    Attributes:
        warnings: why times of two systems do not compare.
    """

    rows: tuple[OperationsRow, ...]
    saved: tuple[SavedRow, ...]
    warnings: tuple[str, ...]


def operations(
    admitted: AdmittedResults, productions: Sequence[Production], *, level: float = 0.95
) -> Operations | None:
    """Return what the systems of a run take; None where nothing is known of it.

    Args:
        admitted: names the records; no score is looked at.
        productions: what is known of the outputs, system by system.
        level: two-sided coverage aimed at, in (0, 1).
    """
    if not any(one.tells_its_making for one in productions):
        return None
    known = {one.system: one for one in productions}
    groups = record_groups(admitted)
    made = {
        system.name: made_of(groups[system.name, OVERALL], known.get(system.name))
        for system in admitted.manifest.systems
    }
    systems = admitted.manifest.systems
    teacher = next((one for one in systems if one.role is Role.TEACHER), None)
    students = [one for one in systems if one.role is not Role.TEACHER]
    return Operations(
        rows=tuple(_row(one, made[one.name], known.get(one.name), level=level) for one in systems),
        saved=tuple(
            row
            for student in students
            if teacher is not None
            for row in _saved(
                student.name,
                made[student.name],
                made[teacher.name],
                level=level,
                seed=admitted.manifest.seed,
            )
        ),
        warnings=tuple(
            words
            for student in students
            if teacher is not None
            for words in _warnings(teacher.name, student.name, known, made)
        ),
    )


Made: TypeAlias = Sequence[tuple[Unit, Produced]]


def made_of(records: Sequence[Unit], production: Production | None) -> Made:
    """Return each record with what its output took; of nothing said nothing is known."""
    nothing = Produced()
    outputs: Mapping[str, Produced] = production.outputs if production else {}
    return [(record, outputs.get(record.item_id, nothing)) for record in records]


def _row(
    system: System, made: Made, production: Production | None, *, level: float
) -> OperationsRow:
    latency, codes = known_values(made, READERS["latency_ms"])
    first, first_codes = known_values(made, READERS["first_token_ms"])
    costs, cost_codes = known_values(made, READERS["cost"])
    failed: dict[str, int] = {}
    for _, one in made:
        if one.error:
            name = one.error.partition(":")[0]
            failed[name] = failed.get(name, 0) + 1
    return OperationsRow(
        system=system.name,
        role=system.role,
        n=len(made),
        n_timed=latency.size,
        n_priced=costs.size,
        failed=failed,
        latency_ms=_percentiles(latency, codes, level=level),
        first_token_ms=_percentiles(first, first_codes, level=level),
        input_tokens=_mean(made, READERS["input_tokens"], level=level),
        output_tokens=_mean(made, READERS["output_tokens"], level=level),
        cost_per_1000=_mean_of(1000 * costs, cost_codes, level=level),
        parameters=system.parameters,
        conditions=production.conditions if production else Conditions(),
    )


def known_values(made: Made, reader: Reader) -> tuple[Numbers, Codes]:
    """Return what is known of the outputs, shape (n_known,), and their clusters."""
    found = [(record, value) for record, one in made if (value := reader(one)) is not None]
    values = np.array([value for _, value in found], dtype=np.float64)
    return values, cluster_codes([record for record, _ in found])


def _percentiles(values: Numbers, codes: Codes, *, level: float) -> Mapping[str, _Found]:
    if not values.size:
        return {}
    return {
        name: quantile(values, share, clusters=codes, level=level)
        for name, share in PERCENTILES.items()
    }


def _mean(made: Made, reader: Reader, *, level: float) -> _Found | None:
    return _mean_of(*known_values(made, reader), level=level)


def _mean_of(values: Numbers, codes: Codes, *, level: float) -> _Found | None:
    if not values.size:
        return None
    if values.size < MIN_RECORDS:
        return _too_few(values.size)
    if values.min() == values.max():  # as where every call has one price
        return Undefined(reason=f"{values[0]:g} in each of {values.size} outputs", n=values.size)
    return mean_loss(values, codes, level=level)


def _saved(
    student: str, made: Made, taught: Made, *, level: float, seed: int
) -> Iterator[SavedRow]:
    for name, quantity in _WORDS.items():
        sides, codes = known_of_both(made, taught, READERS[name])
        if not len(sides):
            continue
        yield SavedRow(
            student=student,
            quantity=quantity,
            n=len(sides),
            saved=saved_in_all(sides, codes, level=level, seed=seed),
            typical=_typical(sides, codes, level=level),
        )


def known_of_both(made: Made, taught: Made, reader: Reader) -> tuple[NDArray[np.float64], Codes]:
    """Return what both systems say they took, on the items on which both do.

    Returns:
        The first system's and the second's, shape (n_items, 2), and the items' clusters.
    """
    teacher = {record.item_id: one for record, one in taught}
    both = [
        (record, own, its)
        for record, one in made
        if (own := reader(one)) is not None
        and (its := reader(teacher.get(record.item_id, Produced()))) is not None
    ]
    sides = np.array([(own, its) for _, own, its in both], dtype=np.float64).reshape(-1, 2)
    return sides, cluster_codes([record for record, _, _ in both])


def saved_in_all(
    sides: NDArray[np.float64], codes: Codes, *, level: float, seed: int
) -> Estimate | Undefined:
    """Return what the first of two systems saves beside the second; see `SavedRow`.

    Args:
        sides: as `known_of_both` returns them.
        codes: likewise.
        level: two-sided coverage aimed at, in (0, 1).
        seed: of the resamples.
    """
    if len(sides) < MIN_RECORDS:
        return _too_few(len(sides))
    rng = np.random.default_rng(seed)
    return _less(retained(sides[:, 0], sides[:, 1], rng=rng, clusters=codes, level=level))


def _typical(sides: NDArray[np.float64], codes: Codes, *, level: float) -> _Found:
    if len(sides) < MIN_RECORDS:
        return _too_few(len(sides))
    if sides[:, 1].min() <= 0:
        return Undefined(reason="the teacher takes nothing on some items", n=len(sides))
    ratios = sides[:, 0] / sides[:, 1]
    return _less(quantile(ratios, 0.5, clusters=codes, level=level))


def _less(kept: _Found) -> _Found:
    """Return what is saved where so much is kept."""
    if isinstance(kept, Undefined):
        return kept
    return Estimate(
        value=1 - kept.value,
        low=1 - kept.high,
        high=1 - kept.low,
        level=kept.level,
        n=kept.n,
        n_clusters=kept.n_clusters,
        method=kept.method,
    )


def _too_few(n: int) -> Undefined:
    return Undefined(reason=f"{n} outputs, {MIN_RECORDS} are needed", n=n)


def _warnings(
    teacher: str, student: str, known: Mapping[str, Production], made: Mapping[str, Made]
) -> Iterator[str]:
    timed = [
        any(one.latency_ms is not None for _, one in made[name]) for name in (teacher, student)
    ]
    if all(timed):
        yield from why_times_differ(known[teacher], known[student])


def why_times_differ(one: Production, other: Production) -> Iterator[str]:
    """Yield why times of two systems do not compare the models alone."""
    names, sides = (one.system, other.system), (one.conditions, other.conditions)
    for what, said in (
        ("hardware", [side.hardware for side in sides]),
        ("batch settings", [side.batch for side in sides]),
    ):
        if not all(said):
            silent = " and ".join(
                name for name, words in zip(names, said, strict=True) if not words
            )
            yield f"nothing says the {what} of {silent}: whether times compare is not known"
        elif said[0] != said[1]:
            yield (
                f"other {what}: {names[0]} ran on {said[0]!r}, {names[1]} on {said[1]!r}; their "
                "times do not compare the models alone"
            )
