"""Who may do what, as a table: every route, with every kind of caller."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from judge.web import jobs
from judge.web.access import Role, all_routes
from judge.web.app import create_app
from tests.web.conftest import Live, live, submitted

ANYBODY = None
TABLE: dict[tuple[str, str], Role | None] = {
    ("POST", "/v1/jobs"): Role.SUBMIT,
    ("GET", "/v1/jobs"): Role.READ,
    ("GET", "/v1/jobs/{job_id}"): Role.READ,
    ("GET", "/v1/jobs/{job_id}/events"): Role.READ,
    ("GET", "/v1/jobs/{job_id}/results"): Role.READ,
    ("POST", "/v1/jobs/{job_id}/pause"): Role.SUBMIT,
    ("POST", "/v1/jobs/{job_id}/cancel"): Role.SUBMIT,
    ("POST", "/v1/jobs/{job_id}/resume"): Role.SUBMIT,
    ("POST", "/v1/jobs/{job_id}/retry"): Role.SUBMIT,
    ("DELETE", "/v1/jobs/{job_id}"): Role.ADMIN,
    ("GET", "/v1/runs/{run_id}/report"): Role.READ,
    ("POST", "/v1/validations"): Role.SUBMIT,
    ("GET", "/v1/validations"): Role.READ,
    ("GET", "/v1/validations/{validation_id}"): Role.READ,
    ("POST", "/v1/ratings"): Role.LABEL,
    ("GET", "/v1/ratings"): Role.READ,
    ("POST", "/v1/score"): Role.SUBMIT,
    ("GET", "/v1/audit"): Role.ADMIN,
    ("GET", "/metrics"): Role.READ,
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", "/openapi.json"): ANYBODY,
    ("GET", "/"): Role.READ,
    ("GET", "/jobs/events"): Role.READ,
    ("GET", "/jobs/{job_id}"): Role.READ,
    ("POST", "/jobs/{job_id}/{act}"): Role.SUBMIT,
    ("POST", "/demo"): Role.SUBMIT,
    ("GET", "/runs/{run_id}/examples"): Role.READ,
    ("GET", "/runs/{run_id}/examples/{place}"): Role.READ,
    ("GET", "/judges"): Role.READ,
    ("POST", "/judges"): Role.SUBMIT,
    ("GET", "/judges/{validation_id}"): Role.READ,
    ("GET", "/history"): Role.READ,
    ("GET", "/labelling"): Role.LABEL,
    ("POST", "/jobs/{job_id}/labelling"): Role.SUBMIT,
    ("GET", "/jobs/{job_id}/label"): Role.LABEL,
    ("GET", "/jobs/{job_id}/label/tasks/new"): Role.LABEL,
    ("GET", "/jobs/{job_id}/label/tasks/{number}"): Role.LABEL,
    ("PUT", "/jobs/{job_id}/label/tasks/{number}"): Role.LABEL,
    ("GET", "/keys"): Role.ADMIN,
    ("POST", "/keys"): Role.ADMIN,
    ("POST", "/keys/{key_id}/revoke"): Role.ADMIN,
    ("GET", "/audit"): Role.ADMIN,
    ("GET", "/settings"): Role.ADMIN,
    ("GET", "/enter/{token}"): ANYBODY,
    ("POST", "/enter"): ANYBODY,
    ("POST", "/leave"): ANYBODY,
    ("GET", "/style.css"): ANYBODY,
    ("GET", "/page.js"): ANYBODY,
    ("GET", "/jobs.js"): ANYBODY,
    ("GET", "/examples.js"): ANYBODY,
    ("GET", "/label.css"): ANYBODY,
    ("GET", "/label.js"): ANYBODY,
}
GUARDED = {asked: role for asked, role in TABLE.items() if role is not None}
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get")
ELSEWHERE = (
    *("/docs", "/redoc", "/admin", "/.env", "/.git/config", "/v1", "/v1/", "/v1/keys", "/v2/jobs"),
    *("/static/../../etc/passwd", "/style.css/../../keys", "/%2e%2e/%2e%2e/etc/passwd"),
    *("/v1/jobs/../audit", "/v1/jobs/%2e%2e/audit", "/v1//jobs", "//v1/jobs", "/v1/jobs/"),
    *("/v1/jobs/x/../../audit", "/V1/JOBS", "/v1/jobs%00", "/v1/jobs;x=1", "/v1/jobs.json"),
    *("/jobs/..%2fkeys", "/keys/", "/keys%20", "/settings/x", "/runs/x/report.html"),
)


@dataclass(frozen=True)
class Known:
    """A service with a job of one workspace that is over, and a labelling of it."""

    service: Live
    http: httpx2.Client
    names: dict[str, str]

    def path(self, template: str) -> str:
        """Return a path of something there is."""
        return template.format(**self.names)

    def status(self, method: str, template: str, key: str | None) -> int:
        """Ask, and return how it is answered; a stream is not read."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        with self.http.stream(method, self.path(template), headers=headers) as answer:
            return answer.status_code


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Known]:
    """Run a service with a job."""
    with live(tmp_path_factory.mktemp("authorisation")) as service:
        job = submitted(service.client())
        names = {
            "job_id": job.job_id,
            "run_id": job.run_id,
            "validation_id": "validation-1",
            "act": "pause",
            "number": "0",
            "place": "0",
            "key_id": service.server.store.service.key_rows()[0].key_id,
            "token": "guess",
        }
        yield Known(service, service.http(anonymous=True), names)


