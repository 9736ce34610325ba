import pytest

from judge.models.learned_rate import LearnedRate


class _Server:
    """A bucket of tokens that is asked as fast as a learned rate allows."""

    def __init__(self, rate: float, *, holds: float) -> None:
        self.rate = rate
        self._holds = self._level = holds
        self._then = 0.0
        self.learned = LearnedRate()
        self.taken = self.refused = 0

    def ask_until(self, end: float, *, now: float, unpaced_gap_s: float = 0.01) -> float:
        """Ask again and again; hear of a refusal 10 ms after it."""
        while now < end:
            self._level = min(self._holds, self._level + (now - self._then) * self.rate)
            self._then = now
            number = self.learned.take(now=now)
            if self._level >= 1:
                self._level -= 1
                self.taken += 1
            else:
                self.refused += 1
                self.learned.refused(number, sent=now, now=now + 0.01, paused_s=0)
            now = max(now + unpaced_gap_s, self.learned.ready_at())
        return now


def test_before_the_first_refusal_calls_go_as_they_come() -> None:
    learned = LearnedRate()

    for _ in range(1000):
        learned.take(now=5.0)

    assert learned.ready_at() <= 5.0
    assert learned.per_minute is None


@pytest.mark.parametrize("holds", [1, 5, 20, 100])
def test_it_learns_the_rate_of_a_bucket_whatever_its_size_and_is_hardly_refused(
    holds: int,
) -> None:
    server = _Server(20, holds=holds)

    server.ask_until(300, now=0.0)

    assert server.taken > 0.9 * 20 * 300
    assert server.refused < 0.015 * server.taken
    assert server.learned.per_minute == pytest.approx(1200, rel=0.25)


def test_it_finds_a_rate_that_was_raised_and_one_that_was_lowered() -> None:
    server = _Server(20, holds=20)
    now = server.ask_until(100, now=0.0)

    server.rate, server.taken = 60, 0
    now = server.ask_until(now + 200, now=now)
    raised = server.taken / 200
    server.rate, server.taken, server.refused = 10, 0, 0
    server.ask_until(now + 200, now=now)

    assert raised > 0.75 * 60
    assert server.taken / 200 > 0.9 * 10
    assert server.refused < 60


def test_the_time_of_a_pause_is_not_taken_for_time_in_which_it_was_asked() -> None:
    learned = LearnedRate()
    numbers = [learned.take(now=number / 10) for number in range(10)]  # ten in a second
    learned.refused(numbers[-1], sent=0.9, now=0.9, paused_s=0.0)
    before = learned.per_minute

    # A pause of a minute, then five more and a refusal.
    numbers = [learned.take(now=60.9 + number / 10) for number in range(6)]
    learned.refused(numbers[-1], sent=61.4, now=61.4, paused_s=60.0)

    assert before == pytest.approx(600, rel=0.01)
    assert learned.per_minute is not None
    assert learned.per_minute > 0.7 * 600


def test_the_refusals_of_one_burst_teach_once() -> None:
    learned = LearnedRate()
    numbers = [learned.take(now=number / 10) for number in range(30)]
    learned.refused(numbers[20], sent=2.0, now=2.95, paused_s=0)
    before = learned.per_minute

    for number in numbers[21:]:
        learned.refused(number, sent=2.5, now=3.0, paused_s=0)

    assert learned.per_minute == before
