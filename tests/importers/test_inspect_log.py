import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from judge.errors import DataError
from judge.importers.imported import Imported

Read = Callable[[Path], Imported]
Document = Callable[[str], dict[str, Any]]
Zipped = Callable[..., Path]
LOG = "inspect_log.json"


def _archive(log: dict[str, Any], zipped: Zipped) -> Path:
    """Write a log as inspect_ai's archives hold it, later epochs first."""
    samples = log.pop("samples")
    members = {"_journal/start.json": b"{}"}
    for one in reversed(samples):
        members[f"samples/{one['id']}_epoch_{one['epoch']}.json"] = json.dumps(one).encode()
    return zipped({**members, "header.json": json.dumps(log).encode()})


def _written(folder: Path, log: dict[str, Any]) -> Path:
    path = folder / "log.json"
    path.write_text(json.dumps(log))
    return path


@pytest.mark.parametrize("kind", ["json", "eval", "samples"])
def test_every_form_of_a_log_gives_the_same_rows(
    kind: str, read: Read, document: Document, zipped: Zipped, tmp_path: Path
) -> None:
    log = document(LOG)
    path = _written(tmp_path, log)
    if kind == "eval":
        path = _archive(log, zipped)
    elif kind == "samples":
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(f"{json.dumps(one)}\n" for one in log["samples"]))

    found = read(path)

    assert found.tool == ("inspect_ai samples" if kind == "samples" else "an inspect_ai log")
    assert found.systems == ("mockllm/model",)
    items = {one.item_id: one for one in found.items}
    assert sorted(items) == [f"q{k}" for k in range(8)]
    assert (items["q0"].input, items["q0"].references) == ("What is 0+0?", ("0", "0.0"))
    assert items["q0"].metadata == {"kind": "easy", "note": "n0"}
    assert items["q1"].input == "system: Be short.\n\nuser: What is 1+1?"
    outputs = {one.item_id: one for one in found.outputs}
    assert outputs["q0"].output == "It is 16"
    assert outputs["q0"].took["output_tokens"] == 8
    assert 0 < outputs["q0"].took["latency_ms"] < 1000
    assert (outputs["q3"].output, outputs["q3"].error) == (None, "the model was gone")
    assert len(outputs) == 8


def test_grades_of_a_model_become_verdicts_and_those_of_formulas_do_not(
    files: Path, read: Read
) -> None:
    found = read(files / LOG)

    verdicts = {one.item_id: one.label for one in found.verdicts}
    assert {one.judge for one in found.verdicts} == {"model_graded_qa"}
    assert (verdicts["q0"], verdicts["q1"]) == ("C", "I")
    assert verdicts["q2"] == "I"  # no answer (N) counts as inspect_ai counts it
    assert found.verdicts[0].reply == "Fine.\nGRADE: C"
    assert found.scales == {"model_graded_qa": ("I", "P", "C")}
    assert found.left_out["scores of match, which is a formula and no judge"] == 7
    assert found.left_out["outputs of later epochs: an item has one output of a system"] == 1
    missing = "samples of the task that the log (status success) does not hold"
    assert found.left_out[missing] == 1


def test_a_score_of_several_values_is_a_verdict_for_each(
    read: Read, document: Document, tmp_path: Path
) -> None:
    log = document(LOG)
    for one in log["samples"]:
        one["scores"] = {"mine/rubric": {"value": {"tone": 4, "facts": 0.5, "list": [1]}}}

    found = read(_written(tmp_path, log))

    labels = {(one.judge, one.label) for one in found.verdicts}
    assert labels == {("rubric-tone", "4"), ("rubric-facts", "0.5")}
    assert found.left_out["scores of 'rubric-list' that are no single value"] == 8


def test_texts_that_stand_among_the_attachments_are_put_in_place(
    read: Read, document: Document, tmp_path: Path
) -> None:
    log = document(LOG)
    first = log["samples"][1]
    first["input"] = "attachment://ab12"
    first["output"]["completion"] = "attachment://cd34"
    first["attachments"] = {"ab12": "a long question"}

    found = read(_written(tmp_path, log) if log["samples"].pop(0) else tmp_path)

    assert (found.items[0].input, found.outputs[0].output) == (
        "a long question",
        "attachment://cd34",
    )


def test_time_and_tokens_of_one_call_are_not_taken_for_those_of_several(
    read: Read, document: Document, tmp_path: Path
) -> None:
    log = document(LOG)
    for one in log["samples"]:
        one["messages"] = [
            {"role": "assistant", "content": "a"},
            {"role": "assistant", "content": "b"},
        ]

    found = read(_written(tmp_path, log))

    assert all(not one.took for one in found.outputs)
    assert found.left_out["time and tokens of samples with several turns"] == 9


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"version": 7},
            "log.json: version: 7 of inspect_ai's log format is not known; known are 1, 2",
        ),
        (
            {"samples": [{"uuid": "x"}]},
            "log.json: samples[0]: no sample of inspect_ai: it needs the",
        ),
        ({"samples": None}, "log.json was recognised as an inspect_ai log, but holds no record"),
        ({"samples": [3]}, "log.json: samples[0]: no sample of inspect_ai"),
    ],
)
def test_another_version_or_shape_is_named_with_its_place(
    change: dict[str, Any], problem: str, read: Read, document: Document, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as refused:
        read(_written(tmp_path, {**document(LOG), **change}))

    assert problem in str(refused.value)


def test_an_archive_whose_header_is_none_is_named(read: Read, zipped: Zipped) -> None:
    with pytest.raises(DataError, match=r"header\.json is no header of an inspect_ai log"):
        read(zipped({"header.json": b"[]"}))


def test_a_sample_in_an_archive_that_is_no_json_is_named(
    read: Read, document: Document, zipped: Zipped
) -> None:
    log = document(LOG)
    log.pop("samples")
    members = {"header.json": json.dumps(log).encode(), "samples/a_epoch_1.json": b"{" * 99}

    with pytest.raises(
        DataError, match=r"log\.eval: samples/a_epoch_1\.json: unreadable JSON: nested"
    ):
        read(zipped(members))
