"""Texts of training files of any size, read line by line, each with the line it came from."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias

import msgspec

from judge.errors import DataError, did_you_mean

MAX_LINE = 1 << 25
"""Bytes of the longest row that is read (32 MiB): it has to fit in memory several times."""

_MAX_CELL = 131_072  # the csv module's own limit, which belongs to the whole process
_TEXT_PIECE = 1 << 20  # bytes of a line of running text that are read at once
_UNNAMED = "without a name"  # a cell beyond those the header names
_HEAD = 4096
_GZIP = b"\x1f\x8b"
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
_UTF8_BOM = b"\xef\xbb\xbf"
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_ROWS = {".jsonl", ".ndjson", *_DELIMITERS}
_RUNNING_TEXT = {".txt", ".text", ".md"}
_Lines: TypeAlias = "Iterator[tuple[int, bytes | None]]"


class Passage(NamedTuple):
    """One text of a training file.

    Attributes:
        row: passages of one row read on from each other; in running text all lines are one row.
        line: the line it stands on, from 1; in CSV the last line of its row.
        column: the column it stands in; empty in running text.
    """

    row: int
    line: int
    column: str
    text: str


class Unread(NamedTuple):
    """A row that could not be read."""

    line: int
    reason: str


def read_training(path: Path, *, columns: Sequence[str] = ()) -> Iterator[Passage | Unread]:
    """Yield every text of a training file, in memory that does not grow with the file.

    JSONL and CSV (also ``.tsv``) rows give the texts of their columns, of lists and objects (chat
    messages) all texts within; a ``.txt`` or ``.md`` file is one running text. Any of them may be
    compressed (``.gz``). Bytes that are not UTF-8 are read as unknown characters.

    Args:
        path: the file.
        columns: only these; empty for all.

    Raises:
        DataError: it is absent, of another kind or binary, damaged, has no text, or no row has one
            of the columns.
    """
    name = path.name.lower().removesuffix(".gz")
    suffix = Path(name).suffix
    if suffix not in _ROWS | _RUNNING_TEXT:
        raise DataError(
            f"{path}: training files are .jsonl, .csv, .tsv, .txt or .md, each also with .gz, "
            f"not {suffix or 'without an ending'!r}"
        )
    wanted = _Columns(columns)
    found = False
    try:
        with _opened(path) as file:
            if suffix in _RUNNING_TEXT:
                passages: Iterator[Passage | Unread] = _running_text(file)
            elif suffix in _DELIMITERS:
                passages = _csv_passages(file, wanted, delimiter=_DELIMITERS[suffix])
            else:
                passages = _jsonl_passages(file, wanted)
            for passage in passages:
                found = found or isinstance(passage, Passage)
                yield passage
    except (OSError, EOFError, zlib.error) as error:  # the last two of a damaged .gz
        why = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read: {why}") from error
    wanted.check(path)
    if not found:
        raise DataError(f"{path.name} holds no text: nothing was searched in it")


class _Columns:
    """The declared columns, and which were met."""

    def __init__(self, declared: Sequence[str]) -> None:
        self._declared = frozenset(declared)
        self._missing = dict.fromkeys(declared)
        self._met: dict[str, None] = {}

    def meet(self, names: Iterable[str]) -> None:
        """Note which columns a row has."""
        if self._missing:
            for name in names:
                self._met[name] = None
                self._missing.pop(name, None)

    def wants(self, name: str) -> bool:
        return not self._declared or name in self._declared

    def check(self, path: Path) -> None:
        for name in self._missing:
            raise DataError(
                f"{path.name}: no row has a column {name!r}{did_you_mean(name, self._met)}; "
                f"there are: {', '.join(map(repr, self._met)) or 'none'}"
            )


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with path.open("rb") as raw:
        packed = path.suffix.lower() == ".gz"
        start = raw.peek(2)[:2]
        if not packed and start == _GZIP:
            raise DataError(f"{path}: it is compressed; give its name the ending .gz")
        file: BinaryIO = raw
        if packed:
            file = io.BufferedReader(gzip.GzipFile(fileobj=raw))
        head = file.read(_HEAD)
        if head.startswith(_WIDE_BOMS):
            raise DataError(f"{path.name}: the file is UTF-16; save it as UTF-8")
        if b"\0" in head:
            raise DataError(f"{path.name}: the file is binary, no text")
        file.seek(len(_UTF8_BOM) if head.startswith(_UTF8_BOM) else 0)
        yield file


def _jsonl_passages(file: BinaryIO, columns: _Columns) -> Iterator[Passage | Unread]:
    for number, line in _lines(file):
        if line is None:
            yield _too_long(number)
        elif line and not line.isspace():
            try:
                row = _decoded(line)
            except (ValueError, RecursionError) as error:
                yield Unread(number, f"no JSON: {error}")
                continue
            if not isinstance(row, dict):
                row = {"": row}
            columns.meet(row)
            for column, value in row.items():
                if columns.wants(column):
                    for text in _texts(value):
                        yield Passage(number, number, column, text)


def _decoded(line: bytes) -> object:
    try:
        return msgspec.json.decode(line)
    except ValueError:  # NaN, half a surrogate pair, bytes that are not UTF-8
        value: object = json.loads(line.decode("utf-8", errors="replace"))
        return value


def _texts(value: object) -> Iterator[str]:
    """Yield the texts within a JSON value, in their order."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            if one:
                yield one
        elif isinstance(one, dict):
            waiting.extend(reversed(one.values()))
        elif isinstance(one, list):
            waiting.extend(reversed(one))


