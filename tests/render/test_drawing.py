import re

import pytest

from judge.render.drawing import (
    COLOURS,
    Axis,
    axis_head,
    axis_of,
    curve_drawing,
    marker,
    row_of_intervals,
    shapes,
)
from judge.render.page import Curve, Intervals
from judge.stats.estimate import Estimate


def _estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value=value, low=low, high=high, level=0.95, n=9, n_clusters=9, method="x")


def _percent(place: str) -> float:
    return float(place.removesuffix("%"))


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.48, 0.99], [0.4, 0.6, 0.8, 1.0]),
        ([0.0, 1.0], [0.0, 0.5, 1.0]),
        ([0.91, 0.95], [0.91, 0.92, 0.93, 0.94, 0.95]),
        ([-0.2, 0.3], [-0.2, 0.0, 0.2, 0.4]),
        ([1.0, 1.0], [0.95, 1.0, 1.05]),
        ([0.0, 0.0], [-0.5, 0.0, 0.5]),
        ([3.0, 1250.0], [0.0, 500.0, 1000.0, 1500.0]),
    ],
)
def test_an_axis_has_few_round_ticks_and_holds_every_value(
    values: list[float], ticks: list[float]
) -> None:
    axis = Axis(values)

    assert axis.ticks == pytest.approx(ticks)
    assert all(0 <= _percent(axis.at(value)) <= 100 for value in values)


def test_places_on_an_axis_are_as_far_apart_as_the_values() -> None:
    axis = Axis([0.0, 1.0])

    low, quarter, high = (_percent(axis.at(value)) for value in (0.0, 0.25, 1.0))

    assert quarter - low == pytest.approx((high - low) / 4, abs=0.01)


def test_a_row_draws_each_number_it_has_and_says_it_in_words() -> None:
    drawn = Intervals(
        series=["teacher", "sft", "distilled"],
        rows=[[_estimate(0.9, 0.8, 1.0), None, _estimate(0.5, 0.4, 0.6)]],
        marks=[0.85],
    )
    axis = axis_of(drawn)
    assert axis is not None

    shades = {"teacher": 0, "sft": 1, "distilled": 2}
    found = row_of_intervals(drawn.rows[0], drawn, axis, shades)

    assert re.findall("<title>(.*?)</title>", found) == [
        "teacher 0.900 [0.800, 1.000]",
        "distilled 0.500 [0.400, 0.600]",
    ]
    assert re.findall('href="#(.*?)"', found) == ["shape-0", "shape-2"]
    assert found.count('class="mark"') == 1


def test_ratios_read_as_percentages() -> None:
    drawn = Intervals(series=["s"], rows=[[_estimate(0.9, 0.8, 1.0)]], percent=True)
    axis = axis_of(drawn)
    assert axis is not None

    head = axis_head(axis, percent=True)
    row = row_of_intervals(drawn.rows[0], drawn, axis, {"s": 0})

    assert re.findall(">([^<>]+)</text>", head) == ["80 %", "85 %", "90 %", "95 %", "100 %"]
    assert "s 90.0 % [80.0, 100.0]" in row


def test_where_no_row_has_a_number_nothing_is_drawn() -> None:
    assert axis_of(Intervals(series=["a"], rows=[[None], [None]], marks=[1.0])) is None


def test_a_curve_draws_each_point_and_says_them_all() -> None:
    points = [(0.1, _estimate(0.2, 0.1, 0.3)), (0.9, _estimate(0.7, 0.6, 0.8))]

    found = curve_drawing(Curve(across="said", upwards="found", points=points))

    assert re.findall("<title>(.*?)</title>", found) == [
        "0.100: 0.200 [0.100, 0.300], n 9",
        "0.900: 0.700 [0.600, 0.800], n 9",
    ]
    assert 'aria-label="found by said: 0.100: 0.200 [0.100, 0.300]; 0.900: 0.700' in found
    (low, high) = (
        tuple(map(float, place))
        for place in re.findall(r'<use href="#shape-2" x="(.*?)" y="(.*?)"', found)
    )
    assert low[0] < high[0]
    assert low[1] > high[1]


def test_every_shape_that_a_series_can_have_is_there_once() -> None:
    there = re.findall(' id="(.*?)"', shapes())

    assert there == [f"shape-{place}" for place in range(COLOURS)]
    assert f"#{there[1]}" in marker(1)
    assert f"#{there[1]}" in marker(COLOURS + 1)
