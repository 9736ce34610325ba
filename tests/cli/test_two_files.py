import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from judge.cli.two_files import write_two_file_config
from judge.errors import ConfigError

Run = Callable[..., CompletedProcess[str]]
WriteRows = Callable[[str, Sequence[Mapping[str, object]]], None]
TEACHER, STUDENT = Path("teacher.jsonl"), Path("student.jsonl")


@pytest.fixture
def two_files(write_rows: WriteRows) -> None:
    """Write the outputs of a teacher and of a student who answered less."""
    texts = ("The harbour reopens in May.", "The mill closes on Friday.", "Tea costs 3 crowns.")
    rows = [{"id": f"i{k}", "output": text} for k, text in enumerate(texts)]
    write_rows("teacher.jsonl", rows)
    write_rows("student.jsonl", rows[:2])


@pytest.mark.usefixtures("two_files")
def test_two_files_are_enough_to_start_with(judge: Run) -> None:
    found = judge("run", "--teacher", "teacher.jsonl", "--student", "student.jsonl", "--json")

    report = json.loads(found.stdout)
    assert found.returncode == 0
    assert [one["metric"] for one in report["run"]["measures"]] == [
        "equivalence.teacher",
        "similarity.teacher",
    ]
    scores = [one["scores"]["similarity.teacher"] for one in report["examples"]][3:]
    assert [one.get("value") for one in scores[:2]] == pytest.approx([1, 1])
    assert scores[2]["fate"] == "output_missing"
    assert "no references: task quality is not measured" in found.stderr
    assert "no JSON Schema: format is not measured" in found.stderr
    assert "no human ratings" in found.stderr
    assert "this run's config is judge.yaml; edit it and type: judge run judge.yaml" in found.stderr


@pytest.mark.usefixtures("two_files")
def test_the_config_it_writes_does_the_same_again(judge: Run) -> None:
    Path("schema.json").write_text('{"type": "object"}')
    arguments = ("--teacher", "teacher.jsonl", "--student", "student.jsonl")

    first = judge("run", *arguments, "--schema", "schema.json", "--dry-run")
    written = sorted(Path().glob("*.yaml"))
    second = judge("run", "judge.yaml", "--dry-run")

    assert (first.returncode, written) == (0, [Path("judge.yaml")])
    assert "adherence.strict: 6 records" in first.stdout
    assert second.stdout == first.stdout


@pytest.mark.usefixtures("two_files")
def test_another_config_is_never_overwritten() -> None:
    Path("judge.yaml").write_text("mine")
    Path("judge-2.yaml").write_text("mine too")

    path = write_two_file_config(TEACHER, STUDENT, None)
    same = write_two_file_config(TEACHER, STUDENT, None)
    other = write_two_file_config(STUDENT, TEACHER, None)

    assert (path, same, other) == (Path("judge-3.yaml"), path, Path("judge-4.yaml"))
    assert Path("judge.yaml").read_text() == "mine"
    assert Path("judge-2.yaml").read_text() == "mine too"


@pytest.mark.usefixtures("two_files")
@pytest.mark.parametrize(
    "name",
    ["with # and: colon.jsonl", "'quoted'.jsonl", "true.jsonl", "a long name " * 15 + ".jsonl"],
)
def test_files_of_any_name_can_be_used(name: str, judge: Run) -> None:
    TEACHER.rename(name)

    found = judge("run", "--teacher", name, "--student", "student.jsonl", "--dry-run")

    assert found.returncode == 0
    assert "similarity.teacher: 6 records" in found.stdout


@pytest.mark.usefixtures("two_files")
@pytest.mark.parametrize("absent", ["teacher", "student", "schema"])
def test_an_absent_file_is_named_and_no_config_written(absent: str) -> None:
    paths = {"teacher": TEACHER, "student": STUDENT, "schema": STUDENT, absent: Path("no.jsonl")}

    with pytest.raises(ConfigError, match=r"no\.jsonl is not a file"):
        write_two_file_config(paths["teacher"], paths["student"], paths["schema"])

    assert list(Path().glob("*.yaml")) == []
