"""From a config to its evaluation set, the manifest that pins it, and its training files."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from judge.config import Config, SimilaritySection, read_config
from judge.errors import DataError, did_you_mean
from judge.models.embedding import SharedEmbedder
from judge.records.changes import require_unchanged
from judge.records.dataset import Dataset
from judge.records.frozen import read_manifest
from judge.records.verification import TrainingFiles
from judge.wiring.embedders import Embedders
from judge.wiring.sources import read_everything


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationSet:
    """A whole evaluation set as it is now, held against nothing yet.

    Attributes:
        manifest: the path of the manifest that the config names; None where it names none.
        training: what the config names; None where it names nothing.
        embedder: makes the embedding model that the config names, or the default.
    """

    name: str
    dataset: Dataset
    manifest: Path | None
    training: TrainingFiles | None
    embedder: Callable[[], SharedEmbedder]


def open_set(path: Path) -> EvaluationSet:
    """Read the whole set of a config, changed or not.

    Raises:
        InputError: the config or a file cannot be used.
    """
    config, _ = read_config(path)
    dataset = read_everything(config, path.parent)
    return EvaluationSet(
        name=config.name,
        dataset=dataset,
        manifest=_manifest(config, path.parent),
        training=training_files(config, path.parent, dataset),
        embedder=partial(_embedder, config, path.parent),
    )


def check_set(config: Config, folder: Path, everything: Dataset) -> None:
    """Refuse a set that is not the one its config pins, or whose training files are not there.

    Raises:
        DataError: it differs, or a file is absent or no manifest.
    """
    if (path := _manifest(config, folder)) is not None:
        require_unchanged(everything, read_manifest(path), place=path.name)
    training = training_files(config, folder, everything)
    for file in training.files if training else ():
        if not file.is_file():
            raise DataError(f"dataset.training.files: {file} is not there")


def training_files(config: Config, folder: Path, dataset: Dataset) -> TrainingFiles | None:
    """Return the training files that a config names, if any.

    Raises:
        DataError: the outputs that must not be in them are of no system.
    """
    section = config.dataset.training
    if section is None:
        return None
    check_systems(section.outputs, dataset, place="dataset.training.outputs")
    return TrainingFiles(
        files=tuple(folder / file for file in section.files),
        columns=section.columns,
        outputs=section.outputs,
    )


def check_systems(names: tuple[str, ...], dataset: Dataset, *, place: str) -> None:
    """Check that systems exist.

    Raises:
        DataError: one does not.
    """
    for name in names:
        if name not in dataset.outputs:
            raise DataError(
                f"{place}: there is no system {name!r}{did_you_mean(name, dataset.outputs)}; "
                f"there are: {', '.join(dataset.outputs)}"
            )


def _embedder(config: Config, folder: Path) -> SharedEmbedder:
    return Embedders(folder).of(config.scorers.similarity or SimilaritySection()).shared


def _manifest(config: Config, folder: Path) -> Path | None:
    return None if config.dataset.frozen is None else folder / config.dataset.frozen
