import subprocess
import sys

import numpy as np
import pytest

from judge.stats.clusters import (
    cluster_codes,
    count_clusters,
    count_divisor,
    design_effect,
    half_width,
    largest_design_effect,
    mean_variance,
    normal_quantile,
    relative_weights,
    student_quantile,
    variance_degrees,
    why_too_few,
)

TWENTY_PAIRS = np.repeat(np.arange(20), 2)


@pytest.mark.parametrize(("degrees", "published"), [(1, 12.706), (9, 2.262), (19, 2.093)])
def test_the_student_quantile_is_the_tabled_one(degrees: int, published: float) -> None:
    # Fisher and Yates, Statistical Tables, table III, P = .05
    assert student_quantile(0.95, degrees=degrees) == pytest.approx(published, abs=5e-4)


def test_the_normal_quantile_is_the_tabled_one() -> None:
    assert normal_quantile(0.95) == pytest.approx(1.959964, abs=5e-7)


def test_cluster_codes_have_no_gaps() -> None:
    codes = cluster_codes(np.array([7, -3, 7, 100]), n=4)

    assert codes.tolist() == [1, 0, 1, 2]
    assert count_clusters(codes) == 3


def test_without_clusters_every_item_is_its_own() -> None:
    assert count_clusters(cluster_codes(None, n=5)) == 5
    assert count_clusters(cluster_codes(None, n=0)) == 0


def test_one_code_is_not_spread_over_several_items() -> None:
    with pytest.raises(ValueError, match="shape"):
        cluster_codes(np.array([1]), n=4)


def test_codes_that_are_not_integers_are_refused() -> None:
    with pytest.raises(ValueError, match="integers"):
        cluster_codes(np.array([1.0, 2.0]), n=2)


def test_without_clusters_the_variance_of_a_mean_is_the_textbook_one() -> None:
    values = np.random.default_rng(1).normal(size=30)

    variance = mean_variance(values, cluster_codes(None, n=30))

    assert variance == pytest.approx(values.var(ddof=1) / 30)


def test_clusters_of_one_size_have_the_variance_of_the_mean_of_their_means() -> None:
    values = np.random.default_rng(2).normal(size=40)

    variance = mean_variance(values, TWENTY_PAIRS)

    assert variance == pytest.approx(values.reshape(20, 2).mean(axis=1).var(ddof=1) / 20)


def test_items_that_are_their_own_clusters_have_no_design_effect() -> None:
    values = np.random.default_rng(3).normal(size=40)

    assert design_effect(values, np.arange(40)) == 1
    assert variance_degrees(values, cluster_codes(None, n=40)) == 39


def test_items_copied_within_a_cluster_count_once() -> None:
    values = np.repeat(np.random.default_rng(4).normal(size=20), 2)

    assert design_effect(values, TWENTY_PAIRS) == pytest.approx(2, abs=0.06)


def test_the_design_effect_is_one_plus_size_less_one_times_the_intraclass_correlation() -> None:
    rng = np.random.default_rng(5)
    clusters = np.repeat(np.arange(20_000), 5)
    values = np.sqrt(0.3) * rng.normal(size=20_000)[clusters] + np.sqrt(0.7) * rng.normal(
        size=100_000
    )

    # Kish (1965), Survey Sampling: 1 + (m - 1) rho
    assert design_effect(values, clusters) == pytest.approx(1 + 4 * 0.3, rel=0.03)


def test_items_that_balance_within_clusters_never_count_for_more_than_themselves() -> None:
    assert design_effect(np.tile([0, 1], 20), TWENTY_PAIRS) == 1


@pytest.mark.parametrize("value", [0, 1])
def test_equal_values_are_taken_to_agree_within_clusters(value: int) -> None:
    assert design_effect(np.full(40, value), TWENTY_PAIRS) == 2
    assert design_effect(np.full(4, value), np.array([0, 0, 0, 1])) == pytest.approx(10 / 4)


def test_one_cluster_counts_as_one_item() -> None:
    assert design_effect(np.array([0, 1, 1]), np.zeros(3, dtype=np.int64)) == 3


def test_no_items_have_no_design_effect() -> None:
    assert design_effect(np.zeros(0), np.zeros(0, dtype=np.int64)) == 1
    assert largest_design_effect(np.zeros(0, dtype=np.int64)) == 1


