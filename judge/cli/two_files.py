"""The two-file start: a config made from a teacher's and a student's outputs."""

import os
import sys
from pathlib import Path

import yaml

from judge.cli.output import write_whole
from judge.errors import ConfigError

_NAME = "judge.yaml"
_MOST_NAMES = 100


def write_two_file_config(teacher: Path, student: Path, schema: Path | None) -> Path:
    """Write the config that scores a student against its teacher; return its path.

    The items are the ones the teacher answered. An existing file is never overwritten.

    Raises:
        ConfigError: a file is absent.
    """
    for path in (teacher, student, *([schema] if schema else [])):
        if not path.is_file():
            raise ConfigError(f"{path} is not a file")
    text = _config(teacher, student, schema)
    path = _free_path(text)
    if not path.exists():
        write_whole(path, text.encode())
    print(
        f"judge: this run's config is {path}; edit it and type: judge run {path}", file=sys.stderr
    )
    return path


def _config(teacher: Path, student: Path, schema: Path | None) -> str:
    def relative(path: Path) -> str:
        # One line, however long: a folded path would be no YAML where it is put.
        text = yaml.safe_dump(os.path.relpath(path), width=float("inf"))
        return text.removesuffix("...\n").strip()

    lines = [
        "# Made by: judge run --teacher ... --student ...",
        "name: two-files",
        "dataset:",
        f"  items: {relative(teacher)}   # every item the teacher answered",
        "systems:",
        "  teacher:",
        "    role: teacher",
        f"    outputs: {relative(teacher)}",
        "  student:",
        "    role: student",
        f"    outputs: {relative(student)}",
        "scorers:",
        "  equivalence: {judge: baseline}   # withheld until validated",
        "  similarity: {}",
        f"  adherence: {{schema: {relative(schema)}}}"
        if schema
        else "  adherence: {}   # with a JSON Schema: {schema: answer.schema.json}",
    ]
    return "\n".join(lines) + "\n"


def _free_path(text: str) -> Path:
    names = [_NAME, *(f"judge-{number}.yaml" for number in range(2, _MOST_NAMES))]
    for path in map(Path, names):
        if not path.exists() or path.read_text(encoding="utf-8", errors="replace") == text:
            return path
    raise ConfigError(f"{_NAME} and its numbered names are all taken; remove some of them")
