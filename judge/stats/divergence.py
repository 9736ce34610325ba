"""How far a student's distribution is from its teacher's: Kullback-Leibler and Jensen-Shannon.

Both are in bits. Jensen-Shannon is in [0, 1] and always there; Kullback-Leibler, of the student
from the teacher, has no upper bound, and is infinite where the student excludes what the teacher
says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import Codes, Numbers, count_divisor, why_too_few
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import bounded_mean
from judge.stats.losses import distance_limits, mean_loss

Floats: TypeAlias = NDArray[np.float64]
_Divergence: TypeAlias = Callable[[Floats, Floats], Floats]

_FEWEST_CLASSES = 2
_MATRIX = 2
_ROUNDING = 1e-2  # of a mass: log-probabilities may come in half precision


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDivergence:
    """Mean divergence over the positions of one text, from the tokens that both sides report.

    What is not reported is one class of its own. The divergence of the whole vocabularies is at
    least that large, since no merging of classes can raise it.

    Attributes:
        positions: at least 1.
        jensen_shannon: in [0, 1]; the true mean of these positions is at least that.
        jensen_shannon_at_most: the same if the sides share nothing of what is not reported; the
            true mean of these positions is at most that.
        kullback_leibler: of the student from the teacher, at least that large; nothing bounds it
            from above. None where it is infinite.
        teacher_covered: mean mass that the teacher gives to the tokens, in [0, 1].
        student_covered: mean mass that the student gives to them, in [0, 1].
    """

    positions: int
    jensen_shannon: float
    jensen_shannon_at_most: float
    kullback_leibler: float | None
    teacher_covered: float
    student_covered: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanDivergence:
    """The figures of `TextDivergence`, as means over texts: each counts alike, however long.

    Attributes:
        jensen_shannon: n counts texts, as in all of them.
    """

    jensen_shannon: Estimate | Undefined
    jensen_shannon_at_most: Estimate | Undefined
    kullback_leibler: Estimate | Undefined
    teacher_covered: Estimate | Undefined
    student_covered: Estimate | Undefined


def jensen_shannon(
    teacher: Numbers,
    student: Numbers,
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = 2_000,
    design_effect: float = 1.0,
    n_clusters: int | None = None,
) -> Estimate | Undefined:
    """Jensen-Shannon divergence of two distributions over declared classes, from counts.

    The estimate is biased upwards, by about (K - 1)/(8 ln 2) (1/n + 1/m) where the two are close;
    only a lower limit above 0 tells them apart. Limits are of a parametric bootstrap that takes the
    counts of the two sides for independent: too wide where they answer the same items alike.

    Args:
        teacher: counts of the declared classes, used or not, shape (K,).
        student: counts of the same classes, shape (K,).
        rng: source of the draws.
        level: two-sided coverage aimed at, in (0, 1).
        draws: pairs of distributions drawn.
        design_effect: divides the counts behind the limits, at least 1; the value stays.
        n_clusters: clusters the items of both sides came in; None if independent.

    Returns:
        Bits in [0, 1], n counts the items of both sides; Undefined where a side has none, or with
        one cluster.

    Raises:
        ValueError: if the sides are not counts of the same two classes or more.

    Source: Lin (1991), IEEE Trans. Inf. Theory 37(1), 145-151; limits: `losses.distance_limits`,
    and draws of the Dirichlet posterior with 1/K a class for the upper one.
    """
    sides = _counts(teacher, student)
    reason = _why_none(sides, n_clusters)
    if reason is not None:
        return Undefined(reason=reason, n=int(sides.sum()))
    return _estimate(
        sides,
        _js,
        rng=rng,
        level=level,
        draws=draws,
        design_effect=design_effect,
        n_clusters=n_clusters,
    )


def kullback_leibler(
    teacher: Numbers,
    student: Numbers,
    *,
    classes: Sequence[str],
    rng: np.random.Generator,
    level: float = 0.95,
    draws: int = 2_000,
    design_effect: float = 1.0,
    n_clusters: int | None = None,
) -> Estimate | Undefined:
    """Kullback-Leibler divergence of the student from the teacher, from counts.

    Bits lost per item by who takes the student's distribution for the teacher's. It is biased
    upwards as `jensen_shannon`, four times as much.

    Args:
        teacher: counts of the declared classes, used or not, shape (K,).
        student: counts of the same classes, shape (K,).
        classes: their names, for the reason, K of them.
        rng: source of the draws.
        level: two-sided coverage aimed at, in (0, 1).
        draws: pairs of distributions drawn.
        design_effect: divides the counts behind the limits, at least 1; the value stays.
        n_clusters: clusters the items of both sides came in; None if independent.

    Returns:
        Bits of at least 0, n counts the items of both sides; Undefined as `jensen_shannon`, and
        where the teacher uses a class that the student never does.

    Raises:
        ValueError: as `jensen_shannon`, or if there are not K names.

    Source: Kullback and Leibler (1951), Ann. Math. Stat. 22(1), 79-86; limits as there.
    """
    sides = _counts(teacher, student)
    if len(classes) != sides.shape[1]:
        raise ValueError(f"{sides.shape[1]} classes have as many names, not {len(classes)}")
    missing = [
        f"{classes[place]!r} ({int(sides[0, place])} times)"
        for place in np.flatnonzero((sides[0] > 0) & (sides[1] == 0)).tolist()
    ]
    reason = _why_none(sides, n_clusters)
    if reason is None and missing:
        reason = f"infinite: the student never uses {', '.join(missing)}, the teacher does"
    if reason is not None:
        return Undefined(reason=reason, n=int(sides.sum()))
    return _estimate(
        sides,
        _kl,
        rng=rng,
        level=level,
        draws=draws,
        design_effect=design_effect,
        n_clusters=n_clusters,
    )


def text_divergence(teacher: Numbers, student: Numbers) -> TextDivergence:
    """Mean divergence of next-token distributions on one text, from log-probabilities.

    Endpoints report the k likeliest tokens only. The columns of a position are the tokens that both
    sides report there; what else there is counts as one class.

    Args:
        teacher: natural logs of probabilities, shape (n_positions, k), at least one position; minus
            infinity in both sides fills up positions with fewer shared tokens.
        student: those of the same tokens, shape (n_positions, k).

    Raises:
        ValueError: if a log-probability is above 0 or not a number, the probabilities of a position
            sum to more than 1, the shapes differ or there is no position.

    Source: as `jensen_shannon` and `kullback_leibler`; merging classes: Csiszar (1967), Studia Sci.
    Math. Hungar. 2, 299-318.
    """
    if teacher.ndim != _MATRIX or teacher.shape != student.shape or not len(teacher):
        raise ValueError(
            f"log-probabilities have shapes {teacher.shape} and {student.shape}, "
            "expected one (n_positions, k)"
        )
    (p, p_rest), (q, q_rest) = _masses(teacher, side="teacher"), _masses(student, side="student")
    whole_p, whole_q = np.column_stack([p, p_rest]), np.column_stack([q, q_rest])
    # Apart, the rests add half of their mass each: no bit of it is shared.
    nothing = np.zeros(len(p))
    apart_p, apart_q = np.column_stack([p, p_rest, nothing]), np.column_stack([q, nothing, q_rest])
    return TextDivergence(
        positions=len(p),
        jensen_shannon=_share(_js(whole_p, whole_q)),
        jensen_shannon_at_most=_share(_js(apart_p, apart_q)),
        kullback_leibler=_finite(_kl(whole_p, whole_q)),
        teacher_covered=_share(1 - p_rest),
        student_covered=_share(1 - q_rest),
    )


def class_divergence(teacher: Numbers, student: Numbers) -> TextDivergence:
    """Divergence of two distributions over the same classes, all of them given.

    Args:
        teacher: probabilities, shape (K,).
        student: those of the same classes, shape (K,).

    Raises:
        ValueError: if a side is no distribution, or the shapes differ.
    """
    if teacher.ndim != 1 or teacher.shape != student.shape:
        raise ValueError(
            f"probabilities have shapes {teacher.shape} and {student.shape}, expected one (K,)"
        )
    sides = np.stack([teacher, student]).astype(np.float64)
    if not (np.all(sides >= 0) and np.allclose(sides.sum(axis=1), 1)):
        raise ValueError("probabilities of classes are at least 0 and sum to 1")
    js = _share(_js(sides[:1], sides[1:]))
    return TextDivergence(
        positions=1,
        jensen_shannon=js,
        jensen_shannon_at_most=js,
        kullback_leibler=_finite(_kl(sides[:1], sides[1:])),
        teacher_covered=1.0,
        student_covered=1.0,
    )


def mean_divergence(
    texts: Sequence[TextDivergence], *, clusters: Codes | None = None, level: float = 0.95
) -> MeanDivergence:
    """Mean divergence over texts.

    Args:
        texts: what was found of each.
        clusters: integer code per text, shape (n_texts,); None if they are independent.
        level: two-sided coverage aimed at, in (0, 1).

    Returns:
        Means over texts. A mean is Undefined under two texts or two clusters; that of
        Kullback-Leibler also where it is infinite on a text, or the same on all.
    """

    def mean(values: Sequence[float]) -> Estimate | Undefined:
        return bounded_mean(np.array(values), clusters, lower=0, upper=1, level=level)

    return MeanDivergence(
        jensen_shannon=mean([one.jensen_shannon for one in texts]),
        jensen_shannon_at_most=mean([one.jensen_shannon_at_most for one in texts]),
        kullback_leibler=_mean_kl(texts, clusters, level=level),
        teacher_covered=mean([one.teacher_covered for one in texts]),
        student_covered=mean([one.student_covered for one in texts]),
    )


def _share(values: Floats) -> float:
    return float(np.clip(values, 0, 1).mean())


def _finite(values: Floats) -> float | None:
    return float(values.mean()) if np.isfinite(values).all() else None


def _mean_kl(
    texts: Sequence[TextDivergence], codes: Codes | None, *, level: float
) -> Estimate | Undefined:
    finite = [one.kullback_leibler for one in texts if one.kullback_leibler is not None]
    if len(finite) < len(texts):
        reason = (
            f"infinite: on {len(texts) - len(finite)} of {len(texts)} texts the student excludes "
            "what the teacher does not"
        )
        return Undefined(reason=reason, n=len(texts))
    return mean_loss(np.array(finite), codes, level=level)


def _estimate(
    sides: Floats,
    divergence: _Divergence,
    *,
    rng: np.random.Generator,
    level: float,
    draws: int,
    design_effect: float,
    n_clusters: int | None,
) -> Estimate:
    n, totals = int(sides.sum()), sides.sum(axis=1)
    divisor = count_divisor(design_effect, n=n, n_clusters=n_clusters, level=level)
    (p, q), sizes = sides / totals[:, np.newaxis], np.maximum(1, np.rint(totals / divisor))
    prior = 1 / sides.shape[1]
    # Where there is no distance, both are the pool; a little of every class keeps it inside.
    pool = (sides.sum(axis=0) + prior) / (n + 1)
    seen, seed = float(divergence(p, q)), int(rng.integers(2**32))

    def towards(side: Floats, share: float) -> Floats:
        return np.asarray((1 - share) * pool + share * side, dtype=np.float64)

    def simulated(share: float) -> Floats:
        same = np.random.default_rng(seed)  # the same draws for every share: no jumps
        first, second = (
            same.multinomial(int(size), towards(side, share), size=draws) / size
            for size, side in zip(sizes, (p, q), strict=True)
        )
        return divergence(first, second)

    drawn = divergence(*(rng.dirichlet(side / divisor + prior, size=draws) for side in sides))
    low, high = distance_limits(
        seen,
        simulated=simulated,
        at=lambda share: float(divergence(towards(p, share), towards(q, share))),
        drawn=drawn[np.isfinite(drawn)],  # tiny draws underflow to a class without a chance
        level=level,
    )
    return Estimate(
        value=seen,
        low=low,
        high=high,
        level=level,
        n=n,
        n_clusters=n if n_clusters is None else n_clusters,
        method="parametric bootstrap",
    )


def _kl(p: Floats, q: Floats) -> Floats:
    """Bits by which q misses p along the last axis; infinite where it excludes a class of p."""
    ratios = np.divide(p, q, out=np.full(p.shape, np.inf), where=q > 0)
    logs = np.log2(ratios, out=np.zeros(p.shape), where=p > 0)
    # What is 0 but for rounding may come out below it.
    return np.asarray(np.maximum(0, (p * logs).sum(axis=-1)), dtype=np.float64)


def _js(p: Floats, q: Floats) -> Floats:
    middle = (p + q) / 2
    return np.minimum(1, (_kl(p, middle) + _kl(q, middle)) / 2)


def _masses(logs: Numbers, *, side: str) -> tuple[Floats, Floats]:
    """Probabilities of the tokens, shape (n, k), and of what is not reported, shape (n,)."""
    if not np.all(logs <= 0):  # a NaN is not either
        raise ValueError(f"a log-probability of the {side} is above 0 or not a number")
    masses = np.exp(logs.astype(np.float64))
    sums = masses.sum(axis=1)
    over = np.flatnonzero(sums > 1 + _ROUNDING)
    if over.size:
        first = int(over[0])
        raise ValueError(f"the {side}'s probabilities at position {first} sum to {sums[first]:g}")
    masses /= np.maximum(1, sums)[:, np.newaxis]
    return masses, np.maximum(0, 1 - masses.sum(axis=1))


def _counts(teacher: Numbers, student: Numbers) -> Floats:
    """Counts of both sides, shape (2, K)."""
    if teacher.ndim != 1 or teacher.shape != student.shape or teacher.size < _FEWEST_CLASSES:
        raise ValueError(
            f"counts have shapes {teacher.shape} and {student.shape}, expected one (K,) with at "
            "least two classes"
        )
    sides = np.stack([teacher, student])
    if not np.issubdtype(sides.dtype, np.integer) or sides.min() < 0:
        raise ValueError("a distribution over classes is given as counts: integers of at least 0")
    return sides.astype(np.float64)


def _why_none(sides: Floats, n_clusters: int | None) -> str | None:
    for side, total in zip(("teacher", "student"), sides.sum(axis=1), strict=True):
        if total == 0:
            return f"the {side} has no item in any class"
    return why_too_few(n_clusters, n=int(sides.sum()))
