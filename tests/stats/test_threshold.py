import numpy as np
import pytest
from sklearn.metrics import roc_curve

from judge.stats.estimate import Undefined
from judge.stats.threshold import Threshold, fit_threshold


def _rng() -> np.random.Generator:
    return np.random.default_rng(7)


def _fitted(found: Threshold | Undefined) -> Threshold:
    assert isinstance(found, Threshold)
    return found


def _normals(rng: np.random.Generator, n: int, *, apart: float = 2.0) -> tuple[np.ndarray, ...]:
    labels = rng.integers(0, 2, n)
    return labels, apart * labels + rng.normal(size=n)


def test_it_is_where_the_roc_curve_is_farthest_from_chance() -> None:
    # Youden's J by scikit-learn's curve, whose thresholds are scores: ours lies just below.
    labels, scores = _normals(_rng(), 400)
    false, true, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    best = int(np.argmax(true - false))

    found = _fitted(fit_threshold(labels, scores, rng=_rng()))

    below = scores[scores < thresholds[best]].max()
    assert found.threshold.value == pytest.approx((below + thresholds[best]) / 2)
    assert found.fitted == pytest.approx(true[best] - false[best])


def test_labels_that_a_gap_parts_are_cut_in_its_middle() -> None:
    labels, scores = np.repeat([0, 1], 10), np.repeat([0.25, 0.75], 10)

    found = _fitted(fit_threshold(labels, scores, rng=_rng()))

    assert found.threshold.value == 0.5
    assert found.informedness.value == 1


@pytest.mark.parametrize(
    ("labels", "scores", "why"),
    [
        ([], [], "5 items of each label"),
        ([0, 1] * 4, [1.0, 2.0] * 4, "5 items of each label"),
        ([0, 1] * 5, [1.0] * 10, "all scores are equal"),
    ],
)
def test_where_nothing_can_be_cut_there_is_none(
    labels: list[int], scores: list[float], why: str
) -> None:
    found = fit_threshold(np.array(labels), np.array(scores), rng=_rng())

    assert isinstance(found, Undefined)
    assert why in found.reason


def test_from_one_cluster_there_is_none() -> None:
    labels, scores = _normals(_rng(), 40)

    found = fit_threshold(labels, scores, rng=_rng(), clusters=np.zeros(40, np.int64))

    assert isinstance(found, Undefined)


def test_a_score_that_means_nothing_is_worth_nothing_where_it_was_not_fitted() -> None:
    rng = _rng()

    found = [
        _fitted(fit_threshold(rng.integers(0, 2, 60), rng.normal(size=60), rng=rng, draws=200))
        for _ in range(60)
    ]

    assert np.mean([one.fitted for one in found]) > 0.1
    assert abs(np.mean([one.informedness.value for one in found])) < 0.05
    assert np.mean([one.informedness.low < 0 < one.informedness.high for one in found]) > 0.9


def test_the_limits_hold_the_best_threshold_about_as_often_as_they_say() -> None:
    rng = _rng()
    covered = []
    for _ in range(100):
        labels, scores = _normals(rng, 150)
        found = _fitted(fit_threshold(labels, scores, rng=rng, draws=400))
        covered.append(found.threshold.low <= 1 <= found.threshold.high)

    assert np.mean(covered) > 0.9


def test_many_scores_are_cut_as_finely_as_their_limits_can_tell() -> None:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 4_000)
    scores = rng.normal(size=4_000) + 2 * labels

    found = fit_threshold(labels, scores, rng=rng, draws=400)

    # The optimum is 1, with an informedness of 2 Phi(1) - 1.
    assert isinstance(found, Threshold)
    assert found.threshold.low < 1 < found.threshold.high
    assert found.threshold.high - found.threshold.low < 0.4
    assert found.informedness.value == pytest.approx(0.683, abs=0.03)


def test_clusters_widen_the_limits() -> None:
    labels, scores = (np.repeat(part, 10) for part in _normals(_rng(), 40))
    codes = np.repeat(np.arange(40), 10)

    alone = _fitted(fit_threshold(labels, scores, rng=_rng()))
    clustered = _fitted(fit_threshold(labels, scores, rng=_rng(), clusters=codes))

    def width(found: Threshold) -> float:
        return found.informedness.high - found.informedness.low

    assert width(clustered) > 2 * width(alone)
    assert (clustered.threshold.n, clustered.threshold.n_clusters) == (400, 40)
