import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import CompletedProcess

import pyarrow as pa
import pytest
from pyarrow import parquet

from judge.cli.importing import Given, import_set, rows_folder, same_rows, write_rows
from judge.errors import ConfigError, DataError
from judge.importers.plain import Holds
from judge.wiring.project import open_project

Run = Callable[..., CompletedProcess[str]]
WriteRows = Callable[[str, Sequence[Mapping[str, object]]], None]
FILES = Path(__file__).parents[1] / "importers" / "files"
LM_EVAL = "samples_capitals_2026-11-26T06-37-36.486689.jsonl"

# A file of each tool, with its systems, items, references in all and slices.
TOOLS: Mapping[str, tuple[list[str], int, int, set[str]]] = {
    "inspect_log.json": (["mockllm/model"], 8, 12, {"kind"}),
    "promptfoo.json": (["teacher", "student"], 4, 4, {"kind"}),
    "deepeval.json": (["student-135m"], 4, 4, {"kind"}),
    "label_studio.json": (["m"], 4, 0, {"kind"}),
    "label_studio_min.json": (["m"], 4, 0, set()),
    "argilla.json": (["argilla"], 4, 0, {"kind"}),
    "mlflow_eval_results_table.json": (["mlflow_eval_results_table"], 4, 4, {"kind"}),
    "mlflow_traces.json": (["mlflow_traces"], 4, 4, {"kind"}),
    "phoenix_experiment.json": (["phoenix_experiment"], 4, 4, set()),
    "phoenix_evaluated.json": (["phoenix_evaluated"], 4, 4, {"kind"}),
    "phoenix_spans.json": (["student-135m"], 4, 0, {"kind"}),
    "hf_dataset": (["student-135m"], 4, 6, {"kind"}),
    "table.parquet": (["student-135m"], 4, 6, {"kind"}),
    LM_EVAL: (["org/student-135m"], 4, 4, {"kind"}),
}


@pytest.fixture
def tool_files(folder: Path) -> Path:
    """Copy the small files of other tools into the current folder."""
    shutil.copytree(FILES, folder, dirs_exist_ok=True)
    return folder


@pytest.mark.usefixtures("tool_files", "quick_embedder")
@pytest.mark.parametrize("file", TOOLS)
def test_a_file_of_each_tool_is_scored_with_no_config_but_that_of_init(
    file: str, judge: Run
) -> None:
    systems, n_items, n_references, slices = TOOLS[file]

    made = judge("init", file)
    ran = judge("run", "judge.yaml", "--json")

    assert (made.returncode, ran.returncode) == (0, 0), made.stderr + ran.stderr
    report = json.loads(ran.stdout)
    assert [one["name"] for one in report["run"]["systems"]] == systems
    examples = report["examples"]
    assert len({one["id"] for one in examples}) == n_items
    assert sum(len(one["references"]) for one in examples) == n_references * len(systems)
    assert set(examples[0]["slices"]) == slices
    similar = [one["scores"]["similarity.reference"] for one in examples if one["references"]]
    assert any("value" in one for one in similar) == bool(n_references)


@pytest.mark.usefixtures("tool_files")
def test_init_says_what_became_what_and_what_was_left_out(judge: Run) -> None:
    found = judge("init", "promptfoo.json")

    assert found.stdout.splitlines() == [
        (
            "promptfoo.json: promptfoo results: 4 items, 4 outputs of teacher, "
            "4 outputs of student, 7 verdicts"
        ),
        "  vars.expected -> reference",
        "  gradingResult of llm-rubric -> verdicts of Rightness",
        "  error -> error of an output that is missing",
        "  gradingResult of factuality -> verdicts of factuality",
        "  testIdx -> id",
        "  provider -> system",
        "  prompt.raw -> input",
        "  response.output -> output",
        "  left out: checks by contains, which no model judged (2)",
        "  left out: checks by equals, which no model judged (2)",
        "left out: metadata 'question', which tells no slices apart",
        "slice kind: easy, hard",
        "judge Rightness: 4 verdicts, binary: fail, pass",
        "judge llm-rubric: 1 verdicts, binary: fail, pass",
        "judge factuality: 2 verdicts, binary: fail, pass",
        "wrote judge.yaml and judge_rows; read its comments, then: judge run judge.yaml",
    ]
    assert "no ratings by people: judged numbers stay withheld" in found.stderr


