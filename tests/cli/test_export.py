import csv
import json
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from pyarrow import parquet

from judge.api.project import ratings_of
from judge.testing import Answer, FakeEndpoint
from judge.wiring.project import open_project

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


@pytest.fixture
def rated(judge: Run, write_set: Callable[..., None], serving: Serve) -> list[tuple[str, ...]]:
    """Finish a run with ratings of two people; return them as what each said of which output."""
    write_set(12, ratings=12)
    rows = [json.loads(row) for row in Path("ratings.jsonl").read_text().splitlines()]
    rows[0]["comment"] = "=not a formula"
    # Of one output they said two things: together they said nothing, and each word is kept.
    rows += [{**rows[k], "rater": "7", "label": "equivalent"} for k in (0, 1)]
    Path("ratings.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    with serving():
        assert judge("run", "judge.yaml").returncode == 0
    return sorted((row["id"], row["system"], row["rater"], row["label"]) for row in rows)


def _imported(*more: str) -> list[tuple[str, ...]]:
    rows = [json.loads(row) for row in Path("back_rows/ratings.jsonl").read_text().splitlines()]
    return sorted(
        tuple(row[name] for name in ("id", "system", "rater", "label", *more)) for row in rows
    )


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_ratings_that_are_written_are_read_back_by_a_config(
    ending: str, judge: Run, rated: list[tuple[str, ...]]
) -> None:
    written = judge("export", "--as", "ratings", "-o", f"said{ending}")
    text = Path("judge.yaml").read_text()
    Path("again.yaml").write_text(
        text.replace("path: ratings.jsonl", f"path: said{ending}").replace(
            "sampling: random", "sampling: inclusion_probability"
        )
    )

    assert written.returncode == 0, written.stderr
    found, before = (open_project(Path(name)) for name in ("again.yaml", "judge.yaml"))
    again, ratings = (ratings_of(one).read(one.dataset) for one in (found, before))
    places = [replace(one, place="", comment="") for one in again.ratings]
    assert places == [replace(one, place="", comment="") for one in ratings.ratings]
    assert again.fingerprint == ratings.fingerprint
    assert len(again.ratings) == len(rated)


@pytest.mark.usefixtures("rated")
@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_verdicts_that_are_written_are_those_of_a_recorded_judge(ending: str, judge: Run) -> None:
    judge("export", "--as", "verdicts", "-o", f"said{ending}")
    text = Path("judge.yaml").read_text()
    recorded = f"judge: {{recorded: said{ending}, name: equivalence.reference}}"
    Path("again.yaml").write_text(text.replace("judge: {model: fake-judge}", recorded))

    ran = judge("run", "again.yaml", "--json")

    assert ran.returncode == 0, ran.stderr
    judge("export", "-o", "again.jsonl")
    rows = [json.loads(row) for row in Path("again.jsonl").read_text().splitlines()]
    labels = [row["label"] for row in rows if row["metric"] == "equivalence.reference"]
    assert labels == ["equivalent"] * 12 + ["different", "equivalent"] * 6


@pytest.mark.usefixtures("quick_embedder")
@pytest.mark.parametrize("tool", ["label-studio", "argilla"])
def test_what_an_annotation_tool_is_given_says_the_same_when_it_is_read(
    tool: str, judge: Run, rated: list[tuple[str, ...]]
) -> None:
    written = judge("export", "--as", tool, "-o", "said.json")
    made = judge("init", "said.json", "-o", "back.yaml")
    ran = judge("run", "back.yaml", "--json")

    assert (written.returncode, made.returncode, ran.returncode) == (0, 0, 0), made.stderr
    assert _imported() == rated
    report = json.loads(ran.stdout)
    assert [one["name"] for one in report["run"]["systems"]] == ["teacher", "student"]
    first = report["examples"][0]
    assert (first["input"], first["references"], first["slices"]) == (
        "ask 0",
        ["true 0"],
        {"kind": "even"},
    )
    rows = Path("back_rows/verdicts.jsonl").read_text().splitlines()
    verdicts = [json.loads(row) for row in rows]
    assert {one["judge"] for one in verdicts} == {"equivalence.reference"}
    assert len(verdicts) == 24
    ratings = [json.loads(row) for row in Path("back_rows/ratings.jsonl").read_text().splitlines()]
    words = [one["reply"] for one in verdicts if "reply" in one]
    words += [one["comment"] for one in ratings if "comment" in one]
    lost = (
        "judge: 26 comments and reasons are left out: a record of Argilla has no place for them\n"
    )
    assert len(words) == (0 if tool == "argilla" else 26)
    assert written.stderr == (lost if tool == "argilla" else "")


@pytest.mark.usefixtures("rated")
def test_ratings_of_texts_that_changed_are_left_out_and_counted(judge: Run, serving: Serve) -> None:
    rows = [json.loads(row) for row in Path("student.jsonl").read_text().splitlines()]
    rows[0]["output"] = "another"
    Path("student.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    text = Path("judge.yaml").read_text()
    Path("bare.yaml").write_text(
        "".join(line for line in text.splitlines(keepends=True) if not line.startswith("ratings:"))
    )
    with serving():
        assert judge("run", "bare.yaml").returncode == 0

    found = judge("export", "--as", "ratings", "-o", "said.jsonl")

    assert found.stderr == "judge: 2 ratings are left out: their texts have changed since\n"
    assert len(Path("said.jsonl").read_text().splitlines()) == 12


@pytest.mark.usefixtures("finished")
def test_ratings_that_nobody_gave_are_no_file(judge: Run) -> None:
    found = judge("export", "--as", "ratings", "-o", "said.jsonl")

    assert found.returncode == 2
    assert "no ratings of these outputs are kept; name them under 'ratings:'" in found.stderr
    assert not Path("said.jsonl").exists()


@pytest.mark.usefixtures("finished")
def test_annotation_tools_are_given_json(judge: Run) -> None:
    found = judge("export", "--as", "argilla", "-o", "said.jsonl")

    assert found.returncode == 2
    assert "said.jsonl: unknown format '.jsonl'" in found.stderr


def test_a_name_that_a_spreadsheet_would_change_is_refused(
    judge: Run, write_set: Callable[..., None], serving: Serve
) -> None:
    write_set(4, ratings=4)
    text = Path("ratings.jsonl").read_text()
    Path("ratings.jsonl").write_text(text.replace('"ann"', '"@ann"'))
    with serving():
        judge("run", "judge.yaml")

    found = judge("export", "--as", "ratings", "-o", "said.jsonl", "-o", "said.csv")

    assert found.returncode == 2
    assert "said.csv: the name '@ann' would be a formula" in found.stderr
    assert not Path("said.jsonl").exists()
