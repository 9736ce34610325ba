from collections.abc import Callable
from dataclasses import replace

import pytest

from judge.render.format_section import format_sections
from judge.render.page import Section
from judge.reports.format import FormatFindings
from judge.reports.format_errors import FrequentError, PartErrors
from judge.reports.report import Report

BAD = (0.0, "output_not_json")


@pytest.fixture(scope="module")
def findings(report_of: Callable[..., Report]) -> FormatFindings:
    cells = {"teacher": [1.0] * 40, "student": [BAD] * 10 + [1.0] * 30}
    found = report_of({"adherence.strict": cells}).format
    assert found is not None
    return found


def _section(findings: FormatFindings) -> Section:
    (section,) = format_sections(findings)
    return section


def test_strict_and_lenient_stand_side_by_side(findings: FormatFindings) -> None:
    teacher, student = findings.parts
    forgiven = replace(
        student,
        errors=PartErrors(
            outputs=40,
            strict=30,
            lenient=38,
            shapes={"fenced": 8, "prose_around": 2},
            kinds={},
            repairs=[3, 6, 6, 40],
        ),
    )

    section = _section(replace(findings, parts=(teacher, forgiven)))

    rates, errors = section.tables[:2]
    assert [row[0] for row in rates.rows] == ["teacher  overall", "student  overall"]
    assert rates.rows[1][2].startswith("75.0 % [")
    assert [row[4] for row in rates.rows] == ["-", "6, at most 40 (4 outputs)"]
    assert errors.rows[1] == ["student  overall", "fenced 8, prose_around 2", "-"]


def test_what_goes_wrong_most_is_shown_with_an_example_and_what_to_do(
    findings: FormatFindings,
) -> None:
    error = FrequentError(
        kind="type",
        keyword="type",
        place="/total",
        wanted="number",
        outputs={"teacher": 0, "student": 7},
        item_id="i3",
        system="student",
        message='"3" is\nnot of type "number"',
        fix="Write a number at /total.",
    )

    section = _section(replace(findings, frequent=(error,)))

    assert section.tables[2].rows == [
        [
            "type /total",
            "student 7",
            'i3 of student: "3" is not of type "number"',
            "Write a number at /total.",
        ]
    ]


def test_a_student_is_shown_beside_its_teacher(findings: FormatFindings) -> None:
    (row,) = _section(findings).tables[-1].rows

    assert row[:4] == ["student", "40", "10", "0"]
    assert row[4].startswith("-0.250 [")


@pytest.mark.parametrize("none", [True, False])
def test_where_no_output_was_held_against_a_format_there_is_no_section(
    findings: FormatFindings, *, none: bool
) -> None:
    assert format_sections(None if none else replace(findings, parts=())) == []
