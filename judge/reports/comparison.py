"""Two runs on the same frozen set: what got better, what got worse, and whose doing it is."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType

import numpy as np

from judge.records.record import RecordKey, Role, Target, Unit
from judge.reports.corrected import Corrected
from judge.reports.corrected_change import corrected_change
from judge.reports.groups import OVERALL, cluster_codes, record_groups, slice_names
from judge.reports.judge_change import JudgeChange, judge_change, measure_of
from judge.reports.run_changes import OutputChange, RunChanges, run_changes
from judge.reports.summary import MIN_RECORDS, Status, value_of
from judge.results.outcome import Outcome, Score
from judge.results.run import Measure, RunManifest
from judge.stats.estimate import Estimate, Undefined
from judge.stats.multiplicity import PValue, benjamini_yekutieli
from judge.stats.paired import paired_difference
from judge.stats.paired_test import paired_test
from judge.trust.admission import AdmittedMeasure, AdmittedResults

LEVEL = 0.95
FALSE_FINDINGS = 0.05
"""Expected share of false ones among the findings, overall and among the slices."""

_TWO_CATEGORIES = 2


class Finding(StrEnum):
    """What a row says, once it is known how many rows were looked at."""

    BETTER = "better"
    WORSE = "worse"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceRow:
    """The second run less the first, for one metric and system on one slice.

    Attributes:
        slice: ``overall`` or ``dimension=value``.
        n_pairs: items with a value in both runs.
        n_unpaired: items the metric applies to that lack one of the two.
        n_changed: of the items on the slice, those whose output is another one.
        estimate: mean difference on the pairs; present exactly where the status is shown.
        means: of the first and the second run on the pairs; present where the estimate is.
        moved: pairs that score higher and lower in the second run; present where the estimate is,
            and where none does.
        bounds: worst and best case over the values that are missing; likewise.
        p_value: of no difference; likewise.
        adjusted: the same once it is known how many rows were looked at.
        one_judge: whether both sides are verdicts of the second run's judge, since the first
            run's was another one.
        judge_part: what the second run's judge says of the first run's outputs, less what the
            first one's said: the judge's doing, not the student's. None where both are one judge,
            or either is not believed.
        corrected: what people would say, by their labels; None for a metric without a judge.
    """

    metric: str
    system: str
    slice: str
    status: Status
    n_pairs: int
    n_unpaired: int
    n_changed: int
    estimate: Estimate | None = None
    means: tuple[float, float] | None = None
    moved: tuple[int, int] | None = None
    bounds: tuple[float, float] | None = None
    p_value: PValue | None = None
    adjusted: float | None = None
    finding: Finding = Finding.NONE
    one_judge: bool = False
    judge_part: Estimate | Undefined | None = None
    reason: str = ""
    corrected: Corrected | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What two runs on the same set say of each other.

    Attributes:
        before: the first run.
        after: the second run.
        changes: what differs besides the numbers.
        judges: of each metric that is judged in both runs.
        rows: by metric, system and slice: overall first.
        complete: whether no record of either is left for a resume.
    """

    before: RunManifest
    after: RunManifest
    changes: RunChanges
    judges: tuple[JudgeChange, ...]
    rows: tuple[DifferenceRow, ...]
    complete: bool

    @property
    def findings(self) -> tuple[DifferenceRow, ...]:
        """The rows that are better or worse."""
        return tuple(row for row in self.rows if row.finding is not Finding.NONE)

    @property
    def undecided(self) -> bool:
        """Whether nothing tells a change of the judge from one of a student, on the whole."""
        return any(judge.undecided for judge in self.judges)


