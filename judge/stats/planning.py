"""How many labels it takes to know a score well enough, by labels alone or with a judge."""

from math import ceil, log, log1p, sqrt

from judge.stats.clusters import normal_quantile
from judge.stats.correction import Estimand
from judge.stats.estimate import Undefined

_ROUNDING = 1e-9


def labels_alone(
    half_width: float, *, share: float, level: float = 0.95, cluster_factor: float = 1.0
) -> int:
    """Labels for a share to be known to plus or minus `half_width` without a judge.

    Args:
        half_width: half the width wanted, in (0, .5).
        share: expected share of passes, in [0, 1].
        level: two-sided coverage aimed at, in (0, 1).
        cluster_factor: from `cluster_factor`, at least 1.

    Returns:
        n = z^2 p (1 - p) / h^2, or the number at which Wilson's interval at that share is as
        narrow where that is more, times the factor.

    Raises:
        ValueError: if an argument is out of its range.

    Source: Cochran (1977), Sampling Techniques, section 4.4; the check: Wilson (1927), J. Am.
    Stat. Assoc. 22(158), 209-212, solved for n.
    """
    _check(half_width, share, factor=cluster_factor)
    z, spread, square = normal_quantile(level), share * (1 - share), half_width**2
    # With u = z^2 / n Wilson's half-width h solves (1/4 - h^2) u^2 + (p(1-p) - 2h^2) u - h^2 = 0.
    lead, slope = 0.25 - square, spread - 2 * square
    u = (sqrt(slope**2 + 4 * lead * square) - slope) / (2 * lead)
    return _up(max(z**2 * spread / square, z**2 / u) * cluster_factor)


def labels_with_judge(
    half_width: float,
    *,
    share: float,
    sensitivity: float,
    specificity: float,
    n_items: int,
    estimand: Estimand,
    level: float = 0.95,
    cluster_factor: float = 1.0,
) -> int | Undefined:
    """Labels for a corrected share to be known to plus or minus `half_width`.

    Args:
        half_width: half the width wanted, in (0, .5).
        share: expected share of human passes, in [0, 1].
        sensitivity: expected share of those that the judge passes, in [0, 1].
        specificity: expected share of human fails that the judge fails, in [0, 1].
        n_items: judged items, the labelled ones among them, at least 1.
        estimand: whether the share is of these items or of the population they came from.
        level: two-sided coverage aimed at, in (0, 1).
        cluster_factor: from `cluster_factor`, at least 1.

    Returns:
        Labels drawn at random, at most `n_items`; Undefined ("impossible") where labelling every
        item would not do.

    Raises:
        ValueError: if an argument is out of its range.

    Source: Tenenbein (1970), J. Am. Stat. Assoc. 65(331), 1350-1361: the variance is
    s^2 (1 - K)/n + s^2 K/N, K the squared correlation of label and verdict; finite set:
    s^2 (1 - K)(1/n - 1/N).
    """
    _check(half_width, share, sensitivity, specificity, factor=cluster_factor, counts=(n_items,))
    wanted = (half_width / normal_quantile(level)) ** 2 / cluster_factor
    spread = share * (1 - share)
    missed = spread * (1 - squared_correlation(share, sensitivity, specificity=specificity))
    if estimand == "finite":
        return max(1, min(n_items, _up(1 / (wanted / missed + 1 / n_items)))) if missed else 1
    left = wanted - (spread - missed) / n_items
    if spread / n_items > wanted * (1 + _ROUNDING):
        reason = (
            f"impossible: all {n_items} items labelled give a half-width of "
            f"{half_width * sqrt(spread / n_items / wanted):.3g}; more items are needed"
        )
        return Undefined(reason=reason, n=n_items)
    return max(1, min(n_items, _up(missed / left))) if missed else 1


