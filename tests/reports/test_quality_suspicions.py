from collections.abc import Callable

import pytest

from judge.records.production import Conditions, Produced, Production
from judge.records.record import Target
from judge.reports.quality_suspicions import quality_suspicions
from judge.reports.suspicions import Pattern, Seen, Suspicion
from judge.results.run import ADHERENCE, Measure
from judge.testing import judged_measure
from judge.trust.admission import AdmittedResults

N = 200
FORMAT = Measure(
    scorer=ADHERENCE,
    target=Target.SCHEMA,
    judged=False,
    criterion="adherence",
    lower=0.0,
    upper=1.0,
    identity={"parser": "1"},
)
GOOD = [float(place % 20 > 0) for place in range(N)]
OTHERWISE_GOOD = [float(place % 20 > 1) for place in range(N)]
HALF = [float(place % 2) for place in range(N)]

Make = Callable[..., AdmittedResults]


def _said(system: str, of_each: Produced) -> Production:
    outputs = {f"i{place}": of_each for place in range(N)}
    return Production(system=system, conditions=Conditions(), outputs=outputs)


def _sure(found: list[Suspicion]) -> set[tuple[Pattern, str]]:
    return {(one.pattern, one.slice) for one in found if one.p_value < 1e-4}


def _suspected(seen: Seen) -> set[tuple[Pattern, str]]:
    return _sure(list(quality_suspicions(seen)))


def test_nothing_is_suspected_of_a_student_as_good_as_its_teacher(admitted: Make) -> None:
    cells = {"teacher": GOOD, "student": OTHERWISE_GOOD}

    assert _suspected(Seen(admitted((judged_measure(), cells), (FORMAT, cells)))) == set()


def test_a_student_that_misses_what_its_teacher_misses_has_a_ceiling(admitted: Make) -> None:
    cells = {"teacher": HALF, "student": HALF}

    found = _suspected(Seen(admitted((judged_measure(), cells))))

    assert found == {(Pattern.TEACHER_IS_CEILING, "overall")}


def test_a_slice_that_is_lost_is_named(admitted: Make) -> None:
    slices = [{"topic": "legal" if place < 50 else "other"} for place in range(N)]
    worse = [0.0] * 50 + GOOD[50:]

    found = Seen(admitted((judged_measure(), {"teacher": GOOD, "student": worse}), slices=slices))

    assert _suspected(found) == {(Pattern.COVERAGE_GAP, "topic=legal")}


def test_items_that_leaked_and_are_won_are_named(admitted: Make) -> None:
    cells = {"teacher": HALF, "student": [1.0] * 60 + HALF[60:]}
    leaked = frozenset(f"i{place}" for place in range(60))

    found = _suspected(Seen(admitted((judged_measure(), cells)), leaked=leaked))

    assert (Pattern.LEAKED_ITEMS, "leaked items") in found


def test_valid_outputs_that_are_wrong_are_told_from_right_ones_that_are_invalid(
    admitted: Make,
) -> None:
    good, half = {"teacher": GOOD, "student": GOOD}, {"teacher": GOOD, "student": HALF}
    well_formed = {"teacher": [1.0] * N, "student": [1.0] * N}

    wrong = _suspected(Seen(admitted((judged_measure(), half), (FORMAT, well_formed))))
    invalid = _suspected(Seen(admitted((judged_measure(), good), (FORMAT, half))))

    assert wrong == {(Pattern.VALID_BUT_WRONG, "overall")}
    assert invalid == {(Pattern.RIGHT_BUT_INVALID, "overall")}


def test_a_student_surer_than_right_is_named(admitted: Make) -> None:
    results = admitted((judged_measure(), {"teacher": HALF[::-1], "student": HALF}))
    sure = _said("student", Produced(declared_confidence=0.9))

    assert (Pattern.OVERCONFIDENT, "overall") in _suspected(Seen(results, productions=[sure]))


@pytest.mark.parametrize(("cost", "named"), [(1.0, True), (0.1, False)])
def test_a_student_that_is_faster_and_costs_as_much_is_named(
    cost: float, *, named: bool, admitted: Make
) -> None:
    results = admitted((judged_measure(), {"teacher": GOOD, "student": OTHERWISE_GOOD}))
    taken = [
        _said("teacher", Produced(latency_ms=900.0, cost=1.0)),
        _said("student", Produced(latency_ms=100.0, cost=cost)),
    ]

    found = _suspected(Seen(results, productions=taken))

    assert ((Pattern.FASTER_NOT_CHEAPER, "overall") in found) is named
