import numpy as np

from judge.models.chance import Chance


def _taken_for_a_limit(share: float, *, calls: int = 5000) -> float:
    """Return the share of refusals that are taken for a limit, where so many come at random."""
    chance, rng = Chance(), np.random.default_rng(3)
    taken = []
    for refused in rng.random(calls) < share:
        if refused:
            taken.append(chance.refused())
        else:
            chance.answered()
    return float(np.mean(taken))


def test_a_refusal_now_and_then_is_no_limit_and_many_of_them_are() -> None:
    assert _taken_for_a_limit(0.01) < 0.05
    assert _taken_for_a_limit(0.02) < 0.2
    assert _taken_for_a_limit(0.2) > 0.95
    assert _taken_for_a_limit(0.5) == 1.0 or _taken_for_a_limit(0.5) > 0.99


def test_the_second_refusal_in_a_row_tells_of_a_limit_and_the_first_does_not() -> None:
    chance = Chance()

    found = [chance.refused(), chance.refused()]

    assert found == [False, True]


def test_what_was_refused_long_ago_is_forgotten() -> None:
    chance = Chance()
    for _ in range(20):
        chance.refused()
    for _ in range(600):
        chance.answered()

    assert not chance.refused()
