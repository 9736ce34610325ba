"""Texts that lie in a temporary file rather than in memory: written once, then read by anybody."""

import heapq
import os
import tempfile
import weakref
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from judge.errors import DataError

HELD = 2**20
"""Bytes up to which a spool is no file: a small set needs none."""

_BLOCK = 2**17
"""Bytes that are read at once where texts are read in order."""

_SORTED_AT_ONCE = 2**23
"""Bytes that are sorted in memory."""


class Spool:
    """Byte strings by their place, in an unnamed file that is gone when this is.

    Nothing in it changes and each read names its own offset: threads may read at once. Made by a
    `SpoolWriter`.
    """

    def __init__(self, file: "_File | None", held: bytes, ends: "array[int]") -> None:
        self._file = file
        self._held = held
        self._ends = ends

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, place: int) -> bytes:
        ends = self._ends
        return self._read(ends[place], ends[place + 1])

    def read(self, first: int = 0, last: int | None = None) -> Iterator[bytes]:
        """Yield the texts from one place up to another, read in blocks."""
        ends, last = self._ends, len(self) if last is None else last
        while first < last:
            start = ends[first]
            until = min(max(bisect_right(ends, start + _BLOCK) - 1, first + 1), last)
            block = self._read(start, ends[until])
            for place in range(first, until):
                yield block[ends[place] - start : ends[place + 1] - start]
            first = until

    def _read(self, start: int, end: int) -> bytes:
        return self._held[start:end] if self._file is None else self._file.read(start, end)


class SpoolWriter:
    """Takes byte strings one after the other, and hands them over as a spool."""

    def __init__(self) -> None:
        self._file: _File | None = None
        self._waiting = bytearray()
        self._ends = array("Q", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def append(self, text: bytes) -> int:
        """Write a text.

        Returns:
            Its place, counted from 0.

        Raises:
            DataError: there is no room for it.
        """
        self._waiting += text
        self._ends.append(self._ends[-1] + len(text))
        if len(self._waiting) > HELD:
            self._write()
        return len(self) - 1

    def spool(self) -> Spool:
        """Return all that was written; nothing can be added to it."""
        if self._file is None:
            return Spool(None, bytes(self._waiting), self._ends)
        self._write()
        return Spool(self._file, b"", self._ends)

    def _write(self) -> None:
        try:
            if self._file is None:
                self._file = _File()
            self._file.write(self._waiting)
        except OSError as error:
            raise DataError(
                f"texts cannot be put into a temporary file: {error.strerror}; make room in the "
                "folder for them, or name another with TMPDIR"
            ) from error
        self._waiting.clear()


class _File:
    """A temporary file without a name: nobody finds it, and it ends with whoever holds it."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - closed by the next line
        self._number = self._file.fileno()
        weakref.finalize(self, self._file.close)

    def write(self, data: bytearray) -> None:
        with memoryview(data) as left:
            written = 0
            while written < len(left):
                written += self._file.write(left[written:])

    def read(self, start: int, end: int) -> bytes:
        found = os.pread(self._number, end - start, start)
        while len(found) < end - start:  # more than one call returns
            found += os.pread(self._number, end - start - len(found), start + len(found))
        return found


def in_order(texts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield byte strings sorted; of many only a part is in memory at a time."""
    runs = SpoolWriter()
    starts = [0]
    waiting: list[bytes] = []
    size = 0
    for text in texts:
        waiting.append(text)
        size += len(text)
        if size > _SORTED_AT_ONCE:
            starts.append(_put(sorted(waiting), runs))
            waiting, size = [], 0
    if len(starts) == 1:
        return iter(sorted(waiting))
    starts.append(_put(sorted(waiting), runs))
    spool = runs.spool()
    return heapq.merge(*map(spool.read, starts, starts[1:]))


def _put(texts: Iterable[bytes], runs: SpoolWriter) -> int:
    for text in texts:
        runs.append(text)
    return len(runs)
