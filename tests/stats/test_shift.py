import subprocess
import sys
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from judge.stats.estimate import Estimate, Undefined
from judge.stats.shift import population_shift

Floats: TypeAlias = NDArray[np.float64]


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def defined(result: Estimate | Undefined) -> Estimate:
    assert isinstance(result, Estimate)
    return result


def share_of(ones: int, n: int) -> Floats:
    return np.repeat([1.0, 0.0], [ones, n - ones])[:, np.newaxis]


def test_one_feature_of_zeros_and_ones_has_the_hand_worked_area_and_error() -> None:
    result = defined(population_shift(share_of(50, 200), share_of(300, 400), rng=seeded()))

    # 3/4 * 3/4 + half of the ties 3/8; a difference of two shares, halved, has half their error
    error = np.sqrt(0.25 * 0.75 / 200 + 0.75 * 0.25 / 400) / 2
    assert result.value == pytest.approx(0.75 * 0.75 + 0.375 / 2 - 0.5)
    assert (result.high - result.low) / 2 == pytest.approx(1.972 * error, rel=0.05)
    assert (result.n, result.n_clusters) == (600, 600)


def test_a_shift_in_either_direction_is_above_0() -> None:
    up = defined(population_shift(share_of(50, 200), share_of(300, 400), rng=seeded()))
    down = defined(population_shift(share_of(150, 200), share_of(100, 400), rng=seeded()))

    assert up.value == pytest.approx(down.value)


def test_records_that_do_not_overlap_are_told_apart_with_a_doubt() -> None:
    result = defined(population_shift(np.zeros((30, 1)), np.ones((60, 1)), rng=seeded()))

    assert (result.value, result.high) == (0.5, 0.5)
    assert 0.3 < result.low < 0.45
    assert result.method == "cross-fitted area, wilson"


def test_in_clusters_that_do_not_overlap_the_doubt_is_larger() -> None:
    clusters = np.concatenate([np.repeat(np.arange(20), 3), 20 + np.repeat(np.arange(20), 3)])
    sides = np.zeros((60, 1)), np.ones((60, 1))

    alone = defined(population_shift(*sides, rng=seeded()))
    clustered = defined(population_shift(*sides, clusters=clusters, rng=seeded()))

    assert clustered.low < alone.low - 0.03
    assert clustered.n_clusters == 40


def test_a_feature_that_does_not_vary_changes_nothing() -> None:
    rng = seeded(2)
    labelled, scored = rng.normal(size=(40, 2)), rng.normal(size=(60, 2))
    constant = [np.hstack([side, np.full((len(side), 1), 0.1)]) for side in (labelled, scored)]

    assert population_shift(*constant, rng=seeded()) == population_shift(
        labelled, scored, rng=seeded()
    )


def test_where_no_feature_varies_there_is_nothing_to_tell() -> None:
    for width in (0, 2):
        result = population_shift(np.ones((40, width)), np.ones((50, width)), rng=seeded())

        assert isinstance(result, Undefined)
        assert "no feature varies" in result.reason
        assert result.n == 90


@pytest.mark.parametrize(("n_labelled", "n_scored"), [(0, 0), (0, 100), (19, 100), (100, 19)])
def test_too_few_records_on_one_side_are_undefined(n_labelled: int, n_scored: int) -> None:
    rng = seeded(3)

    result = population_shift(
        rng.normal(size=(n_labelled, 2)), rng.normal(size=(n_scored, 2)), rng=rng
    )

    assert f"{min(n_labelled, n_scored)} records on one side" in str(result)


def test_too_few_clusters_on_one_side_are_undefined() -> None:
    rng = seeded(4)
    clusters = np.concatenate([np.repeat(np.arange(10), 10), np.arange(100, 200)])

    result = population_shift(
        rng.normal(size=(100, 2)), rng.normal(size=(100, 2)), clusters=clusters, rng=rng
    )

    assert "10 clusters on one side" in str(result)


def test_bad_input_is_refused() -> None:
    good = np.ones((30, 2))
    with pytest.raises(ValueError, match="labelled record 3 is not"):
        population_shift(np.where(np.arange(30)[:, None] == 3, np.nan, good), good, rng=seeded())
    with pytest.raises(ValueError, match="features have shapes"):
        population_shift(good, np.ones((30, 3)), rng=seeded())
    with pytest.raises(ValueError, match="expected"):
        population_shift(good, np.ones(30), rng=seeded())
    with pytest.raises(ValueError, match="weights are 30"):
        population_shift(good, good, weights=np.zeros(30), rng=seeded())
    with pytest.raises(ValueError, match="cluster codes"):
        population_shift(good, good, clusters=np.arange(30), rng=seeded())
    with pytest.raises(ValueError, match="2 folds"):
        population_shift(good, good, folds=1, rng=seeded())


