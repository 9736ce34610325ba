import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from judge.testing import FakeEndpoint

Run = Callable[..., CompletedProcess[str]]
Serve = Callable[..., AbstractContextManager[FakeEndpoint]]
WriteSet = Callable[..., None]


@pytest.fixture
def run_id(judge: Run, write_set: WriteSet, serving: Serve) -> str:
    """Run a small set and return the run's id."""
    write_set()
    with serving():
        ran = judge("run", "judge.yaml", "--json")
    found = json.loads(ran.stdout)["run"]["run_id"]
    assert isinstance(found, str)
    return found


def test_a_report_is_what_the_run_printed(judge: Run, run_id: str) -> None:
    by_default, by_id = judge("report"), judge("report", run_id)

    assert (by_default.returncode, by_default.stderr) == (0, "")
    assert by_default.stdout == by_id.stdout
    assert f"small: run {run_id}" in by_default.stdout
    assert "withheld: judge unvalidated" in by_default.stdout


def test_a_report_is_written_in_every_format_and_not_printed_then(judge: Run, run_id: str) -> None:
    files = ["out/report.md", "report.json", "examples.jsonl", "report.html", "estimates.csv"]
    options = [part for file in files for part in ("-o", file)]

    written, printed = judge("report", "latest", *options), judge("report", "latest", "--json")

    assert (written.returncode, written.stdout) == (0, "")
    assert Path("out/report.md").read_text().startswith(f"# small: run {run_id}\n")
    assert Path("report.json").read_text() == printed.stdout
    report = json.loads(printed.stdout)
    assert report["run"]["run_id"] == run_id
    lines = Path("examples.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == report["examples"]
    assert f"run {run_id} · 6 items" in Path("report.html").read_text()
    assert Path("estimates.csv").read_text().count("\n") == 1 + len(report["estimates"])


def test_json_and_files_can_be_had_together(judge: Run, run_id: str) -> None:
    found = judge("report", "--json", "-o", "report.json")

    assert Path("report.json").read_text() == found.stdout


def test_an_unknown_format_is_refused_before_anything_is_written(judge: Run, run_id: str) -> None:
    before = sorted(Path().rglob("*"))

    found = judge("report", "-o", "report.md", "-o", "report.pdf")

    assert (found.returncode, found.stdout) == (2, "")
    assert "report.pdf: unknown format '.pdf'" in found.stderr
    assert "known: .html, .md, .json, .csv, .jsonl" in found.stderr
    assert sorted(Path().rglob("*")) == before


def test_a_run_that_is_not_there_is_named_beside_those_that_are(judge: Run, run_id: str) -> None:
    found = judge("report", "19990101")

    assert found.returncode == 2
    assert f"no run is called '19990101'; the newest are: {run_id}" in found.stderr


def test_without_a_store_there_is_nothing_to_report_and_none_is_made(
    judge: Run, folder: Path
) -> None:
    found = judge("report", "--store", "gone.sqlite")

    assert (found.returncode, found.stdout) == (2, "")
    assert "there is no store gone.sqlite; the first run makes it: judge run CONFIG" in found.stderr
    assert list(folder.iterdir()) == []


def test_what_outputs_took_stands_in_every_later_report_of_the_run(
    judge: Run,
    write_set: WriteSet,
    write_rows: Callable[[str, Sequence[Mapping[str, object]]], None],
    folder: Path,
) -> None:
    write_set(30)
    config = (
        (folder / "judge.yaml")
        .read_text()
        .replace("role: student", "role: student, hardware: 1 x L4")
    )
    (folder / "judge.yaml").write_text(
        config.replace("  equivalence: {judge: {model: fake-judge}, against: [reference]}\n", "")
    )
    for system, scale in (("teacher", 4.0), ("student", 1.0)):
        rows = [
            {"id": f"i{k}", "output": "{}", "latency_ms": scale * (100 + k % 7 + scale)}
            for k in range(30)
        ]
        write_rows(f"{system}.jsonl", rows)
    judge("run", "judge.yaml")
    (folder / "student.jsonl").unlink()

    body = json.loads(judge("report", "latest", "--json").stdout)

    (time,) = body["operations_saved"]
    assert (time["student"], time["quantity"], time["n"]) == ("student", "time", 30)
    assert 0.74 < time["saved"]["low"] < time["saved"]["value"] < time["saved"]["high"] < 0.77
    assert body["operations"][1]["hardware"] == "1 x L4"
    assert "cost_usd_per_1000" not in body["operations"][0]
    assert body["operations_warnings"][0].startswith("nothing says the hardware of teacher")
