"""Choosing among wordings of a judge's prompt without fooling oneself.

Labels are parted once and for all: what wordings are made from (train), what one is chosen by
(dev), and what the chosen one is measured on, once (test). A wording is better only if it is surely
better on dev with all wordings that were tried counted; how good it is, only test says.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from judge.records.record import RecordKey
from judge.records.scale import Scale, ScaleKind
from judge.results.outcome import Outcome, Score
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import bounded_mean
from judge.stats.paired import paired_difference
from judge.trust.labels import LabelledVerdict
from judge.trust.validation import Validation

LEVEL = 0.95


class Part(StrEnum):
    """What labels are used for."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


_ENDS = ((Part.TRAIN, 0.25), (Part.DEV, 0.6), (Part.TEST, 1.0))


def part_of(cluster: str, *, seed: int) -> Part:
    """Return what the labels of a cluster are used for: the same for ever, whatever else there is.

    A quarter of the clusters is train, 35 % dev, the rest test.
    """
    drawn = hashlib.sha256(f"{seed}\0{cluster}".encode()).digest()
    place = int.from_bytes(drawn[:8]) / 2**64
    return next(part for part, end in _ENDS if place < end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """How far a wording agrees with people, and how much more than the present one.

    Attributes:
        agreement: in [0, 1]: the mean over classes of the share of their labels that the judge
            shares (0.5 for guessing between two); on an ordinal scale the mean closeness, 1 less
            the distance in steps over the longest there is. No verdict agrees with nobody.
        gain: less that of the present wording, on the same labels.
        n_labels: on which.
    """

    agreement: Estimate | Undefined
    gain: Estimate | Undefined
    n_labels: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """One wording that was tried.

    Attributes:
        rules: that it adds.
        examples: records it shows with what people said of them.
        dev: how it does on what it is chosen by; None where it could not be made or asked.
        reason: why it could not; empty where it could.
    """

    name: str
    rules: tuple[str, ...] = ()
    examples: tuple[RecordKey, ...] = ()
    dev: Agreed | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What came of it.

    Attributes:
        labels: how many labels each part has.
        disagreements: in train, that wordings were made from.
        present: how the present wording does on dev; None where nothing was tried.
        wordings: that were tried.
        chosen: name of the wording that is surely better; None where none is.
        prompt: text of its file; empty likewise.
        test: how it does on the labels that had no part in it; None likewise.
        earlier_looks: tunings that looked at these test labels before.
        validation: of the judge with it, on those labels; None likewise.
        reason: why nothing was tried or chosen; empty where something was.
    """

    labels: Mapping[Part, int]
    disagreements: int = 0
    present: Agreed | None = None
    wordings: tuple[Wording, ...] = ()
    chosen: str | None = None
    prompt: str = ""
    test: Agreed | None = None
    earlier_looks: int = 0
    validation: Validation | None = None
    reason: str = ""


def agreed(
    rows: Sequence[LabelledVerdict],
    present: Mapping[RecordKey, Outcome],
    scale: Scale,
    *,
    n_tried: int = 1,
) -> Agreed:
    """Compare the verdicts of one wording with those of the present one.

    Args:
        rows: labels with the outcomes of the wording.
        present: outcomes of the present wording by record.
        scale: of both.
        n_tried: wordings that are compared with the present one; the limits of the gain hold for
            all of them together.

    Source: limits of several gains together: Bonferroni.
    """
    weights = _weights(rows, scale)
    own = weights * _agreement(rows, [row.outcome for row in rows], scale)
    other = weights * _agreement(rows, [present[row.key] for row in rows], scale)
    codes = _codes([row.cluster for row in rows])
    clusters = None if np.unique(codes).size == codes.size else codes
    agreement = bounded_mean(
        own, clusters, lower=0.0, upper=float(weights.max(initial=1.0)), level=LEVEL
    )
    if isinstance(agreement, Estimate):
        agreement = replace(agreement, high=min(1.0, agreement.high))
    return Agreed(
        agreement=agreement,
        gain=paired_difference(own, other, clusters=clusters, level=1 - (1 - LEVEL) / n_tried),
        n_labels=len(rows),
    )


def best(tried: Mapping[str, Agreed]) -> str | None:
    """Return the wording that surely gained most on dev; None where none surely gained."""
    sure = {
        name: one.gain.low
        for name, one in tried.items()
        if isinstance(one.gain, Estimate) and one.gain.low > 0
    }
    return max(sure, key=lambda name: sure[name]) if sure else None


def _agreement(
    rows: Sequence[LabelledVerdict], outcomes: Sequence[Outcome], scale: Scale
) -> NDArray[np.float64]:
    return np.array(
        [
            _closeness(row.human, outcome.label, scale) if isinstance(outcome, Score) else 0.0
            for row, outcome in zip(rows, outcomes, strict=True)
        ]
    )


def _closeness(label: str, verdict: str, scale: Scale) -> float:
    if scale.kind is not ScaleKind.ORDINAL:
        return float(label == verdict)
    steps = abs(scale.code(label) - scale.code(verdict))
    return 1 - steps / (len(scale.categories) - 1)


def _weights(rows: Sequence[LabelledVerdict], scale: Scale) -> NDArray[np.float64]:
    """Return weights of mean 1: of chances that differ and, where there are classes, of these."""
    weights = np.array([1 / row.inclusion for row in rows])
    weights = weights / weights.mean() if rows else weights
    if scale.kind is ScaleKind.ORDINAL or not rows:
        return weights
    classes = _codes([row.human for row in rows])
    of_class = np.bincount(classes, weights=weights)
    return np.asarray(weights * len(rows) / (of_class.size * of_class[classes]), dtype=np.float64)


def _codes(names: Sequence[str]) -> NDArray[np.int64]:
    known: dict[str, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], dtype=np.int64)
