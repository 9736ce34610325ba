"""A service that is killed again and again: its job is done once, on both databases."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sql

from judge.results.job import Job, JobState
from judge.results.postgres import PostgresDatabase
from judge.results.run import Result
from judge.results.sql import SqlStore
from judge.results.sql_service import new_job_id
from judge.results.store import timestamp
from judge.testing import FakeEndpoint
from judge.wiring.endpoint import CallLimits
from tests.test_crash import PATIENCE_S, RECORDS, Door, asked_about, record_of, write_project

CONNECTIONS = 20


def _submit(store: Path | str, folder: Path) -> str:
    job = Job(
        job_id=new_job_id(),
        workspace="w",
        name="crash",
        config_path=str(folder / "judge.yaml"),
        submitted=timestamp(),
        changed=timestamp(),
        fingerprint="f",
    )
    with SqlStore(store) as opened:
        return opened.service.submit(job).job_id


def _start(store: Path | str, folder: Path, endpoint: FakeEndpoint) -> subprocess.Popen[bytes]:
    origin = endpoint.base_url.removesuffix("/v1")
    options = {
        "--store": str(store),
        "--root": str(folder),
        "--folder": str(folder / "service"),
        "--endpoint": f"{origin}=OPENAI_API_KEY",
        "--max-connections": str(CONNECTIONS),
        "--port": "0",
    }
    words = [word for pair in options.items() for word in pair]
    return subprocess.Popen(
        [sys.executable, "-m", "judge", "serve", *words],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "OPENAI_API_KEY": "sk-fake"},
    )


def _wait_until_over(store: Path | str, job_id: str) -> None:
    if isinstance(store, str):
        engine = PostgresDatabase(store).engine
    else:
        engine = sql.create_engine(f"sqlite:///{store}")
    state = sql.text("SELECT state FROM jobs WHERE job_id = :job_id")
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        with engine.connect() as connection:
            if JobState(connection.execute(state, {"job_id": job_id}).scalar_one()).is_over:
                break
        time.sleep(0.1)
    engine.dispose()


def _found(store: Path | str, job_id: str) -> tuple[Job, list[Result], Counter[str]]:
    """Return a job, its results and the attempts that have no end, by record."""
    with SqlStore(store) as opened:
        job = opened.service.job(job_id)
        assert job is not None
        paid = opened.possibly_paid(job.run_id)
        return job, list(opened.results(job.run_id)), Counter(record_of(a.call_id) for a in paid)


@pytest.mark.parametrize(
    "kills",
    [4, pytest.param(50, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])],
)
def test_a_service_killed_again_and_again_scores_every_record_once_and_repeats_only_open_calls(
    kills: int, tmp_path: Path, place: Path | str
) -> None:
    door, chance = Door(), np.random.default_rng(kills)

    with FakeEndpoint(door.respond) as endpoint:
        write_project(tmp_path, endpoint.base_url)
        job_id = _submit(place, tmp_path)
        for _ in range(kills):
            with _start(place, tmp_path, endpoint) as process:
                try:
                    door.wait_for(int(chance.integers(1, 1600 // kills)))
                finally:
                    process.kill()
            assert process.returncode == -signal.SIGKILL
        last = _start(place, tmp_path, endpoint)
        try:
            _wait_until_over(place, job_id)
        finally:
            last.send_signal(signal.SIGTERM)
            code = last.wait(PATIENCE_S)
        asked = Counter(asked_about(received) for received in endpoint.requests)
    job, results, left_open = _found(place, job_id)

    everything = Counter({str(n): 1 for n in range(RECORDS)})
    repeats = asked - everything
    assert Counter(one.key.item_id for one in results) == everything
    assert code == 0
    assert job.state is JobState.FINISHED
    assert repeats <= left_open
    assert left_open.total() <= kills * CallLimits(connections=CONNECTIONS).in_work
