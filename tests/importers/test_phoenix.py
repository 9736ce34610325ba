import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.importers.imported import Imported

Read = Callable[[Path], Imported]
RUNS, EVALUATED = "phoenix_experiment.json", "phoenix_evaluated.json"


def test_runs_of_an_experiment_hold_verdicts_of_models_and_ratings_of_people(
    files: Path, read: Read
) -> None:
    found = read(files / RUNS)

    assert found.tool == "Phoenix evaluations"
    assert [(one.item_id, one.input, one.references) for one in found.items][:1] == [
        ("RXhhbXBsZTo0", "Capital of France?", ("Paris",))
    ]
    assert [one.output for one in found.outputs] == ["It is Paris.", "Rome", "Barcelona", None]
    assert found.outputs[0].took == {"latency_ms": 120.5, "input_tokens": 9, "output_tokens": 3}
    assert found.outputs[3].error == "timed out"
    assert [(one.judge, one.label) for one in found.verdicts] == [
        ("correctness", "correct"),
        ("correctness", "correct"),
        ("correctness", "incorrect"),
    ]
    assert [(one.question, one.rater, one.label) for one in found.ratings] == [
        ("reviewed", "unknown", label) for label in ("correct",) * 2 + ("incorrect",) * 2
    ]
    assert found.left_out == {
        "annotations contains by code, which is a formula and no judge": 4,
        "annotations correctness without a label or a score": 1,
        "repetitions of a run: an item has one output of a system": 1,
    }


def test_runs_as_a_spreadsheet_say_the_same(files: Path, read: Read, tmp_path: Path) -> None:
    rows = json.loads((files / RUNS).read_text())
    flat = []
    for row in rows:
        cells = {key: value for key, value in row.items() if key != "annotations"}
        cells |= {key: json.dumps(row[key]) for key in ("input", "reference_output")}
        for one in row["annotations"]:
            fields = ("label", "score", "explanation", "annotator_kind", "error")
            cells |= {f"annotation_{one['name']}_{field}": one[field] for field in fields}
        flat.append(cells)
    with (tmp_path / "runs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, flat[0])
        writer.writeheader()
        writer.writerows(flat)

    typed, found = read(files / RUNS), read(tmp_path / "runs.csv")

    assert [one.input for one in found.items] == [one.input for one in typed.items]
    assert [one.references for one in found.items] == [one.references for one in typed.items]
    assert [one.output for one in found.outputs] == [one.output for one in typed.outputs]
    assert [one.took for one in found.outputs] == [one.took for one in typed.outputs]
    assert [one.label for one in found.verdicts] == [one.label for one in typed.verdicts]
    assert [one.label for one in found.ratings] == [one.label for one in typed.ratings]
    assert found.left_out == typed.left_out


def test_evaluated_rows_keep_their_columns_and_give_verdicts(files: Path, read: Read) -> None:
    found = read(files / EVALUATED)

    assert [(one.input, one.references) for one in found.items][:1] == [
        ("Capital of France?", ("Paris",))
    ]
    assert found.items[0].metadata == {"kind": "easy"}
    assert [(one.judge, one.item_id, one.label, one.reply) for one in found.verdicts] == [
        ("correctness", str(k), label, "since")
        for k, label in enumerate(("correct", "correct", "incorrect"), start=1)
    ]
    assert found.left_out == {
        "annotations exact_match by code, which is a formula and no judge": 4,
        "measurements of correctness that failed": 1,
    }


@pytest.mark.parametrize(
    ("last", "problem"),
    [
        ({"example_id": "x"}, r"a\.json: \[5\]: no run of an experiment of Phoenix: it needs the"),
        (
            {"example_id": None, "reference_output": {}, "output": "x", "annotations": []},
            r"a\.json: \[5\]: 'example_id' must be text",
        ),
    ],
)
def test_another_shape_is_named_with_its_place(
    last: object, problem: str, files: Path, read: Read, tmp_path: Path
) -> None:
    rows = json.loads((files / RUNS).read_text())
    (tmp_path / "a.json").write_text(json.dumps([*rows, last]))

    with pytest.raises(DataError, match=problem):
        read(tmp_path / "a.json")
