import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.importers.imported import Imported
from judge.importers.saved_dataset import read_saved

Read = Callable[[Path], Imported]
SAVED = "hf_dataset"


def test_a_dataset_that_was_saved_is_a_table(files: Path, read: Read) -> None:
    found = read(files / SAVED)

    assert [(one.input, one.references) for one in found.items][:2] == [
        ("Capital of France?", ("Paris",)),
        ("Capital of Italy?", ("Rome", "Roma")),
    ]
    assert found.items[2].metadata == {"kind": "hard"}  # a class label, by its name
    assert [(one.system, one.output) for one in found.outputs] == [
        ("student-135m", output) for output in ("It is Paris.", "Roma", "Barcelona", None)
    ]
    assert found.items[1].place == "hf_dataset row 2"


def test_a_parquet_file_of_the_same_says_the_same(files: Path, read: Read) -> None:
    saved, table = read(files / SAVED), read(files / "table.parquet")

    assert [(one.input, one.references, one.metadata) for one in table.items] == [
        (one.input, one.references, one.metadata) for one in saved.items
    ]
    assert [one.output for one in table.outputs] == [one.output for one in saved.outputs]
    assert table.items[1].place == "table.parquet row 2"


def test_of_several_splits_one_has_to_be_named(files: Path, tmp_path: Path, read: Read) -> None:
    for split in ("train", "test"):
        shutil.copytree(files / SAVED, tmp_path / "set" / split)
    (tmp_path / "set" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')

    with pytest.raises(DataError, match=r"holds 2 splits: train, test; give one of them: .*test"):
        read(tmp_path / "set")

    assert len(read(tmp_path / "set" / "test").items) == 4
    (tmp_path / "set" / "dataset_dict.json").write_text('{"splits": ["test"]}')
    assert len(read(tmp_path / "set").items) == 4


@pytest.mark.parametrize(
    ("state", "problem"),
    [
        ({"_data_files": [{"filename": "../data.arrow"}]}, "each beside it"),
        ({"_data_files": [{"filename": ""}]}, "each beside it"),
        ({"_data_files": []}, "must name the files"),
        ([], "must name the files"),
        ({"_data_files": [{"filename": "absent.arrow"}]}, "absent.arrow: no readable Arrow file"),
        (
            {"_data_files": [{"filename": "x"}], "_indices_data_files": [{"filename": "y"}]},
            "load it and save it again",
        ),
    ],
)
def test_a_folder_that_is_not_complete_or_leads_elsewhere_is_refused(
    state: object, problem: str, tmp_path: Path
) -> None:
    (tmp_path / "state.json").write_text(json.dumps(state))

    with pytest.raises(DataError, match=problem):
        read_saved(tmp_path)


@pytest.mark.parametrize("splits", [["../x"], ["absent"], [3], "test", None])
def test_splits_are_folders_beside_their_list(splits: object, tmp_path: Path) -> None:
    (tmp_path / "dataset_dict.json").write_text(json.dumps({"splits": splits}))

    with pytest.raises(DataError, match="none of its 'splits' is a folder beside it"):
        read_saved(tmp_path)


def test_another_folder_is_none(tmp_path: Path, read: Read) -> None:
    with pytest.raises(DataError, match=r"a folder, and no dataset of Hugging Face"):
        read(tmp_path)
