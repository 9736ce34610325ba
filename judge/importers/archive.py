"""Members of a zip archive, read within limits and never written to a disk."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Self

from judge.errors import DataError, MissingExtra
from judge.importers.documents import unreadable

MAX_MEMBERS = 1_000_000
MAX_MEMBER = 1 << 27
"""Bytes of the largest member that is unpacked (128 MiB)."""
MAX_TOTAL = 1 << 33
"""Bytes that are unpacked of one archive (8 GiB): members are read one after the other."""
MAX_RATIO = 2_000
"""How many times larger a member may be than its compressed bytes, from 1 MiB on."""

_MIB = 1 << 20
_PIECE = 1 << 20
_STORED, _DEFLATED, _ZSTANDARD = 0, 8, 93
_LOCAL_HEADER = 30
_NAME_LENGTH, _EXTRA_LENGTH = slice(26, 28), slice(28, 30)


class Archive:
    """A zip archive whose members are read by name; to be entered.

    What a member's header says of its size is not believed: bytes are counted while they are
    unpacked.

    Raises:
        DataError: it is no zip archive, damaged, holds names that lead out of it, or too many.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unpacked = 0
        self._file: IO[bytes] = io.BytesIO()
        self._archive: zipfile.ZipFile | None = None
        self._members: Mapping[str, zipfile.ZipInfo] = {}

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("rb")
            try:
                self._members = {one.filename: one for one in self._checked()}
            except BaseException:
                self._file.close()
                raise
        except OSError as error:
            raise unreadable(self._path, error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._archive is not None:
            self._archive.close()
        self._file.close()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._members)

    def read(self, name: str) -> bytes:
        """Return a member, unpacked.

        Raises:
            DataError: it is absent, encrypted, damaged, or unpacks to more than the limits.
            MissingExtra: it is compressed with Zstandard, and that is not installed.
        """
        if name not in self._members:
            raise self._error(name, "is not there; the archive is not complete")
        member = self._members[name]
        if member.flag_bits & 1:
            raise self._error(name, "is encrypted; give the archive without a password")
        limit = MAX_MEMBER
        if member.compress_size:
            limit = min(limit, max(_MIB, MAX_RATIO * member.compress_size))
        parts, size = [], 0
        try:
            for part in self._pieces(member):
                size += len(part)
                if size > limit or self._unpacked + size > MAX_TOTAL:
                    raise self._error(
                        name,
                        f"unpacks to more than {min(limit, MAX_TOTAL) // _MIB} MiB; that much is "
                        "not read: make the log again in smaller parts",
                    )
                parts.append(part)
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError) as error:
            raise self._error(name, f"is damaged: {error}") from error
        except OSError as error:
            raise unreadable(self._path, error) from error
        self._unpacked += size
        return b"".join(parts)

    def _checked(self) -> Iterator[zipfile.ZipInfo]:
        try:
            self._archive = zipfile.ZipFile(self._file)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise DataError(f"{self._path.name}: no readable zip archive: {error}") from error
        members = self._archive.infolist()
        if len(members) > MAX_MEMBERS:
            raise DataError(
                f"{self._path.name}: {len(members):,} members; at most {MAX_MEMBERS:,} are read"
            )
        for member in members:
            name = PurePosixPath(member.filename)
            if name.is_absolute() or ".." in name.parts or "\\" in member.filename:
                raise self._error(
                    member.filename, "leads out of the archive: no tool writes such a name"
                )
        yield from members

    def _pieces(self, member: zipfile.ZipInfo) -> Iterator[bytes]:
        if member.compress_type == _ZSTANDARD:
            yield from self._zstandard_pieces(member)
            return
        if member.compress_type not in {_STORED, _DEFLATED}:
            raise self._error(
                member.filename,
                f"is compressed by a method that is not read ({member.compress_type}); write the "
                "log as .json",
            )
        if self._archive is None:
            raise AssertionError("members are read from an archive that was entered")
        with self._archive.open(member) as unpacked:
            while part := unpacked.read(_PIECE):
                yield part

    def _zstandard_pieces(self, member: zipfile.ZipInfo) -> Iterator[bytes]:
        # zipfile reads this method from Python 3.14 on only.
        try:
            import zstandard
        except ImportError as error:
            raise MissingExtra("inspect", needed_for=f"reading {self._path.name}") from error
        self._file.seek(member.header_offset)
        header = self._file.read(_LOCAL_HEADER)
        if len(header) < _LOCAL_HEADER or not header.startswith(b"PK\x03\x04"):
            raise self._error(member.filename, "is damaged: it has no header")
        skipped = sum(
            int.from_bytes(header[part], "little") for part in (_NAME_LENGTH, _EXTRA_LENGTH)
        )
        self._file.seek(skipped, io.SEEK_CUR)
        packed = io.BytesIO(self._file.read(member.compress_size))
        checksum = 0
        try:
            with zstandard.ZstdDecompressor(max_window_size=MAX_MEMBER).stream_reader(
                packed, read_across_frames=True
            ) as unpacked:
                while part := unpacked.read(_PIECE):
                    checksum = zlib.crc32(part, checksum)
                    yield part
        except zstandard.ZstdError as error:
            raise self._error(member.filename, f"is damaged: {error}") from error
        if checksum != member.CRC:
            raise self._error(member.filename, "is damaged: its checksum is another")

    def _error(self, name: str, message: str) -> DataError:
        return DataError(f"{self._path.name}: the member {name[:80]!r} {message}")
