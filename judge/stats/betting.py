"""Means of bounded scores that may be looked at as often as one likes, by betting against them.

A gambler who bets on scores of a stream against the claim that their mean is at least m multiplies
their wealth by ``1 - bet (x - m)`` at each score x. Where the claim is true no way of betting makes
the wealth ever exceed 1/a with more chance than a, however often and long one looks: wealth is
evidence that needs no fixed number of samples.

Scores lie in [0, 1] and are rounded to steps of 1/200, on every side alike, so that counts of them
say all there is to know of a stream.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import floor, log

import numpy as np
from numpy.typing import NDArray

from judge.stats.clusters import Numbers
from judge.stats.estimate import Estimate, Undefined

Floats = NDArray[np.float64]
Tally = Mapping[int, int]
"""How often each score came, by its number of steps from 0 to `STEPS`."""

STEPS = 200
BLOCKS = 8
"""In which a fixed sample is bet on: each with what the blocks before it say of the spread."""

_MEANS = np.linspace(0.0, 1.0, 501)
_BETS = np.array([0.0, *(0.95 * 0.58 ** np.arange(8))])  # of the largest bet there may be
_FIXED_BETS = np.array([0.0, 1.5, 2.5, 3.5])  # in standard errors of a fixed sample's mean
_LARGEST_BET = 50.0
_SAFE = 0.95
_WIDEST = 0.5  # standard deviation that no score in [0, 1] exceeds
_LEAST_SPREAD = 0.02
_REFINED = np.linspace(-0.002, 0.002, 17)
_NEAR = 1.0  # in log evidence: below it a finer look changes nothing
_HALVINGS = 14  # of the whole scale: to 1/16,000
_RECENT = (0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89)
"""How many looks ago the changes begin that are looked for, beside one at the very first."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FixedSample:
    """A sample of a fixed size: what its scores say against every mean.

    Attributes:
        scores: rounded, in random order, shape (n,).
        above: log evidence that the mean is above each of 501 means from 0 to 1.
    """

    scores: NDArray[np.int64]
    above: Floats

    @property
    def mean(self) -> float:
        return float(self.scores.mean()) / STEPS

    @property
    def mirrored(self) -> "FixedSample":
        """The sample of 1 less each score."""
        return _fixed(STEPS - self.scores)


def rounded(values: Numbers) -> NDArray[np.int64]:
    """Return scores in [0, 1] as numbers of steps.

    Raises:
        ValueError: one is outside, or not a number.
    """
    if not np.all((values >= 0) & (values <= 1)):  # a NaN is not either
        raise ValueError("scores are numbers in [0, 1]")
    return np.rint(values.astype(np.float64) * STEPS).astype(np.int64)


def tally(values: Numbers) -> dict[int, int]:
    """Count scores in [0, 1] by their number of steps."""
    return dict(sorted(Counter(rounded(values).tolist()).items()))


def added(tallies: Sequence[Tally]) -> dict[int, int]:
    """Return the counts of several tallies together."""
    whole: Counter[int] = Counter()
    for one in tallies:
        whole.update(one)
    return dict(sorted(whole.items()))


def mirrored(one: Tally) -> dict[int, int]:
    """Return the tally of 1 less each score."""
    return {STEPS - step: count for step, count in reversed(list(one.items()))}


def fixed_sample(values: Numbers, *, rng: np.random.Generator) -> FixedSample | Undefined:
    """Return what a sample of fixed size says against every mean.

    Args:
        values: independent scores in [0, 1], shape (n,).
        rng: puts them in a random order.

    Raises:
        ValueError: a score is outside.

    Source: as `confidence_sequence`, with bets set by the spread of earlier blocks.
    """
    if values.size < BLOCKS:
        reason = f"{values.size} scores, {BLOCKS} are needed to bet on"
        return Undefined(reason=reason, n=values.size)
    return _fixed(rng.permutation(rounded(values)))


