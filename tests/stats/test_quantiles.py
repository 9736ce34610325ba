import numpy as np
import pytest

from judge.stats.estimate import Estimate, Undefined
from judge.stats.quantiles import quantile


def test_the_limits_of_a_median_of_twenty_are_the_sixth_and_the_fifteenth_value() -> None:
    found = quantile(np.arange(1.0, 21.0), 0.5)  # Conover (1999), Practical Nonparametric Stat.

    assert isinstance(found, Estimate)
    assert (found.low, found.value, found.high) == (6.0, 10.0, 15.0)


@pytest.mark.parametrize(("share", "n"), [(0.5, 5), (0.95, 71), (0.99, 367)])
def test_a_quantile_without_a_value_beyond_its_limits_is_undefined(share: float, n: int) -> None:
    found = quantile(np.arange(float(n)), share)

    assert isinstance(found, Undefined)
    assert "need about" in found.reason
    assert isinstance(quantile(np.arange(float(n + 2)), share), Estimate)


def test_no_value_has_no_quantile() -> None:
    assert isinstance(quantile(np.empty(0), 0.5), Undefined)


@pytest.mark.parametrize(("values", "share"), [([1.0, np.nan], 0.5), ([1.0, 2.0], 1.0)])
def test_what_is_no_number_or_no_share_is_refused(values: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="a quantile is of"):
        quantile(np.array(values), share)


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_quantiles_of_skewed_times_cover_the_truth_as_often_as_they_say(share: float) -> None:
    rng = np.random.default_rng(7)
    truth = -np.log(1 - share)

    found = [quantile(rng.exponential(size=120), share) for _ in range(800)]

    covered = [isinstance(one, Estimate) and one.low <= truth <= one.high for one in found]
    assert np.mean(covered) > 0.935


def test_clustered_times_have_wider_limits_that_cover_the_truth() -> None:
    rng = np.random.default_rng(7)
    codes = np.repeat(np.arange(40), 5)

    covered: list[bool] = []
    naive: list[bool] = []
    for _ in range(400):
        logs = np.repeat(rng.normal(size=40), 5) * 0.8 + rng.normal(size=200) * 0.6
        for clusters, hits in ((codes, covered), (None, naive)):
            found = quantile(np.exp(logs), 0.5, clusters=clusters)
            assert isinstance(found, Estimate)
            hits.append(found.low <= 1 <= found.high)

    assert np.mean(covered) > 0.93
    assert np.mean(naive) < 0.85
