from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from judge.records.record import Target
from judge.reports.families import FamilyRow, families
from judge.reports.summary import Status
from judge.results.outcome import FateCode
from judge.results.run import EQUIVALENCE, Measure
from judge.stats.paired import paired_difference
from judge.trust.admission import AdmittedResults

QUALITY = Measure(
    scorer="token_f1",
    target=Target.REFERENCE,
    judged=False,
    criterion="token_f1",
    lower=0.0,
    upper=1.0,
    identity={"words": "1"},
    continuous=True,
)
FIDELITY = replace(QUALITY, target=Target.TEACHER)
JUDGED = replace(
    QUALITY,
    scorer=EQUIVALENCE,
    judged=True,
    criterion="equivalence",
    categories=("different", "equivalent"),
    continuous=False,
)
OWN = "the teacher's own answer"
Maker = Callable[..., AdmittedResults]


def _only(rows: list[FamilyRow]) -> FamilyRow:
    (row,) = rows
    return row


def test_a_student_that_copies_its_teachers_mistakes_has_a_gap(admitted: Maker) -> None:
    right = [0.5] * 20 + [1.0] * 20

    row = _only(
        families(
            admitted(
                (FIDELITY, {"teacher": [OWN] * 40, "s": [1.0] * 39 + [0.9]}),
                (QUALITY, {"teacher": right, "s": right}),
            )
        )
    )

    assert (row.scorer, row.student, row.n, row.n_unpaired) == ("token_f1", "s", 40, 0)
    assert row.gap is not None
    assert row.fidelity is not None
    assert row.quality is not None
    assert row.gap.value == pytest.approx(row.fidelity.value - row.quality.value)
    assert row.gap == paired_difference(np.array([1.0] * 39 + [0.9]), np.array(right))
    assert 0 < row.gap.low < row.gap.high


def test_both_means_are_of_the_items_that_have_both_scores(admitted: Maker) -> None:
    lost = FateCode.EMBEDDING_INVALID

    row = _only(
        families(
            admitted(
                (FIDELITY, {"teacher": [OWN] * 50, "s": [lost] * 10 + [1.0, 0.8] * 20}),
                (QUALITY, {"teacher": [1.0] * 50, "s": [0.0] * 10 + [0.5, 0.6] * 15 + [lost] * 10}),
            )
        )
    )

    assert (row.n, row.n_unpaired) == (30, 20)
    assert row.fidelity is not None
    assert row.quality is not None
    assert row.fidelity.value == pytest.approx(0.9)
    assert row.quality.value == pytest.approx(0.55)


@pytest.mark.parametrize("standing", [None])
def test_a_judge_that_is_not_believed_gives_no_gap_either(admitted: Maker, standing: None) -> None:
    cells = {"teacher": [1.0] * 40, "s": [1.0, 0.0] * 20}

    row = _only(
        families(
            admitted(
                (replace(JUDGED, target=Target.TEACHER), {**cells, "teacher": [OWN] * 40}),
                (JUDGED, cells),
                standing=standing,
            )
        )
    )

    assert row.status is Status.WITHHELD
    assert (row.fidelity, row.quality, row.gap) == (None, None, None)
    assert row.reason.startswith("judge unvalidated")


@pytest.mark.parametrize(
    ("like", "right", "status"),
    [
        ([1.0, 0.5] * 9, [0.5, 0.7] * 9, Status.INSUFFICIENT),
        ([1.0] * 30, [1.0] * 30, Status.UNDEFINED),
    ],
)
def test_without_enough_items_or_any_difference_there_is_a_reason_and_no_number(
    like: list[float], right: list[float], status: Status, admitted: Maker
) -> None:
    n = len(like)

    row = _only(
        families(
            admitted(
                (FIDELITY, {"teacher": [OWN] * n, "s": like}),
                (QUALITY, {"teacher": [1.0] * n, "s": right}),
            )
        )
    )

    assert (row.status, row.gap) == (status, None)
    assert row.reason


def test_a_scorer_with_one_family_alone_has_no_row(admitted: Maker) -> None:
    assert families(admitted((QUALITY, {"s": [1.0] * 30}))) == []
