from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from judge.records.record import Target
from judge.reports.comparison import Comparison, DifferenceRow, Finding, compare
from judge.reports.summary import Status
from judge.stats.estimate import Estimate
from judge.trust.certificate import Standing
from tests.reports.changed_records import with_records
from tests.reports.two_runs import alike, contents, judged, run_of, score

N = 100
OLD = [f"old {k}" for k in range(N)]
NEW = [f"new {k}" for k in range(N)]


def _row(found: Comparison, name: str = "overall", system: str = "student") -> DifferenceRow:
    (row,) = [row for row in found.rows if (row.slice, row.system) == (name, system)]
    return row


def _passes(n: int) -> list[float]:
    return [1.0] * n + [0.0] * (N - n)


def test_the_difference_is_taken_item_by_item_and_named_better_or_worse() -> None:
    before = run_of(judged(), {"student": _passes(50)}, texts={"student": OLD})
    after = run_of(judged(), {"student": _passes(80)}, texts={"student": NEW})

    better, worse = _row(compare(before, after)), _row(compare(after, before))

    assert better.estimate is not None
    assert better.estimate.value == pytest.approx(0.3)
    assert better.estimate.low > 0.2
    assert better.means == (0.5, 0.8)
    assert (better.moved, better.n_changed, better.finding) == ((30, 0), N, Finding.BETTER)
    assert better.p_value is not None
    assert better.p_value.method == "mcnemar, asymptotic"
    assert (worse.moved, worse.finding) == ((0, 30), Finding.WORSE)


def test_a_difference_that_luck_explains_is_shown_and_no_finding() -> None:
    up = [*_passes(50)[:-3], 1.0, 1.0, 1.0]
    before = run_of(judged(), {"student": _passes(50)}, texts={"student": OLD})
    after = run_of(judged(), {"student": up}, texts={"student": NEW})

    found = compare(before, after)

    assert _row(found).status is Status.SHOWN
    assert (_row(found).finding, found.findings) == (Finding.NONE, ())


