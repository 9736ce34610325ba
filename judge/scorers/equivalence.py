"""Judged scores: does the output say what its target says, or whatever else a judge is asked?"""

import asyncio
from collections.abc import Sequence

from judge.judges.judge import Judge, JudgedCase, Judgement
from judge.records.record import Record, Target
from judge.records.scale import Scale
from judge.results.outcome import Outcome, Score
from judge.results.run import EQUIVALENCE, Measure
from judge.scorers.scorer import known_outcome


class EquivalenceScorer:
    """Puts each record to a judge.

    Args:
        judge: who decides.
        scale: what the verdicts stand on.
        criterion: what is asked.
        target: what the output is held against.
        empty_value: what an empty or missing output counts as; None for a missing score.
        scorer: the name its scores stand under.
        question: the scorer under whose name the question is asked, where several read their
            criterion out of one reply; empty where it is asked for this one alone.
        continuous: whether the judge also gives values between those of the categories.
    """

    def __init__(
        self,
        judge: Judge,
        *,
        scale: Scale,
        criterion: str,
        target: Target,
        empty_value: float | None,
        scorer: str = EQUIVALENCE,
        question: str = "",
        continuous: bool = False,
    ) -> None:
        self._judge = judge
        self._measure = Measure(
            scorer=scorer,
            target=target,
            judged=True,
            criterion=criterion,
            lower=0.0,
            upper=1.0,
            categories=scale.categories,
            category_values=scale.values,
            identity={**judge.identity, "scale": "/".join(scale.categories)},
            empty_value=empty_value,
            question=question,
            continuous=continuous,
        )
        self._signature = self._measure.signature
        self._values = dict(zip(scale.categories, scale.values, strict=True))

    @property
    def measure(self) -> Measure:
        return self._measure

    async def score(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        if len(batch) == 1:  # its error reaches the executor as itself, not in a group
            return [await self._outcome(batch[0])]
        async with asyncio.TaskGroup() as judging:
            tasks = [judging.create_task(self._outcome(record)) for record in batch]
        return [task.result() for task in tasks]

    def _value(self, judgement: Judgement) -> float:
        value = judgement.value
        return self._values[judgement.label] if value is None else value

    async def _outcome(self, record: Record) -> Outcome:
        if (known := known_outcome(record, self._measure)) is not None:
            return known
        target = self._measure.target
        key = record.key
        judgement = await self._judge.judge(
            JudgedCase(
                key=key,
                case_id=self._measure.case_id(key),
                target=target,
                input=record.input,
                candidate=record.output or "",
                against=record.answers(target),
            )
        )
        return Score(
            scorer=self._measure.scorer,
            target=target,
            value=self._value(judgement),
            signature=self._signature,
            label=judgement.label,
            rationale=judgement.rationale,
            served=judgement.served,
            flags=judgement.flags,
            votes=judgement.votes,
            details=judgement.details,
        )
