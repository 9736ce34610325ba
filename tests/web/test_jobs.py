import json
import threading
from pathlib import Path

import pytest

from judge.client import Client, RemoteJob, ServiceError
from judge.testing import Answer, FakeEndpoint, Received, chat_completion, verdict
from judge.web.access import Role
from tests.web.conftest import FILES, N_ITEMS, Live, config_of, live

SAME = Answer(body=chat_completion(verdict()))


def test_a_submitted_job_is_scored_and_its_results_and_report_can_be_fetched(
    tmp_path: Path,
) -> None:
    with FakeEndpoint(lambda _: SAME) as endpoint, live(tmp_path, endpoint) as service:
        client = service.client()

        job = client.wait(client.submit(config=config_of(endpoint), files=FILES).job_id)
        results = list(client.results(job.job_id))
        report = json.loads(client.report(job.run_id))

    assert (job.state, job.done, job.total, job.name) == ("finished", N_ITEMS, N_ITEMS, "numbers")
    assert {result["kind"] for result in results} == {"Score"}
    assert len(results) == N_ITEMS
    assert report["estimates"][0]["status"] == "withheld"  # nobody has certified this judge


def test_under_one_idempotency_key_a_submission_is_one_job_and_another_one_is_refused(
    service: Live,
) -> None:
    client = service.client()

    first = client.submit(config=config_of(None), files=FILES, idempotency_key="monday")
    again = client.submit(config=config_of(None), files=FILES, idempotency_key="monday")
    with pytest.raises(ServiceError) as caught:
        client.submit(config=config_of(None, name="x"), files=FILES, idempotency_key="monday")

    assert again.job_id == first.job_id
    assert (caught.value.status, caught.value.code) == (409, "idempotency_conflict")
    assert [one.name for one in service.server.rules.folder.glob("job-*")] == [first.job_id]


def test_the_same_idempotency_key_of_another_workspace_is_another_job(service: Live) -> None:
    one, other = service.client(workspace="a"), service.client(workspace="b")

    jobs = [
        c.submit(config=config_of(None), files=FILES, idempotency_key="k") for c in (one, other)
    ]

    assert jobs[0].job_id != jobs[1].job_id


def test_the_job_of_another_workspace_looks_like_one_that_does_not_exist(service: Live) -> None:
    mine, theirs = service.client(workspace="mine"), service.client(workspace="theirs")
    job = mine.wait(mine.submit(config=config_of(None), files=FILES).job_id)

    refusals = []
    for job_id, run_id in ((job.job_id, job.run_id), ("job-0", "20260101-000000-abcdef")):
        for ask in (
            lambda i=job_id: theirs.job(i),
            lambda i=job_id: theirs.cancel(i),
            lambda i=job_id: list(theirs.results(i)),
            lambda i=run_id: theirs.report(i),
        ):
            with pytest.raises(ServiceError) as caught:
                ask()
            refusals.append((caught.value.status, caught.value.code, str(caught.value)))

    assert len(set(refusals)) == 1
    assert refusals[0][:2] == (404, "not_found")


def test_a_paused_job_sends_nothing_and_goes_on_where_it_was(tmp_path: Path) -> None:
    asked: list[object] = []
    enough, go_on = threading.Event(), threading.Event()

    def answer(request: object) -> Answer:
        asked.append(request)
        if len(asked) == 8:  # as many as go at once
            enough.set()
            go_on.wait(30)
        return SAME

    with FakeEndpoint(answer) as endpoint, live(tmp_path, endpoint) as service:
        client = service.client()
        job = client.submit(config=config_of(endpoint), files=FILES)
        assert enough.wait(30)
        client.pause(job.job_id)
        go_on.set()
        paused = client.wait(job.job_id)
        n_asked = len(asked)
        client.resume(job.job_id)
        finished = client.wait(job.job_id)

    assert paused.state == "paused"
    assert paused.done == n_asked < N_ITEMS
    assert (finished.state, finished.done) == ("finished", N_ITEMS)
    assert len(asked) == N_ITEMS  # nothing was asked twice


