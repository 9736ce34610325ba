import re
import unicodedata
from collections.abc import Callable, Sequence
from io import StringIO

import pytest
from rich.console import Console

from judge.render.page import Page, Section, Table
from judge.render.pages import report_page
from judge.render.terminal import show
from judge.render.text import flat
from judge.render.validation_page import validation_page
from judge.reports.report import Report
from judge.trust.certificate import Standing
from judge.trust.validation import Validation

STYLE = re.compile(r"\x1b\[[0-9;]*m")


def _shown(page: Page, *, colour: bool = False, width: int = 200) -> str:
    written = StringIO()
    console = Console(
        file=written,
        width=width,
        highlight=False,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
    )
    show(page, console)
    return written.getvalue()


def _page(text: str) -> Page:
    table = Table(columns=["slice", text], rows=[[text, text]])
    return Page(title=text, sections=[Section(title=text, lines=[text], tables=[table])])


def _controls(text: str) -> set[str]:
    return {
        mark
        for mark in text
        if mark != "\n" and unicodedata.category(mark) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    }


def test_no_hostile_text_reaches_the_terminal_as_more_than_text(hostile: Sequence[str]) -> None:
    for text in hostile:
        shown = _shown(_page(text))

        assert not _controls(shown)
        # Rich pads cells; the text itself stands there unchanged: no markup, no emoji.
        assert shown.count(flat(text)) == 6, text


def test_only_our_own_styles_are_in_a_coloured_page(hostile: Sequence[str]) -> None:
    ours = set(STYLE.findall(_shown(_page("harmless"), colour=True)))

    for text in hostile:
        shown = _shown(_page(text), colour=True)

        assert set(STYLE.findall(shown)) <= ours
        assert not _controls(STYLE.sub("", shown))


def test_a_text_cannot_begin_a_line_of_its_own() -> None:
    shown = _shown(_page("x\nTrust\n\nequivalence.reference: trusted"))

    assert not [line for line in shown.splitlines() if line.strip() == "Trust"]


@pytest.mark.parametrize("standing", [None, Standing.NOT_TRUSTED, Standing.INSUFFICIENT])
def test_a_withheld_number_is_nowhere_on_the_terminal(
    report_of: Callable[..., Report], standing: Standing | None
) -> None:
    columns = {
        "equivalence.reference": {"teacher": [1.0] * 37 + [0.0] * 6, "s": [1.0] * 29 + [0.0] * 14}
    }
    shown = _shown(report_page(report_of(columns)))
    numbers = set(re.findall(r"\d+\.\d+", shown)) - {"0.710", "0.800", "0.880"}

    withheld = _shown(report_page(report_of(columns, standing=standing)))

    assert {"0.860", "0.674", "78.4"} <= numbers
    assert not [found for found in numbers if found in withheld]
    assert "withheld" in withheld


def test_a_standing_has_a_colour_and_is_said_in_words_too() -> None:
    page = Page(title="t", sections=[Section(title="s", lines=["not_trusted: so it is"])])

    assert "\x1b[31mnot_trusted: so it is" in _shown(page, colour=True)
    assert "not_trusted: so it is" in _shown(page)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_page_fits_the_terminal(
    small_report: Report, small_validation: Validation, width: int
) -> None:
    for page in (report_page(small_report), validation_page(small_validation)):
        assert max(len(line) for line in _shown(page, width=width).splitlines()) <= width


def test_numbers_end_below_each_other_and_words_begin_below_each_other() -> None:
    rows = [
        ["adherence", "at least .9 of every answer", "0.912 [0.870, 0.950]", "1,204", "-"],
        ["coverage", "at least .5", "-", "7", "-"],
    ]
    table = Table(columns=["metric", "rule", "found", "n", "none"], rows=rows)
    page = Page(title="gate", sections=[Section(title="Gate", tables=[table])])

    lines = _shown(page).splitlines()
    head, first, second = (
        next(line for line in lines if line.strip().startswith(name))
        for name in ("metric", "adherence", "coverage")
    )

    assert head.index("rule") == first.index("at least") == second.index("at least")
    assert first.index("1,204") + 5 == second.index("7") + 1
    assert first.rstrip().endswith("-")
