"""What a diagnosis may suspect: a pattern, tested on one system and slice, with its evidence."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from judge.records.production import Produced, Production
from judge.records.record import RecordKey, Role, Target, Unit
from judge.reports.groups import OVERALL
from judge.reports.summary import MIN_RECORDS, value_of
from judge.results.run import ALIGNMENT, NUMBERS_AND_NAMES, SIMILARITY, TOKEN_MATCHING
from judge.stats.estimate import Estimate, Undefined
from judge.stats.excess import Excess, excess
from judge.trust.admission import AdmittedMeasure, AdmittedResults

MATERIAL = 0.05
"""Share of the scale below which a difference is nobody's defect."""
EXAMPLES = 5

_SAYS_LITTLE = (ALIGNMENT, NUMBERS_AND_NAMES, SIMILARITY, TOKEN_MATCHING)
"""Scorers of likeness, which need not mean that an output is right."""


class Pattern(StrEnum):
    """What may be wrong."""

    TEACHER_IS_CEILING = "teacher_is_ceiling"
    COVERAGE_GAP = "coverage_gap"
    OVERCONFIDENT = "overconfident"
    FASTER_NOT_CHEAPER = "faster_not_cheaper"
    DISTILLATION_ADDS_NOTHING = "distillation_adds_nothing"
    JUDGE_PREFERS_LENGTH = "judge_prefers_length"
    VALID_BUT_WRONG = "valid_but_wrong"
    RIGHT_BUT_INVALID = "right_but_invalid"
    SIMILARITY_BLIND = "similarity_blind"
    MISSING_IN_ONE_SYSTEM = "missing_in_one_system"
    LEAKED_ITEMS = "leaked_items"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """One pattern on one system and slice.

    Attributes:
        p_value: of the weakest part of the pattern: all parts must hold.
        evidence: the numbers that the parts are about, by what they are.
        examples: ids of items that show it, a few at most.
        metric: what was looked at; empty where it is none of the run's metrics.
    """

    pattern: Pattern
    system: str
    slice: str
    p_value: float
    evidence: Mapping[str, Estimate]
    examples: tuple[str, ...]
    metric: str = ""