def test_a_job_goes_on_after_the_service_was_restarted(tmp_path: Path) -> None:
    asked: list[object] = []
    enough = threading.Event()

    def answer(request: object) -> Answer:
        asked.append(request)
        if len(asked) >= 8:
            enough.set()
        return SAME

    with FakeEndpoint(answer) as endpoint:
        with live(tmp_path, endpoint) as service:
            job = service.client().submit(config=config_of(endpoint), files=FILES)
            assert enough.wait(30)
        with live(tmp_path, endpoint) as service:
            finished = service.client().wait(job.job_id)

    assert (finished.state, finished.done) == ("finished", N_ITEMS)
    assert len(asked) == N_ITEMS


def test_a_cancelled_job_keeps_what_it_scored_and_cannot_go_on(service: Live) -> None:
    client = service.client()
    job = client.wait(client.submit(config=config_of(None), files=FILES).job_id)
    assert job.state == "finished"

    with pytest.raises(ServiceError) as caught:
        client.cancel(job.job_id)

    assert (caught.value.status, caught.value.code) == (409, "illegal_transition")


def test_a_job_whose_endpoint_is_down_is_incomplete_and_can_be_resumed(tmp_path: Path) -> None:
    down = True

    def answer(_: object) -> Answer:
        return Answer(status=401, body=b'{"error": {"message": "no"}}') if down else SAME

    with FakeEndpoint(answer) as endpoint, live(tmp_path, endpoint) as service:
        client = service.client()
        job = client.submit(config=config_of(endpoint), files=FILES)
        left = client.wait(job.job_id)
        down = False
        client.resume(job.job_id)
        finished = client.wait(job.job_id)

    assert left.state == "incomplete"
    assert finished.state == "finished"


def test_what_failed_in_a_finished_job_is_scored_again_and_nothing_else(tmp_path: Path) -> None:
    refuses = True

    def answer(asked: Received) -> Answer:
        poor = refuses and b"What is 3?" in asked.content
        return Answer(body=chat_completion("I would rather not say." if poor else verdict()))

    with FakeEndpoint(answer) as endpoint, live(tmp_path, endpoint) as service:
        client = service.client()
        first = client.wait(client.submit(config=config_of(endpoint), files=FILES).job_id)
        n_asked, refuses = len(endpoint.requests), False
        client.retry(first.job_id)
        second = client.wait(first.job_id)
        with pytest.raises(ServiceError) as caught:
            client.retry(first.job_id)
        again = list(client.results(first.job_id))[N_ITEMS:]

    assert (first.state, second.state) == ("finished", "finished")
    assert len(endpoint.requests) == n_asked + 1
    assert [(one["id"], one["revision"], one["kind"]) for one in again] == [("i3", 1, "Score")]
    assert (caught.value.status, caught.value.code) == (409, "nothing_to_retry")


def test_events_follow_a_job_to_its_end_and_can_be_taken_up_again(service: Live) -> None:
    client, http = service.client(), service.http()
    job = client.wait(client.submit(config=config_of(None), files=FILES).job_id)
    path = f"/v1/jobs/{job.job_id}/events"

    whole = http.get(path).text
    name = whole.split("id: ")[1].split("\n")[0]
    again = http.get(path, headers={"Last-Event-ID": name}).text

    assert json.loads(whole.split("data: ")[1]) == {**_fields(job)}
    assert again == ""


def _fields(job: RemoteJob) -> dict[str, object]:
    return {name: getattr(job, name) for name in RemoteJob.__struct_fields__}


