from datetime import UTC, datetime, timedelta, timezone

import pytest

from judge.models.pause import Pause, clock_time, utc_now


def _punctual() -> Pause:
    return Pause(lambda: 0.0)


def test_without_a_pause_calls_go_at_any_time() -> None:
    pause = _punctual()

    pause.take(opened=5)

    assert pause.ready_at() == float("-inf")


@pytest.mark.parametrize("draw", [0.0, 0.5, 0.999])
def test_nothing_goes_before_the_time_that_was_stated_and_only_a_little_after(draw: float) -> None:
    pause = Pause(lambda: draw)

    pause.asked(100, now=7)

    assert 107 <= pause.ready_at() <= 107 + 5


def test_a_shorter_pause_does_not_cut_a_longer_one_short() -> None:
    pause = _punctual()

    pause.asked(30, now=0)
    pause.asked(1, now=2)

    assert (pause.ready_at(), pause.resumes_at) == (30, 30)


def test_pauses_that_overlap_are_counted_once() -> None:
    pause = _punctual()

    pause.asked(30, now=0)
    pause.asked(30, now=10)
    pause.asked(5, now=100)

    assert pause.asked_s == 45


def test_after_a_pause_one_call_goes_and_their_number_doubles_as_no_refusal_comes_back() -> None:
    pause, moments = _punctual(), []
    for _ in range(100):
        pause.refused(0.5)  # a refusal takes half a second to come back
    pause.asked(10, now=0)

    for _ in range(8):
        moments.append(pause.ready_at())
        pause.take(opened=8)

    assert moments[0] == 10
    assert [moments[number - 1] for number in (2, 4, 8)] == pytest.approx([11, 12, 13])
    assert pause.ready_at() == float("-inf")  # as many as may be in flight: the opening is over


def test_a_moment_is_told_in_utc_and_never_too_early() -> None:
    evening = datetime(2026, 5, 3, 23, 59, 30, 1, tzinfo=timezone(timedelta(hours=0)))

    assert clock_time(evening) == "23:59:31 UTC on 2026-05-03"
    assert clock_time(evening, after_s=60) == "00:00:31 UTC on 2026-05-04"
    assert utc_now().tzinfo is UTC
