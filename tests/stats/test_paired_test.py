import numpy as np
import pytest
from scipy.stats import ttest_rel

from judge.stats.estimate import Estimate, Undefined
from judge.stats.multiplicity import PValue
from judge.stats.paired import paired_difference
from judge.stats.paired_test import paired_t, paired_test


def test_without_clusters_it_is_students_paired_test() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, 40), rng.normal(0.3, 1, 40)

    found = paired_t(first, second)

    assert isinstance(found, PValue)
    assert found.value == pytest.approx(ttest_rel(first, second).pvalue)
    assert (found.n, found.method) == (40, "paired t")


def test_it_rejects_exactly_where_the_interval_leaves_out_0() -> None:
    rng = np.random.default_rng(1)
    for _ in range(50):
        first, clusters = rng.normal(0.3, 1, 60), rng.integers(0, 15, 60)
        test = paired_t(first, np.zeros(60), clusters=clusters)
        interval = paired_difference(first, np.zeros(60), clusters=clusters)

        assert isinstance(test, PValue)
        assert isinstance(interval, Estimate)
        assert (test.value < 0.05) == (not interval.low <= 0 <= interval.high)


def test_differences_that_do_not_vary_have_no_test() -> None:
    assert isinstance(paired_t(np.ones(5), np.zeros(5)), Undefined)
    assert isinstance(paired_t(np.ones(1), np.zeros(1)), Undefined)
    with pytest.raises(ValueError, match="scores have shapes"):
        paired_t(np.ones(3), np.ones(4))


@pytest.mark.parametrize(
    ("passes_or_fails", "graded", "clusters", "method"),
    [
        (True, False, None, "mcnemar, exact"),
        (True, False, np.arange(30) // 2, "signed rank, exact"),
        (False, True, None, "signed rank, exact"),
        (False, False, None, "paired t"),
    ],
)
def test_the_test_fits_the_kind_of_score(
    *, passes_or_fails: bool, graded: bool, clusters: np.ndarray | None, method: str
) -> None:
    first, second = np.array([1.0] * 20 + [0.0] * 10), np.array([0.0] * 10 + [1.0] * 20)

    found = paired_test(
        first, second, passes_or_fails=passes_or_fails, graded=graded, clusters=clusters
    )

    assert isinstance(found, PValue)
    assert found.method == method
