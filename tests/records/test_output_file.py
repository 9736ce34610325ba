import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from judge.errors import ConfigError, DataError
from judge.records.output_file import Made, OutputFile, made_beside, read_made

IDENTITY = {"model": "m", "prompt": "p"}


def _file(path: Path, identity: Mapping[str, str] = IDENTITY, **fields: str) -> OutputFile:
    return OutputFile(path, fields=fields, identity=identity)


def _rows(path: Path) -> list[object]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_rows_are_there_as_soon_as_they_are_written_by_the_names_of_the_file(
    tmp_path: Path,
) -> None:
    path = tmp_path / "o.jsonl"

    with _file(path, id="key", output="answer") as file:
        file.write({"id": "1", "output": "a", "cost": None})

        assert _rows(path) == [{"key": "1", "answer": "a"}]


def test_outputs_are_kept_and_failures_and_a_row_cut_off_by_a_crash_are_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "o.jsonl"
    with _file(path) as file:
        file.write({"id": "1", "output": "a", "cost": 0.5})
        file.write({"id": "2", "output": None, "error": "unavailable: x"})
    with path.open("ab") as torn:
        torn.write(b'{"id":"3","outp')

    with _file(path) as file:
        assert (sorted(file.kept), file.spent) == (["1"], 0.5)
        file.write({"id": "3", "output": "c"})

    assert [row["id"] for row in _rows(path) if isinstance(row, dict)] == ["1", "3"]


def test_times_over_several_sittings_add_up(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    for outputs in (3, 5):
        with _file(path) as file:
            file.note(batch="up to 8 at once", seconds=2.0, outputs=outputs)

    assert read_made(path) == Made(
        identity=IDENTITY, batch="up to 8 at once", seconds=4.0, outputs=8
    )


def test_outputs_that_were_made_otherwise_are_not_mixed_with(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    with _file(path):
        pass

    with pytest.raises(ConfigError, match="made otherwise: prompt changed"):
        _file(path, {**IDENTITY, "prompt": "q"})


def test_a_file_that_was_not_made_here_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    path.write_text('{"id": 1, "output": "a"}\n')

    with pytest.raises(ConfigError, match="not made here"):
        _file(path)


def test_outputs_go_into_jsonl_alone(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.jsonl"):
        _file(tmp_path / "o.csv")


def test_a_broken_note_is_named(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    made_beside(path).write_text("{")

    with pytest.raises(DataError, match=r"o\.made\.json: cannot be read"):
        read_made(path)
