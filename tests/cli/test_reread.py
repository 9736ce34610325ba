import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import CompletedProcess

from judge.testing import Answer, FakeEndpoint, Received, chat_completion, verdict


def test_stored_replies_are_read_again_as_a_new_run_without_a_call(
    judge: Callable[..., CompletedProcess[str]],
    write_set: Callable[..., None],
    serving: Callable[..., AbstractContextManager[FakeEndpoint]],
) -> None:
    write_set()

    def respond(received: Received) -> Answer:
        return Answer(body=chat_completion(verdict() if received.number > 3 else "it depends"))

    with serving(respond) as endpoint:
        first = json.loads(judge("run", "judge.yaml", "--json", "--max-connections=1").stdout)
        asked = len(endpoint.requests)
        again = judge("reread", "latest", "--json")

    found = json.loads(again.stdout)
    assert again.returncode == 0
    assert len(endpoint.requests) == asked
    assert found["run"]["run_id"] != first["run"]["run_id"]
    assert found["estimates"] == first["estimates"]
    assert found["spending"]["total"]["calls"] == 0


def test_what_was_never_answered_is_not_asked_and_has_its_fate(
    judge: Callable[..., CompletedProcess[str]],
    write_set: Callable[..., None],
    serving: Callable[..., AbstractContextManager[FakeEndpoint]],
) -> None:
    write_set()
    with serving(lambda _: Answer(status=400, body={"error": {"message": "no"}})) as endpoint:
        judge("run", "judge.yaml")
        asked = len(endpoint.requests)

        again = judge("reread", "latest", "--json")

    rows = json.loads(again.stdout)["estimates"]
    row = next(row for row in rows if row["metric"] == "equivalence.reference")
    assert row["fates"] == {"verdict_not_recorded": row["n_records"]}
    assert len(endpoint.requests) == asked
    assert Path("judge.yaml").exists()
