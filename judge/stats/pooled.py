"""Shares of pooled counts, such as the F1 of one class or of all fields, and means of such shares.

A pooled share is one sum over another: of an F1 twice what was right over what was given and what
was wanted. Its items differ in how much they weigh, so neither a proportion nor a mean of items
gives its limits.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import (
    Codes,
    Numbers,
    cluster_codes,
    count_clusters,
    normal_quantile,
    student_quantile,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import wilson_limits

Floats = NDArray[np.float64]

_FLAT = 1e-12  # of a variance: below it is rounding
_FEWEST = 2
_NO_CLASS = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """A pooled share; `moved` is what each cluster moves it by, all of them together by nothing."""

    value: float
    low: float
    high: float
    moved: Floats


def pooled_share(
    parts: Numbers, wholes: Numbers, clusters: Codes | None = None, *, level: float = 0.95
) -> Estimate | Undefined:
    """Sum of parts over the sum of wholes, with Wilson's limits on what the items are worth.

    They are worth as many as would give a proportion the linearised variance of the share, robust
    to clusters, with Student's quantile in place of z at the degrees of freedom of that variance.
    Where every cluster has the same share nothing tells its variance, and the items of a cluster
    are taken to agree always.

    Args:
        parts: count of each item, from 0 to its whole, shape (n,).
        wholes: count of each item, shape (n,). An item whose whole is 0 is not counted.
        clusters: integer cluster code per item, shape (n,); None if items are independent.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        A fraction in [0, 1]; n counts the items. Undefined without a whole or with one cluster.

    Raises:
        ValueError: if a part is not between 0 and its whole, or the lengths differ.

    Source: linearised ratio: Cochran (1977), Sampling Techniques, section 6.3; limits: Korn and
    Graubard (1998), Survey Methodology 24(2), 193-201; degrees of freedom: Pan and Wall (2002),
    Stat. Med. 21(10), 1429-1441.
    """
    _check(parts, wholes, axes=1)
    codes = cluster_codes(clusters, n=parts.size)
    used = wholes > 0
    n, groups = int(used.sum()), int(np.unique(codes[used]).size)
    if groups < _FEWEST:
        return Undefined(reason=_too_few(groups), n=n)
    share = _share(_by_cluster(parts, codes), _by_cluster(wholes, codes), level=level)
    return Estimate(
        value=share.value,
        low=share.low,
        high=share.high,
        level=level,
        n=n,
        n_clusters=groups,
        method="wilson of a pooled share" + ("" if groups == n else ", cluster-robust"),
    )


def mean_share(
    parts: Numbers, wholes: Numbers, clusters: Codes | None = None, *, level: float = 0.95
) -> Estimate | Undefined:
    """Mean of several pooled shares of the same items, each weighing the same: a macro F1.

    The limits put together those of each share by how the shares move with each other, so that a
    class that was always right still has room below it.

    Args:
        parts: count of each item in each class, from 0 to its whole, shape (n, K).
        wholes: shape (n, K). A class whose wholes are all 0 is left out.
        clusters: integer cluster code per item, shape (n,); None if items are independent.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        A fraction in [0, 1]; n counts the items with a whole. Undefined without one or with one
        cluster.

    Raises:
        ValueError: as `pooled_share`.

    Source: Zou and Donner (2008), Stat. Med. 27(10), 1693-1702 (MOVER), over `pooled_share`.
    """
    _check(parts, wholes, axes=2)
    codes = cluster_codes(clusters, n=len(parts))
    used = (wholes > 0).any(axis=1)
    n, groups = int(used.sum()), int(np.unique(codes[used]).size)
    if groups < _FEWEST:
        return Undefined(reason=_too_few(groups), n=n)
    shares = [
        _share(_by_cluster(parts[:, k], codes), _by_cluster(wholes[:, k], codes), level=level)
        for k in np.flatnonzero(wholes.any(axis=0))
    ]
    value = float(np.mean([share.value for share in shares]))
    together = _correlations(shares)
    below = np.array([share.value - share.low for share in shares])
    above = np.array([share.high - share.value for share in shares])
    return Estimate(
        value=value,
        low=max(0.0, value - _length(below, together)),
        high=min(1.0, value + _length(above, together)),
        level=level,
        n=n,
        n_clusters=groups,
        method="mover of pooled shares" + ("" if groups == n else ", cluster-robust"),
    )


def f1_counts(
    expected: Codes, predicted: Codes, *, n_classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the parts and wholes that the F1 of each class is the pooled share of.

    A class that no item is expected to have has no wholes: the same classes then count for every
    system on the same items, whatever a system predicts.

    Args:
        expected: class codes 0 to n_classes - 1, shape (n,).
        predicted: class codes, or -1 where the output was none of the classes, shape (n,).
        n_classes: declared classes.

    Returns:
        Twice the hits, and items that are or are called the class, shape (n, n_classes) each.

    Raises:
        ValueError: if a code is none of those, or the lengths differ.
    """
    for codes, lowest in ((expected, 0), (predicted, _NO_CLASS)):
        if codes.shape != (expected.size,) or not np.issubdtype(codes.dtype, np.integer):
            raise ValueError(f"classes are integer codes of shape ({expected.size},)")
        if codes.min(initial=0) < lowest or codes.max(initial=0) >= n_classes:
            raise ValueError(f"a class is off a list of {n_classes}")
    classes = np.arange(n_classes)
    is_class, called = (codes[:, np.newaxis] == classes for codes in (expected, predicted))
    known = is_class.any(axis=0)
    wholes = (is_class.astype(np.int64) + called) * known
    return 2 * (is_class & called).astype(np.int64), wholes


