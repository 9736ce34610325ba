import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, precision_score, recall_score

from judge.stats.agreement import confusion
from judge.stats.class_rates import (
    informedness,
    negative_predictive_value,
    positive_predictive_value,
    true_negative_rate,
    true_positive_rate,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import wilson_interval

# Altman and Bland (1994), BMJ 308, 1552: liver scans; rows normal and abnormal pathology.
LIVER = np.array([[54, 32], [27, 231]])
RATES = (
    true_positive_rate,
    true_negative_rate,
    positive_predictive_value,
    negative_predictive_value,
)
SCORES = (recall_score, precision_score)


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def defined(result: Estimate | Undefined) -> Estimate:
    assert isinstance(result, Estimate)
    return result


def coverage(results: list[Estimate | Undefined], truth: float) -> float:
    estimates = [result for result in results if isinstance(result, Estimate)]
    return float(np.mean([e.low <= truth <= e.high for e in estimates]))


def test_rates_and_informedness_equal_scikit_learns() -> None:
    rng = seeded(2)
    for _ in range(20):
        human, judge = rng.integers(0, 2, size=(2, 50))
        table = confusion(human, judge, n_categories=2)

        rates = [defined(rate(table)).value for rate in RATES]
        ours = defined(informedness(table, draws=10, rng=rng)).value

        assert rates == pytest.approx(
            [score(human, judge, pos_label=c) for score in SCORES for c in (1, 0)]
        )
        assert ours == pytest.approx(balanced_accuracy_score(human, judge, adjusted=True))


def test_the_rates_of_the_liver_scan_are_the_published_ones() -> None:
    positive, negative = defined(true_positive_rate(LIVER)), defined(true_negative_rate(LIVER))

    assert (positive.value, negative.value) == pytest.approx((0.90, 0.63), abs=5e-3)
    assert (positive.n, negative.n) == (258, 86)
    assert positive == wilson_interval(231, 258)
    assert defined(informedness(LIVER, rng=seeded())).value == pytest.approx(
        231 / 258 + 54 / 86 - 1
    )


def test_the_predictive_values_of_the_liver_scan_are_the_published_ones() -> None:
    # Altman and Bland (1994), BMJ 309, 102
    positive = defined(positive_predictive_value(LIVER))
    negative = defined(negative_predictive_value(LIVER))

    assert (positive.value, negative.value) == pytest.approx((0.88, 0.67), abs=5e-3)
    assert (positive, negative) == (wilson_interval(231, 263), wilson_interval(54, 81))


def test_class_rates_need_a_binary_table() -> None:
    for rate in RATES:
        with pytest.raises(ValueError, match="2 by 2"):
            rate(np.ones((3, 3), dtype=np.int64))
    with pytest.raises(ValueError, match="2 by 2"):
        informedness(np.ones((3, 3), dtype=np.int64), rng=seeded())


def test_the_rate_of_an_absent_class_is_undefined() -> None:
    no_positives, no_negatives = np.array([[5, 1], [0, 0]]), np.array([[0, 0], [1, 5]])

    assert "positive" in str(true_positive_rate(no_positives))
    assert "negative" in str(true_negative_rate(no_negatives))
    assert isinstance(informedness(no_positives, rng=seeded()), Undefined)
    assert isinstance(informedness(no_negatives, rng=seeded()), Undefined)


def test_what_the_judge_never_says_has_no_predictive_value() -> None:
    never, always = np.array([[5, 0], [1, 0]]), np.array([[0, 5], [0, 1]])

    assert "no judge positive" in str(positive_predictive_value(never))
    assert "no judge negative" in str(negative_predictive_value(always))


def test_one_cluster_leaves_the_rates_undefined() -> None:
    assert all(isinstance(rate(LIVER, n_clusters=1), Undefined) for rate in RATES)
    assert isinstance(informedness(LIVER, rng=seeded(), n_clusters=1), Undefined)


def test_exchanging_people_and_judge_turns_rates_into_predictive_values() -> None:
    assert positive_predictive_value(LIVER.T) == true_positive_rate(LIVER)
    assert negative_predictive_value(LIVER.T, level=0.9) == true_negative_rate(LIVER, level=0.9)


def test_a_design_effect_widens_a_rate_and_keeps_its_value() -> None:
    plain = defined(positive_predictive_value(LIVER))
    clustered = defined(positive_predictive_value(LIVER, design_effect=4.0, n_clusters=50))

    assert clustered == wilson_interval(231, 263, design_effect=4.0, n_clusters=50)
    assert clustered.value == plain.value
    assert clustered.low < plain.low


def test_a_perfect_judge_has_an_informedness_up_to_1_and_a_width() -> None:
    result = defined(informedness(np.diag([20, 20]), rng=seeded()))

    assert (result.value, result.high) == (1, 1)
    assert result.low < 0.95


@pytest.mark.parametrize("rates", [(0.8, 0.9), (0.97, 0.97)])
def test_informedness_covers_the_truth_about_as_often_as_it_says(
    rates: tuple[float, float],
) -> None:
    rng = seeded(6)
    sensitivity, specificity = rates
    cells = np.array([specificity, 1 - specificity, 1 - sensitivity, sensitivity]) / 2
    tables = rng.multinomial(100, cells, size=1000).reshape(-1, 2, 2)

    results = [informedness(table, draws=1000, rng=rng) for table in tables]

    assert 0.93 < coverage(results, sensitivity + specificity - 1) < 0.99
