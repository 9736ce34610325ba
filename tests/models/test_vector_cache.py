import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from judge.errors import ConfigError
from judge.models.embedding import Vectors
from judge.models.vector_cache import CachedEmbedder, VectorFile
from judge.testing import HashEmbedder

TEXTS = ["the invoice is due", "", "日本語", "a lone surrogate \ud800"]


class _Other:
    """Makes other vectors under another identity, or such as are none."""

    def __init__(self, vectors: Vectors, *, name: str = "other") -> None:
        self._vectors = vectors
        self._name = name

    @property
    def identity(self) -> Mapping[str, str]:
        return {"embedder": self._name}

    def embed(self, texts: Sequence[str]) -> Vectors:
        return self._vectors[: len(texts)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "made when needed" / "vectors.sqlite"


def test_a_text_is_embedded_once_across_processes(file: Path) -> None:
    first, second = HashEmbedder(), HashEmbedder()
    CachedEmbedder(first, VectorFile(file)).embed(TEXTS)

    again = CachedEmbedder(second, VectorFile(file)).embed([*TEXTS, "a new one", TEXTS[0]])

    assert np.array_equal(again, HashEmbedder().embed([*TEXTS, "a new one", TEXTS[0]]))
    assert dict(second.asked) == {"a new one": 1}


def test_many_texts_are_found_again(file: Path) -> None:
    texts = [f"text {place}" for place in range(1_200)]
    embedder = HashEmbedder(dim=8)
    cached = CachedEmbedder(embedder, VectorFile(file))

    assert np.array_equal(cached.embed(texts), cached.embed(texts))
    assert set(embedder.asked.values()) == {1}


def test_another_embedder_does_not_get_these_vectors(file: Path) -> None:
    CachedEmbedder(HashEmbedder(dim=8), VectorFile(file)).embed(TEXTS)

    wider = CachedEmbedder(HashEmbedder(dim=16), VectorFile(file)).embed(TEXTS)

    assert np.array_equal(wider, HashEmbedder(dim=16).embed(TEXTS))


@pytest.mark.parametrize(
    "kept",
    [b"", b"123", b"\0" * 1024, np.full(256, np.nan, "<f4").tobytes(), np.ones(2, "<f4").tobytes()],
)
def test_what_is_no_vector_any_more_is_made_anew(file: Path, kept: bytes) -> None:
    CachedEmbedder(HashEmbedder(), VectorFile(file)).embed(TEXTS)
    with sqlite3.connect(file) as damaged:
        damaged.execute("UPDATE vectors SET vector = ?", (kept,))
    damaged.close()

    found = CachedEmbedder(HashEmbedder(), VectorFile(file)).embed(TEXTS)

    assert np.array_equal(found, HashEmbedder().embed(TEXTS))


def test_a_vector_of_another_width_is_not_mixed_with_the_others(file: Path) -> None:
    CachedEmbedder(HashEmbedder(), VectorFile(file)).embed(TEXTS[:1])
    with sqlite3.connect(file) as changed:
        changed.execute("UPDATE vectors SET vector = ?", (np.array([1, 0], "<f4").tobytes(),))
    changed.close()

    found = CachedEmbedder(HashEmbedder(), VectorFile(file)).embed(TEXTS)

    assert np.array_equal(found, HashEmbedder().embed(TEXTS))


def test_what_is_no_unit_vector_is_handed_on_and_never_kept(file: Path) -> None:
    zeros = _Other(np.zeros((2, 4), np.float32))
    sound = _Other(np.eye(4, dtype=np.float32))

    handed_on = CachedEmbedder(zeros, VectorFile(file)).embed(["a", "b"])
    later = CachedEmbedder(sound, VectorFile(file)).embed(["a", "b"])

    assert not handed_on.any()
    assert np.array_equal(later, np.eye(4)[:2])


def test_too_few_vectors_are_handed_on_for_whoever_asked_to_refuse(file: Path) -> None:
    short = _Other(np.eye(4, dtype=np.float32)[:1])

    assert CachedEmbedder(short, VectorFile(file)).embed(["a", "b"]).shape == (1, 4)
    assert not file.exists()


def test_several_may_write_at_once(file: Path) -> None:
    def embed(number: int) -> None:
        texts = [f"text {number} {place}" for place in range(50)]
        CachedEmbedder(HashEmbedder(dim=8), VectorFile(file)).embed(texts)

    with ThreadPoolExecutor(max_workers=8) as writers:
        list(writers.map(embed, range(16)))

    with sqlite3.connect(file) as written:
        assert written.execute("SELECT count(*) FROM vectors").fetchone() == (800,)
    written.close()


def test_a_file_that_is_something_else_is_refused_by_name(file: Path) -> None:
    file.parent.mkdir()
    file.write_bytes(b"something else entirely" * 100)

    with pytest.raises(ConfigError, match=r"vectors\.sqlite cannot be used: .* can be deleted"):
        CachedEmbedder(HashEmbedder(), VectorFile(file)).embed(TEXTS)


def test_asked_for_nothing_it_returns_nothing(file: Path) -> None:
    assert len(CachedEmbedder(HashEmbedder(), VectorFile(file)).embed([])) == 0
