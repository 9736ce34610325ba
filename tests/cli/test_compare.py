import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from judge.testing import FakeEndpoint

Run = Callable[..., CompletedProcess[str]]
Serve = Callable[..., AbstractContextManager[FakeEndpoint]]
WriteSet = Callable[..., None]
N = 60


def _id(ran: CompletedProcess[str]) -> str:
    found = json.loads(ran.stdout)["run"]["run_id"]
    assert isinstance(found, str)
    return found


def _improve() -> None:
    """Have the student answer some of its wrong answers right."""
    path = Path("student.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows[:20]:
        row["output"] = row["output"].replace("wrong", "true")
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def endpoint(serving: Serve) -> Iterator[FakeEndpoint]:
    """Serve one judge throughout: its address is part of who it is."""
    with serving() as found:
        yield found


@pytest.fixture
def scored(judge: Run, write_set: WriteSet, endpoint: FakeEndpoint) -> str:
    """Run a set and return the run's id."""
    write_set(20)
    return _id(judge("run", "judge.yaml", "--json"))


@pytest.fixture
def trusted(judge: Run, write_set: WriteSet, endpoint: FakeEndpoint) -> str:
    """Run and validate a set and return the run's id."""
    write_set(N, ratings=N)
    run_id = _id(judge("run", "judge.yaml", "--json"))
    assert judge("validate", "judge.yaml").returncode == 0
    return run_id


def _differences(found: CompletedProcess[str]) -> dict[tuple[str, str, str], dict[str, object]]:
    rows = json.loads(found.stdout)["differences"]
    return {(row["metric"], row["system"], row["slice"]): row for row in rows}


def test_a_student_that_got_better_under_the_same_judge_is_said_to(
    judge: Run, trusted: str
) -> None:
    _improve()
    judge("run", "judge.yaml")

    found, page = judge("compare", trusted, "--json"), judge("compare", trusted, "latest")

    student = _differences(found)["equivalence.reference", "student", "overall"]
    assert (found.returncode, student["value"], student["finding"]) == (0, 10 / N, "better")
    assert (student["n_changed_outputs"], student["n_pairs"]) == (10, N)
    assert "better: equivalence.reference of student, overall: 0.500 -> 0.667" in page.stdout


def test_another_set_is_refused_with_what_differs(judge: Run, scored: str) -> None:
    rows = Path("items.jsonl").read_text()
    Path("items.jsonl").write_text(rows.replace('"true 7"', '"true seven"'))
    judge("run", "judge.yaml")

    found = judge("compare", scored)

    assert (found.returncode, found.stdout) == (2, "")
    assert "not on the same evaluation set: 1 item differs: 'i7' (reference)" in found.stderr


def test_another_judge_is_inconclusive_until_it_judged_both_outputs(
    judge: Run, endpoint: FakeEndpoint, trusted: str
) -> None:
    config = Path("judge.yaml")
    config.write_text(config.read_text().replace("fake-judge}", "fake-judge, temperature: 0.7}"))
    _improve()
    # People rated what is gone; they rate the new outputs.
    rows = [json.loads(line) for line in Path("ratings.jsonl").read_text().splitlines()]
    for row in rows[:20]:
        row["label"] = "equivalent"
    Path("ratings.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    second = _id(judge("run", "judge.yaml", "--json"))
    assert judge("validate", "judge.yaml").returncode == 0

    withheld = judge("compare", trusted, second, "--json")
    before = len(endpoint.requests)
    decided = judge("compare", trusted, second, "--rejudge", "--json")
    asked = len(endpoint.requests) - before
    again = judge("compare", trusted, second, "--rejudge", "--json")

    key = ("equivalence.reference", "student", "overall")
    assert withheld.returncode == 3
    assert _differences(withheld)[key]["status"] == "withheld"
    row = _differences(decided)[key]
    assert (decided.returncode, row["status"], row["value"]) == (0, "shown", 10 / N)
    assert row["one_judge"] is True
    assert asked == 10  # the outputs that changed, each once
    assert (len(endpoint.requests) - before, again.stdout) == (asked, decided.stdout)


def test_a_run_is_not_compared_with_itself(judge: Run, scored: str) -> None:
    found = judge("compare", scored, scored)

    assert found.returncode == 2
    assert "is both runs; give two" in found.stderr


def test_a_comparison_is_written_as_markdown_html_and_json(judge: Run, scored: str) -> None:
    judge("run", "judge.yaml")

    written = judge("compare", scored, "-o", "found.md", "-o", "found.json", "-o", "found.html")

    assert (written.returncode, written.stdout) == (0, "")
    assert Path("found.md").read_text().startswith("# small: run ")
    assert "<h1>small: run " in Path("found.html").read_text()
    assert json.loads(Path("found.json").read_text())["findings"] == []
