"""Memory of a judged run, by the number of its records.

Each measurement is a process of its own. The pipeline takes records from a generator, puts them to
a judge and keeps calls, replies and verdicts in SQLite: its memory should not grow with them. A
whole `judge run` reads a set from files first and reports on it afterwards: each of its stages has
a peak of its own here. Texts lie in temporary files; ids, offsets and what came of each record are
in memory.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

import judge
from judge.judges.prompt import read_prompt
from judge.judges.prompted import PromptedJudge
from judge.models.chat import ChatCall, Completion, Sampling
from judge.models.ledger import Ledgered
from judge.models.limits import Deadlined, Limited, Retrying
from judge.records.record import Record, Target
from judge.results.run import Result
from judge.results.sql import SqlStore
from judge.runs.executor import Stop, score_all
from judge.runs.plan import Task
from judge.scorers.equivalence import EquivalenceScorer
from judge.shipped import shipped
from judge.testing import completion, verdict

HERE = Path(__file__).parent
SIZES = (10_000, 30_000, 100_000)
CONNECTIONS = 256
INPUT = "What does the text say about the number? " * 12
ANSWER = "The text says that the number is even, and gives two reasons for it. " * 6
STAGES = ("imported", "read", "judged", "reported")


def main() -> None:
    """Measure and print a table for the pipeline and one for whole runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--quick", action="store_true", help="a tenth of the records")
    parser.add_argument("--measure", choices=("pipeline", "run"), help=argparse.SUPPRESS)
    parser.add_argument("--records", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--base-url", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure == "pipeline":
        print(json.dumps(asyncio.run(_pipeline(arguments.records))))
    elif arguments.measure == "run":
        print(json.dumps(_run(arguments.records, arguments.base_url)))
    else:
        sizes = [size // 10 for size in arguments.sizes] if arguments.quick else arguments.sizes
        _compare(sizes)


def _compare(sizes: Sequence[int]) -> None:
    console = Console()
    pipeline = Table("records", "imported, MB", "judging, peak MB", "store, MB")
    for size in sizes:
        found = _measured("pipeline", size)
        pipeline.add_row(
            f"{size:,}", *(f"{found[name]:.0f}" for name in ("imported", "judged", "store"))
        )
    console.print("the pipeline, records from a generator", pipeline)
    run = Table("records", *(f"{stage}, peak MB" for stage in STAGES))
    with _endpoint() as port:
        for size in sizes:
            found = _measured("run", size, base_url=f"http://127.0.0.1:{port}/1/ours/v1")
            run.add_row(f"{size:,}", *(f"{found[stage]:.0f}" for stage in STAGES))
    console.print("judge run, records from files", run)


def _measured(what: str, records: int, *, base_url: str = "") -> Mapping[str, float]:
    options = ("--measure", what, "--records", str(records), "--base-url", base_url)
    done = subprocess.run(  # noqa: S603 - this very file
        [sys.executable, __file__, *options], stdout=subprocess.PIPE, text=True, check=True
    )
    found: Mapping[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


async def _pipeline(records: int) -> Mapping[str, float]:
    peaks = {"imported": _peak_mb()}
    with tempfile.TemporaryDirectory() as folder, SqlStore(Path(folder) / "store.db") as store:
        attempt = Ledgered(Deadlined(_Agreeing(), deadline_s=60), store.attempts("r", replay=False))
        model = Retrying(Limited(attempt, connections=CONNECTIONS))
        prompt = read_prompt(shipped("prompts/equivalence/v1.md"))
        scorer = EquivalenceScorer(
            PromptedJudge(model, prompt=prompt, sampling=Sampling()),
            scale=prompt.criteria[0].scale,
            criterion="equivalence",
            target=Target.REFERENCE,
            empty_value=None,
        )
        kept = 0

        def count(results: Sequence[Result]) -> None:
            nonlocal kept
            kept += len(results)

        await score_all(
            (Task(record=_record(number)) for number in range(records)),
            scorer,
            store,
            run_id="r",
            batch_size=1,
            concurrency=CONNECTIONS,
            stop=Stop(),
            watcher=count,
        )
        if kept != records:
            raise RuntimeError(f"{records} records have {kept} outcomes")
        peaks["judged"] = _peak_mb()
        peaks["store"] = _size_mb(folder)
    return peaks


def _size_mb(folder: str) -> float:
    return sum(found.stat().st_size for found in Path(folder).iterdir()) / 2**20


class _Agreeing:
    """A model that agrees, after letting others run."""

    @property
    def identity(self) -> Mapping[str, str]:
        return {"model": "fake-judge"}

    async def complete(self, call: ChatCall) -> Completion:
        del call
        await asyncio.sleep(0.001)
        return completion(verdict("equivalent"))


def _record(number: int) -> Record:
    return Record(
        item_id=str(number),
        system="student",
        input=INPUT,
        output=f"{number} {ANSWER}",
        references=(ANSWER,),
        teacher_output=None,
        schema="",
        slices={},
        cluster=str(number),
    )


def _run(records: int, base_url: str) -> Mapping[str, float]:
    peaks = {"imported": _peak_mb()}
    with tempfile.TemporaryDirectory() as folder:
        _write_project(Path(folder), base_url, records)
        project = judge.open_project(
            Path(folder) / "judge.yaml", calls=judge.CallLimits(connections=CONNECTIONS)
        )
        peaks["read"] = _peak_mb()
        with judge.open_store(str(Path(folder) / "store.db")) as store:
            manifest = asyncio.run(judge.evaluate(project, store, now=_now))
            peaks["judged"] = _peak_mb()
            judge.report(store, manifest, now=_now())
            peaks["reported"] = _peak_mb()
    return peaks


def _write_project(folder: Path, base_url: str, records: int) -> None:
    for name, rows in (
        ("items", ({"id": str(n), "input": INPUT, "reference": ANSWER} for n in range(records))),
        ("outputs", ({"id": str(n), "output": f"{n} {ANSWER}"} for n in range(records))),
    ):
        with (folder / f"{name}.jsonl").open("w") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    config = {
        "name": "benchmark",
        "dataset": {"items": "items.jsonl"},
        "systems": {"student": {"role": "student", "outputs": "outputs.jsonl"}},
        "scorers": {"equivalence": {"judge": {"model": "fake-judge", "base_url": base_url}}},
    }
    (folder / "judge.yaml").write_text(json.dumps(config))


def _now() -> datetime:
    return datetime.now(UTC)


def _peak_mb() -> float:
    """Return the most memory this process held since this was asked last."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak_mb = int(status["VmHWM"].split()[0]) / 1024
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
    return peak_mb


@contextmanager
def _endpoint() -> Iterator[int]:
    command = [sys.executable, str(HERE / "judge_throughput.py"), "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            if process.stdout is None:
                raise RuntimeError("the endpoint has no way to tell its port")
            yield int(process.stdout.readline())
        finally:
            process.kill()


if __name__ == "__main__":
    os.environ.setdefault("OPENAI_API_KEY", "none")
    main()
