import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from judge.importers.imported import Imported
from judge.importers.plain import Holds
from judge.importers.recognise import read_foreign
from judge.records.strict_json import JsonValue

FILES = Path(__file__).parent / "files"


@pytest.fixture
def files() -> Path:
    """Return the folder of small files, each of one tool, in the format it documents."""
    return FILES


@pytest.fixture
def read() -> Callable[[Path], Imported]:
    """Return what recognises and reads a file that must be of another tool or a table."""

    def read_one(path: Path) -> Imported:
        found = read_foreign(path, holds=Holds.ANYTHING)
        assert found is not None
        return found

    return read_one


@pytest.fixture
def document() -> Callable[[str], dict[str, JsonValue]]:
    """Return what loads one of the small files, to be changed."""

    def load(name: str) -> dict[str, JsonValue]:
        loaded = json.loads((FILES / name).read_text())
        assert isinstance(loaded, dict)
        return loaded

    return load


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes an archive of members."""

    def write(members: Mapping[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / "log.eval"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, body in members.items():
                archive.writestr(name, body)
        return path

    return write