def test_results_come_in_pages_that_join_without_a_gap(service: Live) -> None:
    client, http = service.client(), service.http()
    job = client.wait(client.submit(config=config_of(None), files=FILES).job_id)

    pages, after = [], "0"
    while after:
        page = http.get(f"/v1/jobs/{job.job_id}/results?limit=20&after={after}")
        rows = [json.loads(line) for line in page.text.splitlines()]
        pages.append([(row["id"], row["scorer"]) for row in rows])
        after = page.headers.get("x-next", "")

    assert [len(page) for page in pages] == [20, 20, 8]
    assert len({one for page in pages for one in page}) == 2 * N_ITEMS


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        ({}, 422, "request_invalid", "config"),
        ({"config": "name: x", "config_path": "x"}, 422, "request_invalid", "either"),
        ({"config": "name: [", "files": {}}, 422, "config_invalid", "YAML"),
        ({"config": "nam: x\ndataset: {}", "files": {}}, 422, "config_invalid", "nam"),
        ({"config": config_of(None), "files": {}}, 422, "data_invalid", "items.jsonl"),
        (
            {"config": config_of(None), "files": {**FILES, "items.jsonl": '{"id": 1}\n{"id"'}},
            422,
            "data_invalid",
            "line 2",
        ),
        ({"config": config_of(None), "files": {"../x": ""}}, 422, "request_invalid", "../x"),
        ({"config": config_of(None), "files": FILES, "priority": 99}, 422, "request_invalid", "10"),
        ({"config": config_of(None), "files": FILES, "hurry": 1}, 422, "request_invalid", "hurry"),
        ({"config_path": "/etc/passwd"}, 422, "config_invalid", "config_path"),
        (
            {"config": config_of(None).replace("items.jsonl", "../../x.jsonl"), "files": FILES},
            422,
            "config_invalid",
            "outside",
        ),
        (
            {"config": config_of(None).replace("items.jsonl", "/etc/passwd"), "files": FILES},
            422,
            "config_invalid",
            "outside",
        ),
        (
            {"config": config_of(None).replace("items.jsonl", '"../a\\0"'), "files": FILES},
            422,
            "config_invalid",
            "the name of no file",
        ),
        (
            {"config": config_of(None).replace("numbers", "${PATH}"), "files": FILES},
            422,
            "config_invalid",
            "environment",
        ),
    ],
)
def test_a_bad_submission_is_refused_with_a_reason_and_nothing_of_it_is_kept(
    service: Live, body: object, status: int, code: str, said: str
) -> None:
    http = service.http()

    answer = http.post("/v1/jobs", json=body)

    found = answer.json()
    assert (answer.status_code, found["code"]) == (status, code)
    assert said in found["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert http.get("/v1/jobs").json()["jobs"] == []
    assert list(service.server.rules.folder.glob("job-*")) == []


def test_a_config_cannot_send_the_servers_key_to_an_endpoint_of_its_own(tmp_path: Path) -> None:
    with (
        FakeEndpoint(lambda _: SAME) as allowed,
        FakeEndpoint(lambda _: SAME) as foreign,
        live(tmp_path, allowed) as service,
    ):
        client = service.client()
        refused = []
        for config in (
            config_of(foreign),
            config_of(allowed).replace("FAKE_KEY", "HOME"),
            config_of(allowed).replace(", api_key_env: FAKE_KEY", ""),
        ):
            with pytest.raises(ServiceError) as caught:
                client.submit(config=config, files=FILES)
            refused.append(caught.value.code)

    assert refused == ["config_invalid"] * 3
    assert foreign.requests == []


def test_a_job_may_name_a_config_in_a_folder_the_server_allows(tmp_path: Path) -> None:
    root = tmp_path / "shared"
    root.mkdir()
    for name, text in {**FILES, "judge.yaml": config_of(None)}.items():
        (root / name).write_text(text)

    with live(tmp_path, roots=(root,)) as service:
        client = service.client()
        job = client.wait(client.submit(config_path=str(root / "judge.yaml")).job_id)

    assert job.state == "finished"


def test_a_key_that_may_only_read_cannot_submit_and_only_an_admin_removes(service: Live) -> None:
    job = service.client().submit(config=config_of(None), files=FILES)
    service.client().wait(job.job_id)

    with pytest.raises(ServiceError) as caught:
        service.client(Role.READ).submit(config=config_of(None), files=FILES)
    refused = service.http(Role.SUBMIT, Role.READ).delete(f"/v1/jobs/{job.job_id}")
    removed = service.http(Role.ADMIN).delete(f"/v1/jobs/{job.job_id}")

    assert (caught.value.status, caught.value.code) == (403, "forbidden")
    assert (refused.status_code, removed.status_code) == (403, 204)
    assert list(service.server.rules.folder.glob("job-*")) == []


def test_who_did_what_is_written_down(service: Live) -> None:
    client = service.client()
    job = client.submit(config=config_of(None), files=FILES)
    client.wait(job.job_id)

    entries = service.http(Role.ADMIN).get("/v1/audit").json()

    assert [(one["what"], one["about"]) for one in entries] == [("job.submit", job.job_id)]


def test_a_service_that_is_not_there_is_named() -> None:
    with (
        Client("http://127.0.0.1:9", key="jk_x_y") as client,
        pytest.raises(ServiceError, match="cannot be reached"),
    ):
        client.job("job-1")
