"""The report file in a real browser."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from judge.render.pages import report_page
from judge.render.report_html import report_html
from judge.render.text import printable
from judge.reports.report import Report, SaidByPeople
from judge.results.outcome import FateCode
from judge.trust.certificate import Standing

ReportOf = Callable[..., Report]
Open = Callable[..., Page]

WIDE: ViewportSize = {"width": 1300, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Return what opens a report; at the end nothing may have been asked for or complained of."""
    wrong: list[str] = []
    asked: set[str] = set()
    own: set[str] = set()
    pages: list[Page] = []

    def open_report(report: Report, *, narrow: bool = False, dark: bool = False) -> Page:
        path = tmp_path / f"{len(pages)}.html"
        path.write_bytes(report_html(report))
        page = browser.new_page(
            viewport=NARROW if narrow else WIDE, color_scheme="dark" if dark else "light"
        )
        page.on("console", lambda message: wrong.append(message.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: asked.add(request.url))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.goto(path.as_uri())
        pages.append(page)
        own.add(path.as_uri())
        return page

    yield open_report
    for page in pages:
        page.close()
    assert wrong == []
    assert asked == own


def _names(table: Locator) -> list[str]:
    return table.locator("tbody th").all_inner_texts()


def _records(page: Page) -> list[tuple[str, str]]:
    openers = page.locator("#list .opener")
    texts = [opener.locator("bdi").all_inner_texts() for opener in openers.all()]
    return [(item, system) for item, system in texts]


def _said_of(report_of: ReportOf, output: str, reference: str) -> Report:
    """Return a report of one wrong answer."""
    report = report_of({"equivalence.reference": {"teacher": [1.0], "student": [0.0]}})
    examples = [
        replace(one, record=replace(one.record, output=output, references=(reference,)))
        for one in report.examples
    ]
    return replace(report, examples=tuple(examples))


def test_the_report_opens_without_a_complaint_and_asks_for_nothing(
    opened: Open, small_report: Report
) -> None:
    page = opened(small_report)

    assert page.title() == "small: run 20260501-120000-abcdef"
    titles = page.locator("section > h2").all_inner_texts()
    of_page = [section.title for section in report_page(small_report).sections]
    assert titles == [of_page[0], "At a glance", *of_page[1:], "Examples"]
    assert page.locator("#contents a").all_inner_texts() == titles
    assert page.locator("#list > li").count() == 25


@pytest.mark.parametrize(("narrow", "dark"), [(False, True), (True, False)])
def test_nothing_in_it_shuts_anybody_out(
    opened: Open, small_report: Report, *, narrow: bool, dark: bool
) -> None:
    page = opened(small_report, narrow=narrow, dark=dark)

    found = Axe().run(page)

    assert [(one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]] == []


def test_a_narrow_window_scrolls_in_one_direction_only(opened: Open, small_report: Report) -> None:
    page = opened(small_report, narrow=True)

    assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"]


def test_a_table_is_sorted_by_its_numbers_and_what_has_none_comes_last(
    opened: Open, report_of: ReportOf
) -> None:
    cells = {"s": [float(place % 10 < 9 - 3 * (place // 25)) for place in range(75)] + [1.0] * 5}
    slices = [{"part": f"p{place // 25}"} for place in range(80)]
    page = opened(report_of({"adherence.strict": cells}, slices=slices))
    table = page.locator("table").filter(has_text="part=p3").first
    before = _names(table)
    button = table.get_by_role("button", name="s", exact=True)
    head = button.locator("xpath=..")

    button.click()
    ascending, up = _names(table), head.get_attribute("aria-sort")
    button.press("Enter")
    descending = _names(table)
    button.click()

    assert before == ["overall", "part=p0", "part=p1", "part=p2", "part=p3"]
    assert (ascending, up) == (["part=p2", "part=p1", "overall", "part=p0", "part=p3"], "ascending")
    assert descending == ["part=p0", "overall", "part=p1", "part=p2", "part=p3"]
    assert _names(table) == before
    assert head.get_attribute("aria-sort") is None


def test_examples_are_filtered_by_system_slice_metric_reason_and_words(
    opened: Open, report_of: ReportOf
) -> None:
    columns = {
        "adherence.strict": {"a": [0.0, 1.0, 1.0], "b": [1.0, FateCode.INTERNAL_ERROR, 1.0]},
        "similarity.reference": {"a": [0.9, 0.5, 0.7], "b": [0.6, 0.8, "no reference"]},
    }
    slices = [{"kind": "x"}, {"kind": "y"}, {"kind": "y"}]
    page = opened(report_of(columns, slices=slices, ids=["one", "two", "three"]))

    def choose(**values: str) -> list[tuple[str, str]]:
        for name in ("system", "slice", "metric", "show"):
            page.select_option(f"#by-{name}", values.get(name, ""))
        return _records(page)

    assert len(choose()) == 6
    assert page.inner_text("#count") == "6 examples"
    assert sorted(choose(system="b")) == [("one", "b"), ("three", "b"), ("two", "b")]
    assert sorted(choose(slice="kind=x")) == [("one", "a"), ("one", "b")]
    assert choose(metric="similarity.reference") == [
        ("two", "a"), ("one", "b"), ("three", "a"), ("two", "b"), ("one", "a"),
    ]  # fmt: skip
    assert choose(metric="adherence.strict", show="low") == [("one", "a")]
    assert choose(show="missing") == [("two", "b")]
    assert choose(system="b", show="flagged") == []
    assert page.inner_text("#count") == "No example is like that."
    choose()
    page.fill("#find", "THREE")
    expect(page.locator("#list > li")).to_have_count(2)
    assert sorted(_records(page)) == [("three", "a"), ("three", "b")]


def test_the_keys_go_through_the_examples(opened: Open, small_report: Report) -> None:
    page = opened(small_report)
    openers = page.locator("#list .opener")

    openers.nth(0).press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("k")
    page.keyboard.press("Enter")

    assert openers.nth(1).get_attribute("aria-expanded") == "true"
    assert page.locator(".example:visible").count() == 2
    page.locator("#more").press("Enter")
    assert page.evaluate("document.activeElement.classList.contains('opener')")
    assert openers.count() == 50


def test_the_first_stop_of_the_keyboard_skips_the_contents(
    opened: Open, small_report: Report
) -> None:
    page = opened(small_report)

    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"


def test_an_example_marks_the_words_that_only_one_side_has(
    opened: Open, report_of: ReportOf
) -> None:
    page = opened(
        _said_of(report_of, "she left in 2010 by train", "she left Rome in 2011 by train")
    )

    assert page.locator("del").all_text_contents() == [" [missing: Rome] ", " [missing: 2011] "]
    assert page.locator("ins").all_text_contents() == [" [added: 2010] "]
    assert (
        "2 words only in the reference; 1 only in the output; numbers only in the reference: 2011; "
        "numbers only in the output: 2010."
    ) in page.inner_text(".example")


def test_json_is_compared_by_what_it_says(opened: Open, report_of: ReportOf) -> None:
    output = 'Here it is:\n{"b": [1, 20000000000000000001],\n "a": "x"}'

    page = opened(_said_of(report_of, output, '{"a":"x","b":[1,20000000000000000002]}'))

    assert page.locator("del").all_text_contents() == [" [missing: 20000000000000000002] "]
    assert page.locator("ins").all_text_contents() == [" [added: 20000000000000000001] "]
    assert "There is more around the JSON" in page.inner_text(".example")
    page.get_by_text("as it was received").click()
    assert page.locator("details pre").first.inner_text() == output


def test_a_text_too_long_for_every_pair_of_words_is_compared_all_the_same(
    opened: Open, report_of: ReportOf
) -> None:
    words = [f"w{place}" for place in range(3000)]

    page = opened(
        _said_of(report_of, " ".join(["new", *words, "x"]), " ".join(["old", *words[::-1], "y"]))
    )

    assert page.locator("del").all_text_contents() == [" [missing: old] ", " [missing: y] "]
    assert page.locator("ins").all_text_contents() == [" [added: new] ", " [added: x] "]
    assert "too long to compare in order" in page.inner_text(".example")


def test_an_example_says_each_score_its_mark_and_the_judges_reason(
    opened: Open, report_of: ReportOf
) -> None:
    columns = {"equivalence.reference": {"s": [0.0, FateCode.JUDGE_REFUSED, (1.0, "a_flag")]}}

    page = opened(report_of(columns, standing=None, text="because"))
    for opener in page.locator("#list .opener").all()[1:]:
        opener.click()

    (low, *rest) = page.locator(".example tbody tr").all_inner_texts()
    assert re.split(r"\s*\n\s*|\t+", low) == [
        "equivalence.reference", "different 0 not trusted", "because",
    ]  # fmt: skip
    assert any("judge_refused" in row and "no score: because" in row for row in rest)
    assert any("flags: a_flag" in row for row in rest)


def test_an_example_says_what_people_said(opened: Open, report_of: ReportOf) -> None:
    report = report_of({"equivalence.reference": {"s": [0.0, 1.0]}})
    said = {"equivalence.reference": SaidByPeople(label="equivalent", constructed=False)}
    examples = tuple(replace(example, people=said) for example in report.examples)
    page = opened(replace(report, examples=examples))

    page.select_option("#by-show", "people")

    assert len(_records(page)) == 1
    assert page.inner_text("#count") == "1 example"
    page.locator("#list .opener").click()
    assert "people: equivalent (not what the judge said)" in page.inner_text(".example")


def test_hostile_texts_stay_texts(
    opened: Open, report_of: ReportOf, hostile: Sequence[str]
) -> None:
    hidden = re.compile(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
    )

    text = "\n".join(
        ["</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", *hostile]
    )
    cells = {"teacher": [1.0] * 3, text: [0.0, FateCode.JUDGE_REFUSED, (1.0, text)]}
    columns = {"equivalence.reference": cells, "adherence.strict": cells}
    ids = [f"{text}{place}" for place in range(3)]

    page = opened(report_of(columns, ids=ids, slices=[{text: text}] * 3, text=text, name=text))
    for opener in page.locator("#list .opener").all()[1:]:
        opener.click()

    shown = page.inner_text("body")
    for line in printable(text).split("\n"):
        assert line.strip() in shown
    assert not hidden.search(shown)
    assert page.locator("main script").count() == 1
    assert page.locator("img").count() == 0


def test_json_cannot_hide_a_direction_mark_behind_an_escape(
    opened: Open, report_of: ReportOf
) -> None:
    page = opened(_said_of(report_of, '{"a": "x\\u202ey"}', '{"a": "xy"}'))

    shown = page.inner_text(".example")

    assert "\u202e" not in shown
    assert "x\\u202ey" in shown


def test_a_withheld_number_is_nowhere_in_the_file(report_of: ReportOf) -> None:
    columns = {
        "equivalence.reference": {"teacher": [1.0] * 37 + [0.0] * 6, "s": [1.0] * 29 + [0.0] * 14}
    }
    shown = report_html(report_of(columns)).decode()
    numbers = {"0.860", "0.674", "78.4"}

    withheld = report_html(report_of(columns, standing=None)).decode()
    doubted = report_html(report_of(columns, standing=Standing.NOT_TRUSTED)).decode()

    assert all(found in shown for found in numbers)
    assert not [found for found in numbers if found in withheld or found in doubted]
    assert '<svg class="intervals"' not in withheld


def test_what_a_withheld_judge_found_is_not_counted_either(
    opened: Open, report_of: ReportOf
) -> None:
    cells = {"equivalence.reference": {"s": [1.0] * 29 + [0.0] * 14}}
    page = opened(report_of(cells, standing=None))

    page.select_option("#by-show", "low")

    assert page.inner_text("#count").startswith("Not counted: the choice rests on verdicts")
    assert len(_records(page)) == 14


def test_the_reader_chooses_between_light_and_dark(opened: Open, small_report: Report) -> None:
    page = opened(small_report, dark=True)

    def paper() -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    dark = paper()
    page.click("#theme")
    light = paper()
    page.reload()

    assert dark != light
    assert paper() == light
    page.emulate_media(media="print")
    assert paper() == "rgb(255, 255, 255)"
    assert not page.is_visible("#filters")
