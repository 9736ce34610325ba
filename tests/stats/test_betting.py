from math import comb, exp, log

import numpy as np
import pytest

from judge.stats.betting import (
    FixedSample,
    added,
    confidence_sequence,
    difference_sequence,
    fall_evidence,
    fixed_sample,
    mirrored,
    tally,
)
from judge.stats.estimate import Estimate, Undefined

LOOKS, EACH = 10, 100


def _passes(rng: np.random.Generator, share: float, n: int) -> np.ndarray:
    return (rng.random(n) < share).astype(np.float64)


def _fixed(rng: np.random.Generator, share: float, n: int) -> FixedSample:
    found = fixed_sample(_passes(rng, share, n), rng=rng)
    assert isinstance(found, FixedSample)
    return found


def _alarmed(rng: np.random.Generator, *, frozen: int, shares: list[float], level: float) -> bool:
    before, looks = _fixed(rng, 0.8, frozen), list[dict[int, int]]()
    needed = log(1 / level)
    for share in shares:
        looks.append(tally(_passes(rng, share, EACH)))
        if fall_evidence(before, looks, near=needed) >= needed:
            return True
    return False


@pytest.mark.parametrize("mean", [0.1, 0.5, 0.8])
def test_the_wealth_of_one_look_is_expected_to_stay_what_it_was(mean: float) -> None:
    # Exactly: over all outcomes of twelve trials, against a sample that says nothing.
    silent = FixedSample(scores=np.zeros(0, dtype=np.int64), above=np.full(501, np.inf))
    silent.above[round(mean * 500)] = 0.0
    n = 12
    expected = 0.0
    for passes in range(n + 1):
        counts = {0: n - passes, 200: passes}
        chance = comb(n, passes) * mean**passes * (1 - mean) ** (n - passes)
        expected += chance * exp(fall_evidence(silent, [counts], near=np.inf))

    # A single start has weight 1/2: the rest is kept for starts to come.
    assert expected == pytest.approx(0.5, abs=1e-9)


def test_limits_hold_at_all_looks_together() -> None:
    rng = np.random.default_rng(2)
    missed = 0
    for _ in range(60):
        scores = rng.beta(4, 1, size=600)
        limits = [confidence_sequence(tally(scores[:n])) for n in range(50, 601, 50)]
        missed += any(
            isinstance(one, Estimate) and not one.low <= 0.8 <= one.high for one in limits
        )

    assert missed <= 3


def test_limits_narrow_as_scores_come_and_with_their_spread() -> None:
    rng = np.random.default_rng(3)
    few, many = tally(_passes(rng, 0.8, 100)), tally(_passes(rng, 0.8, 2000))
    close = tally(rng.normal(0.8, 0.05, 100).clip(0, 1))

    widths = []
    for scores in (few, many, close):
        found = confidence_sequence(scores)
        assert isinstance(found, Estimate)
        widths.append(found.high - found.low)

    assert widths[1] < 0.08
    assert widths[0] > 0.15
    assert widths[2] < 0.5 * widths[0]


def test_a_difference_has_the_uncertainty_of_both_sides() -> None:
    rng = np.random.default_rng(4)
    scores = tally(_passes(rng, 0.7, 2000))

    small = difference_sequence(_fixed(rng, 0.8, 100), scores)
    large = difference_sequence(_fixed(rng, 0.8, 3000), scores)

    assert isinstance(small, Estimate)
    assert isinstance(large, Estimate)
    assert small.low < large.low < -0.1 < large.high < 0
    assert small.high > large.high


def test_a_fall_is_found_and_a_rise_is_none() -> None:
    rng = np.random.default_rng(5)
    before = _fixed(rng, 0.8, 1000)
    fallen, risen = tally(_passes(rng, 0.6, 500)), tally(_passes(rng, 0.95, 500))

    assert fall_evidence(before, [fallen]) > 10
    assert fall_evidence(before, [risen]) < 0
    assert fall_evidence(before.mirrored, [mirrored(risen)]) > 10
    assert fall_evidence(before, [fallen], tolerated=0.25) < 1
    assert fall_evidence(before, []) == 0


def test_a_fall_that_begins_late_is_not_hidden_by_what_came_before() -> None:
    rng = np.random.default_rng(6)
    before = _fixed(rng, 0.8, 2000)
    good = [tally(_passes(rng, 0.85, EACH)) for _ in range(60)]
    bad = [tally(_passes(rng, 0.6, EACH)) for _ in range(4)]

    assert fall_evidence(before, [added([*good, *bad])]) < 0
    assert fall_evidence(before, [*good, *bad]) > 10


def test_streams_like_the_fixed_sample_hardly_ever_alarm_however_often_one_looks() -> None:
    rng = np.random.default_rng(7)

    alarms = [_alarmed(rng, frozen=300, shares=[0.8] * LOOKS, level=0.2) for _ in range(60)]

    assert np.mean(alarms) <= 0.2


def test_ten_points_less_are_found_within_a_thousand_samples() -> None:
    rng = np.random.default_rng(8)

    alarms = [_alarmed(rng, frozen=1000, shares=[0.7] * LOOKS, level=0.015) for _ in range(20)]

    assert sum(alarms) >= 17


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_a_score_off_the_scale_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="in \\[0, 1\\]"):
        tally(np.array([0.5, wrong]))


def test_nothing_to_bet_on_has_a_reason() -> None:
    rng = np.random.default_rng(9)

    assert isinstance(fixed_sample(np.ones(7), rng=rng), Undefined)
    assert confidence_sequence({}) == Undefined(reason="no score yet")
    assert isinstance(difference_sequence(_fixed(rng, 0.8, 100), {}), Undefined)
