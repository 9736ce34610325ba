from math import exp
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.records.production import Conditions, Produced, Production, read_production
from judge.records.reading import OutputSource
from judge.records.record import Role, System


def _source(path: Path, text: str, **fields: str) -> OutputSource:
    path.write_text(text, encoding="utf-8")
    return OutputSource(system=System(name="s", role=Role.STUDENT), path=path, fields=fields)


def _read(source: OutputSource) -> Production:
    return read_production(source, Conditions())


def test_what_a_row_says_is_read_and_what_it_does_not_say_stays_unknown(tmp_path: Path) -> None:
    rows = (
        '{"id": 1, "output": "a", "latency_ms": 12.5, "input_tokens": 7, "cost": 0}\n'
        '{"id": 2, "output": "b", "ms": 3, "cost": null}\n'
        '{"id": 3, "output": null, "error": "judge_unavailable: no answer"}\n'
    )

    found = _read(_source(tmp_path / "o.jsonl", rows))

    assert found.outputs == {
        "1": Produced(latency_ms=12.5, input_tokens=7, cost=0.0),
        "3": Produced(error="judge_unavailable: no answer"),
    }


def test_columns_of_another_name_and_cells_of_a_csv_are_read(tmp_path: Path) -> None:
    text = "id,output,ms,output_tokens\n1,a,12.5,7\n2,b,,\n"

    found = _read(_source(tmp_path / "o.csv", text, latency_ms="ms"))

    assert found.outputs == {"1": Produced(latency_ms=12.5, output_tokens=7)}


def test_a_file_that_says_nothing_is_known_for_its_conditions_alone(tmp_path: Path) -> None:
    source = _source(tmp_path / "o.jsonl", '{"id": 1, "output": "a"}\n')

    assert not _read(source).is_known
    assert read_production(source, Conditions(hardware="1 x H100")).is_known


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latency_ms", "-1"),
        ("latency_ms", '"fast"'),
        ("cost", "true"),
        ("input_tokens", "1.5"),
        ("output_tokens", "[]"),
    ],
)
def test_what_can_be_no_time_count_or_cost_is_refused_with_row_and_remedy(
    field: str, value: str, tmp_path: Path
) -> None:
    source = _source(tmp_path / "o.jsonl", f'\n{{"id": 1, "output": "a", "{field}": {value}}}\n')

    with pytest.raises(DataError, match=rf"o\.jsonl line 2: '{field}' must be .*leave it out"):
        _read(source)


def test_a_declared_confidence_wins_over_the_tokens_probability(tmp_path: Path) -> None:
    rows = (
        '{"id": 1, "output": "a", "confidence": 0.5, "logprobs": [-0.1]}\n'
        '{"id": 2, "output": "a", "logprobs": [-1, -3]}\n'
        '{"id": 3, "output": "a", "logprobs": []}\n'
    )

    found = _read(_source(tmp_path / "o.jsonl", rows)).outputs

    assert found["1"].confidence == 0.5
    assert found["2"].confidence == pytest.approx(exp(-2))
    assert found.keys() == {"1", "2"}


def test_a_confidence_in_a_csv_cell_is_read_and_an_empty_one_is_none(tmp_path: Path) -> None:
    found = _read(_source(tmp_path / "o.csv", "id,output,confidence\na,x,0.25\nb,x,\n"))

    assert found.outputs == {"a": Produced(declared_confidence=0.25)}
    assert not found.tells_its_making


@pytest.mark.parametrize("value", ["1.2", "-1", '"much"', "true", "[]"])
def test_what_is_no_probability_is_refused_with_row_and_remedy(value: str, tmp_path: Path) -> None:
    text = f'{{"id": 1, "output": "a"}}\n{{"id": 2, "output": "a", "confidence": {value}}}\n'

    with pytest.raises(DataError, match=r"o\.jsonl line 2: 'confidence' must be .* leave it out"):
        _read(_source(tmp_path / "o.jsonl", text))


def test_a_confidence_that_is_no_number_is_refused(tmp_path: Path) -> None:
    jsonl = _source(tmp_path / "o.jsonl", '{"id": 1, "output": "a", "confidence": NaN}\n')
    csv = _source(tmp_path / "o.csv", "id,output,confidence\na,x,nan\n")

    with pytest.raises(DataError, match=r"o\.jsonl line 1: .*NaN"):
        _read(jsonl)
    with pytest.raises(DataError, match=r"o\.csv line 2: 'confidence' must be a probability"):
        _read(csv)
