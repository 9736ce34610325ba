import numpy as np
import pytest

from judge.stats.estimate import Undefined
from judge.stats.part_contrast import PartContrast, part_against_rest


def found(result: PartContrast | Undefined) -> PartContrast:
    assert isinstance(result, PartContrast), result
    return result


def test_without_clusters_it_is_the_difference_of_two_means() -> None:
    values, member = np.array([1.0, 0, 1, 1, 0, 0]), np.array([True] * 4 + [False] * 2)
    values[5] = 1

    result = found(part_against_rest(values, member))

    assert result.difference.value == pytest.approx(0.75 - 0.5)
    assert result.difference.low < 0.25 < result.difference.high
    assert 0 < result.p_value.value <= 1


def test_weights_move_the_mean_of_either_side() -> None:
    values, member = np.array([1.0, 0, 1, 0]), np.array([True, True, False, False])

    result = found(part_against_rest(values, member, weights=np.array([3, 1, 1, 1])))

    assert result.difference.value == pytest.approx(0.75 - 0.5)


@pytest.mark.parametrize(
    ("values", "inside"), [([1.0, 0, 1], 1), ([1.0, 0, 1], 3), ([1.0, 1, 1, 1], 2), ([], 0)]
)
def test_what_cannot_be_compared_has_a_reason(values: list[float], inside: int) -> None:
    member = np.arange(len(values)) < inside

    assert isinstance(part_against_rest(np.array(values), member), Undefined)


@pytest.mark.parametrize("size", [1, 5])
def test_a_part_like_the_rest_is_told_from_it_about_as_seldom_as_it_says(size: int) -> None:
    rng, rejected = np.random.default_rng(1), []
    codes = np.arange(300) // size
    for _ in range(800):
        luck = rng.random(300 // size)[codes]
        values = (np.where(rng.random(300) < 0.5, luck, rng.random(300)) < 0.8).astype(float)
        member = (rng.random(300 // size) < 0.25)[codes]
        clusters = None if size == 1 else codes
        rejected.append(found(part_against_rest(values, member, clusters=clusters)).p_value.value)

    assert np.mean(np.array(rejected) <= 0.05) <= 0.075
