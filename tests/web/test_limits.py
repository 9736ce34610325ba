from pathlib import Path

import pytest

from judge.client import Client, ServiceError
from judge.web.access import Caller, Role
from judge.web.limits import Limits
from tests.web.conftest import FILES, config_of, live


def _caller(name: str) -> Caller:
    return Caller(key_id=name, workspace="w", roles=frozenset({Role.READ}))


def test_a_key_that_asks_too_often_is_told_when_to_ask_again() -> None:
    now = 0.0
    limits = Limits(requests_per_minute=6, clock=lambda: now)
    ann, ben = _caller("ann"), _caller("ben")

    first = [limits.refusal(ann) for _ in range(6)]
    refused = limits.refusal(ann)
    other = limits.refusal(ben)
    now = 9.0
    early = limits.refusal(ann)
    now = 10.0
    later = limits.refusal(ann)

    assert first == [None] * 6
    assert refused is not None
    assert (refused.status, refused.code) == (429, "too_many_requests")
    assert refused.headers == {"Retry-After": "10"}
    assert other is None
    assert early is not None
    assert early.headers == {"Retry-After": "1"}
    assert later is None


def test_a_quiet_key_saves_no_more_than_a_minutes_worth() -> None:
    now = 0.0
    limits = Limits(requests_per_minute=3, clock=lambda: now)
    limits.refusal(_caller("ann"))
    now = 10_000.0

    asked = [limits.refusal(_caller("ann")) for _ in range(4)]

    assert [one is None for one in asked] == [True, True, True, False]


def test_a_server_refuses_who_asks_too_often_and_nobody_else(tmp_path: Path) -> None:
    with live(tmp_path, limits=Limits(requests_per_minute=2)) as service:
        ann, ben, nobody = service.http(), service.http(), service.http(anonymous=True)

        asked = [ann.get("/v1/jobs") for _ in range(3)]

        assert [one.status_code for one in asked] == [200, 200, 429]
        assert asked[-1].json()["code"] == "too_many_requests"
        assert int(asked[-1].headers["retry-after"]) > 0
        assert ben.get("/v1/jobs").status_code == 200
        assert nobody.get("/healthz").status_code == 200


def test_the_client_waits_as_long_as_it_is_told(tmp_path: Path) -> None:
    now, slept = 0.0, list[float]()

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        slept.append(seconds)

    limits = Limits(requests_per_minute=1, clock=lambda: now)
    with (
        live(tmp_path, limits=limits) as service,
        Client(service.address, key=service.key(), sleep=sleep) as client,
    ):
        jobs = [client.submit(config=config_of(None), files=FILES) for _ in range(2)]

    assert len({job.job_id for job in jobs}) == 2
    assert slept == [60.0]


def test_a_workspace_has_only_so_many_jobs_that_wait_and_run(tmp_path: Path) -> None:
    with live(tmp_path, limits=Limits(jobs=2), at_once=0) as service:
        mine, theirs = service.client(workspace="mine"), service.client(workspace="theirs")
        kept = [mine.submit(config=config_of(None), files=FILES, idempotency_key=k) for k in "ab"]

        with pytest.raises(ServiceError) as caught:
            mine.submit(config=config_of(None), files=FILES, idempotency_key="c")
        again = mine.submit(config=config_of(None), files=FILES, idempotency_key="b")
        other = theirs.submit(config=config_of(None), files=FILES)
        mine.cancel(kept[0].job_id)
        after = mine.submit(config=config_of(None), files=FILES, idempotency_key="c")

        assert (caught.value.status, caught.value.code) == (429, "too_many_jobs")
        assert again.job_id == kept[1].job_id
        assert len({other.job_id, after.job_id}) == 2
        folders = {path.name for path in service.server.rules.folder.glob("job-*")}
        assert folders == {kept[0].job_id, kept[1].job_id, other.job_id, after.job_id}


def test_who_may_not_submit_more_now_is_told_when_to_look_again(tmp_path: Path) -> None:
    with live(tmp_path, limits=Limits(jobs=1), at_once=0) as service:
        http = service.http()
        body = {"config": config_of(None), "files": dict(FILES)}

        answers = [http.post("/v1/jobs", json=body) for _ in range(2)]

        assert [answer.status_code for answer in answers] == [201, 429]
        assert answers[1].headers["retry-after"] == "30"
