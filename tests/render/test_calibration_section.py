from collections.abc import Callable
from io import StringIO

import pytest
from rich.console import Console

from judge.render.calibration_section import calibration_sections
from judge.render.html import as_html
from judge.render.markdown import as_markdown
from judge.render.page import Page, Section
from judge.render.pages import report_page
from judge.render.report_html import report_html
from judge.render.terminal import show
from judge.render.text import interval, number
from judge.reports.report import Report
from judge.stats.calibration import BrierScore
from judge.stats.estimate import Estimate
from tests.render.calibrated import N, columns, productions

Maker = Callable[..., Report]
HALVES = [{"half": "first" if place < N // 2 else "second"} for place in range(N)]


@pytest.fixture(scope="module")
def report(report_of: Maker) -> Report:
    return report_of(columns(), productions=productions(), slices=HALVES)


def _section(report: Report) -> Section:
    (section,) = calibration_sections(report.calibration)
    return section


def test_the_section_says_whose_word_it_is_and_where_confidence_comes_from(report: Report) -> None:
    lines = _section(report).lines

    assert lines[0] == (
        "teacher: 200 of 200 outputs have a confidence; 200 of them are known to be right or wrong "
        "(200 declared); the judge says what is right (equivalence.reference)"
    )
    assert "(200 the geometric mean of their tokens' probabilities)" in lines[1]


def test_the_tables_hold_the_numbers_of_the_rows(report: Report) -> None:
    row = report.calibration[0]
    assert row.figures is not None
    assert isinstance(row.figures.brier, BrierScore)
    assert isinstance(row.figures.brier.score, Estimate)
    assert isinstance(row.excess, Estimate)

    sure, by_slice, figures, parts, curve, *_ = _section(report).tables

    assert sure.rows[0][0] == "teacher"
    assert sure.rows[0][-1] == interval(row.excess)
    assert by_slice.rows[0][0] == "teacher  half=first"
    assert figures.rows[0][1] == interval(row.figures.brier.score)
    assert [line[0] for line in figures.rows[:4]] == [
        "teacher  as it is",
        "teacher  after temperature",
        "teacher  after platt",
        "teacher  after isotonic",
    ]
    assert parts.rows[0][1] == number(row.figures.brier.reliability)
    assert len(curve.rows) == len(row.figures.curve) == 10


def test_every_format_says_it_and_html_draws_a_curve_for_each_system(report: Report) -> None:
    console = Console(width=250, record=True, file=StringIO())
    page = report_page(report)
    show(page, console)
    excess = report.calibration[0].excess
    assert isinstance(excess, Estimate)

    html = report_html(report).decode()

    for said in (console.export_text(), as_markdown(page).replace("\\", "")):
        assert "after temperature" in said
        assert interval(excess) in said
    assert f"{number(excess.value)}</span>" in html
    assert html.count('class="curve') == 2
    assert "confidence, student" in html


def test_a_judge_that_is_not_believed_leaves_reasons_and_no_number(report_of: Maker) -> None:
    report = report_of(columns(), productions=productions(), standing=None, slices=HALVES)

    section = _section(report)

    assert section.tables == []
    assert section.curves == []
    told = [line for line in section.lines if "undefined" in line]
    assert len(told) == 2  # once for each system, not again for each slice
    assert "judge unvalidated" in told[0]


def test_no_name_becomes_markup(report_of: Maker) -> None:
    evil = '<img src=x onerror=alert(1)>"\x1b[31m'
    report = report_of(columns(student=evil), productions=productions(student=evil))

    html = as_html(Page(title="x", sections=[_section(report)])).decode()

    assert "<img" not in html
    assert "\x1b" not in html


def test_where_nobody_says_how_sure_it_is_there_is_no_section(small_report: Report) -> None:
    assert calibration_sections(small_report.calibration) == []
