"""What holding an evaluation set against its manifest and against training files found."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from judge.records.alike import AlikeText
from judge.records.changes import SetChanges, changes_since
from judge.records.dataset import Dataset
from judge.records.frozen import FrozenSet
from judge.records.overlap import Overlap, evaluation_texts, find_overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFiles:
    """What students were trained on.

    Attributes:
        columns: those of the files that hold it; empty for all.
        outputs: systems whose answers must not stand in it either, usually the teacher.
    """

    files: tuple[Path, ...]
    columns: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """Whether a set is the frozen one, and whether training had any of it.

    Attributes:
        frozen: the manifest; None where none was given.
        changes: since it was frozen; None where there was no manifest to hold the set against.
        overlap: None where no training files were given.
        alike: evaluation texts that mean what a training text means, which may be a paraphrase or
            only about the same: no leaks until somebody has read them; None where nobody looked.
    """

    name: str
    frozen: FrozenSet | None
    changes: SetChanges | None
    overlap: Overlap | None
    alike: tuple[AlikeText, ...] | None = None

    @property
    def changed(self) -> bool:
        """Whether the set is not the frozen one."""
        return self.changes is not None and not self.changes.same

    @property
    def leaked(self) -> bool:
        """Whether an evaluation text stands in a training file."""
        return self.overlap is not None and bool(self.overlap.leaks)

    @property
    def unread(self) -> int:
        """Rows of training files that could not be read, so that nobody knows what they hold."""
        return 0 if self.overlap is None else sum(one.unread for one in self.overlap.files)


def search_training(
    dataset: Dataset,
    training: TrainingFiles,
    *,
    on_batch: Callable[[Path, int], None] | None = None,
) -> Overlap:
    """Look for the texts of a set in training files.

    Args:
        dataset: the set.
        training: the files.
        on_batch: told now and then of the file and the line that the search has reached.

    Raises:
        DataError: nothing to look for, or a file that cannot be searched.
    """
    return find_overlap(
        evaluation_texts(dataset, outputs=training.outputs),
        training.files,
        columns=training.columns,
        on_batch=on_batch,
    )


def verify(
    dataset: Dataset,
    *,
    name: str,
    frozen: FrozenSet | None = None,
    training: TrainingFiles | None = None,
    on_batch: Callable[[Path, int], None] | None = None,
) -> Verification:
    """Hold a set against the manifest it was frozen in, and against training files.

    Args:
        dataset: the whole set as it is now.
        name: what it is called.
        frozen: the manifest; None for none.
        training: the files; None for none.
        on_batch: as `search_training`.

    Raises:
        DataError: as `search_training`.
    """
    return Verification(
        name=name,
        frozen=frozen,
        changes=None if frozen is None else changes_since(frozen, dataset),
        overlap=None if training is None else search_training(dataset, training, on_batch=on_batch),
    )
