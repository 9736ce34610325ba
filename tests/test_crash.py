import json
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from threading import Semaphore

import pytest

from judge.testing import Answer, FakeEndpoint, Received, chat_completion, verdict

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
    return Counter(call_id.rpartition("/")[2].partition("#")[0] for (call_id,) in rows)


@pytest.mark.parametrize(
    ("kills", "connections"),
    [
        (10, 20),
        pytest.param(300, 4, marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
)
def test_a_run_killed_again_and_again_keeps_every_result_once_and_repeats_only_open_calls(
    kills: int, connections: int, tmp_path: Path
) -> None:
    store = tmp_path / "judge.sqlite"
    options = ("--store", str(store), "--max-connections", str(connections), "--json")
    door = Door()
    open_at_kill: list[int] = []

    with FakeEndpoint(door.respond) as endpoint:
        write_project(tmp_path, endpoint.base_url)
        for kill in range(kills):
            verb = ("resume", "latest") if kill else ("run", "judge.yaml")
            with subprocess.Popen(
                [*COMMAND, *verb, *options], cwd=tmp_path, stdout=subprocess.DEVNULL
            ) as process:
                try:
                    door.wait_for(LAST_KILL_AT // kills)
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
    with closing(sqlite3.connect(store)) as connection:
        results = connection.execute("SELECT item_id, revision, kind FROM results").fetchall()

    everything = {str(number) for number in range(RECORDS)}
    assert sorted(results) == sorted((name, 0, "Score") for name in everything)
    assert asked.keys() == everything
    repeats = Counter({name: times - 1 for name, times in asked.items()})
    # An attempt that never ended may have been paid for: each of them is listed, and only they
    # are asked again.
    assert repeats <= left_open(store)
    assert max(open_at_kill) <= connections
    assert 0 < repeats.total() <= sum(open_at_kill) <= kills * connections
    assert report["run"]["complete"]
    assert report["run"]["possibly_paid"] == len(left_open(store))
