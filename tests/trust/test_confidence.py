from dataclasses import replace

import numpy as np

from judge.records.scale import EQUIVALENCE as SCALE
from judge.results.outcome import Score, Vote
from judge.stats.calibration import CalibrationError
from judge.stats.estimate import Estimate
from judge.stats.recalibration import Recalibration
from judge.testing import labelled_verdicts
from judge.trust.confidence import ConfidenceFindings, confidence_findings
from judge.trust.labels import LabelledVerdict


def _sure(seed: int, *, overconfident: bool) -> list[LabelledVerdict]:
    """Return verdicts that state their chance to be right, or more than it."""
    rng = np.random.default_rng(seed)
    right = rng.uniform(0.55, 0.95, 600)
    human = rng.integers(0, 2, 600)
    judge = np.where(rng.random(600) < right, human, 1 - human)
    stated = np.where(overconfident, 0.99, right)
    return [
        replace(
            verdict,
            outcome=replace(
                verdict.outcome,
                votes=(Vote(label=verdict.outcome.label, confidence=float(confidence)),),
            ),
        )
        for verdict, confidence in zip(
            labelled_verdicts(human.tolist(), judge.tolist()), stated, strict=True
        )
        if isinstance(verdict.outcome, Score)
    ]


def _findings(verdicts: list[LabelledVerdict]) -> ConfidenceFindings:
    found = confidence_findings(verdicts, SCALE, level=0.95, seed=0)
    assert found is not None
    return found


def _error(found: ConfidenceFindings) -> float:
    assert isinstance(found.figures.error, CalibrationError)
    return found.figures.error.error.value


def test_a_judge_that_states_no_probability_has_no_calibration() -> None:
    assert confidence_findings(labelled_verdicts([1], [1]), SCALE, level=0.95, seed=0) is None


def test_a_judge_that_knows_how_often_it_is_right_is_calibrated_on_both_labels() -> None:
    found = _findings(_sure(0, overconfident=False))

    assert found.n_verdicts == 600
    assert _error(found) < 0.06


def test_a_judge_that_is_always_sure_is_told_and_put_right() -> None:
    found = _findings(_sure(0, overconfident=True))

    assert _error(found) > 0.15
    platt = found.recalibrated["platt"]
    assert isinstance(platt, Recalibration)
    assert isinstance(platt.brier_change, Estimate)
    assert platt.brier_change.high < 0
