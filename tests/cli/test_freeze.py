import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from judge.records.frozen import read_manifest

Cli = Callable[..., CompletedProcess[str]]


def test_a_set_is_pinned_beside_its_config_and_runs_hold_to_it(
    judge: Cli, write_set: Callable[..., None]
) -> None:
    write_set()

    found = judge("freeze", "judge.yaml", "--outputs", "teacher")

    assert found.returncode == 0
    frozen = read_manifest(Path("judge.frozen.json"))
    assert (frozen.counts.items, frozen.counts.outputs) == (6, {"teacher": 6})
    assert frozen.fingerprint in found.stdout
    assert "dataset: {frozen: judge.frozen.json}" in found.stdout


def test_a_manifest_is_never_written_over(judge: Cli, write_set: Callable[..., None]) -> None:
    write_set()
    judge("freeze", "judge.yaml")
    before = Path("judge.frozen.json").read_bytes()

    again = judge("freeze", "judge.yaml")
    elsewhere = judge("freeze", "judge.yaml", "-o", "pins/second.json", "--json")

    assert again.returncode == 2
    assert "exists already" in again.stderr
    assert Path("judge.frozen.json").read_bytes() == before
    body = json.loads(elsewhere.stdout)
    assert body["manifest"] == "pins/second.json"
    assert body["fingerprint"] == read_manifest(Path("judge.frozen.json")).fingerprint


def test_outputs_of_nobody_cannot_be_pinned(judge: Cli, write_set: Callable[..., None]) -> None:
    write_set()

    found = judge("freeze", "judge.yaml", "--outputs", "techer")

    assert found.returncode == 2
    assert "did you mean 'teacher'?" in found.stderr
    assert not Path("judge.frozen.json").exists()
