"""The rate an endpoint takes calls at, learned from those it refused."""

_START = 0.98
_STEADY_S = 20.0
_CALM_S = 10.0
_CALM_CUTS = 0.9, 0.97
_CUTS = 0.7, 0.85
_LATE_S = 0.005


class LearnedRate:
    """Spaces calls at the rate at which an endpoint took them between two of its refusals.

    Whoever enforces a rate has nothing left at a refusal. What was taken since the one before,
    over the time in which it was asked at all, is therefore the rate, whatever the size of its
    bucket. Calls then go a little slower, at the rate again after 20 s, and faster and faster from
    there on, until the next refusal: the endpoint may grant more by now.

    Before the first refusal there is no rate, and calls go as they come.

    Source: the shape of the growth is that of CUBIC: Ha, Rhee and Xu (2008), ACM SIGOPS
    Operating Systems Review 42(5), 64-74.
    """

    def __init__(self) -> None:
        self._rate = 0.0
        self._next_at = float("-inf")
        self._refused_at = float("-inf")
        self._sent = 0
        self._refused = 0
        self._from = (float("inf"), 0, 0.0)  # the last refusal: sent when, taken by then, paused

    @property
    def per_minute(self) -> float | None:
        """Calls a minute that the endpoint took lately; None where it refused none."""
        return self._rate * 60 or None

    def ready_at(self) -> float:
        """Return the first moment at which the next call may go."""
        return self._next_at

    def take(self, *, now: float) -> int:
        """Note that a call goes now, and return its number."""
        if self._from[0] > now:
            self._from = (now, 0, 0.0)
        self._sent += 1
        if self._rate:
            # A late timer is made up for, a rest is not.
            due = self._next_at if now - self._next_at <= _LATE_S else now
            self._next_at = due + 1 / self._rate_at(now)
        return self._sent

    def refused(self, number: int, *, sent: float, now: float, paused_s: float) -> None:
        """Note that a call was refused.

        Args:
            number: what `take` returned for it.
            sent: when it went.
            now: when the refusal came.
            paused_s: seconds in all that the endpoint had asked for as pauses before.
        """
        taken = number - 1 - self._refused
        self._refused += 1
        if sent < self._refused_at:
            return  # it went before the last refusal was known
        since, taken_before, paused_before = self._from
        self._from = (sent, taken, paused_s)
        asked_s = sent - since - (paused_s - paused_before)
        if taken > taken_before and asked_s > 0:
            self._learn((taken - taken_before) / asked_s, now=now)
        self._refused_at = now

    def _learn(self, seen: float, *, now: float) -> None:
        if self._rate:
            rate = self._rate_at(now)
            calm = now - self._refused_at >= _CALM_S
            least, most = _CALM_CUTS if calm else _CUTS
            seen = min(max(seen, least * rate), most * rate)
        self._rate = seen
        self._next_at = now

    def _rate_at(self, now: float) -> float:
        steady = (now - self._refused_at) / _STEADY_S
        return self._rate * (_START + (1 - _START) * steady**3)