def fall_evidence(
    before: FixedSample, looks: Sequence[Tally], *, tolerated: float = 0.0, near: float = np.inf
) -> float:
    """Log evidence that the mean of a stream fell below that of a fixed sample.

    Whatever the mean of the stream is at the start, if it is never more than `tolerated` under
    that of the population of the fixed sample, the chance that this ever exceeds log(1/a) is at
    most a. A fall that begins late is found as well: changes at the first look, and at several of
    the newest ones, are looked for, and the weights of all starts sum to 1.

    The unknown mean of the fixed sample's population is taken where the evidence is least: against
    each m stands the product of what the fixed sample says against a mean of at most m and what
    the stream says against one of at least m.

    Args:
        before: what the stream is compared with.
        looks: the scores between each two looks, oldest first.
        tolerated: a fall that is none.
        near: a finer search for the least is made only where the evidence comes near it.

    Returns:
        A log; 0 says nothing. At or below 0 nothing speaks for a fall.

    Source: Waudby-Smith and Ramdas (2024), J. R. Stat. Soc. B 86(1), 1-27, for the bets; the
    product over an unknown mean: their section on two samples in the form of Shafer (2021),
    J. R. Stat. Soc. A 184(2), 407-431; mixtures over starts: Shin, Ramdas and Rinaldo (2024),
    Electron. J. Stat. 18(1), e-detectors; over all looks: Ville's inequality.
    """
    starts, weights = _starts(len(looks))
    if not starts:
        return 0.0
    counts = _counts_from(looks, starts)
    # The stream's claim is that its mean is at least m less what is tolerated.
    shifted = np.clip(_MEANS - tolerated, 0.0, 1.0)
    used = np.flatnonzero(counts.any(axis=0))
    if tolerated:
        table = _log_factors(used, shifted)
    else:
        # To take most rows of the table out of it costs more than to use all of them.
        used = used if used.size < STEPS // 4 else np.arange(STEPS + 1)
        table = _table()[used] if used.size <= STEPS else _table()
    stream = _mixture(counts[:, used], table, n_means=_MEANS.size)
    total = before.above + _log_sum(stream + np.log(weights)[:, np.newaxis], axis=0)
    least = float(total.min())
    if least < near - _NEAR:
        return least
    finer = np.clip(_MEANS[int(total.argmin())] + _REFINED, 0.0, 1.0)
    fine = _log_factors(used, np.clip(finer - tolerated, 0.0, 1.0))
    stream = _mixture(counts[:, used], fine, n_means=finer.size)
    there = _above(before.scores, finer) + _log_sum(stream + np.log(weights)[:, np.newaxis], axis=0)
    return min(least, float(there.min()))


def confidence_sequence(scores: Tally, *, level: float = 0.95) -> Estimate | Undefined:
    """Mean of a stream, with limits that hold at all looks together.

    Args:
        scores: all there are up to now.
        level: chance that the limits hold at every look, however many, in (0, 1).

    Source: Waudby-Smith and Ramdas (2024), J. R. Stat. Soc. B 86(1), 1-27 (betting confidence
    sequences; bets are a mixture over fixed ones).
    """
    n = sum(scores.values())
    if n == 0:
        return Undefined(reason="no score yet")
    mean = sum(step * count for step, count in scores.items()) / (n * STEPS)
    against = log(2 / (1 - level))
    high = _limit(scores, mean, against=against)
    low = 1 - _limit(mirrored(scores), 1 - mean, against=against)
    return Estimate(
        value=mean,
        low=min(low, mean),
        high=max(high, mean),
        level=level,
        n=n,
        n_clusters=n,
        method="confidence sequence by betting",
    )


def difference_sequence(
    before: FixedSample, scores: Tally, *, level: float = 0.95
) -> Estimate | Undefined:
    """Mean of a stream less that of a fixed sample, with limits that hold at all looks together.

    Args:
        before: the fixed sample; its own uncertainty is in the limits.
        scores: all there are up to now.
        level: chance that the limits hold at every look, however many, in (0, 1).

    Source: `fall_evidence`, inverted.
    """
    n = sum(scores.values())
    if n == 0:
        return Undefined(reason="no score yet")
    value = sum(step * count for step, count in scores.items()) / (n * STEPS) - before.mean
    against = log(2 / (1 - level))
    sides = [(before, scores, value), (before.mirrored, mirrored(scores), -value)]
    high, low = (
        _difference_limit(one, _stream(of), mean, against=against) for one, of, mean in sides
    )
    return Estimate(
        value=value,
        low=min(-low, value),
        high=max(high, value),
        level=level,
        n=n,
        n_clusters=n,
        method="confidence sequence by betting, two samples",
    )


def _fixed(scores: NDArray[np.int64]) -> FixedSample:
    return FixedSample(scores=scores, above=_above(scores, _MEANS))


