"""One embedder for everything in a project that asks for the same model."""

from pathlib import Path

from judge.models.embedding import Embedder, SharedEmbedder
from judge.models.encoder import EncoderEmbedder


class Embedders:
    """Makes each embedding model once.

    Args:
        folder: where a model that is named by a path may lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[tuple[str, str], SharedEmbedder] = {}

    def get(self, model: str, revision: str = "") -> SharedEmbedder:
        """Return the embedder of a model.

        Raises:
            ConfigError: the model is nowhere, or not the one that is expected.
        """
        if (model, revision) not in self._made:
            folder = self._folder / model
            found: Embedder = EncoderEmbedder(
                str(folder) if folder.is_dir() else model, revision=revision
            )
            self._made[model, revision] = SharedEmbedder(found)
        return self._made[model, revision]
