import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from judge.testing import FakeEndpoint

Run = Callable[..., CompletedProcess[str]]
Serve = Callable[..., AbstractContextManager[FakeEndpoint]]
WriteSet = Callable[..., None]


def _checks(printed: str) -> dict[str, tuple[str, str]]:
    found = re.findall(r"^  (ok|ill) +(.+?): (.+)$", printed, re.MULTILINE)
    return {name: (health, words) for health, name, words in found}


def test_a_healthy_machine_and_config_pass_every_check_and_the_key_is_not_told(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set()

    with serving():
        judge("run", "judge.yaml", "--store", "kept.sqlite")
        found = judge("doctor", "judge.yaml", "--store", "kept.sqlite")

    checks = _checks(found.stdout)
    assert (found.returncode, found.stderr) == (0, "")
    assert {health for health, _ in checks.values()} == {"ok"}
    assert "weights checked" in checks["embedding model"][1]
    assert re.match(r"CPU|GPU", checks["device"][1])
    assert checks["store"][1] == "kept.sqlite, 1 runs"
    assert checks["keys"][1] == "OPENAI_API_KEY set, OPENAI_BASE_URL set"
    assert checks["judge.yaml"][1].startswith("6 items, 2 systems; no human ratings")
    assert "sk-" not in found.stdout


def test_a_store_is_not_made_by_looking_for_one(judge: Run, folder: Path) -> None:
    found = judge("doctor")

    checks = _checks(found.stdout)
    assert found.returncode == 0
    assert "does not exist yet; the first run makes it" in checks["store"][1]
    assert checks["keys"][1] == "OPENAI_API_KEY not set, OPENAI_BASE_URL not set"
    assert list(folder.iterdir()) == []


def test_what_is_ill_is_named_and_every_other_check_still_made(
    judge: Run, write_set: WriteSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set()
    Path("kept.sqlite").write_text("no database at all")
    monkeypatch.setenv("JUDGE_STORE", "kept.sqlite")

    found = judge("doctor", "judge.yaml")

    checks = _checks(found.stdout)
    assert found.returncode == 2
    assert "2 of 7 checks failed: store, judge.yaml" in found.stderr
    assert checks["store"][0] == checks["judge.yaml"][0] == "ill"
    assert "kept.sqlite cannot be opened" in checks["store"][1]
    assert "OPENAI_API_KEY is not set" in checks["judge.yaml"][1]
    assert checks["device"][0] == "ok"


def test_configs_alone_are_checked_without_a_machine_a_store_or_a_key(
    judge: Run, write_set: WriteSet
) -> None:
    write_set()
    Path("other.yaml").write_text(Path("judge.yaml").read_text())

    found = judge("doctor", "--config-only", "judge.yaml", "other.yaml")

    assert (found.returncode, found.stderr) == (0, "")
    assert list(_checks(found.stdout)) == ["judge.yaml", "other.yaml"]
    assert not Path(".judge").exists()


def test_of_configs_alone_the_ill_one_is_told_with_its_line(
    judge: Run, write_set: WriteSet
) -> None:
    write_set()
    Path("ill.yaml").write_text(Path("judge.yaml").read_text().replace("slices:", "slises:"))

    found = judge("doctor", "--config-only", "judge.yaml", "ill.yaml")
    none = judge("doctor", "--config-only")

    assert (found.returncode, none.returncode) == (2, 2)
    assert _checks(found.stdout)["judge.yaml"][0] == "ok"
    assert "ill.yaml line 3" in _checks(found.stdout)["ill.yaml"][1]
    assert "did you mean 'slices'?" in found.stdout
    assert "1 of 2 checks failed: ill.yaml" in found.stderr
    assert "name one" in none.stderr


def test_rules_of_configs_are_checked_without_a_key(judge: Run, write_set: WriteSet) -> None:
    write_set()
    text = Path("judge.yaml").read_text()
    Path("judge.yaml").write_text(
        text + "gate: [{metric: equivalence.refrence, system: student, at_least: 0.5}]\n"
    )

    found = judge("doctor", "--config-only", "judge.yaml")

    assert found.returncode == 2
    assert "did you mean 'equivalence.reference'?" in found.stdout
