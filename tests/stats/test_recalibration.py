import numpy as np
import pytest
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from judge.stats.calibration import CalibrationError
from judge.stats.estimate import Estimate, Undefined
from judge.stats.influence import Floats
from judge.stats.recalibration import Recalibration, RecalibrationMethod, recalibrated

METHODS: tuple[RecalibrationMethod, ...] = ("temperature", "platt", "isotonic")


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def overbold(n: int, rng: np.random.Generator, *, shift: float = 0.0) -> tuple[Floats, Floats]:
    """Labels, and probabilities whose logits are twice too large and shifted."""
    logits = rng.normal(0, 1.2, size=n)
    labels = (rng.random(n) < 1 / (1 + np.exp(-logits))).astype(np.float64)
    return labels, 1 / (1 + np.exp(-(2 * logits + shift)))


def put_right(
    labels: Floats, chances: Floats, method: RecalibrationMethod, seed: int = 1
) -> Recalibration:
    result = recalibrated(labels, chances, method=method, rng=seeded(seed), draws=200)
    assert isinstance(result, Recalibration), result
    return result


def logit(chances: Floats) -> Floats:
    return np.log(chances) - np.log1p(-chances)


@pytest.mark.parametrize("method", METHODS)
def test_overbold_probabilities_are_put_right(method: RecalibrationMethod) -> None:
    labels, chances = overbold(3000, seeded(2))

    result = put_right(labels, chances, method)

    assert isinstance(result.before.error, CalibrationError)
    assert isinstance(result.after.error, CalibrationError)
    assert result.before.error.error.low > 0.04
    assert result.after.error.error.low < 0.01
    assert isinstance(result.brier_change, Estimate)
    assert result.brier_change.high < 0


def test_the_temperature_is_what_the_logits_were_stretched_by() -> None:
    labels, chances = overbold(20_000, seeded(3))

    after = put_right(labels, chances, "temperature").probabilities

    assert np.median(logit(chances) / logit(after)) == pytest.approx(2, abs=0.1)


def test_platt_undoes_a_shift_that_a_temperature_cannot() -> None:
    labels, chances = overbold(3000, seeded(4), shift=1.5)

    platt, temperature = (put_right(labels, chances, m) for m in ("platt", "temperature"))

    assert isinstance(platt.after.error, CalibrationError)
    assert isinstance(temperature.after.error, CalibrationError)
    assert platt.after.error.error.low < 0.01
    assert temperature.after.error.error.low > 0.03


