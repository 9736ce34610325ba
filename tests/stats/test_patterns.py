import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import beta, norm, t

from judge.stats.estimate import Estimate, Undefined
from judge.stats.patterns import (
    bootstrap_estimate,
    category_values,
    checked_judge,
    clusters_of,
    label_patterns,
    why_no_spread,
)

Floats = NDArray[np.float64]
NONE_HELD_POSSIBLE = np.zeros(0)


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def share_of_the_first(weights: Floats) -> Floats:
    return np.asarray(weights[:, 0] / weights.sum(axis=1), dtype=np.float64)


def share_estimate(
    hits: int,
    n: int,
    *,
    prior: Floats = NONE_HELD_POSSIBLE,
    copies: int = 1,
    draws: int = 4000,
) -> Estimate:
    """Share of units of the first of two kinds; each unit `copies` times, in its own cluster."""
    place = np.repeat(np.arange(2), [hits, n - hits])
    result = bootstrap_estimate(
        share_of_the_first,
        occurrences=np.array([hits, n - hits]) * copies,
        prior=prior,
        influence=np.array([1 - hits / n, -hits / n]),
        place=np.repeat(place, copies),
        clusters=np.repeat(np.arange(n), copies) if copies > 1 else None,
        rng=seeded(),
        level=0.95,
        draws=draws,
    )
    assert isinstance(result, Estimate)
    return result


def test_units_with_the_same_labels_are_told_once_whoever_gave_them() -> None:
    labels = np.array([[0, 2, -1], [2, -1, 0], [1, 1, 1], [-1, 0, 2]])

    patterns = label_patterns(labels, n_categories=3, fewest=1)

    assert patterns.counts.tolist() == [[0, 3, 0], [1, 0, 1]]
    assert patterns.place.tolist() == [1, 1, 0, 1]
    assert patterns.occurrences.tolist() == [1, 3]


def test_a_unit_with_too_few_labels_is_left_out() -> None:
    labels = np.array([[-1, -1], [0, -1], [1, 1], [0, 1]])

    kept = [
        label_patterns(labels, n_categories=2, fewest=fewest).units.tolist() for fewest in (0, 1, 2)
    ]

    assert kept == [[0, 1, 2, 3], [1, 2, 3], [2, 3]]


@pytest.mark.parametrize(("categories", "raters"), [(2, 3), (5, 4), (5, 12), (40, 3), (101, 2)])
def test_each_unit_has_the_pattern_of_its_own_labels(categories: int, raters: int) -> None:
    labels = seeded(categories).integers(-1, categories, size=(300, raters))

    patterns = label_patterns(labels, n_categories=categories, fewest=0)

    counts = (labels[:, :, np.newaxis] == np.arange(categories)).sum(axis=1)
    assert np.array_equal(patterns.counts[patterns.place], counts)
    assert len(np.unique(counts, axis=0)) == len(patterns.counts)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(-1, 3), min_size=3, max_size=3), max_size=12))
def test_the_order_of_units_and_raters_does_not_move_a_pattern(
    rows: list[list[int]],
) -> None:
    labels = np.array(rows, dtype=np.int64).reshape(-1, 3)
    order = seeded(len(rows)).permutation(len(labels))

    one = label_patterns(labels, n_categories=4, fewest=1)
    other = label_patterns(labels[order][:, ::-1], n_categories=4, fewest=1)

    assert np.array_equal(one.counts, other.counts)
    assert np.array_equal(one.occurrences, other.occurrences)


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int64])
def test_narrow_codes_are_as_good_as_wide_ones(kind: type[np.signedinteger]) -> None:
    labels = seeded().integers(-1, 101, size=(50, 3))

    wide = label_patterns(labels, n_categories=101, fewest=2)
    narrow = label_patterns(labels.astype(kind), n_categories=101, fewest=2)

    assert np.array_equal(wide.counts, narrow.counts)


