"""A judge that looks fine and is not: "equivalent" where the token F1 is .2 or more.

It is right about a student of short answers and wrong about a teacher of long ones, so that the
student seems to keep more than twice the teacher's quality; by people it keeps 86 %.
"""

import asyncio
import json
import re
import string
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import judge
from judge.api.project import Instrument, RunContext
from judge.render.markdown import as_markdown
from judge.render.pages import report_page
from judge.reports.report import Report
from judge.stats.estimate import Estimate
from judge.stats.multiplicity import PValue
from judge.trust.certificate import Standing
from judge.trust.validation import Validation

NOW = datetime(2026, 5, 1, tzinfo=UTC)
TEACHER, STUDENT = "gpt4", "fid"
EQUIVALENT_AT = 0.2
ARTICLES = re.compile(r"\b(a|an|the)\b")


def _tokens(text: str) -> list[str]:
    """Normalise as SQuAD does: no case, punctuation or articles."""
    plain = "".join(mark for mark in text.lower() if mark not in string.punctuation)
    return ARTICLES.sub(" ", plain).split()


def _f1(answer: str, golden: str) -> float:
    given, wanted = _tokens(answer), _tokens(golden)
    common = sum((Counter(given) & Counter(wanted)).values())
    if not common:
        return 0.0
    precision, recall = common / len(given), common / len(wanted)
    return (2 * precision * recall) / (precision + recall)


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _config(folder: Path, data: Path, rated: set[str] | None = None) -> Path:
    """Write the config, the judge's verdicts, and the ratings of some questions or all."""
    source = data / "evouna_nq"
    golden = {r["question_id"]: r["golden_answer"] for r in _rows(source / "questions.jsonl")}
    verdicts = []
    for system in (TEACHER, STUDENT):
        for row in _rows(source / f"{system}.jsonl"):
            best = max(_f1(row["answer"], g) for g in golden[row["question_id"]].split("/"))
            label = "equivalent" if best >= EQUIVALENT_AT else "different"
            verdicts.append({"question_id": row["question_id"], "system": system, "label": label})
    _write(folder / "verdicts.jsonl", verdicts)
    ratings = [
        row
        for row in _rows(source / "ratings.jsonl")
        if row["system"] in {TEACHER, STUDENT} and (rated is None or row["question_id"] in rated)
    ]
    _write(folder / "ratings.jsonl", ratings)
    path = folder / "judge.yaml"
    path.write_text(
        f"""
name: token-f1
dataset:
  items: {source}/questions.jsonl
  fields: {{id: question_id, input: question, reference: golden_answer}}
  alternatives: "/"
systems:
  {TEACHER}: {{role: teacher, outputs: "{source}/{TEACHER}.jsonl", fields: {{output: answer}}}}
  {STUDENT}: {{role: student, outputs: "{source}/{STUDENT}.jsonl", fields: {{output: answer}}}}
scorers:
  equivalence: {{judge: {{recorded: verdicts.jsonl, name: token-f1}}, against: [reference]}}
ratings:
  path: ratings.jsonl
  fields: {{label: correct}}
  labels: {{true: equivalent, false: different}}
  source: human
  blind: true
  sampling: random
""",
        encoding="utf-8",
    )
    return path


@asynccontextmanager
async def _no_baseline(context: RunContext) -> AsyncIterator[Sequence[Instrument]]:
    """Leave the baseline judge out: it takes minutes here and is not what this is about."""
    del context
    yield []


def _measured(config: Path) -> tuple[Validation, Report]:
    project = replace(judge.open_project(config), baseline=_no_baseline)
    store = judge.MemoryStore()
    run = asyncio.run(judge.evaluate(project, store, now=lambda: NOW))
    validation = asyncio.run(judge.validate_judge(project, store, now=lambda: NOW))
    assert validation is not None
    return validation, judge.report(store, run, now=NOW)


@pytest.fixture(scope="module")
def measured(public_data: Path, tmp_path_factory: pytest.TempPathFactory) -> object:
    """Return the validation and the report with every answer of both systems rated."""
    return _measured(_config(tmp_path_factory.mktemp("all"), public_data))


def _value(figure: object) -> float:
    assert isinstance(figure, Estimate)
    return figure.value


def test_the_differential_error_is_named_and_pooling_refused(
    measured: tuple[Validation, Report],
) -> None:
    validation, _ = measured

    kappas = {name: _value(part.figures["kappa"]) for name, part in validation.systems.items()}
    assert kappas == {
        TEACHER: pytest.approx(0.16, abs=0.005),
        STUDENT: pytest.approx(0.87, abs=0.005),
    }
    assert isinstance(validation.differential, PValue)
    assert validation.differential.value < 1e-10
    assert any(
        "errs differently on the systems" in note and "not pooled" in note
        for note in validation.certificate.notes
    )


def test_it_is_trusted_on_the_student_and_not_on_the_teacher_and_so_not_at_all(
    measured: tuple[Validation, Report],
) -> None:
    validation, _ = measured

    standings = {part.name: part.standing for part in validation.certificate.systems}
    assert standings == {TEACHER: Standing.NOT_TRUSTED, STUDENT: Standing.TRUSTED}
    assert validation.standing is Standing.NOT_TRUSTED


def test_the_naive_retention_is_printed_nowhere(measured: tuple[Validation, Report]) -> None:
    _, report = measured

    page = as_markdown(report_page(report))
    printed = page + judge.report_json(report).decode().split('"examples"')[0]

    (row,) = report.retention
    assert row.estimate is None
    # 238 % is what the raw verdicts would say.
    assert not re.search(r"23[78]\.\d|2\.3[78]\d", printed)


def test_with_every_answer_rated_the_share_kept_is_what_people_say(
    measured: tuple[Validation, Report],
) -> None:
    _, report = measured

    (row,) = report.retention
    assert row.corrected is not None
    assert _value(row.corrected.estimate) == pytest.approx(0.8615, abs=5e-5)


@pytest.mark.parametrize("seed", range(5))
def test_with_150_questions_rated_the_interval_of_the_share_kept_holds_the_truth(
    seed: int, public_data: Path, tmp_path: Path
) -> None:
    questions = [r["question_id"] for r in _rows(public_data / "evouna_nq" / "questions.jsonl")]
    rated = set(np.random.default_rng(seed).choice(questions, size=150, replace=False).tolist())

    validation, report = _measured(_config(tmp_path, public_data, rated))

    assert validation.standing is not Standing.TRUSTED
    (row,) = report.retention
    assert row.corrected is not None
    kept = row.corrected.estimate
    assert isinstance(kept, Estimate)
    assert kept.low <= 0.8615 <= kept.high
    assert kept.high - kept.low < 0.25
    assert row.corrected.n_labels == 150
