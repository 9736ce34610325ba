"""The documentation does what it says: every block of every page is run, read or parsed.

A page is worked through from top to bottom in a folder of its own, which begins as a copy of the
shipped example. What is done with a block depends on its language, and on a comment before it,
which readers of the page do not see:

- ``sh``: run; it must end with 0, or with the code of ``<!-- exits: N -->``.
- ``sh`` after ``<!-- parsed: why -->``: not run, since it needs what no test has (another server, a
  paid endpoint), but each ``judge`` command in it must be one, with the options it names.
- ``text``: each of its lines must stand in what the commands above it printed, ``...`` standing for
  anything; before the first command it is a drawing.
- ``<!-- before: command -->`` is run first: what a reader has done, and a test has not.
- ``yaml``: a part of a config, which must be valid; ``python``: run; ``json``: read.
- Any block after ``<!-- file: NAME -->``: written to that file, for the commands that follow.

``<!-- needs: JUDGE_DATA -->`` skips a page where the public data is not there.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from judge.cli.app import app
from judge.config import parse_config

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("docs/*.md")), *sorted(ROOT.glob("docs/sets/*.md"))]
DEMO = ROOT / "human_labels" / "demo"
DATA = Path(os.environ.get("JUDGE_DATA", ROOT.parent / "shared" / "data")).absolute()

_BLOCK = re.compile(
    r"(?P<notes>(?:^<!-- .*? -->\n+)*)^```(?P<language>[\w{}]*)[^\n]*\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_NOTE = re.compile(r"<!-- (?P<name>\w+): (?P<value>.*?) -->")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block of a page, with what the comments before it say."""

    language: str
    body: str
    notes: Mapping[str, str]


def _blocks(page: Path) -> Iterator[Block]:
    for found in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield Block(
            language=found["language"],
            body=found["body"],
            notes={note["name"]: note["value"] for note in _NOTE.finditer(found["notes"])},
        )


@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_shows_works_from_top_to_bottom(page: Path, tmp_path: Path) -> None:
    if "<!-- needs: JUDGE_DATA -->" in page.read_text(encoding="utf-8") and not DATA.is_dir():
        pytest.skip(f"{DATA} is not there; JUDGE_DATA names the folder it is in")
    shutil.copytree(DEMO, tmp_path, dirs_exist_ok=True)
    reader = _Reader(page.name, tmp_path)
    for block in _blocks(page):
        reader.do(block)


class _Reader:
    """Somebody who does what a page says, in a folder."""

    def __init__(self, page: str, folder: Path) -> None:
        self._page = page
        self._folder = folder
        self._printed = ""
        self._by_language: Mapping[str, Callable[[Block], None]] = {
            "sh": self._shell,
            "python": self._python,
            "text": self._text,
            "yaml": self._yaml,
            "json": self._json,
            "toctree": lambda block: None,
        }

    def do(self, block: Block) -> None:
        if command := block.notes.get("before"):
            self._run(["bash", "-euo", "pipefail", "-c", command], code=0)
        if name := block.notes.get("file"):
            (self._folder / name).parent.mkdir(parents=True, exist_ok=True)
            (self._folder / name).write_text(block.body, encoding="utf-8")
            return
        # Without a language nobody knows what to do with it.
        self._by_language[block.language.strip("{}")](block)

    def _shell(self, block: Block) -> None:
        if "parsed" in block.notes:
            _check_commands(block.body)
            return
        code = int(block.notes.get("exits", "0"))
        self._printed += self._run(["bash", "-euo", "pipefail", "-c", block.body], code=code)

    def _python(self, block: Block) -> None:
        self._printed += self._run([sys.executable, "-c", block.body], code=0)

    def _text(self, block: Block) -> None:
        if not self._printed:
            return  # a drawing
        said = _one_line(self._printed)
        for line in block.body.splitlines():
            for part in line.split("..."):
                assert _one_line(part) in said, f"{part!r} is not in:\n{self._printed}"

    def _yaml(self, block: Block) -> None:
        _check_part_of_a_config(block.body, self._page)

    def _json(self, block: Block) -> None:
        json.loads(block.body)

    def _run(self, command: list[str], *, code: int) -> str:
        binaries = Path(sys.executable).parent
        done = subprocess.run(
            command,
            cwd=self._folder,
            env={
                **os.environ,
                "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
                "JUDGE_DATA": str(DATA),
                "NO_COLOR": "1",
                "COLUMNS": "120",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


def _one_line(text: str) -> str:
    """Return a text without its line breaks and frames, which depend on a terminal's width."""
    return " ".join(re.sub(r"[│┃┏┓┗┛┡┩━┳╇┴└┘─┼├┤]", " ", text).split())


def _check_part_of_a_config(body: str, name: str) -> None:
    part = yaml.safe_load(body)
    whole = yaml.safe_load((DEMO / "judge.yaml").read_text(encoding="utf-8"))
    if "ratings" in part:
        del whole["ratings"]  # other ratings, and not some keys of these
    parse_config(yaml.safe_dump(_merged(whole, part)), name=name)


def _merged(whole: object, part: object) -> object:
    if not isinstance(whole, dict) or not isinstance(part, dict):
        return part
    return {**whole, **{key: _merged(whole.get(key), value) for key, value in part.items()}}


def _check_commands(body: str) -> None:
    """Check that each `judge` command is one and has the options that are named."""
    found = [
        words
        for line in body.replace("\\\n", " ").splitlines()
        if (words := shlex.split(line, comments=True))
    ]
    for words in found:
        own = words.index("judge") if "judge" in words else len(words)
        command: Any = typer.main.get_command(app)
        for word in words[own + 1 :]:
            if hasattr(command, "commands") and not word.startswith("-"):
                assert word in command.commands, f"there is no {' '.join(words)}"
                command = command.commands[word]
            elif word.startswith("-"):
                options = {
                    option for one in command.params for option in (*one.opts, *one.secondary_opts)
                }
                assert word.split("=")[0] in options, f"there is no {word} in {' '.join(words)}"
