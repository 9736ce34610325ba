import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from judge.testing import (
    Answer,
    FakeEndpoint,
    Received,
    always_equivalent,
    chat_completion,
    fault,
)

Run = Callable[..., CompletedProcess[str]]
Serve = Callable[..., AbstractContextManager[FakeEndpoint]]
WriteSet = Callable[..., None]


class Weather:
    """An endpoint that answers badly to every second question until it clears up."""

    def __init__(self, bad: Answer) -> None:
        self.bad = bad
        self.clear = False

    def __call__(self, received: Received) -> Answer:
        odd = any(f"true {k}" in received.user_text for k in (1, 3, 5))
        return self.bad if odd and not self.clear else always_equivalent(received)


DOWN = Answer(status=503, headers={"retry-after": "0"}, body=fault("no one is here"))


def _fates(report: str) -> dict[str, int]:
    rows = json.loads(report)["estimates"]
    return next(
        row["fates"]
        for row in rows
        if (row["metric"], row["system"], row["slice"])
        == ("equivalence.reference", "student", "overall")
    )


def test_a_resume_asks_what_had_no_answer_and_nothing_else(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set()
    weather = Weather(DOWN)

    with serving(weather) as endpoint:
        ran = judge("run", "judge.yaml")
        asked = len(endpoint.requests)
        still_down = judge("resume", "--json")
        weather.clear = True
        asked_twice = len(endpoint.requests)
        finished = judge("resume", "latest", "--json")
        again = judge("resume")

    assert (ran.returncode, still_down.returncode) == (4, 4)
    assert (asked, asked_twice - asked) == (6 + 6 * 5, 6 * 5)
    assert _fates(still_down.stdout) == {"judge_unavailable": 3}
    assert (finished.returncode, again.returncode) == (0, 0)
    assert len(endpoint.requests) - asked_twice == 6
    assert (_fates(finished.stdout), json.loads(finished.stdout)["run"]["complete"]) == ({}, True)
    assert "judge: 6 scores, " in finished.stderr
    assert again.stderr == ""


def test_what_the_judge_itself_failed_at_is_asked_again_only_where_that_is_asked_for(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set()
    weather = Weather(Answer(body=chat_completion("I cannot decide")))

    with serving(weather) as endpoint:
        ran = judge("run", "judge.yaml", "--json")
        weather.clear = True
        asked = len(endpoint.requests)
        plain = judge("resume", "--json")
        asked_by_plain = len(endpoint.requests)
        retried = judge("resume", "--retry-failed", "--json")

    assert (ran.returncode, plain.returncode, retried.returncode) == (0, 0, 0)
    assert _fates(ran.stdout) == _fates(plain.stdout) == {"judge_unparseable": 3}
    assert (asked_by_plain, len(endpoint.requests)) == (asked, asked + 6)
    assert _fates(retried.stdout) == {}


def test_a_run_can_be_finished_when_all_its_files_are_gone(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set()
    weather = Weather(DOWN)

    with serving(weather):
        judge("run", "judge.yaml")
        for path in filter(Path.is_file, Path().iterdir()):
            path.unlink()
        weather.clear = True
        finished = judge("resume", "--json")

    examples = json.loads(finished.stdout)["examples"]
    assert finished.returncode == 0
    assert examples[0]["output"] == '{"answer": "true 0"}'
    assert len(examples) == 12


@pytest.mark.parametrize("name", ["the start of its id", "its id"])
def test_an_older_run_is_found_by_its_name(
    name: str, judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set()
    weather = Weather(DOWN)

    with serving(weather):
        ran = judge("run", "judge.yaml", "--limit", "2", "--json")
        weather.clear = True
        judge("run", "judge.yaml")
        run_id = json.loads(ran.stdout)["run"]["run_id"]
        finished = judge("resume", run_id if name == "its id" else run_id[:-1], "--json")

    assert (ran.returncode, finished.returncode) == (4, 0)
    assert json.loads(finished.stdout)["run"]["run_id"] == run_id


def test_another_judge_is_refused_before_it_is_asked(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set()

    with serving(Weather(DOWN)):
        judge("run", "judge.yaml")
    with serving() as another:
        found = judge("resume")

    assert found.returncode == 2
    assert "equivalence.reference is no longer what run " in found.stderr
    assert "endpoint changed; undo the change, or start a new run" in found.stderr
    assert another.requests == []


def test_without_a_store_there_is_nothing_to_resume_and_none_is_made(
    judge: Run, folder: Path
) -> None:
    found = judge("resume")

    assert (found.returncode, found.stdout) == (2, "")
    assert "there is no store .judge/judge.sqlite" in found.stderr
    assert "judge run CONFIG" in found.stderr
    assert list(folder.iterdir()) == []
