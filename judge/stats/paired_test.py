"""Whether two sets of scores of the same items differ: the test that fits their kind."""

from math import sqrt

import numpy as np

from judge.stats.clusters import (
    Codes,
    Numbers,
    cluster_codes,
    count_clusters,
    mean_variance,
    variance_degrees,
)
from judge.stats.estimate import Undefined
from judge.stats.multiplicity import PValue
from judge.stats.paired import mcnemar, signed_rank

_FLAT = 1e-9  # of the largest score: a spread below it is rounding
_FEWEST = 2


def paired_t(
    first: Numbers, second: Numbers, *, clusters: Codes | None = None
) -> PValue | Undefined:
    """Test that the mean difference is 0, by the t statistic of `paired_difference`'s interval.

    Args:
        first: scores, shape (n_items,).
        second: scores of the same items, shape (n_items,).
        clusters: integer cluster code per item, shape (n_items,); None if independent.

    Returns:
        A two-sided p-value; Undefined under two items or clusters, or where no difference varies.

    Raises:
        ValueError: if the lengths differ.

    Source: Student (1908), Biometrika 6(1), 1-25; clusters: as `clusters.half_width`.
    """
    from scipy.special import stdtr  # 0.2 s to import: only when used

    if first.shape != second.shape:
        raise ValueError(f"scores have shapes {first.shape} and {second.shape}")
    differences = first.astype(np.float64) - second
    codes = cluster_codes(clusters, n=differences.size)
    groups = count_clusters(codes)
    if groups < _FEWEST:
        return Undefined(reason="a difference needs two items to vary", n=differences.size)
    error = sqrt(mean_variance(differences, codes))
    if error <= _FLAT * float(max(np.abs(first).max(), np.abs(second).max())):
        return Undefined(reason="no item differs otherwise than the others", n=differences.size)
    degrees = variance_degrees(differences, codes)
    tail = float(stdtr(degrees, -abs(float(differences.mean())) / error))
    return PValue(
        value=min(1.0, 2 * tail),
        n=differences.size,
        n_clusters=groups,
        method="paired t" if groups == differences.size else "paired t, cluster-robust",
    )


def paired_test(
    first: Numbers,
    second: Numbers,
    *,
    passes_or_fails: bool,
    graded: bool,
    clusters: Codes | None = None,
) -> PValue | Undefined:
    """Test that two sets of scores of the same items differ by nothing but luck.

    Args:
        first: scores, shape (n_items,).
        second: scores of the same items, shape (n_items,).
        passes_or_fails: whether scores are 0 or 1: McNemar's test.
        graded: whether they are grades, of which only the order counts: Wilcoxon's test. Passes
            of clustered items are tested so too. Anything else has the paired t test.
        clusters: integer cluster code per item, shape (n_items,); None if independent.
    """
    n = first.size
    alone = count_clusters(cluster_codes(clusters, n=n)) == n
    if passes_or_fails and alone:
        found = mcnemar(int(np.sum(first > second)), int(np.sum(second > first)))
        return found if isinstance(found, Undefined) else found.p_value
    if passes_or_fails or graded:
        return signed_rank(first, second, clusters=clusters)
    return paired_t(first, second, clusters=clusters)
