from math import ceil
from statistics import NormalDist

import numpy as np
import pytest

from judge.stats.agreement import weighted_confusion
from judge.stats.class_rates import informedness
from judge.stats.estimate import Estimate, Undefined
from judge.stats.power import labels_balanced_by_verdict, labels_of_each_class

RATES = [(0.9, 0.9), (0.95, 0.9), (0.85, 0.85)]


@pytest.mark.parametrize(("sensitivity", "specificity"), RATES)
def test_so_many_of_each_class_reach_the_bound_about_as_often_as_planned(
    sensitivity: float, specificity: float
) -> None:
    rng = np.random.default_rng(3)
    n = labels_of_each_class(0.6, sensitivity=sensitivity, specificity=specificity)
    assert isinstance(n, int)
    reached = 0

    for _ in range(400):
        right, left_alone = rng.binomial(n, sensitivity), rng.binomial(n, specificity)
        table = np.array([[left_alone, n - left_alone], [n - right, right]])
        found = informedness(table, rng=rng, draws=1000)
        assert isinstance(found, Estimate)
        reached += found.low >= 0.6

    assert 0.74 <= reached / 400 <= 0.9


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_labels_balanced_by_verdict_reach_the_bound_about_as_often_as_planned(
    share: float,
) -> None:
    rng = np.random.default_rng(5)
    rates = {"sensitivity": 0.9, "specificity": 0.9}
    of_each = labels_of_each_class(0.6, **rates)
    assert isinstance(of_each, int)
    half = labels_balanced_by_verdict(of_each, share=share, **rates) // 2
    passed = share * 0.9 + (1 - share) * 0.1
    right = (share * 0.9 / passed, share * 0.1 / (1 - passed))
    judge = np.repeat([1, 0], half)
    chances = np.repeat([1 / passed, 1 / (1 - passed)], half) / 100
    reached = 0

    for _ in range(300):
        human = np.concatenate([rng.random(half) < chance for chance in right]).astype(int)
        table = weighted_confusion(human, judge, n_categories=2, inclusion=chances)
        found = informedness(table, rng=rng, draws=1000)
        assert isinstance(found, Estimate)
        reached += found.low >= 0.6

    assert 0.72 <= reached / 300 <= 0.93


def test_many_labels_are_those_of_the_textbook_formula() -> None:
    # n = (z_a + z_b)^2 (p1 q1 + p0 q0) / d^2, as in Fleiss (1981), section 3.2
    z = NormalDist().inv_cdf(0.975) + NormalDist().inv_cdf(0.8)

    found = labels_of_each_class(0.6, sensitivity=0.81, specificity=0.81)

    assert found == ceil(z**2 * 2 * 0.81 * 0.19 / 0.02**2)


def test_a_later_look_and_a_surer_answer_take_more() -> None:
    once = labels_of_each_class(0.6, sensitivity=0.9, specificity=0.9)
    later = labels_of_each_class(0.6, sensitivity=0.9, specificity=0.9, one_sided=0.005)
    surer = labels_of_each_class(0.6, sensitivity=0.9, specificity=0.9, chance=0.95)

    assert isinstance(once, int)
    assert isinstance(later, int)
    assert isinstance(surer, int)
    assert min(later, surer) > once


@pytest.mark.parametrize("rate", [0.5, 0.8])
def test_a_judge_that_is_not_above_the_bound_cannot_be_shown_to_be(rate: float) -> None:
    found = labels_of_each_class(0.6, sensitivity=rate, specificity=rate)

    assert isinstance(found, Undefined)
    assert found.reason.startswith("impossible: informedness is expected at")


def test_a_judge_that_is_never_wrong_takes_labels_too() -> None:
    of_each = labels_of_each_class(0.6, sensitivity=1, specificity=1)

    assert of_each == 10
    assert labels_balanced_by_verdict(10, share=0.9, sensitivity=1, specificity=1) == 20


def test_a_rare_class_takes_more_labels_whichever_it_is() -> None:
    even, rare, frequent = (
        labels_balanced_by_verdict(50, share=share, sensitivity=0.9, specificity=0.9)
        for share in (0.5, 0.1, 0.9)
    )

    assert even == 100
    assert rare == frequent > 300


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"one_sided": 0.5}, "level of 0.5"), ({"chance": 1.0}, "chance of 1"), ({}, "in \\[0, 1\\]")],
)
def test_what_is_no_plan_is_refused(changes: dict[str, float], problem: str) -> None:
    sensitivity = 0.9 if changes else 1.1

    with pytest.raises(ValueError, match=problem):
        labels_of_each_class(0.6, sensitivity=sensitivity, specificity=0.9, **changes)


@pytest.mark.parametrize(("of_each", "share"), [(0, 0.5), (5, 0.0), (5, 1.0), (5, 1.5)])
def test_a_class_that_does_not_occur_cannot_be_labelled(of_each: int, share: float) -> None:
    with pytest.raises(ValueError, match=r"share"):
        labels_balanced_by_verdict(of_each, share=share, sensitivity=0.9, specificity=0.9)
