import numpy as np
import pytest

from judge.models.embedding import Embedder
from judge.models.encoder import EncoderEmbedder
from judge.testing import HashEmbedder

TEXTS = [
    "The invoice is due on 3 May.",
    "",
    "Bananas are yellow.",
    " ",
    "日本語 \U0001f600",
    "a" * 9000,
]


@pytest.fixture(scope="module")
def encoder() -> EncoderEmbedder:
    return EncoderEmbedder()


@pytest.fixture(params=["hash", "encoder"])
def embedder(request: pytest.FixtureRequest, encoder: EncoderEmbedder) -> Embedder:
    return HashEmbedder() if request.param == "hash" else encoder


def test_every_text_has_one_finite_vector_of_length_one(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)

    assert vectors.shape[0] == len(TEXTS)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)


def test_the_same_text_has_the_same_vector_whatever_stands_beside_it(embedder: Embedder) -> None:
    alone = embedder.embed(TEXTS[:1])

    beside_others = embedder.embed([*TEXTS[1:], TEXTS[0]])

    assert beside_others[-1] == pytest.approx(alone[0], abs=1e-5)


def test_the_same_batch_has_the_same_vectors_to_the_last_bit(embedder: Embedder) -> None:
    assert np.array_equal(embedder.embed(TEXTS), embedder.embed(TEXTS))


def test_texts_that_say_alike_are_closer_than_texts_that_do_not(embedder: Embedder) -> None:
    vectors = embedder.embed([TEXTS[0], "The invoice must be paid by 3 May.", TEXTS[2]])

    alike, unlike = vectors[0] @ vectors[1], vectors[0] @ vectors[2]

    assert alike > unlike + 0.2


def test_its_identity_names_it_in_words(embedder: Embedder) -> None:
    identity = dict(embedder.identity)

    assert identity["embedder"]
    assert all(isinstance(value, str) for value in identity.values())
