import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from judge.testing import Answer, FakeEndpoint, Received, chat_completion, verdict

Run = Callable[..., CompletedProcess[str]]
WriteSet = Callable[..., None]
WriteRows = Callable[..., None]
MONITOR = "monitor: {outputs: production.jsonl, system: student}\n"
N = 60


class _Judge:
    """Sees through every output, until it is told to find everything wrong."""

    def __init__(self) -> None:
        self.harsh = False

    def __call__(self, received: Received) -> Answer:
        wrong = self.harsh or "wrong" in received.user_text
        return Answer(body=chat_completion(verdict("different" if wrong else "equivalent")))


@pytest.fixture
def answering() -> _Judge:
    return _Judge()


@pytest.fixture
def endpoint(
    serving: Callable[..., AbstractContextManager[FakeEndpoint]], answering: _Judge
) -> Iterator[FakeEndpoint]:
    with serving(answering) as found:
        yield found


@pytest.fixture
def trusted(
    judge: Run, write_set: WriteSet, endpoint: FakeEndpoint, quick_embedder: None
) -> FakeEndpoint:
    """Score the set and validate its judge."""
    write_set(N, ratings=N, more=MONITOR)
    judge("run", "judge.yaml")
    assert judge("validate", "judge.yaml").returncode == 0
    return endpoint


@pytest.fixture
def scored(judge: Run, write_set: WriteSet, endpoint: FakeEndpoint, quick_embedder: None) -> None:
    """Score a small set."""
    write_set(2)
    judge("run", "judge.yaml")


def _sample(number: int, *, right: bool) -> dict[str, object]:
    k = number % N
    word = "true" if right else "wrong"
    return {
        "id": f"p{number}",
        "input": f"ask {k}",
        "reference": f"true {k}",
        "kind": ("even", "odd")[k % 2],
        "output": "wrong 0" if k == 0 else json.dumps({"answer": f"{word} {k}"}),
    }


def _look(judge: Run) -> tuple[int, dict[str, object]]:
    found = judge("monitor", "judge.yaml", "--json")
    body = json.loads(found.stdout)
    assert isinstance(body, dict)
    return found.returncode, body


def test_samples_like_the_set_raise_no_alarm_and_are_looked_at_once(
    judge: Run, write_rows: WriteRows, trusted: FakeEndpoint
) -> None:
    samples = [_sample(k, right=bool(k % 2)) for k in range(2 * N)]
    write_rows("production.jsonl", samples[:N])
    first, before = _look(judge), len(trusted.requests)
    again, asked = _look(judge), len(trusted.requests) - before
    write_rows("production.jsonl", samples)
    second, more = _look(judge), len(trusted.requests) - before

    assert [code for code, _ in (first, again, second)] == [0, 0, 0]
    assert [body["n_new"] for _, body in (first, again, second)] == [N, 0, N]
    assert asked == 0
    # The new samples, and the certified verdicts asked for again; an output that is no JSON too.
    assert more == N + 30
    assert second[1]["n_samples"] == 2 * N
    assert second[1]["alarms"] == []
    looks = second[1]["looks"]
    assert isinstance(looks, list)
    assert [look["sentinels"] for look in looks] == [
        [{"metric": "equivalence.reference", "n": 30, "differ": 0}]
    ] * 2
    assert looks[0]["inputs"]["n_samples"] == N


def test_a_student_that_fails_is_an_alarm_that_stands_until_the_stream_begins_anew(
    judge: Run, write_rows: WriteRows, trusted: FakeEndpoint
) -> None:
    write_rows("production.jsonl", [_sample(k, right=False) for k in range(4 * N)])
    code, body = _look(judge)
    again, _ = _look(judge)
    page = judge("monitor", "judge.yaml", "-o", "found.md", "-o", "found.html")
    anew = judge("monitor", "judge.yaml", "--begin-anew", "--json")

    assert (code, again, page.returncode, anew.returncode) == (1, 1, 1, 0)
    alarms = body["alarms"]
    assert isinstance(alarms, list)
    quality = [one for one in alarms if one["kind"] == "quality"]
    overall = next(one for one in quality if one["slice"] == "overall")
    assert overall["metric"] == "equivalence.reference"
    assert "it is the student: 30 of 30 certified verdicts" in overall["words"]
    assert "look 1: equivalence.reference fell on overall" in page.stdout
    assert "<svg" in Path("found.html").read_text()
    assert "--begin-anew" in Path("found.md").read_text().replace("\\", "")
    assert "--begin-anew" in Path("found.html").read_text()
    assert json.loads(anew.stdout)["n_new"] == 0


def test_a_judge_that_changed_is_told_from_the_student_and_its_verdicts_are_not_used(
    judge: Run, write_rows: WriteRows, trusted: FakeEndpoint, answering: _Judge
) -> None:
    write_rows("production.jsonl", [_sample(k, right=bool(k % 2)) for k in range(2 * N)])
    answering.harsh = True

    code, body = _look(judge)

    alarms = body["alarms"]
    assert isinstance(alarms, list)
    assert (code, [one["kind"] for one in alarms]) == (1, ["judge"])
    assert "the judge of equivalence.reference changed, not the student" in alarms[0]["words"]
    looks = body["looks"]
    assert isinstance(looks, list)
    assert "equivalence.reference" in looks[0]["held"]


def test_a_judge_without_a_certificate_is_not_watched_and_the_rest_is(
    judge: Run,
    write_set: WriteSet,
    write_rows: WriteRows,
    endpoint: FakeEndpoint,
    quick_embedder: None,
) -> None:
    write_set(N, more=MONITOR)
    judge("run", "judge.yaml")
    broken = [{**_sample(k, right=True), "output": "no JSON"} for k in range(4 * N)]
    write_rows("production.jsonl", broken)

    code, body = _look(judge)

    watched = body["watched"]
    assert isinstance(watched, list)
    assert {one["metric"] for one in watched} == {"adherence.strict", "output_length"}
    unwatched = body["unwatched"]
    assert isinstance(unwatched, dict)
    assert "unvalidated" in unwatched["equivalence.reference"]
    alarms = body["alarms"]
    assert isinstance(alarms, list)
    assert code == 1
    assert {one["kind"] for one in alarms} == {"output"}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("", "has no 'monitor:'"),
        (
            MONITOR.replace("student", "studnet"),
            "there is no system 'studnet' (did you mean 'student'?)",
        ),
        (MONITOR, "no run in this store scored the evaluation set"),
    ],
)
def test_what_cannot_be_monitored_is_refused(
    judge: Run, scored: None, write_rows: WriteRows, section: str, said: str
) -> None:
    config = Path("judge.yaml")
    config.write_text(config.read_text() + section)
    answers = Path("student.jsonl")
    answers.write_text(answers.read_text().replace("wrong", "other"))
    write_rows("production.jsonl", [_sample(1, right=True)])

    found = judge("monitor", "judge.yaml")

    assert (found.returncode, found.stdout) == (2, "")
    assert said in found.stderr
