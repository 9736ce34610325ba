import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from judge.api.project import ratings_of
from judge.config import parse_config
from judge.wiring.project import open_project

Run = Callable[..., CompletedProcess[str]]
WriteRows = Callable[[str, Sequence[Mapping[str, object]]], None]
ITEMS, TEACHER, STUDENT = "questions.jsonl", "gpt4.jsonl", "fid.jsonl"
BASIC = ("--items", ITEMS, "--system", f"teacher={TEACHER}", "--system", f"my student={STUDENT}")


@pytest.fixture
def columns(write_rows: WriteRows) -> None:
    """Write files with the column names of other tools: EVOUNA's, and an annotation tool's."""
    ids = range(8)
    write_rows(
        ITEMS,
        [
            {
                "question_id": k,
                "question": f"Who built bridge {k}?",
                "golden_answer": f"Builder {k} of Ambry",
                "difficulty": ("plain", "tricky")[k % 2],
                "verified": k < 5,
                "note": f"note {k}",
            }
            for k in ids
        ],
    )
    write_rows(TEACHER, [{"question_id": k, "answer": f"Builder {k} of Ambry"} for k in ids])
    write_rows(STUDENT, [{"question_id": k, "prediction": f"Builder {k + k % 2}"} for k in ids])
    write_rows(
        "ratings.jsonl",
        [
            {"question_id": k, "model": "my student", "annotator": "ann", "correct": k % 2 == 0}
            for k in ids
        ],
    )


@pytest.mark.usefixtures("columns", "quick_embedder")
def test_real_column_names_make_a_config_that_runs(judge: Run) -> None:
    made = judge("init", *BASIC, "--ratings", "ratings.jsonl")
    ran = judge("run", "judge.yaml", "--json")

    report = json.loads(ran.stdout)
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout == "wrote judge.yaml; read its comments, then: judge run judge.yaml\n"
    assert ran.returncode == 0
    first = report["examples"][0]
    assert (first["id"], first["input"]) == ("0", "Who built bridge 0?")
    assert (first["output"], first["references"]) == (
        "Builder 0 of Ambry",
        ["Builder 0 of Ambry"],
    )
    assert first["slices"] == {"difficulty": "plain", "verified": "true"}
    assert [(one["name"], one["role"]) for one in report["run"]["systems"]] == [
        ("teacher", "teacher"),
        ("my student", "student"),
    ]
    project = open_project(Path("judge.yaml"))
    ratings = ratings_of(project).read(project.dataset).ratings
    assert [(one.item_id, one.label) for one in ratings[:2]] == [
        ("0", "equivalent"),
        ("1", "different"),
    ]


@pytest.mark.usefixtures("columns")
def test_what_only_a_person_can_know_is_left_to_the_person(judge: Run) -> None:
    judge("init", *BASIC, "--ratings", "ratings.jsonl")

    text = Path("judge.yaml").read_text()
    config = parse_config(text, name="judge.yaml")
    assert config.ratings is not None
    assert (config.ratings.blind, config.ratings.sampling) == (False, None)
    assert "# how the rated outputs were drawn: say it if you know" in text
    assert "# judge: {model: gpt-4.1-mini, prompt: equivalence/v1" in text
    assert "# yaml-language-server: $schema=" in text


@pytest.mark.usefixtures("columns")
def test_without_ratings_it_says_what_stays_withheld_and_how_ratings_look(judge: Run) -> None:
    found = judge("init", *BASIC, "-o", "configs/new.yaml")

    assert found.returncode == 0
    assert "no --ratings: judged numbers stay withheld" in found.stderr
    assert (
        "#   path: ratings.jsonl      # id, system, rater, label"
        in Path("configs/new.yaml").read_text()
    )
    assert len(open_project(Path("configs/new.yaml")).dataset.items) == 8


