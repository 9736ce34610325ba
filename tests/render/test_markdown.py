import re
from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from judge.render.markdown import as_markdown
from judge.render.page import Page, Section, Table
from judge.render.pages import report_page
from judge.render.text import flat
from judge.render.validation_page import validation_page
from judge.reports.report import Report
from judge.trust.certificate import Standing
from judge.trust.validation import Validation

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
STRUCTURE = {"heading", "bullet_list", "list_item", "paragraph", "table", "thead", "tbody"}
STRUCTURE |= {"tr", "th", "td"}
MARKS = "\\|`*_~[]()!#+-=.<>&:;/@\"'1a \n"


def _page(text: str) -> Page:
    table = Table(columns=["slice", text], rows=[[text, text], ["other", text]])
    return Page(title=text, sections=[Section(title=text, lines=[text, text], tables=[table])])


def _inline(markdown: str) -> list[str]:
    """Return the text of every heading, line and cell, and refuse whatever else is there."""
    texts = []
    for token in PARSER.parse(markdown):
        if token.type == "inline":
            texts.append(_plain(token))
        else:
            assert token.type.removesuffix("_open").removesuffix("_close") in STRUCTURE, token
    return texts


def _plain(token: Token) -> str:
    children = token.children or []
    assert {child.type for child in children} <= {"text"}, token.content
    return "".join(child.content for child in children)


def _assert_shown_as_text(text: str) -> None:
    shown = flat(text)

    found = _inline(as_markdown(_page(text)))

    assert found == [shown] * 4 + ["slice", shown, shown, shown, "other", shown]


def test_a_hostile_text_is_shown_as_it_is(hostile: Sequence[str]) -> None:
    for text in hostile:
        _assert_shown_as_text(text)


@given(st.one_of(st.text(st.sampled_from(MARKS)), st.text()).filter(flat))
@settings(max_examples=400, deadline=None)
def test_no_text_becomes_markup(text: str) -> None:
    _assert_shown_as_text(text)


def test_an_address_does_not_become_a_link_by_itself() -> None:
    # GitHub links bare addresses; an escaped mark in them stops it.
    markdown = as_markdown(_page("https://evil.example www.evil.example me@evil.example"))

    assert not re.search(r"(?<!\\)://|(?<=www)\.|(?<!\\)@", markdown)


def test_the_names_of_metrics_and_figures_stay_readable() -> None:
    markdown = as_markdown(_page("true_positive_rate not_trusted 0.812 [0.740, 0.869]"))

    assert "true_positive_rate not_trusted 0.812" in markdown


def test_a_hostile_report_has_the_structure_of_a_harmless_one(
    report_of: Callable[..., Report], hostile: Sequence[str]
) -> None:
    def types(text: str) -> list[str]:
        system = text
        cells = {"teacher": [1.0, 0.0] * 15, system: [1.0] * 30}
        report = report_of(
            {"equivalence.reference": cells},
            ids=[f"{text}{place}" for place in range(30)],
            slices=[{text: text}] * 30,
            text=text,
            name=text,
        )
        return [token.type for token in PARSER.parse(as_markdown(report_page(report)))]

    harmless = types("harmless")

    for text in hostile:
        assert types(text) == harmless, text


def test_a_hostile_validation_has_the_structure_of_a_harmless_one(
    validation_of: Callable[..., Validation], hostile: Sequence[str]
) -> None:
    def types(text: str) -> list[str]:
        found = validation_of(
            [(1, 0.0), (0, 1.0)] * 15,
            ids=[f"{text}{place}" for place in range(30)],
            system=text,
            slices={text: text},
            text=text,
        )
        markdown = as_markdown(validation_page(found))
        _inline(markdown)
        return [token.type for token in PARSER.parse(markdown)]

    harmless = types("harmless")

    for text in hostile:
        assert types(text) == harmless, text


def test_a_withheld_number_is_nowhere_in_the_markdown(report_of: Callable[..., Report]) -> None:
    columns = {
        "equivalence.reference": {"teacher": [1.0] * 37 + [0.0] * 6, "s": [1.0] * 29 + [0.0] * 14}
    }
    shown = as_markdown(report_page(report_of(columns)))
    numbers = set(re.findall(r"\d+\.\d+", shown)) - {"0.95", "0.710", "0.800", "0.880"}

    withheld = as_markdown(report_page(report_of(columns, standing=None)))
    doubted = as_markdown(report_page(report_of(columns, standing=Standing.NOT_TRUSTED)))

    assert {"0.860", "0.674", "78.4"} <= numbers
    assert not [found for found in numbers if found in withheld]
    assert not [found for found in numbers if found in doubted]


def test_a_small_report_is_the_reviewed_one(
    small_report: Report, matches_snapshot: Callable[[str, str], None]
) -> None:
    matches_snapshot("report.md", as_markdown(report_page(small_report)))


def test_a_small_validation_is_the_reviewed_one(
    small_validation: Validation, matches_snapshot: Callable[[str, str], None]
) -> None:
    matches_snapshot("validation.md", as_markdown(validation_page(small_validation)))
