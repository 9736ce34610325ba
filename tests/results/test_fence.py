import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from judge.errors import ChunkLost, StoreUnusable
from judge.records.record import RecordKey, Target
from judge.results.chunk import Chunk, ChunkKind, Queue
from judge.results.fence import Fence
from judge.results.job import Job, JobState
from judge.results.outcome import NotApplicable
from judge.results.run import Result
from judge.results.sql import SqlStore

RESULT = Result(
    run_id="r",
    key=RecordKey(item_id="i", system="s"),
    outcome=NotApplicable(scorer="adherence", target=Target.SCHEMA, reason="none"),
    content="c",
    duration_s=0.0,
)
JOB = Job(
    job_id="job-1",
    workspace="w",
    name="n",
    config_path="c",
    submitted="t",
    changed="t",
    fingerprint="f",
    state=JobState.RUNNING,
    run_id="r",
)


@pytest.fixture
def store(postgres: str) -> Iterator[SqlStore]:
    """A store with one chunk of a job that runs."""
    with SqlStore(postgres) as opened:
        opened.service.submit(JOB)
        opened.chunks.plan(
            [Chunk(job_id="job-1", no=1, queue=Queue.IO, kind=ChunkKind.SCORE, last=10)]
        )
        yield opened


def _take(store: SqlStore, *, lease_s: float) -> tuple[Chunk, Fence]:
    chunk = store.chunks.take("job-1", 1, worker="w", lease_s=lease_s)
    assert chunk is not None
    return chunk, Fence(job_id="job-1", no=1, token=chunk.token, run_id="r")


def test_who_holds_a_chunk_writes(store: SqlStore) -> None:
    _, fence = _take(store, lease_s=60)
    held = store.fenced(fence)

    asyncio.run(held.put([RESULT]))
    asyncio.run(held.attempts("r", replay=False).opened("call"))
    held.put_document("k", "d", b"x")

    assert len(store.results("r")) == 1


def test_whose_chunk_was_given_to_another_writes_nothing_and_asks_nothing(store: SqlStore) -> None:
    _, early = _take(store, lease_s=-1)
    store.chunks.take_back_lapsed()
    _, late = _take(store, lease_s=60)
    zombie, owner = store.fenced(early), store.fenced(late)

    with pytest.raises(ChunkLost, match="given to another"):
        asyncio.run(zombie.put([RESULT]))
    with pytest.raises(ChunkLost):
        asyncio.run(zombie.attempts("r", replay=False).opened("call"))
    with pytest.raises(ChunkLost):
        zombie.put_document("k", "d", b"x")
    asyncio.run(owner.put([RESULT]))

    assert len(store.results("r")) == 1
    assert store.documents("k") == []
    assert not store.service.is_failing  # a refusal is no failure of the database


def test_a_call_that_was_paid_for_is_closed_whoever_has_the_chunk(store: SqlStore) -> None:
    async def ask(held: SqlStore) -> None:
        log = held.attempts("r", replay=False)
        attempt = await log.opened("a/s/i#1")
        store.chunks.take_back_lapsed()
        await log.closed(attempt, reply=b"{}")

    _, early = _take(store, lease_s=-1)
    asyncio.run(ask(store.fenced(early)))
    _, late = _take(store, lease_s=60)
    owner = store.fenced(late, cases=["a/s/i"])
    of_another = store.fenced(late, cases=["a/s/j"])

    assert owner.attempts("r", replay=True).answered("a/s/i#1") == b"{}"
    assert of_another.attempts("r", replay=True).answered("a/s/i#1") is None


def test_workers_wait_while_a_command_has_the_run(store: SqlStore, postgres: str) -> None:
    with SqlStore(postgres) as command:
        asyncio.run(command.put([replace(RESULT, revision=1)]))
        _, fence = _take(store, lease_s=60)

        with pytest.raises(StoreUnusable, match="another judge is writing to the run r"):
            asyncio.run(store.fenced(fence).put([RESULT]))