def labels_for_rogan_gladen(
    half_width: float,
    *,
    share: float,
    sensitivity: float,
    specificity: float,
    n_items: int,
    level: float = 0.95,
) -> tuple[int, int] | Undefined:
    """Human fails and passes to label elsewhere, for a Rogan-Gladen share to be known so well.

    Args:
        half_width: half the width wanted, in (0, .5).
        share: expected share of human passes here, in [0, 1].
        sensitivity: expected share of human passes that the judge passes, in [0, 1].
        specificity: expected share of human fails that the judge fails, in [0, 1].
        n_items: judged items here, at least 1.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        Labelled fails and labelled passes, split by `lee_split`; Undefined ("impossible") where
        the judge does no better than chance or the judged items alone are too few.

    Raises:
        ValueError: if an argument is out of its range.

    Source: the first-order variance in Lee et al., arXiv 2511.21140.
    """
    _check(half_width, share, sensitivity, specificity, counts=(n_items,))
    informedness = sensitivity + specificity - 1
    if informedness <= 0:
        return Undefined(reason="impossible: the judge is no better than chance", n=n_items)
    judged = share * sensitivity + (1 - share) * (1 - specificity)
    left = (half_width * informedness / normal_quantile(level)) ** 2
    left -= judged * (1 - judged) / n_items
    if left <= 0:
        return Undefined(reason=f"impossible with {n_items} judged items: judge more", n=n_items)
    pass_part = _pass_part(judged, 1 - specificity, pass_error=1 - sensitivity)
    total = 0.0
    for weight, rate, part in (
        (1 - share, specificity, 1 - pass_part),
        (share, sensitivity, pass_part),
    ):
        moved = weight**2 * rate * (1 - rate)
        if moved > 0 and part <= 0:
            return Undefined(reason="impossible: the split leaves a class unlabelled", n=n_items)
        total += moved / part if moved > 0 else 0.0
    labels = total / left
    return max(1, _up(labels * (1 - pass_part))), max(1, _up(labels * pass_part))


def lee_split(
    labels: int, *, judged_share: float, specificity: float, sensitivity: float, pilot: int = 0
) -> tuple[int, int]:
    """Split calibration labels between human fails and human passes.

    Args:
        labels: of both classes together, at least twice the pilot and at least 2.
        judged_share: share of verdicts that pass where the correction is for, in [0, 1].
        specificity: of the judge, from the pilot or believed, in [0, 1].
        sensitivity: of the judge, from the pilot or believed, in [0, 1].
        pilot: labels of each class that are there already and draw the rates to the middle.

    Returns:
        Labelled fails m0 and passes m1, which sum to `labels`, each at least the pilot and 1.

    Raises:
        ValueError: if an argument is out of its range.

    Source: Lee et al., arXiv 2511.21140, the adaptive allocation:
    m1 = m / (1 + (1/p - 1) sqrt(kappa)), kappa the ratio of the two error rates.
    """
    _check(0.25, judged_share, specificity, sensitivity, counts=(labels - 1,))
    floor = max(1, pilot)
    if pilot < 0 or labels < 2 * floor:
        raise ValueError(f"{labels} labels cannot hold {pilot} of each class")
    errors = [1 - specificity, 1 - sensitivity]
    if pilot:
        errors = [pilot * error + 1 for error in errors]
    passes = round(labels * _pass_part(judged_share, errors[0], pass_error=errors[1]))
    passes = max(floor, min(labels - floor, passes))
    return labels - passes, passes


def pairs_for_difference(
    half_width: float, *, variance: float, level: float = 0.95, cluster_factor: float = 1.0
) -> int:
    """Items that both systems answer, for their mean difference to be known so well.

    Args:
        half_width: half the width wanted, above 0, in the unit of the scores.
        variance: of an item's difference: var S + var T - 2 cov(S, T), above 0.
        level: two-sided coverage aimed at, in (0, 1).
        cluster_factor: from `cluster_factor`, at least 1.

    Raises:
        ValueError: if an argument is out of its range.

    Source: Cochran (1977), Sampling Techniques, section 4.6: n = z^2 s^2 / h^2.
    """
    if not (half_width > 0 and variance > 0 and cluster_factor >= 1):
        raise ValueError(f"no plan for {half_width}, variance {variance}, factor {cluster_factor}")
    return _up(normal_quantile(level) ** 2 * variance / half_width**2 * cluster_factor)


