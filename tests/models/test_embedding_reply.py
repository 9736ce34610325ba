import base64
import json
import re
import struct

import numpy as np
import pytest

from judge.errors import EmbeddingInvalid, JudgeUnavailable, QuotaExhausted
from judge.models.embedding_reply import read_embeddings

THREE_FOUR = [3.0, 4.0]
ONE_ZERO = [1.0, 0.0]


def _reply(*vectors: object, indices: list[object] | None = None, **more: object) -> bytes:
    numbered = indices if indices is not None else list(range(len(vectors)))
    data = [
        {"object": "embedding", "index": index, "embedding": vector}
        for index, vector in zip(numbered, vectors, strict=True)
    ]
    return json.dumps({"object": "list", "data": data, "model": "served", **more}).encode()


def _packed(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def test_vectors_come_in_order_of_the_texts_with_length_one() -> None:
    body = _reply(THREE_FOUR, ONE_ZERO, usage={"prompt_tokens": 7, "total_tokens": 7})

    reply = read_embeddings(body, n_texts=2)

    assert reply.vectors == pytest.approx(np.array([[0.6, 0.8], [1, 0]]))
    assert reply.vectors.dtype == np.float32
    assert (reply.model, reply.input_tokens) == ("served", 7)


def test_a_shuffled_answer_is_put_in_order_by_its_indices() -> None:
    body = _reply(ONE_ZERO, THREE_FOUR, indices=[1, 0])

    assert read_embeddings(body, n_texts=2).vectors[0] == pytest.approx([0.6, 0.8])


def test_base64_says_the_same_as_a_list() -> None:
    mixed = read_embeddings(_reply(_packed(3, 4), THREE_FOUR), n_texts=2).vectors

    assert mixed[0] == pytest.approx(mixed[1])


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_a_vector_of_any_finite_length_is_brought_to_length_one(scale: float) -> None:
    found = read_embeddings(_reply([3 * scale, 4 * scale]), n_texts=1).vectors

    assert found[0] == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (_reply(ONE_ZERO), "2 texts gave 1 vectors"),
        (_reply(ONE_ZERO, ONE_ZERO, ONE_ZERO), "2 texts gave 3 vectors"),
        (_reply(), "2 texts gave 0 vectors"),
        (_reply(ONE_ZERO, THREE_FOUR, indices=[0, 0]), "with 1 different indices"),
        (_reply(ONE_ZERO, THREE_FOUR, indices=[1, 2]), "2 texts gave 2 vectors with 2"),
        (_reply(ONE_ZERO, THREE_FOUR, indices=[0, -1]), "no list of embeddings"),
        (_reply(ONE_ZERO, THREE_FOUR, indices=[0, True]), "no list of embeddings"),
        (_reply(ONE_ZERO, THREE_FOUR, indices=[0, None]), "no list of embeddings"),
        (_reply(ONE_ZERO, [1.0, 0.0, 0.0]), "a vector of 3 numbers came where 2 were"),
        (_reply([], []), "a vector of 0 numbers"),
        (_reply(ONE_ZERO, [0.0, 0.0]), "a vector is zero"),
        (_reply(ONE_ZERO, [float("nan"), 1.0]), "no list of embeddings"),
        (_reply(ONE_ZERO, [None, 1.0]), "no list of embeddings"),
        (_reply(ONE_ZERO, ["1", "0"]), "no list of embeddings"),
        (_reply(ONE_ZERO, [True, False]), "no list of embeddings"),
        (_reply(ONE_ZERO, [[1.0], [0.0]]), "no list of embeddings"),
        (_reply(ONE_ZERO, _packed(float("nan"), 1)), "not finite"),
        (_reply(ONE_ZERO, _packed(float("inf"), 1)), "not finite"),
        (_reply(ONE_ZERO, _packed(0, 0)), "a vector is zero"),
        (_reply(ONE_ZERO, _packed(1, 0)[:-4]), "no whole number of float32"),
        (_reply(ONE_ZERO, "not base64 !"), "no base64"),
        (_reply(ONE_ZERO, "Zürich"), "no base64"),
        (b'{"data": [{"index": 0, "embedding": [1e999, 1]}]}', "embeddings"),
        (b"[]", "no list of embeddings"),
        (b"", "no list of embeddings"),
        (b"\xff", "no list of embeddings"),
        (b"[" * 100_000, "no list of embeddings"),
    ],
)
def test_an_answer_that_is_not_one_sound_vector_a_text_is_refused_by_name(
    body: bytes, why: str
) -> None:
    with pytest.raises(EmbeddingInvalid, match=re.escape(why)) as refused:
        read_embeddings(body, n_texts=2)

    assert refused.value.possibly_paid


def test_the_dimension_that_was_asked_for_is_held() -> None:
    with pytest.raises(EmbeddingInvalid, match="of 2 numbers came where 3 were expected"):
        read_embeddings(_reply(ONE_ZERO), n_texts=1, dim=3)


def test_an_error_that_calls_itself_a_success_is_an_error() -> None:
    quota = b'{"error": {"message": "no money", "code": "insufficient_quota"}}'

    with pytest.raises(QuotaExhausted, match="answered 200 with an error: no money"):
        read_embeddings(quota, n_texts=1)
    with pytest.raises(JudgeUnavailable, match="answered 200 with an error: busy"):
        read_embeddings(b'{"error": {"message": "busy"}}', n_texts=1)
