from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from judge.records.record import Role, System, Target
from judge.reports.decision import Decision, decide
from judge.results.terms import DecisionTerms
from judge.stats.estimate import Estimate, Undefined
from judge.trust.admission import AdmittedResults
from tests.reports.paired_sides import FACT, JUDGED

Maker = Callable[..., AdmittedResults]
N = 400
HALVES = [{"kind": "mail" if place % 2 else "chat"} for place in range(N)]
PASSES = [1.0] * N


def _but(wrong: int, *, step: int = 1, start: int = 0) -> list[float]:
    """Return scores of N items, of which so many are 0."""
    found = list(PASSES)
    for place in range(start, start + wrong * step, step):
        found[place] = 0.0
    return found


def _decided(admitted: AdmittedResults, **terms: object) -> Decision:
    found = decide(admitted, replace(DecisionTerms(margin=0.9), **terms))  # type: ignore[arg-type]  # a table of terms
    assert found is not None
    return found


def test_a_student_ships_that_keeps_the_margin_overall_and_on_each_critical_slice(
    admitted: Maker,
) -> None:
    results = admitted((FACT, {"teacher": PASSES, "student": _but(8)}), slices=HALVES)

    (verdict,) = _decided(results, critical=("kind=mail", "kind=chat")).verdicts

    assert verdict.answer == "yes"
    assert [row.answer for row in verdict.critical] == ["yes", "yes"]


def test_a_student_that_loses_too_much_on_a_critical_slice_does_not_ship(admitted: Maker) -> None:
    cells = {"teacher": PASSES, "student": _but(60, step=2)}
    results = admitted((FACT, cells), slices=HALVES)

    (anywhere,) = _decided(results, margin=0.8).verdicts
    (there,) = _decided(results, margin=0.8, critical=("kind=mail", "kind=chat")).verdicts

    assert (anywhere.answer, there.answer) == ("yes", "no")
    assert [row.answer for row in there.critical] == ["yes", "no"]


def test_a_slice_that_cannot_be_told_leaves_the_decision_open(admitted: Maker) -> None:
    rare = [{"kind": "rare" if place == 0 else "common"} for place in range(N)]
    results = admitted((FACT, {"teacher": PASSES, "student": PASSES}), slices=rare)

    (verdict,) = _decided(results, critical=("kind=rare", "kind=gone")).verdicts

    assert (verdict.overall.answer, verdict.answer) == ("yes", "undecided")
    assert [row.reason for row in verdict.critical] == [
        "1 items scored on both, 20 are needed",
        "no item that adherence.strict applies to in both systems",
    ]


def test_without_a_margin_each_metric_has_its_headline_and_nothing_is_decided(
    admitted: Maker,
) -> None:
    cells = {"teacher": _but(8), "student": _but(40)}

    found = _decided(admitted((FACT, cells), (JUDGED, cells)), margin=None)

    assert [(row.metric, row.answer) for row in found.kept] == [
        (FACT.metric, None),
        (JUDGED.metric, None),
    ]
    assert all(row.at_least is not None and 0.8 < row.at_least < 0.92 for row in found.kept)
    assert [verdict.answer for verdict in found.verdicts] == [None]


def test_what_a_judge_decides_is_asked_unless_another_metric_is_declared(admitted: Maker) -> None:
    cells = {"teacher": PASSES, "student": PASSES}
    results = admitted((FACT, cells), (JUDGED, cells))

    assert _decided(results).metric == JUDGED.metric
    assert _decided(results, metric=FACT.metric).metric == FACT.metric


@pytest.mark.parametrize(
    ("distilled", "sft", "earned"),
    [(20, 120, "yes"), (40, 45, "undecided"), (120, 20, "no")],
)
def test_distillation_earned_its_place_where_it_is_surely_better_than_fine_tuning(
    admitted: Maker, distilled: int, sft: int, earned: str
) -> None:
    rng = np.random.default_rng(3)
    cells = {
        "teacher": PASSES,
        "sft": rng.permutation(_but(sft)).tolist(),
        "own": rng.permutation(_but(distilled)).tolist(),
    }
    made = admitted((FACT, cells))
    systems = tuple(
        System(name=s.name, role=Role.DISTILLED if s.name == "own" else s.role)
        for s in made.manifest.systems
    )

    found = _decided(replace(made, manifest=replace(made.manifest, systems=systems)))

    (one,) = found.earned
    assert (one.distilled, one.sft, one.earned) == ("own", "sft", earned)
    assert isinstance(one.difference, Estimate)
    assert one.difference.value == pytest.approx((sft - distilled) / N)


def test_an_untrusted_judge_decides_nothing(admitted: Maker) -> None:
    cells = {"teacher": PASSES, "sft": _but(50), "student": PASSES}

    found = _decided(admitted((JUDGED, cells), standing=None))

    assert {verdict.answer for verdict in found.verdicts} == {"undecided"}
    assert all(row.share is None for row in found.kept)
    assert all(isinstance(one.difference, Undefined) for one in found.earned)


def test_without_a_teacher_or_a_metric_it_could_be_held_against_nothing_is_decided(
    admitted: Maker,
) -> None:
    alone = admitted((FACT, {"sft": PASSES, "student": PASSES}))
    cells = {"teacher": ["its own answer"] * N, "student": PASSES}
    faithful = admitted((replace(JUDGED, target=Target.TEACHER), cells))

    assert decide(alone, DecisionTerms()) is None
    assert decide(faithful, DecisionTerms()) is None
