import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from judge.errors import EmbeddingInvalid
from judge.models.embedding import SharedEmbedder, Vectors
from judge.testing import HashEmbedder

PATIENCE_S = 30.0


class _Recorder:
    """Embeds like `HashEmbedder` and keeps the batches; a script may change the outcome."""

    def __init__(self, change: Callable[[Sequence[str], Vectors], Vectors] | None = None) -> None:
        self._embedder = HashEmbedder()
        self._change = change or (lambda _, vectors: vectors)
        self.batches: list[list[str]] = []

    @property
    def identity(self) -> Mapping[str, str]:
        return self._embedder.identity

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.batches.append(list(texts))
        return self._change(texts, self._embedder.embed(texts))


class _Gated:
    """Embeds when it is let, so that a test can ask for more while a batch runs."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._open = threading.Event()
        self._running = 0
        self.most_running = 0
        self.batches: list[list[str]] = []

    @property
    def identity(self) -> Mapping[str, str]:
        return {"embedder": "gated"}

    def let(self) -> None:
        self._open.set()

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.batches.append(sorted(texts))
        self._running += 1
        self.most_running = max(self.most_running, self._running)
        self._loop.call_soon_threadsafe(self.begun.set)
        assert self._open.wait(PATIENCE_S)
        self._running -= 1
        return HashEmbedder().embed(texts)


def _row(text: str) -> Vectors:
    row: Vectors = HashEmbedder().embed([text])[0]
    return row


def test_the_rows_stand_in_the_order_of_the_texts() -> None:
    texts = ["one", "two", "one", "three"]

    vectors = asyncio.run(SharedEmbedder(HashEmbedder()).embed(texts))

    assert np.array_equal(vectors, HashEmbedder().embed(texts))


def test_each_distinct_text_is_embedded_once_whoever_asks_and_whenever() -> None:
    embedder = HashEmbedder()
    shared = SharedEmbedder(embedder)

    async def ask() -> None:
        await asyncio.gather(*(shared.embed(["reference", f"answer {i % 3}"]) for i in range(9)))
        await shared.embed(["answer 1", "reference"])

    asyncio.run(ask())

    assert embedder.asked == {"reference": 1, "answer 0": 1, "answer 1": 1, "answer 2": 1}


def test_what_is_asked_for_in_one_turn_is_one_batch() -> None:
    embedder = _Recorder()
    shared = SharedEmbedder(embedder)

    async def ask() -> list[Vectors]:
        return await asyncio.gather(*(shared.embed([f"text {i}", "common"]) for i in range(50)))

    found = asyncio.run(ask())

    assert [len(batch) for batch in embedder.batches] == [51]
    assert all(np.array_equal(row[0], _row(f"text {i}")) for i, row in enumerate(found))


def test_what_is_asked_for_while_a_batch_runs_is_the_next_batch_and_only_one_runs() -> None:
    async def ask() -> _Gated:
        embedder = _Gated()
        shared = SharedEmbedder(embedder)
        async with asyncio.TaskGroup() as askers:
            askers.create_task(shared.embed(["a"]))
            await asyncio.wait_for(embedder.begun.wait(), PATIENCE_S)
            askers.create_task(shared.embed(["a", "b"]))
            await asyncio.sleep(0)
            askers.create_task(shared.embed(["c", "b"]))
            for _ in range(9):  # time enough for a second batch to begin, if it could
                await asyncio.sleep(0)
            embedder.let()
        return embedder

    embedder = asyncio.run(ask())

    assert embedder.batches == [["a"], ["b", "c"]]
    assert embedder.most_running == 1


def test_an_asker_who_gives_up_costs_the_others_nothing() -> None:
    async def ask() -> Vectors:
        embedder = _Gated()
        shared = SharedEmbedder(embedder)
        leaves = asyncio.create_task(shared.embed(["a", "b"]))
        stays = asyncio.create_task(shared.embed(["b", "c"]))
        await asyncio.wait_for(embedder.begun.wait(), PATIENCE_S)
        leaves.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaves
        embedder.let()
        return await stays

    assert np.array_equal(asyncio.run(ask()), HashEmbedder().embed(["b", "c"]))


@pytest.mark.parametrize(
    "broken",
    [
        0.0,
        0.9,
        1.1,
        float("nan"),
        float("inf"),
        1e30,  # its square is infinite
    ],
)
def test_one_bad_vector_costs_nobody_else_theirs(broken: float) -> None:
    def break_one(texts: Sequence[str], vectors: Vectors) -> Vectors:
        if "bad" in texts:
            vectors[texts.index("bad")] = [broken] + [0.0] * (vectors.shape[1] - 1)
        return vectors

    embedder = _Recorder(break_one)
    shared = SharedEmbedder(embedder)

    async def ask() -> list[Vectors | BaseException]:
        asked = (["good"], ["good", "bad"], ["fine", "good"])
        return await asyncio.gather(*map(shared.embed, asked), return_exceptions=True)

    good, bad, fine = asyncio.run(ask())

    assert len(embedder.batches) == 1
    assert isinstance(bad, EmbeddingInvalid)
    assert not isinstance(good, BaseException)
    assert np.array_equal(good, [_row("good")])
    assert not isinstance(fine, BaseException)
    assert np.array_equal(fine, [_row("fine"), _row("good")])


@pytest.mark.parametrize(
    "change",
    [
        lambda _, vectors: vectors[:-1],
        lambda _, vectors: np.concatenate([vectors, vectors]),
        lambda _, vectors: vectors[0],
        lambda _, vectors: vectors[:, :, np.newaxis],
        lambda _, vectors: np.zeros((0, vectors.shape[1]), dtype=np.float32),
    ],
)
def test_vectors_of_another_number_or_shape_belong_to_no_text(
    change: Callable[[Sequence[str], Vectors], Vectors],
) -> None:
    shared = SharedEmbedder(_Recorder(change))

    with pytest.raises(EmbeddingInvalid, match="3 texts gave vectors of shape"):
        asyncio.run(shared.embed(["a", "b", "c"]))


def test_vectors_of_another_width_than_the_earlier_ones_are_refused() -> None:
    def shorten(texts: Sequence[str], _: Vectors) -> Vectors:
        return HashEmbedder(dim=128 if "later" in texts else 256).embed(texts)

    shared = SharedEmbedder(_Recorder(shorten))

    async def ask() -> None:
        await shared.embed(["first"])
        with pytest.raises(EmbeddingInvalid, match="128 numbers came after ones of 256"):
            await shared.embed(["first", "later"])
        await shared.embed(["first", "third"])

    asyncio.run(ask())


def test_a_failure_reaches_all_who_asked_and_the_next_question_is_asked_anew() -> None:
    failures = iter([True, False])

    def fail_once(_: Sequence[str], vectors: Vectors) -> Vectors:
        if next(failures):
            raise MemoryError("no memory left on the device")
        return vectors

    shared = SharedEmbedder(_Recorder(fail_once))

    async def ask() -> tuple[list[Vectors | BaseException], Vectors]:
        askers = (shared.embed([text, "common"]) for text in "ab")
        return await asyncio.gather(*askers, return_exceptions=True), await shared.embed(["a"])

    failed, later = asyncio.run(ask())

    assert [type(error) for error in failed] == [MemoryError, MemoryError]
    assert np.array_equal(later, [_row("a")])


def test_a_batch_that_fails_takes_the_one_behind_it_not_down() -> None:
    async def ask() -> tuple[Vectors | BaseException, ...]:
        gate = _Gated()

        def wait_then_fail(texts: Sequence[str], vectors: Vectors) -> Vectors:
            if "first" in texts:
                gate.embed(texts)
                raise MemoryError
            return vectors

        shared = SharedEmbedder(_Recorder(wait_then_fail))
        first = asyncio.create_task(shared.embed(["first"]))
        await asyncio.wait_for(gate.begun.wait(), PATIENCE_S)
        second = asyncio.create_task(shared.embed(["second"]))
        await asyncio.sleep(0)
        gate.let()
        return tuple(await asyncio.gather(first, second, return_exceptions=True))

    first, second = asyncio.run(ask())

    assert isinstance(first, MemoryError)
    assert not isinstance(second, BaseException)
    assert np.array_equal(second, [_row("second")])


def test_a_run_that_was_cancelled_leaves_nothing_behind() -> None:
    shared = SharedEmbedder(HashEmbedder())

    async def cancelled() -> None:
        task = asyncio.create_task(shared.embed(["a", "b"]))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(cancelled())  # ends before the batch began

    assert np.array_equal(asyncio.run(shared.embed(["b", "c"])), HashEmbedder().embed(["b", "c"]))


def test_its_identity_is_its_embedders() -> None:
    assert SharedEmbedder(HashEmbedder(dim=8)).identity == HashEmbedder(dim=8).identity


def test_no_more_vectors_are_held_than_it_may_remember_and_none_is_missing() -> None:
    embedder = HashEmbedder()
    shared = SharedEmbedder(embedder, remembered=3)
    texts = [f"text {place}" for place in range(10)]

    async def ask() -> tuple[Vectors, Vectors, Vectors]:
        await shared.embed(texts[:3])
        return (
            await shared.embed(texts),
            await shared.embed(texts[-3:]),
            await shared.embed(texts[:1]),
        )

    everything, last, first = asyncio.run(ask())

    assert np.array_equal(everything, HashEmbedder().embed(texts))
    assert np.array_equal(last, everything[-3:])
    assert np.array_equal(first, everything[:1])
    # The last three were remembered, the first one was not.
    assert [embedder.asked[text] for text in (texts[0], texts[5], texts[9])] == [2, 1, 1]
