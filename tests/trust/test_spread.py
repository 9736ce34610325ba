from dataclasses import replace

import numpy as np

from judge.records.scale import EQUIVALENCE
from judge.results.outcome import Score, Vote
from judge.stats.estimate import Estimate
from judge.testing import labelled_verdicts
from judge.trust.labels import LabelledVerdict, labels_of
from judge.trust.spread import Spread, spread_of


def _repeated(passes: np.ndarray) -> list[LabelledVerdict]:
    """Return verdicts in which output i passes in repeat k where passes[i, k] is 1."""
    verdicts = labelled_verdicts([1] * len(passes), [1] * len(passes))
    return [
        replace(
            verdict,
            outcome=replace(
                verdict.outcome,
                votes=tuple(
                    Vote(label=EQUIVALENCE.categories[int(label)], repeat=repeat)
                    for repeat, label in enumerate(own)
                ),
            ),
        )
        for verdict, own in zip(verdicts, passes, strict=True)
        if isinstance(verdict.outcome, Score)
    ]


def _spread(verdicts: list[LabelledVerdict]) -> Spread | None:
    return spread_of(labels_of(verdicts, EQUIVALENCE), level=0.95, seed=0)


def test_a_judge_asked_once_says_nothing_of_its_own_spread() -> None:
    assert _spread(labelled_verdicts([1, 0] * 20, [1, 0] * 20)) is None


def test_a_judge_that_tosses_a_coin_is_all_of_the_spread() -> None:
    found = _spread(_repeated(np.random.default_rng(0).integers(0, 2, (200, 3))))

    assert found is not None
    verdicts = found.components.verdicts.share
    assert isinstance(verdicts, Estimate)
    assert verdicts.value > 0.85


def test_a_judge_that_never_changes_its_mind_leaves_the_spread_to_the_items() -> None:
    settled = np.random.default_rng(1).integers(0, 2, (200, 1)).repeat(3, axis=1)
    settled[:8, 0] ^= 1

    found = _spread(_repeated(settled))

    assert found is not None
    assert found.best == "items"
    verdicts = found.components.verdicts.share
    assert isinstance(verdicts, Estimate)
    assert verdicts.value < 0.1
