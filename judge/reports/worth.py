"""Which examples of a run are worth a look, and why."""

from array import array
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from judge.reports.report import Example, SaidByPeople, measured
from judge.results.outcome import Fate, NotApplicable, Outcome, Score
from judge.results.run import Measure

REASONS = {"people": 3, "low": 2, "teacher": 1, "flagged": 1, "missing": 1}
"""Why an example is worth a look, and how much: a verdict that people do not share, a low
score, one below the teacher's on the same item, a doubted one, none at all."""

_LOWEST_SHARE = 0.1

Reasons: TypeAlias = Mapping[str, Sequence[str]]
"""By metric, why one example is worth a look."""


def worth_a_look(
    examples: Sequence[Example], *, measures: Sequence[Measure], teacher: str
) -> list[Reasons]:
    """Return for each example and metric why it is worth a look; most have no reason.

    Args:
        examples: all of a run.
        measures: of the run.
        teacher: name of the teacher; empty where there is none.
    """
    seen = measured(examples)
    values = {m.metric: array("d") for m in measures}
    of_teacher: dict[tuple[str, str], float] = {}
    for one in seen:
        for metric, outcome in one.outcomes.items():
            if isinstance(outcome, Score):
                values[metric].append(outcome.value)
                if one.record.system == teacher:
                    of_teacher[one.record.item_id, metric] = outcome.value
    low = {m.metric: _low(m, values[m.metric]) for m in measures}
    shared: dict[tuple[tuple[str, ...], ...], Reasons] = {}
    found = []
    for one in seen:
        reasons = {
            metric: _reasons(
                outcome,
                said=one.people.get(metric),
                low=low[metric],
                of_teacher=of_teacher.get((one.record.item_id, metric)),
            )
            for metric, outcome in one.outcomes.items()
        }
        # There are few kinds of reasons, and one for each of many examples.
        found.append(shared.setdefault(tuple(map(tuple, reasons.values())), reasons))
    return found


def by_concern(reasons: Sequence[Reasons]) -> list[int]:
    """Return the places of examples, those most worth a look first."""
    concern = [
        sum(REASONS[reason] for found in one.values() for reason in found) for one in reasons
    ]
    return sorted(range(len(concern)), key=lambda place: -concern[place])


def _low(measure: Measure, values: Sequence[float]) -> float:
    """Return the value under which a score is low: half a scale, or the lowest tenth of all."""
    if measure.judged or measure.passes_or_fails:
        return (measure.lower + measure.upper) / 2
    return float(np.quantile(values, _LOWEST_SHARE)) if values else measure.lower


def _reasons(
    outcome: Outcome, *, said: SaidByPeople | None, low: float, of_teacher: float | None
) -> list[str]:
    if isinstance(outcome, NotApplicable):
        return []
    if isinstance(outcome, Fate):
        return ["missing"]
    found = []
    if said is not None and said.label != outcome.label:
        found.append("people")
    if outcome.value < low:
        found.append("low")
    if of_teacher is not None and outcome.value < of_teacher:
        found.append("teacher")
    if outcome.flags:
        found.append("flagged")
    return found