def cluster_factor(cluster_size: float, *, icc: float) -> float:
    """How many times more items it takes because they come in clusters.

    Args:
        cluster_size: labelled items a cluster, at least 1.
        icc: intraclass correlation, in [0, 1].

    Returns:
        1 + (m - 1) ICC, at least 1.

    Raises:
        ValueError: if an argument is out of its range.

    Source: Kish (1965), Survey Sampling.
    """
    if not (cluster_size >= 1 and 0 <= icc <= 1):
        raise ValueError(f"clusters of {cluster_size} with a correlation of {icc} do not exist")
    return 1 + (cluster_size - 1) * icc


def squared_correlation(share: float, sensitivity: float, *, specificity: float) -> float:
    """Share of the labels' variance that the verdicts explain, in [0, 1].

    Args:
        share: of human passes, in [0, 1].
        sensitivity: share of those that the judge passes, in [0, 1].
        specificity: share of human fails that the judge fails, in [0, 1].

    Returns:
        The squared correlation of label and verdict; 0 where either does not vary.

    Source: K in Tenenbein (1970), J. Am. Stat. Assoc. 65(331), 1350-1361.
    """
    judged = share * sensitivity + (1 - share) * (1 - specificity)
    if not 0 < judged < 1:
        return 0.0
    common = share * (1 - share) * (sensitivity + specificity - 1)
    return min(1.0, common * (sensitivity + specificity - 1) / (judged * (1 - judged)))


def zero_error_bound(n: int, *, level: float = 0.95) -> float | Undefined:
    """Upper bound of an error rate when none was seen in n items, about 3/n.

    Args:
        n: independent items, none of them in error.
        level: one-sided, in (0, 1).

    Returns:
        A rate in (0, 1); Undefined without items.

    Raises:
        ValueError: if n is negative or the level not in (0, 1).

    Source: Clopper and Pearson (1934), Biometrika 26(4), 404-413; 3/n: Hanley and Lippman-Hand
    (1983), J. Am. Med. Assoc. 249(13), 1743-1745.
    """
    if n < 0 or not 0 < level < 1:
        raise ValueError(f"no bound for {n} items at a level of {level}")
    if n == 0:
        return Undefined(reason="no item was checked")
    return float(1 - (1 - level) ** (1 / n))


def labels_without_error(bound: float, *, level: float = 0.95) -> int:
    """Labels, all of them without error, that bound the error rate by `bound`.

    Args:
        bound: the largest rate to be ruled in, in (0, 1).
        level: one-sided, in (0, 1).

    Raises:
        ValueError: if an argument is out of its range.

    Source: as `zero_error_bound`.
    """
    if not (0 < bound < 1 and 0 < level < 1):
        raise ValueError(f"no number of labels for a bound of {bound} at a level of {level}")
    return _up(log(1 - level) / log1p(-bound))


def _pass_part(judged_share: float, fail_error: float, *, pass_error: float) -> float:
    """Share of the calibration labels that goes to human passes."""
    passes, fails = judged_share * sqrt(pass_error), (1 - judged_share) * sqrt(fail_error)
    if passes + fails == 0:
        return judged_share
    return passes / (passes + fails)


def _up(labels: float) -> int:
    return max(1, ceil(labels * (1 - _ROUNDING)))


def _check(
    half_width: float, *shares: float, factor: float = 1.0, counts: tuple[int, ...] = ()
) -> None:
    if not 0 < half_width < 0.5:  # noqa: PLR2004  as wide as all shares
        raise ValueError(f"half the width of a share is in (0, .5), not {half_width}")
    if not all(0 <= share <= 1 for share in shares):
        raise ValueError(f"shares are in [0, 1], not {shares}")
    if not factor >= 1 or any(count < 1 for count in counts):
        raise ValueError(f"impossible: a cluster factor of {factor} on {counts} items")
