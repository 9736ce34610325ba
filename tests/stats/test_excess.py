import numpy as np
import pytest

from judge.stats.estimate import Undefined
from judge.stats.excess import Excess, excess

# Student (1908): hours of sleep gained by ten patients, the second drug less the first.
SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])


def _found(result: Excess | Undefined) -> Excess:
    assert isinstance(result, Excess)
    return result


def test_a_mean_is_tested_as_student_tested_the_sleep_of_ten_patients() -> None:
    found = _found(excess(SLEEP, over=0.0, span=0.01))

    assert found.estimate.value == pytest.approx(1.58)
    assert found.p_value.value == pytest.approx(0.002833 / 2, abs=1e-5)


def test_a_bound_above_the_mean_is_not_exceeded() -> None:
    assert _found(excess(SLEEP, over=2.0)).p_value.value > 0.5


def test_values_without_variation_leave_room_for_one_that_is_unlike() -> None:
    found = _found(excess(np.ones(50), over=0.9))

    assert found.estimate.low < 0.97
    assert found.p_value.value < 0.001


@pytest.mark.parametrize("inside", [np.array([True] + [False] * 9), np.array([True] * 9 + [False])])
def test_one_item_cannot_be_compared_with_the_others(inside: np.ndarray) -> None:
    assert isinstance(excess(SLEEP, over=0.0, inside=inside), Undefined)


def test_a_weight_counts_an_item_for_several() -> None:
    found = _found(excess(np.array([0.0, 0.0, 1.0]), over=0.0, weights=np.array([1.0, 1.0, 2.0])))

    assert found.estimate.value == pytest.approx(0.5)


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        excess(np.array([1.0, np.nan]), over=0.0)


@pytest.mark.parametrize("per_cluster", [1, 4])
def test_a_difference_at_the_bound_is_called_larger_about_as_often_as_the_level_says(
    per_cluster: int,
) -> None:
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(240 // per_cluster), per_cluster)
    inside = np.arange(240) % 4 == 0
    p_values = []
    for _ in range(1500):
        shared = rng.normal(size=clusters.max() + 1)[clusters] if per_cluster > 1 else 0.0
        values = (rng.normal(size=240) + shared > 0.5) + 0.1 * inside
        found = excess(values.astype(float), over=0.1, inside=inside, clusters=clusters)
        p_values.append(_found(found).p_value.value)

    # Of 1,500 tests at .05, over .067 are seen in one of a thousand experiments.
    assert np.mean(np.array(p_values) <= 0.05) <= 0.067
