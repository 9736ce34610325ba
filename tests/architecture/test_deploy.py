"""What ships for deployment fits the commands there are."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
import yaml

from judge.cli.app import app
from judge.cli.options import FolderOption, StoreOption

DEPLOY = Path(__file__).parents[2] / "configs" / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = {name: one for name, one in COMPOSE["services"].items() if name != "postgres"}
UNITS = sorted(DEPLOY.glob("*.service"))


def _check(words: list[str]) -> None:
    """Check that `judge` has a command with these options, and can read their values."""
    verb, *options = words
    command: Any = typer.main.get_command(app)
    command.commands[verb].make_context(verb, options, resilient_parsing=False)


@pytest.mark.parametrize("name", OURS)
def test_each_part_of_the_compose_file_is_a_command_there_is(name: str) -> None:
    _check(OURS[name]["command"])


def test_all_parts_have_one_store_and_one_folder_and_wait_for_the_database() -> None:
    said = {OURS[name]["environment"]["JUDGE_STORE"] for name in OURS}
    variables = {name for one in OURS.values() for name in one["environment"]}
    known = {_variable(StoreOption), _variable(FolderOption), "PGPASSFILE"}

    assert len(said) == 1
    assert variables <= known
    assert all("postgres" in one["depends_on"] for one in OURS.values())
    assert {volume for one in OURS.values() for volume in one["volumes"]} == {"submitted:/data"}


def test_what_the_compose_file_names_it_declares_and_no_password_stands_in_it() -> None:
    services = COMPOSE["services"].values()
    secrets = {name for one in services for name in one.get("secrets", ())}
    volumes = {volume.partition(":")[0] for one in services for volume in one["volumes"]}

    assert secrets == COMPOSE["secrets"].keys()
    assert volumes == COMPOSE["volumes"].keys()
    assert "POSTGRES_PASSWORD" not in COMPOSE["services"]["postgres"]["environment"]
    assert not re.search(r"postgresql://\w+:", (DEPLOY / "compose.yaml").read_text())


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_each_unit_starts_a_command_there_is(unit: Path) -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
    program, *words = shlex.split(line.replace("%i", "io"))

    assert Path(program).name == "judge"
    _check(words)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_nothing_wrong_with_a_unit(unit: Path, tmp_path: Path) -> None:
    if not (verify := shutil.which("systemd-analyze")):
        pytest.skip("no systemd-analyze here")
    # It looks for the program and the user, which are not here.
    text = unit.read_text().replace("/opt/judge/bin/judge", sys.executable)
    copy = tmp_path / unit.name.replace("@", "@io")
    copy.write_text(re.sub(r"^(User|EnvironmentFile)=.*\n", "", text, flags=re.MULTILINE))

    done = subprocess.run(
        [verify, "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )

    assert [line for line in done.stderr.splitlines() if unit.stem.partition("@")[0] in line] == []
    assert done.returncode == 0, done.stderr


def test_the_image_installs_what_a_worker_needs() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    first = [line.split()[0] for line in text.splitlines() if re.match(r"[A-Z]+ ", line)]

    assert first[0] == "FROM"
    assert "[cluster]" in text
    assert 'ENTRYPOINT ["judge"]' in text
    assert "USER judge" in text


def _variable(option: object) -> str:
    _, said = get_args(option)
    return str(said.envvar)