def _share(parts: Floats, wholes: Floats, *, level: float) -> _Share:
    """Share of sums by cluster, shape (G,) each; a cluster without a whole moves nothing."""
    total = float(wholes.sum())
    value = float(parts.sum()) / total
    moved = (parts - value * wholes) / total
    used = wholes > 0
    groups = int(used.sum())
    variance = float(moved @ moved) * groups / max(1, groups - 1)
    if variance > _FLAT and groups >= _FEWEST:
        size, degrees = value * (1 - value) / variance, _degrees(moved[used])
    else:
        size, degrees = total**2 / float(wholes @ wholes), max(1.0, groups - 1.0)
    reach = student_quantile(level, degrees=degrees) / normal_quantile(level)
    low, high = wilson_limits(value, size=size / reach**2, level=level)
    return _Share(value=value, low=min(low, value), high=max(high, value), moved=moved)


def _degrees(moved: Floats) -> float:
    """Degrees of freedom of the variance: few where few of the clusters make most of it."""
    squares = moved**2
    uncertainty = squares.size * float(squares.var(ddof=1))
    most = squares.size - 1.0
    if uncertainty == 0:
        return most
    return min(most, max(1.0, 2 * float(squares.sum()) ** 2 / uncertainty))


def _correlations(shares: list[_Share]) -> Floats:
    moved = np.stack([share.moved for share in shares])
    lengths = np.sqrt((moved**2).sum(axis=1))
    flat = lengths**2 <= _FLAT
    scaled = np.where(flat[:, np.newaxis], 0.0, moved / np.where(flat, 1.0, lengths)[:, np.newaxis])
    together = scaled @ scaled.T
    np.fill_diagonal(together, 1.0)
    return np.asarray(together)


def _length(distances: Floats, together: Floats) -> float:
    """Distance of a mean from its limit, from the distances of its terms."""
    return sqrt(max(0.0, float(distances @ together @ distances))) / distances.size


def _by_cluster(counts: Numbers, codes: NDArray[np.int64]) -> Floats:
    return np.bincount(codes, weights=counts, minlength=count_clusters(codes)).astype(np.float64)


def _too_few(groups: int) -> str:
    if groups == 0:
        return "a pooled share needs something to count"
    return "all counts come from one cluster: nothing tells how clusters differ"


def _check(parts: Numbers, wholes: Numbers, *, axes: int) -> None:
    if parts.ndim != axes or parts.shape != wholes.shape:
        raise ValueError(f"parts have shape {parts.shape}, wholes {wholes.shape}")
    if not (np.all(parts >= 0) and np.all(parts <= wholes) and np.all(np.isfinite(wholes))):
        raise ValueError("a part is at least 0 and at most its whole")
