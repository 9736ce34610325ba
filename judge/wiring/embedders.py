"""One embedder for everything in a project that asks for the same model."""

from dataclasses import dataclass
from pathlib import Path

from judge.config import EmbeddingEndpointSection, SimilaritySection
from judge.errors import ConfigError
from judge.models.embedding import Embedder, SharedEmbedder
from judge.models.embedding_endpoint import EndpointEmbedder
from judge.models.encoder import EncoderEmbedder, Precision
from judge.models.vector_cache import CachedEmbedder, VectorFile
from judge.wiring.endpoint import account_headers, address_and_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedding:
    """A model that makes vectors.

    Attributes:
        shared: what everybody asks.
        encoder: the model itself where it runs here; None behind an endpoint.
    """

    shared: SharedEmbedder
    encoder: EncoderEmbedder | None


class Embedders:
    """Makes each embedding model once.

    Args:
        folder: where a model that is named by a path may lie.
        vectors: file in which vectors are kept between runs; None for nowhere.
        keys_needed: whether keys of endpoints must be there.
    """

    def __init__(
        self, folder: Path, *, vectors: Path | None = None, keys_needed: bool = True
    ) -> None:
        self._folder = folder
        self._keys_needed = keys_needed
        self._vectors = vectors
        self._made: dict[str, Embedding] = {}

    def get(self, model: str, revision: str = "") -> SharedEmbedder:
        """Return the embedder of a model that runs here, as it is.

        Raises:
            ConfigError: the model is nowhere, or not the one that is expected.
        """
        return self.of(SimilaritySection(model=model, revision=revision)).shared

    def of(self, section: SimilaritySection) -> Embedding:
        """Return the model that a section names.

        Raises:
            ConfigError: it is nowhere, not the one that is expected, has no key, or the kept
                vectors cannot be read.
        """
        key = section.model_dump_json(exclude={"against", "also"})
        if key not in self._made:
            self._made[key] = self._open(section)
        return self._made[key]

    def _open(self, section: SimilaritySection) -> Embedding:
        if section.endpoint is not None:
            asked = _at_endpoint(section.model, section.endpoint, key_needed=self._keys_needed)
            return Embedding(shared=SharedEmbedder(self._kept(asked)), encoder=None)
        folder = self._folder / section.model
        encoder = EncoderEmbedder(
            str(folder) if folder.is_dir() else section.model,
            revision=section.revision,
            precision=Precision(section.precision),
            prompt=section.prompt,
            device=section.device,
        )
        return Embedding(shared=SharedEmbedder(self._kept(encoder)), encoder=encoder)

    def _kept(self, embedder: Embedder) -> Embedder:
        if self._vectors is None:
            return embedder
        file = VectorFile(self._vectors)
        file.known([b""])  # whatever is wrong with it is said now
        return CachedEmbedder(embedder, file)


def token_embedder(embedding: Embedding) -> EncoderEmbedder:
    """Return the model of which the vectors of tokens can be had.

    Raises:
        ConfigError: it gives none.
    """
    if embedding.encoder is None or not embedding.encoder.tells_tokens:
        raise ConfigError(
            "scorers.similarity.also: token_matching needs a model whose tokens can be told apart; "
            "leave it out, or choose another model"
        )
    return embedding.encoder


def _at_endpoint(
    model: str, section: EmbeddingEndpointSection, *, key_needed: bool
) -> EndpointEmbedder:
    base_url, key = address_and_key(
        section.base_url,
        section.api_key_env,
        place="scorers.similarity.endpoint",
        model=model,
        key_needed=key_needed,
    )
    return EndpointEmbedder(
        model,
        base_url=base_url,
        api_key=key,
        dimensions=section.dimensions,
        connections=section.connections,
        api_version=section.api_version,
        headers=account_headers(),
    )
