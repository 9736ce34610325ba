import os
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from judge.cli.demo import CONFIG, REPORT
from judge.results.store import find_run
from judge.shipped import shipped
from judge.testing import FakeEndpoint
from judge.wiring.store import open_store

Run = Callable[..., CompletedProcess[str]]


@pytest.mark.usefixtures("quick_embedder")
def test_the_demo_runs_the_real_commands_and_ends_with_the_trap_and_what_to_type_next(
    judge: Run, serving: Callable[..., AbstractContextManager[FakeEndpoint]]
) -> None:
    with serving() as endpoint:
        found = judge("demo")

    config = os.path.relpath(shipped(CONFIG))
    words = " ".join(found.stdout.split())
    assert found.returncode == 0
    assert endpoint.requests == []
    for title in (f"$ judge run {config}", f"$ judge validate {config}"):
        assert f"\n{title}\n{'=' * len(title)}\n" in found.stdout
    for metric in ("equivalence.reference", "similarity.teacher", "adherence.strict"):
        assert f"\n{metric}\n" in found.stdout
    assert "withheld: judge unvalidated" in words
    assert "insufficient: the labels are constructed" in words
    assert "of its teacher: ship it." in words
    assert re.search(r" [1-9] of the student's 15 wrong outputs have a cosine of 0\.95 or", words)
    assert "cv-05: second job begins in 2010 and not in 2011 (one digit)" in words
    assert "judge run --teacher teacher.jsonl --student student.jsonl" in words
    assert found.stdout.endswith(f"\nOpen the report in a browser: {REPORT}\n")
    assert "<h1>demo</h1>" in Path(REPORT).read_text()
    with open_store(existing=True) as kept:
        assert find_run(kept, "latest").name == "demo"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_whole_demo_needs_neither_key_nor_network(folder: Path) -> None:
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}

    found = subprocess.run(
        [sys.executable, "-m", "judge", "demo"],
        env={**environment, "HF_HUB_OFFLINE": "1", "https_proxy": "http://127.0.0.1:1"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "7 of the student's 15 wrong outputs" in found.stdout
