import socket
from urllib.parse import urlsplit

import pytest

from judge.web.patience import PatientProtocol
from tests.web.conftest import Live

HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def _connected(service: Live) -> socket.socket:
    address = urlsplit(service.address)
    connection = socket.create_connection((address.hostname, address.port), timeout=30)
    service.exits.enter_context(connection)
    return connection


@pytest.mark.parametrize("before", [b"", HEAD + b"\r\n"], ids=["at once", "after an answer"])
def test_a_head_that_never_ends_is_waited_for_so_long_and_no_longer(
    service: Live, before: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "head_s", 0.2)
    connection = _connected(service)
    if before:
        connection.sendall(before)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")

    connection.sendall(HEAD)

    while connection.recv(65536):  # the rest of the first answer
        pass


def test_a_request_that_is_being_answered_is_left_to_the_guard(
    service: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "head_s", 0.2)
    key = service.key()
    connection = _connected(service)
    body = b'{"config": "x"}'
    head = f"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n"
    connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode())
    connection.settimeout(0.5)  # longer than a head may take
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(30)

    connection.sendall(body)

    assert connection.recv(65536).startswith(b"HTTP/1.1 422")
