import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess
from typing import NoReturn

import pytest

from judge.testing import (
    Answer,
    FakeEndpoint,
    Received,
    always_equivalent,
    chat_completion,
    fault,
    verdict,
)
from judge.wiring.store import open_store

Run = Callable[..., CompletedProcess[str]]
Serve = Callable[..., AbstractContextManager[FakeEndpoint]]
WriteSet = Callable[..., None]
WriteRows = Callable[[str, Sequence[Mapping[str, object]]], None]
# In this order; others may stand among them.
DOCUMENTED = ["schema_version", "standing", "reasons", "agreement", "systems", "slices"]
DOCUMENTED += ["disagreements", "baseline", "certificate"]


def _estimate(report: str) -> dict[str, object]:
    wanted = ("equivalence.reference", "student", "overall")
    found: dict[str, object] = next(
        row
        for row in json.loads(report)["estimates"]
        if (row["metric"], row["system"], row["slice"]) == wanted
    )
    return found


def test_a_judge_that_agrees_with_people_is_trusted_and_its_numbers_are_shown(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set(50, ratings=50)

    with serving() as endpoint:
        withheld = judge("run", "judge.yaml", "--json")
        asked = len(endpoint.requests)
        validated = judge("validate", "judge.yaml", "--json", "-o", "v.md", "-o", "v.json")
        shown = judge("report", "--json")

    found = json.loads(validated.stdout)
    assert validated.returncode == 0
    assert [key for key in found if key in DOCUMENTED] == DOCUMENTED
    assert (found["standing"], found["agreement"]["n_items"]) == ("trusted", 50)
    assert found["baseline"]["n_labels"] == 50
    assert Path("v.json").read_text() == validated.stdout
    assert Path("v.md").read_text().startswith("# Judge of equivalence.reference against people\n")
    # The run's verdicts are the ones that were compared: nothing was asked twice.
    assert len(endpoint.requests) == asked == 100
    assert _estimate(withheld.stdout)["status"] == "withheld"
    assert _estimate(shown.stdout)["status"] == "shown"
    assert _estimate(shown.stdout)["value"] == 0.5


@pytest.mark.usefixtures("quick_embedder")
def test_a_judge_that_calls_everything_right_is_refused_and_stays_withheld(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set(24, ratings=24)

    with serving(always_equivalent):
        validated = judge("validate", "judge.yaml")
        ran = judge("run", "judge.yaml", "--json")

    page = " ".join(validated.stdout.split())
    assert validated.returncode == 1
    assert "not_trusted: informedness lies between" in page
    assert "Disagreements (12)" in page
    assert ran.returncode == 0
    assert _estimate(ran.stdout)["status"] == "withheld"
    assert "judge not_trusted" in str(_estimate(ran.stdout)["reason"])


@pytest.mark.usefixtures("quick_embedder")
@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("blind: true", "blind: true", "6 rated items with a verdict, 50 are needed"),
        ("source: human", "source: constructed", "can never make a judge trusted"),
    ],
)
def test_labels_that_cannot_decide_are_inconclusive(
    old: str, new: str, reason: str, *, judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set(ratings=6)
    Path("judge.yaml").write_text(Path("judge.yaml").read_text().replace(old, new))

    with serving():
        found = judge("validate", "judge.yaml", "--json")

    assert found.returncode == 3
    assert json.loads(found.stdout)["standing"] == "insufficient"
    assert reason in found.stdout


@pytest.mark.usefixtures("quick_embedder")
def test_an_endpoint_that_is_down_leaves_the_validation_incomplete_and_certifies_nothing(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set(ratings=6)
    down = True

    def respond(received: Received) -> Answer:
        if down and received.number > 2:
            return Answer(status=503, headers={"retry-after": "0"}, body=fault("no one is here"))
        return always_equivalent(received)

    with serving(respond) as endpoint:
        incomplete = judge("validate", "judge.yaml")
        with open_store(".judge/judge.sqlite") as kept:
            certificates = kept.documents("certificate")
        asked = len(endpoint.requests)
        down = False
        finished = judge("validate", "judge.yaml", "--json")

    assert (incomplete.returncode, incomplete.stdout) == (4, "")
    assert "not every rated record was judged" in incomplete.stderr
    assert "type it again to go on" in incomplete.stderr
    assert certificates == []
    assert finished.returncode == 1
    assert json.loads(finished.stdout)["agreement"]["n_labels"] == 6
    assert len(endpoint.requests) - asked == 4


@pytest.mark.usefixtures("quick_embedder")
def test_ctrl_c_stops_a_validation_and_the_same_command_goes_on(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set(12, ratings=12)
    running: list[subprocess.Popen[str]] = []

    def interrupt(received: Received) -> Answer:
        if received.number == 3:
            running[0].send_signal(signal.SIGINT)
        return Answer(body=chat_completion(verdict()), delay_s=0.1)

    with serving(interrupt) as endpoint:
        command = [sys.executable, "-m", "judge", "validate", "judge.yaml", "--max-connections=2"]
        running.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
        _, err = running[0].communicate(timeout=60)
        asked = len(endpoint.requests)
        again = judge("validate", "judge.yaml")

    assert running[0].returncode == 130
    assert "what was is kept: type it again to go on" in err
    assert asked < 12
    assert again.returncode == 1
    assert len(endpoint.requests) == 12


@pytest.mark.usefixtures("quick_embedder")
def test_a_bug_in_a_verdict_is_graver_than_any_standing(
    judge: Run, write_set: WriteSet, serving: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(ratings=6)

    def broken(*_: object) -> NoReturn:
        raise ZeroDivisionError

    with serving():
        monkeypatch.setattr("judge.judges.prompted.PromptedJudge.judge", broken)
        found = judge("validate", "judge.yaml", "--json")

    assert found.returncode == 5
    assert json.loads(found.stdout)["agreement"]["fates"] == {"internal_error": 6}


@pytest.mark.parametrize(
    ("row", "problem", "remedy"),
    [
        (
            {"id": "i0", "system": "student", "rater": "ann", "label": "equal"},
            "ratings.jsonl line 1: the label 'equal' is not on the scale",
            "accepted are: 'different', 'equivalent'",
        ),
        (
            {"id": "i77", "system": "student", "rater": "ann", "label": "different"},
            "ratings.jsonl line 1: a rating for the unknown item 'i77'",
            "",
        ),
        (
            {"id": "i0", "system": "student", "label": "different"},
            "ratings.jsonl line 1: 'rater' is missing",
            "the row has: 'id', 'system', 'label'",
        ),
        (None, "ratings.jsonl holds no rows", ""),
    ],
)
def test_bad_ratings_are_told_before_a_store_is_made_or_a_call_paid(
    row: Mapping[str, object] | None,
    problem: str,
    remedy: str,
    *,
    judge: Run,
    write_set: WriteSet,
    write_rows: WriteRows,
    serving: Serve,
) -> None:
    write_set(ratings=6)
    write_rows("ratings.jsonl", [row] if row else [])

    with serving() as endpoint:
        found = judge("validate", "judge.yaml")

    assert (found.returncode, found.stdout) == (2, "")
    assert problem in found.stderr
    assert remedy in found.stderr
    assert endpoint.requests == []
    assert not Path(".judge").exists()


def test_a_config_without_ratings_is_told_what_to_add(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set()

    with serving():
        found = judge("validate", "judge.yaml")

    assert found.returncode == 2
    assert "judge.yaml names no ratings; add 'ratings:' with the path" in found.stderr
    assert not Path(".judge").exists()


def test_an_unknown_format_is_refused_before_a_call_is_paid(
    judge: Run, write_set: WriteSet, serving: Serve
) -> None:
    write_set(ratings=6)

    with serving() as endpoint:
        found = judge("validate", "judge.yaml", "-o", "v.md", "-o", "v.pdf")

    assert (found.returncode, found.stdout) == (2, "")
    assert "v.pdf: unknown format '.pdf'" in found.stderr
    assert endpoint.requests == []
    assert not list(Path().glob("v.*"))


@pytest.mark.usefixtures("quick_embedder")
def test_nothing_of_what_people_said_is_in_any_request_to_the_judge(
    judge: Run, write_set: WriteSet, write_rows: WriteRows, serving: Serve
) -> None:
    write_set(24, ratings=24)
    rows = [json.loads(line) for line in Path("ratings.jsonl").read_text().splitlines()]
    secret = {"rater": "zebra-rater", "comment": "zebra-comment"}
    write_rows("ratings.jsonl", [{**row, **secret} for row in rows])

    with serving() as endpoint:
        judge("run", "judge.yaml")
        judge("validate", "judge.yaml")

    assert endpoint.requests
    for request in endpoint.requests:
        assert b"zebra" not in request.content
        assert b"rater" not in request.content
