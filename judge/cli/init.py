"""``judge init``: a commented config made from the columns of one's own files."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.config_text import NO_RATINGS, head, rating_terms, role_of, scorers
from judge.cli.yaml_text import flow, relative, scalar
from judge.errors import ConfigError
from judge.importers.columns import POSITIVE, column_for, few_values

if TYPE_CHECKING:
    from judge.records.rows import Row

_SAMPLED_ROWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """The first rows of a file."""

    path: Path
    rows: "Sequence[Row]"

    @property
    def columns(self) -> list[str]:
        return list(self.rows[0].values)

    def column_for(self, field: str) -> str | None:
        return column_for(field, self.columns)


def init(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE",
            help="Files of other tools, recognised by their shape: logs, results, ratings.",
            show_default=False,
        ),
    ] = None,
    *,
    items: Annotated[Path | None, typer.Option(help="Your items.", show_default=False)] = None,
    system: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=FILE",
            help="A system's outputs, for example teacher=t.jsonl; repeatable.",
            show_default=False,
        ),
    ] = None,
    ratings: Annotated[Path | None, typer.Option(help="What people said.")] = None,
    schema: Annotated[Path | None, typer.Option(help="JSON Schema the outputs must meet.")] = None,
    teacher: Annotated[
        str, typer.Option(metavar="NAME", help="Which of the systems in a FILE is the teacher.")
    ] = "",
    output: Annotated[Path, typer.Option("-o", "--output")] = Path("judge.yaml"),
) -> None:
    """Write a commented config from your own files or those of other tools, and check it.

    Your own (JSONL, CSV or Parquet) are read by their columns. Rows out of files of other tools are
    written as JSONL beside the config, with an account of what became what.
    """
    from judge.cli.importing import any_foreign

    if output.exists():
        raise ConfigError(f"{output} exists already; give another name with -o")
    systems = [_named_file(pair) for pair in system or []]
    own = [*([items] if items else []), *(path for _, path in systems)]
    own += [ratings] if ratings else []
    if files or any_foreign(own):
        _init_imported(
            files or [], items, systems, ratings, schema=schema, teacher=teacher, output=output
        )
        return
    if items is None or not systems:
        raise ConfigError(
            "give files of other tools (judge init results.json), or your own: judge init --items "
            "items.jsonl --system NAME=outputs.jsonl"
        )
    if teacher:
        raise ConfigError("--teacher is for a FILE that holds several systems; name yours so")
    _init_own(items, systems, ratings, schema=schema, output=output)


def _init_own(
    items: Path,
    systems: Sequence[tuple[str, Path]],
    ratings: Path | None,
    *,
    schema: Path | None,
    output: Path,
) -> None:
    from judge.cli.output import write_whole
    from judge.config import parse_config

    folder = output.parent
    lines = [
        *head(output),
        *_dataset(_seen(items), folder),
        *_systems(systems, folder),
        *scorers(schema, folder),
        *_ratings(_seen(ratings) if ratings else None, folder),
    ]
    text = "\n".join(lines) + "\n"
    parse_config(text, name=output.name)
    write_whole(output, text.encode())
    print(f"wrote {output}; read its comments, then: judge run {output}")
    if ratings is None:
        print("judge: no --ratings: judged numbers stay withheld", file=sys.stderr)


def _init_imported(
    files: Sequence[Path],
    items: Path | None,
    systems: Sequence[tuple[str, Path]],
    ratings: Path | None,
    *,
    schema: Path | None,
    teacher: str,
    output: Path,
) -> None:
    from judge.cli.imported_config import config_text
    from judge.cli.importing import (
        Given,
        explanation,
        import_set,
        rows_folder,
        write_rows,
    )
    from judge.cli.output import write_whole
    from judge.config import parse_config
    from judge.importers.plain import Holds

    given = [Given(path=items, holds=Holds.ITEMS)] if items else []
    given += [Given(path=path) for path in files]
    given += [Given(path=path, name=name, holds=Holds.OUTPUTS) for name, path in systems]
    given += [Given(path=ratings)] if ratings else []
    found = import_set(given)
    text = config_text(found, output, schema=schema, teacher=teacher)
    parse_config(text, name=output.name)
    write_rows(found, output)
    write_whole(output, text.encode())
    for line in explanation(found):
        print(line)
    print(f"wrote {output} and {rows_folder(output)}; read its comments, then: judge run {output}")
    if not found.merged.ratings:
        print("judge: no ratings by people: judged numbers stay withheld", file=sys.stderr)


def _named_file(pair: str) -> tuple[str, Path]:
    name, sign, file = pair.partition("=")
    if not (name and sign and file):
        raise ConfigError(f"--system {pair!r} must be NAME=FILE, for example teacher=t.jsonl")
    return name, Path(file)


def _seen(path: Path) -> _Seen:
    from itertools import islice

    from judge.records.rows import read_rows

    return _Seen(path=path, rows=list(islice(read_rows(path, {}), _SAMPLED_ROWS)))


def _dataset(seen: _Seen, folder: Path) -> list[str]:
    fields = _mapped(seen, ("id", "input", "reference"))
    lines = ["", "dataset:", f"  items: {relative(seen.path, folder)}"]
    lines += [f"  fields: {flow(fields)}   # our field: your column"] if fields else []
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
        lines.append(f"slices: [{', '.join(map(scalar, slices))}]   # columns with few values")
    else:
        lines.append("# slices: [kind]           # columns to report by; default: keys of 'slices'")
    return lines


def _systems(systems: Sequence[tuple[str, Path]], folder: Path) -> list[str]:
    lines = ["", "systems:"]
    for name, path in systems:
        seen = _seen(path)
        if seen.column_for("output") is None:
            raise ConfigError(
                f"{seen.path.name} has no column that looks like an output; its columns are: "
                f"{', '.join(seen.columns)}; rename one of them to 'output'"
            )
        fields = _mapped(seen, ("id", "output"))
        lines += [
            f"  {scalar(name)}:",
            f"    role: {role_of(name)}   # teacher, sft, distilled or student",
            f"    outputs: {relative(path, folder)}",
        ]
        lines += [f"    fields: {flow(fields)}"] if fields else []
    return lines


def _ratings(seen: _Seen | None, folder: Path) -> list[str]:
    if seen is None:
        return list(NO_RATINGS)
    lines = ["", "ratings:", f"  path: {relative(seen.path, folder)}"]
    fields = _mapped(seen, ("id", "system", "rater", "label"))
    lines += [f"  fields: {flow(fields)}"] if fields else []
    return [
        *lines,
        *_labels(seen),
        *rating_terms(),
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
        f"{scalar(value)}: {'equivalent' if str(value).casefold() in POSITIVE else 'different'}"
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
        if name not in used and few_values([row.values.get(name) for row in seen.rows])
    ]
