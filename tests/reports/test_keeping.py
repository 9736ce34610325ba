from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from judge.reports.evidence import Basis
from judge.reports.keeping import Kept, difference, kept, with_holm
from judge.results.terms import Unscored
from judge.stats.estimate import Estimate, Undefined
from judge.trust.certificate import Standing
from tests.reports.paired_sides import FACT, JUDGED, passes, records, sides


def _kept(
    values: NDArray[np.float64],
    *,
    margin: float | None = 0.9,
    lost: dict[int, range] | None = None,
    unscored: Unscored = Unscored.BOUNDS,
) -> Kept:
    student, teacher = sides(records(len(values)), values, lost=lost)
    return kept(student, teacher, slice_name="overall", margin=margin, unscored=unscored)


@pytest.mark.parametrize(
    ("student", "answer"), [(190, "yes"), (173, "undecided"), (130, "no")], ids=str
)
def test_a_share_is_enough_where_its_lower_limit_is(student: int, answer: str) -> None:
    row = _kept(passes(student, 190, 200))

    assert row.share is not None
    assert row.answer == answer
    assert row.basis is Basis.SCORER
    assert row.share.value == pytest.approx(student / 190)
    assert row.at_least is not None
    assert row.at_most is not None
    assert (row.at_least, row.at_most) == (row.share.low, row.share.high)
    assert (row.at_least >= 0.9) == (answer == "yes")
    assert (row.at_most < 0.9) == (answer == "no")


def test_an_open_answer_says_how_many_items_would_settle_it_and_what_can_be_decided() -> None:
    row = _kept(passes(173, 190, 200))

    assert isinstance(row.more_items, int)
    assert row.more_items > 0
    assert isinstance(row.decidable, float)
    assert row.decidable < 0.9
    assert _kept(passes(173, 190, 200), margin=row.decidable).answer == "yes"


def test_where_no_margin_is_declared_nothing_is_answered() -> None:
    row = _kept(passes(190, 190, 200), margin=None)

    assert (row.answer, row.margin) == (None, None)
    assert isinstance(row.decidable, float)


def test_a_student_and_a_teacher_that_never_fail_are_told_apart_by_how_many_they_are() -> None:
    few, many = _kept(passes(30, 30, 30)), _kept(passes(300, 300, 300))

    assert (few.answer, many.answer) == ("undecided", "yes")
    assert many.at_least is not None
    assert 0.9 < many.at_least < 1


def test_missing_scores_that_could_turn_an_answer_leave_it_open() -> None:
    whole = _kept(passes(190, 190, 200))
    holes = _kept(passes(190, 190, 200), lost={0: range(40)})
    declared = _kept(passes(190, 190, 200), lost={0: range(40)}, unscored=Unscored.SET_ASIDE)

    assert (whole.answer, holes.answer, declared.answer) == ("yes", "undecided", "yes")
    assert holes.reason.startswith("the scores alone say yes, but 40 of 200 items lack one")
    assert holes.at_least is not None
    assert holes.at_least < 0.8


def test_a_few_missing_scores_do_not_turn_a_clear_answer() -> None:
    assert _kept(passes(198, 198, 200), lost={0: range(2)}).answer == "yes"
    assert _kept(passes(60, 198, 200), lost={0: range(2), 1: range(5, 7)}).answer == "no"


def test_a_teacher_at_0_or_near_it_leaves_no_share_and_says_why() -> None:
    zero, near = _kept(passes(50, 0, 100)), _kept(passes(50, 1, 100))

    assert (zero.share, near.share) == (None, None)
    assert "not above 0" in zero.reason
    assert "not told from 0" in near.reason


def test_a_slice_of_one_record_has_a_reason_and_no_number() -> None:
    row = _kept(passes(1, 1, 1))

    assert (row.share, row.answer) == (None, "undecided")
    assert row.reason == "1 items scored on both, 20 are needed"


def test_of_a_cosine_no_share_is_kept_since_0_is_not_its_worst() -> None:
    alike = replace(FACT, scorer="similarity", lower=-1.0)
    student, teacher = sides(records(30), passes(20, 30, 30), measure=alike)

    row = kept(student, teacher, slice_name="overall", margin=0.9, unscored=Unscored.BOUNDS)

    assert row.share is None
    assert "does not begin at 0" in row.reason


def test_labels_carry_what_an_untrusted_judge_may_not() -> None:
    people = passes(180, 190, 200)
    made = sides(
        records(200),
        1 - people,
        measure=JUDGED,
        standing=Standing.NOT_TRUSTED,
        labels=people,
        labelled=range(0, 200, 2),
    )

    row = kept(*made, slice_name="overall", margin=0.5, unscored=Unscored.BOUNDS)

    assert (row.basis, row.answer, row.n_labels, row.n_items) == (Basis.LABELS, "yes", 100, 200)
    assert row.share is not None
    assert row.share.value == pytest.approx(180 / 190, abs=0.02)


