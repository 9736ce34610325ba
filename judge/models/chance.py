"""Whether an endpoint's refusals tell of a limit, or come by chance."""

_MEMORY = 1 - 1 / 64
_SHARE = 0.05


class Chance:
    """The share of calls that were refused, of about the last 64.

    An endpoint behind several machines refuses a call now and then although it has room. Taken for
    a limit, each such refusal would slow everybody: two in a hundred brought a thousand calls a
    second down to five.
    """

    def __init__(self) -> None:
        self._calls = 0.0
        self._refusals = 0.0

    def answered(self) -> None:
        """Note a call that was not refused."""
        self._calls = self._calls * _MEMORY + 1
        self._refusals *= _MEMORY

    def refused(self) -> bool:
        """Note a refusal; return whether there are too many of them to come by chance."""
        self._calls = self._calls * _MEMORY + 1
        self._refusals = self._refusals * _MEMORY + 1
        return self._refusals > 1 + _SHARE * self._calls
