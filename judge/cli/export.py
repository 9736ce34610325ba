"""``judge export``: the outcomes of a run, and what people and judges said of it, elsewhere."""

import sys
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from judge.cli.options import DEFAULT_STORE, StoreOption
from judge.errors import ConfigError

if TYPE_CHECKING:
    from judge.render.row_files import Row
    from judge.results.run import RunManifest
    from judge.results.store import Store
    from judge.trust.said import Said


class Shape(StrEnum):
    """What is written."""

    OUTCOMES = "outcomes"
    RATINGS = "ratings"
    VERDICTS = "verdicts"
    LABEL_STUDIO = "label-studio"
    ARGILLA = "argilla"


_TABLES = (".parquet", ".csv", ".jsonl")
_DOCUMENTS = (".json",)


def export(
    name: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's id, the start of one, or latest.")
    ] = "latest",
    *,
    outputs: Annotated[
        list[Path],
        typer.Option(
            "-o",
            "--output",
            help="Write it: .parquet, .csv or .jsonl; .json for annotation tools; repeatable.",
        ),
    ],
    shape: Annotated[
        Shape,
        typer.Option(
            "--as",
            help="Outcomes; ratings by people or verdicts of judges as rows; both as tasks of "
            "Label Studio or records of Argilla.",
        ),
    ] = Shape.OUTCOMES,
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write the outcomes of a run, or what people and judges said of it, for other tools.

    The rows are the outcomes as they were stored, also of a judge that is not believed: averages
    belong into a report. What is written as ratings, verdicts, tasks or records is read again by
    judge init, and says the same.
    """
    from judge.cli.output import check_endings
    from judge.results.store import find_run
    from judge.wiring.store import open_store

    documents = shape in {Shape.LABEL_STUDIO, Shape.ARGILLA}
    check_endings(outputs, _DOCUMENTS if documents else _TABLES)
    with open_store(store, existing=True) as kept:
        manifest = find_run(kept, name)
        if shape is Shape.OUTCOMES:
            _write_outcomes(kept, manifest, outputs)
        else:
            _write_said(kept, manifest, outputs, shape)
        for path in outputs:
            print(f"{path}: run {manifest.run_id}")


def _write_outcomes(kept: "Store", manifest: "RunManifest", outputs: Sequence[Path]) -> None:
    from judge.api.exporting import ExportedRow, exported

    for path in outputs:
        _write_rows(path, lambda: exported(kept, manifest), of=ExportedRow)


def _write_said(
    kept: "Store", manifest: "RunManifest", outputs: Sequence[Path], shape: Shape
) -> None:
    from judge.api.exporting import said
    from judge.cli.output import write_whole
    from judge.render.annotation_files import MAKERS
    from judge.trust.said import RatingRow, VerdictRow

    found = said(kept, manifest)
    _tell_what_is_left_out(found, shape)
    for path in outputs:
        _check_names(path, found, shape)
    for path in outputs:
        if shape is Shape.RATINGS:
            _write_rows(path, lambda: found.ratings, of=RatingRow)
        elif shape is Shape.VERDICTS:
            _write_rows(path, lambda: found.verdicts, of=VerdictRow)
        else:
            write_whole(path, MAKERS[shape](found))


def _tell_what_is_left_out(found: "Said", shape: Shape) -> None:
    if shape is Shape.RATINGS and not found.ratings:
        raise ConfigError(
            "no ratings of these outputs are kept; name them under 'ratings:' in the config, and "
            "run: judge validate CONFIG"
        )
    if shape is Shape.VERDICTS and not found.verdicts:
        raise ConfigError("no judge scored this run: it has no verdicts to write")
    if found.changed and shape is not Shape.VERDICTS:
        print(
            f"judge: {found.changed:,} ratings are left out: their texts have changed since",
            file=sys.stderr,
        )
    words = sum(bool(one.comment) for one in found.ratings)
    words += sum(bool(one.reply) for one in found.verdicts)
    if words and shape is Shape.ARGILLA:
        print(
            f"judge: {words:,} comments and reasons are left out: a record of Argilla has no place "
            "for them",
            file=sys.stderr,
        )


def _write_rows(path: Path, rows: "Callable[[], Iterable[Row]]", *, of: "type[Row]") -> None:
    from judge.render.row_files import write_csv, write_jsonl, write_parquet
    from judge.results.whole_file import whole_file

    writers = {".parquet": write_parquet, ".csv": write_csv, ".jsonl": write_jsonl}
    with whole_file(path) as unfinished:
        writers[path.suffix](rows(), unfinished, of=of)


def _check_names(path: Path, found: "Said", shape: Shape) -> None:
    """Refuse a spreadsheet of names that it would change: they could not be read back."""
    from judge.render.row_files import changed_in_csv

    if path.suffix != ".csv":
        return
    names = (
        {text for one in found.ratings for text in (one.id, one.system, one.rater, one.label)}
        if shape is Shape.RATINGS
        else {text for one in found.verdicts for text in (one.id, one.system, one.label)}
    )
    if odd := sorted(filter(changed_in_csv, names)):
        raise ConfigError(
            f"{path}: the name {odd[0]!r} would be a formula to a spreadsheet, and gets an "
            "apostrophe there; write .jsonl or .parquet"
        )