@pytest.mark.parametrize("method", ["platt", "isotonic"])
def test_a_fold_is_predicted_as_scikit_learn_would(method: RecalibrationMethod) -> None:
    labels, chances = overbold(200, seeded(5))
    # Two clusters and two folds: each half is predicted from the other.
    clusters = np.repeat([0, 1], 100)

    result = recalibrated(
        labels, chances, method=method, clusters=clusters, folds=2, rng=seeded(), draws=100
    )

    assert isinstance(result, Recalibration)
    fitted, new = slice(100), slice(100, 200)
    if method == "isotonic":
        model = IsotonicRegression(out_of_bounds="clip").fit(chances[fitted], labels[fitted])
        theirs = model.predict(chances[new])
    else:
        # Platt's targets: each label counts in part for the other class.
        ones, zeros = labels[fitted].sum() + 1, (1 - labels[fitted]).sum() + 1
        targets = np.where(labels[fitted] == 1, ones / (ones + 1), 1 / (zeros + 1))
        both = LogisticRegression(C=np.inf, tol=1e-10).fit(
            np.tile(logit(chances[fitted]), 2)[:, np.newaxis],
            np.repeat([1, 0], 100),
            sample_weight=np.concatenate([targets, 1 - targets]),
        )
        theirs = both.predict_proba(logit(chances[new])[:, np.newaxis])[:, 1]
    assert result.probabilities[new] == pytest.approx(theirs, abs=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_no_item_is_fitted_to_its_own_label(method: RecalibrationMethod) -> None:
    rng = seeded(6)
    labels, chances = (rng.random(400) < 0.5).astype(np.float64), rng.random(400)

    result = put_right(labels, chances, method)

    # Noise is not learnt: a fit to all labels would show a Brier score well below 1/4.
    assert np.mean((result.probabilities - labels) ** 2) > 0.249


def test_a_cluster_is_never_in_the_fit_that_predicts_it() -> None:
    clusters = np.repeat(np.arange(40), 10)
    labels = np.repeat((seeded(7).random(40) < 0.5).astype(np.float64), 10)
    # Each cluster has a probability of its own, which tells its labels by heart.
    chances = np.repeat(seeded(8).random(40), 10)

    parted = recalibrated(labels, chances, method="isotonic", clusters=clusters, rng=seeded())
    mixed = recalibrated(labels, chances, method="isotonic", rng=seeded())

    assert isinstance(parted, Recalibration)
    assert isinstance(mixed, Recalibration)
    squared = [np.mean((r.probabilities - labels) ** 2) for r in (parted, mixed)]
    assert squared[0] > 0.22
    assert squared[1] < squared[0]


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_of_0_and_1_are_put_right_too(method: RecalibrationMethod) -> None:
    rng = seeded(9)
    chances = rng.integers(0, 2, size=300).astype(np.float64)
    labels = np.where(rng.random(300) < 0.8, chances, 1 - chances)

    result = put_right(labels, chances, method)

    assert isinstance(result.before.log_loss, Undefined)
    assert isinstance(result.after.log_loss, Estimate)
    assert result.probabilities[chances == 1] == pytest.approx(
        labels[chances == 1].mean(), abs=0.05
    )


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_labels_that_are_parted_without_error_have_a_fit(method: RecalibrationMethod) -> None:
    chances = seeded(10).uniform(0.01, 0.99, size=100)
    labels = (chances > 0.5).astype(np.float64)

    after = put_right(labels, chances, method).probabilities

    assert np.all((after > 0) & (after < 1))
    assert np.mean((after - labels) ** 2) < np.mean((chances - labels) ** 2)


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_that_mislead_become_equal_and_are_not_turned_round(
    method: RecalibrationMethod,
) -> None:
    labels, chances = overbold(500, seeded(11))

    after = put_right(labels, 1 - chances, method).probabilities

    assert np.ptp(after) < 0.35
    assert after.mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_that_are_all_equal_are_moved_together(method: RecalibrationMethod) -> None:
    labels = (seeded(12).random(200) < 0.8).astype(np.float64)

    half, high = (put_right(labels, np.full(200, p), method).probabilities for p in (0.5, 0.9))

    assert half.mean() == pytest.approx(0.5 if method == "temperature" else 0.8, abs=0.05)
    assert high.mean() == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_the_items_and_the_names_of_clusters_change_nothing(
    method: RecalibrationMethod,
) -> None:
    labels, chances = overbold(120, seeded(13))
    clusters, order = (
        seeded(14).permutation(np.repeat(np.arange(30), 4)),
        seeded(15).permutation(120),
    )

    one, other = (
        recalibrated(
            labels[rows], chances[rows], method=method, clusters=names, rng=seeded(), draws=100
        )
        for rows, names in ((slice(None), clusters), (order, 77 - clusters[order]))
    )

    assert isinstance(one, Recalibration)
    assert isinstance(other, Recalibration)
    assert one.probabilities[order] == pytest.approx(other.probabilities, abs=1e-8)


def test_fewer_clusters_than_folds_and_one_class_are_undefined() -> None:
    labels, chances = overbold(40, seeded(16))
    few = np.arange(40) % 4

    undefined = [
        recalibrated(labels[:4], chances[:4], method="platt", rng=seeded()),
        recalibrated(labels, chances, method="platt", clusters=few, rng=seeded()),
        recalibrated(np.ones(40), chances, method="platt", rng=seeded()),
        recalibrated(np.zeros(0), np.zeros(0), method="isotonic", rng=seeded()),
    ]

    assert "5 folds need as many items, not 4" in str(undefined[0])
    assert "5 folds need as many clusters, not 4" in str(undefined[1])
    assert "both classes" in str(undefined[2])
    assert isinstance(undefined[3], Undefined)


def test_one_fold_is_refused() -> None:
    with pytest.raises(ValueError, match="two folds"):
        recalibrated(np.ones(9), np.ones(9), method="platt", folds=1, rng=seeded())
