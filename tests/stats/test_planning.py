from math import sqrt

import numpy as np
import pytest

from judge.stats.correction import Estimand, double_sampling, rogan_gladen
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import wilson_interval
from judge.stats.planning import (
    cluster_factor,
    labels_alone,
    labels_for_rogan_gladen,
    labels_with_judge,
    labels_without_error,
    lee_split,
    pairs_for_difference,
    zero_error_bound,
)

ESTIMANDS: tuple[Estimand, ...] = ("population", "finite")


def width(result: Estimate | Undefined) -> float:
    assert isinstance(result, Estimate)
    return result.high - result.low


@pytest.mark.parametrize(
    ("half_width", "share", "labels"), [(0.05, 0.5, 385), (0.03, 0.5, 1068), (0.05, 0.2, 246)]
)
def test_labels_alone_are_the_textbook_ones(half_width: float, share: float, labels: int) -> None:
    # n = 1.96^2 p (1 - p) / h^2, as tabled in Cochran (1977), chapter 4, and everywhere since
    assert labels_alone(half_width, share=share) == labels


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.97])
@pytest.mark.parametrize("half_width", [0.01, 0.05])
def test_wilsons_interval_is_as_narrow_as_planned(share: float, half_width: float) -> None:
    n = labels_alone(half_width, share=share)

    assert width(wilson_interval(round(share * n), n)) / 2 <= half_width * 1.05


def test_clusters_take_more_labels() -> None:
    factor = cluster_factor(10, icc=0.3)

    assert factor == pytest.approx(3.7)
    assert labels_alone(0.05, share=0.5, cluster_factor=factor) == 1422
    assert cluster_factor(1, icc=0.9) == 1


@pytest.mark.parametrize("estimand", ESTIMANDS)
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_the_labels_planned_with_a_judge_give_the_width(share: float, estimand: Estimand) -> None:
    rng = np.random.default_rng(1)
    n = labels_with_judge(
        0.04,
        share=share,
        sensitivity=0.9,
        specificity=0.85,
        n_items=2000,
        estimand=estimand,
    )
    assert isinstance(n, int)
    halves = []
    for _ in range(40):
        truths = rng.random(2000) < share
        right = rng.random(2000) < np.where(truths, 0.9, 0.85)
        judged, chosen = np.where(right, truths, ~truths), rng.permutation(2000)[:n]
        result = double_sampling(
            judged, truths[chosen], labelled=chosen, estimand=estimand, rng=rng, draws=1000
        )
        halves.append(width(result) / 2)

    assert np.mean(halves) == pytest.approx(0.04, rel=0.08)
    assert n < labels_alone(0.04, share=share)


def test_a_judge_that_guesses_saves_no_label() -> None:
    labels = labels_with_judge(
        0.05, share=0.5, sensitivity=0.5, specificity=0.5, n_items=10**9, estimand="population"
    )

    assert labels == 385


def test_a_perfect_judge_takes_next_to_no_label() -> None:
    for estimand in ESTIMANDS:
        labels = labels_with_judge(
            0.05, share=0.5, sensitivity=1, specificity=1, n_items=1000, estimand=estimand
        )
        assert labels == 1


def test_a_width_that_no_label_reaches_is_impossible_for_the_population_alone() -> None:
    def planned(estimand: Estimand) -> int | Undefined:
        return labels_with_judge(
            0.03, share=0.7, sensitivity=0.9, specificity=0.9, n_items=500, estimand=estimand
        )

    population = planned("population")

    assert isinstance(population, Undefined)
    assert population.reason.startswith("impossible: all 500 items labelled")
    assert planned("finite") == 210


def test_no_plan_asks_for_more_labels_than_items() -> None:
    labels = labels_with_judge(
        1e-4, share=0.5, sensitivity=0.6, specificity=0.6, n_items=80, estimand="finite"
    )

    assert labels == 80


