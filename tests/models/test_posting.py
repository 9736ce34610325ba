import asyncio
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from judge.errors import JudgeRejected, JudgeUnavailable, JudgeUnparseable, ScoringError
from judge.models.posting import MAX_BODY_BYTES, Poster, Reply
from judge.testing import FakeEndpoint

REQUEST = b"POST /v1 HTTP/1.1\r\nHost: here\r\nContent-Length: 2\r\n\r\n{}"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine"

Script = Callable[["Server", asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class Server:
    """A TCP server that answers each request as scripted, in the loop of its client."""

    script: Script
    origin: str = ""
    requests: int = 0
    connections: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    client_left: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while not writer.is_closing():
                await reader.readexactly(len(REQUEST))
                self.requests += 1
                self.asked.set()
                await self.script(self, writer)
                await writer.drain()
        self.client_left.set()
        writer.close()


@asynccontextmanager
async def serving(script: Script, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    ours = Server(script=script)
    listening = await asyncio.start_server(ours.answer, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    ours.origin = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    async with listening:
        yield ours


@asynccontextmanager
async def posting(origin: str, *, longest_idle_s: float = 4.0) -> AsyncIterator[Poster]:
    poster = Poster(origin, connections=1, longest_idle_s=longest_idle_s)
    try:
        yield poster
    finally:
        await poster.close()


async def turns() -> None:
    """Let both ends, which share a loop, see what the other one did."""
    for _ in range(20):
        await asyncio.sleep(0)


def sending(*parts: bytes, leave: bool = False) -> Script:
    async def script(_: Server, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        if leave:
            writer.close()

    return script


def answers(script: Script, *, n: int = 1, longest_idle_s: float = 4.0) -> tuple[list[Reply], int]:
    """Return the answers to requests sent one after another, and the connections they took."""

    async def ask() -> tuple[list[Reply], int]:
        async with serving(script) as server:
            async with posting(server.origin, longest_idle_s=longest_idle_s) as poster:
                replies = []
                for _ in range(n):
                    replies.append(await poster.post(REQUEST))
                    await turns()
            assert server.requests == n
            return replies, server.connections

    return asyncio.run(ask())


def failure(script: Script) -> ScoringError:
    with pytest.raises(ScoringError) as caught:
        answers(script)
    return caught.value


@pytest.mark.parametrize(
    "script",
    [
        sending(OK),
        sending(*(bytes([byte]) for byte in OK)),
        sending(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"2\r\nfi\r\n",
            b"2;a=b\r\nne\r\n0\r\nTrailer: x\r\n\r\n",
        ),
        sending(b"HTTP/1.1 100 Continue\r\n\r\n" + OK),
        sending(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", OK),
        sending(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nfi", b"ne", leave=True),
        sending(b"HTTP/1.0 200 OK\r\n\r\nfine", leave=True),
        sending(b"HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\nContent-Length: 4\r\n\r\nfine"),
    ],
)
def test_an_answer_is_read_whole_however_it_is_cut(script: Script) -> None:
    (reply,), _ = answers(script)

    assert (reply.status, reply.body) == (200, b"fine")


def test_headers_are_found_by_their_name_in_lower_case() -> None:
    script = sending(b"HTTP/1.1 204 No\r\nRetry-After:  7 \r\nX-A: 1\r\nx-a: 2\r\n\r\n")

    (reply,), _ = answers(script)

    assert (reply.header("retry-after"), reply.header("x-a"), reply.header("date")) == (
        "7",
        "1, 2",
        "",
    )


@pytest.mark.parametrize(
    ("script", "longest_idle_s", "connections"),
    [
        (sending(OK), 4.0, 1),
        (sending(OK), 0.0, 3),
        (sending(OK.replace(b"Content", b"Connection: close\r\nContent")), 4.0, 3),
        (sending(OK, leave=True), 4.0, 3),
        # What follows an answer is not taken for the answer to the next request.
        (sending(OK + OK), 4.0, 3),
        (sending(OK + b"HTTP/1.1 200 OK\r\n"), 4.0, 3),
    ],
)
def test_a_connection_is_used_again_only_where_nothing_is_wrong_with_it(
    script: Script, longest_idle_s: float, connections: int
) -> None:
    replies, opened = answers(script, n=3, longest_idle_s=longest_idle_s)

    assert [reply.body for reply in replies] == [b"fine"] * 3
    assert opened == connections


def test_bytes_that_nobody_asked_for_end_a_connection() -> None:
    async def ask() -> int:
        async with serving(sending(OK)) as server, posting(server.origin) as poster:
            await poster.post(REQUEST)
            server.script = sending(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", OK)
            await asyncio.sleep(0)
            return (await poster.post(REQUEST)).status

    assert asyncio.run(ask()) == 200


@pytest.mark.parametrize(
    "script",
    [
        sending(leave=True),
        sending(OK[:10], leave=True),
        sending(OK[:-1], leave=True),
        sending(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfi\r\n", leave=True),
        sending(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nfi\r\n"),
        sending(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nfine!"),
        sending(b"SSH-2.0-OpenSSH_9.6\r\n"),
        sending(b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nfine"),
    ],
)
def test_a_connection_that_breaks_may_have_cost_money_and_may_be_tried_again(
    script: Script,
) -> None:
    error = failure(script)

    assert isinstance(error, JudgeUnavailable)
    assert error.possibly_paid


def test_a_request_that_found_no_connection_cost_nothing() -> None:
    async def ask() -> None:
        async with serving(sending(OK)) as server:
            pass
        async with posting(server.origin) as poster:
            await poster.post(REQUEST)

    with pytest.raises(JudgeUnavailable, match="no connection to http://127") as caught:
        asyncio.run(ask())

    assert not caught.value.possibly_paid


def flood(head: bytes, part: bytes) -> Script:
    async def script(_: Server, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:  # until the client goes
            writer.write(part)
            await writer.drain()

    return script


@pytest.mark.parametrize(
    "script",
    [
        sending(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1)),
        flood(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 65536),
        flood(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"10000\r\n%b\r\n" % (b" " * 65536),
        ),
        flood(b"HTTP/1.1 200 OK\r\n", b"X-Flood: %b\r\n" % (b"x" * 1000)),
        flood(b"HTTP/1.1 200 OK\r\nX-Flood: ", b"x" * 65536),
    ],
)
def test_a_flood_is_cut_and_its_connection_closed(script: Script) -> None:
    error = failure(script)

    assert isinstance(error, JudgeUnparseable)
    assert "larger than" in str(error)
    assert error.possibly_paid


async def hang(_: Server, writer: asyncio.StreamWriter) -> None:
    del writer


async def drip(server: Server, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    server.script = hang


@pytest.mark.parametrize("script", [hang, drip])
def test_a_cancelled_request_closes_its_connection_and_frees_its_place(script: Script) -> None:
    async def ask() -> bytes:
        async with serving(script) as server, posting(server.origin) as poster:
            given_up = asyncio.create_task(poster.post(REQUEST))
            await server.asked.wait()
            given_up.cancel()
            with pytest.raises(asyncio.CancelledError):
                await given_up
            async with asyncio.timeout(10):
                await server.client_left.wait()
            server.script = sending(OK)
            return (await poster.post(REQUEST)).body

    assert asyncio.run(ask()) == b"fine"


def test_a_request_that_waits_for_a_place_can_be_given_up() -> None:
    async def ask() -> int:
        async with serving(hang) as server, posting(server.origin) as poster:
            first = asyncio.create_task(poster.post(REQUEST))
            second = asyncio.create_task(poster.post(REQUEST))
            await server.asked.wait()
            for task in (second, first):
                task.cancel()
            await asyncio.wait([first, second])
            return server.requests

    assert asyncio.run(ask()) == 1


def test_no_proxy_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeEndpoint() as proxy, FakeEndpoint() as endpoint:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.base_url)

        async def ask() -> int:
            async with posting(endpoint.base_url.removesuffix("/v1")) as poster:
                return (await poster.post(REQUEST)).status

        assert asyncio.run(ask()) == 200
        assert proxy.requests == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for 127.0.0.1 that nobody trusts, and its key beside it."""
    if (openssl := shutil.which("openssl")) is None:
        pytest.skip("making a certificate needs openssl")
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    words = (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        f"-subj /CN=test -addext subjectAltName=IP:127.0.0.1 -out {path} -keyout {path}.key"
    )
    subprocess.run([openssl, *words.split()], check=True, capture_output=True)
    return path


def test_nothing_is_sent_to_an_endpoint_whose_certificate_is_not_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, f"{certificate}.key")

    async def ask() -> tuple[Reply, int]:
        async with serving(sending(OK), tls=tls) as server:
            async with posting(server.origin) as poster:
                with pytest.raises(JudgeRejected, match=r"certificate .* is not trusted"):
                    await poster.post(REQUEST)
            requests = server.requests
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            async with posting(server.origin) as poster:
                return await poster.post(REQUEST), requests

    reply, requests_untrusted = asyncio.run(ask())

    assert requests_untrusted == 0
    assert reply.body == b"fine"
