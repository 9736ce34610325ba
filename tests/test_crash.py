import json
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from threading import Semaphore

import numpy as np
import pytest

from judge.cli.exits import ExitCode
from judge.results.sql import SqlStore
from judge.testing import Answer, FakeEndpoint, Received, chat_completion, verdict
from judge.wiring.endpoint import CallLimits

RECORDS = 2000
LAST_KILL_AT = 1800
PATIENCE_S = 120
CONFIG = """\
name: crash
dataset: {{items: items.jsonl}}
systems:
  small: {{role: student, outputs: outputs.jsonl}}
scorers:
  equivalence:
    judge: {{model: fake-judge, base_url: "{base_url}"}}
    against: [reference]
"""
COMMAND = (sys.executable, "-m", "judge")


class Door:
    """Answers at the endpoint, and lets a test wait until so many questions have arrived."""

    def __init__(self) -> None:
        self._arrived = Semaphore(0)

    def respond(self, received: Received) -> Answer:
        self._arrived.release()
        # Answers overtake each other, so that a kill finds calls at every stage.
        return Answer(body=chat_completion(verdict()), delay_s=received.number % 7 / 500)

    def wait_for(self, questions: int) -> None:
        for _ in range(questions):
            assert self._arrived.acquire(timeout=PATIENCE_S), "the run has stopped asking"


def write_project(folder: Path, base_url: str) -> None:
    items = [
        {"id": str(number), "input": "Say the number.", "reference": f"It is {number}."}
        for number in range(RECORDS)
    ]
    outputs = [
        {"id": str(number), "output": f"record number {number}"} for number in range(RECORDS)
    ]
    for name, rows in (("items.jsonl", items), ("outputs.jsonl", outputs)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "judge.yaml").write_text(CONFIG.format(base_url=base_url))


def asked_about(received: Received) -> str:
    found = re.search(r"record number (\d+)", received.user_text)
    assert found is not None
    return found[1]


def left_open(store: Path) -> Counter[str]:
    """Count the attempts without an end in the ledger, by record."""
    with closing(sqlite3.connect(store)) as connection:
        rows = connection.execute("SELECT call_id FROM attempts WHERE closed IS NULL").fetchall()
    return Counter(record_of(call_id) for (call_id,) in rows)


def record_of(call_id: str) -> str:
    return call_id.rpartition("/")[2].partition("#")[0]


def results(store: Path) -> list[tuple[str, int, str]]:
    with closing(sqlite3.connect(store)) as connection:
        return connection.execute("SELECT item_id, revision, kind FROM results").fetchall()


EVERYTHING = sorted((str(number), 0, "Score") for number in range(RECORDS))


@pytest.mark.parametrize(
    ("kills", "connections"),
    [
        (6, 20),
        pytest.param(50, 20, marks=[pytest.mark.slow, pytest.mark.timeout(1200)]),
        pytest.param(300, 4, marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
)
def test_a_run_killed_again_and_again_keeps_every_result_once_and_repeats_only_open_calls(
    kills: int, connections: int, tmp_path: Path
) -> None:
    store = tmp_path / "judge.sqlite"
    options = ("--store", str(store), "--max-connections", str(connections), "--json")
    door, chance = Door(), np.random.default_rng(kills)
    open_at_kill: list[int] = []

    with FakeEndpoint(door.respond) as endpoint:
        write_project(tmp_path, endpoint.base_url)
        for kill in range(kills):
            verb = ("resume", "latest") if kill else ("run", "judge.yaml")
            with subprocess.Popen(
                [*COMMAND, *verb, *options], cwd=tmp_path, stdout=subprocess.DEVNULL
            ) as process:
                try:
                    door.wait_for(int(chance.integers(1, 2 * LAST_KILL_AT // kills)))
                    # At any moment, not only when a question has just arrived.
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(timeout=chance.uniform(0, 0.02))
                finally:
                    process.kill()
            assert process.returncode == -9
            open_at_kill.append(left_open(store).total() - sum(open_at_kill))
        last = subprocess.run(
            [*COMMAND, "resume", "latest", *options],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            check=True,
        )
        asked = Counter(asked_about(received) for received in endpoint.requests)
    report = json.loads(last.stdout)
    with SqlStore(store) as opened:
        paid = opened.possibly_paid(opened.manifests()[0].run_id)

    assert sorted(results(store)) == EVERYTHING
    assert asked.keys() == {name for name, _, _ in EVERYTHING}
    repeats = Counter({name: times - 1 for name, times in asked.items()})
    # An attempt that never ended may have been paid for: each of them is listed, and only they
    # are asked again.
    assert repeats <= left_open(store)
    assert Counter(record_of(one.call_id) for one in paid) == left_open(store)
    in_work = CallLimits(connections=connections).in_work
    assert max(open_at_kill) <= in_work
    assert 0 < repeats.total() <= sum(open_at_kill) <= kills * in_work
    assert report["run"]["complete"]


ON_A_FULL_DISK = """
import resource, runpy, sys

_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)), hard))
runpy.run_module("judge", run_name="__main__")
"""


def test_where_the_disk_fills_up_calls_stop_first_and_a_resume_finishes_with_nothing_lost(
    tmp_path: Path,
) -> None:
    store, connections = tmp_path / "judge.sqlite", 20
    options = ("--store", str(store), "--max-connections", str(connections), "--json")

    with FakeEndpoint(Door().respond) as endpoint:
        write_project(tmp_path, endpoint.base_url)
        room = ("-c", ON_A_FULL_DISK, str(3 * 2**20))
        full = subprocess.run(
            [sys.executable, *room, "run", "judge.yaml", *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        sent = Counter(asked_about(received) for received in endpoint.requests)
        kept = {name for name, _, _ in results(store)}
        still_open = left_open(store)
        subprocess.run(
            [*COMMAND, "resume", "latest", *options],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        asked = Counter(asked_about(received) for received in endpoint.requests)

    assert full.returncode == ExitCode.INCOMPLETE
    assert "disk" in full.stderr
    assert 0 < len(kept) < RECORDS
    # Whatever was sent stood in the ledger before, and nobody began a record beyond those in
    # work when the first row could not be written.
    assert len(sent - Counter(kept)) <= CallLimits(connections=connections).in_work
    assert sorted(results(store)) == EVERYTHING
    assert asked - Counter(dict.fromkeys(asked, 1)) <= still_open
