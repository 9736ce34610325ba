"""Probabilities put right by labels, and whether that helps: before and after side by side.

Each item's new probability comes from a fit to other items, in folds that keep clusters whole, so
"after" is what new items would get. A fit to all labels would flatter itself, isotonic ones most.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.stats.calibration import Calibration, calibration, checked_forecasts
from judge.stats.clusters import Codes, Numbers, cluster_codes, count_clusters
from judge.stats.estimate import Estimate, Undefined
from judge.stats.paired import paired_difference

RecalibrationMethod: TypeAlias = Literal["temperature", "platt", "isotonic"]
Floats: TypeAlias = NDArray[np.float64]
Places: TypeAlias = NDArray[np.int64]

_EDGE = 1e-6  # 0 and 1 have no logit: they are taken for this far inside
_FEWEST_FOLDS = 2
_MOST_STEPS = 100
_CONVERGED = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recalibration:
    """Probabilities before and after.

    Attributes:
        method: how they were put right.
        probabilities: of the label 1 after, shape (n,), each from a fit to other items.
        before: figures of the judge's own probabilities.
        after: figures of the new ones.
        brier_change: squared error after less before, item by item; below 0 where it helps.
    """

    method: RecalibrationMethod
    probabilities: Floats
    before: Calibration
    after: Calibration
    brier_change: Estimate | Undefined


def recalibrated(
    labels: Numbers,
    probabilities: Numbers,
    *,
    method: RecalibrationMethod,
    rng: np.random.Generator,
    clusters: Codes | None = None,
    folds: int = 5,
    level: float = 0.95,
    draws: int = 2_000,
) -> Recalibration | Undefined:
    """Put probabilities right by labels, and compare before and after on items not fitted to.

    "temperature" divides logits by one number, "platt" stretches and shifts them; neither ever
    turns the order of the items round: where probabilities mislead, all become equal. Both are
    fitted to labels drawn in by Platt's rule, so that labels which the probabilities part without
    an error still have a fit. "isotonic" is any rising function; it needs the most labels, and
    where it says 0 or 1 one error makes the log loss Undefined.

    Args:
        labels: 0 or 1, shape (n,).
        probabilities: of the label 1, in [0, 1], shape (n,).
        method: the family of functions.
        rng: deals clusters into folds, and is the source of the draws.
        clusters: integer cluster code per item, shape (n,); None if items are independent.
        folds: parts, at least 2; every part is predicted from the others.
        level: two-sided coverage aimed at, in (0, 1).
        draws: as `calibration.calibration_error`.

    Returns:
        Before and after; Undefined with fewer clusters than folds, or where the other parts of a
        fold hold one class only.

    Raises:
        ValueError: if a label is not 0 or 1, a probability not in [0, 1], the lengths differ, or
            there are under two folds.

    Source: temperature: Guo et al. (2017), arXiv 1706.04599, section 4.2; Platt (1999), Advances
    in Large Margin Classifiers, 61-74, on logits; isotonic: Zadrozny and Elkan (2002), KDD,
    694-699.
    """
    ones, chances = checked_forecasts(labels, probabilities)
    codes = cluster_codes(clusters, n=ones.size)
    if folds < _FEWEST_FOLDS:
        raise ValueError(f"cross-fitting needs at least two folds, not {folds}")
    if count_clusters(codes) < folds:
        what = "items" if clusters is None else "clusters"
        reason = f"{folds} folds need as many {what}, not {count_clusters(codes)}"
        return Undefined(reason=reason, n=ones.size)
    parts = _dealt(ones, chances, codes, folds=folds, rng=rng)
    after = np.empty(ones.size)
    for part in range(folds):
        fitted, new = parts != part, parts == part
        if ones[fitted].min() == ones[fitted].max():
            return Undefined(reason="a fit needs labels of both classes", n=ones.size)
        after[new] = _predicted(chances[new], chances[fitted], ones[fitted], method=method)
    figures = [
        calibration(labels, side, rng=rng, clusters=clusters, level=level, draws=draws)
        for side in (chances, after)
    ]
    return Recalibration(
        method=method,
        probabilities=after,
        before=figures[0],
        after=figures[1],
        brier_change=paired_difference(
            (after - ones) ** 2, (chances - ones) ** 2, clusters=clusters, level=level
        ),
    )


def _dealt(
    ones: Floats, chances: Floats, codes: Places, *, folds: int, rng: np.random.Generator
) -> Places:
    """Fold of each item. Clusters are dealt by what they hold, not by their names or order."""
    sums = [np.bincount(codes, weights=side) for side in (ones, chances)]
    order = np.lexsort((*sums, np.bincount(codes)))
    dealt = np.empty(order.size, dtype=np.int64)
    dealt[order] = rng.permutation(order.size) % folds
    return dealt[codes]


def _predicted(
    new: Floats, chances: Floats, ones: Floats, *, method: RecalibrationMethod
) -> Floats:
    """Fit a rising function to labelled probabilities, and apply it to new ones."""
    if method == "isotonic":
        return _isotonic(new, chances, ones)
    columns = slice(0, 1 if method == "temperature" else 2)
    targets = _drawn_in(ones)
    weights = _logistic_fit(_design(chances)[:, columns], targets)
    if weights[0] < 0:
        # The loss is convex: the least one without a turn is that without a stretch.
        return np.full(new.size, 1 / 2 if method == "temperature" else targets.mean())
    return _sigmoid(_design(new)[:, columns] @ weights)


def _isotonic(new: Floats, chances: Floats, ones: Floats) -> Floats:
    from scipy.optimize import isotonic_regression  # 0.3 s to import: only when used

    levels, which, counts = np.unique(chances, return_inverse=True, return_counts=True)
    shares = np.bincount(which, weights=ones) / counts
    fitted = isotonic_regression(shares, weights=counts).x
    # Between two probabilities seen, on the line between them; the shares may round off [0, 1].
    return np.asarray(np.clip(np.interp(new, levels, fitted), 0, 1), dtype=np.float64)


def _design(chances: Floats) -> Floats:
    """Logits, and ones for the shift, shape (n, 2)."""
    inside = np.clip(chances, _EDGE, 1 - _EDGE)
    return np.column_stack([np.log(inside) - np.log1p(-inside), np.ones(inside.size)])


def _drawn_in(ones: Floats) -> Floats:
    """Draw labels in from 0 and 1, the more the fewer there are of them.

    Source: Platt (1999), equation 9.
    """
    positives = float(ones.sum())
    negatives = ones.size - positives
    return np.where(ones == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))


def _logistic_fit(design: Floats, targets: Floats) -> Floats:
    """Weights of least log loss, by Newton's method with steps halved until the loss falls.

    Where all logits are equal the stretch is free, and the least weights are taken.
    """
    weights = np.zeros(design.shape[1])
    loss = _loss(design @ weights, targets)
    for _ in range(_MOST_STEPS):
        chances = _sigmoid(design @ weights)
        slope = design.T @ (chances - targets)
        curvature = design.T @ (design * (chances * (1 - chances))[:, np.newaxis])
        step = np.linalg.lstsq(curvature, slope, rcond=None)[0]
        new = _loss(design @ (weights - step), targets)
        while new > loss and np.abs(step).max() > _CONVERGED:
            step = step / 2
            new = _loss(design @ (weights - step), targets)
        weights = weights - step
        if loss - new <= _CONVERGED * loss:
            break
        loss = new
    return np.asarray(weights, dtype=np.float64)


def _loss(logits: Floats, targets: Floats) -> float:
    return float(np.sum(np.logaddexp(0, logits) - targets * logits))


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(0, -logits)), dtype=np.float64)
