"""The two-file start: a config made from a teacher's and a student's outputs."""

import sys
from collections.abc import Iterator
from pathlib import Path

from judge.cli.imported_config import config_text
from judge.cli.importing import (
    Given,
    any_foreign,
    explanation,
    import_set,
    rows_folder,
    same_rows,
    write_rows,
)
from judge.cli.output import write_whole
from judge.cli.yaml_text import relative
from judge.errors import ConfigError
from judge.importers.plain import Holds

_NAME = "judge.yaml"
_MOST_NAMES = 100


def write_two_file_config(teacher: Path, student: Path, schema: Path | None) -> Path:
    """Write the config that scores a student against its teacher; return its path.

    The items are the ones the teacher answered. Files of other tools are made into rows of ours
    first, which are written beside the config. An existing file is never overwritten.

    Raises:
        ConfigError: a file is absent.
        DataError: a file of another tool cannot be read.
    """
    for path in (teacher, student, *([schema] if schema else [])):
        if not path.exists():
            raise ConfigError(f"{path} is not a file")
    if any_foreign([teacher, student]):
        path = _write_imported(teacher, student, schema)
    else:
        text = _config(teacher, student, schema)
        path = next(one for one in _free_paths() if _is_free(one, text))
        if not path.exists():
            write_whole(path, text.encode())
    print(
        f"judge: this run's config is {path}; edit it and type: judge run {path}", file=sys.stderr
    )
    return path


def _write_imported(teacher: Path, student: Path, schema: Path | None) -> Path:
    found = import_set(
        [
            Given(path=teacher, name="teacher", holds=Holds.OUTPUTS),
            Given(path=student, name="student", holds=Holds.OUTPUTS),
        ]
    )
    for line in explanation(found):
        print(f"judge: {line}", file=sys.stderr)
    path, text = next(
        (path, text)
        for path in _free_paths()
        if _is_free(path, text := config_text(found, path, schema=schema))
        and (same_rows(found, path) or not rows_folder(path).exists())
    )
    write_rows(found, path)
    if not path.exists():
        write_whole(path, text.encode())
    return path


def _config(teacher: Path, student: Path, schema: Path | None) -> str:
    def here(path: Path) -> str:
        return relative(path, Path())

    lines = [
        "# Made by: judge run --teacher ... --student ...",
        "name: two-files",
        "dataset:",
        f"  items: {here(teacher)}   # every item the teacher answered",
        "systems:",
        "  teacher:",
        "    role: teacher",
        f"    outputs: {here(teacher)}",
        "  student:",
        "    role: student",
        f"    outputs: {here(student)}",
        "scorers:",
        "  equivalence: {judge: baseline}   # withheld until validated",
        "  similarity: {}",
        f"  adherence: {{schema: {here(schema)}}}"
        if schema
        else "  adherence: {}   # with a JSON Schema: {schema: answer.schema.json}",
    ]
    return "\n".join(lines) + "\n"


def _free_paths() -> Iterator[Path]:
    yield from map(Path, (_NAME, *(f"judge-{number}.yaml" for number in range(2, _MOST_NAMES))))
    raise ConfigError(f"{_NAME} and its numbered names are all taken; remove some of them")


def _is_free(path: Path, text: str) -> bool:
    return not path.exists() or path.read_text(encoding="utf-8", errors="replace") == text
