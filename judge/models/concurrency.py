"""How many calls an endpoint is sent at once: more while it takes them, fewer when it refuses."""

START = 20
CUT = 0.75

# Where the endpoint refused lately, so many windows pass before it is tried again.
_PLATEAU = 10
_LIKE = 0.9


class Window:
    """Counts the calls in flight, and moves their limit by what comes of them.

    While nothing was refused, the limit grows by one with each success. A refusal cuts it by a
    quarter, once for all calls that went before the cut. Then it grows by one with each success up
    to just below the limit that was refused, stays there for ten times as many successes as it
    allows calls, and goes on from there by one each time as many succeeded. Only a success while
    the limit is reached counts: otherwise it is not the limit that holds calls back. Any other
    failure than a refusal starts the count anew.

    Args:
        most: calls in flight that the limit never exceeds; at least 1.
        start: where the limit starts, if `most` allows.

    Source: additive increase, multiplicative decrease: Chiu and Jain (1989), Computer Networks
    and ISDN Systems 17(1), 1-14.
    """

    def __init__(self, *, most: int, start: int = START) -> None:
        self._most = most
        self.limit = min(start, most)
        """Calls that may be in flight now."""
        self.in_flight = 0
        self._taken = 0
        self._succeeded = 0
        self._refused_limit: int | None = None
        self._cut_at = float("-inf")

    @property
    def is_full(self) -> bool:
        """Whether no further call may start."""
        return self.in_flight >= self.limit

    def succeeded(self, *, beside: int) -> None:
        """Note that a call was answered that went as one of so many; it is still in flight."""
        self._taken = max(self._taken, beside)
        if self.limit >= self._most or self.in_flight < self.limit:
            return
        self._succeeded += 1
        if self._succeeded >= self._wanted():
            self._succeeded = 0
            self.limit += 1

    def refused(self, *, beside: int, sent: float, now: float, timed: bool) -> bool:
        """Note that a call was refused, and return whether it was for what is in flight.

        Args:
            beside: calls that were in flight when it went, itself included.
            sent: when it went.
            now: when the refusal came.
            timed: whether the endpoint named a time to come back at: then it counts calls in a
                stretch of time, and those in flight are not what it minds.
        """
        self._succeeded = 0
        of_many = not timed and beside > 1 and beside >= _LIKE * self._taken
        self._taken -= 1
        if sent >= self._cut_at:
            self._cut_at = now
            self._refused_limit = beside if of_many else None
            self.limit = max(1, int(self.limit * CUT))
        elif of_many:
            # Of the same burst: the others in flight were taken, or will say so in a moment.
            self.limit = max(1, min(self.limit, self.in_flight - 1))
        return of_many

    def failed(self) -> None:
        """Note that a call failed for another reason than that there were too many."""
        self._succeeded = 0

    def _wanted(self) -> int:
        """Return the successes after which the limit grows."""
        if self._refused_limit is None or self.limit + 1 < self._refused_limit:
            return 1
        return self.limit * (_PLATEAU if self.limit + 1 == self._refused_limit else 1)
