from collections.abc import Callable, Sequence

import numpy as np

from judge.reports.decision import decide
from judge.reports.slices import SliceRow, SliceVerdict, slice_rows
from judge.results.terms import DecisionTerms
from judge.trust.admission import AdmittedResults
from tests.reports.paired_sides import FACT, JUDGED

Maker = Callable[..., AdmittedResults]
N = 400
KINDS = ("mail", "chat", "note", "code")
FOUR = [{"kind": KINDS[place % 4]} for place in range(N)]


def _rows(results: AdmittedResults) -> dict[str, SliceRow]:
    return {row.slice: row for row in slice_rows(results, decide(results, DecisionTerms()))}


def _passes(shares: Sequence[float], seed: int) -> list[float]:
    """Return passes of N items, the share by kind."""
    rng = np.random.default_rng(seed)
    passed = rng.random(N) < np.tile(shares, N // len(shares))
    return [float(one) for one in passed]


def test_the_slice_on_which_a_student_falls_behind_its_teacher_stands_first(
    admitted: Maker,
) -> None:
    cells = {"teacher": _passes([0.9], 1), "student": _passes([0.9, 0.9, 0.55, 0.9], 2)}

    rows = _rows(admitted((FACT, cells), slices=FOUR))

    first = next(iter(rows.values()))
    assert (first.slice, first.verdict) == ("kind=note", SliceVerdict.WORSE)
    assert first.gap is not None
    assert first.gap.high < 0
    assert first.student is not None
    assert (first.n, first.declared) == (100, True)


def test_a_slice_that_is_hard_for_both_is_not_the_students_fault(admitted: Maker) -> None:
    hard = [0.9, 0.9, 0.4, 0.9]
    cells = {"teacher": _passes(hard, 3), "student": _passes(hard, 4)}

    rows = _rows(admitted((FACT, cells), slices=FOUR))

    assert rows["kind=note"].verdict is SliceVerdict.ALIKE


def test_where_nothing_is_planted_hardly_anything_is_found(admitted: Maker) -> None:
    found = 0
    for seed in range(40):
        cells = {"teacher": _passes([0.9], 100 + seed), "student": _passes([0.8], 200 + seed)}
        rows = _rows(admitted((FACT, cells), slices=FOUR))
        found += any(row.verdict is SliceVerdict.WORSE for row in rows.values())

    assert found <= 5


def test_a_small_slice_and_one_without_misses_are_insufficient_never_alright(
    admitted: Maker,
) -> None:
    kinds = [{"kind": "rare" if k < 5 else "easy" if k < 105 else "rest"} for k in range(N)]
    student = [1.0] * 105 + [0.0, 1.0, 1.0, 1.0, 1.0] * 59
    cells = {"teacher": [1.0] * 200 + [0.0] * 30 + [1.0] * 170, "student": student}

    rows = _rows(admitted((FACT, cells), slices=kinds))

    assert rows["kind=rare"].verdict is SliceVerdict.INSUFFICIENT
    assert (rows["kind=rare"].n, rows["kind=rare"].student, rows["kind=rare"].gap) == (
        5,
        None,
        None,
    )
    assert rows["kind=easy"].verdict in {SliceVerdict.INSUFFICIENT, SliceVerdict.BETTER}


def test_what_the_teacher_misses_is_shown_and_not_held_against_the_student(
    admitted: Maker,
) -> None:
    teacher = _passes([0.7], 5)
    rows = _rows(admitted((FACT, {"teacher": teacher, "student": teacher})))

    wrong = rows["teacher=wrong"]
    assert wrong.verdict is SliceVerdict.SHOWN
    assert wrong.gap is None
    assert wrong.student is not None
    assert wrong.student.value == 0


def test_without_evidence_or_a_teacher_there_are_no_slices(admitted: Maker) -> None:
    cells = {"teacher": _passes([0.7], 6), "student": _passes([0.7], 7)}
    alone = admitted((FACT, {"student": _passes([0.7], 8)}))

    assert _rows(admitted((JUDGED, cells), slices=FOUR, standing=None)) == {}
    assert slice_rows(alone, decide(alone, DecisionTerms())) == []
