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
class Curve:
    """What was said against what was found, both in [0, 1], for formats that can draw.

    Attributes:
        across: what the horizontal axis is.
        upwards: what the vertical axis is.
        points: how far across, and the estimate there.
    """

    across: str
    upwards: str
    points: Sequence[tuple[float, Estimate]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of texts under column names; the first column names the row.

    Attributes:
        intervals: numbers in it that may be drawn as well; None for none.
        counts: whether its cells are counts, whose size may be shown by a shade.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    intervals: Intervals | None = None
    counts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, what is to be said under it, tables, and curves where they can be drawn."""

    title: str
    lines: Sequence[str] = ()
    tables: Sequence[Table] = ()
    curves: Sequence[Curve] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Sections under one title."""

    title: str
    sections: Sequence[Section]
