import json
from collections.abc import Callable
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.importers.imported import ONLY_SYSTEM, Imported

Read = Callable[[Path], Imported]
SAMPLES = "samples_capitals_2026-11-26T06-37-36.486689.jsonl"


def test_outputs_are_taken_as_written_once_for_all_filters(files: Path, read: Read) -> None:
    found = read(files / SAMPLES)

    assert found.tool == "lm-evaluation-harness samples"
    assert found.systems == ("org/student-135m",)
    assert [(one.item_id, one.input, one.references) for one in found.items] == [
        (f"capitals-{k}", f"Q: Q{k + 1}? A:", (f"A{k + 1}",)) for k in range(4)
    ]
    assert found.items[1].metadata["kind"] == "hard"
    assert found.items[1].metadata["task"] == "capitals"
    assert [one.output for one in found.outputs] == ["A1"] + [f"A{k}, I think" for k in (2, 3, 4)]
    assert found.left_out == {
        "further answers to the same question: an item has one": 4,
        "scores by exact_match, which is a formula and no judge": 4,
        "rows of further filters: an output is taken as the model wrote it": 4,
    }


def test_without_the_results_beside_them_samples_do_not_say_whose_they_are(
    files: Path, read: Read, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text((files / SAMPLES).read_text())

    found = read(tmp_path / "rows.jsonl")

    assert found.systems == (ONLY_SYSTEM,)
    assert found.items[0].item_id == "0"


def test_questions_that_older_releases_and_chats_write_are_read(
    files: Path, read: Read, tmp_path: Path
) -> None:
    row = json.loads((files / SAMPLES).read_text().splitlines()[0])
    chat = json.dumps([{"role": "user", "content": "Hi"}])
    rows = [{**row, "doc_id": k, "arguments": [[text, {}]]} for k, text in enumerate(("Old", chat))]
    (tmp_path / "rows.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in rows))

    assert [one.input for one in read(tmp_path / "rows.jsonl").items] == ["Old", "Hi"]


def test_choices_by_likelihood_are_no_outputs(files: Path, read: Read, tmp_path: Path) -> None:
    row = json.loads((files / SAMPLES).read_text().splitlines()[0])
    row["resps"] = [[["-0.1", "False"]], [["-0.5", "False"]]]
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))

    with pytest.raises(DataError, match=r"holds no record to take .*no text was written: 1"):
        read(tmp_path / "rows.jsonl")


def test_a_row_of_another_shape_is_named_with_its_line(
    files: Path, read: Read, tmp_path: Path
) -> None:
    (tmp_path / "rows.jsonl").write_text((files / SAMPLES).read_text() + '{"doc_id": 9}\n')

    with pytest.raises(
        DataError, match=r"rows\.jsonl line 9: no sample of the lm-eval.*--log_samples"
    ):
        read(tmp_path / "rows.jsonl")
