import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from judge.errors import DataError, MissingExtra
from judge.importers import archive as module
from judge.importers.archive import Archive

Zipped = Callable[..., Path]


def _zstandard_archive(path: Path, name: str, body: bytes, *, crc: int | None = None) -> Path:
    """Write an archive of one member as inspect_ai does: by method 93, which zipfile lacks."""
    packed = zstandard.ZstdCompressor().compress(body)
    checksum = zlib.crc32(body) if crc is None else crc
    fields = (20, 0, 93, 0, 33, checksum, len(packed), len(body), len(name))
    local = b"PK\x03\x04" + struct.pack("<5H3I2H", *fields, 4) + name.encode() + b"more" + packed
    central = b"PK\x01\x02" + struct.pack("<6H3I5H2I", 20, *fields, 0, 0, 0, 0, 0, 0)
    central += name.encode()
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local), 0)
    path.write_bytes(local + central + end)
    return path


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read_by_name(compression: int, zipped: Zipped) -> None:
    path = zipped({"a.json": b"one", "b/c.json": b"two" * 1000}, compression=compression)

    with Archive(path) as archive:
        assert archive.names == ("a.json", "b/c.json")
        assert (archive.read("b/c.json"), archive.read("a.json")) == (b"two" * 1000, b"one")


def test_members_compressed_with_zstandard_are_read(tmp_path: Path) -> None:
    path = _zstandard_archive(tmp_path / "log.eval", "header.json", b"text " * 5000)

    with Archive(path) as archive:
        assert archive.read("header.json") == b"text " * 5000


def test_zstandard_is_optional_and_named_where_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _zstandard_archive(tmp_path / "log.eval", "header.json", b"text")
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)

    with Archive(path) as archive, pytest.raises(MissingExtra, match=r"judge\[inspect\]"):
        archive.read("header.json")


@pytest.mark.parametrize("method", ["deflate", "zstandard"])
def test_a_bomb_is_refused_while_it_unpacks(
    method: str, zipped: Zipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_MEMBER", 3 << 20)
    body = bytes(5 << 20)
    path = (
        zipped({"header.json": body})
        if method == "deflate"
        else _zstandard_archive(tmp_path / "log.eval", "header.json", body)
    )

    with Archive(path) as archive, pytest.raises(DataError) as refused:
        archive.read("header.json")

    assert "log.eval: the member 'header.json' unpacks to more than" in str(refused.value)
    assert "make the log again in smaller parts" in str(refused.value)


def test_a_member_far_larger_than_its_compressed_bytes_is_refused(
    tmp_path: Path,
) -> None:
    # 64 MiB of nothing are some 2 KiB with Zstandard: a deflated member cannot do that.
    path = _zstandard_archive(tmp_path / "log.eval", "header.json", bytes(64 << 20))

    with Archive(path) as archive, pytest.raises(DataError, match="unpacks to more than"):
        archive.read("header.json")


def test_what_is_unpacked_of_one_archive_is_limited(
    zipped: Zipped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TOTAL", 150)
    path = zipped({"a": b"x" * 100, "b": b"y" * 100})

    with Archive(path) as archive:
        archive.read("a")
        with pytest.raises(DataError, match="the member 'b' unpacks to more than"):
            archive.read("b")


def test_too_many_members_are_refused(zipped: Zipped, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_MEMBERS", 2)
    path = zipped({"a": b"", "b": b"", "c": b""})

    with pytest.raises(DataError, match="3 members; at most 2 are read"), Archive(path):
        pass


@pytest.mark.parametrize("name", ["../evil.json", "/etc/passwd", "a/../../b", "..\\evil"])
def test_names_that_lead_out_of_the_archive_are_refused(name: str, zipped: Zipped) -> None:
    path = zipped({"header.json": b"{}", name: b"x"})

    with pytest.raises(DataError, match="leads out of the archive"), Archive(path):
        pass


def test_damage_is_named_with_its_member(zipped: Zipped, tmp_path: Path) -> None:
    path = zipped({"header.json": b"text " * 100}, compression=zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"text text", b"TEXT text", 1))
    other = _zstandard_archive(tmp_path / "other.eval", "header.json", b"text", crc=1)

    for damaged in (path, other):
        with Archive(damaged) as archive, pytest.raises(DataError, match=r"'header\.json' is dam"):
            archive.read("header.json")


@pytest.mark.parametrize("body", [b"PK\x03\x04 and no more", b""])
def test_what_is_no_archive_is_named(body: bytes, tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    path.write_bytes(body)

    with pytest.raises(DataError, match=r"log\.eval: no readable zip archive"), Archive(path):
        pass


def test_a_member_that_is_absent_is_named(zipped: Zipped) -> None:
    with Archive(zipped({"a": b""})) as archive, pytest.raises(DataError, match="'b' is not there"):
        archive.read("b")


def test_a_method_that_is_not_read_is_named(zipped: Zipped) -> None:
    path = zipped({"a": b"text" * 100}, compression=zipfile.ZIP_LZMA)

    with Archive(path) as archive, pytest.raises(DataError, match=r"not read \(14\)"):
        archive.read("a")


def test_an_encrypted_member_is_refused(zipped: Zipped) -> None:
    path = zipped({"a": b"text"}, compression=zipfile.ZIP_STORED)
    body = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(body) as archive:
        start = archive.start_dir
    data = bytearray(path.read_bytes())
    data[start + 8] |= 1
    path.write_bytes(data)

    with Archive(path) as archive, pytest.raises(DataError, match="is encrypted"):
        archive.read("a")
