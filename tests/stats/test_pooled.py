from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from judge.stats.estimate import Estimate, Undefined
from judge.stats.pooled import f1_counts, mean_share, pooled_share

Labels = tuple[NDArray[np.int64], NDArray[np.int64]]
SHARES = np.array([0.15, 0.3, 0.55])


def _estimate(found: Estimate | Undefined) -> Estimate:
    assert isinstance(found, Estimate)
    return found


def _labels(rng: np.random.Generator, n: int, right: float | NDArray[np.float64]) -> Labels:
    """Draw classes, and predictions that are right with some chance, else another or none."""
    expected = rng.choice(3, n, p=SHARES)
    other = (expected + rng.integers(1, 4, n)) % 4
    predicted = np.where(rng.random(n) < right, expected, np.where(other == 3, -1, other))
    return expected.astype(np.int64), predicted.astype(np.int64)


def test_f1_by_class_and_on_average_is_that_of_scikit_learn() -> None:
    expected, predicted = _labels(np.random.default_rng(1), 200, 0.7)
    parts, wholes = f1_counts(expected, predicted, n_classes=3)

    by_class = [_estimate(pooled_share(parts[:, k], wholes[:, k])).value for k in range(3)]
    macro = _estimate(mean_share(parts, wholes)).value

    assert by_class == pytest.approx(f1_score(expected, predicted, labels=[0, 1, 2], average=None))
    assert macro == pytest.approx(np.mean(by_class))


def test_a_class_that_no_item_has_is_left_out_whatever_is_predicted() -> None:
    expected, predicted = np.array([0, 1, 0, 1]), np.array([0, 1, 2, 2])

    found = mean_share(*f1_counts(expected, predicted, n_classes=4))

    assert _estimate(found).value == pytest.approx(2 / 3)


def test_of_items_that_weigh_the_same_it_is_the_share_of_them() -> None:
    parts = np.array([1] * 30 + [0] * 10)

    found = _estimate(pooled_share(parts, np.ones(40)))

    assert (found.value, found.n, found.n_clusters) == (0.75, 40, 40)
    assert 0.57 < found.low < 0.61
    assert 0.84 < found.high < 0.88


@pytest.mark.parametrize("part", [0, 3])
def test_items_that_are_all_alike_leave_room_for_others(part: int) -> None:
    found = _estimate(pooled_share(np.full(20, part), np.full(20, 3)))

    assert found.value == part / 3
    assert 0.1 < found.high - found.low < 0.3


def test_a_class_that_was_always_right_leaves_room_in_the_mean() -> None:
    expected = np.array([0] * 97 + [1] * 3)

    found = _estimate(mean_share(*f1_counts(expected, expected, n_classes=2)))

    assert found.value == found.high == 1.0
    assert found.low < 0.8


@pytest.mark.parametrize(
    ("parts", "wholes", "clusters", "reason"),
    [
        ([], [], None, "something to count"),
        ([0, 0], [0, 0], None, "something to count"),
        ([1], [2], None, "one cluster"),
        ([1, 0, 1], [1, 0, 2], [5, 6, 5], "one cluster"),
    ],
)
def test_too_little_to_tell_is_undefined_with_its_reason(
    parts: list[int], wholes: list[int], clusters: list[int] | None, reason: str
) -> None:
    some, all_of_them = np.array(parts, dtype=np.int64), np.array(wholes, dtype=np.int64)
    codes = None if clusters is None else np.array(clusters)

    for found in (
        pooled_share(some, all_of_them, codes),
        mean_share(some[:, np.newaxis], all_of_them[:, np.newaxis], codes),
    ):
        assert isinstance(found, Undefined)
        assert reason in found.reason


@pytest.mark.parametrize(
    ("parts", "wholes"), [([2, 1], [1, 1]), ([-1, 0], [1, 1]), ([1], [1, 1]), ([1, 1], [1, np.inf])]
)
def test_impossible_counts_are_refused(parts: list[float], wholes: list[float]) -> None:
    with pytest.raises(ValueError, match="part"):
        pooled_share(np.array(parts), np.array(wholes))


@pytest.mark.parametrize(
    ("expected", "predicted"),
    [([-1, 0], [0, 0]), ([0, 3], [0, 0]), ([0], [0, 0]), ([0, 0], [-2, 0])],
)
def test_classes_off_the_list_are_refused(expected: list[int], predicted: list[int]) -> None:
    with pytest.raises(ValueError, match="class"):
        f1_counts(np.array(expected), np.array(predicted), n_classes=3)


def test_the_order_of_items_and_the_names_of_clusters_change_nothing() -> None:
    rng = np.random.default_rng(2)
    parts, wholes = f1_counts(*_labels(rng, 80, 0.8), n_classes=3)
    clusters, order = rng.integers(0, 20, 80), rng.permutation(80)

    one = _estimate(mean_share(parts, wholes, clusters))
    other = _estimate(mean_share(parts[order], wholes[order], 100 - clusters[order]))

    assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))


def _coverage(draw: Callable[[], Estimate | Undefined], truth: float, *, runs: int = 600) -> float:
    found = [_estimate(draw()) for _ in range(runs)]
    return float(np.mean([one.low <= truth <= one.high for one in found]))


@pytest.mark.parametrize(("n", "share"), [(30, 0.9), (100, 0.5), (100, 0.97)])
def test_limits_of_a_pooled_f1_cover_the_truth_where_records_differ_in_size_and_skill(
    n: int, share: float
) -> None:
    rng = np.random.default_rng(3)

    def counts(n: int) -> Labels:
        wanted, skill = rng.integers(2, 12, n), rng.beta(4 * share, 4 * (1 - share), n)
        right = rng.binomial(wanted, skill)
        given = right + rng.binomial(wanted - right, 0.6)
        return 2 * right, given + wanted

    parts, wholes = counts(1_000_000)
    truth = float(parts.sum() / wholes.sum())

    assert _coverage(lambda: pooled_share(*counts(n)), truth) > 0.92


@pytest.mark.parametrize(("n", "right"), [(50, 0.9), (100, 0.6), (100, 0.97)])
def test_limits_of_a_macro_f1_cover_the_truth(n: int, right: float) -> None:
    rng = np.random.default_rng(4)
    truth = mean_share(*f1_counts(*_labels(rng, 400_000, right), n_classes=3))

    covered = _coverage(
        lambda: mean_share(*f1_counts(*_labels(rng, n, right), n_classes=3)),
        _estimate(truth).value,
    )

    assert covered > 0.92


def test_limits_over_clusters_cover_the_truth_and_naive_ones_do_not() -> None:
    rng = np.random.default_rng(5)
    clusters = np.repeat(np.arange(30), 10)

    def counts(groups: int) -> Labels:
        skill = np.repeat(rng.beta(1.4, 0.93, groups), 10)
        return f1_counts(*_labels(rng, groups * 10, skill), n_classes=3)

    truth = _estimate(mean_share(*counts(40_000))).value

    assert _coverage(lambda: mean_share(*counts(30), clusters), truth) > 0.92
    assert _coverage(lambda: mean_share(*counts(30)), truth) < 0.85
