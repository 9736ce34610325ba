"""Pages on a terminal."""

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from judge.render.page import Page, Section, Table
from judge.render.text import NO_NUMBER, are_numbers, flat

_STYLES = {
    "withheld": "yellow",
    "insufficient": "yellow",
    "stale": "yellow",
    "unvalidated": "yellow",
    "not_trusted": "red",
    "trusted": "green",
    "fail": "red",
    "inconclusive": "yellow",
    "pass": "green",
}


def show(page: Page, console: Console) -> None:
    """Print a page; no text in it can become a control sequence or markup."""
    console.print()
    console.print(Text(flat(page.title), style="bold"))
    for section in page.sections:
        _show(section, console)


def _show(section: Section, console: Console) -> None:
    console.print()
    console.print(Text(flat(section.title), style="bold cyan"))
    for line in section.lines:
        console.print(Padding(_styled(line), (0, 0, 0, 2)))
    for table in section.tables:
        console.print(Padding(_table(table), (0, 0, 0, 2)))


def _table(table: Table) -> RichTable:
    shown = RichTable(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(table.columns):
        cells = [row[place] for row in table.rows if row[place] != NO_NUMBER]
        right = place > 0 and (not cells or are_numbers([c for c in cells if c not in _STYLES]))
        shown.add_column(Text(flat(name)), justify="right" if right else "left")
    for row in table.rows:
        shown.add_row(*(_styled(cell) for cell in row))
    return shown


def _styled(text: str) -> Text:
    word = text.split(" ", 1)[0].rstrip(":")
    return Text(flat(text), style=_STYLES.get(word, ""))
