"""Workers on PostgreSQL: a job is done once, whatever happens to those who do it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import pytest

from judge.cli.exits import ExitCode
from judge.errors import StoreUnusable
from judge.results.job import Job, JobState, Wish
from judge.results.outcome import Fate, FateCode, Score
from judge.results.postgres import PostgresDatabase
from judge.results.sql import SqlStore
from judge.results.sql_service import new_job_id
from judge.results.store import timestamp
from judge.testing import Answer, FakeEndpoint, Received, chat_completion, verdict
from judge.wiring.endpoint import CallLimits

T = TypeVar("T")

PATIENCE_S = 120
LEASE_S = 2
CONNECTIONS = 8
IN_WORK = CallLimits(connections=CONNECTIONS).in_work
CONFIG = """\
name: {name}
cache: false
dataset: {{items: items.jsonl}}
systems:
  small: {{role: student, outputs: outputs.jsonl}}
scorers:
  equivalence:
    judge: {{model: fake-judge, base_url: "{base_url}", api_key_env: FAKE_KEY{limits}}}
    against: [reference]
"""


def eventually(look: Callable[[], T], complaint: Callable[[], str] = str) -> T:
    """Look until there is something to see, and return it."""
    until = time.monotonic() + PATIENCE_S
    while not (seen := look()):
        assert time.monotonic() < until, complaint()
        time.sleep(0.1)
    return seen


@dataclass
class Cluster:
    """A database, a folder of configs, and workers that come and go."""

    address: str
    folder: Path
    endpoint: FakeEndpoint
    store: SqlStore
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, n: int = 1, *, queues: str = "io") -> list[subprocess.Popen[bytes]]:
        """Start workers."""
        command = [sys.executable, "-m", "judge", "worker", "--queues", queues]
        origin = self.endpoint.base_url.removesuffix("/v1")
        options = {
            "--store": self.address,
            "--root": str(self.folder),
            "--folder": str(self.folder / "service"),
            "--endpoint": f"{origin}=FAKE_KEY",
            "--max-connections": str(CONNECTIONS),
            "--lease": str(LEASE_S),
        }
        words = [word for pair in options.items() for word in pair]
        with (self.folder / "workers.log").open("ab") as log:
            started = [
                subprocess.Popen(
                    [*command, *words],
                    cwd=self.folder,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    env={**os.environ, "FAKE_KEY": "sk-fake"},
                )
                for _ in range(n)
            ]
        self.workers += started
        return started

    def said(self) -> str:
        """Return what workers said of what happened to them."""
        return (self.folder / "workers.log").read_text()

    def submit(
        self, n_records: int, *, name: str = "numbers", limits: str = "", scorers: str = ""
    ) -> str:
        """Submit a job about so many records.

        Args:
            n_records: how many.
            name: of the job.
            limits: of the judge's endpoint, as a part of its section.
            scorers: beside the judge, as lines of the config.
        """
        folder = self.folder / name
        folder.mkdir()
        items = [
            {"id": f"{name}{n}", "input": "Say it.", "reference": f"It is {n}."}
            for n in range(n_records)
        ]
        outputs = [{"id": f"{name}{n}", "output": f"record {name}{n}."} for n in range(n_records)]
        for file, rows in (("items.jsonl", items), ("outputs.jsonl", outputs)):
            (folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
        text = CONFIG.format(name=name, base_url=self.endpoint.base_url, limits=limits) + scorers
        (folder / "judge.yaml").write_text(text)
        job = Job(
            job_id=new_job_id(),
            workspace="w",
            name=name,
            config_path=str(folder / "judge.yaml"),
            submitted=timestamp(),
            changed=timestamp(),
            fingerprint=name,
        )
        return self.store.service.submit(job).job_id

    def job(self, job_id: str) -> Job:
        """Return how a job stands."""
        found = self.store.service.job(job_id)
        assert found is not None
        return found

    def wait(self, job_id: str) -> Job:
        """Wait until a job is over."""
        eventually(
            lambda: self.job(job_id).state.is_over,
            lambda: f"the job is still {self.job(job_id)}: {self.chunks()}",
        )
        return self.job(job_id)

    def wish(self, job_id: str, wish: Wish) -> None:
        """Wish something of a job that runs."""
        found = self.job(job_id)
        self.store.service.change(found, replace(found, wish=wish))

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Look into the database."""
        engine = PostgresDatabase(self.address).engine
        with engine.connect() as connection:
            found = [tuple(row) for row in connection.exec_driver_sql(query)]
        engine.dispose()
        return found

    def chunks(self) -> list[tuple[object, ...]]:
        """Return how the chunks stand."""
        return self.rows("SELECT no, kind, state, attempts, token FROM chunks ORDER BY job_id, no")

    def left_open(self) -> Counter[str]:
        """Count attempts in the ledger that have no end, by record."""
        return self.written_down("WHERE closed IS NULL")

    def written_down(self, which: str = "") -> Counter[str]:
        """Count attempts in the ledger, by record."""
        found = self.rows(f"SELECT call_id FROM attempts {which}")  # noqa: S608
        return Counter(_record(bytes(name).decode()) for (name,) in found)  # type: ignore[call-overload]

    def scored(self, job_id: str) -> Counter[str]:
        """Count the results of a job by record."""
        run_id = self.job(job_id).run_id
        found = self.rows(f"SELECT item_id FROM results WHERE run_id = '{run_id}'")  # noqa: S608
        return Counter(bytes(name).decode() for (name,) in found)  # type: ignore[call-overload]

    def asked(self) -> Counter[str]:
        """Count the questions by record."""
        return Counter(_asked_about(received) for received in self.endpoint.requests)

    def end(self, worker: subprocess.Popen[bytes]) -> int:
        """Ask a worker to end, and return how it did."""
        worker.send_signal(signal.SIGTERM)
        return worker.wait(PATIENCE_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
                worker.wait()
        self.store.close()


@contextmanager
def cluster(folder: Path, address: str, respond: Callable[[Received], Answer]) -> Iterator[Cluster]:
    with ExitStack() as exits:
        endpoint = exits.enter_context(FakeEndpoint(respond))
        store = SqlStore(address)
        yield exits.enter_context(Cluster(address, folder, endpoint, store))


def quick(received: Received) -> Answer:
    # Answers overtake each other, so that what happens finds calls at every stage.
    return Answer(body=chat_completion(verdict()), delay_s=received.number % 7 / 500)


class Door:
    """Answers, and tells how many questions have arrived."""

    def __init__(self, delay_s: float = 0.01) -> None:
        self.delay_s = delay_s
        self._arrived = threading.Semaphore(0)

    def respond(self, received: Received) -> Answer:
        self._arrived.release()
        return Answer(body=chat_completion(verdict()), delay_s=self.delay_s)

    def wait_for(self, questions: int) -> None:
        for _ in range(questions):
            assert self._arrived.acquire(timeout=PATIENCE_S), "nobody asks any more"


def _record(call_id: str) -> str:
    return call_id.rpartition("/")[2].partition("#")[0]


def _asked_about(received: Received) -> str:
    found = re.search(r"record (\w+)\.", received.user_text)
    assert found is not None
    return found[1]


def test_workers_finish_a_job_together_and_ask_about_each_record_once(
    tmp_path: Path, postgres: str
) -> None:
    with cluster(tmp_path, postgres, quick) as found:
        job_id = found.submit(600)
        workers = found.start(2)
        job = found.wait(job_id)
        codes = [found.end(worker) for worker in workers]
        scored, asked = found.scored(job_id), found.asked()
        by = {row[0] for row in found.rows("SELECT worker FROM chunks")}

    everything = Counter({f"numbers{n}": 1 for n in range(600)})
    assert (job.state, job.total, job.error) == (JobState.FINISHED, 600, "")
    assert scored == asked == everything
    assert len(by) == 2
    assert codes == [0, 0]


def _terminate_backends(found: Cluster) -> None:
    found.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


def _at_work(found: Cluster, among: list[subprocess.Popen[bytes]]) -> list[subprocess.Popen[bytes]]:
    """Return those workers that hold a chunk."""
    rows = found.rows("SELECT worker FROM chunks WHERE state = 'running'")
    return [one for one in among if any(f"-{one.pid}-" in str(name) for (name,) in rows)]


def _has_nothing(found: Cluster, worker: subprocess.Popen[bytes]) -> bool:
    return not _at_work(found, [worker])


@pytest.mark.parametrize(
    ("n_records", "events"),
    [
        (2400, 8),
        pytest.param(60_000, 200, marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
    ],
)
def test_killed_stopped_cut_off_and_restarted_workers_store_every_record_once_and_repeat_only_open_calls(  # noqa: E501 - a promise in full
    n_records: int, events: int, tmp_path: Path, postgres: str
) -> None:
    delay_s = 0.1  # slow enough that there is work left for those whom the last events strike
    chance, door = np.random.default_rng(events), Door(delay_s)
    in_flight: list[int] = []

    with cluster(tmp_path, postgres, door.respond) as found:
        job_id = found.submit(n_records)
        alive, codes = found.start(4), []
        for event in range(events):
            door.wait_for(int(chance.integers(20, n_records // events // 4)))
            kind = ("kill", "stop", "cut", "restart")[event % 4]
            if kind == "cut":
                _terminate_backends(found)
                in_flight.append(4 * IN_WORK)
                continue
            at_work = eventually(
                partial(_at_work, found, alive), lambda: f"nobody is at work: {found.chunks()}"
            )
            victim = at_work[int(chance.integers(len(at_work)))]
            alive.remove(victim)
            alive += found.start(1)
            if kind == "restart":
                codes.append(found.end(victim))  # finishes what is in flight
                continue
            in_flight.append(IN_WORK)
            if kind == "kill":
                victim.kill()
                victim.wait()
                continue
            victim.send_signal(signal.SIGSTOP)
            door.delay_s = 10 * delay_s  # or the others would be done before it is missed
            eventually(
                partial(_has_nothing, found, victim),
                lambda: "nobody takes the chunks of one who went silent",
            )
            door.delay_s = delay_s
            # It goes on as if nothing had happened.
            victim.send_signal(signal.SIGCONT)
            codes.append(found.end(victim))
        job = found.wait(job_id)
        codes += [found.end(worker) for worker in alive]
        scored, asked, left = found.scored(job_id), found.asked(), found.left_open()
        written, said = found.written_down(), found.said()

    everything = Counter({f"numbers{n}": 1 for n in range(n_records)})
    repeats = asked - everything
    assert job.state is JobState.FINISHED, job
    assert scored == everything
    # The others had not begun yet when they were asked to end, or lost the database.
    assert set(codes) <= {0, -signal.SIGTERM, ExitCode.BAD_INPUT}
    # Nothing was asked that is not in the ledger, each time it was asked.
    assert asked <= written
    assert repeats.total() <= sum(in_flight)
    assert left.total() <= sum(in_flight)
    assert "given to another" in said


def test_a_worker_that_is_asked_to_end_gives_its_chunks_back_and_nothing_is_asked_twice(
    tmp_path: Path, postgres: str
) -> None:
    door = Door()

    with cluster(tmp_path, postgres, door.respond) as found:
        job_id = found.submit(2000)
        (worker,) = found.start(1)
        codes = []
        for _ in range(3):
            door.wait_for(300)  # more than the one before had in work
            codes.append(found.end(worker))
            held = [row for row in found.chunks() if row[2] == "running"]
            assert held == []
            (worker,) = found.start(1)
        job = found.wait(job_id)
        scored, asked, left = found.scored(job_id), found.asked(), found.left_open()
        attempts = {row[3] for row in found.chunks()}

    assert job.state is JobState.FINISHED
    assert scored == asked == Counter({f"numbers{n}": 1 for n in range(2000)})
    assert codes == [0, 0, 0]
    assert left.total() == 0
    assert attempts == {1}  # what was given back does not count


def test_a_cancelled_job_ends_and_a_paused_one_goes_on_where_it_was(
    tmp_path: Path, postgres: str
) -> None:
    door = Door()

    with cluster(tmp_path, postgres, door.respond) as found:
        first, second = found.submit(3000, name="first"), found.submit(1500, name="second")
        found.start(1)
        door.wait_for(100)
        found.wish(first, Wish.CANCEL)
        cancelled = found.wait(first)
        n_then = len(found.scored(first))
        found.wish(second, Wish.PAUSE)
        paused = found.wait(second)
        n_paused = len(found.scored(second))
        found.store.service.change(paused, paused.moved(JobState.QUEUED))
        finished = found.wait(second)
        n_asked = found.asked()
        n_cancelled = len(found.scored(first))

    assert (cancelled.state, paused.state) == (JobState.CANCELLED, JobState.PAUSED)
    assert n_then == n_cancelled < 3000
    assert n_paused < 1500
    assert finished.state is JobState.FINISHED
    assert set(n_asked.values()) == {1}


def test_two_seconds_after_it_was_cancelled_a_job_asks_nothing_any_more(
    tmp_path: Path, postgres: str
) -> None:
    delay_s = 0.02
    door = Door(delay_s)

    with cluster(tmp_path, postgres, door.respond) as found:
        job_id = found.submit(20_000)
        found.start(2)
        door.wait_for(300)
        found.wish(job_id, Wish.CANCEL)
        before = len(found.endpoint.requests)
        job = found.wait(job_id)
        after = len(found.endpoint.requests) - before

    assert job.state is JobState.CANCELLED
    assert after <= 2 * CONNECTIONS * 2 / delay_s  # what two workers can ask in two seconds


def test_workers_together_keep_to_the_rate_that_the_account_is_granted(
    tmp_path: Path, postgres: str
) -> None:
    per_minute, n_records = 1200, 240
    arrived: list[float] = []

    def respond(_: Received) -> Answer:
        arrived.append(time.monotonic())
        return Answer(body=chat_completion(verdict()))

    with cluster(tmp_path, postgres, respond) as found:
        job_id = found.submit(n_records, limits=f", requests_per_minute: {per_minute}")
        found.start(3)
        job = found.wait(job_id)
        by = {row[0] for row in found.rows("SELECT worker FROM chunks")}

    # One alone would need as long; a worker may send late what it reserved a second ago.
    at_least_s = (n_records - len(by) * per_minute / 60) * 60 / per_minute
    assert job.state is JobState.FINISHED
    assert len(by) > 1
    assert arrived[-1] - arrived[0] >= at_least_s


def test_each_queue_has_its_workers_judges_on_one_and_embeddings_on_the_other(
    tmp_path: Path, postgres: str
) -> None:
    def scorers(found: Cluster, job_id: str) -> Counter[str]:
        run_id = found.job(job_id).run_id
        rows = found.rows(f"SELECT scorer FROM results WHERE run_id = '{run_id}'")  # noqa: S608
        return Counter(bytes(name).decode() for (name,) in rows)  # type: ignore[call-overload]

    def left(found: Cluster, queue: str) -> int:
        query = f"SELECT count(*) FROM chunks WHERE queue = '{queue}' AND state <> 'done'"  # noqa: S608
        ((n,),) = found.rows(query)
        return int(str(n))

    with cluster(tmp_path, postgres, quick) as found:
        job_id = found.submit(30, scorers="  similarity: {}\n")
        (asking,) = found.start(queues="io")
        eventually(lambda: found.job(job_id).total and not left(found, "io"))
        judged = scorers(found, job_id)
        found.end(asking)
        found.start(queues="gpu")
        job = found.wait(job_id)
        everything = scorers(found, job_id)

    assert judged == {"equivalence": 30}
    assert job.state is JobState.FINISHED
    assert everything == {"equivalence": 30, "similarity": 30}


def test_a_small_job_is_done_long_before_a_large_one_that_came_first(
    tmp_path: Path, postgres: str
) -> None:
    door = Door(0.04)

    with cluster(tmp_path, postgres, door.respond) as found:
        large = found.submit(6000, name="large")
        found.start(1)
        door.wait_for(300)
        small = found.submit(400, name="small")
        eventually(lambda: found.scored(small))
        before = len(found.scored(large))
        finished = found.wait(small)
        meanwhile = len(found.scored(large)) - before
        in_all = len(found.scored(large))

    assert finished.state is JobState.FINISHED
    # Its share is a half, once it has begun: about as many of the large one's are scored meanwhile.
    assert meanwhile <= 2.5 * 400
    assert in_all < 3000


def test_a_job_whose_key_is_refused_is_incomplete_after_few_calls_and_can_be_resumed(
    tmp_path: Path, postgres: str
) -> None:
    refusing = True

    def respond(_: Received) -> Answer:
        if refusing:
            return Answer(status=401, body=b'{"error": {"message": "no"}}')
        return Answer(body=chat_completion(verdict()))

    with cluster(tmp_path, postgres, respond) as found:
        job_id = found.submit(600)
        found.start(2)
        left = found.wait(job_id)
        n_refused = len(found.endpoint.requests)
        refusing = False
        found.store.service.change(left, left.moved(JobState.QUEUED))
        finished = found.wait(job_id)

    assert left.state is JobState.INCOMPLETE
    assert "401" in left.error
    assert n_refused <= IN_WORK  # those that had their turn
    assert finished.state is JobState.FINISHED


def test_a_job_that_cannot_be_read_fails_with_the_reason(tmp_path: Path, postgres: str) -> None:
    with cluster(tmp_path, postgres, quick) as found:
        job_id = found.submit(3)
        (tmp_path / "numbers" / "items.jsonl").unlink()
        found.start(1)
        job = found.wait(job_id)

    assert job.state is JobState.FAILED
    assert "items.jsonl" in job.error


def test_a_record_that_kills_its_process_gets_a_fate_and_costs_no_other_record_its_score(
    tmp_path: Path, postgres: str
) -> None:
    running: list[subprocess.Popen[bytes]] = []

    def respond(received: Received) -> Answer:
        if _asked_about(received) == "numbers3":
            running[-1].kill()
        return Answer(body=chat_completion(verdict()))

    with cluster(tmp_path, postgres, respond) as found:
        job_id = found.submit(6)
        until = time.monotonic() + PATIENCE_S
        while not found.job(job_id).state.is_over and time.monotonic() < until:
            if not running or running[-1].poll() is not None:
                running += found.start(1)
            time.sleep(0.1)
        job = found.job(job_id)
        results = {one.key.item_id: one.outcome for one in found.store.results(job.run_id)}

    poisoned = results.pop("numbers3")
    assert job.state is JobState.INCOMPLETE
    assert isinstance(poisoned, Fate)
    assert poisoned.code is FateCode.INTERNAL_ERROR
    assert "ended the process" in poisoned.message
    assert len(results) == 5
    assert all(isinstance(one, Score) for one in results.values())
    assert len(running) <= 6


def test_the_run_of_a_job_at_work_is_not_resumed_from_the_command_line(
    tmp_path: Path, postgres: str
) -> None:
    door = Door()

    with cluster(tmp_path, postgres, door.respond) as found:
        job_id = found.submit(2000)
        found.start(1)
        door.wait_for(200)
        run_id = found.job(job_id).run_id
        with (
            SqlStore(postgres) as other,
            pytest.raises(StoreUnusable, match=f"for {job_id}; pause or cancel"),
        ):
            asyncio.run(other.attempts(run_id, replay=False).opened("call"))