def _routes(app: FastAPI) -> set[tuple[str, str]]:
    return {
        (method, route.path)
        for route in all_routes(app.routes)
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }


def test_the_table_names_every_route_there_is(known: Known) -> None:
    assert _routes(create_app(known.service.server)) == set(TABLE)


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_who_has_no_key_that_holds_is_told_nothing(known: Known, method: str, path: str) -> None:
    keys = known.service.server.keys
    row, revoked = keys.create(name="gone", workspace="default", roles=list(Role))
    keys.revoke(row.key_id)
    expired = known.service.key(days=-1)
    changed = revoked[:-1] + ("a" if revoked[-1] != "a" else "b")

    answers = [
        known.status(method, path, key)
        for key in (None, "garbage", "jk_000000000000_x", revoked, expired, changed)
    ]

    assert answers == [401] * len(answers)


@pytest.mark.parametrize(("method", "path"), GUARDED)
def test_each_role_may_do_what_the_table_says_and_nothing_else(
    known: Known, method: str, path: str
) -> None:
    needed = GUARDED[method, path]

    refused = {
        role
        for role in Role
        # Another workspace: what is allowed finds nothing there, and so changes nothing.
        if known.status(method, path, known.service.key(role, workspace="empty")) == 403
    }

    assert refused == set(Role) - {needed, Role.ADMIN}


@pytest.mark.parametrize(
    ("method", "path"), [asked for asked in GUARDED if "{" in asked[1] and "key_id" not in asked[1]]
)
def test_what_is_anothers_is_not_there(known: Known, method: str, path: str) -> None:
    theirs = known.status(method, path, known.service.key(workspace="other"))
    nobodys = replace(known, names=dict.fromkeys(known.names, "0") | {"act": "pause"})

    assert theirs in {404, 422}
    assert theirs == nobodys.status(method, path, nobodys.service.key(workspace="other"))
    assert known.status("GET", "/v1/jobs/{job_id}", known.service.key()) == 200


def test_a_key_of_another_workspace_is_not_to_be_revoked(known: Known) -> None:
    victim = known.service.key()

    found = known.status("POST", "/keys/{key_id}/revoke", known.service.key(workspace="other"))

    assert found in {403, 404}
    assert known.status("GET", "/v1/jobs", victim) == 200


def test_lists_of_one_workspace_hold_nothing_of_another(known: Known) -> None:
    http = known.service.http(workspace="other")

    told = [
        http.get(path).text
        for method, path in GUARDED
        if method == "GET" and "{" not in path and not path.endswith("/events")
    ]

    assert known.names["job_id"] not in "".join(told)
    assert known.names["run_id"] not in "".join(told)


def test_whatever_else_is_asked_without_a_key_opens_nothing(known: Known) -> None:
    asked = product(METHODS, (*ELSEWHERE, *{known.path(path) for _, path in GUARDED}))

    answers = {(method, path): known.http.request(method, path) for method, path in asked}

    wrong = {
        one: answer.status_code
        for one, answer in answers.items()
        if answer.status_code not in {400, 401, 404, 405, 421}
    }
    assert not wrong
    assert not any(known.names["run_id"] in answer.text for answer in answers.values())


def test_whatever_else_is_asked_with_a_key_is_not_there(known: Known) -> None:
    http = known.service.http(Role.READ)

    answers = {path: http.get(path).status_code for path in ELSEWHERE}

    # A path is what it says after it is put in order, and read as nobody else's.
    assert {
        path: status for path, status in answers.items() if status not in {400, 403, 404, 405}
    } == {}


def test_a_route_that_says_nothing_keeps_a_service_from_starting(known: Known) -> None:
    @jobs.router.get("/forgotten/by/all")
    def forgotten() -> str:
        return "open"

    try:
        with pytest.raises(AssertionError, match="/v1/jobs/forgotten/by/all"):
            create_app(known.service.server)
    finally:
        jobs.router.routes.pop()
