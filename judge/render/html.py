"""Pages as one HTML file that needs no other and reaches for none."""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files

from judge.render.drawing import (
    Axis,
    axis_head,
    axis_of,
    curve_drawing,
    marker,
    row_of_intervals,
    shapes,
)
from judge.render.markup import Markup, element, text, together
from judge.render.page import Page, Section, Table
from judge.render.text import NO_NUMBER, are_numbers, flat

_WITH_LIMITS = re.compile(r"(?P<value>-?\$?[\d.,]+(?: %)?) (?P<limits>\[[^\]]*\])(?P<rest>.*)")
_ANSWERED = re.compile(r"(?P<word>[a-z_]+)[:,]")
_KINDS = {"Decision": "decision"}
_SHADES = 5
_SHORT = 44
_NEXT = re.compile(r"(?P<before>.*?(?:: |, then )|)(?P<command>judge [a-z]+ .+)")
_MARKED = {
    "yes": "good",
    "pass": "good",
    "trusted": "good",
    "no": "bad",
    "fail": "bad",
    "not_trusted": "bad",
    "withheld": "doubt",
    "insufficient": "doubt",
    "undecided": "doubt",
    "inconclusive": "doubt",
    "stale": "doubt",
    "unvalidated": "doubt",
    "undefined": "doubt",
    "warning": "doubt",
}
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect width='16' height='16' rx='3' fill='%232457c5'/%3E"
    "%3Cpath d='M3 6h7M6 10h7' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E"
)


def as_html(
    page: Page,
    *,
    heading: str = "",
    lead: Markup = Markup(),  # noqa: B008 - a text does not change
    more: Mapping[str, Markup] | None = None,
    series: Sequence[str] = (),
) -> bytes:
    """Return a page as an HTML file; no text in it can become markup, and it loads nothing.

    Args:
        page: what is said.
        heading: what stands over it; the page's title where it is empty.
        lead: what stands under the title.
        more: sections that only this format has, by title; they come last.
        series: names that keep their colour and shape all over the page, in this order.
    """
    shades = _shades(page, series)
    titles = [section.title for section in page.sections] + list(more or {})
    names = _anchors(titles)
    sections = [
        _section(section, name, titles, shades)
        for section, name in zip(page.sections, names, strict=False)
    ]
    sections += [
        element("section", element("h2", flat(title)), body, id=name)
        for (title, body), name in zip((more or {}).items(), names[len(sections) :], strict=True)
    ]
    contents = element(
        "nav",
        element("ol", *map(_entry, titles, names)),
        id="contents",
        aria_label="Contents",
    )
    body = element(
        "body",
        element("a", "Skip to the report", class_="skip", href="#report"),
        shapes(),
        element(
            "header",
            element("p", "judge", class_="brand"),
            element("p", flat(page.title), class_="where"),
            element("button", "Light or dark", id="theme", type="button", hidden=True),
        ),
        contents,
        element("main", element("h1", flat(heading or page.title)), lead, *sections, id="report"),
        _script(),
    )
    return ("<!doctype html>\n" + element("html", _head(page), body, lang="en") + "\n").encode()


def table_markup(table: Table, title: str) -> Markup:
    """Return one table as a page of its own style shows it, with its intervals drawn."""
    series = table.intervals.series if table.intervals else ()
    return _table(table, title, {name: place for place, name in enumerate(series)})


def _head(page: Page) -> Markup:
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src {_hash(_asset('page.css'))}",
            f"script-src {_hash(_asset('page.js'))}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
        ]
    )
    return element(
        "head",
        element("meta", charset="utf-8"),
        # Not `element`: that would escape the quotes of the policy, which is right but unreadable.
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy}">'),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", flat(page.title)),
        element("link", rel="icon", href=_ICON),
        element("style", Markup(_asset("page.css"))),
    )


def _script() -> Markup:
    return element("script", Markup(_asset("page.js")))


@cache
def _asset(name: str) -> str:
    return files("judge.render").joinpath(name).read_text("utf-8")


def _hash(asset: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(asset.encode()).digest()).decode()}'"


def _anchors(titles: Sequence[str]) -> list[str]:
    """Return a name in the document for each title; no two are the same."""
    names: list[str] = []
    for title in titles:
        slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
        name = f"s-{slug}"
        names.append(f"{name}-{len(names)}" if not slug or name in names else name)
    return names


def _entry(title: str, name: str) -> Markup:
    return element("li", element("a", flat(title), href=f"#{name}"))


def _shades(page: Page, series: Sequence[str]) -> dict[str, int]:
    names = [*series]
    for section in page.sections:
        for table in section.tables:
            names += table.intervals.series if table.intervals else ()
    return {name: place for place, name in enumerate(dict.fromkeys(names))}


def _section(
    section: Section, name: str, titles: Sequence[str], shades: Mapping[str, int]
) -> Markup:
    title = flat(section.title)
    return element(
        "section",
        element("h2", title),
        _lines(section, titles),
        *(_table(table, title, shades) for table in section.tables),
        *map(curve_drawing, section.curves),
        id=name,
        class_=_KINDS.get(section.title, "part"),
    )


def _lines(section: Section, titles: Sequence[str]) -> Markup:
    if not section.lines:
        return Markup()
    items = [_step(one) if section.title == "Next" else _line(one, titles) for one in section.lines]
    if len(items) == 1:
        return element("p", items[0], class_="lines")
    return element("ul", *(element("li", item) for item in items), class_="lines")


