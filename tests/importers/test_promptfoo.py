import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from judge.errors import DataError
from judge.importers.imported import Imported

Read = Callable[[Path], Imported]
Document = Callable[[str], dict[str, Any]]
RESULTS = "promptfoo.json"


def _written(folder: Path, results: dict[str, Any]) -> Path:
    path = folder / "results.json"
    path.write_text(json.dumps(results))
    return path


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_every_provider_is_a_system_and_every_test_an_item(
    kind: str, files: Path, read: Read, document: Document, tmp_path: Path
) -> None:
    path = files / RESULTS
    if kind == "jsonl":
        path = tmp_path / "results.jsonl"
        rows = document(RESULTS)["results"]["results"]
        path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))

    found = read(path)

    assert found.tool == "promptfoo results"
    assert found.systems == ("teacher", "student")
    assert [(one.item_id, one.input, one.references) for one in found.items] == [
        (str(k), f"Please: Q{k + 1}?", (f"A{k + 1}",)) for k in range(4)
    ]
    assert found.items[0].metadata == {"question": "Q1?", "kind": "easy"}
    outputs = {(one.system, one.item_id): one for one in found.outputs}
    first = outputs["teacher", "0"]
    assert (first.output, first.took) == (
        "Answer Q1?",
        {"latency_ms": 3, "cost": 0.001, "input_tokens": 6, "output_tokens": 4},
    )
    failed = outputs["student", "2"]
    assert (failed.output, failed.error) == (None, "boom")


def test_what_a_model_judged_becomes_verdicts_and_other_checks_are_counted(
    files: Path, read: Read
) -> None:
    found = read(files / RESULTS)

    verdicts = {(one.judge, one.system, one.item_id): one for one in found.verdicts}
    assert verdicts["Rightness", "teacher", "0"].label == "pass"
    assert verdicts["Rightness", "student", "0"].label == "fail"
    assert verdicts["llm-rubric", "teacher", "2"].reply == "because"
    assert ("llm-rubric", "student", "2") not in verdicts  # there was no output to judge
    assert found.scales["factuality"] == ("fail", "pass")
    assert found.left_out == {
        "checks by contains, which no model judged": 2,
        "checks by equals, which no model judged": 2,
    }


def test_several_prompts_are_several_systems_on_the_same_items(
    read: Read, document: Document, tmp_path: Path
) -> None:
    results = document(RESULTS)
    for row in results["results"]["results"]:
        if row["promptIdx"] == 1:
            row["provider"] = {"id": "model"}
            row["prompt"] = {"raw": f"Now: {row['vars']['question']}", "label": "Now: {{question}}"}
        else:
            row["provider"] = "model"

    found = read(_written(tmp_path, results))

    assert found.systems == ("model prompt 1", "model prompt 2")
    assert found.items[0].input == "Q1?"
    assert found.became["prompt 'Now: {{question}}'"] == "system (... prompt 2)"


def test_a_right_answer_stands_in_an_assertion_where_no_variable_holds_it(
    read: Read, document: Document, tmp_path: Path
) -> None:
    results = document(RESULTS)
    for row in results["results"]["results"]:
        del row["vars"]["expected"]

    found = read(_written(tmp_path, results))

    assert [one.references for one in found.items] == [(), (), (), ("A4",)]


def test_a_chat_is_read_as_its_messages_and_an_object_as_its_json(
    read: Read, document: Document, tmp_path: Path
) -> None:
    results = document(RESULTS)
    for row in results["results"]["results"]:
        row["prompt"]["raw"] = json.dumps(
            [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi"}]
        )
        if "output" in row["response"]:
            row["response"]["output"] = {"b": 1, "a": 2}

    found = read(_written(tmp_path, results))

    assert found.items[0].input == "system: Be short.\n\nuser: Hi"
    assert found.outputs[0].output == '{"a":2,"b":1}'


def test_answers_out_of_a_cache_say_nothing_of_time_and_cost(
    read: Read, document: Document, tmp_path: Path
) -> None:
    results = document(RESULTS)
    for row in results["results"]["results"]:
        row["response"]["cached"] = True

    found = read(_written(tmp_path, results))

    assert found.outputs[0].took == {"input_tokens": 6, "output_tokens": 4}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"version": 9}, "results.json: results.version: 9 is not known; known are 2, 3, 4"),
        ({"results": [{"vars": {}}]}, "results.json: results.results[0]: no result of promptfoo"),
        ({"results": []}, "results.json was recognised as promptfoo results, but holds no record"),
    ],
)
def test_another_version_or_shape_is_named_with_its_place(
    change: dict[str, Any], problem: str, read: Read, document: Document, tmp_path: Path
) -> None:
    results = document(RESULTS)
    results["results"] |= change

    with pytest.raises(DataError) as refused:
        read(_written(tmp_path, results))

    assert problem in str(refused.value)
