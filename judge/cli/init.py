"""``judge init``: a commented config made from the columns of one's own files."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.errors import ConfigError

if TYPE_CHECKING:
    from judge.records.rows import Row

_ROLES = ("teacher", "sft", "distilled", "student")
# What people call these columns; the first one found is taken, and the config says so.
_COLUMNS: Mapping[str, Sequence[str]] = {
    "id": ("id", "item_id", "question_id", "example_id", "doc_id", "uid", "key"),
    "input": ("input", "question", "prompt", "document", "source", "article", "text", "context"),
    "reference": (
        "reference",
        "golden_answer",
        "gold",
        "answer",
        "target",
        "expected",
        "expected_output",
        "summary",
        "label",
    ),
    "output": ("output", "answer", "response", "prediction", "completion", "generated", "text"),
    "label": ("label", "correct", "verdict", "rating", "score"),
    "system": ("system", "model", "system_id"),
    "rater": ("rater", "annotator", "annotator_id", "worker", "user"),
}
_FEWEST_VALUES, _MOST_VALUES = 2, 12
_SAMPLED_ROWS = 500
_POSITIVE = ("true", "1", "yes", "correct", "equivalent", "good", "pass")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The first rows of a file."""

    path: Path
    rows: "Sequence[Row]"

    @property
    def columns(self) -> list[str]:
        return list(self.rows[0].values)

    def column_for(self, field: str) -> str | None:
        return next((name for name in _COLUMNS[field] if name in self.columns), None)


def init(
    *,
    items: Annotated[Path, typer.Option(help="Your items: JSONL or CSV.")],
    system: Annotated[
        list[str],
        typer.Option(metavar="NAME=FILE", help="A system's outputs, for example teacher=t.jsonl."),
    ],
    ratings: Annotated[Path | None, typer.Option(help="What people said: JSONL or CSV.")] = None,
    schema: Annotated[Path | None, typer.Option(help="JSON Schema the outputs must meet.")] = None,
    output: Annotated[Path, typer.Option("-o", "--output")] = Path("judge.yaml"),
) -> None:
    """Write a commented config made from the columns of your own files, and check it."""
    from judge.cli.output import write_whole
    from judge.config import parse_config

    if output.exists():
        raise ConfigError(f"{output} exists already; give another name with -o")
    folder = output.parent
    lines = [
        *_head(output),
        *_dataset(_seen(items), folder),
        *_systems(system, folder),
        *_scorers(schema, folder),
        *_ratings(_seen(ratings) if ratings else None, folder),
    ]
    text = "\n".join(lines) + "\n"
    parse_config(text, name=output.name)
    write_whole(output, text.encode())
    print(f"wrote {output}; read its comments, then: judge run {output}")
    if ratings is None:
        print("judge: no --ratings: judged numbers stay withheld", file=sys.stderr)


def _seen(path: Path) -> _Seen:
    from itertools import islice

    from judge.records.rows import read_rows

    return _Seen(path=path, rows=list(islice(read_rows(path, {}), _SAMPLED_ROWS)))


def _head(output: Path) -> list[str]:
    from judge.shipped import shipped

    return [
        f"# yaml-language-server: $schema={shipped('configs/judge.schema.json').resolve()}",
        f"name: {output.stem}",
    ]


def _dataset(seen: _Seen, folder: Path) -> list[str]:
    fields = _mapped(seen, ("id", "input", "reference"))
    lines = ["", "dataset:", f"  items: {_path(seen.path, folder)}"]
    lines += [f"  fields: {_flow(fields)}   # our field: your column"] if fields else []
    if seen.column_for("id") is None:
        raise ConfigError(
            f"{seen.path.name} has no column that looks like an id; its columns are: "
            f"{', '.join(seen.columns)}; rename one of them to 'id'"
        )
    if seen.column_for("input") is None:
        lines.append("  # no column looks like the input; map it: fields: {input: your_column}")
    if seen.column_for("reference") is None:
        lines.append("  # no reference found: task quality will not be measured")
    else:
        lines.append('  # alternatives: "/"        # if a reference lists several right answers')
    lines.append("  # cluster: document_id     # if several items share a document")
    if slices := _slice_columns(seen):
        lines.append(f"slices: [{', '.join(map(_scalar, slices))}]   # columns with few values")
    else:
        lines.append("# slices: [kind]           # columns to report by; default: keys of 'slices'")
    return lines


