"""Intervals and curves as static SVG: what stands in rows is as wide as its place, in percent."""

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor, log10

from judge.render.markup import Markup, element
from judge.render.page import Curve, Intervals
from judge.render.text import flat, interval, number, percent_interval
from judge.stats.estimate import Estimate

COLOURS = 8
"""Series beyond it take the colours and shapes of the first ones again."""

_SHAPES = (
    "M0-5 5 0 0 5-5 0Z",
    "M-4-4H4V4H-4Z",
    "M-4.5 0A4.5 4.5 0 1 1 4.5 0 4.5 4.5 0 1 1-4.5 0Z",
    "M0-5 5 4H-5Z",
    "M0 5 5-4H-5Z",
    "M-5-2H-2V-5H2V-2H5V2H2V5H-2V2H-5Z",
    "M-5 0-2.5-4.5H2.5L5 0 2.5 4.5H-2.5Z",
    "M-2-5H2V5H-2Z",
)
_STEP, _EDGE = 13, 9
_TICKS = 4
_INSET = 6.0
"""Percent of the width left free on both sides, so that no mark or number is cut."""


_SIDE, _LEFT, _BELOW = 260, 44, 40
"""Of the square a curve is drawn in, and the room for what its axes say."""


class Axis:
    """Where a value stands on an axis that holds all intervals and marks, in percent."""

    def __init__(self, values: Sequence[float]) -> None:
        low, high = min(values), max(values)
        step = _nice_step((high - low) or abs(high) / 10 or 1.0)
        self._first, self._last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
        if self._first == self._last:
            self._first, self._last = self._first - 1, self._last + 1
        self._step = step

    @property
    def ticks(self) -> list[float]:
        return [place * self._step for place in range(self._first, self._last + 1)]

    @property
    def decimals(self) -> int:
        return max(0, -floor(log10(self._step) + 1e-9))

    def at(self, value: float) -> str:
        low, high = self._first * self._step, self._last * self._step
        share = (value - low) / (high - low)
        return f"{_INSET + (100 - 2 * _INSET) * share:.2f}%"


def axis_of(drawn: Intervals) -> Axis | None:
    """Return the axis all rows share; None where there is nothing to draw."""
    found = [one for row in drawn.rows for one in row if one is not None]
    if not found:
        return None
    return Axis([limit for one in found for limit in (one.low, one.high)] + list(drawn.marks))


def axis_head(axis: Axis, *, percent: bool) -> Markup:
    """Return the numbers over the axis."""
    labels = [
        element("text", _tick(tick, axis, percent=percent), x=axis.at(tick), y="11")
        for tick in axis.ticks
    ]
    return element("svg", *labels, class_="axis", height="14", aria_hidden="true")


def row_of_intervals(
    row: Sequence[Estimate | None], drawn: Intervals, axis: Axis, shades: Mapping[str, int]
) -> Markup:
    """Return the intervals of one row; its numbers stand in the row as text as well."""
    height = 2 * _EDGE + _STEP * (len(row) - 1)
    ruled = [_rule(axis.at(tick), height, "tick") for tick in axis.ticks]
    ruled += [_rule(axis.at(mark), height, "mark") for mark in drawn.marks]
    lines = [
        _interval(one, name, axis, y=_EDGE + _STEP * place, drawn=drawn, shade=shades[name])
        for place, (name, one) in enumerate(zip(drawn.series, row, strict=True))
        if one is not None
    ]
    return element(
        "svg", *ruled, *lines, class_="intervals", height=str(height), aria_hidden="true"
    )