class Seen:
    """Admitted results as the patterns look at them: values by system and item.

    Args:
        admitted: the results.
        productions: what files said beside the outputs, system by system.
        leaked: ids of items that stand in training data.
    """

    def __init__(
        self,
        admitted: AdmittedResults,
        *,
        productions: Iterable[Production] = (),
        leaked: frozenset[str] = frozenset(),
    ) -> None:
        self.admitted = admitted
        self.leaked = leaked
        self.produced: Mapping[str, Mapping[str, Produced]] = {
            one.system: one.outputs for one in productions
        }

    def system(self, role: Role) -> str:
        """Return the first system of a role; empty where there is none."""
        systems = self.admitted.manifest.systems
        return next((system.name for system in systems if system.role is role), "")

    @property
    def students(self) -> list[str]:
        """Every system that is not the teacher."""
        systems = self.admitted.manifest.systems
        return [system.name for system in systems if system.role is not Role.TEACHER]

    @cached_property
    def items(self) -> Collection[str]:
        """The items of the run, in order."""
        return self._item.keys()

    @cached_property
    def _item(self) -> Mapping[str, Unit]:
        return {unit.item_id: unit for unit in self.admitted.units}

    @cached_property
    def _clusters(self) -> Mapping[str, int]:
        names = dict.fromkeys(unit.cluster for unit in self.admitted.units)
        return {name: code for code, name in enumerate(names)}

    @cached_property
    def quality(self) -> AdmittedMeasure | None:
        """What says whether an output is right: a believed judge, a formula, or similarity."""
        held = [
            measure
            for measure in self.admitted.measures
            if measure.measure.target is Target.REFERENCE
            and not measure.withheld
            and measure.measure.scorer != NUMBERS_AND_NAMES
        ]
        # A judge before a formula before a similarity: what says most about right and wrong.
        held.sort(key=lambda m: (m.measure.scorer in _SAYS_LITTLE, not m.measure.judged))
        return held[0] if held else None

    def measure(self, scorer: str, target: Target) -> AdmittedMeasure | None:
        """Return one measure; None where the run has none."""
        wanted = (scorer, target)
        measures = self.admitted.measures
        return next((m for m in measures if (m.measure.scorer, m.measure.target) == wanted), None)

    def values(self, measure: AdmittedMeasure | None, system: str) -> dict[str, float]:
        """Return what each output of a system counts as, on a scale of 0 to 1.

        There are none where the judge is not believed on the system.
        """
        if measure is None or not system or measure.why_withheld_on(system, OVERALL):
            return {}
        lower, upper = measure.measure.lower, measure.measure.upper
        found = {}
        for item in self.items:
            outcome = measure.facts.get(RecordKey(item_id=item, system=system))
            value = None if outcome is None else value_of(outcome, measure.measure)
            if value is not None:
                found[item] = (value - lower) / (upper - lower)
        return found

    def clusters(self, items: Sequence[str]) -> NDArray[np.int64]:
        """Return the clusters of items as integers, shape (n_items,)."""
        return np.array([self._clusters[self._item[i].cluster] for i in items], dtype=np.int64)

    def slices(self) -> list[tuple[str, Callable[[str], bool]]]:
        """Return each ``dimension=value`` with what tells whether an item is in it."""
        slices = self.admitted.manifest.slices
        return [
            (f"{dimension}={value}", self._membership(dimension, value))
            for dimension in slices
            for value in slices[dimension]
        ]

    def _membership(self, dimension: str, value: str) -> Callable[[str], bool]:
        return lambda item: self._item[item].slices.get(dimension) == value

    def mean(
        self,
        values: Mapping[str, float],
        *,
        over: float,
        among: Callable[[str], bool] | None = None,
    ) -> Excess | Undefined:
        """Test that the mean over items is above a bound; Undefined of too few items."""
        items = [item for item in values if among is None or among(item)]
        if len(items) < MIN_RECORDS:
            return Undefined(reason=f"{len(items)} items, {MIN_RECORDS} are needed", n=len(items))
        numbers = np.array([values[item] for item in items])
        return excess(numbers, over=over, clusters=self.clusters(items))

    def contrast(
        self, values: Mapping[str, float], inside: Callable[[str], bool], *, over: float
    ) -> Excess | Undefined:
        """Test that the mean over some items is further than a bound above that of the others."""
        items = list(values)
        within = np.array([inside(item) for item in items], dtype=bool)
        if min(within.sum(), (~within).sum()) < MIN_RECORDS:
            return Undefined(reason=f"{MIN_RECORDS} items are needed on both sides", n=len(items))
        numbers = np.array([values[item] for item in items])
        return excess(numbers, over=over, inside=within, clusters=self.clusters(items))


def suspicion(
    pattern: Pattern,
    system: str,
    parts: Mapping[str, Excess | Undefined],
    *,
    examples: Iterable[str],
    slice_name: str = OVERALL,
    metric: str = "",
) -> list[Suspicion]:
    """Return a suspicion from the parts that must all hold; none where one cannot be told.

    Source: the intersection-union test of Berger (1982), Technometrics 24(4), 295-300.
    """
    held: dict[str, Excess] = {}
    for name, part in parts.items():
        if isinstance(part, Undefined):
            return []
        held[name] = part
    return [
        Suspicion(
            pattern=pattern,
            system=system,
            slice=slice_name,
            p_value=max(part.p_value.value for part in held.values()),
            evidence={name: part.estimate for name, part in held.items()},
            examples=tuple(dict.fromkeys(examples))[:EXAMPLES],
            metric=metric,
        )
    ]
