import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kendalltau, pearsonr, spearmanr

from judge.stats.agreement import confusion, weighted_confusion
from judge.stats.estimate import Estimate, Undefined
from judge.stats.grades import grades_correlation, table_correlation
from judge.stats.influence import CorrelationName

STATISTICS: tuple[CorrelationName, ...] = ("pearson", "spearman", "kendall_tau_b")
ORACLES = {"pearson": pearsonr, "spearman": spearmanr, "kendall_tau_b": kendalltau}
# Agresti (2002), Categorical Data Analysis, table 2.8: income (rows) and job satisfaction.
SATISFACTION = np.array([[1, 3, 10, 6], [2, 3, 10, 7], [1, 6, 14, 12], [0, 1, 9, 11]])


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def defined(result: Estimate | Undefined) -> Estimate:
    assert isinstance(result, Estimate), result
    return result


def copied_with_noise(categories: int, kappa: float) -> NDArray[np.float64]:
    """Cell chances of a judge that copies the human with chance `kappa` and guesses otherwise."""
    chance = np.full((categories, categories), 1 / categories**2)
    return kappa * np.eye(categories) / categories + (1 - kappa) * chance


def truth_of(chances: NDArray[np.float64], statistic: CorrelationName) -> float:
    table = np.rint(chances * 1e9).astype(np.int64)
    return defined(table_correlation(table, statistic=statistic, draws=2, rng=seeded())).value


def coverage(
    chances: NDArray[np.float64], n: int, statistic: CorrelationName, *, runs: int, draws: int
) -> float:
    rng, truth = seeded(9), truth_of(chances, statistic)
    tables = rng.multinomial(n, chances.ravel(), size=runs).reshape(-1, *chances.shape)
    results = [table_correlation(t, statistic=statistic, draws=draws, rng=rng) for t in tables]
    estimates = [result for result in results if isinstance(result, Estimate)]
    assert all(estimate.low < estimate.high for estimate in estimates)
    return float(np.mean([e.low - 1e-9 <= truth <= e.high + 1e-9 for e in estimates]))


def test_tau_b_of_agrestis_example_is_the_one_of_the_published_pairs() -> None:
    result = defined(table_correlation(SATISFACTION, statistic="kendall_tau_b", rng=seeded()))

    # 1331 concordant and 849 discordant pairs; 3401 and 2943 of 5460 - 900 pairs are not tied.
    assert result.value == pytest.approx((1331 - 849) / np.sqrt(3401 * 2943))
    assert result.low < 0 < result.high


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("categories", [2, 3, 5, 7])
def test_a_table_has_scipys_correlation_of_its_labels(
    categories: int, statistic: CorrelationName
) -> None:
    rng = seeded(categories)
    for _ in range(10):
        human, judge = rng.integers(0, categories, size=(2, 40))
        table = confusion(human, judge, n_categories=categories)

        ours = defined(table_correlation(table, statistic=statistic, draws=10, rng=rng)).value

        assert ours == pytest.approx(ORACLES[statistic](human, judge)[0], abs=1e-12)


def test_pearson_goes_by_what_the_categories_are_worth() -> None:
    rng, values = seeded(2), np.array([0.0, 1.0, 10.0])
    human, judge = rng.integers(0, 3, size=(2, 50))
    table = confusion(human, judge, n_categories=3)

    ours = defined(table_correlation(table, statistic="pearson", values=values, rng=rng)).value

    assert ours == pytest.approx(pearsonr(values[human], values[judge])[0])


def test_unequal_chances_of_inclusion_are_weighed_as_whole_copies_would_be() -> None:
    human, judge = seeded(3).integers(0, 3, size=(2, 60))
    chances = np.where(human == 2, 0.25, 1.0)
    copies = np.where(human == 2, 4, 1)
    weighed = weighted_confusion(human, judge, n_categories=3, inclusion=chances)
    copied = confusion(np.repeat(human, copies), np.repeat(judge, copies), n_categories=3)

    ours = defined(table_correlation(weighed, statistic="spearman", rng=seeded()))
    whole = defined(table_correlation(copied, statistic="spearman", rng=seeded()))

    assert ours.value == pytest.approx(whole.value)
    assert ours.high - ours.low > whole.high - whole.low
    assert ours.n == 60


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("categories", [2, 3, 5, 11])
def test_a_perfect_judge_has_limits_up_to_1_and_a_width(
    categories: int, statistic: CorrelationName
) -> None:
    table = np.eye(categories, dtype=np.int64) * 10

    result = defined(table_correlation(table, statistic=statistic, rng=seeded(), draws=1000))

    assert (result.value, result.high) == pytest.approx((1, 1))
    assert result.low < 0.999


def test_a_side_that_uses_one_category_is_undefined_and_named() -> None:
    used_once = np.array([[0, 0], [3, 4]])

    results = [
        table_correlation(table, statistic="spearman", rng=seeded())
        for table in (used_once, used_once.T, np.diag([0, 7]), np.zeros((2, 2), dtype=np.int64))
    ]

    assert "human" in str(results[0])
    assert "judge" in str(results[1])
    assert "either side" in str(results[2])
    assert "either side" in str(results[3])


def test_one_cluster_is_undefined() -> None:
    result = table_correlation(SATISFACTION, statistic="pearson", rng=seeded(), n_clusters=1)

    assert "one cluster" in str(result)


def test_a_design_effect_widens_the_limits_and_keeps_the_value() -> None:
    plain = defined(table_correlation(SATISFACTION, statistic="spearman", rng=seeded()))
    wide = defined(
        table_correlation(
            SATISFACTION, statistic="spearman", rng=seeded(), design_effect=4.0, n_clusters=50
        )
    )

    assert wide.value == plain.value
    assert wide.high - wide.low == pytest.approx(2 * (plain.high - plain.low), rel=0.15)


def test_grades_have_the_limits_of_their_table() -> None:
    human, judge = np.nonzero(SATISFACTION)
    counts = SATISFACTION[human, judge]
    labels = np.repeat(np.stack([judge, human]), counts, axis=1).astype(np.float64)
    each = np.arange(96)

    ours = grades_correlation(
        (labels[0], labels[1]), each, statistic="spearman", rng=seeded(), level=0.95, draws=9000
    )

    table = defined(table_correlation(SATISFACTION, statistic="spearman", rng=seeded()))
    assert (ours.value, ours.low, ours.high) == pytest.approx(
        (table.value, table.low, table.high), abs=0.02
    )


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize(
    ("categories", "n", "kappa"), [(2, 100, 0.7), (5, 100, 0.7), (5, 50, 0.98)]
)
def test_correlations_of_grades_cover_the_truth_about_as_often_as_they_say(
    categories: int, n: int, kappa: float, statistic: CorrelationName
) -> None:
    chances = copied_with_noise(categories, kappa)

    assert 0.92 < coverage(chances, n, statistic, runs=400, draws=400) < 0.995


@pytest.mark.slow
@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("categories", [2, 3, 5, 7])
def test_correlations_of_grades_keep_their_promise_in_full(
    categories: int, statistic: CorrelationName
) -> None:
    usual, rare = (copied_with_noise(categories, kappa) for kappa in (0.7, 0.98))

    covered = [coverage(usual, n, statistic, runs=2000, draws=2000) for n in (100, 300)]

    assert all(0.93 <= share <= 0.99 for share in covered)
    assert coverage(rare, 50, statistic, runs=2000, draws=2000) >= 0.9