def _above(scores: NDArray[np.int64], means: Floats) -> Floats:
    """Log evidence of a fixed sample that its mean is above each of the means, shape (m,)."""
    most = np.minimum(_SAFE / np.maximum(means, 1e-12), _LARGEST_BET)
    logs = np.zeros((means.size, _FIXED_BETS.size))
    seen = np.zeros(0, dtype=np.int64)
    for block in np.array_split(scores, BLOCKS):
        spread = _WIDEST if seen.size == 0 else max(_LEAST_SPREAD, float(seen.std()) / STEPS)
        wanted = _FIXED_BETS / (spread * np.sqrt(scores.size))
        bets = np.minimum(wanted[np.newaxis, :], most[:, np.newaxis])
        found, counts = np.unique(block, return_counts=True)
        gaps = found[:, np.newaxis] / STEPS - means[np.newaxis, :]
        logs += np.einsum("k,kmb->mb", counts, np.log1p(gaps[:, :, np.newaxis] * bets))
        seen = np.concatenate([seen, block])
    return _log_sum(logs, axis=1) - log(_FIXED_BETS.size)


@cache
def _table() -> Floats:
    return _log_factors(np.arange(STEPS + 1), _MEANS)


def _log_factors(steps: NDArray[np.int64], means: Floats) -> Floats:
    """Log of what each score multiplies the wealth by, shape (scores, means * bets)."""
    most = np.minimum(1 / np.maximum(1 - means, 1e-12), _LARGEST_BET)
    bets = most[:, np.newaxis] * _BETS
    gaps = steps[:, np.newaxis] / STEPS - means[np.newaxis, :]
    return np.asarray(np.log1p(-gaps[:, :, np.newaxis] * bets).reshape(steps.size, -1))


def _mixture(counts: Floats, table: Floats, *, n_means: int) -> Floats:
    """Log wealth of an even mixture of bets, shape (rows of counts, means)."""
    logs = (counts @ table).reshape(len(counts), n_means, _BETS.size)
    return _log_sum(logs, axis=2) - log(_BETS.size)


def _starts(n_looks: int) -> tuple[list[int], Floats]:
    """Return the looks at which a change may have begun, and the weight of each.

    Weights 1/(j (j + 1)) of all looks sum to 1; to leave some out only loses evidence.
    """
    starts = sorted({0, *(n_looks - 1 - back for back in _RECENT if back < n_looks)})
    if n_looks == 0:
        starts = []
    places = np.array(starts, dtype=np.float64) + 1
    return starts, 1 / (places * (places + 1))


def _counts_from(looks: Sequence[Tally], starts: Sequence[int]) -> Floats:
    """Counts of the scores since each start, shape (starts, STEPS + 1)."""
    each = np.zeros((len(looks), STEPS + 1))
    for place, look in enumerate(looks):
        for step, count in look.items():
            each[place, step] += count
    return np.asarray(np.cumsum(each[::-1], axis=0)[::-1][list(starts)])


def _limit(scores: Tally, mean: float, *, against: float) -> float:
    """Return the least mean above that of the scores that they speak against."""
    steps = np.array(list(scores), dtype=np.int64)
    counts = np.array([list(scores.values())], dtype=np.float64)

    def refuted(m: float) -> bool:
        table = _log_factors(steps, np.array([m]))
        return float(_mixture(counts, table, n_means=1)[0, 0]) >= against

    return _bisected(mean, 1.0, refuted)


def _stream(scores: Tally) -> Floats:
    """Log evidence of a stream's scores that their mean is below each of the means, shape (m,)."""
    counts = np.zeros((1, STEPS + 1))
    for step, count in scores.items():
        counts[0, step] += count
    return np.asarray(_mixture(counts, _table(), n_means=_MEANS.size)[0])


def _difference_limit(
    before: FixedSample, stream: Floats, value: float, *, against: float
) -> float:
    """Return the least difference above the value that both sides together speak against.

    Differences are those of the means of the grid, so that each is at most a step too large.
    """
    last = _MEANS.size - 1
    for steps in range(floor(value * last) + 1, last):
        # Means of the stream that no score could have are left out: they are impossible.
        low, high = max(0, -steps), min(last, last - steps)
        both = before.above[low : high + 1] + stream[low + steps : high + steps + 1]
        if float(both.min()) >= against:
            return steps / last
    return 1.0


def _bisected(low: float, high: float, refuted: Callable[[float], bool]) -> float:
    if not refuted(high):
        return high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if refuted(middle):
            high = middle
        else:
            low = middle
    return high


def _log_sum(logs: Floats, *, axis: int) -> Floats:
    most = logs.max(axis=axis, keepdims=True)
    return np.asarray(np.log(np.exp(logs - most).sum(axis=axis)) + most.squeeze(axis))
