from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from judge.reports.monitors import (
    OUTPUT_LENGTH,
    SHARES,
    Alarm,
    Direction,
    InputLook,
    Kind,
    Look,
    Rules,
    SentinelLook,
    Stream,
    Watch,
    looked,
    next_input_level,
    readings,
    series_of,
    watches,
)
from judge.stats.betting import tally
from judge.stats.estimate import Estimate
from judge.stats.shift import population_shift

NOW = datetime(2026, 5, 1, tzinfo=UTC)
QUALITY, FORMAT, ALIKE = "equivalence.reference", "adherence.strict", "similarity.reference"
KINDS = {
    QUALITY: Kind.QUALITY,
    FORMAT: Kind.OUTPUT,
    ALIKE: Kind.OUTPUT,
    OUTPUT_LENGTH: Kind.OUTPUT,
}
SLICES = ("overall", "kind=a", "kind=b", "kind=c")
RULES = Rules()
EACH, LOOKS = 100, 10
Scores = Mapping[tuple[str, str], NDArray[np.float64]]


def _scores(rng: np.random.Generator, n: int, share: float) -> Scores:
    """Return scores of a student who is right with a chance of `share`, on three slices."""
    kind = rng.integers(0, 3, n)
    found = {
        QUALITY: (rng.random(n) < share).astype(np.float64),
        FORMAT: (rng.random(n) < 0.95).astype(np.float64),
        ALIKE: rng.beta(12, 3, n),
        OUTPUT_LENGTH: rng.random(n),
    }
    return {
        (metric, name): values if name == "overall" else values[kind == "abc".index(name[-1])]
        for metric, values in found.items()
        for name in SLICES
    }


def _watches(rng: np.random.Generator, n: int, share: float = 0.8) -> tuple[Watch, ...]:
    return watches(_scores(rng, n, share), KINDS, seed=int(rng.integers(2**31)))


def _look(
    scores: Scores,
    *,
    number: int = 1,
    sentinels: Sequence[SentinelLook] = (),
    inputs: InputLook | None = None,
) -> Look:
    return Look(
        number=number,
        run_id=f"r{number}",
        at=NOW,
        n_samples=max((values.size for values in scores.values()), default=0),
        scores={series_of(*key): tally(values) for key, values in scores.items()},
        sentinels=tuple(sentinels),
        inputs=inputs,
    )


def _stream(
    rng: np.random.Generator, *, frozen: int, shares: Sequence[float], inputs: bool = False
) -> Stream:
    """Return a stream up to its first alarm: samples, certified verdicts and perhaps inputs."""
    watched, stream = _watches(rng, frozen), Stream(baseline="r")
    known = rng.normal(size=(frozen, 16))
    for number, share in enumerate(shares, start=1):
        test, level = next_input_level(stream, RULES)
        shift = (
            population_shift(known, rng.normal(size=(EACH, 16)), rng=rng, level=level)
            if inputs
            else None
        )
        told = InputLook(
            test=test, n_samples=EACH, shift=shift if isinstance(shift, Estimate) else None
        )
        again = SentinelLook(metric=QUALITY, n=30, differ=int(rng.binomial(30, 0.03)))
        look = _look(
            _scores(rng, EACH, share),
            number=number,
            sentinels=[again],
            inputs=told if inputs else None,
        )
        stream = looked(stream, look, watched=watched, rules=RULES)
        if stream.alarms:
            break
    return stream


def test_the_chance_of_a_false_alarm_is_dealt_out_once() -> None:
    watched = _watches(np.random.default_rng(0), 600)

    by_kind = {
        kind: sum(watch.share for watch in watched if watch.kind is kind)
        for kind in (Kind.QUALITY, Kind.OUTPUT)
    }
    assert by_kind == {
        Kind.QUALITY: pytest.approx(SHARES[Kind.QUALITY]),
        Kind.OUTPUT: pytest.approx(SHARES[Kind.OUTPUT]),
    }
    assert sum(SHARES.values()) == pytest.approx(1)
    overall = next(w for w in watched if (w.metric, w.slice) == (QUALITY, "overall"))
    assert overall.share == pytest.approx(0.3)


def test_who_is_left_out_leaves_the_chances_of_the_others_as_they_are() -> None:
    rng = np.random.default_rng(1)
    scores = _scores(rng, 600, 0.8)

    all_of_them = watches(scores, KINDS, seed=0)
    some = watches(scores, KINDS, seed=0, left_out={(QUALITY, name) for name in SLICES})

    assert {watch.metric for watch in some} == {FORMAT, ALIKE, OUTPUT_LENGTH}
    shares = {(w.series, w.direction): w.share for w in all_of_them}
    assert all(shares[w.series, w.direction] == w.share for w in some)


