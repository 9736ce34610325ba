"""Datasets of Hugging Face that were saved to a disk: a folder of Arrow files and their state."""

from pathlib import Path

from judge.errors import DataError
from judge.importers.documents import read_document
from judge.importers.table import Table, table_of
from judge.importers.values import object_of, objects_of, text_of
from judge.records.columnar import arrow_rows
from judge.records.strict_json import JsonValue

TOOL = "a Hugging Face dataset"
_STATE, _SPLITS = "state.json", "dataset_dict.json"
_SELECTION = "_indices_data_files"  # until datasets 2.0


def read_saved(folder: Path) -> Table:
    """Read a folder that ``Dataset.save_to_disk`` wrote; no code of the dataset is run.

    Raises:
        DataError: the folder is none, holds several splits, or is not complete.
        MissingExtra: pyarrow is not installed.
    """
    if (folder / _SPLITS).is_file():
        return read_saved(_only_split(folder))
    if not (folder / _STATE).is_file():
        raise DataError(
            f"{folder}: a folder, and no dataset of Hugging Face that was saved to a disk (it "
            f"holds {_STATE}, of several splits {_SPLITS}); give the file that is meant"
        )
    state = object_of(read_document(folder / _STATE))
    names = [text_of(one.get("filename")) for one in objects_of(state.get("_data_files"))]
    if state.get(_SELECTION):
        raise DataError(
            f"{folder}: saved as a selection of rows by an old release of datasets; load it and "
            "save it again: load_from_disk(...).flatten_indices().save_to_disk(...)"
        )
    if not names or any(Path(name).name != name or not name for name in names):
        raise DataError(
            f"{folder / _STATE}: '_data_files' must name the files of the dataset, each beside it; "
            "save it again with save_to_disk"
        )
    rows: list[tuple[str, JsonValue]] = []
    for name in names:
        for row in arrow_rows(folder / name):
            rows.append((f"{folder.name} row {len(rows) + 1}", row))
    return table_of(folder, rows)


def _only_split(folder: Path) -> Path:
    splits = object_of(read_document(folder / _SPLITS)).get("splits")
    names = [one for one in splits if isinstance(one, str)] if isinstance(splits, list) else []
    safe = [name for name in names if Path(name).name == name and (folder / name).is_dir()]
    if len(safe) == 1:
        return folder / safe[0]
    if not safe:
        raise DataError(
            f"{folder / _SPLITS}: none of its 'splits' is a folder beside it; save the dataset "
            "again with save_to_disk"
        )
    raise DataError(
        f"{folder} holds {len(safe)} splits: {', '.join(safe)}; give one of them: "
        f"{folder / safe[-1]}"
    )