def test_many_slices_of_nothing_hardly_ever_make_a_finding() -> None:
    rng = np.random.default_rng(3)
    slices = [{"a": str(k % 5), "b": str(k // 25)} for k in range(N)]
    hits = 0
    for _ in range(40):
        values = [rng.normal(0.5, 0.2, N).clip(-1, 1).tolist() for _ in range(2)]
        runs = [
            run_of(alike(), {"student": one}, texts={"student": text}, slices=slices)
            for one, text in zip(values, (OLD, NEW), strict=True)
        ]
        hits += bool(compare(*runs).findings)

    assert hits <= 4


def test_a_judge_that_is_not_believed_in_one_of_the_runs_shows_no_difference() -> None:
    before = run_of(judged(), {"student": _passes(50)}, texts={"student": OLD})
    after = run_of(judged(), {"student": _passes(80)}, texts={"student": NEW}, standing=None)

    row = _row(compare(before, after))

    assert (row.status, row.estimate, row.means, row.moved, row.bounds) == (
        Status.WITHHELD,
        None,
        None,
        None,
        None,
    )
    assert row.reason.startswith("second run: judge unvalidated")


def test_another_judge_and_other_outputs_are_not_told_apart_and_so_withheld() -> None:
    before = run_of(judged("judge-1"), {"student": _passes(50)}, texts={"student": OLD})
    after = run_of(judged("judge-2"), {"student": _passes(80)}, texts={"student": NEW})

    found = compare(before, after)

    assert _row(found).status is Status.WITHHELD
    assert "model was 'judge-1', is 'judge-2'" in _row(found).reason
    assert "no verdict on 100 of 100 outputs of the first run" in _row(found).reason
    assert found.undecided


def test_another_judge_that_judged_both_outputs_shows_its_own_part_and_the_students() -> None:
    first, second = judged("judge-1"), judged("judge-2")
    before = run_of(first, {"student": _passes(50)}, texts={"student": OLD})
    after = run_of(second, {"student": _passes(80)}, texts={"student": NEW})
    # Of the old outputs the new judge passes 70: 20 points are its own doing, 10 the student's.
    again = {
        content: score(second, float(int(key.item_id[1:]) < 70))
        for key, content in contents(before, second).items()
    }

    found = compare(before, after, again={"equivalence.reference": again})

    row = _row(found)
    assert row.estimate is not None
    assert row.estimate.value == pytest.approx(0.1)
    assert row.means == (0.7, 0.8)
    assert row.one_judge
    assert isinstance(row.judge_part, Estimate)
    assert row.judge_part.value == pytest.approx(0.2)
    assert not found.undecided


def test_an_earlier_judge_that_is_not_believed_keeps_its_part_to_itself() -> None:
    first, second = judged("judge-1"), judged("judge-2")
    before = run_of(first, {"student": _passes(50)}, texts={"student": OLD}, standing=None)
    after = run_of(second, {"student": _passes(80)}, texts={"student": NEW})
    again = {
        content: score(second, float(int(key.item_id[1:]) < 70))
        for key, content in contents(before, second).items()
    }

    row = _row(compare(before, after, again={"equivalence.reference": again}))

    assert row.status is Status.SHOWN
    assert row.judge_part is None


def test_unchanged_outputs_under_another_judge_are_no_change_of_the_student() -> None:
    before = run_of(judged("judge-1"), {"student": _passes(50)}, texts={"student": OLD})
    after = run_of(judged("judge-2"), {"student": _passes(80)}, texts={"student": OLD})

    row = _row(compare(before, after))

    assert (row.status, row.n_changed) == (Status.UNDEFINED, 0)
    assert row.reason == "the scores of all 100 items are the same"


def test_an_instrument_that_is_another_one_is_not_compared() -> None:
    before = run_of(alike("x"), {"student": [0.5] * N}, texts={"student": OLD})
    after = run_of(alike("y"), {"student": [0.9] * N}, texts={"student": NEW})

    row = _row(compare(before, after))

    assert row.status is Status.WITHHELD
    assert "embedder was 'x', is 'y'" in row.reason


def test_what_is_held_against_a_teacher_that_changed_is_not_compared() -> None:
    measure = judged(target=Target.TEACHER)
    values = {"teacher": [1.0] * N, "student": _passes(50)}
    before = run_of(measure, values, texts={"teacher": OLD, "student": OLD})
    after = run_of(measure, values, texts={"teacher": NEW, "student": OLD})

    row = _row(compare(before, after))

    assert row.status is Status.WITHHELD
    assert "the teacher's outputs differ on 100 items" in row.reason


def test_missing_values_are_counted_and_bounded() -> None:
    lost: list[float | None] = [*_passes(80)[:-10], *[None] * 10]
    before = run_of(judged(), {"student": _passes(50)}, texts={"student": OLD})
    after = run_of(judged(), {"student": lost}, texts={"student": NEW})

    row = _row(compare(before, after))

    assert (row.n_pairs, row.n_unpaired) == (90, 10)
    assert row.bounds is not None
    assert row.bounds == pytest.approx((0.3, 0.4))


def test_a_small_slice_has_a_reason_and_no_number() -> None:
    slices = [{"kind": "rare" if k < 10 else "common"} for k in range(N)]
    before = run_of(judged(), {"student": _passes(50)}, texts={"student": OLD}, slices=slices)
    after = run_of(judged(), {"student": _passes(80)}, texts={"student": NEW}, slices=slices)

    found = compare(before, after)

    assert _row(found, "kind=rare").status is Status.INSUFFICIENT
    assert _row(found, "kind=common").status is Status.SHOWN


def test_clusters_move_together() -> None:
    before = run_of(judged(), {"student": _passes(50)}, texts={"student": OLD})
    after = run_of(judged(), {"student": _passes(60)}, texts={"student": NEW})
    # Ten items that got better are one conversation: that is one piece of luck, not ten.
    together = [
        with_records(one, (replace(r, cluster=r.item_id[1:-1] or "0") for r in one.records))
        for one in (before, after)
    ]

    alone, clustered = _row(compare(before, after)), _row(compare(*together))

    assert alone.finding is Finding.BETTER
    assert clustered.p_value is not None
    assert clustered.p_value.value == 1.0
    assert clustered.finding is Finding.NONE


def _labels(values: Sequence[float]) -> dict[str, dict[int, int]]:
    return {"student": {k: int(values[k]) for k in range(0, N, 2)}}


def test_labels_on_both_outputs_correct_a_difference_that_the_judge_made_up() -> None:
    # People see no change; the judge, who is not believed, sees 30 points.
    truth = _passes(50)
    before = run_of(
        judged(),
        {"student": truth},
        texts={"student": OLD},
        standing=Standing.NOT_TRUSTED,
        labels=_labels(truth),
    )
    flipped = [1 - truth[k] if k in (8, 60) else truth[k] for k in range(N)]
    after = run_of(
        judged(),
        {"student": _passes(80)},
        texts={"student": NEW},
        standing=Standing.NOT_TRUSTED,
        labels=_labels(flipped),
    )

    row = _row(compare(before, after))

    assert (row.status, row.estimate) == (Status.WITHHELD, None)
    assert row.corrected is not None
    assert row.corrected.estimate is not None
    assert row.corrected.estimate.low < 0 < row.corrected.estimate.high
    assert row.corrected.n_labels == 50


def test_labels_on_one_of_the_outputs_only_correct_nothing() -> None:
    truth = _passes(50)
    before = run_of(judged(), {"student": truth}, texts={"student": OLD}, labels=_labels(truth))
    after = run_of(judged(), {"student": truth}, texts={"student": NEW})

    row = _row(compare(before, after))

    assert row.corrected is not None
    assert row.corrected.estimate is None
    assert row.corrected.reason == "second run: no labels by people on these outputs"
