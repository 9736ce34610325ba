import csv
import json
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from pyarrow import parquet

from judge.testing import Answer, FakeEndpoint

Run = Callable[..., CompletedProcess[str]]
Serve = Callable[..., AbstractContextManager[FakeEndpoint]]


@pytest.fixture
def finished(judge: Run, write_set: Callable[..., None], serving: Serve) -> None:
    """Finish a run."""
    write_set()
    with serving():
        judge("run", "judge.yaml")


@pytest.mark.usefixtures("finished")
def test_a_finished_run_is_written_row_by_row_in_each_format(judge: Run) -> None:
    outputs = ("rows.parquet", "rows.csv", "rows.jsonl")

    found = judge("export", *(word for name in outputs for word in ("-o", name)))

    assert found.returncode == 0, found.stderr
    rows = parquet.read_table("rows.parquet").to_pylist()
    assert rows == [json.loads(line) for line in Path("rows.jsonl").read_text().splitlines()]
    with Path("rows.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    assert [row["item_id"] for row in cells] == [row["item_id"] for row in rows]
    assert {row["metric"] for row in rows} == {"equivalence.reference", "adherence.strict"}
    assert {row["kind"] for row in rows} <= {"score", "fate", "not_applicable"}
    assert all((row["value"] is not None) == (row["kind"] == "score") for row in rows)
    assert all(json.loads(row["slices"]) for row in rows)
    assert {stat.S_IMODE(Path(name).stat().st_mode) for name in outputs} == {0o600}


def test_an_unfinished_run_is_refused_with_how_to_finish_it(
    judge: Run, write_set: Callable[..., None], serving: Serve
) -> None:
    write_set()
    with serving(lambda _: Answer(status=401)):
        judge("run", "judge.yaml")

    found = judge("export", "-o", "rows.csv")

    assert found.returncode == 2
    assert "records wait for equivalence.reference; finish it with: judge resume" in found.stderr
    assert not Path("rows.csv").exists()


@pytest.mark.usefixtures("finished")
def test_an_unknown_ending_is_told_before_anything_is_written(judge: Run) -> None:
    found = judge("export", "-o", "rows.csv", "-o", "rows.xlsx")

    assert found.returncode == 2
    assert "rows.xlsx: unknown format '.xlsx'" in found.stderr
    assert not Path("rows.csv").exists()
