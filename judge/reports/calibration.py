"""Whether systems are as sure as they are right: confidence beside right and wrong."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from judge.records.production import Produced, Production
from judge.records.record import Unit
from judge.reports.correctness import Correctness, correctness
from judge.reports.evidence import Basis
from judge.reports.groups import OVERALL, clusters_of, record_groups, slice_names
from judge.reports.slices import MIN_CLASS
from judge.reports.summary import MIN_RECORDS, Status
from judge.stats.calibration import Calibration, calibration
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import bounded_mean, proportion
from judge.stats.paired import paired_difference
from judge.stats.recalibration import RecalibrationMethod, recalibrated
from judge.trust.admission import AdmittedResults

METHODS: tuple[RecalibrationMethod, ...] = ("temperature", "platt", "isotonic")

_DRAWS = 1_000
"""Of the limits of one calibration error: there are four for each system and slice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalibrated:
    """What confidence is worth after it was put right by a fit to other items of the system.

    Attributes:
        brier_change: squared error after less before, item by item; below 0 where it helps.
    """

    figures: Calibration
    brier_change: Estimate | Undefined


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationRow:
    """How sure one system is on one slice, and how right.

    Attributes:
        slice: ``overall`` or ``dimension=value``.
        metric: that says what is right; empty where none may.
        basis: whose word that is; None where nobody's.
        n_records: outputs of the system there.
        n_confident: those with a confidence.
        n: those of which it is also known whether they are right; what the figures are of.
        n_declared: of these `n`, those that declare their confidence; of the others it is the
            geometric mean of their tokens' probabilities.
        confidence: its mean.
        right: share that is right.
        excess: mean of confidence less right or wrong (1 or 0): above 0 where it is too sure.
        figures: of the confidence as it is; None where the status is not shown.
        recalibrated: by method, from one fit to all of the system's items, cross-fitted: also on a
            slice, as one temperature would be used.
        reason: why there are no figures; empty where there are.
    """

    system: str
    slice: str
    status: Status
    n_records: int
    n_confident: int
    n: int = 0
    n_declared: int = 0
    metric: str = ""
    basis: Basis | None = None
    confidence: Estimate | Undefined | None = None
    right: Estimate | Undefined | None = None
    excess: Estimate | Undefined | None = None
    figures: Calibration | None = None
    recalibrated: Mapping[str, Recalibrated | Undefined] = field(default_factory=dict)
    reason: str = ""

    @property
    def coverage(self) -> float:
        """Share of the outputs that the figures are of, in [0, 1]; 1 of none."""
        return self.n / self.n_records if self.n_records else 1.0


