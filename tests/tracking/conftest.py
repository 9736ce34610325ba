"""The report of a real run: 24 items, two systems, a judge that nobody has measured."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

import judge
from judge.testing import Answer, FakeEndpoint, Received, chat_completion, verdict

N_ITEMS = 24
CONFIG = """\
name: small
dataset: {items: items.jsonl}
slices: [kind]
systems:
  teacher: {role: teacher, outputs: teacher.jsonl}
  student: {role: student, outputs: student.jsonl}
scorers:
  equivalence:
    judge: {model: fake-judge, base_url: ADDRESS, response_format: json_schema}
    against: [reference]
  adherence: {schema: answer.schema.json}
"""


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> judge.Report:
    """Score a small set whose student's first answer is empty, with a store in memory."""
    folder = tmp_path_factory.mktemp("tracked")
    _write(
        folder / "items.jsonl",
        [
            {
                "id": f"i{k}",
                "input": "ask",
                "reference": f"true {k}",
                "kind": "even" if k % 2 == 0 else "odd",
            }
            for k in range(N_ITEMS)
        ],
    )
    good = [{"id": f"i{k}", "output": json.dumps({"answer": f"true {k}"})} for k in range(N_ITEMS)]
    _write(folder / "teacher.jsonl", good)
    _write(folder / "student.jsonl", [{"id": "i0", "output": ""}, *good[1:]])
    (folder / "answer.schema.json").write_text('{"required": ["answer"]}')
    with FakeEndpoint(_equivalent) as endpoint:
        text = CONFIG.replace("ADDRESS", endpoint.base_url)
        (folder / "judge.yaml").write_text(text)
        project = judge.open_project(folder / "judge.yaml")
        with judge.open_store(str(folder / "judge.sqlite")) as store:
            run = asyncio.run(judge.evaluate(project, store, now=_now))
            return judge.report(store, run, now=_now())


def _equivalent(received: Received) -> Answer:
    return Answer(body=chat_completion(verdict("equivalent")))


def _write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _now() -> datetime:
    return datetime.now(UTC)
