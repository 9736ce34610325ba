import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.importers.imported import Imported

Read = Callable[[Path], Imported]
FULL, SHORT = "label_studio.json", "label_studio_min.json"


def test_annotations_become_ratings_and_predictions_verdicts(files: Path, read: Read) -> None:
    found = read(files / FULL)

    assert (found.tool, found.by_people) == ("a Label Studio export", True)
    assert [(one.item_id, one.input) for one in found.items] == [
        (f"task-{100 + k}", f"ask {k}") for k in range(4)
    ]
    assert found.items[0].metadata == {"kind": "a"}
    assert [(one.system, one.output) for one in found.outputs] == [
        ("m", f"said {k}") for k in range(4)
    ]
    first = found.ratings[0]
    assert (first.question, first.label, first.rater) == ("right", "Correct", "ann@example.org")
    assert (first.output, first.seconds, first.comment) == ("said 0", 3.5, "since")
    said = [(one.question, one.label, one.rater) for one in found.ratings]
    assert said[1:4] == [
        ("stars", "1", "ann@example.org"),
        ("right", "Incorrect", "ann@example.org"),
        ("stars", "2", "ann@example.org"),
    ]
    assert len(said) == 14
    assert [(one.judge, one.label) for one in found.verdicts] == [("gpt", "Correct")] * 4
    assert found.left_out == {
        "annotations that were skipped": 1,
        "results of the type labels, which say nothing of a whole output": 1,
        "drafts": 1,
    }


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_the_short_form_says_the_same_without_predictions(
    kind: str, files: Path, read: Read, tmp_path: Path
) -> None:
    path = files / SHORT
    if kind == "csv":
        rows = json.loads(path.read_text())
        path = tmp_path / "export.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            for row in rows:
                stars = row["stars"][0]["rating"]
                writer.writerow({**row, "stars": json.dumps([{"rating": stars}])})

    found = read(path)

    assert [(one.system, one.output) for one in found.outputs] == [
        ("m", f"said {k}") for k in range(4)
    ]
    assert [(one.question, one.label, one.seconds) for one in found.ratings[:3]] == [
        ("right", "Correct", 3.5),
        ("stars", "1", 3.5),
        ("why", "since", 3.5),
    ]
    assert {one.rater for one in found.ratings} == {"ann@example.org"}
    assert (len(found.ratings), found.verdicts) == (12, ())


def test_ids_in_the_data_count_before_those_of_tasks(read: Read, tmp_path: Path) -> None:
    task = {
        "id": 9,
        "data": {"id": "i1", "output": "said", "reference": "right"},
        "annotations": [
            {"result": [{"from_name": "pair", "type": "pairwise", "value": {"selected": "left"}}]},
            {"result": [{"from_name": "n", "type": "number", "value": {"number": 2}}]},
            {"result": [{"from_name": "c", "type": "choices", "value": {"choices": ["a", "b"]}}]},
        ],
    }
    (tmp_path / "t.json").write_text(json.dumps([task]))

    found = read(tmp_path / "t.json")

    assert (found.items[0].item_id, found.items[0].references) == ("i1", ("right",))
    assert [(one.question, one.label, one.rater) for one in found.ratings] == [
        ("pair", "left", "unknown"),
        ("n", "2", "unknown"),
    ]
    assert found.left_out == {"answers to 'c' that are no single label": 1}


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (
            [{"data": {"output": "x"}, "annotations": []}, {"annotations": []}],
            r"t\.json: \[1\]: no task of Label Studio: it needs an object 'data'; export as JSON",
        ),
        (
            [{"output": "x", "id": 1, "annotator": 1, "annotation_id": 2}],
            r"t\.json: no column of this Label Studio export looks like an answer",
        ),
    ],
)
def test_another_shape_is_named_with_its_place(
    document: list[object], problem: str, read: Read, tmp_path: Path
) -> None:
    (tmp_path / "t.json").write_text(json.dumps(document))

    with pytest.raises(DataError, match=problem):
        read(tmp_path / "t.json")
