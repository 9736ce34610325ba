import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess
from xml.etree import ElementTree as ET

import pytest

from judge.testing import FakeEndpoint

Run = Callable[..., CompletedProcess[str]]
Serve = Callable[..., AbstractContextManager[FakeEndpoint]]
RULE = "gate: [{metric: adherence.strict, system: %s, %s}]\n"
N = 60


@pytest.fixture
def gate(judge: Run, write_set: Callable[..., None], serving: Serve) -> Run:
    """Return what runs a set, whose student's first answer is broken, and then its gate."""

    def run(rules: str, *options: str, runs: int = 1) -> CompletedProcess[str]:
        write_set(N, more=rules)
        with serving():
            for _ in range(runs):
                assert judge("run", "judge.yaml").returncode == 0
        return judge("gate", *options)

    return run


@pytest.mark.parametrize(
    ("rule", "code", "word"),
    [
        (RULE % ("teacher", "at_least: 0.9"), 0, "pass: every rule holds"),
        (RULE % ("student", "at_most: 0.5"), 1, "fail: a rule does not hold"),
        (RULE % ("student", "at_least: 0.98"), 3, "inconclusive: "),
        (RULE % ("student", "retains: 0.8"), 0, "pass: every rule holds"),
    ],
)
def test_the_exit_code_is_what_came_of_the_gate(gate: Run, rule: str, code: int, word: str) -> None:
    found = gate(rule)

    assert (found.returncode, found.stderr) == (code, "")
    assert word in found.stdout


def test_a_failed_rule_is_graver_than_an_open_one(gate: Run) -> None:
    rules = (
        "gate:\n"
        "  - {metric: equivalence.reference, system: student, retains: 0.5}\n"
        "  - {metric: adherence.strict, system: student, at_most: 0.5}\n"
    )

    found = gate(rules, "--json")

    assert found.returncode == 1
    assert [one["status"] for one in json.loads(found.stdout)["findings"]] == [
        "inconclusive",
        "fail",
    ]


def test_a_gate_is_written_for_pipelines_and_annotated_where_its_rules_stand(gate: Run) -> None:
    files = ["gate.md", "junit.xml", "gate.json", "gate.html"]
    options = [part for file in files for part in ("-o", file)]

    found = gate(RULE % ("student", "at_most: 0.5"), "latest", "--github", *options)

    assert found.returncode == 1
    line = (
        Path("judge.yaml")
        .read_text()
        .splitlines()
        .index((RULE % ("student", "at_most: 0.5")).strip())
    )
    assert found.stdout.startswith(f"::error file=judge.yaml,line={line + 1},title=")
    assert Path("gate.md").read_text().startswith("# small: gate on run ")
    assert "<h1>small: gate on run " in Path("gate.html").read_text()
    assert ET.parse("junit.xml").getroot()[0].attrib["failures"] == "1"  # noqa: S314  our own
    assert json.loads(Path("gate.json").read_text())["status"] == "fail"


def test_a_baseline_is_compared_on_the_same_items(gate: Run, judge: Run) -> None:
    alone = gate(RULE % ("student", "loses_at_most: 0.05"), runs=2)
    runs = [run["run_id"] for run in _runs(judge)]

    against = judge("gate", runs[-1], "--baseline", runs[0], "--json")

    assert alone.returncode == 2
    assert "judge.yaml line 11: gate.0: 'loses_at_most' is asked against" in alone.stderr
    assert against.returncode == 0
    assert json.loads(against.stdout)["baseline"] == runs[0]


def test_rules_that_name_what_is_not_there_are_refused_with_line_and_guess(
    gate: Run, judge: Run
) -> None:
    gate(RULE % ("student", "at_least: 1"))
    text = Path("judge.yaml").read_text()
    Path("other.yaml").write_text(text.replace("adherence.strict", "adherence.strikt"))

    found = judge("gate", "--config", "other.yaml")

    assert (found.returncode, found.stdout) == (2, "")
    assert "other.yaml line 11: gate.0: the run has no metric 'adherence.strikt'" in found.stderr
    assert "(did you mean 'adherence.strict'?)" in found.stderr


def test_time_and_several_metrics_together_are_asked_in_the_same_gate(
    judge: Run, write_set: Callable[..., None], serving: Serve
) -> None:
    rules = """gate:
  - {metrics: {adherence.strict: 1, exact_match.reference: 1}, system: teacher, at_most: 0.1}
  - {metric: operations.latency_ms.p50, system: student, at_most: 40}
  - {metric: operations.latency_ms, system: student, saves_at_least: 0.5}
"""
    write_set(N, more=rules)
    text = Path("judge.yaml").read_text()
    Path("judge.yaml").write_text(text.replace("scorers:", "scorers:\n  task: {kind: qa}", 1))
    for system, times in (("teacher", 100), ("student", 30)):
        rows = [json.loads(line) for line in Path(f"{system}.jsonl").read_text().splitlines()]
        for place, row in enumerate(rows):
            row["latency_ms"] = times + place % 7
        Path(f"{system}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with serving():
        assert judge("run", "judge.yaml").returncode == 0

    found = judge("gate", "--json")

    assert found.returncode == 0, found.stdout + found.stderr
    findings = json.loads(found.stdout)["findings"]
    assert [one["status"] for one in findings] == ["pass"] * 3
    assert findings[0]["together"] == {"adherence.strict": 1, "exact_match.reference": 1}
    assert findings[2]["estimate"]["value"] == pytest.approx(0.68, abs=0.01)
    assert "nothing says the hardware of teacher and student" in findings[2]["reason"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            "{metric: equivalence.referense, system: student, at_least: 0.9}",
            "the run has no metric 'equivalence.referense' (did you mean 'equivalence.reference'?)",
        ),
        (
            "{metric: adherence.strict, system: studend, at_least: 0.9}",
            "there is no system 'studend' (did you mean 'student'?)",
        ),
        (
            "{metric: adherence.strict, system: student, at_least: 0.9, slices: [kind=od]}",
            "'kind=od' is no slice of the set (did you mean 'kind=odd'?)",
        ),
        (
            "{metric: adherence.strict, system: teacher, retains: 0.9}",
            "teacher would be held against itself",
        ),
    ],
)
def test_a_rule_that_cannot_be_asked_is_refused_before_anything_is_sent_or_stored(
    rule: str, said: str, judge: Run, write_set: Callable[..., None], serving: Serve
) -> None:
    write_set(more=f"gate: [{rule}]\n")

    with serving() as endpoint:
        commands = ("run", "judge.yaml"), ("run", "judge.yaml", "--dry-run")
        refused = [judge(*command) for command in commands]
        ill = judge("doctor", "judge.yaml")

    assert [one.returncode for one in (*refused, ill)] == [2, 2, 2]
    assert all("judge.yaml line 11: gate.0: " in one.stderr for one in refused)
    assert all(said in one.stderr for one in refused)
    assert said in ill.stdout
    assert endpoint.requests == []
    assert judge("report").returncode == 2  # there is no run


def test_rules_of_another_config_can_be_taken_and_without_any_there_is_no_gate(
    gate: Run, judge: Run
) -> None:
    without = gate("")
    Path("strict.yaml").write_text(
        Path("judge.yaml").read_text() + RULE % ("teacher", "at_least: 0.9")
    )

    other = judge("gate", "--config", "strict.yaml")

    assert (without.returncode, other.returncode) == (2, 0)
    assert "has no rules; add some" in without.stderr


def _runs(judge: Run) -> list[dict[str, str]]:
    listed = judge("history", "--json")
    found = json.loads(listed.stdout)["runs"]
    assert isinstance(found, list)
    return found
