from collections.abc import Callable

from judge.render.page import Page, Section
from judge.render.validation_page import validation_page
from judge.results.outcome import FateCode
from judge.trust.validation import Validation


def _section(page: Page, title: str) -> Section:
    (found,) = [section for section in page.sections if section.title.startswith(title)]
    return found


def _cells(section: Section) -> list[list[str]]:
    return [list(row) for table in section.tables for row in table.rows]


def test_a_validation_shows_every_figure_beside_the_baseline(small_validation: Validation) -> None:
    rows = _cells(_section(validation_page(small_validation), "Agreement"))

    weighted = {"kappa_linear", "kappa_quadratic"}  # of two classes the same number again
    figures = [name for name in small_validation.overall.figures if name not in weighted]
    assert [row[0] for row in rows] == figures
    informedness = next(row for row in rows if row[0] == "informedness")
    assert informedness[2].startswith("0.000 [")


def test_a_validation_of_the_baseline_has_nothing_beside_it(
    validation_of: Callable[..., Validation],
) -> None:
    page = validation_page(validation_of([(1, 1.0), (0, 0.0)] * 30, baseline=False))

    assert {len(row) for row in _cells(_section(page, "Agreement"))} == {2}


def test_what_was_not_judged_and_what_was_set_aside_is_said(small_validation: Validation) -> None:
    lines = _section(validation_page(small_validation), "Standing").lines

    assert "119 labels (human) on 119 items" in lines
    assert "labelled but not judged: judge_unparseable 1" in lines
    assert "ratings set aside: of the system old, which is not in the config 3" in lines


def test_ten_disagreements_are_shown_and_the_rest_counted(
    validation_of: Callable[..., Validation],
) -> None:
    section = _section(validation_page(validation_of([(1, 0.0)] * 14)), "Disagreements (14)")

    assert len(section.lines) == 11
    assert section.lines[0] == "i0 of student: people equivalent, judge different - because"
    assert section.lines[-1] == "... 4 more; all of them with -o x.json"


def test_a_validation_without_a_single_verdict_is_a_page_too(
    validation_of: Callable[..., Validation],
) -> None:
    page = validation_page(validation_of([(1, FateCode.JUDGE_UNAVAILABLE)] * 3))

    assert _section(page, "Standing").lines[0].startswith("insufficient: ")
    assert _section(page, "Disagreements (0)").lines == ["none"]
