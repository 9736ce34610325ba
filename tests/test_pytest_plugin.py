import asyncio
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from runpy import run_path
from xml.etree import ElementTree as ET

import pytest

from judge.api.validating import validate_judge
from judge.testing import (
    Answer,
    FakeEndpoint,
    HashEmbedder,
    Received,
    Responder,
    chat_completion,
    fault,
    verdict,
)
from judge.trust.certificate import Standing
from judge.wiring.project import open_project
from judge.wiring.store import open_store
from tests.test_public_api import HEAVY

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "docs" / "examples" / "pytest"
PLUGIN = "judge.pytest_plugin.hooks"
N_ITEMS = 60
N_WORDS = 30
RATINGS = "ratings: {path: ratings.jsonl, source: human, blind: true, sampling: random}\n"
SAYS = "test_student.py::test_an_order_says_what_the_reference_says"
Run = Callable[..., pytest.RunResult]


def see_through(received: Received) -> Answer:
    """Judge as somebody who knows that the sample's student reads no words as numbers."""
    label = "different" if '"quantity": 0' in received.user_text else "equivalent"
    return Answer(body=chat_completion(verdict(label)))


def _down(received: Received) -> Answer:
    del received
    return Answer(status=401, body=fault("no such key"))


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy the sample project into a folder of its own, in an environment without settings."""
    for name in ("JUDGE_STORE", "JUDGE_MAX_COST", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    # What else is installed here is no part of the sample.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    shutil.copytree(SAMPLE, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Responder], FakeEndpoint]]:
    """Return what starts an endpoint that the environment names."""
    started: list[FakeEndpoint] = []

    def serve(respond: Responder) -> FakeEndpoint:
        endpoint = FakeEndpoint(respond)
        started.append(endpoint)
        endpoint.__enter__()
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
        return endpoint

    yield serve
    for endpoint in started:
        endpoint.__exit__(None, None, None)


@pytest.fixture
def run(sample: Path) -> Run:
    """Return what runs the tests of the sample project in a process of their own."""

    def tests(*arguments: str) -> pytest.RunResult:
        # Not by pytester: it unloads what was loaded since, and numpy cannot be loaded twice.
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", PLUGIN, "-W", "error", *arguments],
            cwd=sample,
            env={**os.environ, "PYTHONPATH": f"{ROOT}"},
            capture_output=True,
            text=True,
            check=False,
        )
        print(done.stdout, done.stderr)  # noqa: T201 - shown where a test fails
        return pytest.RunResult(
            done.returncode, done.stdout.splitlines(), done.stderr.splitlines(), duration=0.0
        )

    return tests


@pytest.fixture
def certify(sample: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what lets people rate the student's outputs, and validates the judge by them."""
    monkeypatch.setattr("judge.wiring.embedders.EncoderEmbedder", lambda *_, **__: HashEmbedder())

    def validate() -> None:
        extract = run_path(str(sample / "student.py"))["extract"]
        items = [json.loads(line) for line in (sample / "items.jsonl").read_text().splitlines()]
        _write(
            sample / "student.jsonl",
            [{"id": item["id"], "output": extract(item["input"])} for item in items],
        )
        labels = {"digits": "equivalent", "words": "different"}
        _write(
            sample / "ratings.jsonl",
            [
                {
                    "id": item["id"],
                    "system": "student",
                    "rater": "ann",
                    "label": labels[item["numbers"]],
                }
                for item in items
            ],
        )
        config = sample / "judge.yaml"
        config.write_text(config.read_text() + RATINGS)
        with open_store(str(sample / ".judge" / "judge.sqlite")) as store:
            project = open_project(config)
            found = asyncio.run(validate_judge(project, store, now=lambda: datetime.now(UTC)))
        assert found is not None
        assert found.standing is Standing.TRUSTED

    return validate


def test_a_judge_that_is_not_trusted_fails_a_test_with_the_reason_and_the_next_command(
    run: Run, sample: Path, serving: Callable[[Responder], FakeEndpoint]
) -> None:
    endpoint = serving(see_through)

    found = run()

    # A format needs no judge: its tests pass.
    found.assert_outcomes(passed=N_WORDS + 1, failed=N_ITEMS + 1)
    found.stdout.fnmatch_lines(
        [
            (
                "E *equivalence.reference of student on 'order-01' is not believed: judge "
                "unvalidated: this judge was never measured against ratings*; next: name ratings "
                "by people under 'ratings:' in judge.yaml, then judge validate judge.yaml;*"
            ),
            "*= judge =*",
            f"run *: orders, {N_ITEMS} items",
            f"  equivalence.reference  student  withheld  {N_ITEMS} of {N_ITEMS} scored",
            f"  adherence.strict  student  1.000 [[]0.940, 1.000[]]  {N_ITEMS} of {N_ITEMS} scored",
            "    next: name ratings by people*",
        ]
    )
    assert len(endpoint.requests) == N_ITEMS
    assert len(_runs(sample)) == 1