def test_only_a_length_may_grow_too_much_and_a_small_slice_is_not_watched() -> None:
    scores = dict(_scores(np.random.default_rng(2), 600, 0.8))
    scores[QUALITY, "kind=a"] = np.ones(19)

    watched = watches(scores, KINDS, seed=0)

    assert {w.metric for w in watched if w.direction is Direction.RISE} == {OUTPUT_LENGTH}
    assert (QUALITY, "kind=a") not in {(w.metric, w.slice) for w in watched}


def test_a_fall_on_one_slice_is_an_alarm_there_that_is_raised_once() -> None:
    rng = np.random.default_rng(3)
    watched, stream = _watches(rng, 2000), Stream(baseline="r")
    for number in (1, 2):
        scores = {**_scores(rng, 600, 0.8), (QUALITY, "kind=b"): np.repeat([0.0, 1.0], 100)}
        stream = looked(stream, _look(scores, number=number), watched=watched, rules=RULES)

    assert [(one.look, one.kind, one.slice) for one in stream.alarms] == [
        (1, Kind.QUALITY, "kind=b")
    ]
    alarmed = [one for one in readings(stream, watched=watched, rules=RULES) if one.alarm]
    assert [(one.metric, one.slice) for one in alarmed] == [(QUALITY, "kind=b")]
    assert alarmed[0].difference is not None
    assert alarmed[0].difference.high < 0
    assert alarmed[0].evidence >= 1


def test_longer_outputs_are_an_alarm_as_shorter_ones_are() -> None:
    rng = np.random.default_rng(4)
    watched = _watches(rng, 1000)
    longer = {(OUTPUT_LENGTH, "overall"): rng.beta(3, 1, 400)}
    shorter = {(OUTPUT_LENGTH, "overall"): rng.beta(1, 3, 400)}

    ways = []
    for scores in (longer, shorter):
        found = looked(Stream(baseline="r"), _look(scores), watched=watched, rules=RULES)
        ways += [one.direction for one in found.alarms]

    assert ways == [Direction.RISE, Direction.FALL]


def test_certified_verdicts_that_come_out_otherwise_are_the_judges_doing() -> None:
    def alarms(differ: int) -> tuple[Alarm, ...]:
        again = SentinelLook(metric=QUALITY, n=30, differ=differ)
        look = _look({}, sentinels=[again])
        return looked(Stream(baseline="r"), look, watched=(), rules=RULES).alarms

    (found,) = alarms(12)

    assert (found.kind, found.metric) == (Kind.JUDGE, QUALITY)
    assert "changed, not the student: 12 of 30" in found.words
    assert alarms(2) == ()


def test_inputs_of_another_kind_are_an_alarm_beyond_what_is_allowed() -> None:
    def alarms(low: float) -> tuple[Alarm, ...]:
        shift = Estimate(
            value=0.3, low=low, high=0.4, level=0.99, n=900, n_clusters=900, method="area"
        )
        look = _look({}, inputs=InputLook(test=1, n_samples=300, shift=shift))
        return looked(Stream(baseline="r"), look, watched=(), rules=RULES).alarms

    assert [one.kind for one in alarms(0.15)] == [Kind.INPUT]
    assert alarms(0.05) == ()


def test_each_test_of_inputs_spends_less_than_the_one_before() -> None:
    stream = Stream(baseline="r")
    spent = []
    for number in (1, 2, 3):
        test, level = next_input_level(stream, RULES)
        spent.append((1 - level) / 2)
        look = _look({}, number=number, inputs=InputLook(test=test, n_samples=50, shift=None))
        stream = looked(stream, look, watched=(), rules=RULES)

    assert spent == sorted(spent, reverse=True)
    assert sum(spent) < RULES.false_alarms * SHARES[Kind.INPUT]


def test_streams_like_the_set_hardly_ever_alarm_and_ten_points_less_nearly_always_do() -> None:
    rng = np.random.default_rng(5)

    quiet = [_stream(rng, frozen=1000, shares=[0.8] * 5) for _ in range(4)]
    fallen = [_stream(rng, frozen=1000, shares=[0.7] * LOOKS) for _ in range(5)]

    assert sum(bool(stream.alarms) for stream in quiet) == 0
    assert sum(bool(stream.alarms) for stream in fallen) >= 4


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_of_200_streams_at_most_5_in_100_alarm_and_a_fall_of_10_points_is_found_by_90() -> None:
    rng = np.random.default_rng(6)

    quiet = [_stream(rng, frozen=1000, shares=[0.8] * LOOKS, inputs=True) for _ in range(200)]
    fallen = [_stream(rng, frozen=1000, shares=[0.7] * LOOKS) for _ in range(200)]

    false = np.mean([bool(stream.alarms) for stream in quiet])
    found = np.mean([any(a.kind is Kind.QUALITY for a in s.alarms) for s in fallen])
    samples = np.median([stream.n_samples for stream in fallen])
    print(f"false alarms {false:.3f}, falls found {found:.3f}, after {samples:.0f} samples")  # noqa: T201
    assert false <= 0.05
    assert found >= 0.9
