from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from judge.records.record import Target
from judge.reports.retention import RetentionRow, retention
from judge.reports.summary import Status
from judge.results.outcome import FateCode
from judge.results.run import EQUIVALENCE, SIMILARITY, Measure
from judge.trust.admission import AdmittedResults

JUDGED = Measure(
    scorer=EQUIVALENCE,
    target=Target.REFERENCE,
    judged=True,
    criterion="equivalence",
    lower=0.0,
    upper=1.0,
    categories=("different", "equivalent"),
    identity={"model": "judge-1"},
    empty_value=0.0,
)
ALIKE = Measure(
    scorer=SIMILARITY,
    target=Target.REFERENCE,
    judged=False,
    criterion="similarity",
    lower=-1.0,
    upper=1.0,
    identity={"embedder": "x"},
)
Maker = Callable[..., AdmittedResults]


def _only(rows: list[RetentionRow]) -> RetentionRow:
    (row,) = rows
    return row


def test_the_share_kept_is_of_the_same_items(admitted: Maker) -> None:
    cells = {"teacher": [1.0] * 40 + [0.0] * 10, "student": [1.0] * 30 + [0.0] * 20}

    row = _only(retention(admitted((JUDGED, cells))))

    assert row.estimate is not None
    assert row.estimate.value == 0.75
    assert row.estimate.low < 0.75 < row.estimate.high
    assert (row.n_pairs, row.n_unpaired) == (50, 0)
    assert (row.student, row.teacher, row.slice) == ("student", "teacher", "overall")


def test_an_item_that_one_of_the_two_lacks_is_in_neither_mean_and_counted(admitted: Maker) -> None:
    lost = FateCode.JUDGE_REFUSED
    cells = {
        # Unpaired, the means would be 40/40 over 30/30; on the same items it is 20 of 25.
        "teacher": [1.0] * 25 + [1.0] * 15 + [lost] * 10,
        "student": [1.0] * 20 + [0.0] * 5 + [lost] * 15 + [1.0] * 10,
    }

    row = _only(retention(admitted((JUDGED, cells))))

    assert row.estimate is not None
    assert row.estimate.value == 20 / 25
    assert row.estimate.n == 25
    assert (row.n_pairs, row.n_unpaired) == (25, 25)


def test_an_empty_output_counts_by_the_policy_in_the_pair_too(admitted: Maker) -> None:
    cells = {"teacher": [1.0] * 40, "student": [1.0] * 30 + [FateCode.OUTPUT_EMPTY] * 10}

    counted = _only(retention(admitted((JUDGED, cells))))
    missing = _only(retention(admitted((replace(JUDGED, empty_value=None), cells))))

    assert counted.estimate is not None
    assert (counted.estimate.value, counted.n_unpaired) == (0.75, 0)
    assert (missing.n_pairs, missing.n_unpaired) == (30, 10)


def test_an_item_the_metric_does_not_apply_to_is_not_unpaired(admitted: Maker) -> None:
    none = "the item has no reference"
    cells = {"teacher": [1.0] * 30 + [none] * 5, "student": [1.0, 0.0] * 15 + [none] * 5}

    row = _only(retention(admitted((JUDGED, cells))))

    assert (row.n_pairs, row.n_unpaired) == (30, 0)


def test_a_teacher_that_scores_zero_leaves_nothing_to_keep_a_share_of(admitted: Maker) -> None:
    cells = {"teacher": [0.0] * 40, "student": [1.0] * 40}

    row = _only(retention(admitted((JUDGED, cells))))

    assert (row.status, row.estimate) == (Status.UNDEFINED, None)
    assert "nothing to keep a share of" in row.reason


def test_a_teacher_that_hardly_scores_has_a_reason_and_no_number(admitted: Maker) -> None:
    cells = {"teacher": [1.0] + [0.0] * 39, "student": [1.0] * 40}

    row = _only(retention(admitted((JUDGED, cells))))

    assert (row.status, row.estimate) == (Status.UNDEFINED, None)
    assert "could be 0" in row.reason


def test_under_twenty_pairs_is_insufficient_and_has_no_number(admitted: Maker) -> None:
    slices = [{"kind": "rare"}] * 19 + [{"kind": "common"}] * 41
    cells = {"teacher": [1.0, 0.0] * 30, "student": [1.0, 1.0, 0.0, 0.0] * 15}

    _, rare, common = retention(admitted((JUDGED, cells), slices=slices))

    assert (rare.status, rare.estimate, rare.n_pairs) == (Status.INSUFFICIENT, None, 19)
    assert rare.reason == "19 items scored on both, 20 are needed"
    assert common.status is Status.SHOWN


def test_a_judge_that_is_not_believed_has_no_retention_either(admitted: Maker) -> None:
    cells = {"teacher": [1.0, 0.0] * 20, "student": [1.0] * 40}

    row = _only(retention(admitted((JUDGED, cells), standing=None)))

    assert (row.status, row.estimate) == (Status.WITHHELD, None)
    assert row.reason.startswith("judge unvalidated")
    assert row.n_pairs == 40


def test_without_a_teacher_there_is_no_retention(admitted: Maker) -> None:
    assert retention(admitted((JUDGED, {"sft": [1.0] * 30, "student": [1.0] * 30}))) == []


def test_the_teacher_cannot_be_compared_with_itself(admitted: Maker) -> None:
    cells = {"teacher": ["its own answer"] * 30, "student": [1.0] * 30}
    measure = replace(JUDGED, target=Target.TEACHER)

    assert retention(admitted((measure, cells))) == []


def test_each_student_has_a_row_and_the_teacher_has_none(admitted: Maker) -> None:
    cells = {"sft": [1.0, 0.0] * 15, "teacher": [1.0] * 30, "student": [0.0, 1.0] * 15}

    rows = retention(admitted((JUDGED, cells)))

    assert [row.student for row in rows] == ["sft", "student"]


def test_clusters_widen_the_share_kept(admitted: Maker) -> None:
    student = [float(place // 5 % 3 > 0) for place in range(100)]
    cells = {"teacher": [1.0] * 100, "student": student}

    alone = _only(retention(admitted((JUDGED, cells)))).estimate
    clustered = _only(
        retention(admitted((JUDGED, cells), clusters=[f"c{p // 5}" for p in range(100)]))
    ).estimate

    assert alone is not None
    assert clustered is not None
    assert clustered.value == alone.value
    assert clustered.high - clustered.low > 1.5 * (alone.high - alone.low)


def test_many_pairs_need_fewer_draws_for_the_same_limits(admitted: Maker) -> None:
    rng = np.random.default_rng(0)
    teacher, student = rng.uniform(0.5, 1, 5_000), rng.uniform(0.4, 1, 5_000)

    row = _only(
        retention(admitted((ALIKE, {"teacher": teacher.tolist(), "student": student.tolist()})))
    )

    ratio = student.mean() / teacher.mean()
    # The delta method, with n large enough for it to hold.
    error = np.std(student - ratio * teacher) / teacher.mean() / np.sqrt(5_000)
    assert row.estimate is not None
    assert row.estimate.value == pytest.approx(ratio)
    assert row.estimate.low == pytest.approx(ratio - 1.96 * error, abs=0.15 * error)
    assert row.estimate.high == pytest.approx(ratio + 1.96 * error, abs=0.15 * error)