def calibration_rows(
    admitted: AdmittedResults, productions: Sequence[Production], *, level: float = 0.95
) -> list[CalibrationRow]:
    """Return a row per system that says how sure it is, and per slice of it.

    Args:
        admitted: the results.
        productions: what files said beside the outputs, system by system.
        level: two-sided coverage aimed at, in (0, 1).
    """
    outputs = {one.system: one.outputs for one in productions}
    return [
        row
        for system in admitted.manifest.systems
        if any(one.confidence is not None for one in outputs.get(system.name, {}).values())
        for row in _rows(admitted, system.name, outputs[system.name], level=level)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """Confidence and right or wrong of the same items, shape (n,) each.

    Attributes:
        after: confidence put right, by method.
    """

    records: tuple[Unit, ...]
    chances: NDArray[np.float64]
    right: NDArray[np.float64]
    declared: NDArray[np.bool_]
    after: Mapping[str, NDArray[np.float64] | Undefined] = field(default_factory=dict)

    def on(self, names: frozenset[str]) -> "_Sides":
        """Return only the items of these ids."""
        kept = np.array([record.item_id in names for record in self.records], dtype=bool)
        return _Sides(
            records=tuple(record for record in self.records if record.item_id in names),
            chances=self.chances[kept],
            right=self.right[kept],
            declared=self.declared[kept],
            after={
                name: one if isinstance(one, Undefined) else one[kept]
                for name, one in self.after.items()
            },
        )

    @property
    def rarest(self) -> int:
        """Items of the rarer of right and wrong."""
        right = int(self.right.sum())
        return min(right, self.right.size - right)


def _rows(
    admitted: AdmittedResults, system: str, outputs: Mapping[str, Produced], *, level: float
) -> Iterator[CalibrationRow]:
    groups = record_groups(admitted)
    known = correctness(admitted, system)
    sides = _sides(groups[system, OVERALL], outputs, known)
    seed = admitted.manifest.seed
    sides = replace(sides, after=_after(sides, seed=seed, level=level))
    for name in slice_names(admitted):
        records = groups[system, name]
        row = CalibrationRow(
            system=system,
            slice=name,
            status=Status.INSUFFICIENT,
            n_records=len(records),
            n_confident=sum(_confidence(one, outputs) is not None for one in records),
        )
        if name != OVERALL and not row.n_confident:
            continue
        here = sides.on(frozenset(record.item_id for record in records))
        yield _row(row, here, known, seed=seed, level=level)


def _sides(
    records: Sequence[Unit],
    outputs: Mapping[str, Produced],
    known: Correctness | Undefined,
) -> _Sides:
    right: Mapping[str, bool] = {} if isinstance(known, Undefined) else known.right
    found = [
        (record, chance, right[record.item_id])
        for record in records
        if (chance := _confidence(record, outputs)) is not None and record.item_id in right
    ]
    return _Sides(
        records=tuple(record for record, _, _ in found),
        chances=np.array([chance for _, chance, _ in found], dtype=np.float64),
        right=np.array([float(is_right) for _, _, is_right in found], dtype=np.float64),
        declared=np.array(
            [outputs[one.item_id].declared_confidence is not None for one, _, _ in found],
            dtype=bool,
        ),
    )


def _confidence(record: Unit, outputs: Mapping[str, Produced]) -> float | None:
    found = outputs.get(record.item_id)
    return None if found is None else found.confidence


def _after(
    sides: _Sides, *, seed: int, level: float
) -> Mapping[str, NDArray[np.float64] | Undefined]:
    if len(sides.records) < MIN_RECORDS or sides.rarest < MIN_CLASS:
        return {}
    found = {
        method: recalibrated(
            sides.right,
            sides.chances,
            method=method,
            rng=np.random.default_rng(seed),
            clusters=clusters_of(sides.records),
            level=level,
            draws=1,  # only its probabilities are taken: they are measured below, slice by slice
        )
        for method in METHODS
    }
    return {
        method: one if isinstance(one, Undefined) else one.probabilities
        for method, one in found.items()
    }


def _row(
    row: CalibrationRow,
    sides: _Sides,
    known: Correctness | Undefined,
    *,
    seed: int,
    level: float,
) -> CalibrationRow:
    if isinstance(known, Undefined):
        return replace(row, status=Status.UNDEFINED, reason=known.reason)
    n = len(sides.records)
    row = replace(
        row, metric=known.metric, basis=known.basis, n=n, n_declared=int(sides.declared.sum())
    )
    if withheld := known.why_not_on(row.slice):
        return replace(row, status=Status.WITHHELD, n=0, n_declared=0, reason=withheld)
    if n < MIN_RECORDS:
        reason = f"{n} outputs with a confidence and a word on whether they are right, "
        return replace(row, reason=f"{reason}{MIN_RECORDS} are needed")
    if sides.rarest < MIN_CLASS:
        right = int(sides.right.sum())
        reason = f"{right} right and {n - right} wrong, {MIN_CLASS} of each are needed"
        return replace(row, reason=reason)
    codes = clusters_of(sides.records)

    def figures(chances: NDArray[np.float64]) -> Calibration:
        return calibration(
            sides.right,
            chances,
            rng=np.random.default_rng(seed),
            clusters=codes,
            level=level,
            draws=_DRAWS,
        )

    def after(chances: NDArray[np.float64] | Undefined) -> Recalibrated | Undefined:
        if isinstance(chances, Undefined):
            return chances
        losses = [(side - sides.right) ** 2 for side in (chances, sides.chances)]
        change = paired_difference(losses[0], losses[1], clusters=codes, level=level)
        return Recalibrated(figures=figures(chances), brier_change=change)

    return replace(
        row,
        status=Status.SHOWN,
        confidence=bounded_mean(sides.chances, codes, lower=0, upper=1, level=level),
        right=proportion(sides.right, codes, level=level),
        excess=bounded_mean(sides.chances - sides.right, codes, lower=-1, upper=1, level=level),
        figures=figures(sides.chances),
        recalibrated={method: after(chances) for method, chances in sides.after.items()},
    )