@pytest.mark.usefixtures("columns")
def test_an_existing_file_is_refused_and_left_alone(judge: Run) -> None:
    Path("judge.yaml").write_text("mine")

    found = judge("init", *BASIC)

    assert (found.returncode, found.stdout) == (2, "")
    assert "judge.yaml exists already; give another name with -o" in found.stderr
    assert Path("judge.yaml").read_text() == "mine"


@pytest.mark.usefixtures("columns")
@pytest.mark.parametrize("kind", ["rows of their own", "a file for all"])
def test_schemas_are_found_where_they_are(kind: str, judge: Run, write_rows: WriteRows) -> None:
    Path("answer.schema.json").write_text('{"type": "string"}')
    items = [json.loads(line) for line in Path(ITEMS).read_text().splitlines()]
    if kind == "rows of their own":
        write_rows(ITEMS, [{**item, "schema": "answer.schema.json"} for item in items])

    judge("init", *BASIC, *(["--schema", "answer.schema.json"] if kind == "a file for all" else []))

    dataset = open_project(Path("judge.yaml")).dataset
    assert {item.schema for item in dataset.items} == {'{"type":"string"}'}
    assert list(dataset.slice_values) == ["difficulty", "verified"]


@pytest.mark.usefixtures("columns")
def test_slices_that_stand_in_an_object_are_kept(judge: Run, write_rows: WriteRows) -> None:
    write_rows(ITEMS, [{"id": str(k), "slices": {"kind": "news"}} for k in range(8)])

    found = judge("init", *BASIC)

    assert found.returncode == 0
    assert open_project(Path("judge.yaml")).dataset.slice_values == {"kind": ("news",)}


@pytest.mark.usefixtures("columns")
@pytest.mark.parametrize("name", ["a: b #c.jsonl", "- x.jsonl", "a long name " * 15 + ".jsonl"])
def test_names_that_mean_something_in_yaml_are_quoted(name: str, judge: Run) -> None:
    Path(STUDENT).rename(name)

    found = judge("init", *BASIC[:4], "--system", f"{{no: {name}={name}")

    assert found.returncode == 0
    systems = open_project(Path("judge.yaml")).dataset.systems
    assert [system.name for system in systems] == ["teacher", f"{{no: {name}"]


# File, its row, what is wrong with it.
BAD: Mapping[str, tuple[str, Mapping[str, object], str]] = {
    "no id": (
        ITEMS,
        {"question": "Who?", "note": "x"},
        "questions.jsonl has no column that looks like an id; its columns are: question, note",
    ),
    "no output": (
        STUDENT,
        {"id": "1", "said": "x"},
        "fid.jsonl has no column that looks like an output; its columns are: id, said",
    ),
    "an odd label": (
        "ratings.jsonl",
        {"id": "1", "system": "s", "rater": "ann", "label": {"score": 3}},
        "ratings.jsonl line 1: 'label' must be text, a number, or true or false, not an object",
    ),
    "no label": (
        "ratings.jsonl",
        {"id": "1", "system": "s", "rater": "ann", "label": None},
        "ratings.jsonl line 1: 'label' must be text, a number, or true or false, not null",
    ),
}


@pytest.mark.usefixtures("columns")
@pytest.mark.parametrize("case", BAD)
def test_columns_it_cannot_read_are_named_and_nothing_written(
    case: str, judge: Run, write_rows: WriteRows
) -> None:
    name, row, problem = BAD[case]
    write_rows(name, [row])

    found = judge("init", *BASIC, "--ratings", "ratings.jsonl")

    assert (found.returncode, found.stdout) == (2, "")
    assert problem in found.stderr
    assert list(Path().glob("*.yaml")) == []


@pytest.mark.usefixtures("columns")
@pytest.mark.parametrize("pair", ["teacher", "=t.jsonl", "teacher="])
def test_a_system_needs_a_name_and_a_file(pair: str, judge: Run) -> None:
    found = judge("init", "--items", ITEMS, "--system", pair)

    assert found.returncode == 2
    assert f"--system {pair!r} must be NAME=FILE, for example teacher=t.jsonl" in found.stderr