def _step(said: str) -> Markup:
    """Return a line that ends in a command so that it looks like one."""
    if (found := _NEXT.fullmatch(flat(said))) is None:
        return together(flat(said))
    return together(found["before"], element("code", found["command"]))


def _line(said: str, titles: Sequence[str]) -> Markup:
    """Return a line, with what it is about marked where it begins with that."""
    line = flat(said)
    if (answered := _ANSWERED.match(line)) and answered["word"] in _MARKED:
        return together(_badge(answered["word"]), line[answered.end() :])
    word, colon, rest = line.partition(":")
    if colon and word in titles:
        return together(element("span", word, class_="value"), colon, rest)
    return together(line)


def _badge(word: str) -> Markup:
    return element("span", word.replace("_", " "), class_=f"badge {_MARKED[word]}")


def _table(table: Table, title: str, shades: Mapping[str, int]) -> Markup:
    drawn = table.intervals
    axis = axis_of(drawn) if drawn else None
    aligned = [_text(row[0] for row in table.rows), *map(_alignment, _columns(table))]
    head = [
        element("th", *_head_cell(column, shades), scope="col", class_=side)
        if flat(column)
        else element("td")  # a head without a name heads nothing
        for column, side in zip(table.columns, aligned, strict=True)
    ]
    if drawn and axis:
        words = element("span", f"{_level(table)} intervals", class_="unseen")
        head.append(
            element("th", words, axis_head(axis, percent=drawn.percent), scope="col", class_="plot")
        )
    rows = [_row(table, place, aligned, axis, shades) for place in range(len(table.rows))]
    whole = element(
        "table",
        element("caption", title, class_="unseen"),
        element("thead", element("tr", *head)),
        element("tbody", *rows),
    )
    return element("div", whole, class_="scroll", role="group", aria_label=title, tabindex="0")


def _level(table: Table) -> str:
    levels = (
        {one.level for row in table.intervals.rows for one in row if one}
        if table.intervals
        else set()
    )
    return " and ".join(f"{100 * level:g} %" for level in sorted(levels))


def _columns(table: Table) -> list[list[str]]:
    return [[row[place] for row in table.rows] for place in range(1, len(table.columns))]


def _alignment(cells: Sequence[str]) -> str:
    said = [cell for cell in cells if cell != NO_NUMBER and cell not in _MARKED]
    return "number" if are_numbers(said) else _text(cells)


def _text(cells: Iterable[str]) -> str:
    """Return the kind of a column of texts: short ones stay on one line where there is room."""
    return "text short" if max(map(len, cells), default=0) <= _SHORT else "text"


def _head_cell(column: str, shades: Mapping[str, int]) -> list[str]:
    name = element("bdi", flat(column))
    return [marker(shades[column]), name] if column in shades else [name]


def _row(
    table: Table,
    place: int,
    aligned: Sequence[str],
    axis: Axis | None,
    shades: Mapping[str, int],
) -> Markup:
    name, *cells = table.rows[place]
    most = max((_count(cell) for row in table.rows for cell in row[1:]), default=0)
    parts = [element("th", _name(name, shades), scope="row", class_=aligned[0])]
    parts += [
        element("td", _cell(cell), class_=f"{side}{_heat(cell, most) if table.counts else ''}")
        for cell, side in zip(cells, aligned[1:], strict=True)
    ]
    if table.intervals and axis:
        drawing = row_of_intervals(table.intervals.rows[place], table.intervals, axis, shades)
        parts.append(element("td", drawing, class_="plot"))
    return element("tr", *parts)


def _heat(cell: str, most: int) -> str:
    return f" heat-{round(_SHADES * _count(cell) / most)}" if most else ""


def _count(cell: str) -> int:
    digits = cell.replace(",", "")
    return int(digits) if digits.isascii() and digits.isdigit() else 0


def _name(name: str, shades: Mapping[str, int]) -> Markup:
    """Return the name of a row: a system, a slice, or two of them beside each other."""
    first, apart, second = name.partition("  ")
    if apart and first.strip() and second.strip():
        return together(_name(first, shades), " ", _name(second.strip(), shades))
    if name in shades:
        return element("span", marker(shades[name]), element("bdi", flat(name)), class_="one")
    dimension, equals, value = flat(name).rpartition("=")
    parts = [element("span", f"{dimension}=", class_="quiet")] if equals else []
    return element("bdi", *parts, breakable(value))


def breakable(name: str) -> Markup:
    """Return a name that may go on in the next line where it has a dot or an underscore."""
    parts = re.split(r"(?<=[._])(?=.)", name)
    return Markup("<wbr>".join(map(text, parts)))


def _cell(cell: str) -> Markup:
    shown = flat(cell)
    word, colon, rest = shown.partition(":")
    if word in _MARKED:
        return together(_badge(word), rest) if colon else _badge(word)
    if (found := _WITH_LIMITS.fullmatch(shown)) is not None:
        return together(
            element("span", found["value"], class_="value"),
            " ",
            element("span", found["limits"], class_="limits"),
            found["rest"],
        )
    if shown == NO_NUMBER:
        return element("span", "\N{EN DASH}", class_="quiet", aria_label="none", role="img")
    return together(shown)
