"""What production samples say against a frozen set, look after look, and when that is an alarm.

All watches together raise a false alarm with at most the declared chance, however long the stream
is and however often one looks: the chance is dealt out to them beforehand.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from math import log

import numpy as np
from numpy.typing import NDArray

from judge.reports.groups import OVERALL
from judge.reports.summary import MIN_RECORDS
from judge.stats.betting import (
    FixedSample,
    added,
    confidence_sequence,
    difference_sequence,
    fall_evidence,
    fixed_sample,
    mirrored,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import exact_lower_bound
from judge.stats.multiplicity import look_level

OUTPUT_LENGTH = "output_length"
"""Rank of an output's length among those of the frozen set, in [0, 1]."""

_ROUNDING = 1e-9


class Kind(StrEnum):
    """What an alarm is about."""

    QUALITY = "quality"
    OUTPUT = "output"
    INPUT = "input"
    JUDGE = "judge"


class Direction(StrEnum):
    """Which way a mean may go."""

    FALL = "fall"
    RISE = "rise"


SHARES: Mapping[Kind, float] = {
    Kind.QUALITY: 0.6,
    Kind.OUTPUT: 0.2,
    Kind.INPUT: 0.1,
    Kind.JUDGE: 0.1,
}
"""Of the chance of a false alarm; half of a kind's is for all samples, half for the slices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When something is an alarm; declared before the first look.

    Attributes:
        false_alarms: chance of any, over the whole stream and all watches.
        tolerated: fall of a mean, scale mapped to [0, 1], that is none.
        max_shift: how far inputs may be told apart from the frozen ones, as area less 1/2.
        sentinel_disagreement: share of re-judged verdicts that may differ.
    """

    false_alarms: float = 0.05
    tolerated: float = 0.0
    max_shift: float = 0.1
    sentinel_disagreement: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Watch:
    """One mean that is watched in one direction on one slice.

    Attributes:
        share: of the chance of a false alarm.
        frozen: what it is on the frozen set.
    """

    metric: str
    slice: str
    kind: Kind
    direction: Direction
    share: float
    frozen: FixedSample

    @property
    def series(self) -> str:
        """Names the scores it looks at."""
        return series_of(self.metric, self.slice)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentinelLook:
    """Verdicts that a judge was asked for again.

    Attributes:
        n: how many.
        differ: those that came out otherwise.
    """

    metric: str
    n: int
    differ: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InputLook:
    """Whether inputs of the newest samples can be told from those of the frozen set.

    Attributes:
        test: how many such tests there were, this one included.
        shift: area under the curve less 1/2; None where it cannot be told.
        reason: why not.
    """

    test: int
    n_samples: int
    shift: Estimate | None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What came between the look before and this one.

    Attributes:
        scores: series to number of steps to count, see `judge.stats.betting`.
        missing: metric to samples without a value.
        held: metric to why its scores of this look are not used.
    """

    number: int
    run_id: str
    at: datetime
    n_samples: int
    scores: Mapping[str, Mapping[int, int]]
    missing: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)
    sentinels: tuple[SentinelLook, ...] = ()
    inputs: InputLook | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What was found, at which look; it stands until the stream begins anew."""

    look: int
    kind: Kind
    metric: str
    slice: str
    direction: Direction | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """All looks up to now.

    Attributes:
        baseline: the run on the frozen set that samples are compared with.
    """

    baseline: str
    looks: tuple[Look, ...] = ()
    alarms: tuple[Alarm, ...] = ()

    @property
    def n_samples(self) -> int:
        return sum(look.n_samples for look in self.looks)

    def since(self, series: str) -> list[Mapping[int, int]]:
        """Return the scores of a series, look by look."""
        return [look.scores.get(series, {}) for look in self.looks]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What all looks together say of one watch.

    Attributes:
        frozen: mean on the frozen set.
        mean: of the samples, with limits that hold at every look; None without samples.
        difference: samples less frozen set, likewise.
        evidence: share of the log evidence that an alarm takes; 1 and more is one.
        alarm: whether one stands.
    """

    metric: str
    slice: str
    kind: Kind
    direction: Direction
    n_frozen: int
    frozen: float
    mean: Estimate | None
    difference: Estimate | None
    evidence: float
    alarm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorReport:
    """What the stream says up to now.

    Attributes:
        n_new: samples of this look; 0 where there was none.
        complete: whether every one of them has an outcome; else no look was taken.
        unwatched: metric to why it is not watched at all.
    """

    name: str
    system: str
    stream: Stream
    rules: Rules
    readings: tuple[Reading, ...]
    n_new: int
    complete: bool
    unwatched: Mapping[str, str] = field(default_factory=dict)


def series_of(metric: str, name: str) -> str:
    """Name the scores of one metric on one slice."""
    return f"{metric} {name}"


def watches(
    frozen: Mapping[tuple[str, str], NDArray[np.float64]],
    kinds: Mapping[str, Kind],
    *,
    left_out: Collection[tuple[str, str]] = (),
    seed: int,
) -> tuple[Watch, ...]:
    """Return what is watched, each with its share of the chance of a false alarm.

    Args:
        frozen: scores in [0, 1] on the frozen set, by metric and slice.
        kinds: of each metric.
        left_out: metrics and slices that are not watched now. They keep their share: who is
            believed may change between two looks, the chances that were dealt out may not.
        seed: of the order in which frozen scores are bet on.
    """
    rng = np.random.default_rng(seed)
    enough = {key: values for key, values in frozen.items() if values.size >= MIN_RECORDS}
    planned = [
        (metric, name, direction)
        for metric, name in enough
        for direction in Direction
        # Only a length may also grow too much: more of every other is better.
        if direction is Direction.FALL or metric == OUTPUT_LENGTH
    ]
    found = []
    for metric, name, direction in planned:
        if (metric, name) in left_out:
            continue
        kind = kinds[metric]
        same = [one for one in planned if kinds[one[0]] is kind]
        alike = sum((other == OVERALL) is (name == OVERALL) for _, other, _ in same)
        whole = len(same) == alike
        sample = fixed_sample(enough[metric, name], rng=rng)
        if isinstance(sample, FixedSample):
            found.append(
                Watch(
                    metric=metric,
                    slice=name,
                    kind=kind,
                    direction=direction,
                    share=SHARES[kind] * (1.0 if whole else 0.5) / alike,
                    frozen=sample if direction is Direction.FALL else sample.mirrored,
                )
            )
    return tuple(found)


def looked(stream: Stream, look: Look, *, watched: Sequence[Watch], rules: Rules) -> Stream:
    """Return the stream with one more look, and the alarms that it raises."""
    longer = replace(stream, looks=(*stream.looks, look))
    new = [
        *_judge_alarms(look, rules),
        *_input_alarms(look, rules),
        *_mean_alarms(longer, watched, rules),
    ]
    return replace(longer, alarms=(*stream.alarms, *new))


def readings(stream: Stream, *, watched: Sequence[Watch], rules: Rules) -> list[Reading]:
    """Return what all looks together say of each watch."""
    return [_reading(stream, watch, rules) for watch in watched]


def next_input_level(stream: Stream, rules: Rules) -> tuple[int, float]:
    """Return the number of the next test of inputs, and the two-sided level of its interval."""
    test = 1 + sum(look.inputs is not None for look in stream.looks)
    total = rules.false_alarms * SHARES[Kind.INPUT]
    return test, 1 - 2 * look_level(test, total=total)


def _needed(watch: Watch, rules: Rules) -> float:
    return -log(rules.false_alarms * watch.share)


def _evidence(stream: Stream, watch: Watch, rules: Rules) -> float:
    scores = stream.since(watch.series)
    needed = _needed(watch, rules)
    if watch.direction is Direction.RISE:
        scores = [mirrored(one) for one in scores]
    return fall_evidence(watch.frozen, scores, tolerated=rules.tolerated, near=needed) / needed


def _mean_alarms(stream: Stream, watched: Sequence[Watch], rules: Rules) -> Iterator[Alarm]:
    standing = {(one.metric, one.slice, one.direction) for one in stream.alarms}
    look = stream.looks[-1]
    for watch in watched:
        if (watch.metric, watch.slice, watch.direction) in standing:
            continue
        if not look.scores.get(watch.series) or _evidence(stream, watch, rules) < 1:
            continue
        found = _reading(stream, watch, rules)
        if found.mean is None:
            continue
        went = "fell" if watch.direction is Direction.FALL else "rose"
        agreed = [one for one in look.sentinels if one.metric == watch.metric]
        whose = "".join(
            f"; it is the student: {one.n - one.differ} of {one.n} certified verdicts came out the "
            "same when asked for again"
            for one in agreed
        )
        yield Alarm(
            look=look.number,
            kind=watch.kind,
            metric=watch.metric,
            slice=watch.slice,
            direction=watch.direction,
            words=f"{watch.metric} {went} on {watch.slice}: {found.frozen:.3f} on the frozen set, "
            f"{found.mean.value:.3f} in {found.mean.n} samples{whose}",
        )


def _judge_alarms(look: Look, rules: Rules) -> Iterator[Alarm]:
    total = rules.false_alarms * SHARES[Kind.JUDGE] / max(1, len(look.sentinels))
    for one in look.sentinels:
        level = 1 - look_level(look.number, total=total)
        low = exact_lower_bound(one.differ, one.n, level=level)
        if not isinstance(low, Undefined) and low > rules.sentinel_disagreement + _ROUNDING:
            yield Alarm(
                look=look.number,
                kind=Kind.JUDGE,
                metric=one.metric,
                slice=OVERALL,
                direction=None,
                words=f"the judge of {one.metric} changed, not the student: {one.differ} of "
                f"{one.n} certified verdicts came out otherwise when asked for again",
            )


def _input_alarms(look: Look, rules: Rules) -> Iterator[Alarm]:
    inputs = look.inputs
    if inputs is None or inputs.shift is None or inputs.shift.low <= rules.max_shift:
        return
    shift = inputs.shift
    yield Alarm(
        look=look.number,
        kind=Kind.INPUT,
        metric="inputs",
        slice=OVERALL,
        direction=None,
        words=f"inputs are of another kind: {inputs.n_samples} samples are told from the frozen "
        f"set by {shift.value:.2f} [{shift.low:.2f}, {shift.high:.2f}] of at most 0.5, "
        f"{rules.max_shift:g} is allowed",
    )


def _reading(stream: Stream, watch: Watch, rules: Rules) -> Reading:
    scores = added(stream.since(watch.series))
    falls = watch.direction is Direction.FALL
    frozen = watch.frozen if falls else watch.frozen.mirrored
    mean = confidence_sequence(scores)
    difference = difference_sequence(frozen, scores)
    return Reading(
        metric=watch.metric,
        slice=watch.slice,
        kind=watch.kind,
        direction=watch.direction,
        n_frozen=watch.frozen.scores.size,
        frozen=frozen.mean,
        mean=mean if isinstance(mean, Estimate) else None,
        difference=difference if isinstance(difference, Estimate) else None,
        evidence=max(0.0, _evidence(stream, watch, rules)) if scores else 0.0,
        alarm=any(
            (one.metric, one.slice, one.direction) == (watch.metric, watch.slice, watch.direction)
            for one in stream.alarms
        ),
    )
