"""A service under load: judged records a second, and how its pages answer meanwhile.

    python -m benchmarks.service_load [--records 10000 100000]

A real `judge serve` on SQLite with `synchronous=FULL` has one job of so many records, which are put
to a fake judge that answers in 50 ms in a process of its own. Meanwhile its pages and `/healthz`
are asked again and again. The peer is `judge run` on the same records, without a service.

A rate is that of the whole job, from its submission to its end. Memory is that of the service's
process (`VmRSS`, and `VmHWM` at its end).
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import numpy as np

from benchmarks.judge_throughput import endpoint
from benchmarks.judged_set import write_set
from judge.client import Client

LATENCY_MS = 50
CONNECTIONS = 256
MARKS = (0.1, 0.5, 0.98)
"""Shares of the records at which memory is looked at."""
ENVIRONMENT = {**os.environ, "FAKE_KEY": "sk-fake"}
ROLES = [part for role in ("submit", "read") for part in ("--role", role)]


def main() -> None:
    """Print a row for each number of records."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--records", type=int, nargs="+", default=[10_000, 100_000])
    options.add_argument("--no-peer", action="store_true", help="leave `judge run` out")
    given = options.parse_args()
    with endpoint() as port:
        for records in given.records:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                address = f"http://127.0.0.1:{port}/{LATENCY_MS}/ours/v1"
                write_set(folder, "load", address, records=records)
                _serve_one(folder, f"http://127.0.0.1:{port}", records)
                if not given.no_peer:
                    began = time.perf_counter()
                    _judge(folder, "run", "judge.yaml", "--json", *_asked())
                    rate = records / (time.perf_counter() - began)
                    print(f"  `judge run`, with its report: {rate:,.0f} records/s", flush=True)


def _asked() -> list[str]:
    return ["--max-connections", str(CONNECTIONS)]


def _judge(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - this package
        [sys.executable, "-m", "judge", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return done.stdout


@contextmanager
def _service(folder: Path, origin: str) -> Iterator[tuple[str, int]]:
    command = ["serve", "--port", "0", "--root", str(folder), "--endpoint", f"{origin}=FAKE_KEY"]
    with subprocess.Popen(  # noqa: S603 - this package
        [sys.executable, "-m", "judge", *command, *_asked()],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdout is None:
            raise RuntimeError("the service says nothing")
        try:
            line = next(line for line in process.stdout if "serving on" in line)
            yield re.findall(r"http://[\d.:]+\d", line)[0], process.pid
        finally:
            process.terminate()
            process.stdout.read()


def _serve_one(folder: Path, origin: str, records: int) -> None:
    key = _judge(folder, "keys", "create", "load", *ROLES).strip()
    with _service(folder, origin) as (address, pid), Client(address, key=key) as client:
        before = _memory(pid)
        began = time.perf_counter()
        job = client.submit(config_path=str(folder / "judge.yaml"))
        with _asking(address, key, job.job_id) as times:
            memory: dict[float, float] = {}
            while not (job := client.job(job.job_id)).is_over:
                for mark in MARKS:
                    if job.done >= mark * records:
                        memory.setdefault(mark, _memory(pid))
                time.sleep(0.2)
        seconds = time.perf_counter() - began
        peak = _memory(pid, "VmHWM")
    if job.state != "finished" or job.done != records:
        raise RuntimeError(f"the job did not end well: {job}")
    held = ", ".join(f"{mark:.0%}: {found:.0f}" for mark, found in memory.items())
    print(f"{records:,} records: {records / seconds:,.0f} records/s through the service")
    print(f"  memory, MB: {before:.0f} before, {held}, peak {peak:.0f}")
    for path, found in times.items():
        p50, p95, p99 = 1000 * np.percentile(found, [50, 95, 99])
        print(
            f"  {path}: p50 {p50:,.0f} ms, p95 {p95:,.0f} ms, p99 {p99:,.0f} ms of {len(found)}",
            flush=True,
        )


@contextmanager
def _asking(address: str, key: str, job_id: str) -> Iterator[dict[str, list[float]]]:
    """Ask for pages as a person would, and for `/healthz` as a watchdog does, until it is over."""
    times: dict[str, list[float]] = {"/healthz": [], "/": [], "/jobs/JOB": []}
    over = threading.Event()

    def ask(path: str, every_s: float) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx2.Client(base_url=address, headers=headers, trust_env=False, timeout=60) as http:
            while not over.wait(every_s):
                began = time.perf_counter()
                http.get(path.replace("JOB", job_id)).raise_for_status()
                times[path].append(time.perf_counter() - began)

    threads = [
        threading.Thread(target=ask, args=(path, 0.05 if path == "/healthz" else 0.3))
        for path in times
    ]
    for thread in threads:
        thread.start()
    try:
        yield times
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _memory(pid: int, what: str = "VmRSS") -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
