"""Whether a judge's own probabilities can be believed, where it gives any."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from judge.records.scale import Scale, ScaleKind
from judge.stats.calibration import Calibration, calibration
from judge.stats.estimate import Undefined
from judge.stats.recalibration import Recalibration, RecalibrationMethod, recalibrated
from judge.trust.labels import LabelledVerdict

_METHODS: tuple[RecalibrationMethod, ...] = ("temperature", "platt", "isotonic")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceFindings:
    """How the judge's probabilities of the positive category fit what people say.

    Attributes:
        n_verdicts: with a probability.
        figures: of the probabilities as they are.
        recalibrated: the same after they are put right by labels, fitted on other items.
    """

    n_verdicts: int
    figures: Calibration
    recalibrated: dict[str, Recalibration | Undefined]


def confidence_findings(
    verdicts: Sequence[LabelledVerdict], scale: Scale, *, level: float, seed: int
) -> ConfidenceFindings | None:
    """Return how well calibrated a judge is; None where it gives no probabilities of two classes.

    Args:
        verdicts: each labelled record once.
        scale: of the labels; only a binary one has a probability of the positive category.
        level: two-sided coverage aimed at, in (0, 1).
        seed: of the draws behind the limits and of the folds.
    """
    if scale.kind is not ScaleKind.BINARY:
        return None
    positive = scale.categories[1]
    clusters: dict[str, int] = {}
    rows = [
        (
            float(verdict.human == positive),
            # A judge states how sure it is of its own label.
            vote.confidence if vote.label == positive else 1 - vote.confidence,
            clusters.setdefault(verdict.cluster, len(clusters)),
        )
        for verdict in verdicts
        for vote in verdict.votes
        if vote.confidence is not None
    ]
    if not rows:
        return None
    labels, chances, codes = np.array(rows, dtype=np.float64).T
    groups = codes.astype(np.int64) if len(clusters) < len(rows) else None
    return ConfidenceFindings(
        n_verdicts=len(rows),
        figures=calibration(
            labels, chances, rng=np.random.default_rng(seed), clusters=groups, level=level
        ),
        recalibrated={
            method: recalibrated(
                labels,
                chances,
                method=method,
                rng=np.random.default_rng(seed),
                clusters=groups,
                level=level,
            )
            for method in _METHODS
        },
    )
