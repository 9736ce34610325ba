"""Judged records, durable, end to end: this package beside a bare loop over the openai SDK.

Both ask the same local endpoint, which answers after a fixed latency, and both have every verdict
durable in SQLite before they take the next record. Prints the median of interleaved repeats.
"""

import argparse
import asyncio
import json
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import openai
from rich.console import Console
from rich.table import Table

import judge
from judge.testing import Answer, FakeEndpoint, Received, chat_completion, verdict

LATENCY_S = 0.05
REPEATS = 3


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000)
    parser.add_argument("--connections", type=int, nargs="+", default=[20, 64])
    arguments = parser.parse_args()
    table = Table("connections", "limit, s", "ours, s", "bare openai loop, s", "loop / ours")
    answer = Answer(body=chat_completion(verdict("equivalent")), delay_s=LATENCY_S)

    def respond(_: Received) -> Answer:
        return answer

    with FakeEndpoint(respond) as endpoint:
        for connections in arguments.connections:
            ours, bare = _measured(endpoint.base_url, arguments.records, connections)
            limit_s = arguments.records / connections * LATENCY_S
            table.add_row(
                str(connections),
                f"{limit_s:.2f}",
                f"{ours:.2f}",
                f"{bare:.2f}",
                f"{bare / ours:.2f} x",
            )
    Console().print(f"{arguments.records} records, {1000 * LATENCY_S:.0f} ms a call", table)


def _measured(base_url: str, records: int, connections: int) -> tuple[float, float]:
    times = []
    for _ in range(REPEATS):
        with tempfile.TemporaryDirectory() as folder:
            ours = _seconds(lambda: _ours(Path(folder), base_url, records, connections))
            bare = _seconds(lambda: _bare(Path(folder), base_url, records, connections))
        times.append((ours, bare))
    return median(t[0] for t in times), median(t[1] for t in times)


def _ours(folder: Path, base_url: str, records: int, connections: int) -> None:
    for name, field in (("items", "reference"), ("outputs", "output")):
        lines = (json.dumps({"id": f"r{n}", field: f"text {n}"}) for n in range(records))
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    config = {
        "name": "benchmark",
        "dataset": {"items": "items.jsonl"},
        "systems": {"student": {"role": "student", "outputs": "outputs.jsonl"}},
        "scorers": {"equivalence": {"judge": {"model": "fake", "base_url": base_url}}},
    }
    (folder / "judge.yaml").write_text(json.dumps(config))
    project = judge.open_project(folder / "judge.yaml", calls=judge.CallLimits(connections=connections))
    with judge.open_store(str(folder / "judge.sqlite")) as store:
        asyncio.run(judge.evaluate(project, store, now=lambda: datetime.now(UTC)))


def _bare(folder: Path, base_url: str, records: int, connections: int) -> None:
    database = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE verdicts (id TEXT, verdict TEXT)")
    waiting = iter(range(records))

    async def work(client: openai.AsyncOpenAI) -> None:
        for number in waiting:
            reply = await client.chat.completions.create(
                model="fake", messages=[{"role": "user", "content": f"text {number}"}]
            )
            text = reply.choices[0].message.content or ""
            database.execute("INSERT INTO verdicts VALUES (?, ?)", (f"r{number}", text))

    async def loop() -> None:
        async with openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
            await asyncio.gather(*(work(client) for _ in range(connections)))

    asyncio.run(loop())
    database.close()


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
