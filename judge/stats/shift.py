"""Whether the records that are scored are still of the kind that were labelled."""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import Codes, Numbers, cluster_codes, count_clusters, student_quantile
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import wilson_limits

_FEWEST_IN_A_FOLD = 4
_FLAT = 1e-9
_MOST_STEPS = 1000


def population_shift(
    labelled: Numbers,
    scored: Numbers,
    *,
    rng: np.random.Generator,
    weights: Numbers | None = None,
    clusters: Codes | None = None,
    folds: int = 5,
    level: float = 0.95,
) -> Estimate | Undefined:
    """How far labelled and scored records can be told apart by what is known of both.

    A logistic regression learns to tell them apart on some of the records and is tried on the
    others. Its area under the curve is the chance that a scored record looks more like one than a
    labelled record does. The records of each fold are compared with each other only: models of
    two folds do not share a scale.

    The folds share what they learn from, so where there is no shift the lower limit of a 95 %
    interval is above 0 in up to .09 of the cases. It is for a bound that matters: above .1 it was
    in under .01 of them with 30 labelled records, and in none with 100 independent ones.

    Args:
        labelled: features of the labelled records, such as log length, similarity to the
            reference and 0/1 for each slice, shape (n_labelled, d).
        scored: the same features of the scored records, shape (n_scored, d).
        rng: deals the records into folds.
        weights: of the labelled records, such as 1 over their chance of inclusion, above 0, shape
            (n_labelled,): a plan that labels some records more often is no shift. None if equal.
        clusters: integer cluster code of the labelled records and then of the scored ones, shape
            (n_labelled + n_scored,), the same for a record that is on both sides; None if all are
            independent.
        folds: parts, at least 2.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        The area less 1/2, in [-1/2, 1/2], n counts the records of both sides: 0 where nothing
        tells them apart, 1/2 where everything does. Undefined where a side has under four records
        or clusters a fold, or where no feature varies.

    Raises:
        ValueError: if a number is not finite, a weight not above 0, or the shapes do not fit.

    Source: the classifier two-sample test of Lopez-Paz and Oquab (2017), arXiv 1610.06545; the
    area's error by record: DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44(3), 837-845;
    cross-fitted: LeDell, Petersen and van der Laan (2015), Electron. J. Stat. 9(1), 1583-1607;
    clusters: Obuchowski (1997), Biometrics 53(2), 567-578.
    """
    rows = _rows(labelled, scored, weights=weights, clusters=clusters)
    if folds < 2:  # noqa: PLR2004  one to learn on and one to try
        raise ValueError(f"records are dealt into at least 2 folds, not {folds}")
    n, smaller = rows.side.size, min(_clusters_of(rows, side).size for side in (0, 1))
    if smaller < _FEWEST_IN_A_FOLD * folds:
        what = "records" if clusters is None else "clusters"
        reason = f"{smaller} {what} on one side, {_FEWEST_IN_A_FOLD} a fold are needed"
        return Undefined(reason=reason, n=n)
    if rows.features.shape[1] == 0:
        return Undefined(reason="no feature varies: nothing could tell a shift", n=n)
    area, moves = _cross_fitted_area(rows, fold=_dealt(rows, folds=folds, rng=rng))
    sums = np.bincount(rows.cluster, weights=moves)
    error = sqrt(smaller / (smaller - folds) * float(sums @ sums))
    half = student_quantile(level, degrees=smaller - folds) * error
    low, high, method = max(0.0, area - half), min(1.0, area + half), "cross-fitted area, t"
    if half <= _FLAT:
        # Sides that do not overlap leave no error: each record is then one trial that went well.
        low, high = wilson_limits(area, size=_effective(rows), level=level)
        method = "cross-fitted area, wilson"
    return Estimate(
        value=area - 0.5,
        low=low - 0.5,
        high=high - 0.5,
        level=level,
        n=n,
        n_clusters=count_clusters(rows.cluster),
        method=method,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rows:
    """Records of both sides in an order that does not depend on the one they came in.

    Attributes:
        features: those that vary, each with mean 0 and standard deviation 1, shape (n, d).
        side: 0 labelled, 1 scored, shape (n,).
        weight: sums to 1 on each side, shape (n,).
        cluster: codes without gaps, in order of appearance, shape (n,).
    """

    features: NDArray[np.float64]
    side: NDArray[np.int64]
    weight: NDArray[np.float64]
    cluster: NDArray[np.int64]


def _rows(
    labelled: Numbers, scored: Numbers, *, weights: Numbers | None, clusters: Codes | None
) -> _Rows:
    sides = [_features(labelled, "labelled"), _features(scored, "scored")]
    if sides[0].shape[1] != sides[1].shape[1]:
        raise ValueError(f"features have shapes {labelled.shape} and {scored.shape}")
    shares = [_shares(weights, n=len(sides[0])), _shares(None, n=len(sides[1]))]
    features, weight = np.vstack(sides), np.concatenate(shares)
    side = np.repeat([0, 1], [len(part) for part in sides])
    codes = cluster_codes(clusters, n=side.size)
    order = np.lexsort((codes, weight, side, *features.T))
    _, first, place = np.unique(codes[order], return_index=True, return_inverse=True)
    return _Rows(
        features=_standardised(features[order]),
        side=side[order],
        weight=weight[order],
        cluster=np.argsort(np.argsort(first))[place],
    )


def _standardised(features: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(features) == 0:
        return features[:, :0]
    largest = np.abs(features).max(axis=0)
    varies = np.ptp(features, axis=0) > _FLAT * largest
    kept = features[:, varies] / largest[varies]  # else the square of a tiny feature is 0
    return np.asarray((kept - kept.mean(axis=0)) / kept.std(axis=0), dtype=np.float64)


def _dealt(rows: _Rows, *, folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Fold of each record: clusters stay whole, and each fold has its part of both sides."""
    groups = count_clusters(rows.cluster)
    has = [np.isin(np.arange(groups), _clusters_of(rows, side)) for side in (0, 1)]
    kind = np.where(has[0] & has[1], 0, np.where(has[0], 1, 2))
    order = np.lexsort((rng.permutation(groups), kind))
    fold = np.empty(groups, dtype=np.int64)
    fold[order] = np.arange(groups) % folds
    return fold[rows.cluster]


def _cross_fitted_area(
    rows: _Rows, *, fold: NDArray[np.int64]
) -> tuple[float, NDArray[np.float64]]:
    """Mean of the folds' areas, and how far each record moves it, shape (n,)."""
    from sklearn.linear_model import LogisticRegression  # 1 s to import: only when used

    folds = int(fold.max()) + 1
    areas, moves = np.zeros(folds), np.zeros(fold.size)
    for k in range(folds):
        model = LogisticRegression(solver="newton-cholesky", max_iter=_MOST_STEPS)
        learn, test = fold != k, fold == k
        # Both sides count alike, and the weights keep the scale of numbers of records.
        balanced = rows.weight[learn] * learn.sum() / 2
        model.fit(rows.features[learn], rows.side[learn], sample_weight=balanced)
        areas[k], moves[test] = _area(
            model.decision_function(rows.features[test]),
            side=rows.side[test],
            weight=rows.weight[test],
        )
    return float(areas.mean()), moves / folds


def _area(
    scores: NDArray[np.float64], *, side: NDArray[np.int64], weight: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """Weighted chance that a scored record is above a labelled one, and each record's move."""
    place = np.unique(scores, return_inverse=True)[1]
    shares = [np.where(side == k, weight, 0.0) / weight[side == k].sum() for k in (0, 1)]
    at = [np.bincount(place, weights=share) for share in shares]
    below = [np.cumsum(mass) - mass / 2 for mass in at]  # an equal score is half below
    area = min(1.0, float(at[1] @ below[0]))  # rounding may step outside
    beaten = np.where(side == 1, below[0][place], 1 - below[1][place])
    return area, (shares[0] + shares[1]) * (beaten - area)


def _clusters_of(rows: _Rows, side: int) -> NDArray[np.int64]:
    return np.unique(rows.cluster[rows.side == side])


def _effective(rows: _Rows) -> float:
    """Kish's effective number of clusters on the side that has fewer."""
    sums = [
        np.bincount(rows.cluster, weights=np.where(rows.side == k, rows.weight, 0)) for k in (0, 1)
    ]
    return min(1 / float(of @ of) for of in sums)


def _features(values: Numbers, which: str) -> NDArray[np.float64]:
    if values.ndim != 2:  # noqa: PLR2004  axes
        raise ValueError(f"{which} features have shape {values.shape}, expected (n, d)")
    wrong = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if wrong.size:
        raise ValueError(f"a feature of {which} record {int(wrong[0])} is not a finite number")
    return values.astype(np.float64)


def _shares(weights: Numbers | None, *, n: int) -> NDArray[np.float64]:
    if weights is None:
        return np.full(n, 1 / max(1, n))
    if weights.shape != (n,) or not np.all((weights > 0) & np.isfinite(weights)):
        raise ValueError(f"weights are {n} finite numbers above 0")
    return np.asarray(weights / weights.sum(), dtype=np.float64)