def test_lees_split_is_that_of_the_authors() -> None:
    # arXiv 2511.21140: m1 = m / (1 + (1/p - 1) sqrt(kappa)); kappa = (10*.3 + 1) / (10*.1 + 1)
    fails, passes = lee_split(200, judged_share=0.4, specificity=0.7, sensitivity=0.9, pilot=10)

    assert passes == round(200 / (1 + 1.5 * sqrt(2)))
    assert fails + passes == 200


@pytest.mark.parametrize(
    ("share", "rates", "pilot", "expected"),
    [
        (0.0, (0.9, 0.9), 10, (90, 10)),
        (1.0, (0.9, 0.9), 10, (10, 90)),
        (0.5, (1.0, 1.0), 0, (50, 50)),
        (0.5, (0.9, 1.0), 0, (99, 1)),
    ],
)
def test_no_class_is_left_without_labels(
    share: float, rates: tuple[float, float], pilot: int, expected: tuple[int, int]
) -> None:
    split = lee_split(
        100, judged_share=share, specificity=rates[0], sensitivity=rates[1], pilot=pilot
    )

    assert split == expected


def test_the_labels_planned_for_rogan_gladen_give_the_width() -> None:
    planned = labels_for_rogan_gladen(
        0.05, share=0.7, sensitivity=0.9, specificity=0.85, n_items=3000
    )
    assert not isinstance(planned, Undefined)
    fails, passes = planned

    result = rogan_gladen(
        0.7 * 0.9 + 0.3 * 0.15,
        3000,
        specificity=0.85,
        sensitivity=0.9,
        n_negative=fails,
        n_positive=passes,
    )

    assert width(result) / 2 == pytest.approx(0.05, rel=0.05)


def test_a_rogan_gladen_plan_can_be_impossible() -> None:
    chance = labels_for_rogan_gladen(
        0.05, share=0.7, sensitivity=0.5, specificity=0.5, n_items=3000
    )
    few = labels_for_rogan_gladen(0.05, share=0.7, sensitivity=0.9, specificity=0.85, n_items=100)

    assert "chance" in str(chance)
    assert "judge more" in str(few)


def test_pairs_for_a_difference_by_hand() -> None:
    # 1.96^2 * .2 / .05^2 = 307.3
    assert pairs_for_difference(0.05, variance=0.2) == 308
    assert pairs_for_difference(0.05, variance=0.2, cluster_factor=2) == 615


def test_no_error_in_three_hundred_bounds_it_under_one_percent() -> None:
    bound = zero_error_bound(300)

    assert bound == pytest.approx(3 / 300, rel=0.01)
    assert isinstance(bound, float)
    assert bound < 0.01
    assert labels_without_error(0.01) == 299
    assert zero_error_bound(1) == pytest.approx(0.95)
    assert isinstance(zero_error_bound(0), Undefined)


@pytest.mark.parametrize("half_width", [0.0, 0.5, float("nan")])
def test_a_width_that_cannot_be_is_refused(half_width: float) -> None:
    with pytest.raises(ValueError, match="half the width"):
        labels_alone(half_width, share=0.5)


def test_other_impossible_plans_are_refused() -> None:
    with pytest.raises(ValueError, match="shares"):
        labels_alone(0.1, share=1.1)
    with pytest.raises(ValueError, match="factor"):
        labels_alone(0.1, share=0.5, cluster_factor=0.9)
    with pytest.raises(ValueError, match="correlation"):
        cluster_factor(3, icc=-0.1)
    with pytest.raises(ValueError, match="plan"):
        pairs_for_difference(0.1, variance=0)
    with pytest.raises(ValueError, match="cannot hold"):
        lee_split(10, judged_share=0.5, specificity=0.9, sensitivity=0.9, pilot=6)
    with pytest.raises(ValueError, match="bound"):
        zero_error_bound(-1)
    with pytest.raises(ValueError, match="bound"):
        labels_without_error(1.0)
