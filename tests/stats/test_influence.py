import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, pearsonr, spearmanr

from judge.stats.influence import (
    CorrelationName,
    Floats,
    correlation_influence,
    group_correlations,
    rank_codes,
)

STATISTICS: tuple[CorrelationName, ...] = ("pearson", "spearman", "kendall_tau_b")
ORACLES = {"pearson": pearsonr, "spearman": spearmanr, "kendall_tau_b": kendalltau}

finite_scores = st.lists(
    st.tuples(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300)), min_size=2, max_size=12
)


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def scores(kind: str, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw scores of two sides that are related, without or with many ties."""
    first, noise = rng.standard_normal((2, n))
    second = first + noise
    return (first, second) if kind == "graduated" else (np.rint(first), np.rint(2 * second))


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("kind", ["graduated", "grades"])
def test_a_correlation_equals_scipys(kind: str, statistic: CorrelationName) -> None:
    rng = seeded(2)
    for n in (3, 10, 61, 200):
        first, second = scores(kind, n, rng)

        value, _ = correlation_influence(first, second, statistic=statistic)

        assert value == pytest.approx(ORACLES[statistic](first, second)[0], abs=1e-12)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("kind", ["graduated", "grades"])
def test_groups_are_correlated_as_if_each_stood_alone(
    kind: str, statistic: CorrelationName
) -> None:
    rng = seeded(3)
    first, second = scores(kind, 90, rng)
    groups = rng.permutation(np.repeat([0, 1, 2], [20, 30, 40]))
    first += 1000 * groups

    together = group_correlations(first, second, statistic=statistic, groups=groups)

    alone = [ORACLES[statistic](first[groups == g], second[groups == g])[0] for g in range(3)]
    assert together == pytest.approx(alone, abs=1e-9)


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("kind", ["graduated", "grades"])
def test_the_influence_is_how_far_an_item_moves_the_correlation(
    kind: str, statistic: CorrelationName
) -> None:
    first, second = scores(kind, 400, seeded(4))

    value, influence = correlation_influence(first, second, statistic=statistic)

    without = np.array(
        [
            correlation_influence(np.delete(first, i), np.delete(second, i), statistic=statistic)[0]
            for i in range(0, 400, 10)
        ]
    )
    # Tukey's jackknife pseudo-values: (n - 1) (whole - without item i).
    assert influence[::10] == pytest.approx(399 * (value - without), abs=0.1)
    assert influence.mean() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_perfect_correlation_is_moved_by_no_item(statistic: CorrelationName) -> None:
    first = seeded(5).standard_normal(20)

    up = correlation_influence(first, 3 * first + 1, statistic=statistic)
    down = correlation_influence(first, -first, statistic=statistic)

    assert (up[0], down[0]) == pytest.approx((1, -1))
    assert not up[1].any()
    assert not down[1].any()


def test_scores_that_differ_by_rounding_are_tied() -> None:
    assert rank_codes(np.array([0.3, 0.1 + 0.2, 0.4])).tolist() == [0, 0, 1]
    assert rank_codes(np.array([0.0, 1e-300, 1e-299, -1e-300])).tolist() == [1, 2, 3, 0]


@pytest.mark.parametrize("statistic", STATISTICS)
@given(pairs=finite_scores)
def test_no_finite_scores_make_a_correlation_that_is_not_a_number(
    statistic: CorrelationName, pairs: list[tuple[float, float]]
) -> None:
    first, second = np.array(pairs).T
    if min(rank_codes(first).max(), rank_codes(second).max()) == 0:
        return

    value, influence = correlation_influence(first, second, statistic=statistic)

    assert -1 <= value <= 1
    assert np.isfinite(influence).all()