def test_a_trusted_judge_lets_good_outputs_pass_and_fails_bad_ones_with_its_words(
    run: Run,
    certify: Callable[[], None],
    sample: Path,
    serving: Callable[[Responder], FakeEndpoint],
) -> None:
    serving(see_through)
    certify()
    (sample / "test_more.py").write_text(_MORE)

    found = run("-p", "no:cacheprovider")

    more = {"passed": 4, "failed": 1, "skipped": 0, "errors": 1}
    found.assert_outcomes(
        passed=N_ITEMS - N_WORDS + N_WORDS + 2 + more["passed"],
        failed=N_WORDS + more["failed"],
        errors=more["errors"],
    )
    found.stdout.fnmatch_lines(
        [
            (
                "E *equivalence.reference of student on 'order-02' is 'different', 0.000, not "
                "'equivalent'"
            ),
            "E *  input: Please send two blue pens to Lima.",
            'E *  output: {"item": "blue pen", "quantity": 0, "city": "Lima"}',
            'E *  reference: {"item": "blue pen", "quantity": 2, "city": "Lima"}',
        ]
    )
    found.stdout.fnmatch_lines(
        [f"  equivalence.reference  student  0.500 [[]*  {N_ITEMS} of {N_ITEMS} scored"]
    )
    assert "withheld" not in found.stdout.str()


_MORE = """
import pytest
from judge import ConfigError, NoScore, assert_judged

def test_a_record_holds_what_was_judged(judge):
    good = judge.record("order-01", system="student")
    assert good.record.output.startswith('{"item"')
    assert good.value("equivalence.reference") == 1.0
    assert_judged(good, "equivalence.reference", label="equivalent")
    assert_judged(judge.record("order-02", system="student"), "equivalence.reference", at_most=0.5)

@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("did you mean 'equivalent'", {"label": "equivalant"}),
        ("it has: different, equivalent", {"label": "x"}),
    ],
)
def test_a_label_off_the_scale_is_refused(judge, words, options):
    record = judge.record("order-01", system="student")
    with pytest.raises(ConfigError, match=words):
        assert_judged(record, "equivalence.reference", **options)

def test_what_is_not_there_is_refused(judge):
    student = judge.record("order-01", system="student")
    with pytest.raises(ConfigError, match="did you mean 'equivalence.reference'"):
        assert_judged(student, "equivalence.referense")
    with pytest.raises(ConfigError, match="no item 'order-99'"):
        judge.record("order-99", system="student")
    with pytest.raises(ConfigError, match="say one of at_least, at_most and retains"):
        judge.assert_rule("adherence.strict", system="student")

def test_a_rule_that_does_not_hold_fails(judge):
    judge.assert_rule("equivalence.reference", system="student", at_least=0.9)

def test_a_rule_that_cannot_be_decided_is_an_error(judge):
    judge.assert_rule("adherence.strict", system="student", at_least=0.97)
"""


def test_without_a_score_a_test_is_an_error_with_fate_and_remedy_and_no_failure(
    run: Run, sample: Path, serving: Callable[[Responder], FakeEndpoint]
) -> None:
    serving(_down)

    found = run("--junit-xml", "junit.xml", "-k", "order or nearly")

    found.assert_outcomes(passed=N_WORDS, errors=N_ITEMS + 1)
    found.stdout.fnmatch_lines(
        [
            (
                "E *NoScore: equivalence.reference of student on 'order-0*' has no score: "
                "judge_rejected: *; mend the endpoint, key, budget or network and run the tests "
                "again; what was answered is kept"
            ),
            (
                "E *NoScore: *equivalence.reference of student is at least 0.8 on numbers=digits*"
                "without a score: *judge_rejected*"
            ),
            f"  equivalence.reference  student  withheld  0 of {N_ITEMS} scored, without a score:*",
        ]
    )
    suite = ET.parse(sample / "junit.xml").getroot()[0].attrib  # noqa: S314 - our own
    assert (suite["errors"], suite["failures"]) == (str(N_ITEMS + 1), "0")


def test_an_answer_the_system_fails_to_give_is_the_error_of_that_test_alone(
    run: Run, sample: Path, serving: Callable[[Responder], FakeEndpoint]
) -> None:
    serving(see_through)
    student = sample / "student.py"
    student.write_text(
        student.read_text().replace(
            "    quantity = ", "    1 / (' 4 ' not in text)\n    quantity = "
        )
    )

    found = run("-k", "says and (order-04 or order-05)")

    found.assert_outcomes(failed=1, errors=1)
    found.stdout.fnmatch_lines(
        ["extract raised on 'order-05':", "*1 / (*", "ZeroDivisionError: division by zero"]
    )


