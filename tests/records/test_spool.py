import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from judge.errors import DataError
from judge.records import spool
from judge.records.spool import Spool, SpoolWriter, in_order

LARGE = spool.HELD // 1000


def _spool(texts: list[bytes]) -> Spool:
    writer = SpoolWriter()
    assert [writer.append(text) for text in texts] == list(range(len(texts)))
    return writer.spool()


def _texts(n: int, *, size: int = 0) -> list[bytes]:
    sizes = np.random.default_rng(3).integers(0, 2 * size + 1, n).tolist()
    return [b"%d:%b" % (place, b"\x80" * size) for place, size in enumerate(sizes)]


@pytest.mark.parametrize("texts", [[], [b""], _texts(50, size=20), _texts(3 * LARGE, size=1000)])
def test_each_text_is_read_as_it_was_written_alone_and_in_order(texts: list[bytes]) -> None:
    found = _spool(texts)

    assert len(found) == len(texts)
    assert [found[place] for place in range(len(texts))] == texts
    assert list(found.read()) == texts
    assert (
        list(found.read(len(texts) // 3, len(texts) // 2))
        == texts[len(texts) // 3 : len(texts) // 2]
    )


def test_a_text_longer_than_any_block_is_read_whole() -> None:
    texts = [b"before", bytes(5 * spool.HELD), b"", b"after"]

    assert list(_spool(texts).read()) == texts


def test_threads_read_at_once_without_disturbing_each_other() -> None:
    texts = _texts(3 * LARGE, size=1000)
    found = _spool(texts)

    def read(seed: int) -> bool:
        places = np.random.default_rng(seed).permutation(len(texts)).tolist()
        walk: Iterator[bytes] = found.read()
        return all(found[place] == texts[place] and next(walk) for place in places)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(read, range(8)))


def test_a_large_spool_is_a_file_that_nobody_can_find_and_a_small_one_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    kept = _spool(_texts(3 * LARGE, size=1000))
    assert list(tmp_path.iterdir()) == []
    assert len(kept) == 3 * LARGE

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert len(_spool(_texts(50, size=20))) == 50
    with pytest.raises(
        DataError, match="make room in the folder for them, or name another with TMPDIR"
    ):
        _spool(_texts(3 * LARGE, size=1000))


@pytest.mark.parametrize("size", [0, 30, 100_000])
def test_texts_come_in_order_whether_or_not_they_fit_into_memory(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = _texts(500, size=50)
    np.random.default_rng(5).shuffle(texts)
    monkeypatch.setattr(spool, "_SORTED_AT_ONCE", size)

    assert list(in_order([*texts, *texts[:100]])) == sorted([*texts, *texts[:100]])
    assert list(in_order([])) == []
