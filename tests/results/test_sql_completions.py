import asyncio
import sqlite3
from pathlib import Path

import pytest

from judge.errors import StoreError
from judge.models.cache import Cached
from judge.models.chat import ChatCall, Message, Sampling
from judge.results.sql import SqlStore
from judge.testing import FakeChat


def keep(path: Path, **bodies: bytes) -> None:
    async def keep_all(store: SqlStore) -> None:
        for key, body in bodies.items():
            await store.completions.keep_completion(key, body, cost=0.5)

    with SqlStore(path) as store:
        asyncio.run(keep_all(store))


def test_what_is_kept_outlives_the_process_and_is_found_at_once(tmp_path: Path) -> None:
    keep(tmp_path / "store.db", a=b"body")

    with SqlStore(tmp_path / "store.db") as store:
        assert store.completions.completion("a") == b"body"

        asyncio.run(store.completions.keep_completion("b", b"just now", cost=None))

        assert store.completions.completion("b") == b"just now"
        assert store.completions.statistics().entries == 2


def test_who_only_looks_does_not_keep_others_from_writing(tmp_path: Path) -> None:
    with SqlStore(tmp_path / "store.db") as reader:
        assert reader.completions.completion("a") is None

        keep(tmp_path / "store.db", a=b"body")

        assert reader.completions.completion("a") == b"body"
        assert reader.completions.statistics().entries == 1


def test_many_are_kept_at_once(tmp_path: Path) -> None:
    async def keep_all(store: SqlStore) -> None:
        shelf = store.completions
        await asyncio.gather(
            *(shelf.keep_completion(f"{place}", b"body", cost=0.001) for place in range(500))
        )

    with SqlStore(tmp_path / "store.db") as store:
        asyncio.run(keep_all(store))

        assert store.completions.statistics().entries == 500
        assert store.completions.statistics().worth.dollars == pytest.approx(0.5)


@pytest.mark.parametrize("foreign", ["text", 7, 1.5])
def test_an_entry_that_is_no_answer_is_asked_for_again(
    tmp_path: Path, foreign: object, caplog: pytest.LogCaptureFixture
) -> None:
    path, model = tmp_path / "store.db", FakeChat()
    call = ChatCall(
        call_id="one", messages=(Message(role="user", content="Is it?"),), sampling=Sampling()
    )

    def ask() -> None:
        with SqlStore(path) as store:
            cached = Cached(
                model, store.completions, address="https://x/v1", worth_keeping=lambda _: True
            )
            asyncio.run(cached.complete(call))

    ask()
    database = sqlite3.connect(path)
    database.execute("UPDATE completions SET body = ?", (foreign,))
    database.commit()
    database.close()
    ask()
    ask()

    assert len(model.calls) == 2
    assert "damaged" in caplog.text


def test_a_cache_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with SqlStore(tmp_path / "store.db") as store:
        shelf = store.completions
        database = sqlite3.connect(tmp_path / "store.db")
        database.execute("DROP TABLE completions")
        database.close()

        with pytest.raises(StoreError, match=r"the cache in .* cannot be read: no such table"):
            shelf.completion("a")
        with pytest.raises(StoreError, match="cannot be read"):
            shelf.statistics()
