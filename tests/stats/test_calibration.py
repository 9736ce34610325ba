import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from judge.stats.calibration import (
    BrierScore,
    CalibrationError,
    brier_score,
    calibration,
    calibration_error,
    log_loss,
    reliability_curve,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.influence import Floats
from judge.stats.intervals import wilson_interval

# Ten forecasts of rain of .1 (once it rained), .5 (three of four) and .9 (four of four).
RAIN = np.array([1, 0, 1, 1, 1, 0, 1, 1, 1, 1])
FORECASTS = np.array([0.1] * 2 + [0.5] * 4 + [0.9] * 4)


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def drawn(n: int, rng: np.random.Generator, *, stretch: float = 1.0) -> tuple[Floats, Floats]:
    """Labels and probabilities that are right for a stretch of 1, and too bold below it."""
    chances = rng.uniform(0.01, 0.99, size=n)
    true = 1 / (1 + ((1 - chances) / chances) ** stretch)
    return (rng.random(n) < true).astype(np.float64), chances


def scored(result: BrierScore | Undefined) -> BrierScore:
    assert isinstance(result, BrierScore), result
    return result


def found(result: CalibrationError | Undefined) -> CalibrationError:
    assert isinstance(result, CalibrationError), result
    return result


def true_error(stretch: float) -> float:
    chances = np.linspace(0.01, 0.99, 100_001)
    true = 1 / (1 + ((1 - chances) / chances) ** stretch)
    return float(np.abs(true - chances).mean())


def coverage(stretch: float, *, n: int, runs: int, groups: int | None = None) -> float:
    rng, truth = seeded(5), true_error(stretch)
    covered = []
    for _ in range(runs):
        labels, chances = drawn(n, rng, stretch=stretch)
        clusters = None
        if groups is not None:
            # Copies: an item counts once, however often it is there.
            labels, chances = np.repeat(labels, groups), np.repeat(chances, groups)
            clusters = np.repeat(np.arange(n), groups)
        error = found(calibration_error(labels, chances, clusters=clusters, rng=rng, draws=400))
        covered.append(error.error.low <= truth <= error.error.high)
    return float(np.mean(covered))


def test_the_parts_of_the_rain_forecasts_are_those_worked_by_hand() -> None:
    result = scored(brier_score(RAIN, FORECASTS))

    # Shares of rain 1/2, 3/4 and 1, overall 8/10; squared errors .82, 1.00 and .04.
    assert isinstance(result.score, Estimate)
    assert result.score.value == pytest.approx(0.186)
    assert result.reliability == pytest.approx((2 * 0.4**2 + 4 * 0.25**2 + 4 * 0.1**2) / 10)
    assert result.resolution == pytest.approx((2 * 0.3**2 + 4 * 0.05**2 + 4 * 0.2**2) / 10)
    assert result.uncertainty == pytest.approx(0.8 * 0.2)
    assert result.within_bins == pytest.approx(0, abs=1e-15)
    assert found(calibration_error(RAIN, FORECASTS, rng=seeded())).error.value == pytest.approx(
        (2 * 0.4 + 4 * 0.25 + 4 * 0.1) / 10
    )


@pytest.mark.parametrize("n_bins", [1, 3, 10])
@given(
    pairs=st.lists(st.tuples(st.booleans(), st.floats(0, 1)), min_size=2, max_size=30),
)
@settings(max_examples=40)
def test_the_parts_sum_to_the_score(n_bins: int, pairs: list[tuple[bool, float]]) -> None:
    labels, chances = np.array(pairs, dtype=np.float64).T

    result = scored(brier_score(labels, chances, n_bins=n_bins))

    parts = result.reliability - result.resolution + result.uncertainty + result.within_bins
    assert parts == pytest.approx(np.mean((labels - chances) ** 2), abs=1e-12)


def test_brier_score_and_log_loss_equal_scikit_learns() -> None:
    labels, chances = drawn(200, seeded(2))

    score, loss = scored(brier_score(labels, chances)).score, log_loss(labels, chances)

    assert isinstance(score, Estimate)
    assert isinstance(loss, Estimate)
    assert score.value == pytest.approx(brier_score_loss(labels, chances))
    assert loss.value == pytest.approx(sklearn_log_loss(labels, chances))


def test_bins_of_equal_mass_equal_scikit_learns() -> None:
    labels, chances = drawn(200, seeded(3))

    bins = reliability_curve(labels, chances)

    shares, means = calibration_curve(labels, chances, n_bins=10, strategy="quantile")
    values = [one.observed.value for one in bins if isinstance(one.observed, Estimate)]
    assert values == pytest.approx(shares)
    assert [one.mean_probability for one in bins] == pytest.approx(means)
    assert [one.n for one in bins] == [20] * 10
    assert bins[3].observed == wilson_interval(round(shares[3] * 20), 20)


def test_equal_probabilities_are_never_parted() -> None:
    bins = reliability_curve(np.tile([0, 1, 1], 30), np.repeat([0.2, 0.9, 1.0], 30))

    assert [one.n for one in bins] == [30, 30, 30]
    assert [one.mean_probability for one in bins] == pytest.approx([0.2, 0.9, 1.0])


def test_a_label_that_was_given_no_chance_makes_the_log_loss_undefined() -> None:
    labels, chances = np.array([1, 0, 1, 1]), np.array([0.0, 1.0, 1.0, 0.7])

    result = log_loss(labels, chances)

    assert isinstance(result, Undefined)
    assert "2 of 4 labels" in result.reason
    assert "infinite" in result.reason


def test_certainty_that_is_right_is_no_reason_to_refuse_a_log_loss() -> None:
    result = log_loss(np.array([0, 1, 1]), np.array([0.0, 1.0, 0.5]))

    assert isinstance(result, Estimate)
    assert result.value == pytest.approx(np.log(2) / 3)


def test_certain_and_always_right_is_not_proven_perfect() -> None:
    labels = np.tile([0, 1], 50)

    error = found(calibration_error(labels, labels, rng=seeded())).error

    assert (error.value, error.low) == (0, 0)
    assert 0.02 < error.high < 0.06
    assert "3/100" in str(log_loss(labels, labels))


def test_the_upward_bias_is_what_perfect_probabilities_show() -> None:
    rng = seeded(4)

    results = [found(calibration_error(*drawn(200, rng), rng=rng, draws=50)) for _ in range(300)]

    seen = np.mean([result.error.value for result in results])
    assert seen == pytest.approx(results[0].if_calibrated, rel=0.05)
    assert seen > 0.06


def test_without_items_there_are_no_figures() -> None:
    result = calibration(np.zeros(0), np.zeros(0), rng=seeded())

    assert isinstance(result.brier, Undefined)
    assert isinstance(result.log_loss, Undefined)
    assert isinstance(result.error, Undefined)
    assert result.curve == ()


def test_one_cluster_leaves_the_figures_undefined_and_the_parts_defined() -> None:
    clusters = np.zeros(10, dtype=np.int64)

    result = calibration(RAIN, FORECASTS, clusters=clusters, rng=seeded())

    assert isinstance(scored(result.brier).score, Undefined)
    assert scored(result.brier).uncertainty == pytest.approx(0.16)
    assert "two clusters" in str(result.log_loss)
    assert "two clusters" in str(result.error)
    assert all(isinstance(one.observed, Undefined) for one in result.curve)


@pytest.mark.parametrize("label", [0, 1])
def test_labels_of_one_class_have_figures(label: int) -> None:
    chances = seeded(6).random(40)

    result = calibration(np.full(40, label), chances, rng=seeded())

    assert scored(result.brier).uncertainty == 0
    assert found(result.error).error.low > 0.2


@pytest.mark.parametrize(
    ("labels", "chances", "message"),
    [
        ([0, 2], [0.1, 0.2], "label 1 is 2"),
        ([0, 1], [0.1, 1.2], "probability 1 is 1.2"),
        ([0, 1], [np.nan, 0.2], "probability 0 is nan"),
        ([0], [0.1, 0.2], "shapes"),
    ],
)
def test_what_is_not_a_label_or_a_probability_is_refused_with_its_place(
    labels: list[int], chances: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        calibration(np.array(labels), np.array(chances), rng=seeded())


def test_the_order_of_the_items_changes_nothing() -> None:
    labels, chances = drawn(120, seeded(7))
    clusters, order = seeded(8).integers(0, 30, size=120), seeded(9).permutation(120)

    one = calibration(labels, chances, clusters=clusters, rng=seeded())
    other = calibration(labels[order], chances[order], clusters=clusters[order], rng=seeded())

    pair = [found(result.error).error for result in (one, other)]
    assert (pair[0].low, pair[0].high) == pytest.approx((pair[1].low, pair[1].high), rel=1e-6)
    assert [one.n for one in one.curve] == [one.n for one in other.curve]
    assert scored(one.brier).reliability == pytest.approx(scored(other.brier).reliability)


@pytest.mark.parametrize("stretch", [1.0, 0.8, 0.4])
def test_the_calibration_error_is_covered_about_as_often_as_it_says(stretch: float) -> None:
    assert coverage(stretch, n=200, runs=250) > 0.93


def test_the_calibration_error_of_copied_items_is_covered_too() -> None:
    assert coverage(1.0, n=100, runs=200, groups=4) > 0.93


@pytest.mark.slow
@pytest.mark.parametrize("stretch", [1.0, 0.9, 0.8, 0.4])
@pytest.mark.parametrize("n", [50, 200, 1000])
def test_the_calibration_error_keeps_its_promise_in_full(n: int, stretch: float) -> None:
    assert coverage(stretch, n=n, runs=2000) >= 0.935
