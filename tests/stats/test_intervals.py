import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest

from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import (
    bounded_mean,
    exact_lower_bound,
    manski_bounds,
    proportion,
    wilson_interval,
)

# Student (1908): hours of sleep gained by ten patients on each of two drugs.
SLEEP_ONE = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
SLEEP_TWO = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])


def defined(result: Estimate | Undefined) -> Estimate:
    assert isinstance(result, Estimate)
    return result


def limits(result: Estimate | Undefined) -> tuple[float, float]:
    return defined(result).low, defined(result).high


def coverage(results: list[Estimate | Undefined], truth: float) -> float:
    return float(np.mean([low <= truth <= high for low, high in map(limits, results)]))


def clustered_verdicts(
    rng: np.random.Generator, *, share: float, groups: int, size: int = 10
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw beta-binomial verdicts with an intraclass correlation of .3."""
    weight = (1 - 0.3) / 0.3
    chances = rng.beta(share * weight, (1 - share) * weight, size=groups)
    clusters = np.repeat(np.arange(groups), size)
    return (rng.random(groups * size) < chances[clusters]).astype(np.int64), clusters


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_limits_are_the_published_ones(
    successes: int, n: int, low: float, high: float
) -> None:
    # Newcombe (1998), Stat. Med. 17(8), 857-872, table I, method 3
    assert limits(wilson_interval(successes, n)) == pytest.approx((low, high), abs=5e-5)


def test_a_proportion_of_nothing_is_undefined() -> None:
    nothing = np.zeros(0, dtype=np.int64)

    assert isinstance(wilson_interval(0, 0), Undefined)
    assert isinstance(proportion(nothing), Undefined)
    assert isinstance(proportion(nothing, nothing), Undefined)


@pytest.mark.parametrize("successes", [0, 30])
def test_a_share_of_0_or_1_still_has_a_width(successes: int) -> None:
    low, high = limits(wilson_interval(successes, 30))

    assert high - low > 0.1


@pytest.mark.parametrize(("successes", "n"), [(-1, 5), (6, 5), (1, 0)])
def test_impossible_counts_are_refused(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="impossible"):
        wilson_interval(successes, n)


@pytest.mark.parametrize("n", [20, 50, 100])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.97])
def test_wilson_covers_the_truth_about_as_often_as_it_says(share: float, n: int) -> None:
    draws = np.random.default_rng(7).binomial(n, share, size=2000)

    covered = coverage([wilson_interval(int(k), n) for k in draws], share)

    assert 0.93 < covered < 0.99


def test_a_proportion_without_clusters_is_wilson() -> None:
    values = np.array([True] * 8 + [False] * 2)

    assert proportion(values) == wilson_interval(8, 10, n_clusters=10)
    assert proportion(values, np.arange(10)) == wilson_interval(8, 10, n_clusters=10)


def test_copies_of_an_item_add_nothing_but_degrees_of_freedom_lost() -> None:
    once = np.random.default_rng(8).integers(0, 2, size=200)

    copied = defined(proportion(np.repeat(once, 5), np.repeat(np.arange(200), 5)))

    low, high = limits(proportion(once))
    assert (copied.low, copied.high) == pytest.approx((low, high), abs=0.002)
    assert (copied.n, copied.n_clusters) == (1000, 200)


def test_a_proportion_within_one_cluster_is_undefined() -> None:
    result = proportion(np.array([0, 1, 1]), np.zeros(3, dtype=np.int64))

    assert isinstance(result, Undefined)
    assert "one cluster" in result.reason


@pytest.mark.parametrize("values", [[0.5, 1.0], [2.0, 1.0], [np.nan, 1.0]])
def test_a_proportion_is_only_of_zeros_and_ones(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"zeros and ones|outside"):
        proportion(np.array(values))


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize("groups", [20, 50])
def test_a_clustered_proportion_keeps_its_promise_where_the_naive_one_does_not(
    groups: int, share: float
) -> None:
    rng = np.random.default_rng(9)
    samples = [clustered_verdicts(rng, share=share, groups=groups) for _ in range(1500)]

    covered = coverage([proportion(values, clusters) for values, clusters in samples], share)
    naive = coverage([proportion(values) for values, _ in samples], share)

    assert 0.93 < covered < 0.99
    assert naive < 0.85


def test_a_clustered_share_near_one_keeps_most_of_its_promise() -> None:
    rng = np.random.default_rng(10)
    samples = [clustered_verdicts(rng, share=0.97, groups=50) for _ in range(1500)]

    assert coverage([proportion(*sample) for sample in samples], 0.97) > 0.93


def test_the_order_of_the_items_changes_no_interval() -> None:
    rng = np.random.default_rng(11)
    values, clusters = clustered_verdicts(rng, share=0.7, groups=12)
    order = rng.permutation(values.size)
    shuffled = (values[order], clusters[order])

    assert limits(proportion(*shuffled)) == pytest.approx(
        limits(proportion(values, clusters)), abs=1e-12
    )
    assert limits(bounded_mean(*shuffled, lower=0, upper=1)) == pytest.approx(
        limits(bounded_mean(values, clusters, lower=0, upper=1)), abs=1e-12
    )


def test_the_t_interval_of_students_sleep_data_is_the_published_one() -> None:
    gained = bounded_mean(SLEEP_TWO - SLEEP_ONE, lower=-24, upper=24)

    # Student (1908), illustration I: mean 1.58; limits as printed by R's example of t.test
    assert defined(gained).value == pytest.approx(1.58)
    assert limits(gained) == pytest.approx((0.7001142, 2.4598858), abs=1e-7)


def test_clusters_of_one_size_give_the_t_interval_of_their_means() -> None:
    means = np.repeat([0.4, 0.6], 10)
    spread = np.tile([-0.1, 0.1], 20)

    clustered = bounded_mean(
        np.repeat(means, 2) + spread, np.repeat(np.arange(20), 2), lower=0, upper=1
    )

    assert limits(clustered) == pytest.approx(limits(bounded_mean(means, lower=0, upper=1)))


@pytest.mark.parametrize("score", [1.0, 3.7, 5.0])
@pytest.mark.parametrize("clusters", [None, np.repeat(np.arange(10), 3)])
def test_equal_scores_do_not_make_a_zero_width_interval(
    score: float, clusters: NDArray[np.int64] | None
) -> None:
    flat = defined(bounded_mean(np.full(30, score), clusters, lower=1, upper=5))

    assert flat.high - flat.low > 0.4
    assert 1 <= flat.low <= flat.value <= flat.high <= 5
    assert "wilson" in flat.method


def test_clusters_that_balance_out_do_not_make_a_zero_width_interval() -> None:
    balanced = bounded_mean(np.tile([0.2, 0.8], 15), np.repeat(np.arange(15), 2), lower=0, upper=1)

    low, high = limits(balanced)
    assert high - low > 0.3


def test_equal_scores_that_rounding_sets_apart_are_equal_scores() -> None:
    scores = np.array([0.1 + 0.2, 0.3] * 10)

    assert "wilson" in defined(bounded_mean(scores, lower=0, upper=1)).method


def test_limits_are_cut_at_the_bounds_of_the_scale() -> None:
    assert limits(bounded_mean(np.array([0.0, 1.0, 1.0]), lower=0, upper=1)) == (0, 1)


@pytest.mark.parametrize("n", [0, 1])
def test_a_mean_under_two_items_is_undefined(n: int) -> None:
    assert isinstance(bounded_mean(np.ones(n), lower=0, upper=1), Undefined)


def test_a_mean_within_one_cluster_is_undefined() -> None:
    result = bounded_mean(np.array([0.1, 0.9]), np.array([4, 4]), lower=0, upper=1)

    assert isinstance(result, Undefined)
    assert "cluster" in result.reason


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -0.1, 1.1])
def test_a_score_off_the_scale_is_refused_with_its_place(score: float) -> None:
    with pytest.raises(ValueError, match="score 1 is"):
        bounded_mean(np.array([0.5, score]), lower=0, upper=1)


@pytest.mark.parametrize(("lower", "upper"), [(1.0, 1.0), (1.0, 0.0), (0.0, float("inf"))])
def test_bounds_that_are_no_scale_are_refused(lower: float, upper: float) -> None:
    with pytest.raises(ValueError, match="scale"):
        bounded_mean(np.array([1.0, 1.0]), lower=lower, upper=upper)


def test_arrays_of_other_lengths_or_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        bounded_mean(np.ones(4), np.array([1]), lower=0, upper=1)
    with pytest.raises(ValueError, match="shape"):
        bounded_mean(np.ones((4, 1)), lower=0, upper=1)


@pytest.mark.parametrize("n", [20, 100])
def test_the_mean_of_five_grades_covers_the_truth_about_as_often_as_it_says(n: int) -> None:
    chances = np.array([0.05, 0.10, 0.20, 0.40, 0.25])
    samples = np.random.default_rng(12).choice(np.arange(1, 6), p=chances, size=(2000, n))

    covered = coverage(
        [bounded_mean(sample, lower=1, upper=5) for sample in samples],
        float(chances @ np.arange(1, 6)),
    )

    assert 0.93 < covered < 0.99


def test_the_mean_of_clustered_scores_keeps_its_promise_where_the_naive_one_does_not() -> None:
    rng = np.random.default_rng(13)
    clusters = np.repeat(np.arange(20), 10)
    samples = [0.7 * rng.beta(2, 2, size=20)[clusters] + 0.3 * rng.random(200) for _ in range(1000)]

    covered = coverage([bounded_mean(s, clusters, lower=0, upper=1) for s in samples], 0.5)
    naive = coverage([bounded_mean(s, lower=0, upper=1) for s in samples], 0.5)

    assert 0.93 < covered < 0.99
    assert naive < 0.85


def test_bounds_are_those_of_all_missing_scores_at_the_ends() -> None:
    # by hand: 30 of 40 passed, 10 are missing: (30 + 0) / 50 and (30 + 10) / 50
    assert manski_bounds(30, 40, missing=10, lower=0, upper=1) == pytest.approx((0.6, 0.8))
    # by hand, on 1 to 5: (12 + 2) / 6 and (12 + 10) / 6
    assert manski_bounds(12, 4, missing=2, lower=1, upper=5) == pytest.approx((14 / 6, 22 / 6))


def test_nothing_missing_leaves_one_mean() -> None:
    assert manski_bounds(30, 40, missing=0, lower=0, upper=1) == (0.75, 0.75)


def test_everything_missing_leaves_the_whole_scale() -> None:
    assert manski_bounds(0, 0, missing=10, lower=1, upper=5) == (1, 5)


def test_no_items_have_no_bounds() -> None:
    assert isinstance(manski_bounds(0, 0, missing=0, lower=0, upper=1), Undefined)


@pytest.mark.parametrize(
    ("total", "scored", "missing"),
    [(11, 10, 0), (-1, 10, 0), (float("nan"), 10, 0), (0, -1, 0), (0, 1, -1)],
)
def test_impossible_totals_are_refused(total: float, scored: int, missing: int) -> None:
    with pytest.raises(ValueError, match=r"cannot sum|impossible"):
        manski_bounds(total, scored, missing=missing, lower=0, upper=1)


def test_bounds_hold_whatever_the_missing_scores_were() -> None:
    rng = np.random.default_rng(14)
    everything = rng.uniform(1, 5, size=(500, 30))

    bounds = [manski_bounds(row[:20].sum(), 20, missing=10, lower=1, upper=5) for row in everything]

    assert all(
        isinstance(bound, tuple) and bound[0] <= row.mean() <= bound[1]
        for bound, row in zip(bounds, everything, strict=True)
    )


@pytest.mark.parametrize(("successes", "n"), [(1, 20), (4, 30), (30, 30), (50, 1000)])
def test_the_exact_lower_bound_is_clopper_and_pearsons(successes: int, n: int) -> None:
    theirs = binomtest(successes, n, alternative="greater").proportion_ci(0.95, method="exact")

    assert exact_lower_bound(successes, n) == pytest.approx(theirs.low)


def test_the_exact_lower_bound_of_nothing_seen_is_0_and_of_nothing_is_undefined() -> None:
    assert exact_lower_bound(0, 300) == 0
    assert isinstance(exact_lower_bound(0, 0), Undefined)
    with pytest.raises(ValueError, match="impossible"):
        exact_lower_bound(4, 3)
