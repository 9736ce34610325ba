import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from judge.stats.correlation import (
    fisher_correlation,
    kendall_tau_b,
    pearson,
    spearman,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.influence import CorrelationName, Floats, correlation_influence

STATISTICS: tuple[CorrelationName, ...] = ("pearson", "spearman", "kendall_tau_b")
FUNCTIONS = {"pearson": pearson, "spearman": spearman, "kendall_tau_b": kendall_tau_b}
# Hollander and Wolfe (1973), p. 185: lightness of canned tuna and what consumers thought of it.
LIGHTNESS = np.array([44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1])
LIKING = np.array([2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8])
# Example of `ci.spear` in Bonett's statpsych 1.7.0, limits with the variance of Bonett and Wright.
FIRST = np.array([67, 28, 30, 28, 52, 40, 25, 37, 44, 10, 14, 20, 28, 40, 51])
SECOND = np.array([21, 4, 9, 12, 35, 18, 10, 22, 24, 1, 6, 8, 13, 16, 19])


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def defined(result: Estimate | Undefined) -> Estimate:
    assert isinstance(result, Estimate), result
    return result


def normal_pair(n: int, rho: float, rng: np.random.Generator) -> tuple[Floats, Floats]:
    first, noise = rng.standard_normal((2, n))
    return first, rho * first + np.sqrt(1 - rho**2) * noise


def normal_truth(rho: float, statistic: CorrelationName) -> float:
    """Return the correlation of a normal pair (Kruskal 1958, J. Am. Stat. Assoc. 53, 814-861)."""
    if statistic == "pearson":
        return rho
    if statistic == "spearman":
        return float(6 / np.pi * np.arcsin(rho / 2))
    return float(2 / np.pi * np.arcsin(rho))


def coverage(statistic: CorrelationName, *, n: int, rho: float, runs: int) -> float:
    rng, truth = seeded(11), normal_truth(rho, statistic)
    results = [
        defined(FUNCTIONS[statistic](*normal_pair(n, rho, rng), rng=rng)) for _ in range(runs)
    ]
    return float(np.mean([e.low <= truth <= e.high for e in results]))


def clustered_pair(
    groups: int, size: int, rng: np.random.Generator, *, steps: float, share: float = 0.5
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Scores whose clusters correlate by -.2, and items within by .8; `share` lies between."""
    codes = np.repeat(np.arange(groups), size)
    between, within = normal_pair(groups, -0.2, rng), normal_pair(codes.size, 0.8, rng)
    first, second = (
        np.sqrt(share) * b[codes] + np.sqrt(1 - share) * w
        for b, w in zip(between, within, strict=True)
    )
    if steps:
        first, second = (np.clip(np.rint(side / steps), -2, 2) for side in (first, second))
    return first, second, codes


def clustered_coverage(
    statistic: CorrelationName, *, groups: int, steps: float, share: float, runs: int
) -> tuple[float, float]:
    """How often limits cover the truth: with the clusters, and as if there were none."""
    rng, results = seeded(7), []
    many = clustered_pair(10_000, 8, rng, steps=steps, share=share)[:2]
    truth = correlation_influence(*many, statistic=statistic)[0]
    for _ in range(runs):
        judge, human, codes = clustered_pair(groups, 8, rng, steps=steps, share=share)
        both = [
            defined(FUNCTIONS[statistic](judge, human, clusters=clusters, draws=400, rng=rng))
            for clusters in (codes, None)
        ]
        results.append([e.low <= truth <= e.high for e in both])
    honest, naive = np.mean(results, axis=0)
    return float(honest), float(naive)


def test_pearson_and_tau_of_the_tuna_are_the_published_ones() -> None:
    r = defined(pearson(LIGHTNESS, LIKING, rng=seeded()))
    tau = defined(kendall_tau_b(LIGHTNESS, LIKING, rng=seeded()))

    # The limits are those of cor.test in R 4.
    assert (r.value, r.low, r.high) == pytest.approx((0.5711816, -0.1497426, 0.8955795), abs=5e-8)
    assert tau.value == pytest.approx(26 / 36 - 10 / 36)
    assert r.method == "fisher z"


def test_spearman_and_its_limits_are_the_published_ones() -> None:
    result = defined(spearman(FIRST, SECOND, rng=seeded()))

    assert (result.value, result.low, result.high) == pytest.approx(
        (0.8699639, 0.5840951, 0.9638297), abs=5e-8
    )
    assert (result.n, result.n_clusters) == (15, 15)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_few_grades_are_drawn_and_many_scores_are_not(statistic: CorrelationName) -> None:
    rng = seeded(2)
    grades, scores = rng.integers(1, 6, size=(2, 60)), rng.random((2, 60))

    methods = [defined(FUNCTIONS[statistic](*pair, rng=rng)).method for pair in (grades, scores)]

    assert methods == ["dirichlet", "fisher z"]


@pytest.mark.parametrize("statistic", STATISTICS)
def test_under_two_items_a_correlation_is_undefined(statistic: CorrelationName) -> None:
    for n in (0, 1):
        assert "two items" in str(FUNCTIONS[statistic](np.ones(n), np.ones(n), rng=seeded()))


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_constant_side_makes_a_correlation_undefined_and_is_named(
    statistic: CorrelationName,
) -> None:
    varied, constant = np.arange(9.0), np.full(9, 0.1 + 0.2)
    constant[3] = 0.3  # which differs by rounding

    results = [
        str(FUNCTIONS[statistic](judge, human, rng=seeded()))
        for judge, human in ((constant, varied), (varied, constant), (constant, constant))
    ]

    assert "of the judge" in results[0]
    assert "of the human side" in results[1]
    assert "of either side" in results[2]
    assert all("n=9" in result for result in results)


def test_items_of_one_cluster_make_a_correlation_undefined() -> None:
    result = spearman(FIRST, SECOND, clusters=np.zeros(15, dtype=np.int64), rng=seeded())

    assert "one cluster" in str(result)


@pytest.mark.parametrize(("statistic", "least"), [("pearson", 4), ("kendall_tau_b", 5)])
def test_too_few_items_have_no_limits(statistic: CorrelationName, least: int) -> None:
    few = np.array([3.0, 1.0, 2.0, 4.0, 6.0])

    assert isinstance(
        fisher_correlation(few[: least - 1], few[1:least], statistic=statistic), Undefined
    )
    assert isinstance(
        fisher_correlation(few[:least], few[:least] ** 2 % 5, statistic=statistic), Estimate
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_score_that_is_not_finite_is_refused_with_its_side_and_place(bad: float) -> None:
    scores = np.array([1.0, bad, 2.0])

    with pytest.raises(ValueError, match="judge score 1"):
        pearson(scores, np.arange(3), rng=seeded())
    with pytest.raises(ValueError, match="human score 1"):
        pearson(np.arange(3), scores, rng=seeded())


def test_one_score_is_not_spread_over_several() -> None:
    with pytest.raises(ValueError, match="shapes"):
        spearman(np.array([1.0]), np.arange(3), rng=seeded())


@pytest.mark.parametrize("statistic", ["spearman", "kendall_tau_b"])
def test_a_perfect_ranking_has_a_width_and_less_of_it_with_more_items(
    statistic: CorrelationName,
) -> None:
    some, many = (
        defined(FUNCTIONS[statistic](np.arange(n) ** 2, np.arange(n), rng=seeded()))
        for n in (10, 40)
    )

    assert (some.value, some.high) == (1, 1)
    assert some.low < many.low < 0.9999
    assert defined(FUNCTIONS[statistic](-np.arange(10), np.arange(10), rng=seeded())).low == -1


def test_a_perfect_ranking_of_copied_items_is_worth_what_the_items_are() -> None:
    ten = np.arange(10.0)
    copied, codes = np.repeat(ten, 4), np.repeat(np.arange(10), 4)

    once = defined(fisher_correlation(ten, ten**3, statistic="spearman"))
    copies = defined(fisher_correlation(copied, copied**3, statistic="spearman", clusters=codes))

    assert (copies.low, copies.high) == pytest.approx((once.low, once.high))


def test_scores_on_one_line_have_no_limits() -> None:
    result = pearson(2 * np.arange(30.0) + 1, np.arange(30.0), rng=seeded())

    assert "one line" in str(result)
    assert "3/30" in str(result)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_order_of_the_items_changes_nothing(statistic: CorrelationName) -> None:
    for steps in (0.0, 1.0):
        judge, human, codes = clustered_pair(12, 5, seeded(3), steps=steps)
        order = seeded(4).permutation(60)

        one = defined(FUNCTIONS[statistic](judge, human, clusters=codes, rng=seeded()))
        other = defined(
            FUNCTIONS[statistic](judge[order], human[order], clusters=codes[order], rng=seeded())
        )

        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


@pytest.mark.parametrize("statistic", STATISTICS)
def test_exchanging_the_sides_changes_nothing(statistic: CorrelationName) -> None:
    judge, human = normal_pair(50, 0.6, seeded(5))

    one = defined(FUNCTIONS[statistic](judge, human, rng=seeded()))
    other = defined(FUNCTIONS[statistic](human, judge, rng=seeded()))

    assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


@pytest.mark.parametrize("statistic", STATISTICS)
def test_clustered_limits_are_as_wide_as_a_cluster_bootstrap_says(
    statistic: CorrelationName,
) -> None:
    rng = seeded(6)
    judge, human, codes = clustered_pair(60, 4, rng, steps=0)
    rows = np.arange(240).reshape(60, 4)

    result = defined(FUNCTIONS[statistic](judge, human, clusters=codes, rng=rng))

    drawn = [rows[rng.integers(0, 60, size=60)].ravel() for _ in range(300)]
    z = [
        np.arctanh(correlation_influence(judge[d], human[d], statistic=statistic)[0]) for d in drawn
    ]
    width = np.arctanh(result.high) - np.arctanh(result.low)
    assert width == pytest.approx(2 * 2.0 * np.std(z), rel=0.15)


@pytest.mark.parametrize("statistic", STATISTICS)
@given(
    pairs=st.lists(
        st.tuples(
            st.sampled_from([-1e300, -1.0, 0.0, 1e-300, 0.3, 0.1 + 0.2, 7.0]),
            st.floats(-1e300, 1e300),
            st.integers(0, 3),
        ),
        max_size=14,
    )
)
@settings(max_examples=30)
def test_no_finite_scores_make_an_estimate_that_is_not_one(
    statistic: CorrelationName, pairs: list[tuple[float, float, int]]
) -> None:
    judge, human, codes = (np.array([pair[side] for pair in pairs]) for side in range(3))

    for pair in ((judge, human), (judge, np.sign(human))):
        result = FUNCTIONS[statistic](*pair, clusters=codes.astype(int), draws=50, rng=seeded())

        assert isinstance(result, Undefined) or -1 <= result.low < result.high <= 1


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize(("n", "rho"), [(50, 0.6), (20, 0.95)])
def test_correlations_of_graduated_scores_cover_the_truth_as_often_as_they_say(
    n: int, rho: float, statistic: CorrelationName
) -> None:
    assert 0.93 < coverage(statistic, n=n, rho=rho, runs=300) < 0.995


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("steps", [0.0, 1.0])
def test_clustered_correlations_keep_their_promise_where_naive_ones_do_not(
    steps: float, statistic: CorrelationName
) -> None:
    honest, naive = clustered_coverage(statistic, groups=20, steps=steps, share=0.5, runs=120)

    assert honest > 0.88
    assert naive < 0.85


@pytest.mark.slow
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("rho", [0.3, 0.6, 0.9, 0.97])
def test_correlations_of_graduated_scores_keep_their_promise_in_full(
    rho: float, statistic: CorrelationName
) -> None:
    covered = [coverage(statistic, n=n, rho=rho, runs=2000) for n in (20, 50, 100, 300)]

    assert all(0.935 <= share <= 0.995 for share in covered)


@pytest.mark.slow
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("steps", [0.0, 1.0])
@pytest.mark.parametrize("groups", [20, 50])
def test_clustered_correlations_keep_their_promise_in_full(
    groups: int, steps: float, statistic: CorrelationName
) -> None:
    honest, naive = clustered_coverage(statistic, groups=groups, steps=steps, share=0.3, runs=2000)

    assert honest >= 0.93
    assert naive < 0.85


def test_importing_these_statistics_loads_neither_scipy_nor_scikit_learn() -> None:
    code = (
        "import sys, judge.stats.correlation_levels, judge.stats.recalibration;"
        "import judge.stats.divergence;"
        "sys.exit(any(name in sys.modules for name in ('scipy', 'sklearn')))"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
