from collections.abc import Callable, Sequence

import pytest

from judge.records.record import Target
from judge.reports.format import FormatFindings, format_findings
from judge.results.outcome import FateCode
from judge.results.run import ADHERENCE, SIMILARITY, Measure
from judge.stats.estimate import Estimate, Undefined
from judge.trust.admission import AdmittedResults

STRICT = Measure(
    scorer=ADHERENCE,
    target=Target.SCHEMA,
    judged=False,
    criterion="adherence",
    lower=0.0,
    upper=1.0,
    identity={"parser": "2"},
)
BAD = (0.0, "output_not_json")
SLICES = [{"kind": "mail" if place < 40 else "chat"} for place in range(60)]


def _found(results: AdmittedResults) -> FormatFindings:
    found = format_findings(results)
    assert found is not None
    return found


def test_both_rates_are_told_of_each_system_and_slice(
    admitted: Callable[..., AdmittedResults],
) -> None:
    cells = [BAD] * 15 + [1.0] * 45

    found = _found(admitted((STRICT, {"student": cells}), slices=SLICES))

    parts = {(part.system, part.slice): part for part in found.parts}
    assert list(parts) == [
        ("student", "overall"),
        ("student", "kind=mail"),
        ("student", "kind=chat"),
    ]
    overall, chat = parts["student", "overall"], parts["student", "kind=chat"]
    assert isinstance(overall.strict, Estimate)
    assert isinstance(overall.lenient, Estimate)
    assert (overall.strict.value, overall.lenient.value, overall.strict.n) == (0.75, 0.75, 60)
    assert overall.errors.shapes == {"not_json": 15}
    assert isinstance(chat.strict, Estimate)
    assert chat.strict.value == 1.0
    assert found.frequent[0].outputs == {"student": 15}


def test_a_student_stands_beside_its_teacher_on_the_items_of_both(
    admitted: Callable[..., AdmittedResults],
) -> None:
    taught: Sequence[object] = [BAD] * 5 + [1.0] * 55
    student = [1.0] * 5 + [BAD] * 10 + [1.0] * 44 + [FateCode.SCHEMA_TIMEOUT]

    found = _found(admitted((STRICT, {"teacher": taught, "student": student})))

    (one,) = found.beside_teacher
    assert (one.student, one.teacher, one.n) == ("student", "teacher", 59)
    assert (one.teacher_only, one.student_only) == (10, 5)
    assert isinstance(one.difference, Estimate)
    assert one.difference.value == pytest.approx(-5 / 59)


def test_where_nothing_differs_no_difference_is_made_up(
    admitted: Callable[..., AdmittedResults],
) -> None:
    found = _found(admitted((STRICT, {"teacher": [1.0] * 30, "student": [1.0] * 30})))

    assert isinstance(found.beside_teacher[0].difference, Undefined)


@pytest.mark.parametrize("cells", [["the item has no schema"] * 3, [FateCode.SCHEMA_TIMEOUT] * 3])
def test_outputs_without_a_score_have_no_part(
    cells: list[object], admitted: Callable[..., AdmittedResults]
) -> None:
    found = _found(admitted((STRICT, {"teacher": cells, "student": cells})))

    assert (found.parts, found.frequent, found.beside_teacher) == ((), (), ())


def test_a_run_without_a_format_has_no_findings(admitted: Callable[..., AdmittedResults]) -> None:
    cosine = Measure(
        scorer=SIMILARITY,
        target=Target.REFERENCE,
        judged=False,
        criterion=SIMILARITY,
        lower=-1.0,
        upper=1.0,
        identity={},
    )

    assert format_findings(admitted((cosine, {"student": [0.5]}))) is None
