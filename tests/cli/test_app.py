import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from subprocess import CompletedProcess
from typing import NoReturn

import pytest
from typer.testing import CliRunner

from judge.cli.app import app
from judge.testing import FakeEndpoint
from judge.wiring.store import open_store

VERBS = [verb.callback.__name__ for verb in app.registered_commands if verb.callback]
FULL_AFTER_SEVEN = """
CREATE TRIGGER full BEFORE INSERT ON results WHEN (SELECT count(*) FROM results) >= 7
BEGIN SELECT RAISE(ABORT, 'the disk is full'); END
"""
PLAIN = {"COLUMNS": "100", "LINES": "50", "TERM": "dumb"}


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_the_help_is_the_reviewed_one(
    verb: str, matches_snapshot: Callable[[str, str], None]
) -> None:
    arguments = [*filter(None, [verb]), "--help"]

    found = CliRunner().invoke(app, arguments, prog_name="judge", env=PLAIN)

    assert found.exit_code == 0
    shown = "\n".join(line.rstrip() for line in found.stdout.strip().splitlines())
    matches_snapshot(f"help_{verb or 'judge'}.txt", shown + "\n")


@pytest.mark.parametrize(
    "command", [[Path(sys.executable).with_name("judge")], [sys.executable, "-m", "judge"]]
)
def test_the_script_and_the_module_are_the_same_command_line(command: list[str | Path]) -> None:
    found = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True)

    assert found.stdout == f"{version('judge')}\n"


def test_a_misspelt_option_is_bad_usage(judge: Callable[..., CompletedProcess[str]]) -> None:
    found = judge("run", "judge.yaml", "--limt", "3")

    assert (found.returncode, found.stdout) == (2, "")
    assert "--limt" in found.stderr


def test_an_error_cannot_send_control_sequences_to_the_terminal(
    judge: Callable[..., CompletedProcess[str]],
    write_set: Callable[..., None],
    write_rows: Callable[..., None],
) -> None:
    write_set()
    write_rows("student.jsonl", [{"id": "\x1b]0;owned\x07\u202e", "output": "x"}])

    found = judge("run", "judge.yaml", "--dry-run")

    assert found.returncode == 2
    assert "unknown item" in found.stderr
    assert not set(found.stderr) & {"\x1b", "\x07", "\u202e"}


def test_a_store_that_cannot_be_written_ends_the_run_as_resumable(
    judge: Callable[..., CompletedProcess[str]],
    write_set: Callable[..., None],
    serving: Callable[..., AbstractContextManager[FakeEndpoint]],
) -> None:
    write_set()
    config = Path("judge.yaml").read_text()
    Path("judge.yaml").write_text(config.replace("  adherence:", "  # adherence:"))
    with open_store("kept.sqlite"):
        pass
    _execute("kept.sqlite", FULL_AFTER_SEVEN)

    with serving() as endpoint:
        found = judge("run", "judge.yaml", "--store", "kept.sqlite", "--max-connections", "1")
        paid_for = len(endpoint.requests)
        _execute("kept.sqlite", "DROP TRIGGER full")
        resumed = judge("resume", "--store", "kept.sqlite")

    assert found.returncode == 4
    assert "the disk is full" in found.stderr
    assert "judge resume latest" in found.stderr
    assert paid_for == 8
    assert resumed.returncode == 0
    assert len(endpoint.requests) == 12


def test_a_bug_is_an_internal_error_with_an_incident_to_look_up(
    judge: Callable[..., CompletedProcess[str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object, **__: object) -> NoReturn:
        raise ZeroDivisionError("private words")

    monkeypatch.setattr("judge.wiring.project.open_project", broken)

    found = judge("run", "judge.yaml")

    assert found.returncode == 5
    incident = re.search(r"internal error, incident (\w{8}) \(ZeroDivisionError\)", found.stderr)
    assert incident
    assert f"incident {incident[1]}" in caplog.text
    assert "Traceback" in caplog.text
    assert "private words" not in found.stdout + found.stderr


def _execute(store: str, statement: str) -> None:
    connection = sqlite3.connect(store)
    connection.execute(statement)
    connection.commit()
    connection.close()