@pytest.mark.usefixtures("tool_files", "quick_embedder")
def test_a_judge_one_has_already_is_validated_against_ratings(
    judge: Run, write_rows: WriteRows
) -> None:
    log = json.loads(Path("inspect_log.json").read_text())
    log["samples"] = [
        {
            "id": k,
            "epoch": 1,
            "input": f"ask {k}",
            "target": f"right {k}",
            "output": {"completion": f"right {k}" if k % 2 else "wrong", "model": "m"},
            "scores": {"grader": {"value": "C" if (k % 2 and k > 3) or k in (0, 40) else "I"}},
        }
        for k in range(80)
    ]
    Path("log.json").write_text(json.dumps(log))
    rows = [{"id": k, "rater": "ann", "label": ("bad", "good")[k % 2]} for k in range(80)]
    write_rows("ratings.jsonl", rows)

    made = judge("init", "log.json", "--ratings", "ratings.jsonl")
    Path("judge.yaml").write_text(
        Path("judge.yaml")
        .read_text()
        .replace("blind: false", "blind: true")
        .replace("# sampling: random", "sampling: random")
    )
    found = judge("validate", "judge.yaml", "--json")

    assert made.returncode == 0, made.stderr
    assert "criterion: grader   # the judge that these ratings check" in (
        Path("judge.yaml").read_text()
    )
    assert found.returncode == 0, found.stderr
    validation = json.loads(found.stdout)
    assert validation["standing"] == "trusted"
    assert validation["agreement"]["percent"]["value"] == pytest.approx(76 / 80)


