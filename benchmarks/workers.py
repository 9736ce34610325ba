"""Judged records a second with 1, 2 and 4 workers on one PostgreSQL, and what that can take.

    python -m benchmarks.workers [--postgresql postgresql://...] [--workers 1 2 4]

Everything is on one machine: workers, database and a fake judge, a process each, which share its
cores. With an answer in 500 ms the workers mostly wait, as with a real judge: there the figure
should grow with their number. With one in 10 ms they are busy, and the cores are the limit. The
last table leaves workers out: processes that only write what a record comes to.

A rate is that between the first and the last tenth of the records. The peer of each row is one
worker, or one writer.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sql

from benchmarks.judge_throughput import endpoint
from benchmarks.judged_set import write_set
from benchmarks.storage import ledger_and_result, postgresql
from judge.results.job import Job
from judge.results.postgres import PostgresDatabase
from judge.results.sql import SqlStore
from judge.results.sql_service import new_job_id
from judge.results.store import timestamp

SETTINGS = ((500, 120), (10, 400))
"""Milliseconds of an answer, and records of a job for each second it should take one worker."""
CONNECTIONS = 64
SECONDS = 40
MIDDLE = (0.1, 0.9)
ROWS = 20_000


def main() -> None:
    """Print a row for each number of workers."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--postgresql", metavar="ADDRESS")
    arguments.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    arguments.add_argument("--seconds", type=int, default=SECONDS)
    arguments.add_argument("--write", help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.write:
        with SqlStore(given.write) as store:
            print("ready", flush=True)
            sys.stdin.readline()
            asyncio.run(ledger_and_result(store, ROWS, run_id=f"r{os.getpid()}"))
        return
    with postgresql(given.postgresql) as address, endpoint() as port:
        for latency_ms, per_s in SETTINGS:
            alone = 0.0
            for n_workers in given.workers:
                found = _judge(
                    address, port, latency_ms, n_workers=n_workers, records=per_s * given.seconds
                )
                alone = alone or found / n_workers
                print(
                    f"{latency_ms:4} ms, {n_workers} workers: {found:7,.0f} records/s, "
                    f"{found / alone:.2f} x one worker",
                    flush=True,
                )
        print(f"on the disk: {_bytes_a_record(address):,.0f} bytes a record")
        alone = 0.0
        for n_writers in given.workers:
            found = _write(address, n_writers)
            alone = alone or found / n_writers
            print(f"{n_writers} writers: {found:7,.0f} records/s, {found / alone:.2f} x one writer")


def _judge(address: str, port: int, latency_ms: int, *, n_workers: int, records: int) -> float:
    base_url = f"http://127.0.0.1:{port}/{latency_ms}/ours/v1"
    with tempfile.TemporaryDirectory() as name, SqlStore(address) as store:
        folder = Path(name)
        job_id = _submit(store, folder, base_url, records=records)
        with _workers(n_workers, address, folder, f"http://127.0.0.1:{port}"):
            times: dict[int, float] = {}
            while True:
                job = store.service.job(job_id)
                if job is None or job.state.is_over:
                    break
                times[store.service.n_outcomes(job.run_id)] = time.perf_counter()
                time.sleep(0.1)
        if job is None or job.error:
            raise RuntimeError(f"the job did not end well: {job}")
    middle = [(n, at) for n, at in times.items() if MIDDLE[0] <= n / records <= MIDDLE[1]]
    (first, began), (last, ended) = middle[0], middle[-1]
    return (last - first) / (ended - began)


def _submit(store: SqlStore, folder: Path, base_url: str, *, records: int) -> str:
    config = write_set(folder, "workers", base_url, records=records)
    job = Job(
        job_id=new_job_id(),
        workspace="w",
        name="workers",
        config_path=str(config),
        submitted=timestamp(),
        changed=timestamp(),
        fingerprint="f",
    )
    return store.service.submit(job).job_id


@contextmanager
def _workers(n: int, address: str, folder: Path, origin: str) -> Iterator[None]:
    options = ["--queues", "io", "--store", address, "--root", str(folder)]
    options += ["--folder", str(folder / "service"), "--endpoint", f"{origin}=FAKE_KEY"]
    options += ["--max-connections", str(CONNECTIONS)]
    started = [
        subprocess.Popen(  # noqa: S603 - this package
            [sys.executable, "-m", "judge", "worker", *options],
            stdout=subprocess.DEVNULL,
            env={**os.environ, "FAKE_KEY": "sk-fake"},
        )
        for _ in range(n)
    ]
    try:
        yield
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()


def _bytes_a_record(address: str) -> float:
    """Return what a record takes with its item, its output, its ledger row and their indexes."""
    tables = ("results", "attempts", "items", "outputs")
    total = " + ".join(f"pg_total_relation_size('{table}')" for table in tables)
    engine = PostgresDatabase(address).engine
    with engine.connect() as connection:
        connection.execute(sql.text("VACUUM"))
        query = f"SELECT {total}, (SELECT count(*) FROM results)"  # noqa: S608 - names of ours
        size, n = connection.execute(sql.text(query)).one()
    engine.dispose()
    return float(size) / float(n)


def _write(address: str, n_writers: int) -> float:
    command = [sys.executable, "-m", "benchmarks.workers", "--write", address]
    writers = [
        subprocess.Popen(  # noqa: S603 - this very file
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(n_writers)
    ]
    for writer in writers:
        if writer.stdout is None or writer.stdout.readline() != "ready\n":
            raise RuntimeError("a writer did not start")
    began = time.perf_counter()
    for writer in writers:
        if writer.stdin is not None:
            writer.stdin.close()  # they all begin
    for writer in writers:
        writer.wait()
    return n_writers * ROWS / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