@pytest.mark.parametrize(
    ("labels", "categories", "message"),
    [
        (np.array([[0, 1], [1, 2]]), 2, "unit 1 by rater 1 is 2"),
        (np.array([[0, -2]]), 2, "unit 0 by rater 1 is -2"),
        (np.array([[0.0, 1.0]]), 2, "integer codes"),
        (np.array([0, 1]), 2, "shape"),
        (np.array([[0, 0]]), 1, "at least two categories"),
    ],
)
def test_labels_that_are_no_codes_of_the_scale_are_refused(
    labels: NDArray[np.int64], categories: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        label_patterns(labels, n_categories=categories, fewest=1)


def test_one_verdict_is_not_spread_over_several_units() -> None:
    with pytest.raises(ValueError, match="shape"):
        checked_judge(np.array([1]), n_units=3, n_categories=2)
    with pytest.raises(ValueError, match="off a scale"):
        checked_judge(np.array([1, 2]), n_units=2, n_categories=2)


@pytest.mark.parametrize(
    "values", [[1.0, 2.0], [0.0, float("nan"), 1.0], [0.0, float("inf"), 1.0], [2.0, 2.0, 2.0]]
)
def test_values_that_rank_nothing_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="value"):
        category_values(np.array(values), n_categories=3)


def test_categories_without_declared_values_are_a_step_apart() -> None:
    assert category_values(None, n_categories=3).tolist() == [0, 1, 2]


def test_clusters_are_those_of_the_units_that_were_kept() -> None:
    units = np.array([0, 2])

    assert clusters_of(units, None, n_units=3) is None
    codes = clusters_of(units, np.array([7, 7, 9]), n_units=3)
    assert codes is not None
    assert codes.tolist() == [0, 1]
    with pytest.raises(ValueError, match="shape"):
        clusters_of(units, np.array([7]), n_units=3)


def test_the_draws_of_two_kinds_are_those_of_a_beta_variable() -> None:
    result = share_estimate(8, 20, prior=np.array([0.5, 0.5]), draws=100_000)

    # counts over Student's quantile on the normal one, squared, and over (n - 1) / n
    divisor = (t.ppf(0.975, 19) / norm.ppf(0.975)) ** 2 * 20 / 19
    # the prior kinds count in the whole, and are not of the first kind
    limits = beta.ppf([0.025, 0.975], 8 / divisor, 12 / divisor + 1)
    assert result.value == pytest.approx(0.4)
    assert (result.low, result.high) == pytest.approx(limits, abs=0.005)
    assert (result.n, result.n_clusters, result.method) == (20, 20, "bayesian bootstrap")


def test_copies_of_the_units_in_their_clusters_do_not_narrow_the_limits() -> None:
    once, copied = share_estimate(8, 20), share_estimate(8, 20, copies=5)

    assert (copied.low, copied.high) == pytest.approx((once.low, once.high), abs=0.02)
    assert (copied.n, copied.n_clusters) == (100, 20)
    assert "design effect" in copied.method


def test_the_cost_of_many_kinds_is_drawn_in_parts() -> None:
    n = 3000
    result = bootstrap_estimate(
        lambda weights: weights @ np.linspace(0, 1, n) / weights.sum(axis=1),
        occurrences=np.ones(n, dtype=np.int64),
        prior=NONE_HELD_POSSIBLE,
        influence=np.linspace(-0.5, 0.5, n),
        place=np.arange(n),
        clusters=None,
        rng=seeded(),
        level=0.95,
        draws=2000,
    )

    assert isinstance(result, Estimate)
    assert result.high - result.low == pytest.approx(2 * 1.96 * np.sqrt(1 / 12 / n), rel=0.1)


def test_a_draw_without_a_value_is_left_out() -> None:
    def sometimes(weights: Floats) -> Floats:
        shares = share_of_the_first(weights)
        return np.where(shares > 0.3, shares, np.nan)

    result = bootstrap_estimate(
        sometimes,
        occurrences=np.array([8, 12]),
        prior=NONE_HELD_POSSIBLE,
        influence=np.array([0.6, -0.4]),
        place=np.repeat([0, 1], [8, 12]),
        clusters=None,
        rng=seeded(),
        level=0.95,
        draws=1000,
    )

    assert isinstance(result, Estimate)
    assert result.low > 0.3


@pytest.mark.parametrize("clusters", [None, np.array([4, 4])])
def test_under_two_independent_units_there_are_no_limits(
    clusters: NDArray[np.int64] | None,
) -> None:
    n = 1 if clusters is None else 2

    result = bootstrap_estimate(
        share_of_the_first,
        occurrences=np.array([n]),
        prior=np.ones(1),
        influence=np.zeros(1),
        place=np.zeros(n, dtype=np.int64),
        clusters=clusters,
        rng=seeded(),
        level=0.95,
        draws=10,
    )

    assert isinstance(result, Undefined)
    assert result.reason == why_no_spread(1)
    assert result.n == n
