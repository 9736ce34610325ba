import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from html.parser import HTMLParser

from judge.render.html import as_html
from judge.render.markup import element
from judge.render.page import Intervals, Page, Section, Table
from judge.render.text import flat
from judge.stats.estimate import Estimate

INLINE = {"span", "bdi", "wbr"}
ONE = Estimate(value=0.9, low=0.8, high=1.0, level=0.9, n=9, n_clusters=9, method="x")


class _Document(HTMLParser):
    """The tags of a document in their order, and what is said in its cells, heads and lines."""

    def __init__(self, document: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.said: list[str] = []
        self._open: list[str] = []
        self.feed(document.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self._open.append(tag)
        if tag in {"h1", "h2", "th", "td"} or (tag == "li" and "main" in self.tags):
            self.said.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if {"h1", "h2", "th", "td", "li"} & set(self._open) and "main" in self._open:
            self.said[-1] += data


def _page(text: str) -> Page:
    table = Table(columns=["slice", text], rows=[[text, text], ["other", text]])
    return Page(title=text, sections=[Section(title=text, lines=[text, text], tables=[table])])


def _table(*rows: Sequence[str], columns: Sequence[str] = ("slice", "a", "b")) -> str:
    section = Section(title="t", tables=[Table(columns=columns, rows=rows)])
    return as_html(Page(title="t", sections=[section])).decode()


def test_a_hostile_text_is_shown_as_it_is(hostile: Sequence[str]) -> None:
    harmless = _Document(as_html(_page("harmless")))

    for text in hostile:
        found, shown = _Document(as_html(_page(text))), flat(text)
        ours = [tag for tag in found.tags if tag not in INLINE]
        assert ours == [tag for tag in harmless.tags if tag not in INLINE], text
        assert found.said == [shown] * 4 + ["slice", shown, shown, shown, "other", shown]


def test_only_our_own_style_and_script_may_act_and_nothing_may_be_loaded() -> None:
    document = as_html(_page("x")).decode()

    (policy,) = re.findall(r'Content-Security-Policy" content="(.*?)"', document)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    for tag in ("style", "script"):
        (body,) = re.findall(f"<{tag}>(.*?)</{tag}>", document, re.DOTALL)
        found = b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{found}'"
    assert rules["default-src"] == "'none'"
    assert not re.search(r'(src|href)="(?!#|data:)|@import|url\(| on[a-z]+="| style="', document)


def test_each_section_has_its_entry_in_the_contents_also_where_titles_are_the_same() -> None:
    sections = [Section(title=title) for title in ("Trust", "trust", "信頼", "Next")]

    document = as_html(Page(title="t", sections=sections), more={"Examples": element("p")})

    entries = re.findall('<a href="#(.*?)">', document.decode())
    found = _Document(document)
    assert len(set(entries)) == 5
    assert set(entries) <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))


def test_a_number_stands_out_from_its_limits_and_a_word_from_both() -> None:
    document = _table(["overall", "0.927 [0.910, 0.945] (20 labels)", "insufficient"])

    assert (
        '<span class="value">0.927</span> <span class="limits">[0.910, 0.945]</span> (20 labels)'
    ) in document
    assert '<span class="badge doubt">insufficient</span>' in document


def test_numbers_stand_right_and_words_left() -> None:
    document = _table(
        ["a", "1,200", "output_empty 3"],
        ["b", "-", "output_not_json 1"],
        columns=("slice", "N", "fates"),
    )

    assert re.findall('<th scope="col" class="(.*?)">', document) == [
        "text short", "number", "text short",
    ]  # fmt: skip


def test_a_system_has_one_colour_all_over_the_page() -> None:
    def section(*systems: str) -> Section:
        drawn = Intervals(series=systems, rows=[[ONE] * len(systems)])
        row = ["overall", *["0.900"] * len(systems)]
        table = Table(columns=["slice", *systems], rows=[row], intervals=drawn)
        return Section(title="s", tables=[table])

    page = Page(title="t", sections=[section("sft"), section("teacher", "sft")])
    document = as_html(page, series=["teacher", "sft"]).decode()

    columns = re.findall(r'marker shade-(\d)".*?<bdi>(.*?)</bdi>', document)
    assert columns == [("1", "sft"), ("0", "teacher"), ("1", "sft")]
    assert document.count('<g class="shade-1">') == 2
    assert "90 % intervals" in document


def test_a_decision_stands_out_and_begins_with_its_answer() -> None:
    lines = ["undecided, sft: it may", "no labels by people", "no, distilled may not ship"]

    section = Section(title="Decision", lines=lines)
    document = as_html(Page(title="t", sections=[section])).decode()

    assert '<section id="s-decision" class="decision">' in document
    assert '<span class="badge doubt">undecided</span> sft: it may' in document
    assert "<li>no labels by people</li>" in document
    assert '<span class="badge bad">no</span> distilled may not ship' in document


def test_counts_are_shaded_by_their_size() -> None:
    table = Table(
        columns=["", "a", "b"], rows=[["a", "1,000", "0"], ["b", "390", "-"]], counts=True
    )

    document = as_html(Page(title="t", sections=[Section(title="t", tables=[table])])).decode()

    assert re.findall(r"heat-(\d)", document.partition("<tbody>")[2]) == ["5", "0", "2", "0"]


def test_the_next_command_looks_like_one() -> None:
    section = Section(title="Next", lines=["finish the run: judge resume 2026", "wait"])

    document = as_html(Page(title="t", sections=[section])).decode()

    assert "<li>finish the run: <code>judge resume 2026</code></li><li>wait</li>" in document
