"""How much one key and one workspace may ask of a service."""

import math
import time
from collections.abc import Callable
from threading import Lock

from judge.web.access import Caller
from judge.web.problems import Problem

REQUESTS_PER_MINUTE = 1200
JOBS = 100

_MINUTE_S = 60.0


class Limits:
    """Counts what each key asks for.

    A key that was quiet for a minute may ask for a minute's worth at once; then it gets that much
    each minute, evenly. Sessions in a browser count with their key.

    Args:
        requests_per_minute: of one key.
        jobs: of one workspace that wait and run.
        clock: the time in seconds, which only grows.
    """

    def __init__(
        self,
        *,
        requests_per_minute: int = REQUESTS_PER_MINUTE,
        jobs: int = JOBS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.jobs = jobs
        self.requests_per_minute = requests_per_minute
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = Lock()

    def refusal(self, caller: Caller) -> Problem | None:
        """Count a request; return why it is refused, None where it may be made."""
        with self._lock:
            now = self._clock()
            left, at = self._left.get(caller.key_id, (float(self.requests_per_minute), now))
            left = min(
                self.requests_per_minute, left + (now - at) * self.requests_per_minute / _MINUTE_S
            )
            may = left >= 1
            self._left[caller.key_id] = (left - 1 if may else left, now)
        if may:
            return None
        wait_s = math.ceil((1 - left) * _MINUTE_S / self.requests_per_minute)
        return Problem(
            429,
            "too_many_requests",
            f"a key may make {self.requests_per_minute} requests a minute; ask again in {wait_s} s",
            headers={"Retry-After": str(wait_s)},
        )