def test_neither_the_order_of_records_nor_the_names_of_clusters_matter() -> None:
    rng = seeded(5)
    labelled, scored = rng.normal(size=(40, 2)), rng.normal(size=(60, 2))
    weights, clusters = rng.random(40) + 0.5, np.arange(100) // 2
    one, other = rng.permutation(40), rng.permutation(60)

    plain = population_shift(labelled, scored, weights=weights, clusters=clusters, rng=seeded())
    mixed = population_shift(
        labelled[one],
        scored[other],
        weights=weights[one],
        clusters=7 - 3 * np.concatenate([clusters[:40][one], clusters[40:][other]]),
        rng=seeded(),
    )

    assert defined(mixed).value == pytest.approx(defined(plain).value)
    assert defined(mixed).low == pytest.approx(defined(plain).low)


def test_equal_weights_are_no_weights() -> None:
    rng = seeded(6)
    labelled, scored = rng.normal(size=(40, 2)), rng.normal(size=(60, 2))

    weighted = population_shift(labelled, scored, weights=np.full(40, 3.0), rng=seeded())

    assert defined(weighted).value == pytest.approx(
        defined(population_shift(labelled, scored, rng=seeded())).value
    )


@settings(max_examples=40, deadline=None)
@given(
    labelled=st.lists(st.tuples(st.integers(0, 2), st.floats(-9, 9)), max_size=20),
    scored=st.lists(st.tuples(st.integers(0, 2), st.floats(-9, 9)), max_size=20),
)
def test_any_features_give_finite_limits_or_a_reason(
    labelled: list[tuple[int, float]], scored: list[tuple[int, float]]
) -> None:
    sides = [np.array(side, dtype=np.float64).reshape(-1, 2) for side in (labelled, scored)]

    result = population_shift(sides[0], sides[1], folds=2, rng=seeded())

    if isinstance(result, Estimate):
        assert -0.5 <= result.low < result.high <= 0.5


def planned(rng: np.random.Generator, *, n: int) -> tuple[Floats, Floats]:
    """Records of which long ones are labelled ten times as often, and their weights."""
    records = rng.normal(size=(n, 3))
    chances = np.where(records[:, 0] > 0, 0.5, 0.05)
    drawn = rng.random(n) < chances
    return records[drawn], 1 / chances[drawn]


def test_a_plan_that_labels_some_records_more_often_is_no_shift_once_weighted() -> None:
    rng = seeded(7)
    labelled, weights = planned(rng, n=1200)
    scored = rng.normal(size=(600, 3))

    weighted = defined(population_shift(labelled, scored, weights=weights, rng=seeded()))
    unweighted = defined(population_shift(labelled, scored, rng=seeded()))

    assert weighted.low < 0.03
    assert abs(weighted.value) < 0.05
    assert unweighted.low > 0.1


def lower_limits(delta: float, *, n_labelled: int, runs: int, seed: int) -> Floats:
    """Of scored records whose first of three features is moved by so many deviations."""
    rng, lows = seeded(seed), []
    for _ in range(runs):
        labelled, scored = rng.normal(size=(n_labelled, 3)), rng.normal(size=(300, 3))
        scored[:, 0] += delta
        lows.append(defined(population_shift(labelled, scored, rng=rng)).low)
    return np.array(lows)


def test_without_a_shift_the_bound_of_a_tenth_is_not_crossed() -> None:
    lows = lower_limits(0.0, n_labelled=100, runs=60, seed=8)

    assert lows.max() < 0.1
    assert np.mean(lows > 0) < 0.2


def test_a_clear_shift_crosses_the_bound_of_a_tenth() -> None:
    assert lower_limits(1.0, n_labelled=100, runs=30, seed=9).min() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize(("n_labelled", "most"), [(30, 0.01), (100, 0.002)])
def test_the_bound_of_a_tenth_keeps_its_promise(n_labelled: int, most: float) -> None:
    still = lower_limits(0.0, n_labelled=n_labelled, runs=1000, seed=10)
    moved = lower_limits(1.2, n_labelled=n_labelled, runs=300, seed=11)

    assert np.mean(still > 0.1) <= most
    assert np.mean(moved > 0.1) >= 0.9


def test_the_area_covers_that_of_the_best_line_where_records_are_many() -> None:
    rng, hits = seeded(12), []
    # Two normal variables one deviation apart: the larger comes from the larger in .760.
    for _ in range(40):
        labelled, scored = rng.normal(size=(200, 1)), rng.normal(size=(400, 1)) + 1
        result = defined(population_shift(labelled, scored, rng=rng))
        hits.append(result.low <= 0.260 <= result.high)

    assert np.mean(hits) >= 0.85


def test_importing_the_module_loads_no_scikit_learn() -> None:
    code = "import sys, judge.stats.shift; print('sklearn' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "False"