def _systems(systems: Sequence[str], folder: Path) -> list[str]:
    lines = ["", "systems:"]
    for pair in systems:
        name, sign, file = pair.partition("=")
        if not (name and sign and file):
            raise ConfigError(f"--system {pair!r} must be NAME=FILE, for example teacher=t.jsonl")
        seen = _seen(Path(file))
        if seen.column_for("output") is None:
            raise ConfigError(
                f"{seen.path.name} has no column that looks like an output; its columns are: "
                f"{', '.join(seen.columns)}; rename one of them to 'output'"
            )
        role = next((role for role in _ROLES if role in name.lower()), "student")
        fields = _mapped(seen, ("id", "output"))
        lines += [
            f"  {_scalar(name)}:",
            f"    role: {role}   # teacher, sft, distilled or student",
            f"    outputs: {_path(Path(file), folder)}",
        ]
        lines += [f"    fields: {_flow(fields)}"] if fields else []
    return lines


def _scorers(schema: Path | None, folder: Path) -> list[str]:
    adherence = f"{{schema: {_path(schema, folder)}}}" if schema else "{}"
    return [
        "",
        "scorers:",
        "  equivalence:",
        "    judge: baseline          # embedded: no key, no network; the line to beat",
        "    # judge: {model: gpt-4.1-mini, prompt: equivalence/v1, api_key_env: OPENAI_API_KEY}",
        "    # against: [reference, teacher]   # default: what there is",
        "  similarity: {}",
        f"  adherence: {adherence}   # a JSON Schema here, or a 'schema' column in the items",
    ]


def _ratings(seen: _Seen | None, folder: Path) -> list[str]:
    if seen is None:
        return [
            "",
            "# Judged numbers stay withheld until people have rated some of the outputs:",
            "# ratings:",
            "#   path: ratings.jsonl      # id, system, rater, label",
            "#   labels: {true: equivalent, false: different}",
            "#   target: reference        # what raters compared the output with",
            "#   source: human",
            "#   blind: true              # raters saw neither verdict nor system",
            "#   sampling: random         # how the rated outputs were drawn",
        ]
    lines = ["", "ratings:", f"  path: {_path(seen.path, folder)}"]
    fields = _mapped(seen, ("id", "system", "rater", "label"))
    lines += [f"  fields: {_flow(fields)}"] if fields else []
    return [
        *lines,
        *_labels(seen),
        "  target: reference          # what raters compared the output with: check this",
        "  source: human              # or constructed",
        "  blind: false               # set to true if raters saw neither verdict nor system",
        "  # sampling: random         # how the rated outputs were drawn: say it if you know",
    ]


def _labels(seen: _Seen) -> list[str]:
    column = seen.column_for("label")
    if column is None:
        return []
    for row in seen.rows:
        if not isinstance(row.value(column), bool | int | float | str):
            raise row.wrong_type(column, "text, a number, or true or false")
    values = list(dict.fromkeys(row.values.get(column) for row in seen.rows))
    if set(values) <= {"equivalent", "different"}:
        return []
    pairs = [
        f"{_scalar(value)}: {'equivalent' if str(value).casefold() in _POSITIVE else 'different'}"
        for value in values
    ]
    return [f"  labels: {{{', '.join(pairs)}}}   # label as stored: what it means; check this"]


def _mapped(seen: _Seen, fields: Sequence[str]) -> dict[str, str]:
    found = {field: seen.column_for(field) for field in fields}
    return {field: column for field, column in found.items() if column not in (None, field)}


def _slice_columns(seen: _Seen) -> list[str]:
    used = {seen.column_for(field) for field in ("id", "input", "reference")} | {"schema"}
    return [
        name
        for name in seen.columns
        if name not in used and _few([row.values.get(name) for row in seen.rows])
    ]


def _few(values: Sequence[object]) -> bool:
    if not all(isinstance(value, str | bool | int) and str(value).strip() for value in values):
        return False
    distinct = len(set(map(str, values)))
    # As many values as rows is an id or a text, not a slice.
    return _FEWEST_VALUES <= distinct <= min(_MOST_VALUES, len(values) // 2)


def _path(path: Path, folder: Path) -> str:
    return _scalar(str(os.path.relpath(path, folder)))


def _flow(fields: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{field}: {_scalar(column)}' for field, column in fields.items())}}}"


def _scalar(value: object) -> str:
    import yaml

    # One line, however long: a folded path would be no YAML where it is put.
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"))
    return text.removesuffix("\n...\n").strip()
