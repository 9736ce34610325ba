import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from judge.errors import ConfigError
from judge.shipped import shipped

ROOT = Path(__file__).parents[1]
SHIPPED = ("prompts", "human_labels", "configs/judge.schema.json")
FILES = sorted(
    file.relative_to(ROOT).as_posix()
    for name in SHIPPED
    for file in [ROOT / name, *(ROOT / name).rglob("*")]
    if file.is_file()
)
FIND = """
import sys
sys.path.insert(0, sys.argv[1])
from judge.shipped import shipped
print(*(shipped(name).resolve() for name in sys.argv[2:]), sep="\\n")
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The content of a wheel built from this source tree."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_in_a_source_tree_what_ships_is_found_where_it_is_written() -> None:
    for name in (*SHIPPED, *FILES):
        assert shipped(name).resolve() == ROOT / name


def test_a_wheel_holds_every_shipped_file_as_it_is_in_the_source_tree(unpacked: Path) -> None:
    packed = unpacked / "judge" / "_shipped"

    held = {
        file.relative_to(packed).as_posix(): file.read_bytes()
        for file in packed.rglob("*")
        if file.is_file()
    }

    assert held == {name: (ROOT / name).read_bytes() for name in FILES}
    migrations = "results/migrations/versions/layout_1.py"
    for name in ("py.typed", "render/page.css", "render/page.js", migrations):
        assert (unpacked / "judge" / name).is_file()


def test_an_installed_wheel_finds_what_ships_inside_itself(unpacked: Path, tmp_path: Path) -> None:
    # -S leaves out the site folder, and with it the editable install of this source tree.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", FIND, str(unpacked), *SHIPPED, *FILES],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    packed = (unpacked / "judge" / "_shipped").resolve()
    assert done.stdout.splitlines() == [str(packed / name) for name in (*SHIPPED, *FILES)]


def test_the_version_is_that_of_the_newest_heading_in_the_changelog() -> None:
    """A version that is still worked on is one of development: it comes before the real one."""
    heading = re.search(r"^## (\S+)( \(unreleased\))?$", _text("CHANGELOG.md"), re.MULTILINE)
    project = tomllib.loads(_text("pyproject.toml"))["project"]

    assert heading is not None
    assert project["version"] == heading[1] + (".dev0" if heading[2] else "")


def test_each_extra_that_a_message_or_a_page_names_can_be_installed() -> None:
    extras = tomllib.loads(_text("pyproject.toml"))["project"]["optional-dependencies"]
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("judge/**/*.py")]
    texts = [file.read_text(encoding="utf-8") for file in files]

    named = {name for text in texts for name in re.findall(r"'judge\[(\w+)\]'", text)}
    raised = {name for text in texts for name in re.findall(r'MissingExtra\(\s*"(\w+)"', text)}

    assert named | raised <= extras.keys()
    assert {"cluster", "parquet", "hf", "otel", "tracking", "docs", "test"} <= extras.keys()


def test_a_source_distribution_builds_the_same_wheel(unpacked: Path, tmp_path: Path) -> None:
    def build(kind: str, source: Path) -> Path:
        done = subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(tmp_path / kind)],
            cwd=source,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        (built,) = (tmp_path / kind).iterdir()
        return built

    shutil.unpack_archive(build("sdist", ROOT), tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()

    with zipfile.ZipFile(build("wheel", source)) as archive:
        held = {name for name in archive.namelist() if not name.endswith(("/RECORD", "/"))}

    assert held == {
        file.relative_to(unpacked).as_posix()
        for file in unpacked.rglob("*")
        if file.is_file() and file.name != "RECORD" and file.suffix != ".pyc"
    }


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_what_does_not_ship_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^prompts/nope\.md does not ship with this version"):
        shipped("prompts/nope.md")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_wheel_alone_in_an_empty_environment_runs_the_demo(tmp_path: Path) -> None:
    """Installs everything anew: two to three minutes."""
    environment, folder = tmp_path / "environment", tmp_path / "empty"
    folder.mkdir()
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*words: object, where: Path = ROOT) -> str:
        done = subprocess.run(
            [str(word) for word in words],
            cwd=where,
            env=clean,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    run(sys.executable, "-m", "venv", environment)
    constraints = ROOT / "configs" / "constraints.txt"
    run(environment / "bin" / "pip", "install", "-q", "-c", constraints, wheel)

    shown = run(environment / "bin" / "judge", "demo", where=folder)

    assert "What a report of averages would have told you" in shown
    assert (folder / "judge-demo.html").is_file()
