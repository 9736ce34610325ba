from dataclasses import FrozenInstanceError
from math import inf, nan

import pytest

from judge.stats.estimate import Estimate, Undefined


def estimate(
    *,
    value: float = 0.5,
    low: float = 0.4,
    high: float = 0.6,
    level: float = 0.95,
    groups: int = 10,
) -> Estimate:
    return Estimate(
        value=value, low=low, high=high, level=level, n=10, n_clusters=groups, method="test"
    )


@pytest.mark.parametrize("number", [nan, inf, -inf])
def test_a_number_that_is_not_finite_cannot_enter_an_estimate(number: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        estimate(value=number)
    with pytest.raises(ValueError, match="finite"):
        estimate(low=number)
    with pytest.raises(ValueError, match="finite"):
        estimate(high=number)


@pytest.mark.parametrize("value", [0.39, 0.61])
def test_limits_that_miss_the_value_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="enclose"):
        estimate(value=value)


def test_rounding_does_not_count_as_a_miss() -> None:
    assert estimate(value=0.4 - 1e-10).low == 0.4


def test_a_census_has_limits_equal_to_its_value() -> None:
    assert estimate(low=0.5, high=0.5).high == 0.5


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, nan])
def test_a_level_that_is_not_between_0_and_1_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="level"):
        estimate(level=level)


@pytest.mark.parametrize("groups", [-1, 11])
def test_more_clusters_than_items_are_refused(groups: int) -> None:
    with pytest.raises(ValueError, match="clusters"):
        estimate(groups=groups)


def test_a_result_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        estimate().value = 1.0  # type: ignore[misc]  # that it is refused is the point


def test_an_undefined_result_says_why_and_counts_no_items_unless_told() -> None:
    assert Undefined(reason="no labels") == Undefined(reason="no labels", n=0)
