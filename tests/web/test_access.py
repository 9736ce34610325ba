from pathlib import Path

import pytest

from judge.errors import ConfigError
from judge.web.access import SESSION_S, KeyRing, Links, NoKeys, Role, read_pepper
from tests.web.conftest import Live

PROTECTED = [
    ("GET", "/v1/jobs"),
    ("POST", "/v1/jobs"),
    ("GET", "/v1/jobs/job-1"),
    ("GET", "/v1/jobs/job-1/events"),
    ("GET", "/v1/jobs/job-1/results"),
    ("POST", "/v1/jobs/job-1/pause"),
    ("POST", "/v1/jobs/job-1/cancel"),
    ("POST", "/v1/jobs/job-1/resume"),
    ("POST", "/v1/jobs/job-1/retry"),
    ("DELETE", "/v1/jobs/job-1"),
    ("GET", "/v1/runs/x/report"),
    ("POST", "/v1/score"),
    ("POST", "/v1/ratings"),
    ("GET", "/v1/ratings?job_id=job-1"),
    ("POST", "/v1/validations"),
    ("GET", "/v1/validations"),
    ("GET", "/v1/validations/validation-1"),
    ("GET", "/v1/audit"),
    ("GET", "/metrics"),
    ("GET", "/"),
    ("GET", "/jobs/job-1"),
    ("GET", "/jobs/events"),
    ("POST", "/jobs/job-1/pause"),
    ("POST", "/demo"),
]


def test_nothing_of_a_workspace_is_told_without_a_key(service: Live) -> None:
    http = service.http(anonymous=True)

    answers = [
        http.request(method, path, content=b"{", headers=headers)
        for method, path in PROTECTED
        for headers in (
            {},
            {"Authorization": "Bearer jk"},
            {"Authorization": "Bearer jk_000000000000_guess"},
            {"Authorization": "Basic dTpw"},
            {"Cookie": "judge_session=guess"},
        )
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.json()["code"] for answer in answers} == {"unauthenticated"}


def test_a_key_of_another_secret_of_the_same_id_opens_nothing(service: Live) -> None:
    key = service.key()

    assert service.server.keys.caller(key) is not None
    assert service.server.keys.caller(key[:-1] + ("a" if key[-1] != "a" else "b")) is None
    assert service.server.keys.caller(key.replace("jk_", "jk-")) is None


def test_a_revoked_key_opens_nothing_any_more(service: Live) -> None:
    row, key = service.server.keys.create(name="x", workspace="w", roles=[Role.READ])
    headers = {"Authorization": f"Bearer {key}"}
    http = service.http(anonymous=True)
    before = http.get("/v1/jobs", headers=headers).status_code

    service.server.keys.revoke(row.key_id)

    assert (before, http.get("/v1/jobs", headers=headers).status_code) == (200, 401)


def test_an_expired_key_opens_nothing(service: Live) -> None:
    _, key = service.server.keys.create(name="x", workspace="w", roles=[Role.READ], days=-1)

    assert service.server.keys.caller(key) is None


def test_the_key_itself_is_kept_nowhere(service: Live) -> None:
    key = service.key()

    row = service.server.store.service.key_rows()[-1]

    assert key.split("_", 2)[2].encode() not in repr(row).encode()
    files = [one for one in service.server.rules.folder.parent.rglob("*") if one.is_file()]
    assert all(key.encode() not in one.read_bytes() for one in files)


def test_a_copy_of_the_database_opens_nothing_under_another_secret(service: Live) -> None:
    key = service.key()

    other = KeyRing(service.server.store.service, bytes(32))

    assert other.caller(key) is None


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "service" / "key-secret"

    made = read_pepper(path)

    assert read_pepper(path) == made
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_secret_that_was_cut_is_refused_and_not_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "key-secret"
    path.write_bytes(b"short")

    with pytest.raises(ConfigError, match="not the secret"):
        read_pepper(path)

    assert path.read_bytes() == b"short"


def test_a_link_opens_one_session() -> None:
    links = Links()
    link = links.new_link()

    session = links.open(link)

    assert session is not None
    assert links.caller(session, NoKeys()) is not None
    assert links.open(link) is None
    assert links.open("guess") is None
    assert links.caller("guess", NoKeys()) is None


def test_a_session_is_over_after_its_time_and_when_it_is_closed() -> None:
    now = 0.0
    links = Links(clock=lambda: now)
    first, second = (links.open(links.new_link()) or "" for _ in range(2))

    links.close(second)

    assert links.caller(first, NoKeys()) is not None
    assert links.caller(second, NoKeys()) is None
    now = SESSION_S
    assert links.caller(first, NoKeys()) is None
