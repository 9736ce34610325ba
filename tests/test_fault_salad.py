import asyncio
import json
import os
import selectors
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

import judge
from judge.fault_server.faults import FAULTS, IF_UNAVAILABLE, PASSABLE
from judge.fault_server.plan import Course, FaultPlan
from judge.fault_server.server import Entry, FaultServer, question_named
from judge.results.outcome import FateCode, Outcome
from judge.results.run import Result, RunManifest

T = TypeVar("T")

CONFIG = """\
name: salad
dataset: {{items: items.jsonl}}
systems:
  small: {{role: student, outputs: outputs.jsonl}}
scorers:
  equivalence:
    judge: {{model: rehearsed, base_url: "{base_url}", deadline_s: 30}}
    against: [reference]
"""
ASKED_ABOUT = question_named(r"record number (\d+)")
SPEED = 20
PAUSE_S = 0.01
# What an endpoint says of its load holds up all calls: each of these is met by two records.
OF_LOAD = tuple(name for name in PASSABLE if "429" in FAULTS[name].what or FAULTS[name].asks_pause)
OF_ONE = tuple(name for name in PASSABLE if name not in OF_LOAD)
UNAVAILABLE = FateCode.JUDGE_UNAVAILABLE
HALTING = tuple(name for name in FAULTS if name not in PASSABLE)


class _FastSelector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout and timeout / SPEED)


class _FastLoop(asyncio.SelectorEventLoop):
    """A loop on which waiting takes a twentieth of the time: backoff and deadlines are as set."""

    def __init__(self) -> None:
        super().__init__(_FastSelector())

    def time(self) -> float:
        return super().time() * SPEED


def _run(work: Coroutine[object, object, T]) -> T:
    with asyncio.Runner(loop_factory=_FastLoop) as runner:
        return runner.run(work)


def _now() -> datetime:
    return datetime.now(UTC)


