"""Correlation of judge and human scores at a declared level: of records, documents or systems."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import Codes, Numbers, cluster_codes
from judge.stats.correlation import (
    checked_scores,
    fisher_correlation,
    kendall_tau_b,
    pearson,
    spearman,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.influence import (
    CorrelationName,
    Floats,
    Places,
    codes_within,
    group_correlations,
)
from judge.stats.intervals import bounded_mean

CorrelationLevel: TypeAlias = Literal["pooled", "within", "system"]

_FEWEST = 2
_POOLED = {"pearson": pearson, "spearman": spearman, "kendall_tau_b": kendall_tau_b}


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelCorrelation:
    """A correlation at a declared level, and what it leaves out.

    Attributes:
        at: "pooled", all records together; "within", the mean over documents of the correlation
            of the systems' outputs for one document; "system", that of the systems' mean scores.
        statistic: which correlation.
        estimate: n counts records that were used; its clusters are the documents or, at "system",
            the systems.
        skipped: documents without a correlation, by reason; only "within" has any.
    """

    at: CorrelationLevel
    statistic: CorrelationName
    estimate: Estimate | Undefined
    skipped: Mapping[str, int]


def correlation_at(
    judge: Numbers,
    human: Numbers,
    *,
    at: CorrelationLevel,
    statistic: CorrelationName,
    rng: np.random.Generator,
    documents: Codes | None = None,
    systems: Codes | None = None,
    level: float = 0.95,
    draws: int = 4_000,
) -> LevelCorrelation:
    """Correlate judge and human scores at the level that is declared.

    The levels answer different questions, and a high correlation at one says little of another.
    "within" speaks of documents like these, each with as many outputs: fewer outputs make its
    correlations smaller where scores are noisy. "system" speaks of systems like these, each known
    from as many records, and takes systems for independent: with few of them its limits are wide.

    Args:
        judge: scores, shape (n,).
        human: scores of the same records, shape (n,).
        at: the level.
        statistic: which correlation.
        rng: source of the draws, where both sides are grades.
        documents: integer code per record, shape (n,). They are the clusters at "pooled", where
            None stands for independent records, and the groups at "within". Not used at "system".
        systems: integer code per record, shape (n,); used at "system".
        level: two-sided coverage aimed at, in (0, 1).
        draws: tables drawn.

    Returns:
        The correlation with the number of documents that were skipped and why. Undefined as the
        correlation itself; at "within" under two documents that have one.

    Raises:
        ValueError: if a score is not finite, the lengths differ, or the codes of a level are
            missing.

    Source: Louis and Nenkova (2013), Comput. Linguist. 39(2), 267-300, for the levels; limits: as
    `correlation`, at "within" those of `intervals.bounded_mean` over documents.
    """
    sides = checked_scores(judge, human)
    skipped: dict[str, int] = {}
    estimate: Estimate | Undefined
    if at == "pooled":
        estimate = _POOLED[statistic](*sides, rng=rng, clusters=documents, level=level, draws=draws)
    elif at == "within":
        groups = _declared(documents, at=at, n=sides[0].size)
        estimate, skipped = _within(sides, groups, statistic=statistic, level=level)
    else:
        groups = _declared(systems, at=at, n=sides[0].size)
        estimate = _by_system(sides, groups, statistic=statistic, level=level)
    return LevelCorrelation(at=at, statistic=statistic, estimate=estimate, skipped=skipped)


def _within(
    sides: tuple[Floats, Floats], groups: Places, *, statistic: CorrelationName, level: float
) -> tuple[Estimate | Undefined, dict[str, int]]:
    sizes = np.bincount(groups)
    flat = [_distinct(side, groups) < _FEWEST for side in sides]
    reasons = {
        "one record": sizes == 1,
        "all scores of the judge are equal": flat[0] & ~flat[1],
        "all human scores are equal": flat[1] & ~flat[0],
        "all scores of either side are equal": flat[0] & flat[1] & (sizes > 1),
    }
    skipped = {reason: int(some.sum()) for reason, some in reasons.items() if some.any()}
    chosen = ~(flat[0] | flat[1])
    if chosen.sum() < _FEWEST:
        what = f"a mean needs two documents with a correlation, not {int(chosen.sum())}"
        return Undefined(reason=what, n=groups.size), skipped
    kept = chosen[groups]
    correlations = group_correlations(
        sides[0][kept],
        sides[1][kept],
        statistic=statistic,
        groups=(np.cumsum(chosen) - 1)[groups[kept]],
    )
    mean = bounded_mean(correlations, lower=-1, upper=1, level=level)
    if isinstance(mean, Undefined):
        return mean, skipped
    return replace(mean, n=int(kept.sum()), method=f"{mean.method}, over documents"), skipped


def _by_system(
    sides: tuple[Floats, Floats], groups: Places, *, statistic: CorrelationName, level: float
) -> Estimate | Undefined:
    sizes = np.bincount(groups)
    first, second = (np.bincount(groups, weights=side) / sizes for side in sides)
    result = fisher_correlation(first, second, statistic=statistic, level=level, unit="systems")
    return replace(result, n=groups.size)


def _distinct(side: Floats, groups: Places) -> NDArray[np.int64]:
    """Count the distinct scores in each group, shape (G,)."""
    firsts = np.unique(codes_within(side, groups), return_index=True)[1]
    return np.bincount(groups[firsts])


def _declared(codes: Codes | None, *, at: CorrelationLevel, n: int) -> Places:
    if codes is None:
        what = "documents" if at == "within" else "systems"
        raise ValueError(f"a correlation at the level {at!r} needs the {what} of the records")
    return cluster_codes(codes, n=n)
