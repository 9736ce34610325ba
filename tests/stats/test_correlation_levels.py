import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kendalltau, pearsonr, spearmanr

from judge.stats.correlation import fisher_correlation, spearman
from judge.stats.correlation_levels import CorrelationLevel, LevelCorrelation, correlation_at
from judge.stats.estimate import Estimate, Undefined
from judge.stats.influence import CorrelationName, Floats

STATISTICS: tuple[CorrelationName, ...] = ("pearson", "spearman", "kendall_tau_b")
ORACLES = {"pearson": pearsonr, "spearman": spearmanr, "kendall_tau_b": kendalltau}
LEVELS: tuple[CorrelationLevel, ...] = ("pooled", "within", "system")


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def defined(result: LevelCorrelation) -> Estimate:
    assert isinstance(result.estimate, Estimate), result
    return result.estimate


class Scored:
    """Scores of some systems on some documents, from a judge that knows only some levels."""

    def __init__(
        self, rng: np.random.Generator, *, n_documents: int = 30, n_systems: int = 8
    ) -> None:
        shape = (n_documents, n_systems)
        system = np.linspace(-1.5, 1.5, n_systems)
        document = 3 * rng.standard_normal((n_documents, 1))
        human = system + document + rng.standard_normal(shape)
        # It ranks systems well, and shifts documents the other way.
        judge = system - document + 0.5 * human + rng.standard_normal(shape)
        self.human: Floats = human.ravel()
        self.judge: Floats = judge.ravel()
        grid = np.indices(shape)
        self.documents: NDArray[np.int64] = grid[0].ravel()
        self.systems: NDArray[np.int64] = grid[1].ravel()

    def at(
        self, level: CorrelationLevel, statistic: CorrelationName = "spearman"
    ) -> LevelCorrelation:
        return correlation_at(
            self.judge,
            self.human,
            at=level,
            statistic=statistic,
            documents=self.documents,
            systems=self.systems,
            rng=seeded(),
        )


@pytest.mark.parametrize("statistic", STATISTICS)
def test_within_is_the_mean_of_scipys_correlations_of_the_documents(
    statistic: CorrelationName,
) -> None:
    data = Scored(seeded(2))

    result = data.at("within", statistic)

    of_each = [
        ORACLES[statistic](data.judge[data.documents == d], data.human[data.documents == d])[0]
        for d in range(30)
    ]
    assert defined(result).value == pytest.approx(np.mean(of_each))
    assert (defined(result).n, defined(result).n_clusters) == (240, 30)
    assert result.skipped == {}


@pytest.mark.parametrize("statistic", STATISTICS)
def test_system_is_the_correlation_of_the_systems_means(statistic: CorrelationName) -> None:
    data = Scored(seeded(3))

    result = defined(data.at("system", statistic))

    means = [side.reshape(30, 8).mean(axis=0) for side in (data.judge, data.human)]
    over_systems = fisher_correlation(means[0], means[1], statistic=statistic)
    assert isinstance(over_systems, Estimate)
    assert (result.value, result.low, result.high) == pytest.approx(
        (over_systems.value, over_systems.low, over_systems.high)
    )
    assert (result.n, result.n_clusters) == (240, 8)


def test_pooled_takes_documents_for_clusters() -> None:
    data = Scored(seeded(4))

    result = data.at("pooled")

    assert result.estimate == spearman(
        data.judge, data.human, clusters=data.documents, rng=seeded()
    )


def test_a_judge_may_rank_systems_well_and_records_badly() -> None:
    data = Scored(seeded(5))

    values = {level: defined(data.at(level)).value for level in LEVELS}

    assert values["pooled"] < 0 < values["within"] < values["system"]


def test_documents_without_a_correlation_are_counted_by_reason() -> None:
    documents = np.repeat([10, 20, 30, 40, 50, 60], [1, 2, 2, 2, 3, 3])
    judge = np.array([1, 4, 4, 1, 2, 5, 5, 1, 2, 3, 3, 1, 2])
    human = np.array([1, 1, 2, 3, 3, 2, 2, 1, 2, 3, 1, 2, 3])

    result = correlation_at(
        judge, human, at="within", statistic="pearson", documents=documents, rng=seeded()
    )

    assert result.skipped == {
        "one record": 1,
        "all scores of the judge are equal": 1,
        "all human scores are equal": 1,
        "all scores of either side are equal": 1,
    }
    assert defined(result).value == pytest.approx((1 - 0.5) / 2)
    assert (defined(result).n, defined(result).n_clusters) == (6, 2)


def test_documents_that_all_rank_alike_do_not_make_a_zero_width_interval() -> None:
    judge = np.tile([1.0, 2.0, 3.0], 20)

    result = correlation_at(
        judge,
        judge**2,
        at="within",
        statistic="kendall_tau_b",
        documents=np.repeat(np.arange(20), 3),
        rng=seeded(),
    )

    assert (defined(result).value, defined(result).high) == pytest.approx((1, 1))
    assert defined(result).low < 0.9


@pytest.mark.parametrize("level", LEVELS)
def test_no_records_and_equal_scores_are_undefined(level: CorrelationLevel) -> None:
    for n in (0, 12):
        result = correlation_at(
            np.ones(n),
            np.arange(n),
            at=level,
            statistic="pearson",
            documents=np.arange(n) // 3,
            systems=np.arange(n) % 3,
            rng=seeded(),
        )

        assert isinstance(result.estimate, Undefined)
        assert result.estimate.n == n


def test_three_systems_are_too_few_for_limits() -> None:
    data = Scored(seeded(6), n_systems=3)

    result = data.at("system").estimate

    assert "more than 3 independent systems" in str(result)


@pytest.mark.parametrize("level", ["within", "system"])
def test_a_level_without_its_codes_is_refused(level: CorrelationLevel) -> None:
    with pytest.raises(ValueError, match="needs the"):
        correlation_at(np.arange(4), np.arange(4), at=level, statistic="pearson", rng=seeded())


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_order_of_the_records_and_the_names_change_nothing(
    level: CorrelationLevel, statistic: CorrelationName
) -> None:
    data, order = Scored(seeded(7)), seeded(8).permutation(240)
    one = defined(data.at(level, statistic))
    data.judge, data.human = data.judge[order], data.human[order]
    data.documents, data.systems = 99 - data.documents[order], 7 - data.systems[order]

    other = defined(data.at(level, statistic))

    assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


def test_the_mean_within_documents_covers_the_truth_as_often_as_it_says() -> None:
    rng = seeded(9)
    truth = defined(Scored(rng, n_documents=20_000).at("within")).value
    results = []
    for _ in range(300):
        data = Scored(rng, n_documents=20)
        results.append(defined(data.at("within")))

    assert 0.92 < np.mean([e.low <= truth <= e.high for e in results]) < 0.99
