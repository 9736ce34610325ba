"""Files of other tools made into our own rows beside a config, with an account of it."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from judge.errors import ConfigError, DataError
from judge.importers.imported import Imported
from judge.importers.merged import Merged, merge, renamed
from judge.importers.plain import Holds
from judge.importers.rated import Rated, rated
from judge.importers.recognise import read_foreign
from judge.importers.row_set import RowSet, row_set

_SUFFIX = "_rows"
_MOST_NAMED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One file as it was given.

    Attributes:
        name: what its one system is to be called; empty for what the file says.
        holds: what it was given as.
    """

    path: Path
    name: str = ""
    holds: Holds = Holds.ANYTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSet:
    """What was given, read and merged, and how it will stand in files."""

    files: Sequence[Imported]
    merged: Merged
    rated: Rated | None
    rows: RowSet


def any_foreign(paths: Sequence[Path]) -> bool:
    """Whether one of several files is of another tool, and not rows that are read as they are.

    Raises:
        DataError: a file cannot be read, or is of no kind that is known.
    """
    return any(read_foreign(path, holds=None) is not None for path in paths)


def import_set(given: Sequence[Given]) -> ImportedSet:
    """Read files and make one set of them.

    Raises:
        DataError: a file cannot be read, or they do not fit together.
    """
    files = [_read(one) for one in given]
    merged = merge(files)
    about = rated(merged.ratings, merged.scales)
    rows = row_set(merged, question=about.question if about else "")
    return ImportedSet(files=files, merged=merged, rated=about, rows=rows)


def explanation(found: ImportedSet) -> Iterator[str]:
    """Yield lines on what each file was taken for, what became what, and what was left out."""
    for one in found.files:
        yield f"{one.path.name}: {one.tool}: {_counts(one)}"
        for column, ours in one.became.items():
            yield f"  {column} -> {ours}"
        for what, n in one.left_out.items():
            yield f"  left out: {what} ({n:,})"
    merged = found.merged
    for what, n in merged.left_out.items():
        yield f"left out: {what} ({n:,})" if n > 1 else f"left out: {what}"
    for dimension in merged.dimensions:
        values = list(dict.fromkeys(one[dimension] for one in merged.slices.values()))
        yield f"slice {dimension}: {_some(values)}"
    for judge, scale in merged.scales.items():
        n = len(merged.verdicts[judge])
        yield f"judge {judge}: {n:,} verdicts, {scale.kind.value}: {', '.join(scale.categories)}"
    if found.rated is not None and found.rated.labels is None:
        yield (
            f"ratings: their labels stand on no judge's scale; map them in the config, where they "
            f"are left out until then: {_some(rated_labels(found))}"
        )


def rated_labels(found: ImportedSet) -> list[str]:
    """Return the different labels of the ratings that are used, as stored."""
    question = found.rated.question if found.rated else ""
    labels = (one.label for one in found.merged.ratings if one.question == question)
    return list(dict.fromkeys(labels))[:20]


def rows_folder(config: Path) -> Path:
    """Return the folder beside a config that imported rows are written into."""
    return config.with_name(f"{config.stem}{_SUFFIX}")


def write_rows(found: ImportedSet, config: Path) -> None:
    """Write the rows beside a config: all files, or none.

    Raises:
        ConfigError: there are rows of another import, or the folder cannot be written.
    """
    folder = rows_folder(config)
    if folder.exists():
        if same_rows(found, config):
            return
        raise ConfigError(f"{folder} exists already; move it away, or give another name with -o")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for name, body in found.rows.files.items():
                (unfinished / name).write_bytes(body)
            unfinished.chmod(0o755 & ~_umask())
            unfinished.rename(folder)  # one atomic step
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror}") from error


def same_rows(found: ImportedSet, config: Path) -> bool:
    """Whether the very same rows stand beside a config already."""
    folder = rows_folder(config)
    return all(
        (folder / name).is_file() and (folder / name).read_bytes() == body
        for name, body in found.rows.files.items()
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _read(given: Given) -> Imported:
    found = read_foreign(given.path, holds=given.holds)
    if found is None:
        raise AssertionError("a file that is given as something is read")
    if given.holds is Holds.ITEMS:
        return replace(found, outputs=(), verdicts=(), ratings=())
    if not given.name or not found.systems:
        return found
    if len(found.systems) == 1:
        return renamed(found, given.name, only=found.systems[0])
    if given.name in found.systems:
        return _only(found, given.name)
    raise DataError(
        f"{given.path.name} holds outputs of {len(found.systems)} systems "
        f"({', '.join(found.systems[:_MOST_NAMED])}); call {given.name!r} one of them, or take "
        f"all: judge init {given.path}"
    )


def _only(found: Imported, system: str) -> Imported:
    """Return what a file holds of one system."""
    others = sum(one.system != system for one in found.outputs)
    return replace(
        found,
        outputs=[one for one in found.outputs if one.system == system],
        ratings=[one for one in found.ratings if one.system == system],
        verdicts=[one for one in found.verdicts if one.system == system],
        left_out={**found.left_out, "outputs of other systems": others},
    )


def _counts(one: Imported) -> str:
    parts = [f"{len(one.items):,} items"] if one.items else []
    for system in one.systems:
        n = sum(output.system == system for output in one.outputs)
        parts.append(f"{n:,} outputs" + (f" of {system}" if system else ""))
    if len(parts) > _MOST_NAMED:
        parts = [*parts[:_MOST_NAMED], f"{len(one.systems)} systems in all"]
    if one.ratings:
        parts.append(f"{len(one.ratings):,} ratings")
    if one.verdicts:
        parts.append(f"{len(one.verdicts):,} verdicts")
    return ", ".join(parts) or "nothing"


def _some(values: Sequence[str]) -> str:
    shown = ", ".join(values[:_MOST_NAMED])
    return shown if len(values) <= _MOST_NAMED else f"{shown} and {len(values) - _MOST_NAMED} more"
