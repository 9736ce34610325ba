"""A page of headings, sentences and tables: what the terminal, Markdown and HTML show."""

from collections.abc import Sequence
from dataclasses import dataclass

from judge.stats.estimate import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """The numbers of a table, to be drawn beside its rows on one axis where a format can draw.

    Attributes:
        series: what is told apart by colour and shape, such as systems; a column of the same
            name is marked with it.
        rows: for each row of the table one number a series; None where it has none.
        marks: values on the axis that matter, such as a margin.
        percent: whether 1 reads as 100 %.
    """

    series: Sequence[str]
    rows: Sequence[Sequence[Estimate | None]]
    marks: Sequence[float] = ()
    percent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of texts under column names; the first column names the row.

    Attributes:
        intervals: numbers in it that may be drawn as well; None for none.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    intervals: Intervals | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, what is to be said under it, and tables."""

    title: str
    lines: Sequence[str] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Sections under one title."""

    title: str
    sections: Sequence[Section]