def curve_drawing(curve: Curve) -> Markup:
    """Return a curve in a square, beside the diagonal on which what was said is what was found."""
    ticks = [place / 5 for place in range(6)]
    grid = [
        line
        for tick in ticks
        for line in (
            _line((tick, 0), (tick, 1), "tick"),
            _line((0, tick), (1, tick), "tick"),
            _label(f"{tick:.1f}", _across(tick), _SIDE + 16),
            _label(f"{tick:.1f}", _LEFT - 14, _up(tick) + 4),
        )
    ]
    middle = _LEFT + _SIDE / 2
    named = [
        _label(curve.across, middle, _SIDE + 34),
        _label(curve.upwards, 10, _SIDE / 2, transform=f"rotate(-90 10 {_SIDE / 2:g})"),
    ]
    drawn = [
        element(
            "g",
            element("title", f"{number(said)}: {interval(one)}, n {one.n:,}"),
            _line((said, one.low), (said, one.high), "limits"),
            element("use", href="#shape-2", x=f"{_across(said):.1f}", y=f"{_up(one.value):.1f}"),
        )
        for said, one in curve.points
    ]
    words = [f"{number(said)}: {interval(one)}" for said, one in curve.points]
    return element(
        "svg",
        *grid,
        _line((0, 0), (1, 1), "mark"),
        *named,
        *drawn,
        class_="curve shade-2",
        viewBox=f"0 -8 {_LEFT + _SIDE + 14} {_SIDE + _BELOW + 8}",
        role="img",
        aria_label=flat(f"{curve.upwards} by {curve.across}: {'; '.join(words)}"),
    )


def _across(share: float) -> float:
    return _LEFT + share * _SIDE


def _up(share: float) -> float:
    return (1 - share) * _SIDE


def _line(one: tuple[float, float], other: tuple[float, float], kind: str) -> Markup:
    return element(
        "line",
        x1=f"{_across(one[0]):.1f}",
        y1=f"{_up(one[1]):.1f}",
        x2=f"{_across(other[0]):.1f}",
        y2=f"{_up(other[1]):.1f}",
        class_=kind,
    )


def _label(words: str, x: float, y: float, *, transform: str = "") -> Markup:
    turned: dict[str, str] = {"transform": transform} if transform else {}
    return element("text", flat(words), x=f"{x:g}", y=f"{y:g}", **turned)


def marker(shade: int) -> Markup:
    """Return the small shape that stands for a series in a text."""
    shape = element("use", href=f"#shape-{shade % COLOURS}", x="6", y="6")
    return element(
        "svg",
        shape,
        class_=f"marker shade-{shade % COLOURS}",
        width="12",
        height="12",
        aria_hidden="true",
    )


def shapes() -> Markup:
    """Return the shapes that `marker` and the rows refer to; they stand once in a document."""
    paths = [element("path", id=f"shape-{place}", d=path) for place, path in enumerate(_SHAPES)]
    return element("svg", element("defs", *paths), class_="unseen", aria_hidden="true")


def _interval(
    one: Estimate, name: str, axis: Axis, *, y: int, drawn: Intervals, shade: int
) -> Markup:
    height = str(y)
    words = percent_interval(one) if drawn.percent else interval(one)
    return element(
        "g",
        element("title", f"{name} {words}"),
        element("line", x1=axis.at(one.low), x2=axis.at(one.high), y1=height, y2=height),
        element("use", href=f"#shape-{shade % COLOURS}", x=axis.at(one.value), y=height),
        class_=f"shade-{shade % COLOURS}",
    )


def _rule(x: str, height: int, kind: str) -> Markup:
    return element("line", x1=x, x2=x, y1="0", y2=str(height), class_=kind)


def _tick(value: float, axis: Axis, *, percent: bool) -> str:
    if percent:
        return f"{100 * value:.{max(0, axis.decimals - 2)}f} %"
    return f"{value + 0.0:.{axis.decimals}f}"


def _nice_step(span: float) -> float:
    """Return the least of 1, 2 and 5 times a power of ten that needs few ticks."""
    return next(step for step in _steps(span) if span / step <= _TICKS)


def _steps(span: float) -> Iterator[float]:
    power = 10.0 ** floor(log10(span) - 1)
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10
