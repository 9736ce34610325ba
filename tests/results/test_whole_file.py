import stat
from pathlib import Path

import pytest

from judge.errors import ConfigError
from judge.results.whole_file import whole_file


def test_a_file_is_there_when_it_is_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.csv"

    with whole_file(path) as unfinished:
        unfinished.write_text("all of it")
        assert not path.exists()

    assert path.read_text() == "all of it"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_what_fails_half_way_leaves_the_file_of_before_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("of before")

    def write_half() -> None:
        with whole_file(path) as unfinished:
            unfinished.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()

    assert path.read_text() == "of before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    with (
        pytest.raises(ConfigError, match=r"below\.csv cannot be written"),
        whole_file(tmp_path / "file" / "below.csv"),
    ):
        pass
