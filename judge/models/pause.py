"""When an endpoint that asked to be left alone may be asked again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import log2

PATIENCE_S = 300.0
"""The longest pause a run waits for."""

_JITTER = 0.05
_SHORTEST_NEWS_S = 0.005


class Pause:
    """The pause an endpoint asked for, and the opening after it.

    Nothing goes out before the time it stated. Then one call goes, and the number of those that
    went doubles in each stretch in which a refusal would have come back: an endpoint that can take
    a few calls again is not sent all that have waited.

    Args:
        jitter: draws from [0, 1); a pause is longer than asked for by up to 5 %, so that not all
            who were sent away come back in the same moment.
    """

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self.asked_s = 0.0
        """Seconds in all that the endpoint asked for."""
        self._until = float("-inf")
        self._resumes_at = float("-inf")
        self._news_s = _SHORTEST_NEWS_S
        self._sent = 0
        self._opening = False

    @property
    def resumes_at(self) -> float:
        """The moment from which calls may go again; in the past where there is no pause."""
        return self._resumes_at

    def asked(self, seconds: float, *, now: float) -> None:
        """Note that the endpoint asked now to be left alone so long."""
        self._sent, self._opening = 0, True
        if now + seconds > self._until:
            self.asked_s += now + seconds - max(now, self._until)
            self._until = now + seconds
            self._resumes_at = self._until + seconds * _JITTER * self._jitter()

    def refused(self, after_s: float) -> None:
        """Note how long a refusal took to come back."""
        self._news_s += (max(after_s, _SHORTEST_NEWS_S) - self._news_s) / 4

    def ready_at(self) -> float:
        """Return the first moment at which the next call may go."""
        if not self._opening:
            return float("-inf")
        return self._resumes_at + 2 * self._news_s * log2(self._sent + 1)

    def take(self, *, opened: int) -> None:
        """Note that a call goes now; the opening is over when `opened` calls went."""
        if self._opening:
            self._sent += 1
            self._opening = self._sent < opened


def utc_now() -> datetime:
    """Return what the clock on the wall says."""
    return datetime.now(UTC)


def clock_time(now: datetime, *, after_s: float = 0.0) -> str:
    """Return a moment in words, to the second and never too early."""
    moment = now + timedelta(seconds=after_s)
    if moment.microsecond:
        moment = moment.replace(microsecond=0) + timedelta(seconds=1)
    return f"{moment:%H:%M:%S} UTC on {moment:%Y-%m-%d}"
