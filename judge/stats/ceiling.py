"""The judge beside the people: does it meet the others as well as one of them does."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import Codes, Numbers
from judge.stats.estimate import Estimate, Undefined
from judge.stats.patterns import (
    NO_LABEL,
    Floats,
    bootstrap_estimate,
    category_values,
    checked_judge,
    checked_labels,
    clusters_of,
    label_patterns,
)

Aggregate: TypeAlias = Literal["majority", "median", "mean"]
CeilingScore: TypeAlias = Literal["match", "informedness", "negative_mae"]

_BINARY = 2
_PAIR = 2
# Of a unit for each of: both right, the one wrong, the other wrong, both wrong.
_PRIOR_OF_A_SHARE = 0.25  # Jeffreys' 1/2 a pass and 1/2 a fail
_PRIOR_OF_A_DIFFERENCE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterCeiling:
    """One rater and the judge on the targets that the other raters make.

    Attributes:
        rater: column of the labels.
        human: score of the rater.
        judge: score of the judge.
        delta: judge less human.
    """

    rater: int
    human: Estimate | Undefined
    judge: Estimate | Undefined
    delta: Estimate | Undefined


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanCeiling:
    """How well a person meets the other people, and the judge on the same targets.

    Attributes:
        human: score of the raters, each label against the aggregate of the others' labels.
        judge: score of the judge on those targets.
        delta: judge less human; above 0 where the judge does better than a person.
        raters: the same for each rater, in the order of the columns.
        tied: labels that got no target because the others were tied.
        score: what is compared.
        aggregate: how the others' labels become one.
    """

    human: Estimate | Undefined
    judge: Estimate | Undefined
    delta: Estimate | Undefined
    raters: tuple[RaterCeiling, ...]
    tied: int
    score: CeilingScore
    aggregate: Aggregate


def human_ceiling(
    labels: Codes,
    judge: Codes,
    *,
    n_categories: int,
    score: CeilingScore,
    aggregate: Aggregate,
    rng: np.random.Generator,
    values: Numbers | None = None,
    clusters: Codes | None = None,
    level: float = 0.95,
    draws: int = 4_000,
) -> HumanCeiling:
    """Compare each rater, and the judge, with what the other raters say together.

    Every label for which the others have an aggregate counts once, and beside it the judge's label
    of that unit against the same aggregate: a rater is never part of what it is compared with,
    and both sides are compared with the same. The limits are of `patterns.bootstrap_estimate`. As
    a prior each combination of right and wrong has a quarter of a unit, and for delta half of one;
    a wrong label is as far off as two different categories are on average.

    Args:
        labels: category codes in the order of the scale, -1 for no label, shape
            (n_units, n_raters).
        judge: the judge's codes, -1 for none, shape (n_units,).
        n_categories: categories of the scale, used or not.
        score: share of equal labels; on a binary scale true positive plus true negative rate less
            1; or the mean distance of the values, negative.
        aggregate: the most frequent label, none where several are; the middle one, of two the
            lower; or the category nearest to the mean, half way the lower.
        rng: source of the draws. All rows of the result use the same, so that the order of the
            raters changes nothing.
        values: what each category is worth, for "negative_mae", shape (K,); None for 0, 1, ...
        clusters: integer cluster code per unit, shape (n_units,); None if units are independent.
        level: two-sided coverage aimed at, in (0, 1).
        draws: of the bootstrap.

    Returns:
        Scores, n counts the units with a target. Undefined under two of them or their clusters,
        and for informedness where no target is of one of the classes.

    Raises:
        ValueError: if a label is off the scale, the lengths differ, the values are not K finite
            numbers of which two differ, or informedness is asked of a scale that is not binary.

    Source: the leave-one-out comparison is that of Calderon, Reichart and Dror (2025), arXiv
    2501.10970, section 3, with a score in place of wins; half a unit in each cell of two paired
    shares: Agresti and Min (2005), Stat. Med. 24(5), 729-740.
    """
    worth = _worth(score, values, n_categories=n_categories)
    people = checked_labels(labels, n_categories=n_categories)
    verdicts = checked_judge(judge, n_units=len(people), n_categories=n_categories)
    # A unit without a verdict gives no target: neither side is compared with it.
    both = np.where(verdicts[:, np.newaxis] == NO_LABEL, NO_LABEL, people)
    patterns = label_patterns(both, n_categories=n_categories, fewest=_PAIR)
    unit, rater = np.nonzero(both[patterns.units] != NO_LABEL)
    said, judged = both[patterns.units[unit], rater], verdicts[patterns.units[unit]]
    target = _targets(patterns.counts, aggregate)[patterns.place[unit], said]
    bench = _Bench(
        worth=worth,
        by_class=score == "informedness",
        clusters=clusters_of(patterns.units, clusters, n_units=len(labels)),
        seed=int(rng.integers(2**32)),
        level=level,
        draws=draws,
    )
    aimed = _Aimed(unit=unit, target=target, said=said, judged=judged).where(target != NO_LABEL)
    raters = rater[target != NO_LABEL]
    alike = patterns.place[aimed.unit] * n_categories + aimed.judged
    human, judge_too, delta = bench.compare(aimed, kinds=alike)
    return HumanCeiling(
        human=human,
        judge=judge_too,
        delta=delta,
        raters=tuple(
            _one_rater(column, aimed.where(raters == column), bench)
            for column in range(labels.shape[1])
        ),
        tied=int((target == NO_LABEL).sum()),
        score=score,
        aggregate=aggregate,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Aimed:
    """Labels with a target, and the judge's label of the same unit, shape (L,) each."""

    unit: NDArray[np.int64]
    target: Codes
    said: Codes
    judged: Codes

    def where(self, some: NDArray[np.bool_]) -> "_Aimed":
        return _Aimed(
            unit=self.unit[some],
            target=self.target[some],
            said=self.said[some],
            judged=self.judged[some],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bench:
    """How two sides are compared.

    Attributes:
        worth: of saying a category where another is the target, shape (K, K), rows targets.
        by_class: whether the mean worth is taken for each class of targets, and then summed.
        clusters: of the units, shape (n,); None if they are independent.
    """

    worth: Floats
    by_class: bool
    clusters: Codes | None
    seed: int
    level: float
    draws: int

    def compare(
        self, labels: _Aimed, *, kinds: NDArray[np.int64]
    ) -> tuple[Estimate | Undefined, Estimate | Undefined, Estimate | Undefined]:
        """Score of the people, of the judge, and judge less people.

        Args:
            labels: what is compared.
            kinds: of units alike in all that counts, by label, shape (L,).
        """
        units, at = np.unique(labels.unit, return_inverse=True)
        reason = self._why_not(labels)
        if reason is not None:
            undefined = Undefined(reason=reason, n=units.size)
            return undefined, undefined, undefined
        sums = self._sums(labels, at)
        kind = np.empty(units.size, dtype=np.int64)
        kind[at] = kinds
        _, first, place = np.unique(kind, return_index=True, return_inverse=True)
        rows = sums[first]
        prior = self._prior(float(sums[..., 0].sum()) / units.size)
        every = np.concatenate([rows, prior])
        occurrences = np.bincount(place).astype(np.int64)
        totals = np.tensordot(occurrences, rows, axes=1)
        errors = rows[..., 1:] - rows[..., :1] * (totals[:, 1:] / totals[:, :1])
        influence = (errors / totals[:, :1]).sum(axis=1)

        def estimate(sides: tuple[int, int], each: float) -> Estimate | Undefined:
            return bootstrap_estimate(
                lambda weights: _scores(weights, every) @ np.array(sides),
                occurrences=occurrences,
                prior=np.full(len(prior), each),
                influence=influence @ np.array(sides),
                place=place,
                clusters=None if self.clusters is None else self.clusters[units],
                rng=np.random.default_rng(self.seed),
                level=self.level,
                draws=self.draws,
            )

        return (
            estimate((1, 0), _PRIOR_OF_A_SHARE),
            estimate((0, 1), _PRIOR_OF_A_SHARE),
            estimate((-1, 1), _PRIOR_OF_A_DIFFERENCE),
        )

    def _sums(self, labels: _Aimed, at: NDArray[np.int64]) -> Floats:
        """Targets, worth of the people and of the judge by unit and class, shape (n, C, 3)."""
        classes = len(self.worth) if self.by_class else 1
        cells = at * classes + (labels.target if self.by_class else 0)
        parts = (
            np.ones(at.size),
            self.worth[labels.target, labels.said],
            self.worth[labels.target, labels.judged],
        )
        size = (int(at.max()) + 1) * classes
        sums = np.stack(
            [np.bincount(cells, weights=part, minlength=size) for part in parts], axis=-1
        )
        return sums.reshape(-1, classes, len(parts)).astype(np.float64)

    def _prior(self, targets: float) -> Floats:
        """Units held possible, shape (4 C, C, 3): of one class, each side right or wrong."""
        off = ~np.eye(len(self.worth), dtype=np.bool_)
        right, wrong = float(self.worth[0, 0]), float(self.worth[off].mean())
        sides = np.array([(1.0, a, b) for a in (right, wrong) for b in (right, wrong)])
        classes = len(self.worth) if self.by_class else 1
        rows = np.eye(classes)[:, np.newaxis, :, np.newaxis] * sides[:, np.newaxis]
        return np.asarray(targets * rows.reshape(-1, classes, 3), dtype=np.float64)

    def _why_not(self, labels: _Aimed) -> str | None:
        if labels.unit.size == 0:
            return "no label has both a verdict of the judge and an aggregate of other raters"
        if self.by_class and np.unique(labels.target).size < len(self.worth):
            return "informedness needs targets of both classes"
        return None


def _one_rater(column: int, labels: _Aimed, bench: _Bench) -> RaterCeiling:
    size = len(bench.worth)
    kinds = (labels.target * size + labels.said) * size + labels.judged
    human, judge, delta = bench.compare(labels, kinds=kinds.astype(np.int64))
    return RaterCeiling(rater=column, human=human, judge=judge, delta=delta)


def _scores(weights: Floats, sums: Floats) -> Floats:
    """Score of the people and of the judge, shape (some, 2), by weights of units (some, P)."""
    totals = np.tensordot(weights, sums, axes=1)
    classes = totals.shape[1]
    means = (totals[..., 1:] / totals[..., :1]).sum(axis=1) - (classes - 1)
    return np.asarray(means, dtype=np.float64)


def _targets(counts: NDArray[np.int64], aggregate: Aggregate) -> NDArray[np.int64]:
    """Aggregate of a unit's labels less one of a category, shape (P, K); -1 where there is none."""
    categories = counts.shape[1]
    targets = np.full(counts.shape, NO_LABEL, dtype=np.int64)
    for left_out in range(categories):
        has = counts[:, left_out] > 0
        rest = counts[has]
        rest[:, left_out] -= 1
        targets[has, left_out] = _aggregate(rest, aggregate)
    return targets


def _aggregate(counts: NDArray[np.int64], aggregate: Aggregate) -> NDArray[np.int64]:
    """One category for each row of counts, shape (n,); -1 for a tied majority."""
    total = counts.sum(axis=1, dtype=np.int64)
    if aggregate == "majority":
        alone = (counts == counts.max(axis=1, keepdims=True)).sum(axis=1) == 1
        return np.where(alone, counts.argmax(axis=1), NO_LABEL)
    if aggregate == "median":
        middle = (total - 1) // 2
        return np.asarray((np.cumsum(counts, axis=1) > middle[:, np.newaxis]).argmax(axis=1))
    # The whole number nearest to sum / total, half way the lower, without a float.
    twice = 2 * (counts @ np.arange(counts.shape[1]))
    return np.asarray(-((total - twice) // (2 * total)), dtype=np.int64)


def _worth(score: CeilingScore, values: Numbers | None, *, n_categories: int) -> Floats:
    """Worth of saying a category where another is the target, shape (K, K), rows targets."""
    if score == "negative_mae":
        numbers = category_values(values, n_categories=n_categories)
        return np.asarray(-np.abs(np.subtract.outer(numbers, numbers)), dtype=np.float64)
    if values is not None:
        raise ValueError(f"{score} does not depend on values")
    if score == "informedness" and n_categories != _BINARY:
        raise ValueError(f"informedness needs a binary scale, not one of {n_categories}")
    return np.eye(n_categories)
