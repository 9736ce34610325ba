"""The files that users copy into their own pipelines do what they say: every step is run."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import typer
import yaml

from judge.cli.app import app
from judge.testing import Answer, FakeEndpoint

ROOT = Path(__file__).parents[2]
CI = ROOT / "configs" / "ci"
DEMO = ROOT / "human_labels" / "demo"
GATE = """
gate:
  - {metric: adherence.strict, system: distilled, at_least: 0.5}
"""
RULE_AGAINST_BASELINE = """\
  - {metric: adherence.strict, system: distilled, loses_at_most: 0.02}
"""
# All a store of ours needs, and nothing that a shell may hold.
FOREIGN = ("JUDGE_STORE", "JUDGE_MAX_COST", "OPENAI_API_KEY", "OPENAI_BASE_URL")

ONLY = "against: [reference]"

Step = Mapping[str, Any]


def _read(path: Path) -> Any:  # noqa: ANN401 - whatever stands in a file
    # YAML 1.1 reads the key "on" of a workflow as true.
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _scripts() -> Iterator[str]:
    for step in _read(CI / "action.yml")["runs"]["steps"]:
        yield step.get("run", "")
    for job in _read(CI / "evaluate.yml")["jobs"].values():
        for step in job["steps"]:
            yield step.get("run", "")
    for hook in _read(ROOT / ".pre-commit-hooks.yaml"):
        yield hook["entry"]


class _Runner:
    """A machine that runs the action as GitHub does: a process a step, outputs through files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary = folder / "step-summary.md"
        self.annotations = ""

    def run(self, **inputs: str) -> tuple[int, dict[str, str]]:
        """Run every step until one fails; return its code and the outputs of the action."""
        action = _read(CI / "action.yml")
        known = {name: str(one.get("default", "")) for name, one in action["inputs"].items()}
        assert inputs.keys() <= known.keys()
        values = {f"inputs.{name}": value for name, value in {**known, **inputs}.items()}
        code = 0
        for step in action["runs"]["steps"]:
            if "run" in step:
                assert step["shell"] == "bash"
                code = self._step(step, values)
            if code:
                break
        outputs = {
            name: _filled_in(one["value"], values) for name, one in action["outputs"].items()
        }
        return code, outputs

    def _step(self, step: Step, values: dict[str, str]) -> int:
        told = self.folder / "output.txt"
        told.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-euo", "pipefail", "-c", step["run"]],  # noqa: S607
            cwd=self.folder,
            env={
                **{name: value for name, value in os.environ.items() if name not in FOREIGN},
                **{name: _filled_in(value, values) for name, value in step["env"].items()},
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(ROOT),
                "GITHUB_OUTPUT": str(told),
                "GITHUB_STEP_SUMMARY": str(self.summary),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        print(step["name"], done.returncode, done.stdout, done.stderr)  # noqa: T201
        self.annotations += done.stdout
        for line in told.read_text().splitlines():
            name, _, value = line.partition("=")
            values[f"steps.{step['id']}.outputs.{name}"] = value
        return done.returncode


def _filled_in(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{\{ (\S+) \}\}", lambda found: values.get(found[1], ""), text)


@pytest.fixture
def runner(tmp_path: Path) -> _Runner:
    """Check the demo out, with fewer scorers: they take the longest."""
    shutil.copytree(DEMO, tmp_path, dirs_exist_ok=True)
    config = tmp_path / "judge.yaml"
    text = config.read_text(encoding="utf-8").replace("against: [reference, teacher]", ONLY, 1)
    config.write_text(re.sub(r"  similarity:\n.*\n", "", text), encoding="utf-8")
    return _Runner(tmp_path)


def _edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


@pytest.mark.timeout(600)
def test_a_pull_request_is_decided_and_told_what_changed_on_each_slice(runner: _Runner) -> None:
    _edit(runner.folder / "judge.yaml", lambda text: text + GATE)
    first = runner.run(requirement="")
    first_summary = runner.summary.read_text()
    runner.summary.write_text("")
    # The pull request breaks every answer of the student.
    _edit(runner.folder / "judge.yaml", lambda text: text + RULE_AGAINST_BASELINE)
    _edit(
        runner.folder / "distilled.jsonl", lambda text: text.replace('"output": "', '"output": "{')
    )

    second = runner.run(**{"requirement": "", "max-cost": "1"})

    code, outputs = first
    assert (code, outputs["status"], outputs["baseline"]) == (0, "pass", "")
    assert "gate on run" in first_summary
    assert "> judge: there is no earlier run to compare with" in first_summary
    code, outputs = second
    assert (code, outputs["status"], outputs["baseline"]) == (1, "fail", first[1]["run-id"])
    assert runner.summary.read_text() == (runner.folder / outputs["summary"]).read_text()
    changed = runner.summary.read_text()
    assert "distilled loses at most 0.02 on adherence.strict against the baseline" in changed
    assert "worse: adherence.strict of distilled, task=extraction: 0.844 -&gt; 0.000" in changed
    assert "::error file=judge.yaml,line=" in runner.annotations
    folder = runner.folder / "judge-report"
    assert json.loads((folder / "report.json").read_text())["run"]["run_id"] == outputs["run-id"]
    suite = ET.parse(folder / "junit.xml").getroot()[0].attrib  # noqa: S314 - our own
    assert (suite["tests"], suite["failures"]) == ("2", "2")
    for name in ("report.html", "compare.html", "validation.html"):
        assert (folder / name).stat().st_size


@pytest.mark.timeout(300)
def test_without_rules_or_with_an_open_one_the_job_ends_as_it_is_told_to(runner: _Runner) -> None:
    config = runner.folder / "judge.yaml"
    small = "scorers:\n  adherence: {}\n"
    _edit(config, lambda text: re.sub(r"scorers:.*", small, text, flags=re.DOTALL))

    none = runner.run(requirement="", validate="false")
    _edit(config, lambda text: text + GATE.replace("0.5", "0.85"))
    strict = runner.run(requirement="", validate="false")
    lenient = runner.run(requirement="", validate="false", inconclusive="warn")

    assert [(code, outputs["status"]) for code, outputs in (none, strict, lenient)] == [
        (0, "none"),
        (3, "inconclusive"),
        (0, "inconclusive"),
    ]


@pytest.mark.timeout(300)
def test_a_rule_about_a_judge_that_is_not_trusted_is_open_with_the_reason_and_never_passes(
    runner: _Runner,
) -> None:
    rule = GATE.replace("adherence.strict", "equivalence.reference").replace("0.5", "0.01")
    _edit(runner.folder / "judge.yaml", lambda text: text + rule)

    code, outputs = runner.run(requirement="")

    assert (code, outputs["status"]) == (3, "inconclusive")
    summary = runner.summary.read_text()
    assert "the labels are constructed" in summary  # why, as measured against people


@pytest.mark.timeout(300)
def test_where_the_judge_gives_no_score_the_job_ends_as_incomplete_and_passes_nothing(
    runner: _Runner,
) -> None:
    denied = {"error": {"message": "no such key", "code": "invalid_api_key"}}
    asked = "judge: {model: some-judge, base_url: ADDRESS, response_format: json_schema}"
    rule = GATE.replace("adherence.strict", "equivalence.reference")
    with FakeEndpoint(lambda _: Answer(status=401, body=denied)) as endpoint:
        address = endpoint.base_url
        _edit(
            runner.folder / "judge.yaml",
            lambda text: text.replace("judge: baseline", asked.replace("ADDRESS", address)) + rule,
        )

        code, outputs = runner.run(requirement="")

    assert outputs["status"] != "pass"
    assert code == 4


def test_a_config_that_cannot_be_used_ends_the_job_before_anything_is_spent(
    runner: _Runner,
) -> None:
    _edit(runner.folder / "judge.yaml", lambda text: text.replace("slices:", "slises:"))

    code, _ = runner.run(requirement="")

    assert code == 2
    assert "did you mean 'slices'?" in runner.annotations
    assert not (runner.folder / ".judge").exists()


def test_the_workflow_uses_the_action_with_inputs_it_has_and_comments_once(tmp_path: Path) -> None:
    workflow = _read(CI / "evaluate.yml")
    action = _read(CI / "action.yml")
    (job,) = workflow["jobs"].values()
    (use,) = [step for step in job["steps"] if "action" in step.get("uses", "") and "with" in step]
    (comment,) = [step for step in job["steps"] if "run" in step]
    (tmp_path / "summary.md").write_text("what changed\n")
    called = tmp_path / "called.txt"
    (tmp_path / "gh").write_text(f'#!/bin/sh\necho "$@" >> {called}\n')
    (tmp_path / "gh").chmod(0o700)

    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", comment["run"]],  # noqa: S607
        cwd=tmp_path,
        env={
            "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
            "PULL_REQUEST": "7",
            "SUMMARY": "summary.md",
        },
        check=True,
    )

    assert use["uses"] == "./.github/actions/judge"
    assert use["with"].keys() <= action["inputs"].keys()
    assert "pull_request_target" not in workflow[True]
    assert "head.repo.full_name == github.repository" in job["if"]
    assert called.read_text() == (
        "pr comment 7 --body-file comment.md --edit-last --create-if-none\n"
    )
    assert (tmp_path / "comment.md").read_text() == "what changed\n"


def test_no_step_puts_what_others_wrote_into_a_script() -> None:
    # An expression in a script is code; in the environment it is a value.
    assert not [script for script in _scripts() if "${{" in script]


def test_every_command_of_ours_in_them_is_one_with_the_options_it_names() -> None:
    root: Any = typer.main.get_command(app)
    found = 0
    for script in _scripts():
        lines = script.replace("\\\n", " ").splitlines()
        for verb, rest in (
            pair for line in lines for pair in re.findall(r"\bjudge (\w+)(.*)", line)
        ):
            if verb not in root.commands:
                assert "echo" in script, f"there is no judge {verb}"
                continue
            known = {option for one in root.commands[verb].params for option in one.opts}
            assert set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", rest.split("|")[0])) <= known
            found += 1

    assert found >= 8


def test_the_hook_checks_the_configs_it_is_given_and_names_the_ill_one(tmp_path: Path) -> None:
    (hook,) = _read(ROOT / ".pre-commit-hooks.yaml")
    shutil.copytree(DEMO, tmp_path, dirs_exist_ok=True)
    (tmp_path / "ill").mkdir()
    (tmp_path / "ill" / "judge.yaml").write_text("name: ill\n")

    def commit(*names: str) -> subprocess.CompletedProcess[str]:
        assert all(re.search(hook["files"], name) for name in names)
        return subprocess.run(
            [sys.executable, "-m", *hook["entry"].split(), *names],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    well, ill = commit("judge.yaml"), commit("judge.yaml", "ill/judge.yaml")

    assert well.returncode == 0, well.stdout
    assert ill.returncode == 2
    assert "ill   ill/judge.yaml:" in ill.stdout
    assert not (tmp_path / ".judge").exists()
    assert not re.search(hook["files"], "not_judge.yaml")
