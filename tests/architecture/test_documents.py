import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from judge.cli.app import app
from judge.config import parse_config

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_config_in_the_readme_is_a_config() -> None:
    for block in _blocks("yaml"):
        config = parse_config(block, name="README.md")

        assert config.scorers.adherence is not None


def test_the_python_in_the_readme_runs(tmp_path: Path) -> None:
    (tmp_path / "human_labels").symlink_to(ROOT / "human_labels")

    for block in _blocks("python"):
        done = subprocess.run(
            [sys.executable, "-c", block],
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert "6 records" in done.stdout


def test_the_readme_shows_every_verb_and_no_other() -> None:
    verbs = {command.callback.__name__ for command in app.registered_commands if command.callback}

    shown = set(re.findall(r"^\| `judge (\w+)", README, re.MULTILINE))

    assert shown == verbs


@pytest.mark.parametrize("page", [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md"])
def test_links_between_our_own_pages_resolve(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text())

    missing = [
        target for target in targets if "://" not in target and not (page.parent / target).exists()
    ]

    assert not missing


def test_nothing_in_the_project_names_a_machine_of_its_makers() -> None:
    # Spelt in pieces so that this file does not name one either.
    paths = re.compile("/(" + "|".join(("wo" + "rk", "ro" + "ot")) + ")/")
    tracked = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - git stands elsewhere on each machine
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split("\0")

    found = [
        name
        for name in tracked
        if name
        and (ROOT / name).is_file()
        and paths.search((ROOT / name).read_text("utf-8", "ignore"))  # pictures are no text
    ]

    assert not found
