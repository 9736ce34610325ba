import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.models.chat import ChatCall, Completion, Message, Sampling
from judge.models.rate import Bucket, Pace, RateLimit, TokenEstimate

# Tokens of each thing that wants to go out, and the seconds after the one before.
schedules = st.lists(st.tuples(st.floats(0.01, 5000), st.floats(0, 20)), min_size=1, max_size=60)
rates = st.floats(1, 100_000)


def _call(text: str, *, max_tokens: int = 1000) -> ChatCall:
    return ChatCall(
        call_id="one",
        messages=(Message(role="user", content=text),),
        sampling=Sampling(max_tokens=max_tokens),
    )


def _took(tokens_in: int | None, tokens_out: int | None) -> Completion:
    return Completion(
        text="",
        finish_reason="stop",
        model="m",
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        latency_s=0,
    )


def _sent(bucket: Bucket, schedule: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Send everything in turn, as soon as it wants to and may; return moments and sizes."""
    now, sent = 0.0, []
    for size, gap_s in schedule:
        now = max(now + gap_s, bucket.ready_at(size))
        bucket.take(size, now=now)
        sent.append((now, size))
    return sent


@settings(deadline=None)
@given(schedule=schedules, per_minute=rates, burst=st.floats(0.1, 3000))
def test_in_no_stretch_of_time_more_goes_out_than_the_burst_and_the_rate_allow(
    schedule: list[tuple[float, float]], per_minute: float, burst: float
) -> None:
    sent = _sent(Bucket(per_minute, burst=burst), schedule)

    for first, (start, _) in enumerate(sent):
        out = 0.0
        for end, size in sent[first:]:
            out += size
            # One that is larger than the burst goes alone, from a full bucket.
            allowed = max(burst, size) + (end - start) * per_minute / 60
            assert out <= allowed * (1 + 1e-6) + 1e-6


@settings(deadline=None)
@given(schedule=schedules, per_minute=rates, burst=st.floats(0.1, 3000))
def test_a_server_that_enforces_the_same_bucket_refuses_nothing(
    schedule: list[tuple[float, float]], per_minute: float, burst: float
) -> None:
    sent = _sent(Bucket(per_minute, burst=burst), schedule)

    level, then = burst, 0.0
    for now, size in sent:
        level = min(burst, level + (now - then) * per_minute / 60)
        assert level >= min(size, burst) * (1 - 1e-6) - 1e-6
        level, then = level - size, now


def test_under_load_nothing_of_the_rate_is_left_unused() -> None:
    sent = _sent(Bucket(1200, burst=1), [(1.0, 0.0)] * 1000)

    assert sent[-1][0] == pytest.approx(999 / 20)


def test_what_is_larger_than_a_whole_minute_goes_and_the_next_waits_until_it_is_paid() -> None:
    bucket = Bucket(600, burst=1)

    sent = _sent(bucket, [(3000.0, 0.0), (1.0, 0.0)])

    assert sent == [(0.0, 3000.0), (pytest.approx(300), 1.0)]


def test_a_call_waits_for_requests_and_tokens_whichever_is_scarcer() -> None:
    pace = Pace(RateLimit(requests_per_minute=60, tokens_per_minute=6000))

    moments = []
    for size in (50.0, 50.0, 500.0, 50.0):
        moments.append(max(0.0, pace.ready_at(size)))
        pace.take(size, now=moments[-1])

    # One request a second; and the 500 tokens take 5 s to pay.
    assert moments == [0.0, 1.0, 2.0, 7.0]


def test_a_limit_that_nobody_set_bounds_nothing() -> None:
    pace = Pace(RateLimit(requests_per_minute=60))

    assert pace.size(_call("x" * 1000)) == 0
    assert pace.ready_at(1e9) == float("-inf")


def test_tokens_are_expected_by_what_earlier_calls_took() -> None:
    estimate = TokenEstimate()
    first = estimate.tokens(_call("x" * 400))

    for _ in range(30):
        estimate.learn(_call("x" * 300), _took(200, 40))

    assert first == 400 / 4 + 1000  # nothing is known: the reply may be as long as it may
    assert estimate.tokens(_call("x" * 600)) == pytest.approx(400 + 40)
    assert estimate.tokens(_call("x" * 600, max_tokens=10)) == pytest.approx(400 + 10)


def test_an_endpoint_that_counts_nothing_leaves_the_expectation_as_it_is() -> None:
    estimate = TokenEstimate()

    estimate.learn(_call("x" * 400), _took(None, None))

    assert estimate.tokens(_call("x" * 400)) == 1100


def test_over_time_as_many_tokens_go_out_as_are_granted_however_wrong_the_guesses_were() -> None:
    pace = Pace(RateLimit(tokens_per_minute=60_000))
    call, now, used = _call("x" * 400), 0.0, 0

    for number in range(500):
        took = _took(50, (number * 37) % 400)
        size = pace.size(call)
        now = max(now, pace.ready_at(size))
        pace.take(size, now=now)
        pace.answered(call, took, size=size)
        used += 50 + (number * 37) % 400

    assert used / now == pytest.approx(1000, rel=0.02)


def test_a_call_that_was_refused_costs_no_tokens_and_one_that_did_not_go_costs_nothing() -> None:
    refused = Pace(RateLimit(requests_per_minute=60, tokens_per_minute=600))
    given_back = Pace(RateLimit(requests_per_minute=60, tokens_per_minute=600))

    for pace in (refused, given_back):
        pace.take(600.0, now=0.0)
    refused.refused(size=600.0)
    given_back.give_back(600.0)

    assert refused.ready_at(600.0) == 1.0
    assert given_back.ready_at(600.0) == 0.0
