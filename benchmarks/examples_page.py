"""How long a page of the examples of many records takes, beside reading the run for it.

    python benchmarks/examples_page.py [--records 100000] [--times 40]

The records are those of benchmarks/report_html.py, in a store on SQLite. Each page is asked of the
whole app, without a network, after its index was made; the peer reads the run as a report does.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import perf_counter, sleep

import numpy as np
from fastapi.testclient import TestClient

from benchmarks.report_html import made_run
from judge.results.job import Job, JobState
from judge.results.run import RunManifest
from judge.results.sql import SqlStore
from judge.web.access import Role
from judge.web.app import create_app
from judge.web.server import serving
from judge.wiring.serving import ServerRules, open_job

_BATCH = 5_000
_PATHS = {
    "the first page": "",
    "one system, one metric, wrong": "?system=sft&metric=equivalence.reference&show=wrong",
    "a slice, scored below the teacher": "?slice=kind%3Dkind+3&show=teacher",
    "lowest similarity first, far down": "?metric=similarity.reference&from=60000",
    "words that many have": "?find=tenant",
    "words that nobody has": "?find=zzz",
    "one example": "/50000",
}


def main() -> None:
    """Print percentiles of each page, and their ratio to reading the run."""
    options = argparse.ArgumentParser()
    options.add_argument("--records", type=int, default=100_000)
    options.add_argument("--times", type=int, default=40)
    asked = options.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        SqlStore(Path(folder) / "judge.sqlite") as store,
    ):
        manifest = asyncio.run(_kept(store, asked.records))
        began = perf_counter()
        records = list(store.dataset(manifest).records())
        results = store.results(manifest.run_id)
        whole = perf_counter() - began
        print(f"{len(records):,} records, {len(results):,} results, read in {whole:.2f} s")
        rules = ServerRules(folder=Path(folder) / "service", endpoints={}, connections=1)
        opener = partial(open_job, rules, store)
        with serving(store, rules, opener, hosts=frozenset({"testserver"})) as server:
            _, key = server.keys.create(name="b", workspace="default", roles=[Role.READ])
            http = TestClient(create_app(server), headers={"Authorization": f"Bearer {key}"})
            base = f"/runs/{manifest.run_id}/examples"
            began = perf_counter()
            while "put in order" in http.get(base).text:
                sleep(0.2)
            print(f"index made in {perf_counter() - began:.1f} s")
            for name, path in _PATHS.items():
                times = [_time(http, base + path) for _ in range(asked.times)]
                _print(name, times, whole)


async def _kept(store: SqlStore, n_records: int) -> RunManifest:
    manifest, dataset, results = made_run(n_records)
    store.begin(manifest, dataset)
    for first in range(0, len(results), _BATCH):
        await store.put(results[first : first + _BATCH])
    store.service.submit(
        Job(
            job_id="job-1",
            workspace="default",
            name="many",
            state=JobState.FINISHED,
            config_path="",
            run_id=manifest.run_id,
            submitted="2026-05-01",
            changed="2026-05-01",
            fingerprint="",
        )
    )
    return manifest


def _time(http: TestClient, path: str) -> float:
    began = perf_counter()
    http.get(path).raise_for_status()
    return perf_counter() - began


def _print(name: str, times: Sequence[float], whole: float) -> None:
    p50, p95 = np.quantile(times, [0.5, 0.95])
    print(f"{name:36} p50 {1000 * p50:6.0f} ms  p95 {1000 * p95:6.0f} ms  1/{whole / p95:,.0f}")


if __name__ == "__main__":
    main()
