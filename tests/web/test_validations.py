import json
from pathlib import Path
from typing import Any

import pytest

from judge.client import ServiceError
from judge.testing import Answer, FakeEndpoint
from judge.web.access import Role
from tests.web.conftest import (
    FILES,
    N_ITEMS,
    N_WRONG,
    VERDICTS,
    Live,
    live,
    rated_config,
    rating,
    submitted,
)

DOWN = Answer(status=401, body=b'{"error": {"message": "no"}}')
AS_JUDGED = [
    rating(f"i{n}", label="different" if n < N_WRONG else "equivalent") for n in range(N_ITEMS)
]


def test_the_judge_of_a_job_is_measured_against_ratings_that_were_sent(service: Live) -> None:
    client = service.client()
    job = submitted(client)
    client.rate(job.job_id, AS_JUDGED)

    started = client.validate(job_id=job.job_id)
    client.wait(started.job_id)
    found = client.validation(started.job_id)

    assert (found.state, found.of, found.standing) == ("finished", job.job_id, "insufficient")
    result: Any = found.result
    assert result["certificate"]["n_labels"] == N_ITEMS
    assert result["agreement"]["percent"]["value"] == 1.0


def test_ratings_that_are_sent_stand_beside_those_the_config_names(service: Live) -> None:
    client = service.client()
    job = submitted(client, rated_config(ratings=True), ratings="")
    client.rate(job.job_id, AS_JUDGED)

    found = client.wait(client.validate(job_id=job.job_id).job_id)

    assert found.state == "finished"
    result: Any = client.validation(found.job_id).result
    assert result["certificate"]["n_raters"] == 2


def test_a_config_with_ratings_is_validated_without_a_job(service: Live) -> None:
    client = service.client()
    ratings = "".join(f"{line}\n" for line in map(json.dumps, AS_JUDGED))
    files = {**FILES, "verdicts.jsonl": VERDICTS, "ratings.jsonl": ratings}

    started = client.validate(config=rated_config(ratings=True), files=files)
    again = client.wait(started.job_id)

    assert again.state == "finished"
    assert client.validation(started.job_id).of == ""


def test_a_judge_that_nobody_rated_is_refused_and_nothing_is_kept(service: Live) -> None:
    client = service.client()
    job = submitted(client)

    with pytest.raises(ServiceError, match="names no ratings") as caught:
        client.validate(job_id=job.job_id)

    assert caught.value.code == "config_invalid"
    assert service.http().get("/v1/validations").json()["validations"] == []


def test_a_validation_whose_endpoint_does_not_answer_is_incomplete_and_certifies_nothing(
    tmp_path: Path,
) -> None:
    with FakeEndpoint(lambda _: DOWN) as endpoint, live(tmp_path, endpoint) as service:
        client = service.client()
        job = submitted(client, rated_config(endpoint))
        client.rate(job.job_id, AS_JUDGED)
        left = client.wait(client.validate(job_id=job.job_id).job_id)
        found = client.validation(left.job_id)

    assert (left.state, found.standing, found.result) == ("incomplete", None, None)


def test_validations_are_listed_apart_from_jobs_and_to_their_workspace_alone(
    service: Live,
) -> None:
    client = service.client()
    job = submitted(client)
    client.rate(job.job_id, AS_JUDGED)
    one = client.wait(client.validate(job_id=job.job_id, idempotency_key="k").job_id)
    client.validate(job_id=job.job_id, idempotency_key="k")

    mine, theirs = service.http(Role.READ), service.http(Role.READ, workspace="theirs")
    listed = mine.get("/v1/validations").json()

    assert [found["job_id"] for found in listed["validations"]] == [one.job_id]
    assert [found["job_id"] for found in mine.get("/v1/jobs").json()["jobs"]] == [job.job_id]
    assert theirs.get("/v1/validations").json()["validations"] == []
    for path in (f"/v1/validations/{one.job_id}", "/v1/validations/validation-0"):
        assert theirs.get(path).json()["code"] == "not_found"
    assert mine.get(f"/v1/validations/{job.job_id}").status_code == 404  # a job is none
