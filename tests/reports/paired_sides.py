"""Two systems on the same items, made from arrays."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from judge.records.record import Record, RecordKey, Target
from judge.reports.evidence import Side
from judge.results.outcome import Fate, FateCode, Outcome, Score
from judge.results.run import ADHERENCE, Measure
from judge.testing import judged_measure
from judge.trust.admission import AdmittedMeasure
from judge.trust.certificate import JudgeTrust, Standing
from judge.trust.gold import Gold, GoldLabel

JUDGED = judged_measure()
FACT = Measure(
    scorer=ADHERENCE,
    target=Target.SCHEMA,
    judged=False,
    criterion="adherence",
    lower=0.0,
    upper=1.0,
    identity={"parser": "1"},
)
SYSTEMS = ("student", "teacher")
LOST = FateCode.JUDGE_REFUSED


def record(system: str, place: int, cluster: int | None = None) -> Record:
    name = f"i{place}"
    return Record(
        item_id=name,
        system=system,
        input="",
        output="x",
        references=(),
        teacher_output=None,
        schema="",
        slices={},
        cluster=name if cluster is None else f"c{cluster}",
    )


def records(n: int, size: int = 1) -> tuple[list[Record], list[Record]]:
    """Return the records of both systems, in clusters of a size."""
    first, second = (
        [record(system, place, place // size) for place in range(n)] for system in SYSTEMS
    )
    return first, second


def sides(
    made: tuple[Sequence[Record], Sequence[Record]],
    values: NDArray[np.float64],
    *,
    measure: Measure = FACT,
    standing: Standing = Standing.TRUSTED,
    labels: NDArray[np.float64] | None = None,
    labelled: Sequence[int] = (),
    gold: Gold | None = None,
    lost: Mapping[int, Sequence[int]] | None = None,
) -> tuple[Side, Side]:
    """Return student and teacher with these scores, shape (n, 2).

    Args:
        made: from `records`.
        values: scores; the judge's where the measure is judged.
        measure: that gave them.
        standing: of the judge.
        labels: what people say of every output, shape (n, 2).
        labelled: which items they were asked about.
        gold: instead of labels.
        lost: by system, which of its scores are missing.
    """
    outcomes: dict[RecordKey, Outcome] = {}
    for column, of_system in enumerate(made):
        for place, one in enumerate(of_system):
            outcomes[one.key] = _outcome(float(values[place, column]), measure)
        for place in (lost or {}).get(column, ()):
            outcomes[of_system[place].key] = Fate(
                scorer=measure.scorer, target=measure.target, code=LOST, message="lost"
            )
    if labels is not None:
        gold = Gold(
            labels={
                of_system[place].key: GoldLabel(
                    item_id=of_system[place].item_id,
                    system=of_system[place].system,
                    output_hash="x",
                    label=measure.categories[round(float(labels[place, column]))],
                    inclusion=0.5,
                    shared_draw=True,
                )
                for column, of_system in enumerate(made)
                for place in labelled
            }
        )
    admitted = AdmittedMeasure(measure=measure, outcomes=outcomes, trust=None, gold=gold)
    if measure.judged:
        trust = JudgeTrust(
            measure=measure,
            standing=standing,
            reasons=("so it was found",),
            remedy="",
            certificate=None,
        )
        admitted = replace(admitted, trust=trust)
    first, second = (
        Side(admitted=admitted, system=system, records={one.item_id: one for one in of_system})
        for system, of_system in zip(SYSTEMS, made, strict=True)
    )
    return first, second


def _outcome(value: float, measure: Measure) -> Score:
    return Score(
        scorer=measure.scorer,
        target=measure.target,
        value=value,
        signature="s",
        label=measure.categories[round(value)] if measure.categories else "",
    )


def passes(student: int, teacher: int, n: int) -> NDArray[np.float64]:
    """Return scores of n items of which each system passes the first so many."""
    return np.column_stack(
        [np.arange(n) < student, np.arange(n) < teacher],
    ).astype(np.float64)
