import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import false_discovery_control

from judge.stats.multiplicity import (
    PValue,
    benjamini_hochberg,
    benjamini_yekutieli,
    holm,
    look_level,
)

# Benjamini and Hochberg (1995), section 4: fifteen comparisons of two treatments.
NEUHAUS = 1e-4 * np.array(
    [1, 4, 19, 95, 201, 278, 298, 344, 459, 3240, 4262, 5719, 6528, 7590, 10_000]
)
ADJUSTMENTS = (holm, benjamini_hochberg, benjamini_yekutieli)


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_published_comparisons_are_rejected_as_published() -> None:
    assert int(np.sum(benjamini_hochberg(NEUHAUS) <= 0.05)) == 4
    assert int(np.sum(holm(NEUHAUS) <= 0.05)) == 3


def test_holm_by_hand() -> None:
    adjusted = holm(np.array([0.04, 0.01, 0.03]))

    assert adjusted == pytest.approx([0.06, 0.03, 0.06])


def test_the_false_discovery_adjustments_equal_scipys() -> None:
    for seed in range(10):
        values = seeded(seed).random(12) ** 3

        assert benjamini_hochberg(values) == pytest.approx(false_discovery_control(values))
        assert benjamini_yekutieli(values) == pytest.approx(
            false_discovery_control(values, method="by")
        )


def test_the_order_of_the_tests_changes_nothing() -> None:
    order = seeded(2).permutation(NEUHAUS.size)

    for adjust in ADJUSTMENTS:
        assert adjust(NEUHAUS[order]) == pytest.approx(adjust(NEUHAUS)[order])


def test_one_test_is_left_as_it_is_and_none_is_none() -> None:
    for adjust in ADJUSTMENTS:
        assert adjust(np.array([0.03])) == pytest.approx([0.03])
        assert adjust(np.zeros(0)).size == 0
        assert adjust(np.ones(4)) == pytest.approx(np.ones(4))


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_what_is_no_p_value_is_refused(bad: float) -> None:
    for adjust in ADJUSTMENTS:
        with pytest.raises(ValueError, match="p-values"):
            adjust(np.array([0.5, bad]))
    with pytest.raises(ValueError, match="p-value"):
        PValue(value=bad, n=1, n_clusters=1, method="test")


def test_looks_spend_no_more_than_the_level() -> None:
    levels = [look_level(k) for k in range(1, 5001)]

    assert levels[0] == pytest.approx(0.025 * 6 / np.pi**2)
    assert levels[2] == pytest.approx(levels[0] / 9)
    assert 0.0249 < sum(levels) < 0.025


@pytest.mark.parametrize(("look", "total"), [(0, 0.025), (1, 0.0), (1, 1.0)])
def test_a_look_that_cannot_be_is_refused(look: int, total: float) -> None:
    with pytest.raises(ValueError, match="look"):
        look_level(look, total=total)


def test_of_twenty_null_slices_holm_errs_on_any_as_seldom_as_it_says() -> None:
    rng = seeded(3)
    shared, own = rng.normal(size=(4000, 1)), rng.normal(size=(4000, 20))
    p_values = {"alone": 1 - _normal(own), "alike": 1 - _normal((shared + own) / np.sqrt(2))}

    for some in p_values.values():
        assert np.mean([holm(row).min() <= 0.05 for row in some]) <= 0.06
        assert np.mean([benjamini_yekutieli(row).min() <= 0.05 for row in some]) <= 0.06
    unadjusted = np.mean(p_values["alone"].min(axis=1) <= 0.05)
    assert unadjusted > 0.5


def test_false_discoveries_are_as_rare_a_share_as_it_says() -> None:
    rng = seeded(4)
    shares = []
    for _ in range(1000):
        p_values = 1 - _normal(rng.normal(size=40) + np.repeat([3.0, 0.0], [20, 20]))
        found = benjamini_hochberg(p_values) <= 0.1
        shares.append(found[20:].sum() / max(1, found.sum()))

    assert 0.03 < np.mean(shares) < 0.06  # half of the hypotheses are true: .1 / 2


def _normal(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(ndtr(values), dtype=np.float64)
