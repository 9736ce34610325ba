import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from judge.client import Client, ServiceError
from judge.testing import Answer, FakeEndpoint, Received, chat_completion, verdict
from judge.web.access import Role
from judge.web.scoring import MOST_RECORDS
from tests.web.conftest import Live, config_of, live, rated_config, rating

SCHEMA = {"type": "object", "required": ["answer"]}
WRONG = "No, quite otherwise."


def see_through(asked: Received) -> Answer:
    """Answer as somebody who knows which outputs are wrong."""
    label = "different" if WRONG.encode() in asked.content else "equivalent"
    return Answer(body=chat_completion(verdict(label)))


def _record(name: str, output: str, **more: object) -> dict[str, object]:
    return {"id": name, "input": "What is 1?", "references": ["It is 1."], "output": output, **more}


def _scores(found: Mapping[str, object], metric: str) -> list[Mapping[str, object]]:
    records: Any = found["records"]
    return [one["outcomes"][metric] for one in records]


def _measure(found: Mapping[str, object], metric: str) -> Mapping[str, object]:
    measures: Any = found["measures"]
    found_one: Mapping[str, object] = next(one for one in measures if one["metric"] == metric)
    return found_one


def test_records_are_scored_at_once_and_facts_need_no_certificate(service: Live) -> None:
    config = config_of(None) + "  adherence: {}\n"

    found = service.client(Role.SUBMIT).score(
        [
            _record("a", '{"answer": 1}', schema=SCHEMA),
            _record("b", "prose", schema=SCHEMA),
            _record("c", "It is 1."),
        ],
        config=config,
    )

    assert [one["value"] for one in _scores(found, "exact_match.reference")] == [0.0, 0.0, 1.0]
    strict = _scores(found, "adherence.strict")
    assert [one["kind"] for one in strict] == ["score", "score", "not_applicable"]
    assert [one["value"] for one in strict] == [1.0, 0.0, None]
    assert _measure(found, "adherence.strict")["trusted"] is True


def test_a_judged_value_is_withheld_until_the_judge_has_its_certificate(tmp_path: Path) -> None:
    with FakeEndpoint(see_through) as endpoint, live(tmp_path, endpoint) as service:
        client = service.client()
        job_id = _job_of_fifty(client, endpoint)
        asked = [_record("new-1", "It is 1."), _record("new-2", WRONG)]

        before = client.score(asked, job_id=job_id)
        ratings = [rating(f"i{n}", label="different" if n % 2 else "equivalent") for n in range(50)]
        client.rate(job_id, ratings)
        client.wait(client.validate(job_id=job_id).job_id)
        after = client.score(asked, job_id=job_id)

    judge = _measure(before, "equivalence.reference")
    assert (judge["trusted"], judge["standing"]) == (False, "unvalidated")
    withheld = _scores(before, "equivalence.reference")
    assert [(one["kind"], one["value"]) for one in withheld] == [("withheld", None)] * 2
    assert [one["label"] for one in withheld] == ["equivalent", "different"]
    assert "never measured against ratings" in str(withheld[0]["message"])
    judge = _measure(after, "equivalence.reference")
    assert (judge["trusted"], judge["standing"]) == (True, "trusted")
    assert "another evaluation set" in str(judge["reasons"])
    assert [one["value"] for one in _scores(after, "equivalence.reference")] == [1.0, 0.0]


def _job_of_fifty(client: Client, endpoint: FakeEndpoint) -> str:
    items = "".join(
        json.dumps({"id": f"i{n}", "input": f"What is {n}?", "reference": f"It is {n}."}) + "\n"
        for n in range(50)
    )
    outputs = "".join(
        json.dumps({"id": f"i{n}", "output": WRONG if n % 2 else f"It is {n}."}) + "\n"
        for n in range(50)
    )
    files = {"items.jsonl": items, "outputs.jsonl": outputs}
    return client.wait(client.submit(config=rated_config(endpoint), files=files).job_id).job_id


def test_a_target_that_no_record_has_anything_for_is_left_out(tmp_path: Path) -> None:
    with FakeEndpoint(see_through) as endpoint, live(tmp_path, endpoint) as service:
        client = service.client()
        config = rated_config(endpoint).replace("[reference]", "[reference, teacher]")

        without = client.score([_record("a", "It is 1.")], config=config)
        taught = client.score([_record("a", WRONG, teacher_output="It is 1.")], config=config)

    assert _metrics(without) == ["equivalence.reference"]
    assert _metrics(taught) == ["equivalence.reference", "equivalence.teacher"]
    assert len(endpoint.requests) == 1 + 2  # the teacher's own answer is nobody's question


def _metrics(found: Mapping[str, object]) -> list[str]:
    measures: Any = found["measures"]
    return [one["metric"] for one in measures]


def test_what_the_judge_does_not_answer_in_time_has_its_fate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("judge.web.scoring.LONGEST_S", 0.5)

    def answer(asked: Received) -> Answer:
        hangs = WRONG.encode() in asked.content
        return Answer(body=chat_completion(verdict()), delay_s=30 if hangs else 0)

    with FakeEndpoint(answer) as endpoint, live(tmp_path, endpoint) as service:
        found = service.client().score(
            [_record("quick", "It is 1."), _record("slow", WRONG)], config=rated_config(endpoint)
        )

    quick, slow = _scores(found, "equivalence.reference")
    assert quick["kind"] == "withheld"
    assert (slow["kind"], slow["code"]) == ("fate", "sent_unknown")


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({"records": []}, "request_invalid", "records"),
        ({"records": [_record(str(n), "x") for n in range(MOST_RECORDS + 1)]}, "request_invalid",
         "32"),
        ({"records": [{"id": "a"}]}, "request_invalid", "records.0.output"),
        ({"records": [_record("a", "x", colour="red")]}, "request_invalid", "records.0.colour"),
        ({"records": [_record("a", "x"), _record("a", "y")]}, "data_invalid", "'a'"),
        ({"records": [_record("a", "x"), _record("b", "x", opponent="y")]}, "data_invalid",
         "opponent"),
        ({"records": [_record("a", "x" * 1_000_001)]}, "request_invalid", "records.0.output"),
        ({"records": [_record("a", "x")], "config_path": "/etc/passwd", "config": None},
         "config_invalid", "config_path"),
        ({"records": [_record("a", "x")], "job_id": "job-0", "config": None}, "not_found", ""),
        ({"records": [_record("a", "x")], "job_id": "job-0"}, "request_invalid", "one of"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_refused_and_leaves_nothing(
    service: Live, body: Mapping[str, object], code: str, said: str
) -> None:
    answer = service.http().post("/v1/score", json={"config": config_of(None), **body})

    assert answer.json()["code"] == code
    assert said in answer.json()["detail"]
    assert list(service.server.rules.folder.glob("job-*")) == []
    assert service.server.store.manifests() == []


def test_what_was_asked_about_is_no_run_of_a_set(service: Live) -> None:
    client = service.client()

    found = client.score([_record("a", "It is 1.")], config=config_of(None))

    with pytest.raises(ServiceError) as caught:
        client.report(str(found["run_id"]))
    assert caught.value.code == "not_found"
    assert [one.purpose for one in service.server.store.manifests()] == ["request"]
    assert list(service.server.rules.folder.glob("job-*")) == []
