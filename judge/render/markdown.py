"""Pages as Markdown."""

import re
from collections.abc import Sequence

from judge.render.page import Page, Section, Table
from judge.render.text import flat

_MARKS = re.compile(r"[\\|`*\[\]!~#]|(?<![^\W_])_|_(?![^\W_])")
_BLOCK_AT_START = re.compile(r"^(?=[+=-])|^(\d{1,9})(?=[.)])")
_LINK = re.compile(r"(?=://)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)


def as_markdown(page: Page) -> str:
    """Return a page as Markdown; no text in it can become markup."""
    parts = [f"# {_line(page.title)}", *(_section(section) for section in page.sections)]
    return "\n\n".join(parts) + "\n"


def _section(section: Section) -> str:
    parts = [f"## {_line(section.title)}"]
    if section.lines:
        parts.append("\n".join(f"- {_line(line)}" for line in section.lines))
    parts.extend(_table(table) for table in section.tables)
    return "\n\n".join(parts)


def _table(table: Table) -> str:
    rule = [":---", *["---:"] * (len(table.columns) - 1)]
    return "\n".join([_row(table.columns), f"| {' | '.join(rule)} |", *map(_row, table.rows)])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_plain(cell) for cell in cells)} |"


def _line(text: str) -> str:
    return _BLOCK_AT_START.sub(r"\1\\", _plain(text))


def _plain(text: str) -> str:
    line = _LINK.sub(r"\\", _MARKS.sub(r"\\\g<0>", flat(text)))
    return line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
