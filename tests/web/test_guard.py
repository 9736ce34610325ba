import asyncio
import http.client
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from starlette.types import Message, Receive, Scope, Send

from judge.web.access import Role
from judge.web.guard import Guard
from tests.web.conftest import Live


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "a b"])
def test_a_request_to_another_name_is_refused(service: Live, host: str) -> None:
    answer = service.http(Role.READ).get("/v1/jobs", headers={"Host": host})

    assert answer.status_code in {400, 421}


def test_a_page_of_another_origin_may_not_write(service: Live) -> None:
    http = service.http()

    foreign = http.post("/v1/jobs", json={}, headers={"Origin": "https://evil.example"})
    own = http.post("/v1/jobs", json={}, headers={"Origin": service.address})

    assert (foreign.status_code, foreign.json()["code"]) == (403, "foreign_origin")
    assert own.json()["code"] == "request_invalid"


def test_a_body_that_is_said_to_be_too_large_is_not_read(service: Live) -> None:
    status, code = _sent(service, {"Content-Length": str(64 * 1024 * 1024)})

    assert (status, code) == (413, "body_too_large")


def test_a_body_that_turns_out_too_large_is_not_kept(service: Live) -> None:
    parts = [b'{"config": "' + b"x" * (1 << 20)] * 40

    status, code = _sent(service, {"Transfer-Encoding": "chunked"}, parts)

    assert (status, code) == (413, "body_too_large")


def test_whoever_has_no_key_has_no_body_read(service: Live) -> None:
    headers = {"Content-Length": "30000000", "Authorization": "Bearer jk_x_y"}

    status, code = _sent(service, headers)  # none of it is sent

    assert (status, code) == (401, "unauthenticated")


def _sent(
    service: Live, headers: Mapping[str, str], parts: Sequence[bytes] = ()
) -> tuple[int, str]:
    where = urlsplit(service.address)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
    connection.putrequest("POST", "/v1/jobs")
    own = {"Authorization": f"Bearer {service.key()}", "Content-Type": "application/json"}
    for name, value in {**own, **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    with suppress(ConnectionError):  # it need not hear all of it
        for part in parts:
            connection.send(b"%x\r\n%b\r\n" % (len(part), part))
    answer = connection.getresponse()
    said = json.loads(answer.read())
    connection.close()
    return answer.status, said["code"]


def test_a_compressed_body_is_refused_before_it_is_unpacked(service: Live) -> None:
    answer = service.http().post("/v1/jobs", content=b"x", headers={"Content-Encoding": "gzip"})

    assert (answer.status_code, answer.json()["code"]) == (415, "encoded_body")


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b'"text"', b"null"])
def test_a_malformed_body_is_a_4xx_that_says_so(service: Live, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}

    answer = service.http().post("/v1/jobs", content=body, headers=headers)

    assert answer.status_code in {400, 422}
    assert answer.json()["code"] in {"bad_request", "request_invalid"}
    assert "Traceback" not in answer.text


def test_every_answer_forbids_scripts_of_others_and_frames(service: Live) -> None:
    http = service.http()

    for path in ("/", "/v1/jobs", "/healthz", "/nothing"):
        headers = http.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_a_body_that_does_not_come_is_answered_in_time(service: Live) -> None:
    sent: list[Message] = []

    async def routes(scope: Scope, receive: Receive, send: Send) -> None:
        del scope, send
        await receive()

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("nothing comes")

    async def send(message: Message) -> None:
        sent.append(message)

    guard = Guard(
        routes,
        hosts={"127.0.0.1"},
        knows=lambda _: True,
        metrics=service.server.metrics,
        request_s=0.05,
    )
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/score",
        "headers": [(b"host", b"127.0.0.1"), (b"content-length", b"500")],
    }

    asyncio.run(guard(scope, receive, send))

    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["code"] == "too_slow"
