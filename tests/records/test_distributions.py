import json
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.records.distributions import (
    Distributions,
    read_distributions,
    speaks_of_distributions,
)
from judge.records.reading import OutputSource
from judge.records.record import Role, System

TOKENS = [{"token": "a", "logprob": -0.5, "top_logprobs": [{"token": "a", "logprob": -0.5}]}]
OTHERS = [{"token": "b", "logprob": -0.5, "top_logprobs": [{"token": "b", "logprob": -0.5}]}]


def _source(path: Path, *rows: dict[str, object]) -> OutputSource:
    path.write_text("".join(json.dumps({"output": "x", **row}) + "\n" for row in rows))
    return OutputSource(system=System(name="s", role=Role.STUDENT), path=path, fields={})


def _read(source: OutputSource, *, own: bool = False) -> list[Distributions]:
    return list(read_distributions(source, own=own))


def test_a_text_a_system_was_forced_to_comes_before_its_own(tmp_path: Path) -> None:
    source = _source(
        tmp_path / "s.jsonl",
        {"id": 1, "logprobs": TOKENS, "forced_logprobs": OTHERS},
        {"id": 2, "logprobs": TOKENS},
        {"id": 3},
    )

    taught, student = _read(source, own=True), _read(source)

    assert [[one.token for one in row.tokens] for row in taught] == [["b"], ["a"]]
    assert [row.item_id for row in student] == ["1"]
    assert speaks_of_distributions(source)


def test_probabilities_of_classes_are_read_and_their_rounding_is_taken_off(tmp_path: Path) -> None:
    third = {"a": 0.33, "b": 0.33, "c": 0.33}
    (found,) = _read(_source(tmp_path / "s.jsonl", {"id": 1, "probabilities": third}))
    csv = tmp_path / "s.csv"
    csv.write_text('id,output,probabilities\n1,x,"{""a"": 0.25, ""b"": 0.75}"\n2,x,\n')
    (cell,) = _read(OutputSource(system=System(name="s", role=Role.STUDENT), path=csv, fields={}))

    assert found.classes == pytest.approx(dict.fromkeys("abc", 1 / 3))
    assert cell.classes == {"a": 0.25, "b": 0.75}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": 0.5, "b": 0.4}, "sums to 0.9"),
        ({"a": 1.5, "b": -0.5}, "gives 'a' the probability 1.5"),
        ({"a": True}, "gives 'a' no number"),
        ({"a": "1"}, "gives 'a' no number"),
        ({"a": None}, "gives 'a' no number"),
        ({}, "sums to 0"),
        ([0.5, 0.5], "is no object"),
        (0.5, "is no object"),
    ],
)
def test_what_is_no_distribution_is_refused_with_row_and_remedy(
    value: object, words: str, tmp_path: Path
) -> None:
    source = _source(tmp_path / "s.jsonl", {"id": 1}, {"id": 2, "probabilities": value})

    with pytest.raises(DataError, match=r"s\.jsonl line 2: 'probabilities' ") as caught:
        _read(source)

    assert words in str(caught.value)
    assert "leave it out" in str(caught.value)


def test_a_file_that_gives_none_need_not_be_read_again(tmp_path: Path) -> None:
    assert not speaks_of_distributions(_source(tmp_path / "s.jsonl", {"id": 1, "logprobs": [-1]}))
