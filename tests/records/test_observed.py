import json
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.records.dataset import OutputSource
from judge.records.observed import (
    Observed,
    ObservedRun,
    encode_observed,
    observed_in,
    read_observed,
)
from judge.records.record import Role, System


def _source(path: Path) -> OutputSource:
    return OutputSource(system=System(name="s", role=Role.STUDENT), path=path, fields={})


def _jsonl(path: Path, *rows: dict[str, object]) -> OutputSource:
    path.write_text("".join(json.dumps({"output": "x", **row}) + "\n" for row in rows))
    return _source(path)


def test_what_a_row_says_beside_the_output_is_read(tmp_path: Path) -> None:
    source = _jsonl(tmp_path / "s.jsonl", {"id": "a", "confidence": 0.5}, {"id": "b"})

    assert read_observed([source]) == (Observed(item_id="a", system="s", confidence=0.5),)


def test_a_cell_of_a_csv_file_is_read_as_a_number_and_an_empty_one_as_none(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text("id,output,confidence\na,x,0.25\nb,x,\n")

    assert read_observed([_source(path)]) == (Observed(item_id="a", system="s", confidence=0.25),)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"confidence": 1.2}, "'confidence' must be from 0 to 1, not 1.2"),
        ({"confidence": -1}, "'confidence' must be from 0 to 1, not -1"),
        ({"confidence": "much"}, "'confidence'"),
        ({"confidence": True}, "'confidence'"),
    ],
)
def test_a_number_that_cannot_be_is_refused_with_its_row(
    row: dict[str, object], words: str, tmp_path: Path
) -> None:
    source = _jsonl(tmp_path / "s.jsonl", {"id": "a"}, {"id": "b", **row})

    with pytest.raises(DataError, match=r"s\.jsonl line 2") as caught:
        read_observed([source])

    assert words in str(caught.value)


def test_a_run_finds_what_was_observed_of_it_among_the_documents_of_others() -> None:
    mine = Observed(item_id="a", system="s", confidence=0.5)
    bodies = [encode_observed(ObservedRun(run_id=name, records=(mine,))) for name in ("q", "r")]

    assert observed_in(bodies, "r") == (mine,)
    assert observed_in(bodies, "t") == ()