def test_items_weigh_the_inverse_of_their_chance_and_the_surest_weigh_1() -> None:
    assert relative_weights(np.array([0.5, 0.1, 0.5]), n=3) == pytest.approx([1, 5, 1])
    assert relative_weights(np.zeros(0), n=0).size == 0
    assert np.all(relative_weights(np.full(4, 0.037), n=4) == 1)


@pytest.mark.parametrize("chances", [[0.0, 1], [0.5, 1.1], [float("nan"), 1], [0.5]])
def test_chances_of_inclusion_outside_their_bounds_are_refused(chances: list[float]) -> None:
    with pytest.raises(ValueError, match="2 numbers in"):
        relative_weights(np.array(chances), n=2)


def test_a_weighted_design_effect_is_that_of_the_weighted_moves() -> None:
    rng = np.random.default_rng(7)
    values, chances = rng.integers(0, 2, size=40), rng.choice([0.2, 0.8], size=40)
    weights = 0.8 / chances

    effect = design_effect(values, TWENTY_PAIRS, inclusion=chances)

    moves = weights * (values - np.average(values, weights=weights))
    assert effect == pytest.approx(design_effect(moves, TWENTY_PAIRS))


def test_equal_chances_leave_the_design_effect_as_it_is() -> None:
    values = np.random.default_rng(8).integers(0, 2, size=40)

    effect = design_effect(values, TWENTY_PAIRS, inclusion=np.full(40, 0.1))

    assert effect == pytest.approx(design_effect(values, TWENTY_PAIRS), rel=1e-12)


def test_equal_values_agree_within_clusters_by_weight() -> None:
    # Two pairs of weights 1 and 1, 4 and 4: (2^2 + 8^2) / (1 + 1 + 16 + 16)
    effect = design_effect(
        np.ones(4), np.array([0, 0, 1, 1]), inclusion=np.array([0.8, 0.8, 0.2, 0.2])
    )

    assert effect == pytest.approx(68 / 34)


def test_a_variance_that_one_cluster_makes_has_few_degrees_of_freedom() -> None:
    values = np.zeros(40)
    values[:2] = 1

    assert 1 <= variance_degrees(values, TWENTY_PAIRS) < 3
    assert variance_degrees(np.repeat([0.0, 1.0], 20), TWENTY_PAIRS) == 19


def test_a_half_width_is_the_quantile_times_the_standard_error() -> None:
    values = np.repeat([0.0, 1.0], 20)

    half = half_width(values, TWENTY_PAIRS, level=0.95)

    assert half == pytest.approx(2.093024 * np.sqrt(mean_variance(values, TWENTY_PAIRS)), rel=1e-6)


def test_counts_are_divided_by_the_design_effect_and_by_what_students_quantile_adds() -> None:
    divisor = count_divisor(2.0, n=40, n_clusters=20, level=0.95)

    assert divisor == pytest.approx(2 * (2.093024 / 1.959964) ** 2, rel=1e-6)
    assert count_divisor(2.0, n=40, n_clusters=None, level=0.95) == 2
    assert count_divisor(1.0, n=40, n_clusters=40, level=0.95) == 1


@pytest.mark.parametrize("effect", [0.5, 0.0, float("nan"), float("inf")])
def test_a_design_effect_under_one_is_refused(effect: float) -> None:
    with pytest.raises(ValueError, match="design effect"):
        count_divisor(effect, n=40, n_clusters=20, level=0.95)


def test_a_single_cluster_of_several_items_is_too_few() -> None:
    assert "one cluster" in str(why_too_few(1, n=5))
    assert why_too_few(2, n=5) is None
    assert why_too_few(1, n=1) is None
    assert why_too_few(None, n=5) is None


@pytest.mark.parametrize("n_clusters", [0, 6])
def test_clusters_that_could_not_hold_the_items_are_refused(n_clusters: int) -> None:
    with pytest.raises(ValueError, match="cannot come in"):
        why_too_few(n_clusters, n=5)


def test_the_order_of_the_items_changes_nothing() -> None:
    rng = np.random.default_rng(6)
    values, clusters, order = rng.random(60), rng.integers(0, 12, size=60), rng.permutation(60)

    effect = design_effect(values, clusters)

    assert design_effect(values[order], clusters[order]) == pytest.approx(effect, rel=1e-12)


def test_importing_the_statistics_loads_neither_scipy_nor_scikit_learn() -> None:
    code = (
        "import sys, judge.stats.agreement, judge.stats.paired;"
        "sys.exit(any(name in sys.modules for name in ('scipy', 'sklearn')))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
