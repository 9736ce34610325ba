"""What the command line's exit codes mean."""

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    REFUSED = 1
    """The judge is not trusted, a gate failed, or a set is not the frozen one or leaked."""
    BAD_INPUT = 2
    INCONCLUSIVE = 3
    """Too few labels, a stale certificate, rows that could not be read, or an open gate."""
    INCOMPLETE = 4
    """Some records have no final outcome; the run can be resumed."""
    INTERNAL = 5
    INTERRUPTED = 130


_GRAVEST_FIRST = (
    ExitCode.INTERRUPTED,
    ExitCode.INTERNAL,
    ExitCode.BAD_INPUT,
    ExitCode.INCOMPLETE,
    ExitCode.REFUSED,
    ExitCode.INCONCLUSIVE,
)

MEANINGS = (
    "Exit codes: 0 done (also when numbers are withheld), 1 judge not trusted, gate failed, or a "
    "set changed or leaked, 2 usage or bad input, 3 gate inconclusive, too few labels, a stale "
    "certificate or unread rows, 4 incomplete and resumable, 5 internal error, "
    "130 interrupted and resumable."
)


def gravest(codes: Iterable[ExitCode]) -> ExitCode:
    """Return the code to end with where several hold."""
    held = set(codes)
    return next((code for code in _GRAVEST_FIRST if code in held), ExitCode.DONE)
