from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from judge.errors import DataError
from judge.records.dataset import Dataset
from judge.records.frozen import freeze
from judge.records.record import Item, Role, System
from judge.records.verification import TrainingFiles, search_training, verify

ASKED = "which of the two harbours reopened first after the storm of last winter"
ANSWER = "the northern harbour opened its gates three weeks before the southern one"
DATASET = Dataset(
    items=(
        Item(item_id="a", cluster="a", input=ASKED),
        Item(item_id="b", cluster="b", input="how many boats did the council buy back in spring"),
    ),
    systems=(System(name="teacher", role=Role.TEACHER),),
    outputs={"teacher": {"a": ANSWER}},
)
FROZEN = freeze(DATASET, name="harbours", created=datetime(2026, 5, 1, tzinfo=UTC))


@pytest.fixture
def training(tmp_path: Path) -> TrainingFiles:
    file = tmp_path / "train.txt"
    file.write_text(f"something else altogether\n{ANSWER}\n")
    return TrainingFiles(files=(file,))


def test_the_frozen_set_with_clean_training_files_is_neither_changed_nor_leaked(
    training: TrainingFiles,
) -> None:
    found = verify(DATASET, name="harbours", frozen=FROZEN, training=training)

    assert (found.changed, found.leaked, found.unread) == (False, False, 0)


def test_answers_are_looked_for_only_where_that_is_declared(training: TrainingFiles) -> None:
    found = search_training(DATASET, replace(training, outputs=("teacher",)))

    assert [(leak.item_id, leak.part) for leak in found.leaks] == [("a", "output of teacher")]


def test_only_declared_columns_are_searched(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text(f'{{"text": "{ASKED}", "note": "nothing of the kind is said here"}}\n')
    training = TrainingFiles(files=(file,))

    everywhere = verify(DATASET, name="h", training=training)
    notes = verify(DATASET, name="h", training=replace(training, columns=("note",)))

    assert (everywhere.leaked, notes.leaked) == (True, False)


def test_a_set_with_another_item_is_changed_and_that_is_no_error() -> None:
    found = verify(replace(DATASET, items=DATASET.items[:1]), name="harbours", frozen=FROZEN)

    assert found.changed
    assert found.changes is not None
    assert found.changes.removed == ("b",)
    assert found.overlap is None


def test_rows_that_nobody_could_read_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text('{"text": "a row that can be read"}\n{"text": \n')

    found = verify(DATASET, name="h", training=TrainingFiles(files=(file,)))

    assert (found.leaked, found.unread) == (False, 1)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.jsonl"):
        verify(DATASET, name="h", training=TrainingFiles(files=(tmp_path / "none.jsonl",)))
