import json
from collections.abc import Callable
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.importers.imported import Imported
from judge.importers.merged import merge

Read = Callable[[Path], Imported]
SPANS, ANNOTATIONS = "phoenix_spans.json", "phoenix_annotations.json"


def test_a_span_is_an_item_and_the_output_of_its_model(files: Path, read: Read) -> None:
    found = read(files / SPANS)

    assert found.tool == "Phoenix spans"
    first, *_, last = found.outputs
    assert (found.items[0].item_id, found.items[0].input) == (
        "67f6740bbe1ddc30",
        "Capital of France?",
    )
    assert found.items[0].metadata == {"kind": "easy"}
    assert (first.system, first.output) == ("student-135m", "It is Paris.")
    assert first.took == {"latency_ms": 250.0, "input_tokens": 9, "output_tokens": 3}
    assert (last.output, last.error) == (None, "timed out")


def test_annotations_find_their_spans_also_where_several_models_answered(
    files: Path, read: Read, tmp_path: Path
) -> None:
    rows = json.loads((files / SPANS).read_text())
    rows[1]["attributes.llm.model_name"] = "teacher"
    (tmp_path / "spans.json").write_text(json.dumps(rows))

    found = merge([read(tmp_path / "spans.json"), read(files / ANNOTATIONS)])

    assert [(one.system, one.rater, one.label, one.comment) for one in found.ratings] == [
        ("student-135m", "VXNlcjox", "correct", "I looked"),
        ("teacher", "VXNlcjox", "correct", "I looked"),
        ("student-135m", "VXNlcjox", "incorrect", "I looked"),
    ]
    assert [one.label for one in found.verdicts["correctness"]] == [
        *("correct", "correct", "incorrect")
    ]
    assert found.left_out == {}


def test_evaluations_of_releases_before_annotations_stand_in_columns(
    read: Read, tmp_path: Path
) -> None:
    row = {
        "context.span_id": "a1",
        "attributes.input.value": "ask",
        "attributes.output.value": '{"total": 1}',
        "start_time": 1000,
        "end_time": 1250,
        "eval.Q&A Correctness.label": "correct",
        "eval.Q&A Correctness.score": 1.0,
        "eval.Q&A Correctness.explanation": "since",
    }
    empty = {**dict.fromkeys(row), "context.span_id": "a2"}
    (tmp_path / "s.json").write_text(json.dumps([row, empty]))

    found = read(tmp_path / "s.json")

    assert [(one.judge, one.label, one.reply) for one in found.verdicts] == [
        ("Q&A Correctness", "correct", "since")
    ]
    assert found.outputs[0].output == '{"total": 1}'
    assert found.outputs[0].took == {"latency_ms": 250}
    assert found.left_out == {"spans without an input or an output": 1}


@pytest.mark.parametrize("file", [SPANS, ANNOTATIONS])
def test_a_table_without_its_index_is_refused_with_the_remedy(
    file: str, files: Path, read: Read, tmp_path: Path
) -> None:
    rows = json.loads((files / file).read_text())
    for row in rows:
        row.pop("context.span_id", None)
        row.pop("span_id", None)
    (tmp_path / "s.json").write_text(json.dumps(rows))

    with pytest.raises(DataError, match=r"s\.json: no column 'context\.span_id' or 'span_id'"):
        read(tmp_path / "s.json")


def test_a_row_must_name_its_span(read: Read, tmp_path: Path) -> None:
    row = {"span_id": None, "annotation_name": "x", "annotator_kind": "HUMAN"}
    (tmp_path / "s.json").write_text(json.dumps([row]))

    with pytest.raises(DataError, match=r"s\.json: \[0\]: 'span_id' is empty"):
        read(tmp_path / "s.json")
