"""The one event loop of a command, and what Ctrl-C does to it."""

import asyncio
import gc
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from judge.runs.executor import Stop

T = TypeVar("T")

INTERRUPTED = "interrupted"

_MOST_FILES = 65_536


def run_until_done(work: Callable[[Stop], Awaitable[T]]) -> tuple[T, bool]:
    """Run work to its end; return what it returned and whether it was asked to stop.

    The first Ctrl-C lets what is in flight finish and be stored; the second leaves at once.

    Raises:
        KeyboardInterrupt: it was the second; the command line ends with exit code 130.
    """
    stop = Stop()
    _allow_many_connections()
    calm_collector()

    async def main() -> T:
        loop = asyncio.get_running_loop()

        def interrupt() -> None:
            stop.ask(INTERRUPTED)
            # Before the words that invite the second one, or it could get lost.
            loop.remove_signal_handler(signal.SIGINT)
            print(
                "judge: finishing what is in flight; Ctrl-C again to leave at once",
                file=sys.stderr,
            )

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, interrupt)
        return await work(stop)

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(main()), stop.reason == INTERRUPTED
    except KeyboardInterrupt:
        print(
            "judge: left at once; what was stored is kept: judge resume latest goes on from there",
            file=sys.stderr,
        )
        raise


def calm_collector() -> None:
    """Look for garbage less often: to go through all that is loaded cost a tenth of a run."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    if sys.platform == "win32":
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop


def _allow_many_connections() -> None:
    """Take as many open files as the system grants: each call in flight is one."""
    granted, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # some systems grant fewer than they say
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(granted, min(most, _MOST_FILES)), most))
