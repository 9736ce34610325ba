"""JSON of other tools, read within limits of size and depth, with the place of what is wrong."""

from collections.abc import Iterator
from pathlib import Path

from judge.errors import DataError
from judge.records.strict_json import JsonValue, StrictJsonError, read_strict_json

MAX_DOCUMENT = 1 << 28
"""Bytes of the longest JSON document that is read (256 MiB): it stands in memory several times."""
MAX_LINE = 1 << 25
"""Bytes of the longest line that is read (32 MiB)."""

_UTF8_BOM = b"\xef\xbb\xbf"
_MIB = 1 << 20


def read_document(path: Path) -> JsonValue:
    """Read a file that is one JSON document; NaN and Infinity are read as null.

    Raises:
        DataError: it is absent, too large, not UTF-8 or no JSON; the message names the place.
    """
    try:
        size = path.stat().st_size
        if size > MAX_DOCUMENT:
            raise DataError(
                f"{path.name} has {size // _MIB:,} MiB; a JSON document of more than "
                f"{MAX_DOCUMENT // _MIB} MiB is not read: export it in parts, or as JSON lines"
            )
        data = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    return parse(data.removeprefix(_UTF8_BOM), place=path.name)


def read_lines(path: Path) -> Iterator[tuple[str, JsonValue]]:
    """Yield the JSON document of each line that is not empty, with the place of the line.

    Raises:
        DataError: the file is absent, a line is too long, not UTF-8 or no JSON.
    """
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                place = f"{path.name} line {number}"
                if len(line) > MAX_LINE:
                    raise DataError(
                        f"{place}: longer than {MAX_LINE // _MIB} MiB; one record must fit there: "
                        "split it, or leave out what is no text"
                    )
                if number == 1:
                    line = line.removeprefix(_UTF8_BOM)
                if line.strip():
                    yield place, parse(line, place=place)
    except OSError as error:
        raise unreadable(path, error) from error


def parse(data: bytes, *, place: str) -> JsonValue:
    """Read one JSON document; NaN and Infinity are read as null.

    Raises:
        DataError: it is not UTF-8 or no JSON; the message names the place.
    """
    try:
        return read_strict_json(data.decode("utf-8"), not_finite_as_null=True)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{place}: not UTF-8 (byte 0x{error.object[error.start]:02x}); save it as UTF-8"
        ) from error
    except StrictJsonError as error:
        raise DataError(f"{place}: unreadable JSON: {error}") from error


def unreadable(path: Path, error: OSError) -> DataError:
    """Return what says that a file cannot be read."""
    return DataError(f"{path}: cannot be read: {error.strerror or error}")
