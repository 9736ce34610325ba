import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess

from judge.testing import FakeEndpoint

Run = Callable[..., CompletedProcess[str]]
Serve = Callable[..., AbstractContextManager[FakeEndpoint]]


def test_the_runs_of_a_config_are_told_in_order_with_their_breaks(
    judge: Run, write_set: Callable[..., None], serving: Serve
) -> None:
    write_set(30)
    with serving():
        judge("run", "judge.yaml")
        config = Path("judge.yaml")
        config.write_text(config.read_text().replace("fake-judge}", "fake-judge, seed: 7}"))
        judge("run", "judge.yaml")

    page = judge("history", "--metric", "adherence.strict")
    told = judge("history", "small", "--json")
    last = judge("history", "--last", "1", "-o", "history.md", "-o", "history.html")

    assert (page.returncode, last.returncode, last.stdout) == (0, 0, "")
    assert "the same set and the same instrument throughout" in page.stdout
    assert "equivalence" not in page.stdout
    runs = json.loads(told.stdout)["runs"]
    assert [[one["metric"] for one in run["breaks"]] for run in runs] == [
        [],
        ["equivalence.reference"],
    ]
    assert "1 runs" in Path("history.md").read_text()
    assert "<h1>small: 1 runs, overall</h1>" in Path("history.html").read_text()


def test_a_metric_that_no_run_has_is_refused_with_those_there_are(
    judge: Run, write_set: Callable[..., None], serving: Serve
) -> None:
    write_set(2)
    with serving():
        judge("run", "judge.yaml")

    found, other = judge("history", "--metric", "rouge"), judge("history", "another")

    assert (found.returncode, other.returncode) == (2, 2)
    assert "metrics are: adherence.strict, equivalence.reference" in found.stderr
    assert "no run of another is stored; there are runs of: small" in other.stderr
