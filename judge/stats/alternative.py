"""Whether the judge may stand in for one of several raters: the alternative annotator test."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import Codes, Numbers
from judge.stats.estimate import Undefined
from judge.stats.multiplicity import PValue, benjamini_yekutieli
from judge.stats.patterns import (
    NO_LABEL,
    Floats,
    category_values,
    checked_judge,
    checked_labels,
    label_patterns,
)

AlignmentScore: TypeAlias = Literal["match", "rmse"]

_PAIR = 2
_FEWEST_RATERS = 3
_ENOUGH_WINS = 0.5
_FLAT = 1e-9  # of the largest distance: a gap below it is rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterTest:
    """Whether the judge meets the other raters at least as well as one rater, less epsilon.

    Attributes:
        rater: column of the labels.
        judge_wins: share of the units on which the judge is at least as near to the others.
        rater_wins: share of the units on which the rater is; both win a tie.
        p_value: of the test that the rater wins less than epsilon more often.
        adjusted: that p-value, adjusted for the number of raters.
        rejected: whether the adjusted p-value is at most the level: the judge wins.
    """

    rater: int
    judge_wins: float
    rater_wins: float
    p_value: PValue
    adjusted: float
    rejected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlternativeAnnotatorTest:
    """Whether the judge may stand in for a rater.

    Attributes:
        omega: share of the tested raters that the judge wins against.
        rho: mean of `judge_wins` over them.
        passes: whether omega is at least a half.
        raters: those tested, in the order of the columns.
        untested: columns of the raters with too few units.
        epsilon: what the judge may win less, for being cheaper.
    """

    omega: float
    rho: float
    passes: bool
    raters: tuple[RaterTest, ...]
    untested: tuple[int, ...]
    epsilon: float
    level: float
    score: AlignmentScore


def alternative_annotator_test(
    labels: Codes,
    judge: Codes,
    *,
    n_categories: int,
    epsilon: float,
    score: AlignmentScore = "match",
    values: Numbers | None = None,
    min_items: int = 30,
    level: float = 0.05,
) -> AlternativeAnnotatorTest | Undefined:
    """Test whether the judge may stand in for a rater of this panel (the alt-test).

    For each rater, on the units that another rater and the judge labelled too: who is nearer to
    the labels of the others, the rater or the judge? Where the rater wins less than epsilon more
    often than the judge, by a t-test at the level adjusted for all raters (Benjamini-Yekutieli),
    the judge wins against that rater.

    The t-test counts on wins of both sides. Where the judge never wins alone, and a true epsilon
    of the units is the rater's alone, it rejects too often from few units: .12 for one rater at
    epsilon .2 and 30 units, before the adjustment. Units are taken to be independent.

    Args:
        labels: category codes in the order of the scale, -1 for no label, shape
            (n_units, n_raters).
        judge: the judge's codes, -1 for none, shape (n_units,).
        n_categories: categories of the scale, used or not.
        epsilon: what the judge may win less, for being cheaper, in [0, 1): .2 beside experts, .15
            beside skilled raters, .1 beside a crowd.
        score: nearness to the others: mean of equal labels, or root mean squared distance of the
            values.
        values: what each category is worth, for "rmse", shape (K,); None for 0, 1, ...
        min_items: units that a rater needs to be tested, at least 2.
        level: of false discoveries among the raters, in (0, 1).

    Returns:
        The result, n of each row counts its units. Undefined with fewer than three raters to
        test: of two, the one that the judge copies loses to it, so that it passes whatever the
        other says. (The paper recommends three and allows two.)

    Raises:
        ValueError: if a label is off the scale, the lengths differ, the values are not K finite
            numbers of which two differ, or epsilon or `min_items` is out of its range.

    Source: Calderon, Reichart and Dror (2025), arXiv 2501.10970, section 3. Differences that do
    not vary have no t: their mean is compared with epsilon as it is.
    """
    people = checked_labels(labels, n_categories=n_categories)
    verdicts = checked_judge(judge, n_units=len(people), n_categories=n_categories)
    if not 0 <= epsilon < 1:
        raise ValueError(f"epsilon is in [0, 1), not {epsilon}")
    if min_items < _PAIR:
        raise ValueError(f"a test needs at least two units, not {min_items}")
    distance = _distance(score, values, n_categories=n_categories)
    patterns = label_patterns(people, n_categories=n_categories, fewest=_PAIR)
    far = (patterns.counts @ distance)[patterns.place]
    duels = [
        _duel(people[patterns.units, column], verdicts[patterns.units], far=far, distance=distance)
        for column in range(people.shape[1])
    ]
    tested = [column for column, duel in enumerate(duels) if len(duel) >= min_items]
    if len(tested) < _FEWEST_RATERS:
        reason = (
            f"{len(tested)} raters have {min_items} units that another rater and the judge "
            f"labelled too: a panel is at least {_FEWEST_RATERS}"
        )
        return Undefined(reason=reason, n=patterns.units.size)
    p_values = [_p_value(duels[column], epsilon=epsilon) for column in tested]
    adjusted = benjamini_yekutieli(np.array([p.value for p in p_values]))
    rows = tuple(
        RaterTest(
            rater=column,
            judge_wins=float(duels[column][:, 0].mean()),
            rater_wins=float(duels[column][:, 1].mean()),
            p_value=p_value,
            adjusted=float(value),
            rejected=bool(value <= level),
        )
        for column, p_value, value in zip(tested, p_values, adjusted, strict=True)
    )
    omega = sum(row.rejected for row in rows) / len(rows)
    return AlternativeAnnotatorTest(
        omega=omega,
        rho=sum(row.judge_wins for row in rows) / len(rows),
        passes=omega >= _ENOUGH_WINS,
        raters=rows,
        untested=tuple(column for column in range(people.shape[1]) if column not in tested),
        epsilon=epsilon,
        level=level,
        score=score,
    )


def _duel(own: Codes, judge: Codes, *, far: Floats, distance: Floats) -> NDArray[np.bool_]:
    """Whether the judge and the rater win, shape (n, 2), on the units that both labelled.

    Args:
        own: the rater's labels of the units with at least two, shape (n_units,).
        judge: the judge's, shape (n_units,).
        far: summed distance of each category to all labels of a unit, shape (n_units, K).
        distance: of two categories, shape (K, K).
    """
    both = np.flatnonzero((own != NO_LABEL) & (judge != NO_LABEL))
    own, judge = own[both], judge[both]
    # The rater is at no distance from itself; the judge's distance to the rater is not the others'.
    ahead = far[both, own] - (far[both, judge] - distance[judge, own])
    close = _FLAT * float(distance.max())
    return np.column_stack([ahead >= -close, ahead <= close])


def _p_value(duel: NDArray[np.bool_], *, epsilon: float) -> PValue:
    """Test that the rater wins less than epsilon more often than the judge."""
    from scipy.special import stdtr  # 0.2 s to import: only when used

    behind = duel[:, 1].astype(np.float64) - duel[:, 0]
    n, mean = behind.size, float(behind.mean())
    if np.ptp(behind) == 0:
        value = 0.0 if mean < epsilon else 1.0
    else:
        value = float(stdtr(n - 1, (mean - epsilon) / (float(behind.std(ddof=1)) / sqrt(n))))
    return PValue(value=value, n=n, n_clusters=n, method="one-sided t")


def _distance(score: AlignmentScore, values: Numbers | None, *, n_categories: int) -> Floats:
    """Distance of two categories, shape (K, K): 0 or 1, or the squared difference of values.

    Both sides are compared with the same labels, so that sums of squares rank as their roots do.
    """
    if score == "rmse":
        numbers = category_values(values, n_categories=n_categories)
        return np.asarray(np.subtract.outer(numbers, numbers) ** 2, dtype=np.float64)
    if values is not None:
        raise ValueError("equal labels do not depend on values")
    return 1 - np.eye(n_categories)