def _csv_passages(
    file: BinaryIO, columns: _Columns, *, delimiter: str
) -> Iterator[Passage | Unread]:
    too_long: list[Unread] = []

    def lines() -> Iterator[str]:
        for number, line in _lines(file):
            if line is None:
                too_long.append(_too_long(number))
            yield "\n" if line is None else line.decode("utf-8", errors="replace") + "\n"

    reader = csv.reader(lines(), delimiter=delimiter)
    header: list[str] | None = None
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            # The reader goes on with the next line.
            yield Unread(reader.line_num, f"no CSV, or a cell of over {_MAX_CELL} bytes: {error}")
            continue
        yield from too_long
        too_long.clear()
        if cells is None:
            return
        if header is None:
            header = cells or None
            columns.meet(cells)
            continue
        for column, text in zip_longest(header[: len(cells)], cells, fillvalue=_UNNAMED):
            if text and columns.wants(column):
                yield Passage(reader.line_num, reader.line_num, column, text)


def _running_text(file: BinaryIO) -> Iterator[Passage]:
    number, rest = 1, b""
    while piece := file.readline(_TEXT_PIECE):
        closed = piece.endswith(b"\n") or len(piece) < _TEXT_PIECE  # or the file ends
        text = rest + piece
        rest = b""
        if not closed:
            # A word that the piece cuts in two belongs to the next.
            end = text.rfind(b" ") + 1 or len(text)
            text, rest = text[:end], text[end:]
        line = text.decode("utf-8", errors="replace").rstrip("\r\n")
        if line.strip():
            yield Passage(0, number, "", line)
        number += closed
    if rest:
        yield Passage(0, number, "", rest.decode("utf-8", errors="replace"))


def _lines(file: BinaryIO) -> _Lines:
    """Yield each line with its number, None for one that is too long, without its end."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if line.endswith(b"\n"):
            yield number, line[:-1].removesuffix(b"\r")
        elif len(line) < MAX_LINE:
            yield number, line
        else:
            while line and not line.endswith(b"\n"):
                line = file.readline(_TEXT_PIECE)  # kept nowhere
            yield number, None


def _too_long(number: int) -> Unread:
    return Unread(number, f"longer than {MAX_LINE >> 20} MiB")
