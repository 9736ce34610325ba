import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from math import log, log2
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from judge.testing import FakeEndpoint

Run = Callable[..., CompletedProcess[str]]
Serve = Callable[..., AbstractContextManager[FakeEndpoint]]
WriteRows = Callable[[str, Sequence[Mapping[str, object]]], None]
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


DISTRIBUTIONS = """\
name: small
dataset: {items: items.jsonl}
slices: [topic]
systems:
  teacher: {role: teacher, outputs: teacher.jsonl}
  student: {role: student, outputs: student.jsonl}
scorers: {task: {kind: qa}}
"""


def _next(*chances: float) -> dict[str, object]:
    """Return a place of a text with the likeliest tokens there: a, b, ..."""
    top = [{"token": name, "logprob": log(one)} for name, one in zip("abc", chances, strict=False)]
    return {**top[0], "top_logprobs": top}


def test_distributions_of_teacher_and_student_are_compared_item_by_item(
    judge: Run, write_rows: WriteRows, folder: Path
) -> None:
    n = 50
    (folder / "judge.yaml").write_text(DISTRIBUTIONS)
    write_rows(
        "items.jsonl",
        [{"id": k, "reference": "x", "topic": "new" if k % 2 else "old"} for k in range(n)],
    )
    halves, skewed = [_next(0.5, 0.5)], [_next(0.75, 0.25)]
    taught: list[dict[str, object]] = [
        {
            "id": k,
            "output": "x",
            "logprobs": {"content": halves},
            "probabilities": {"y": 0.5, "n": 0.5},
        }
        for k in range(n)
    ]
    said: list[dict[str, object]] = [
        {
            "id": k,
            "output": "y" if k % 5 else "x",
            "confidence": 0.7 if k % 2 else 0.9,
            "forced_logprobs": skewed if k % 2 else halves,
            "probabilities": {"y": 0.5, "n": 0.5} if k % 2 else {"y": 0.75, "n": 0.25},
        }
        for k in range(n)
    ]
    said[0] |= {
        "forced_logprobs": [{**_next(0.25, 0.25), "token": "other"}],
        "probabilities": {"z": 1},
    }
    said[2] |= {"forced_logprobs": [-0.5], "probabilities": None}
    taught[4] |= {"logprobs": None}
    write_rows("teacher.jsonl", taught)
    write_rows("student.jsonl", said)

    run = judge("run", "judge.yaml", "--json")

    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    rows = {(row["over"], row["slice"]): row for row in report["divergence"]}
    far = 1 - log2(3) / 2  # from (1/2, 1/2) to (3/4, 1/4), in bits
    whole = rows["tokens", "overall"]
    assert (whole["n_records"], whole["n"], whole["coverage"]) == (n, 47, 0.94)
    assert whole["refused"] == {
        "other tokens: not the same text, or another tokenizer": 1,
        "no top_logprobs at some place": 1,
        "the teacher gives none": 1,
    }
    assert whole["kullback_leibler"]["value"] == pytest.approx(25 * far / 47)
    assert rows["tokens", "topic=old"]["jensen_shannon"]["value"] == pytest.approx(0)
    assert rows["classes", "overall"]["kullback_leibler"]["value"] == pytest.approx(23 * far / 48)
    assert rows["classes", "overall"]["refused"] == {"other classes": 1}
    shown = judge("report", "latest", "-o", "report.md", "-o", "report.html", "-o", "report.csv")
    assert shown.returncode == 0, shown.stderr
    for name in ("report.md", "report.html"):
        text = (folder / name).read_text()
        assert "Divergence from the teacher" in text
        assert "Calibration" in text
    cells = {
        (row["metric"], row["slice"]): row
        for row in csv.DictReader((folder / "report.csv").read_text().splitlines())
    }
    told = cells["divergence.tokens.kullback_leibler", "overall"]
    assert float(told["value"]) == whole["kullback_leibler"]["value"]
    assert (told["system"], told["target"]) == ("student", "teacher")
    both = [row for row in report["calibration"] if row["slice"] == "overall"]
    silent, sure = both
    assert silent["reason"] == "49 right and 0 wrong, 5 of each are needed"
    assert (sure["metric"], sure["basis"], sure["status"]) == (
        "exact_match.reference",
        "scorer",
        "shown",
    )
    assert sure["excess"]["value"] == pytest.approx(0.8 - 0.2)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"confidence": 70}, "line 2: 'confidence' must be a probability from 0 to 1, not 70"),
        ({"logprobs": [0.5]}, "line 2: 'logprobs' holds 0.5 at place 0"),
        ({"forced_logprobs": "x"}, "line 2: 'forced_logprobs' is no list"),
        ({"probabilities": {"y": 0.5}}, "line 2: 'probabilities' sums to 0.5"),
    ],
)
def test_what_can_be_no_probability_ends_a_run_before_it_begins(
    row: dict[str, object], words: str, judge: Run, write_rows: WriteRows, folder: Path
) -> None:
    (folder / "judge.yaml").write_text(DISTRIBUTIONS)
    write_rows("items.jsonl", [{"id": k, "reference": "x", "topic": "new"} for k in range(2)])
    write_rows("teacher.jsonl", [{"id": k, "output": "x"} for k in range(2)])
    write_rows("student.jsonl", [{"id": 0, "output": "x"}, {"id": 1, "output": "x", **row}])

    run = judge("run", "judge.yaml")

    assert run.returncode == 2
    assert f"student.jsonl {words}" in run.stderr
    assert "leave it out" in run.stderr
    assert not (folder / ".judge").exists()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of SQLAlchemy, as MLflow uses it
def test_a_report_is_told_to_mlflow(
    judge: Run, run_id: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.tracking import MlflowClient

    store = f"sqlite:///{folder}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)

    done = judge("report", run_id, "--track", "mlflow", "-o", "report.md")

    assert done.returncode == 0
    client = MlflowClient(store)
    (run,) = client.search_runs([one.experiment_id for one in client.search_experiments()])
    assert run.data.tags["judge.run_id"] == run_id
    assert f"judge: MLflow run {run.info.run_id}" in done.stderr


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("mlflow.exceptions", {"mlflow": "tracking"}),
        ("opentelemetry.sdk.metrics", {"otel": "otel"}),
    ],
)
def test_a_tool_whose_extra_is_missing_is_told_with_what_installs_it(
    module: str,
    options: dict[str, str],
    judge: Run,
    run_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    ((tracker, extra),) = options.items()

    done = judge("report", run_id, "--track", tracker)

    assert (done.returncode, done.stdout) == (2, "")
    assert f"pip install 'judge[{extra}]'" in done.stderr
