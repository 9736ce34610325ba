import numpy as np
import pytest
from numpy.typing import NDArray

from judge.stats.clusters import half_width
from judge.stats.estimate import Estimate, Undefined
from judge.stats.losses import distance_limits, mean_loss


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_a_mean_loss_has_students_limits() -> None:
    # Student (1908), hours of sleep gained on the second drug, table in section IX.
    gained = np.array([1.9, 0.8, 1.1, 0.1, 0.1, 4.4, 5.5, 1.6, 4.6, 3.4])

    result = mean_loss(gained)

    assert isinstance(result, Estimate)
    assert result.value == pytest.approx(2.35)
    assert result.high - result.value == pytest.approx(2.262157 * gained.std(ddof=1) / 10**0.5)


def test_clusters_widen_a_mean_loss() -> None:
    losses, clusters = np.repeat(seeded(2).exponential(size=20), 3), np.repeat(np.arange(20), 3)

    result = mean_loss(losses, clusters)

    assert isinstance(result, Estimate)
    assert (result.n, result.n_clusters) == (60, 20)
    assert result.high - result.value == pytest.approx(half_width(losses, clusters, level=0.95))


def test_a_lower_limit_is_cut_at_0() -> None:
    result = mean_loss(np.array([0.0, 0.0, 9.0]))

    assert isinstance(result, Estimate)
    assert result.low == 0


@pytest.mark.parametrize(
    ("losses", "reason"),
    [
        ([], "two items"),
        ([1.0], "two items"),
        ([1.0, 1.0, 1.0], "3/3"),
        ([0.0, 0.0], "3/2"),
        ([1.0, np.inf], "1 of 2 items is infinite"),
    ],
)
def test_losses_that_tell_nothing_of_others_have_no_mean(losses: list[float], reason: str) -> None:
    result = mean_loss(np.array(losses))

    assert isinstance(result, Undefined)
    assert reason in result.reason
    assert result.n == len(losses)


def test_losses_of_one_cluster_have_no_mean() -> None:
    assert "two clusters" in str(mean_loss(np.arange(4.0), np.zeros(4, dtype=np.int64)))


@pytest.mark.parametrize("bad", [-1.0, np.nan])
def test_a_loss_below_0_or_not_a_number_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="at least 0"):
        mean_loss(np.array([1.0, bad]))


def test_the_mean_of_skewed_losses_is_covered_nearly_as_often_as_it_says() -> None:
    rng = seeded(3)

    results = [mean_loss(rng.exponential(size=50)) for _ in range(1500)]

    assert np.mean([isinstance(e, Estimate) and e.low <= 1 <= e.high for e in results]) > 0.91


def norm_limits(gaps: NDArray[np.float64], noise: NDArray[np.float64]) -> tuple[float, float]:
    """Limits of the length of a vector seen with noise."""

    def simulated(share: float) -> NDArray[np.float64]:
        return np.asarray(np.linalg.norm(share * gaps + noise, axis=1))

    seen = float(np.linalg.norm(gaps))
    return distance_limits(
        seen, simulated=simulated, at=lambda share: share * seen, drawn=simulated(1.0), level=0.95
    )


@pytest.mark.parametrize("true", [0.0, 1.0, 3.0, 10.0])
def test_a_distance_is_covered_where_percentiles_alone_miss_it(true: float) -> None:
    rng, truth = seeded(4), np.array([true, 0.0, 0.0, 0.0, 0.0])
    noise = rng.standard_normal((600, 5))
    covered, by_percentiles = [], []
    for _ in range(300):
        gaps = truth + rng.standard_normal(5)

        low, high = norm_limits(gaps, noise)

        covered.append(low <= true <= high)
        naive = np.quantile(np.linalg.norm(gaps + noise, axis=1), [0.025, 0.975])
        by_percentiles.append(naive[0] <= true <= naive[1])
    assert np.mean(covered) > 0.92
    assert true > 1 or np.mean(by_percentiles) < 0.2


def test_a_distance_that_chance_explains_has_a_lower_limit_of_0() -> None:
    low, high = norm_limits(np.full(3, 0.1), seeded(5).standard_normal((500, 3)))

    assert low == 0
    assert high > 1


def test_a_distance_without_noise_is_its_own_limits() -> None:
    low, high = norm_limits(np.array([3.0, 4.0]), np.zeros((10, 2)))

    assert (low, high) == pytest.approx((5, 5), abs=0.002)
