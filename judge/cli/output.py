"""What commands print and write."""

import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from judge.errors import ConfigError, did_you_mean
from judge.render.page import Page
from judge.render.terminal import show

_PIPE_WIDTH = 160


def print_page(page: Page) -> None:
    """Print a page to stdout, as wide as the terminal is."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    show(page, Console(width=width, highlight=False))


def print_json(body: bytes) -> None:
    """Print JSON to stdout."""
    sys.stdout.write(body.decode())


def check_endings(paths: Sequence[Path], known: Collection[str]) -> None:
    """Check that the ending of each path names a known format.

    Raises:
        ConfigError: one does not.
    """
    for path in paths:
        if path.suffix not in known:
            raise ConfigError(
                f"{path}: unknown format {path.suffix or 'without ending'!r}"
                f"{did_you_mean(path.suffix, known)}; known: {', '.join(known)}"
            )


def write_files(paths: Sequence[Path], makers: Mapping[str, Callable[[], bytes]]) -> None:
    """Write each file in the format its ending names; all endings are checked first.

    Raises:
        ConfigError: an ending names no format, or a file cannot be written.
    """
    check_endings(paths, makers)
    for path in paths:
        write_whole(path, makers[path.suffix]())


def write_whole(path: Path, body: bytes) -> None:
    """Write a file completely or not at all.

    Raises:
        ConfigError: it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(body)
        unfinished.replace(path)  # one atomic step
    except OSError as error:
        with suppress(OSError):  # there may be none
            unfinished.unlink()
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error