@pytest.mark.usefixtures("tool_files", "quick_embedder")
def test_labels_and_predictions_of_an_annotation_tool_are_all_a_validation_needs(
    judge: Run,
) -> None:
    def result(label: str) -> list[dict[str, object]]:
        return [{"from_name": "right", "type": "choices", "value": {"choices": [label]}}]

    tasks = [
        {
            "id": k,
            "data": {"question": f"ask {k}", "answer": f"said {k}", "kind": "ab"[k // 2 % 2]},
            "annotations": [{"completed_by": 1, "result": result(("Wrong", "Right")[k % 2])}],
            "predictions": [{"model_version": "our-judge", "result": result("WR"[k % 2])}],
        }
        for k in range(60)
    ]
    tasks[0]["predictions"] = []
    Path("export.json").write_text(
        json.dumps(tasks).replace('["W"]', '["Wrong"]').replace('["R"]', '["Right"]')
    )

    made = judge("init", "export.json")
    found = judge("validate", "judge.yaml", "--json")

    assert made.returncode == 0, made.stderr
    assert found.returncode == 3, found.stderr  # nobody said yet how the outputs were drawn
    validation = json.loads(found.stdout)
    assert validation["agreement"]["percent"]["value"] == 1
    assert validation["agreement"]["percent"]["n"] == 59


@pytest.mark.usefixtures("tool_files")
def test_labels_of_an_annotation_tool_find_the_outputs_of_another_tool_by_their_text(
    judge: Run,
) -> None:
    tasks = [
        {
            "id": f"{word} {k}",
            "data": {"text": f"{word} Q{k}?"},
            "annotations": [
                {
                    "completed_by": 1,
                    "result": [{"from_name": "r", "type": "rating", "value": {"rating": k % 2}}],
                }
            ],
        }
        for k in range(1, 5)
        for word in ("Answer", "Guess")
    ]
    Path("labels.json").write_text(json.dumps(tasks))

    found = judge("init", "promptfoo.json", "--ratings", "labels.json")

    assert found.returncode == 0, found.stderr
    assert "left out: ratings of outputs that no file holds" in found.stdout  # one was never given
    ratings = [json.loads(row) for row in Path("judge_rows/ratings.jsonl").read_text().splitlines()]
    assert len(ratings) == 7
    assert {(one["id"], one["system"], one["label"]) for one in ratings} >= {
        ("0", "teacher", "1"),
        ("0", "student", "1"),
        ("3", "student", "0"),
    }
    open_project(Path("judge.yaml"))  # every rating is of the very text of its output


@pytest.mark.usefixtures("tool_files", "quick_embedder")
def test_two_files_of_tools_are_enough_to_start_with(judge: Run) -> None:
    arguments = ("run", "--teacher", "promptfoo.json", "--student", "promptfoo.json", "--json")

    found = judge(*arguments)
    again = judge(*arguments)

    assert found.returncode == 0, found.stderr
    assert "judge: promptfoo.json: promptfoo results: 4 items, 4 outputs of teacher" in found.stderr
    assert "left out: outputs of other systems (4)" in found.stderr
    report = json.loads(found.stdout)
    assert [(one["name"], one["role"]) for one in report["run"]["systems"]] == [
        ("teacher", "teacher"),
        ("student", "student"),
    ]
    assert again.returncode == 0
    assert list(Path().glob("*.yaml")) == [Path("judge.yaml")]


@pytest.mark.usefixtures("tool_files", "quick_embedder")
def test_a_file_of_a_tool_and_rows_of_our_own_go_together(
    judge: Run, write_rows: WriteRows
) -> None:
    write_rows("mine.jsonl", [{"id": str(k), "output": f"Answer Q{k}?"} for k in range(4)])

    found = judge("run", "--teacher", "promptfoo.json", "--student", "mine.jsonl", "--json")

    assert found.returncode == 0, found.stderr
    report = json.loads(found.stdout)
    assert [one["output"] for one in report["examples"][4:]] == [f"Answer Q{k}?" for k in range(4)]


@pytest.mark.usefixtures("quick_embedder", "folder")
def test_own_rows_in_parquet_are_read_as_those_in_lines(judge: Run) -> None:
    for name in ("teacher", "student"):
        rows = pa.table({"id": [1, 2], "output": [f"{name} 1", "same"], "cost": [0.5, None]})
        parquet.write_table(rows, f"{name}.parquet")

    ran = judge("run", "--teacher", "teacher.parquet", "--student", "student.parquet", "--json")

    assert ran.returncode == 0, ran.stderr
    examples = json.loads(ran.stdout)["examples"]
    assert [one["output"] for one in examples] == ["teacher 1", "same", "student 1", "same"]
    assert "outputs: teacher.parquet" in Path("judge.yaml").read_text()


@pytest.mark.usefixtures("tool_files")
def test_the_teacher_is_who_is_said_to_be(judge: Run) -> None:
    named = judge("init", "promptfoo.json", "--teacher", "student")
    unknown = judge("init", "promptfoo.json", "--teacher", "studnt", "-o", "b.yaml")

    assert named.returncode == 0
    text = Path("judge.yaml").read_text()
    assert "  teacher:\n    role: student " in text
    assert "  student:\n    role: teacher " in text
    assert unknown.returncode == 2
    assert "--teacher 'studnt' (did you mean 'student'?): the systems are: " in unknown.stderr
    assert not Path("b_rows").exists()


@pytest.mark.usefixtures("tool_files")
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["results.json"], "results.json: cannot be read: No such file"),
        (["inspect_log.json", "promptfoo.json", "-o", "taken.yaml"], "taken.yaml exists already"),
        (
            ["promptfoo.json", "--system", "mine=promptfoo.json"],
            "promptfoo.json holds outputs of 2",
        ),
        (["inspect_log.json", "inspect_log.json"], "mockllm/model has answered the item 'q0' in"),
        (["--items", "rows.jsonl"], "give files of other tools (judge init results.json), or your"),
        (
            ["--system", "a=rows.jsonl", "--items", "rows.jsonl", "--teacher", "a"],
            "--teacher is for",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_written(
    arguments: list[str], problem: str, judge: Run, write_rows: WriteRows
) -> None:
    Path("taken.yaml").write_text("mine")
    write_rows("rows.jsonl", [{"id": 1, "input": "x"}])
    before = sorted(Path().iterdir())

    found = judge("init", *arguments)

    assert (found.returncode, found.stdout) == (2, "")
    assert problem in found.stderr
    assert sorted(Path().iterdir()) == before


@pytest.mark.usefixtures("tool_files")
def test_rows_of_another_import_are_never_overwritten() -> None:
    config = Path("judge.yaml")
    first = import_set([Given(path=Path("promptfoo.json"))])
    other = import_set([Given(path=Path("inspect_log.json"))])
    write_rows(first, config)

    write_rows(first, config)  # the very same ones may stand there

    assert same_rows(first, config)
    with pytest.raises(ConfigError, match="judge_rows exists already; move it away"):
        write_rows(other, config)
    assert sorted(one.name for one in rows_folder(config).iterdir()) == [
        *("items.jsonl", "student.jsonl", "teacher.jsonl", "verdicts.jsonl")
    ]


@pytest.mark.usefixtures("tool_files")
def test_a_file_that_is_given_as_a_system_is_that_system(write_rows: WriteRows) -> None:
    write_rows("two.jsonl", [{"input": "a", "model": m, "output": m} for m in ("m1", "m2")])

    one = import_set([Given(path=Path(LM_EVAL), name="mine")])
    of_two = import_set([Given(path=Path("two.jsonl"), name="m2", holds=Holds.OUTPUTS)])

    assert list(one.merged.outputs) == ["mine"]
    assert list(of_two.merged.outputs) == ["m2"]
    with pytest.raises(DataError, match="call 'm3' one of them, or take all: judge init two"):
        import_set([Given(path=Path("two.jsonl"), name="m3", holds=Holds.OUTPUTS)])