def test_only_what_the_selected_tests_are_about_is_scored(
    run: Run, serving: Callable[[Responder], FakeEndpoint]
) -> None:
    endpoint = serving(see_through)

    found = run("-k", "says and (order-07 or order-08)")

    found.assert_outcomes(failed=2)
    found.stdout.fnmatch_lines(["run *: orders, 2 items, of the items that the tests name"])
    assert len(endpoint.requests) == 2


def test_the_processes_of_xdist_share_one_run(
    run: Run, sample: Path, serving: Callable[[Responder], FakeEndpoint]
) -> None:
    endpoint = serving(see_through)

    found = run("-p", "xdist", "-n", "2")

    found.assert_outcomes(passed=N_WORDS + 1, failed=N_ITEMS + 1)
    found.stdout.fnmatch_lines(["*= judge =*", f"run *: orders, {N_ITEMS} items"])
    assert len(endpoint.requests) == N_ITEMS
    assert len(_runs(sample)) == 1


def test_where_it_is_not_used_nothing_is_loaded_made_or_said(run: Run, sample: Path) -> None:
    for name in ("test_student.py", "judge.yaml"):
        (sample / name).unlink()
    (sample / "test_nothing.py").write_text(
        "import sys\ndef test_it():\n    print('\\nloaded', *sys.modules)\n    assert 1\n"
    )

    found = run("-s")

    found.assert_outcomes(passed=1)
    (line,) = [one for one in found.outlines if one.startswith("loaded ")]
    loaded = set(line.split())
    assert not loaded & HEAVY
    assert {name for name in loaded if name.split(".")[0] == "judge"} == {
        *("judge", "judge.errors", "judge.pytest_plugin", PLUGIN)
    }
    assert "judge" not in found.stdout.str().replace(line, "")
    assert not (sample / ".judge").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('system="student"', 'system="studnet"', "no system 'studnet' (did you mean 'student'?)"),
        ('system="student"', 'sistem="student"', "the marker judged takes system, outputs and"),
        ('"words"}', '"wrods"}', "no item has numbers=wrods (did you mean 'words'?)"),
    ],
)
def test_a_marker_that_cannot_be_used_is_told_when_tests_are_collected(
    run: Run, sample: Path, old: str, new: str, words: str
) -> None:
    tests = sample / "test_student.py"
    tests.write_text(tests.read_text().replace(old, new))

    found = run("--collect-only")

    found.assert_outcomes(errors=1)
    assert words in found.stdout.str()


def test_without_a_config_it_is_said_how_to_name_one(run: Run, sample: Path) -> None:
    (sample / "judge.yaml").unlink()

    found = run("--judge-config", "other.yaml")

    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines(
        ["*judge: there is no config other.yaml; name it by --judge-config, or by judge_config in*"]
    )


def test_what_makes_no_run_is_told_in_each_test_and_spends_nothing(
    run: Run, sample: Path, serving: Callable[[Responder], FakeEndpoint]
) -> None:
    endpoint = serving(see_through)
    (sample / "test_other.py").write_text(
        "import pytest\n"
        "@pytest.mark.judged(system='student', outputs=str.upper)\n"
        "def test_another(judged):\n    pass\n"
        "def test_unmarked(judged):\n    pass\n"
    )

    found = run("-k", "order-01")

    found.assert_outcomes(errors=2)
    found.stdout.fnmatch_lines(
        ["*student has two functions that make its outputs, str.upper and extract: it is one*"]
    )
    unmarked = run("-k", "unmarked")
    unmarked.stdout.fnmatch_lines(["say whose answers it is about: @pytest.mark.judged(*"])
    assert not endpoint.requests


def test_a_run_asked_for_too_late_is_no_run_of_the_whole_set(
    run: Run, sample: Path, serving: Callable[[Responder], FakeEndpoint]
) -> None:
    serving(see_through)
    (sample / "test_late.py").write_text(
        "import pytest\nfrom student import extract\n"
        "@pytest.mark.judged(outputs=extract, where={'numbers': 'words'})\n"
        "def test_late(judged, request):\n    request.getfixturevalue('judge')\n"
    )

    found = run("-k", "late and order-02")

    found.stdout.fnmatch_lines(["*the fixture 'judge' was asked for while tests ran*"])


def test_the_package_names_the_plugin_for_pytest_to_find() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]

    assert declared["pytest11"] == {"judge": PLUGIN}
    assert callable(import_module(PLUGIN).pytest_addoption)


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _runs(folder: Path) -> list[str]:
    with open_store(str(folder / ".judge" / "judge.sqlite"), existing=True) as store:
        return [manifest.run_id for manifest in store.manifests()]
