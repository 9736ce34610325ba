import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import linregress

from judge.stats.estimate import Estimate, Undefined
from judge.stats.regression import slope

# Mean 1, slope 5/4; what the three clusters add to the slope's numerator: -1/4, -1/2, 3/4.
X = np.array([-1, 0, 1, -1, 0, 1])
Y = np.array([0, 1, 2, 0, 0, 3])
PAIRS = np.array([0, 0, 1, 1, 2, 2])


def defined(result: Estimate | Undefined) -> Estimate:
    assert isinstance(result, Estimate)
    return result


def test_a_slope_in_clusters_has_the_hand_worked_limits() -> None:
    result = defined(slope(X, Y, clusters=PAIRS))

    # CR1: 3/2 * 5/4 * (1/16 + 1/4 + 9/16) / 4^2; Student's quantile for 2 degrees is 4.302653
    half = 4.302653 * np.sqrt(1.5 * 1.25 * 0.875 / 16)
    assert result.value == pytest.approx(1.25)
    assert (result.low, result.high) == pytest.approx((1.25 - half, 1.25 + half), rel=1e-6)
    assert (result.n, result.n_clusters, result.method) == (6, 3, "t, cluster-robust")


def test_without_clusters_the_squares_of_the_items_are_summed() -> None:
    result = defined(slope(X, Y))

    # HC1: 6/5 * 5/4 * (1/16 + 1/16 + 1/16 + 9/16) / 4^2; Student's quantile for 4 degrees, which
    # is both 6 - 2 and Pan and Wall's 2 (3/4)^2 / (6 * .046875)
    half = 2.776445 * np.sqrt(1.5 * 0.75 / 16)
    assert result.high - result.value == pytest.approx(half, rel=1e-6)
    assert (result.n_clusters, result.method) == (6, "t")


def test_slope_and_correlation_equal_scipys() -> None:
    rng = np.random.default_rng(1)
    for _ in range(10):
        x, y = rng.normal(size=(2, 30))

        ours = defined(slope(x, y)).value, defined(slope(x, y, standardised=True)).value

        theirs = linregress(x, y)
        assert ours == pytest.approx((theirs.slope, theirs.rvalue))


def test_with_even_spread_the_limits_come_close_to_the_textbook_ones() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=4000)
    y = 0.5 * x + rng.normal(size=4000)

    result = defined(slope(x, y))

    assert (result.high - result.low) / 2 == pytest.approx(1.96 * linregress(x, y).stderr, rel=0.05)


def test_units_move_the_slope_and_leave_the_correlation() -> None:
    plain, scaled = (defined(slope(x, Y, clusters=PAIRS)) for x in (X, 1000 + 10 * X))
    one, other = (defined(slope(x, Y, standardised=True)) for x in (X, 1000 + 10 * X))

    assert (scaled.low, scaled.value) == pytest.approx((plain.low / 10, plain.value / 10))
    assert (one.low, one.value, one.high) == pytest.approx((other.low, other.value, other.high))


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        (np.full(9, 0.1), np.arange(9), "x does not vary"),
        (np.arange(9), np.full(9, 0.1), "no point strays"),
        (np.arange(9), 0.3 * np.arange(9) + 7, "no point strays"),
        (np.arange(2), np.array([0, 3]), "three items"),
        (np.zeros(0), np.zeros(0), "three items"),
    ],
)
def test_a_line_that_says_nothing_is_undefined(
    x: NDArray[np.float64], y: NDArray[np.float64], reason: str
) -> None:
    for standardised in (False, True):
        result = slope(x, y, standardised=standardised)

        assert isinstance(result, Undefined)
        assert reason in result.reason
        assert result.n == x.size


def test_two_clusters_are_too_few() -> None:
    assert "three clusters" in str(slope(X, Y, clusters=np.array([0, 0, 0, 1, 1, 1])))


def test_clusters_that_all_add_nothing_leave_the_slope_undefined() -> None:
    # In each cluster one item lifts the slope by what the other lowers it.
    x, y = np.tile([-1.0, -1.0, 1.0, 1.0], 4), np.tile([-1.0, 1.0, -1.0, 1.0], 4)

    assert "do not differ" in str(slope(x, y, clusters=np.repeat(np.arange(4), 4)))


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="shapes"):
        slope(X, Y[:1])
    with pytest.raises(ValueError, match="item 1 are not both finite"):
        slope(np.array([0, np.nan, 1]), np.arange(3))
    with pytest.raises(ValueError, match="cluster codes"):
        slope(X, Y, clusters=np.array([0]))


def test_neither_the_order_of_items_nor_the_names_of_clusters_matter() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 40))
    clusters, order = np.repeat(np.arange(10), 4), rng.permutation(40)

    one = defined(slope(x, y, clusters=clusters))
    other = defined(slope(x[order], y[order], clusters=99 - 7 * clusters[order]))

    assert (one.low, one.value, one.high) == pytest.approx((other.low, other.value, other.high))


@settings(max_examples=100, deadline=None)
@given(
    points=st.lists(st.tuples(st.integers(-3, 3), st.integers(-3, 3), st.integers(0, 5))),
    standardised=st.booleans(),
)
def test_any_points_give_finite_limits_or_a_reason(
    *, points: list[tuple[int, int, int]], standardised: bool
) -> None:
    x, y, clusters = (np.array([p[side] for p in points], dtype=np.int64) for side in range(3))

    result = slope(x, y, clusters=clusters, standardised=standardised)

    if isinstance(result, Estimate):
        assert result.low < result.high


def length_bias_coverage(*, groups: int, standardised: bool, runs: int, seed: int) -> list[float]:
    """Coverage with clusters and without, where scores and log lengths go by document."""
    rng = np.random.default_rng(seed)
    clusters = np.repeat(np.arange(groups), 10)
    truth = 0.4 / np.sqrt(0.16 + 1) if standardised else 0.4
    hits = []
    for _ in range(runs):
        of_document = rng.normal(size=(2, groups))[:, clusters]
        x, own = np.sqrt(0.5) * (of_document + rng.normal(size=(2, clusters.size)))
        results = [
            defined(slope(x, 0.4 * x + own, clusters=known, standardised=standardised))
            for known in (clusters, None)
        ]
        hits.append([r.low <= truth <= r.high for r in results])
    return [float(share) for share in np.mean(hits, axis=0)]


@pytest.mark.parametrize("standardised", [False, True])
def test_a_slope_in_clusters_keeps_its_promise_where_the_naive_one_does_not(
    *,
    standardised: bool,
) -> None:
    robust, naive = length_bias_coverage(groups=50, standardised=standardised, runs=600, seed=4)

    assert 0.915 < robust < 0.98
    assert naive < 0.85


@pytest.mark.slow
@pytest.mark.parametrize("standardised", [False, True])
@pytest.mark.parametrize("groups", [20, 50])
def test_a_slope_keeps_its_promise(*, groups: int, standardised: bool) -> None:
    robust, naive = length_bias_coverage(
        groups=groups, standardised=standardised, runs=2000, seed=5
    )

    assert robust > (0.92 if groups == 20 else 0.93)
    assert naive < 0.85
