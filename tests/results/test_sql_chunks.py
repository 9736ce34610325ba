from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from judge.results.backup import back_up, restore
from judge.results.chunk import Chunk, ChunkKind, ChunkState, Queue
from judge.results.job import Job, JobState, Wish
from judge.results.sql import SqlStore
from judge.results.sql_chunks import Progress

JOB = Job(
    job_id="job-1",
    workspace="w",
    name="n",
    config_path="c",
    submitted="t",
    changed="t",
    fingerprint="f",
    state=JobState.RUNNING,
)
CHUNKS = [
    Chunk(job_id="job-1", no=1, queue=Queue.IO, kind=ChunkKind.SCORE, first=0, last=10),
    Chunk(job_id="job-1", no=2, queue=Queue.IO, kind=ChunkKind.SCORE, first=10, last=20),
    Chunk(job_id="job-1", no=3, queue=Queue.GPU, kind=ChunkKind.SCORE, first=0, last=20),
    Chunk(job_id="job-1", no=4, queue=Queue.GPU, kind=ChunkKind.FINISH),
]


@pytest.fixture
def store(postgres: str) -> Iterator[SqlStore]:
    with SqlStore(postgres) as opened:
        opened.service.submit(JOB)
        opened.chunks.plan(CHUNKS)
        yield opened


def _take(store: SqlStore, no: int, *, lease_s: float = 60, alone: bool = False) -> Chunk | None:
    return store.chunks.take("job-1", no, worker="w", lease_s=lease_s, alone=alone)


def _taken(store: SqlStore, no: int, *, lease_s: float = 60) -> Chunk:
    chunk = _take(store, no, lease_s=lease_s)
    assert chunk is not None
    return chunk


def _wish(store: SqlStore, wish: Wish) -> None:
    found = store.service.job("job-1")
    assert found is not None
    store.service.change(found, replace(found, wish=wish))


def test_of_many_who_want_a_chunk_one_gets_it(store: SqlStore) -> None:
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: _take(store, 1), range(16)))

    assert sum(chunk is not None for chunk in taken) == 1


def test_no_chunk_of_a_job_is_taken_that_is_wished_to_pause(store: SqlStore) -> None:
    held = _taken(store, 1)
    _wish(store, Wish.PAUSE)

    assert _take(store, 2) is None
    assert store.chunks.wish(held) is Wish.PAUSE


def test_a_chunk_that_must_run_alone_is_not_taken_beside_another(store: SqlStore) -> None:
    _taken(store, 1)

    assert _take(store, 2, alone=True) is None
    assert _take(store, 2) is not None


def test_what_is_given_back_does_not_count_as_an_attempt(store: SqlStore) -> None:
    assert store.chunks.give_back(_taken(store, 1))

    found = store.chunks.find("job-1", 1)
    assert found is not None
    assert (found.state, found.attempts, found.token) == (ChunkState.TODO, 0, 1)


def test_who_lost_a_chunk_changes_nothing_of_it(store: SqlStore) -> None:
    lost = _taken(store, 1, lease_s=-1)
    store.chunks.take_back_lapsed()
    held = _taken(store, 1)

    refused = [
        store.chunks.done(lost, undone=0),
        store.chunks.give_back(lost),
        store.chunks.renew(lost, lease_s=60),
    ]

    assert refused == [False] * 3
    assert store.chunks.wish(lost) is None
    assert store.chunks.find("job-1", 1) == held


def test_a_lease_that_is_kept_up_does_not_run_out(store: SqlStore) -> None:
    held = _taken(store, 1, lease_s=-1)
    store.chunks.renew(held, lease_s=60)

    assert store.chunks.take_back_lapsed() == []


def test_a_chunk_that_died_twice_is_halved_and_both_halves_are_suspect(store: SqlStore) -> None:
    for _ in range(2):
        _taken(store, 1, lease_s=-1)
        store.chunks.take_back_lapsed()

    first, other = store.chunks.find("job-1", 1), store.chunks.find("job-1", 5)
    assert first is not None
    assert other is not None
    assert (first.first, first.last, other.first, other.last) == (0, 5, 5, 10)
    assert first.is_suspect
    assert other.is_suspect


def test_the_first_chunk_of_a_queue_goes_alone_and_the_last_waits_for_all(store: SqlStore) -> None:
    def following(queue: Queue) -> list[int]:
        return [chunk.no for chunk in store.chunks.next("job-1", queue, most=9)]

    alone = following(Queue.IO), following(Queue.GPU)
    store.chunks.done(_taken(store, 1), undone=0)
    others = following(Queue.IO)
    for no in (2, 3):
        store.chunks.done(_taken(store, no), undone=0)
    last = following(Queue.IO), following(Queue.GPU)

    assert alone == ([1], [3])
    assert others == [2]
    assert last == ([], [4])


def test_progress_and_what_is_opened_again(store: SqlStore) -> None:
    store.chunks.done(_taken(store, 1), undone=3)
    store.chunks.done(_taken(store, 2), undone=0)
    _taken(store, 3)
    before = store.chunks.progress("job-1")

    store.chunks.reopen("job-1", everything=False)

    assert before == Progress(planned=4, running=1, left=2, undone=3)
    assert store.chunks.progress("job-1") == Progress(planned=4, running=0, left=3, undone=0)


def test_one_worker_at_a_time_looks_after_all_jobs(store: SqlStore) -> None:
    with ThreadPoolExecutor(4) as threads:
        turns = list(threads.map(lambda _: store.chunks.is_turn(every_s=3600), range(8)))

    assert sum(turns) == 1


def test_slots_are_those_of_workers_that_are_there(store: SqlStore) -> None:
    store.chunks.at_work("a", Queue.IO, slots=4)
    store.chunks.at_work("b", Queue.IO, slots=4)
    store.chunks.at_work("b", Queue.IO, slots=0)

    assert (store.chunks.slots(Queue.IO), store.chunks.slots(Queue.GPU)) == (4, 0)


def test_chunks_are_in_a_backup_and_come_back(
    store: SqlStore, postgres: str, new_postgres: Callable[[], str], tmp_path: Path
) -> None:
    back_up(postgres, tmp_path / "copy.sqlite")
    elsewhere = new_postgres()
    restore(tmp_path / "copy.sqlite", elsewhere)

    with SqlStore(elsewhere) as restored:
        assert restored.chunks.find("job-1", 2) == CHUNKS[1]
