"""Task scores: an output compared with its right answers by a formula, without a judge."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from judge.records.record import Record, Slices, Target
from judge.results.outcome import NotApplicable, Outcome, Score
from judge.results.run import Measure
from judge.scorers.scorer import known_outcome

_ANOTHER_TASK = "the item is one of another kind of task"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a comparison found.

    Attributes:
        value: in [0, 1].
        flags: facts that made the value what it is, or why it deserves doubt.
        details: evidence for a reader, and the counts the value was computed from.
    """

    value: float
    flags: tuple[str, ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Incomparable:
    """None of the answers can be compared with: the record is not part of N.

    It depends on the answers alone, never on the output: a system cannot leave N by what it says.
    """

    reason: str


class Comparison(Protocol):
    """A formula that compares one output with what would have been right."""

    @property
    def scorer(self) -> str:
        """The name its scores stand under."""
        ...

    @property
    def continuous(self) -> bool:
        """Whether values lie between 0 and 1 too."""
        ...

    @property
    def identity(self) -> Mapping[str, str]:
        """Everything that could change a value, by name."""
        ...

    def compare(self, output: str, answers: Sequence[str]) -> Compared | Incomparable:
        """Compare an output with each answer; the best counts.

        Args:
            output: blank where there is none.
            answers: at least one, none of them blank.
        """
        ...


class TaskScorer:
    """Scores in [0, 1]; of several right answers the one that fits best counts.

    An empty or missing output is a measured 0 that its flag names, as it is to adherence: it has
    nothing that was wanted, and its share of what was wanted belongs in every sum.

    Args:
        comparison: the formula.
        target: what the output is held against.
        only: slice dimension to value: where a set holds several kinds of task, the items of this
            one. Other records are not part of N.
    """

    def __init__(
        self,
        comparison: Comparison,
        *,
        target: Target,
        only: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._comparison = comparison
        self._only = only
        self._measure = Measure(
            scorer=comparison.scorer,
            target=target,
            judged=False,
            criterion=comparison.scorer,
            lower=0.0,
            upper=1.0,
            identity=comparison.identity,
            continuous=comparison.continuous,
        )
        self._signature = self._measure.signature

    @property
    def measure(self) -> Measure:
        return self._measure

    async def score(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        return await asyncio.to_thread(lambda: [self._outcome(record) for record in batch])

    def _outcome(self, record: Record) -> Outcome:
        scorer, target = self._measure.scorer, self._measure.target
        if not is_among(record.slices, self._only):
            return NotApplicable(scorer=scorer, target=target, reason=_ANOTHER_TASK)
        known = known_outcome(record, self._measure)
        if isinstance(known, NotApplicable):
            return known
        answers = [answer for answer in record.answers(target) if answer.strip()]
        found = self._comparison.compare(record.output or "", answers)
        if isinstance(found, Incomparable):
            return NotApplicable(scorer=scorer, target=target, reason=found.reason)
        return Score(
            scorer=scorer,
            target=target,
            value=found.value if known is None else 0.0,
            signature=self._signature,
            flags=found.flags if known is None else (known.code.value,),
            details=found.details,
        )


def is_among(slices: Slices, only: Mapping[str, str]) -> bool:
    """Whether an item is one of those that a kind of task is declared for."""
    return all(slices.get(dimension) == value for dimension, value in only.items())