def _write_project(folder: Path, base_url: str, n_records: int) -> Path:
    items = [
        {"id": str(number), "input": "Say the number.", "reference": f"It is {number}."}
        for number in range(n_records)
    ]
    outputs = [
        {"id": str(number), "output": f"record number {number}"} for number in range(n_records)
    ]
    for name, rows in (("items.jsonl", items), ("outputs.jsonl", outputs)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = folder / "judge.yaml"
    config.write_text(CONFIG.format(base_url=base_url))
    return config


def _evaluated(config: Path, store: Path) -> tuple[RunManifest, Sequence[Result]]:
    project = judge.open_project(config, calls=judge.CallLimits(connections=64))
    with judge.open_store(str(store)) as kept:
        run = _run(judge.evaluate(project, kept, now=_now))
        return run, kept.results(run.run_id)


def _fate(outcome: Outcome) -> FateCode | None:
    assert not isinstance(outcome, judge.NotApplicable)
    return outcome.code if isinstance(outcome, judge.Fate) else None


def _salad(seed: int) -> FaultPlan:
    """Let 20 % of the records meet a fault: most of them one of their own, for ever or not."""
    told = {
        str(10 + 20 * place): Course(faults=(FAULTS[name],))
        for place, name in enumerate(OF_LOAD * 2)
    }
    told["5"] = Course(faults=(FAULTS["retry_ms"],), forever=True)
    return FaultPlan(share=0.2, seed=seed, kinds=OF_ONE, told=told)


@pytest.mark.parametrize(
    "n_records", [600, pytest.param(3000, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
)
def test_among_faults_of_every_kind_each_record_ends_in_its_score_or_its_named_fate(
    n_records: int, tmp_path: Path
) -> None:
    plan = _salad(seed=4)
    courses = {str(number): plan.course(str(number)) for number in range(n_records)}

    with FaultServer(name=ASKED_ABOUT) as server:
        port = int(server.base_url.split(":")[2].removesuffix("/v1"))
        config = _write_project(tmp_path, server.base_url, n_records)
        _, calm = _evaluated(config, tmp_path / "calm.sqlite")
    with FaultServer(plan, name=ASKED_ABOUT, pause_s=PAUSE_S, port=port) as server:
        _, stormy = _evaluated(config, tmp_path / "stormy.sqlite")
        ledger, strayed = server.ledger, server.strayed
    without = {result.key.item_id: result.outcome for result in calm}
    outcomes = {result.key.item_id: result.outcome for result in stormy}
    asked = Counter(entry.question for entry in ledger)

    assert len(stormy) == len(outcomes) == n_records
    assert {number: _fate(outcome) for number, outcome in outcomes.items()} == {
        number: course.end[0] for number, course in courses.items()
    }
    clean = [number for number, course in courses.items() if not course.faults]
    assert msgspec.json.encode([outcomes[number] for number in clean]) == msgspec.json.encode(
        [without[number] for number in clean]
    )
    assert max(asked.values()) <= IF_UNAVAILABLE
    more = {number: asked[number] - course.end[1] for number, course in courses.items()}
    # Of those that are asked about to the last, the run's end may see some as an endpoint that is
    # down; and a busy machine brings some answers too late.
    assert all(left >= 0 or _fate(outcomes[number]) is UNAVAILABLE for number, left in more.items())
    assert sum(max(0, left) for left in more.values()) <= n_records / 100
    assert not strayed
    assert _too_early(ledger) == []
    kinds = {fault.name for course in courses.values() for fault in course.faults}
    assert len(kinds) > 40
    assert len(clean) == pytest.approx(0.8 * n_records, rel=0.1)


def _too_early(ledger: Sequence[Entry]) -> list[Entry]:
    """Return the requests that came before the time the last answer to them had named."""
    of_question = defaultdict[str, list[Entry]](list)
    for entry in ledger:
        of_question[entry.question].append(entry)
    return [
        later
        for entries in of_question.values()
        for earlier, later in pairwise(entries)
        if later.arrived_s < earlier.arrived_s + earlier.pause_s / SPEED
    ]


@pytest.mark.parametrize("name", HALTING)
def test_a_fault_that_no_call_can_mend_stops_the_run_and_a_resume_finishes_it(
    name: str, tmp_path: Path
) -> None:
    n_records = 200
    plan = FaultPlan(told={"70": Course(faults=(FAULTS[name],), forever=True)})
    store = str(tmp_path / "judge.sqlite")

    with FaultServer(plan, name=ASKED_ABOUT) as server:
        port = int(server.base_url.split(":")[2].removesuffix("/v1"))
        config = _write_project(tmp_path, server.base_url, n_records)
        run, before = _evaluated(config, Path(store))
        asked = len(server.ledger)
    with FaultServer(name=ASKED_ABOUT, port=port) as server, judge.open_store(store) as kept:
        project = judge.reopen_project(run, kept)
        _run(judge.resume(project, kept, run, retry_failed=True))
        after = kept.results(run.run_id)

    # Those that waited for their turn share the fate of the one that was told.
    assert {_fate(result.outcome) for result in before} == {None, FAULTS[name].fate}
    assert asked < n_records
    assert len({result.key for result in after}) == n_records
    assert not [result for result in after if _fate(result.outcome)]


@contextmanager
def _served_elsewhere(ledger: Path, *options: str) -> Iterator[str]:
    """Serve faults from a process of its own, so that its memory is not counted with ours."""
    command = (sys.executable, "-m", "judge.fault_server", "--ledger", str(ledger), *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.send_signal(signal.SIGINT)
            process.stdout.read()


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _memory_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="measures by /proc")
def test_a_long_run_among_faults_takes_no_more_memory_and_files_than_a_short_one(
    tmp_path: Path,
) -> None:
    n_records, connections = 20_000, 64
    ledger = tmp_path / "ledger.jsonl"
    files_before = _open_files()
    memory, files, done = list[float](), list[int](), list[Result]()

    def watch(results: Sequence[Result]) -> None:
        done.extend(results)
        if len(done) % 1000 == 0:
            memory.append(_memory_mib())
            files.append(_open_files())

    options = ("--faults", "0.2", "--kinds", ",".join(OF_ONE), "--pause-ms", "10")
    with _served_elsewhere(ledger, *options) as base_url:
        config = _write_project(tmp_path, base_url, n_records)
        project = judge.open_project(config, calls=judge.CallLimits(connections=connections))
        with judge.open_store(str(tmp_path / "judge.sqlite")) as kept:
            _run(judge.evaluate(project, kept, now=_now, watcher=watch))
        del project  # its set lies in a file
    asked = Counter(json.loads(line)["question"] for line in ledger.read_text().splitlines())
    fates = Counter(_fate(result.outcome) for result in done)

    assert len({result.key for result in done}) == len(done) == n_records
    assert fates.keys() <= {None, *(fault.fate for fault in FAULTS.values())}
    assert 0.8 * n_records < fates[None] < n_records
    assert max(asked.values()) <= IF_UNAVAILABLE
    assert max(files) <= files_before + connections + 20
    assert _open_files() == files_before
    # What is kept here of each record is counted as well: a KiB of it.
    assert memory[-1] - memory[4] < 40
