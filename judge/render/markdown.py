"""Pages as Markdown."""

from collections.abc import Sequence

from judge.render.page import Page, Section, Table
from judge.render.text import printable


def as_markdown(page: Page) -> str:
    """Return a page as Markdown; no text in it can become markup."""
    parts = [f"# {_plain(page.title)}", *(_section(section) for section in page.sections)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> str:
    parts = [f"## {_plain(section.title)}"]
    if section.lines:
        parts.append("\n".join(f"- {_plain(line)}" for line in section.lines))
    parts.extend(_table(table) for table in section.tables)
    return "\n\n".join(parts)


def _table(table: Table) -> str:
    rule = [":---", *["---:"] * (len(table.columns) - 1)]
    return "\n".join([_row(table.columns), f"| {' | '.join(rule)} |", *map(_row, table.rows)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _plain(text: str) -> str:
    line = " ".join(printable(text).split())
    for mark in ("\\", "|", "`", "*", "[", "]", "!"):
        line = line.replace(mark, f"\\{mark}")
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
