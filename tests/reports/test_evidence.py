import numpy as np
import pytest

from judge.reports.evidence import Basis, PairedScores, Side, paired_scores
from judge.results.terms import Unscored
from judge.stats.estimate import Undefined
from judge.trust.certificate import Standing
from judge.trust.gold import Gold
from tests.reports.paired_sides import FACT, JUDGED, passes, records, sides

VALUES = passes(40, 50, 60)
MADE = records(60)


def _found(pair: tuple[Side, Side], unscored: Unscored = Unscored.BOUNDS) -> PairedScores:
    found = paired_scores(*pair, slice_name="overall", unscored=unscored)
    assert isinstance(found, PairedScores), found
    return found


def _reason(pair: tuple[Side, Side]) -> str:
    found = paired_scores(*pair, slice_name="overall", unscored=Unscored.BOUNDS)
    assert isinstance(found, Undefined)
    return found.reason


def test_labels_are_the_basis_wherever_they_are_on_both_even_beside_a_trusted_judge() -> None:
    people = passes(30, 50, 60)

    found = _found(sides(MADE, VALUES, measure=JUDGED, labels=people, labelled=range(0, 60, 2)))

    assert found.basis is Basis.LABELS
    assert found.judged.tolist() == VALUES.tolist()
    assert found.labels.tolist() == people[::2].tolist()
    assert found.labelled.tolist() == list(range(0, 60, 2))
    assert (found.worst, found.n_missing) == (None, 0)


def test_with_too_few_labels_a_trusted_judge_is_the_basis_and_no_other_one() -> None:
    few = {"measure": JUDGED, "labels": VALUES, "labelled": range(19)}

    trusted = _found(sides(MADE, VALUES, **few))  # type: ignore[arg-type]  # a table of arguments
    refused = _reason(sides(MADE, VALUES, standing=Standing.INSUFFICIENT, **few))  # type: ignore[arg-type]  # a table of arguments

    assert trusted.basis is Basis.JUDGE
    assert refused == (
        "judge insufficient: so it was found; "
        "labels: 19 items with a label on both systems, 20 are needed"
    )


def test_labels_that_cannot_correct_a_judge_say_why() -> None:
    gold = Gold(labels={}, why_not="the labels are constructed")

    reason = _reason(sides(MADE, VALUES, measure=JUDGED, standing=Standing.UNVALIDATED, gold=gold))

    assert reason.endswith("labels: the labels are constructed")


def test_a_fact_needs_no_judge() -> None:
    found = _found(sides(MADE, VALUES))

    assert found.basis is Basis.SCORER
    assert (found.n_items, found.worst) == (60, None)


def test_a_missing_score_is_at_its_worst_for_the_first_and_at_its_best_for_the_second() -> None:
    found = _found(sides(MADE, VALUES, lost={0: [0], 1: [1]}))

    assert found.worst is not None
    assert found.best is not None
    assert found.worst[:3].tolist() == [[0, 1], [1, 1], [1, 1]]
    assert found.best[:3].tolist() == [[1, 1], [1, 0], [1, 1]]
    assert (len(found.judged), found.n_items, found.n_missing) == (58, 60, 2)


@pytest.mark.parametrize(("unscored", "n"), [(Unscored.LOWEST, 60), (Unscored.SET_ASIDE, 59)])
def test_a_policy_that_was_declared_leaves_nothing_open(unscored: Unscored, n: int) -> None:
    found = _found(sides(MADE, VALUES, lost={0: [0]}), unscored)

    assert (len(found.judged), found.worst) == (n, None)


def test_a_student_that_was_scored_on_other_items_than_its_teacher_has_no_evidence() -> None:
    student, teacher = sides(MADE, VALUES)
    apart = sides(MADE, VALUES, lost={0: range(30), 1: range(30, 60)})
    others = Side(
        admitted=teacher.admitted,
        system=teacher.system,
        records={f"other-{name}": one for name, one in teacher.records.items()},
    )

    assert _reason(apart) == "0 items scored on both, 20 are needed"
    assert "no item that adherence.strict applies to" in _reason((student, others))


def test_a_case_filled_in_counts_every_item_for_itself() -> None:
    found = _found(sides(records(60, size=3), VALUES, lost={0: [0]}))
    assert found.worst is not None

    filled = found.filled(found.worst)

    assert filled.clusters is not None
    assert np.unique(filled.clusters).size == 20
    assert filled.labelled.tolist() == list(range(60))
    assert filled.measure is FACT
