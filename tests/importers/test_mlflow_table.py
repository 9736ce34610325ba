import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.importers.imported import Imported

Read = Callable[[Path], Imported]
TABLE, TRACES = "mlflow_eval_results_table.json", "mlflow_traces.json"


def test_scores_with_reasons_are_verdicts_and_others_formulas(files: Path, read: Read) -> None:
    found = read(files / TABLE)

    assert found.tool == "an MLflow evaluation table"
    assert [(one.item_id, one.input, one.references) for one in found.items][:2] == [
        ("1", "Capital of France?", ("Paris",)),
        ("2", "Capital of Italy?", ("Rome",)),
    ]
    assert found.items[0].metadata == {"kind": "easy"}
    assert [one.output for one in found.outputs] == ["It is Paris.", "Rome", "Barcelona", None]
    assert found.outputs[1].took == {"latency_ms": 500.0}
    said = [(one.judge, one.item_id, one.label, one.reply) for one in found.verdicts]
    assert said[:3] == [
        ("answer_correctness", "1", "4", "close"),
        ("tone", "1", "1", "so"),
        ("answer_correctness", "2", "5", "right"),
    ]
    assert found.scales == {"answer_correctness": ("1", "2", "3", "4", "5")}
    assert found.left_out == {
        "scores by exact_match, which is a formula and no judge": 4,
        "measurements of answer_correctness that failed": 1,
    }


def test_traces_hold_what_people_and_models_said_of_them(files: Path, read: Read) -> None:
    found = read(files / TRACES)

    assert [(one.input, one.references) for one in found.items][:2] == [
        ("Capital of France?", ("Paris",)),
        ("Capital of Italy?", ("Rome",)),
    ]
    assert found.items[0].metadata == {"kind": "easy"}
    assert found.outputs[0].took == {"latency_ms": 100, "input_tokens": 8, "output_tokens": 2}
    assert (found.outputs[3].output, found.outputs[3].error) == (
        None,
        "the trace ended in an error",
    )
    assert [(one.question, one.rater, one.label, one.comment) for one in found.ratings] == [
        ("correctness", "ann@example.org", label, "I looked") for label in ("yes",) * 3 + ("no",)
    ]
    assert [(one.judge, one.label, one.reply) for one in found.verdicts] == [
        ("correctness", label, "since") for label in ("yes", "yes", "no", "no")
    ]
    assert found.left_out == {
        "assessments length by code, which is a formula and no judge": 4,
        "expectations expected_facts, which are no right answer as a whole": 4,
        "assessments correctness that were replaced by others": 1,
        "assessments safety that failed": 1,
    }


def test_the_same_question_is_the_same_item_in_the_traces_of_another_run(
    files: Path, read: Read, tmp_path: Path
) -> None:
    rows = json.loads((files / TRACES).read_text())
    other = [{**row, "trace_id": f"tr-9{k}"} for k, row in enumerate(reversed(rows))]
    (tmp_path / "b.json").write_text(json.dumps([*other, other[0]]))

    first, second = read(files / TRACES), read(tmp_path / "b.json")

    assert {one.item_id for one in first.items} == {one.item_id for one in second.items}
    assert second.left_out["further traces of the same request"] == 1


def test_a_spreadsheet_of_traces_says_who_judged_by_its_reasons(
    files: Path, read: Read, tmp_path: Path
) -> None:
    rows = json.loads((files / TRACES).read_text())
    for row in rows:
        row |= {"expected_response/value": "Paris", "words/value": 3}
        row.pop("assessments")
    with (tmp_path / "t.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)  # objects as Python writes them, as pandas does

    found = read(tmp_path / "t.csv")

    assert found.items[0].input == "Capital of France?"
    assert found.items[0].references == ("Paris",)
    assert [one.label for one in found.verdicts] == ["yes", "yes", "no", "no"]
    assert found.outputs[0].took["input_tokens"] == 8
    assert found.left_out == {"values of words, which come without reasons: no judge's": 4}


def test_an_answer_in_json_stays_the_text_that_it_was(read: Read, tmp_path: Path) -> None:
    text = '{"total":  3}'
    row = {"inputs": "ask", "outputs": text, "right/v1/score": 5, "right/v1/justification": "so"}
    (tmp_path / "t.jsonl").write_text(json.dumps(row))

    assert read(tmp_path / "t.jsonl").outputs[0].output == text


def test_a_table_without_outputs_is_named_with_its_columns(read: Read, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text(json.dumps({"inputs": "ask", "toxicity/v1/score": 0.1}))

    with pytest.raises(DataError, match=r"t\.jsonl: no column of this MLflow table looks like an"):
        read(tmp_path / "t.jsonl")