def test_many_slices_are_held_to_a_stricter_level_together() -> None:
    row = replace(_kept(passes(130, 190, 200), margin=0.75), p_no=0.02, p_yes=0.98, answer="no")

    alone, *_ = with_holm([row])
    (first, *_) = with_holm([row, replace(row, p_no=0.5, p_yes=0.5)])

    assert (alone.answer, first.answer) == ("no", "undecided")
    assert first.p_no == pytest.approx(0.04)
    assert with_holm([]) == []


def test_a_difference_holds_in_the_worst_and_in_the_best_case() -> None:
    first, second = sides(records(200), passes(150, 100, 200), lost={0: range(20)})

    scores, found, bounds = difference(
        first, second, slice_name="overall", unscored=Unscored.BOUNDS
    )

    assert scores is not None
    assert isinstance(found, Estimate)
    assert bounds is not None
    assert bounds[0] < found.low < found.high <= bounds[1]
    assert found.value == pytest.approx(50 / 180)


def test_two_systems_without_evidence_have_no_difference_but_a_reason() -> None:
    pair = sides(records(30), passes(9, 9, 30), measure=JUDGED, standing=Standing.UNVALIDATED)

    scores, found, bounds = difference(*pair, slice_name="overall", unscored=Unscored.BOUNDS)

    assert (scores, bounds) == (None, None)
    assert isinstance(found, Undefined)
    assert found.reason.startswith("judge unvalidated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A student exactly at the margin; `n_labels` of the items labelled, 0 for a trusted judge."""

    n: int
    teacher: float
    margin: float
    cluster_size: int = 1
    n_labels: int = 0
    graded: bool = False

    def draw(self, rng: np.random.Generator) -> NDArray[np.float64]:
        """Return scores of students and teachers that share their luck, also within clusters."""
        shared = np.repeat(rng.random(self.n // self.cluster_size), self.cluster_size)
        luck = np.where(rng.random(self.n) < 0.3, shared, rng.random(self.n))
        own = np.where(rng.random(self.n) < 0.5, luck, rng.random(self.n))
        shares = (self.teacher * self.margin, self.teacher)
        if self.graded:
            return np.column_stack([own * shares[0] * 2, luck * shares[1] * 2]).round(9)
        return np.column_stack([own < shares[0], luck < shares[1]]).astype(np.float64)

    def promises(self, *, runs: int, seed: int) -> tuple[float, float]:
        """Return how often the interval covers the margin and how often it is called kept."""
        rng, made = np.random.default_rng(seed), records(self.n, self.cluster_size)
        covered, called = [], []
        for _ in range(runs):
            truths = self.draw(rng)
            if self.n_labels:
                right = rng.random(truths.shape) < np.array([0.9, 0.8])
                pair = sides(
                    made,
                    np.where(right, truths, 1 - truths),
                    measure=JUDGED,
                    standing=Standing.NOT_TRUSTED,
                    labels=truths,
                    labelled=rng.permutation(self.n)[: self.n_labels].tolist(),
                )
            else:
                measure = replace(FACT, upper=2.0) if self.graded else FACT
                pair = sides(made, truths, measure=measure)
            row = kept(*pair, slice_name="overall", margin=self.margin, unscored=Unscored.BOUNDS)
            assert row.share is not None, row.reason
            covered.append(row.share.low <= self.margin <= row.share.high)
            called.append(row.answer == "yes")
        return float(np.mean(covered)), float(np.mean(called))


CELLS = [
    Cell(n=100, teacher=0.9, margin=0.9),
    Cell(n=200, teacher=0.9, margin=0.95),
    Cell(n=500, teacher=0.7, margin=0.9),
    Cell(n=200, teacher=1.0, margin=0.95),
    Cell(n=300, teacher=0.4, margin=0.9, graded=True),
    Cell(n=200, teacher=0.9, margin=0.9, cluster_size=10),
    Cell(n=500, teacher=0.8, margin=0.9, cluster_size=10),
    Cell(n=300, teacher=0.4, margin=0.9, cluster_size=5, graded=True),
    Cell(n=600, teacher=0.9, margin=0.9, n_labels=150),
    Cell(n=600, teacher=0.95, margin=0.95, n_labels=300),
    Cell(n=600, teacher=0.85, margin=0.9, n_labels=200, cluster_size=4),
]


@pytest.mark.parametrize("cell", [CELLS[5], CELLS[8]], ids=str)
def test_what_is_kept_is_covered_and_enough_about_as_often_as_it_says(cell: Cell) -> None:
    covered, called = cell.promises(runs=200, seed=5)

    assert covered >= 0.91
    assert called <= 0.055


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_what_is_kept_keeps_its_promise_in_every_cell(cell: Cell) -> None:
    covered, called = cell.promises(runs=2000, seed=6)
    print(f"{cell}: covered {covered:.4f}, called kept {called:.4f}")  # noqa: T201  the figures are the point

    assert covered >= 0.935
    assert called <= 0.03