def compare(
    before: AdmittedResults,
    after: AdmittedResults,
    *,
    again: Mapping[str, Mapping[str, Score]] = MappingProxyType({}),
    level: float = LEVEL,
) -> Comparison:
    """Compare two runs on the same set, item by item.

    Args:
        before: the first run.
        after: the second run, on the same items.
        again: by metric, what the second run's judge said of other texts, by content.
        level: two-sided coverage aimed at, in (0, 1).
    """
    changes = run_changes(before, after)
    shared = [
        m.measure.metric
        for m in before.measures
        if m.measure.metric in {other.measure.metric for other in after.measures}
    ]
    judges = {
        metric: judge_change(before, after, metric=metric, again=again.get(metric, {}))
        for metric in shared
        if measure_of(before, metric).measure.judged and measure_of(after, metric).measure.judged
    }
    rows = [
        row
        for metric in shared
        for row in _rows_of(
            measure_of(before, metric),
            measure_of(after, metric),
            results=(before, after),
            judge=judges.get(metric),
            changes=changes,
            level=level,
        )
    ]
    return Comparison(
        before=before.manifest,
        after=after.manifest,
        changes=changes,
        judges=tuple(judges.values()),
        rows=tuple(_with_findings(rows)),
        complete=not any(m.resumable for one in (before, after) for m in one.measures),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """One metric in both runs.

    Attributes:
        first: what the difference is taken from, by record.
        why_not: why the metric cannot be compared at all; empty where it can.
    """

    before: AdmittedMeasure
    after: AdmittedMeasure
    first: Mapping[RecordKey, Outcome]
    one_judge: bool
    why_not: str
    level: float

    @property
    def measure(self) -> Measure:
        return self.after.measure

    def why_withheld(self, system: str, name: str) -> str:
        if self.why_not:
            return self.why_not
        # Of another judge's first run nothing is used where the second one's judged both.
        parts = [("second", self.after)] if self.one_judge else self._both
        found = {
            f"{which} run: {why}"
            for which, one in parts
            if (why := one.why_withheld_on(system, name))
        }
        return "; ".join(sorted(found))

    @property
    def _both(self) -> list[tuple[str, AdmittedMeasure]]:
        return [("first", self.before), ("second", self.after)]

    def both_believed(self, system: str, name: str) -> bool:
        """Whether the judge is another one, and each is believed there."""
        return self.one_judge and not any(
            one.why_withheld_on(system, name) for _, one in self._both
        )


def _rows_of(
    before: AdmittedMeasure,
    after: AdmittedMeasure,
    *,
    results: tuple[AdmittedResults, AdmittedResults],
    judge: JudgeChange | None,
    changes: RunChanges,
    level: float,
) -> Iterator[DifferenceRow]:
    sides = _sides(before, after, results=results, judge=judge, changes=changes, level=level)
    groups = record_groups(results[0])
    for change in changes.outputs:
        moved = {*change.changed, *change.added, *change.removed}
        for name in slice_names(results[0]):
            records = groups[change.system, name]
            n_changed = sum(record.item_id in moved for record in records)
            yield _row(sides, change.system, name, records, n_changed=n_changed)


def _sides(
    before: AdmittedMeasure,
    after: AdmittedMeasure,
    *,
    results: tuple[AdmittedResults, AdmittedResults],
    judge: JudgeChange | None,
    changes: RunChanges,
    level: float,
) -> _Sides:
    measure, another = after.measure, judge is not None and bool(judge.reasons)
    return _Sides(
        before=before,
        after=after,
        first=judge.verdicts if judge is not None and another else before.facts,
        one_judge=another,
        why_not=_why_not(before.measure, measure, judge=judge, changes=changes)
        or _other_target(measure, results, changes.outputs)
        or _unjudged(judge),
        level=level,
    )


def _why_not(
    before: Measure, after: Measure, *, judge: JudgeChange | None, changes: RunChanges
) -> str:
    if (before.judged, before.categories, before.values if before.categories else ()) != (
        after.judged,
        after.categories,
        after.values if after.categories else (),
    ):
        return "the scale is another one in the second run"
    if judge is None and before.signature != after.signature:
        what = "; ".join(changes.instruments[after.metric])
        return f"measured with something else in the second run: {what}"
    if before.empty_value != after.empty_value:
        return "an empty output counts otherwise in the second run (missing: in the config)"
    return ""


def _other_target(
    measure: Measure,
    results: tuple[AdmittedResults, AdmittedResults],
    outputs: Sequence[OutputChange],
) -> str:
    if measure.target is not Target.TEACHER:
        return ""
    teachers = [
        next((s.name for s in one.manifest.systems if s.role is Role.TEACHER), "")
        for one in results
    ]
    if teachers[0] != teachers[1]:
        return f"the teacher was {teachers[0]}, is {teachers[1]}"
    changed = next((one.n_changed for one in outputs if one.system == teachers[0]), 0)
    if changed:
        return (
            f"the teacher's outputs differ on {changed} items: outputs are held against something "
            "else in the second run"
        )
    return ""


def _unjudged(judge: JudgeChange | None) -> str:
    """Say why the second run's judge cannot stand for both; empty where it can, or need not."""
    if judge is None or not judge.undecided:
        return ""
    return (
        f"the judge is another one ({'; '.join(judge.reasons)}), and it has no verdict on "
        f"{judge.n_lacking} of {judge.n_judged} outputs of the first run: a difference could be "
        "the judge's or the student's"
    )


def _row(
    sides: _Sides, system: str, name: str, records: Sequence[Unit], *, n_changed: int
) -> DifferenceRow:
    pairs, unpaired = _pairs(sides, records)
    row = DifferenceRow(
        metric=sides.measure.metric,
        system=system,
        slice=name,
        status=Status.SHOWN,
        n_pairs=len(pairs),
        n_unpaired=len(unpaired),
        n_changed=n_changed,
        one_judge=sides.one_judge,
        corrected=corrected_change(sides.before, sides.after, records, level=sides.level),
    )
    if withheld := sides.why_withheld(system, name):
        return replace(row, status=Status.WITHHELD, reason=withheld)
    if not pairs and not unpaired:
        return replace(row, status=Status.UNDEFINED, reason="no record here that this applies to")
    if len(pairs) < MIN_RECORDS:
        reason = f"{len(pairs)} items with a value in both runs, {MIN_RECORDS} are needed"
        return replace(row, status=Status.INSUFFICIENT, reason=reason)
    return _measured(row, sides, pairs, unpaired, records=records)


def _measured(
    row: DifferenceRow,
    sides: _Sides,
    pairs: Sequence[tuple[Unit, float, float]],
    unpaired: Sequence[tuple[float | None, float | None]],
    *,
    records: Sequence[Unit],
) -> DifferenceRow:
    old, new = (np.array([pair[place] for pair in pairs]) for place in (1, 2))
    if not np.any(new != old):
        reason = f"the scores of all {len(pairs)} items are the same"
        return replace(row, status=Status.UNDEFINED, reason=reason, moved=(0, 0))
    clusters = cluster_codes([record for record, _, _ in pairs])
    found = paired_difference(new, old, clusters=clusters, level=sides.level)
    if isinstance(found, Undefined):
        return replace(row, status=Status.UNDEFINED, reason=found.reason)
    measure = sides.measure
    test = paired_test(
        new,
        old,
        passes_or_fails=measure.passes_or_fails,
        graded=len(measure.categories) > _TWO_CATEGORIES and not measure.continuous,
        clusters=clusters,
    )
    return replace(
        row,
        estimate=found,
        means=(float(old.mean()), float(new.mean())),
        moved=(int(np.sum(new > old)), int(np.sum(new < old))),
        bounds=_bounds(new - old, unpaired, measure),
        p_value=test if isinstance(test, PValue) else None,
        judge_part=_judge_part(row, sides, records),
    )


def _judge_part(
    row: DifferenceRow, sides: _Sides, records: Sequence[Unit]
) -> Estimate | Undefined | None:
    if not sides.both_believed(row.system, row.slice):
        return None
    both = [
        (record, was, now)
        for record in records
        if record.key in sides.first
        and (was := value_of(sides.before.facts[record.key], sides.before.measure)) is not None
        and (now := value_of(sides.first[record.key], sides.measure)) is not None
    ]
    if len(both) < MIN_RECORDS:
        return Undefined(reason=f"{len(both)} texts judged by both", n=len(both))
    return paired_difference(
        np.array([now for _, _, now in both]),
        np.array([was for _, was, _ in both]),
        clusters=cluster_codes([record for record, _, _ in both]),
        level=sides.level,
    )


def _pairs(
    sides: _Sides, records: Sequence[Unit]
) -> tuple[list[tuple[Unit, float, float]], list[tuple[float | None, float | None]]]:
    pairs: list[tuple[Unit, float, float]] = []
    unpaired: list[tuple[float | None, float | None]] = []
    for record in records:
        if not (sides.before.applies(record.key) or sides.after.applies(record.key)):
            continue
        old = _first_value(sides, record.key)
        new = value_of(sides.after.facts[record.key], sides.measure)
        if old is not None and new is not None:
            pairs.append((record, old, new))
        else:
            unpaired.append((old, new))
    return pairs, unpaired


def _first_value(sides: _Sides, key: RecordKey) -> float | None:
    # An empty output counts by the policy whoever judges.
    outcome = sides.first.get(key, sides.before.facts[key])
    if sides.one_judge and key not in sides.first and isinstance(outcome, Score):
        return None  # the other judge's verdict
    return value_of(outcome, sides.measure)


def _bounds(
    differences: np.ndarray, unpaired: Sequence[tuple[float | None, float | None]], measure: Measure
) -> tuple[float, float]:
    """Return the least and largest mean difference that the missing values leave possible."""
    low = high = float(differences.sum())
    for old, new in unpaired:
        low += (measure.lower if new is None else new) - (measure.upper if old is None else old)
        high += (measure.upper if new is None else new) - (measure.lower if old is None else old)
    n = differences.size + len(unpaired)
    return low / n, high / n


def _with_findings(rows: Sequence[DifferenceRow]) -> Iterator[DifferenceRow]:
    """Adjust the p-values of what is overall and of the slices, each as a family: they overlap."""
    adjusted: dict[int, float] = {}
    for whole in (True, False):
        family = [
            (place, row.p_value.value)
            for place, row in enumerate(rows)
            if row.p_value is not None and (row.slice == OVERALL) is whole
        ]
        found = benjamini_yekutieli(np.array([p for _, p in family], dtype=np.float64))
        adjusted.update(zip((place for place, _ in family), map(float, found), strict=True))
    for place, row in enumerate(rows):
        if place in adjusted and row.moved is not None and row.estimate is not None:
            finding = Finding.NONE
            if adjusted[place] <= FALSE_FINDINGS and row.estimate.value:
                finding = Finding.BETTER if row.estimate.value > 0 else Finding.WORSE
            yield replace(row, adjusted=adjusted[place], finding=finding)
        else:
            yield row
