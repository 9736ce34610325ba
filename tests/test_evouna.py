import json
import os
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    recall_score,
)

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("JUDGE_DATA", ROOT.parent / "shared" / "data")).absolute()
FOLDER = DATA / "evouna_nq"
CONFIG = ROOT / "configs" / "evouna_nq.yaml"

JUDGED = "equivalence.reference"
METRICS = (JUDGED, "similarity.reference", "similarity.teacher")
SYSTEMS = ("gpt4", "chatgpt", "gpt35", "newbing", "fid")
QUESTIONS = 776
NUMBERS = {"value", "low", "high", "bounds"}

pytestmark = [
    pytest.mark.skipif(
        not FOLDER.is_dir(), reason=f"{FOLDER} is not there; JUDGE_DATA names the folder it is in"
    ),
    # 3,880 answers go through the embedding model, once.
    pytest.mark.timeout(1200),
]


def judge(*words: str, folder: Path) -> CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "judge", *words, "--store", "judge.sqlite"],
        cwd=folder,
        env={**os.environ, "JUDGE_DATA": str(DATA)},
        stdout=subprocess.PIPE,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which everything was run, reported, validated and reported again."""
    return tmp_path_factory.mktemp("evouna")


@pytest.fixture(scope="module")
def before(folder: Path) -> Path:
    """Return the report of a run whose judge nobody has measured yet."""
    run = judge("run", str(CONFIG), folder=folder)
    assert run.returncode == 0
    assert judge("report", "latest", "-o", "before.json", folder=folder).returncode == 0
    return folder / "before.json"


@pytest.fixture(scope="module")
def validated(before: Path, folder: Path) -> CompletedProcess[bytes]:
    return judge("validate", str(CONFIG), "-o", "validation.json", folder=folder)


@pytest.fixture(scope="module")
def validation(validated: CompletedProcess[bytes], folder: Path) -> Path:
    return folder / "validation.json"


@pytest.fixture(scope="module")
def after(validation: Path, folder: Path) -> Path:
    reported = judge("report", "latest", "-o", "after.md", "-o", "after.json", folder=folder)
    assert reported.returncode == 0
    return folder / "after.json"


def human_labels() -> dict[tuple[str, str], bool]:
    lines = (FOLDER / "ratings.jsonl").read_text(encoding="utf-8").splitlines()
    ratings = [json.loads(line) for line in lines]
    return {(r["question_id"], r["system"]): r["correct"] for r in ratings}


def judged_labels(report: Path) -> dict[tuple[str, str], bool]:
    found = {}
    for example in json.loads(report.read_bytes())["examples"]:
        if "label" in (score := example["scores"][JUDGED]):
            found[example["id"], example["system"]] = score["label"] == "equivalent"
    return found


def test_each_judged_row_is_withheld_until_the_judge_was_measured(before: Path) -> None:
    report = json.loads(before.read_bytes())

    judged = [row for row in report["estimates"] + report["retention"] if row["metric"] == JUDGED]
    assert len(judged) == len(SYSTEMS) + len(SYSTEMS) - 1
    assert {row["status"] for row in judged} == {"withheld"}
    assert not any(NUMBERS & row.keys() for row in judged)
    verdicts = [example["scores"][JUDGED] for example in report["examples"]]
    assert not any(verdict.get("trusted") for verdict in verdicts)


@pytest.mark.parametrize("system", ["", *SYSTEMS])
def test_the_agreement_is_what_scikit_learn_finds_on_the_same_labels(
    system: str, before: Path, validation: Path
) -> None:
    human, verdicts = human_labels(), judged_labels(before)
    keys = [key for key in verdicts if system in ("", key[1])]
    people = np.array([human[key] for key in keys])
    judged = np.array([verdicts[key] for key in keys])

    found = json.loads(validation.read_bytes())
    agreement = found["systems"][system] if system else found["agreement"]

    assert agreement["confusion"] == confusion_matrix(people, judged).tolist()
    for name, expected in {
        "percent": accuracy_score(people, judged),
        "kappa": cohen_kappa_score(people, judged),
        "true_positive_rate": recall_score(people, judged),
        "true_negative_rate": recall_score(people, judged, pos_label=False),
        "informedness": balanced_accuracy_score(people, judged, adjusted=True),
    }.items():
        assert agreement[name]["value"] == pytest.approx(expected, abs=1e-12), name
        assert agreement[name]["low"] < expected < agreement[name]["high"], name


def test_every_label_was_compared_or_is_counted_by_fate(validation: Path) -> None:
    found = json.loads(validation.read_bytes())["agreement"]

    assert found["n_items"] == QUESTIONS
    assert found["n_labels"] + sum(found["fates"].values()) == len(human_labels())


def test_the_exit_code_is_what_the_standing_says(
    validated: CompletedProcess[bytes], validation: Path
) -> None:
    standing = json.loads(validation.read_bytes())["standing"]

    assert validated.returncode == {"trusted": 0, "not_trusted": 1, "insufficient": 3}[standing]


def test_the_report_afterwards_shows_judged_numbers_where_the_judge_is_trusted(
    after: Path, validation: Path
) -> None:
    standing = json.loads(validation.read_bytes())["standing"]
    report = json.loads(after.read_bytes())

    assert [trust["standing"] for trust in report["trust"]] == [standing]
    judged = [row for row in report["estimates"] if row["metric"] == JUDGED]
    status = "shown" if standing == "trusted" else "withheld"
    assert [row["status"] for row in judged] == [status] * len(SYSTEMS)
    assert all(row.keys() >= NUMBERS or status == "withheld" for row in judged)
    page = after.with_suffix(".md").read_text(encoding="utf-8")
    assert all(name in page for name in (*METRICS, *SYSTEMS))


@pytest.mark.parametrize("name", ["before", "after"])
def test_every_answer_is_scored_or_has_a_fate(name: str, folder: Path, after: Path) -> None:
    report = json.loads((folder / f"{name}.json").read_bytes())

    rows = {(row["metric"], row["system"]): row for row in report["estimates"]}
    assert rows.keys() == {(metric, system) for metric in METRICS for system in SYSTEMS}
    for row in rows.values():
        assert row["n_records"] == row["scored"] + sum(row["fates"].values())
        assert row["n_records"] + row["not_applicable"] == QUESTIONS
        assert "internal_error" not in row["fates"]
