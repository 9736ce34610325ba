import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from judge.stats.auc import auc
from judge.stats.estimate import Estimate, Undefined


def _estimate(found: Estimate | Undefined) -> Estimate:
    assert isinstance(found, Estimate)
    return found


def test_it_is_the_published_area_of_the_radiologists_example() -> None:
    # Hanley and McNeil (1982), Radiology 143(1), 29-36, table I: .893, standard error .032.
    normal, abnormal = [33, 6, 6, 11, 2], [3, 2, 2, 11, 33]
    scores = np.concatenate([np.repeat(np.arange(5), normal), np.repeat(np.arange(5), abnormal)])
    labels = np.repeat([0, 1], [sum(normal), sum(abnormal)])

    found = _estimate(auc(labels, scores))

    assert found.value == pytest.approx(0.893, abs=5e-4)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(0.032, abs=0.003)
    assert (found.n, found.method) == (109, "DeLong, logit")


def test_it_is_what_scikit_learn_finds_with_ties() -> None:
    rng = np.random.default_rng(3)
    labels, scores = rng.integers(0, 2, 500), rng.integers(0, 9, 500)

    assert _estimate(auc(labels, scores)).value == pytest.approx(roc_auc_score(labels, scores))


@pytest.mark.parametrize("n", [0, 1, 5])
def test_without_both_labels_there_is_none(n: int) -> None:
    assert isinstance(auc(np.ones(n), np.arange(n)), Undefined)


def test_from_one_cluster_there_is_none() -> None:
    found = auc(np.array([0, 1, 1]), np.array([1, 2, 3]), clusters=np.zeros(3, np.int64))

    assert isinstance(found, Undefined)


@pytest.mark.parametrize(("scores", "value"), [([1, 2, 3, 4], 1.0), ([4, 3, 2, 1], 0.0)])
def test_where_every_pair_is_in_order_there_are_limits_all_the_same(
    scores: list[int], value: float
) -> None:
    found = _estimate(auc(np.array([0, 0, 1, 1]), np.array(scores)))

    assert found.value == value
    assert found.high - found.low > 0.3


def test_equal_scores_are_chance() -> None:
    found = _estimate(auc(np.array([0, 1] * 20), np.zeros(40)))

    assert found.value == 0.5
    assert found.low < 0.5 < found.high


@pytest.mark.parametrize(
    ("labels", "scores"),
    [([0, 2], [1, 2]), ([0, 1], [1, np.nan]), ([0, 1], [1, np.inf]), ([0, 1], [1])],
)
def test_what_is_no_label_or_no_score_is_refused(labels: list[int], scores: list[float]) -> None:
    with pytest.raises(ValueError, match=r"a label is|a score is|labels stand beside"):
        auc(np.array(labels), np.array(scores))


@pytest.mark.parametrize("per_cluster", [1, 5])
def test_the_interval_covers_the_truth_about_as_often_as_it_says(per_cluster: int) -> None:
    rng = np.random.default_rng(7)
    truth, groups = 0.8555, 60  # of normals 1.5 apart: the standard normal at 1.5 / sqrt(2)
    shared = np.sqrt(0.4)
    codes = np.repeat(np.arange(groups), per_cluster)
    covered = []
    for _ in range(600):
        labels = rng.integers(0, 2, codes.size)
        common = rng.normal(size=groups)[codes] * shared
        scores = 1.5 * labels + common + rng.normal(size=codes.size) * np.sqrt(0.6)
        found = _estimate(auc(labels, scores, clusters=codes))
        covered.append(found.low <= truth <= found.high)

    assert np.mean(covered) > 0.925
