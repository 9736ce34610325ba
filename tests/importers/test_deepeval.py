import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from judge.errors import DataError
from judge.importers.imported import ONLY_SYSTEM, Imported

Read = Callable[[Path], Imported]
Document = Callable[[str], dict[str, Any]]
RUN = "deepeval.json"


def _written(folder: Path, run: object) -> Path:
    path = folder / "run.json"
    path.write_text(json.dumps(run))
    return path


def _as_result(run: dict[str, Any]) -> dict[str, Any]:
    """Return a run as `EvaluationResult.model_dump_json` writes it."""
    return {
        "test_results": [
            {
                "name": case["name"],
                "input": case["input"],
                "actual_output": case["actualOutput"],
                "expected_output": case["expectedOutput"],
                "metadata": case["metadata"],
                "metrics_data": case["metricsData"],
            }
            for case in run["testCases"]
        ]
    }


@pytest.mark.parametrize("form", ["full run", "latest run", "result"])
def test_every_form_of_a_run_gives_the_same_rows(
    form: str, read: Read, document: Document, tmp_path: Path
) -> None:
    run: dict[str, Any] = document(RUN)
    if form == "latest run":
        run = {"testRunData": run, "lastTestRunLink": None}
    elif form == "result":
        run = _as_result(run)

    found = read(_written(tmp_path, run))

    assert found.tool == "a DeepEval test run"
    assert found.systems == (ONLY_SYSTEM if form == "result" else "student-135m",)
    assert [(one.item_id, one.input, one.references) for one in found.items] == [
        (f"case{k}", f"ask {k}", (f"right {k}",)) for k in range(4)
    ]
    assert found.items[0].metadata["kind"] == "a"
    assert [one.output for one in found.outputs] == ["right 0", "wrong 1", None, "wrong 3"]
    verdicts = [(one.item_id, one.judge, one.label, one.reply) for one in found.verdicts]
    assert verdicts == [
        ("case0", "Correctness", "pass", "so"),
        ("case1", "Correctness", "fail", "so"),
        ("case3", "Correctness", "fail", "so"),
    ]
    assert found.left_out["measurements of Faithfulness that failed"] == 1


def test_time_and_cost_are_taken_and_conversations_counted(files: Path, read: Read) -> None:
    found = read(files / RUN)

    assert found.outputs[0].took == {"latency_ms": 500.0, "cost": 0.002}
    assert found.left_out["conversations of several turns"] == 1
    number = "the number of Correctness (taken is whether it reached its threshold)"
    assert found.left_out[number] == 3


def test_cases_of_one_name_are_told_apart_by_their_number(
    read: Read, document: Document, tmp_path: Path
) -> None:
    run = document(RUN)
    for case in run["testCases"]:
        case["name"] = "test_answers"

    assert [one.item_id for one in read(_written(tmp_path, run)).items] == ["1", "2", "3", "4"]


def test_metrics_that_are_formulas_are_no_judges(
    read: Read, document: Document, tmp_path: Path
) -> None:
    run = document(RUN)
    run["testCases"][0]["metricsData"][0]["name"] = "Exact Match"

    found = read(_written(tmp_path, run))

    assert found.left_out["scores of Exact Match, which is a formula and no judge"] == 1


@pytest.mark.parametrize(
    ("cases", "problem"),
    [
        (
            [{"name": "x"}],
            "run.json: testCases[0]: no test case of DeepEval: it needs the key 'inp",
        ),
        ([3], "run.json: testCases[0]: no test case"),
        ([], "run.json was recognised as a DeepEval test run, but holds no record"),
    ],
)
def test_another_shape_is_named_with_its_place(
    cases: list[object], problem: str, read: Read, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as refused:
        read(_written(tmp_path, {"testCases": cases}))

    assert problem in str(refused.value)
