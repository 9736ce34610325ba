"""``judge export``: the outcomes of a finished run, for other tools."""

from pathlib import Path
from typing import Annotated

import typer

from judge.cli.options import DEFAULT_STORE, StoreOption


def export(
    name: Annotated[
        str, typer.Argument(metavar="RUN", help="A run's id, the start of one, or latest.")
    ] = "latest",
    *,
    outputs: Annotated[
        list[Path],
        typer.Option("-o", "--output", help="Write it: .parquet, .csv or .jsonl; repeatable."),
    ],
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write a row for each record and measure of a finished run.

    The rows are the outcomes as they were stored, also of a judge that is not believed: averages
    belong into a report.
    """
    from judge.api.exporting import ExportedRow, exported
    from judge.cli.output import check_endings
    from judge.render.row_files import write_csv, write_jsonl, write_parquet
    from judge.results.store import find_run
    from judge.results.whole_file import whole_file
    from judge.wiring.store import open_store

    writers = {".parquet": write_parquet, ".csv": write_csv, ".jsonl": write_jsonl}
    check_endings(outputs, writers)
    with open_store(store, existing=True) as kept:
        manifest = find_run(kept, name)
        for path in outputs:
            rows = exported(kept, manifest)
            with whole_file(path) as unfinished:
                writers[path.suffix](rows, unfinished, of=ExportedRow)
            print(f"{path}: run {manifest.run_id}")
