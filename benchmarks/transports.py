"""HTTP clients under a judge's load: CPU per call and calls per second, on one core.

Every client posts the same chat request to the same local server, which answers each after a
fixed latency, and reads the text of the answer. The server runs in a process and on a core of its
own. The first row is the limit: an asyncio protocol that does nothing but write and read bytes.
`Poster` is the transport of `OpenAIChat`, which also reads the whole answer strictly.
Prints the median of interleaved repeats. With --tls the server speaks TLS 1.3 under a certificate
that `openssl` makes for it.
"""

import argparse
import asyncio
import gc
import multiprocessing
import os
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TypeAlias, cast
from urllib.parse import urlsplit

import msgspec
from rich.console import Console
from rich.table import Table

from judge.models.chat import ChatCall, Message, ReplyFormat, Sampling
from judge.models.door import Address, origin_of, request_head
from judge.models.openai import OpenAIChat
from judge.models.posting import Poster
from judge.testing import chat_completion, verdict

Ask: TypeAlias = Callable[[], Awaitable[str]]
Opener: TypeAlias = Callable[[str, int], AbstractAsyncContextManager[Ask]]

KEY = "sk-benchmark"
HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
SCHEMA = (
    '{"type":"object","properties":{"rationale":{"type":"string"},'
    '"verdict":{"enum":["equivalent","different"]}},"required":["rationale","verdict"]}'
)
MESSAGES = (
    Message(role="system", content="You judge whether two answers say the same. " * 20),
    Message(role="user", content="An answer of a student, and a reference. " * 40),
)
BODY = {
    "model": "fake-judge",
    "messages": [msgspec.to_builtins(message) for message in MESSAGES],
    "max_tokens": 1024,
    "temperature": 0.0,
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "verdict",
            "strict": True,
            "schema": msgspec.json.decode(SCHEMA),
        },
    },
}
CONTENT = msgspec.json.encode(chat_completion(verdict("equivalent")))
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (
    len(CONTENT),
    CONTENT,
)
HEAD_END = b"\r\n\r\n"
MAX_BYTES = 8 * 1024 * 1024


class _Message(msgspec.Struct):
    content: str


class _Choice(msgspec.Struct):
    message: _Message


class _Envelope(msgspec.Struct):
    choices: list[_Choice]


@dataclass(slots=True, kw_only=True)
class Measured:
    """What one client did in the repeats of one setting."""

    cpu_ms: list[float] = field(default_factory=list)
    per_s: list[float] = field(default_factory=list)
    failed: str = ""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, nargs="+", default=[32, 256, 1024])
    parser.add_argument("--latency-s", type=float, default=0.05)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default=None)
    parser.add_argument("--clients", nargs="+", choices=sorted(CLIENTS), default=list(CLIENTS))
    arguments = parser.parse_args()
    loop = arguments.loop or ("uvloop" if find_spec("uvloop") else "asyncio")
    clients = [name for name in arguments.clients if find_spec(NEEDS.get(name, "judge"))]
    table = Table("connections", "client", "CPU ms per call", "calls/s", "share of the limit")
    with (
        _certificate(wanted=arguments.tls) as certificate,
        _server(arguments.latency_s, certificate) as base_url,
    ):
        _take_core(0)
        for connections in arguments.connections:
            found = {name: Measured() for name in clients}
            for _ in range(arguments.repeats):
                for name, one in found.items():
                    if not one.failed:
                        load = _load(CLIENTS[name], base_url, connections, arguments.seconds, one)
                        _run(load, one, loop)
            for name, one in found.items():
                table.add_row(str(connections), name, *_cells(one, connections, arguments))
    how = f"{loop}{', TLS' if arguments.tls else ''}, {1000 * arguments.latency_s:g} ms a call"
    Console().print(f"{how}, one core", table)


def _run(load: Coroutine[None, None, None], into: Measured, loop: str) -> None:
    try:
        with asyncio.Runner(loop_factory=_loop_factory(loop)) as runner:
            runner.run(load)
    except Exception as error:  # noqa: BLE001 - a client that gives up under load is a result too
        into.failed = type(error).__name__
    gc.collect()


def _cells(one: Measured, connections: int, arguments: argparse.Namespace) -> tuple[str, str, str]:
    if one.failed:
        return one.failed, "", ""
    calls = median(one.per_s)
    share = calls * arguments.latency_s / connections
    return f"{median(one.cpu_ms):.3f}", f"{calls:,.0f}", f"{share:.0%}"


async def _load(
    opener: Opener, base_url: str, connections: int, seconds: float, into: Measured
) -> None:
    calls = 0

    async def work(ask: Ask) -> None:
        nonlocal calls
        while time.perf_counter() < until:
            await ask()
            calls += 1

    async with opener(base_url, connections) as ask:
        await asyncio.gather(*(ask() for _ in range(connections)))  # opens the connections
        cpu, started = time.process_time(), time.perf_counter()
        until = started + seconds
        async with asyncio.TaskGroup() as workers:
            for _ in range(connections):
                workers.create_task(work(ask))
        into.cpu_ms.append(1000 * (time.process_time() - cpu) / calls)
        into.per_s.append(calls / (time.perf_counter() - started))


class _RawProtocol(asyncio.Protocol):
    """Writes a request, waits for the whole answer, and knows nothing else of HTTP."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[bytes] | None = None
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # it is one: TCP

    def data_received(self, data: bytes) -> None:
        self._read += data
        if len(self._read) == len(ANSWER) and self._answer is not None:
            body, self._read = self._read.partition(HEAD_END)[2], b""
            self._answer.set_result(body)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionResetError())

    def post(self, request: bytes) -> Awaitable[bytes]:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer


@asynccontextmanager
async def _raw(base_url: str, connections: int) -> AsyncIterator[Ask]:
    loop = asyncio.get_running_loop()
    address = urlsplit(base_url)
    host, port = address.hostname or "", address.port or 0
    tls = ssl.create_default_context() if address.scheme == "https" else None
    free = [
        (await loop.create_connection(_RawProtocol, host, port, ssl=tls))[1]
        for _ in range(connections)
    ]
    everyone = list(free)
    body = msgspec.json.encode(BODY)
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body

    async def ask() -> str:
        connection = free.pop()
        answer = await connection.post(request)
        free.append(connection)
        return _text(answer)

    try:
        yield ask
    finally:
        for connection in everyone:
            connection._transport.abort()  # noqa: SLF001 - its own module
        await asyncio.sleep(0.1)


@asynccontextmanager
async def _poster(base_url: str, connections: int) -> AsyncIterator[Ask]:
    address = Address(url=f"{base_url}/chat/completions", headers=HEADERS)
    poster = Poster(origin_of(base_url), connections=connections)
    head = request_head(address)

    async def ask() -> str:
        body = msgspec.json.encode(BODY)
        return _text((await poster.post(b"%b%d\r\n\r\n%b" % (head, len(body), body))).body)

    try:
        yield ask
    finally:
        await poster.close()


@asynccontextmanager
async def _pyreqwest(base_url: str, connections: int, *, capped: bool) -> AsyncIterator[Ask]:
    from pyreqwest.client import ClientBuilder

    builder = ClientBuilder().no_proxy().follow_redirects(enable=False)
    builder = builder.max_connections(connections).default_headers(HEADERS)
    url = f"{base_url}/chat/completions"
    async with builder.build() as client:

        async def ask_whole() -> str:
            request = client.post(url).body_bytes(msgspec.json.encode(BODY)).build()
            response = await request.send()
            return _text((await response.bytes()).to_bytes())

        async def ask_capped() -> str:
            request = client.post(url).body_bytes(msgspec.json.encode(BODY)).build_streamed()
            parts, left = [], MAX_BYTES
            async with request as response:
                while (part := await response.body_reader.read_chunk()) is not None:
                    left -= len(part)
                    if left < 0:
                        raise ValueError("the answer is too large")
                    parts.append(part.to_bytes())
            return _text(b"".join(parts))

        yield ask_capped if capped else ask_whole


@asynccontextmanager
async def _aiohttp(base_url: str, connections: int) -> AsyncIterator[Ask]:
    import aiohttp

    url = f"{base_url}/chat/completions"
    connector = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=connector, headers=HEADERS) as session:

        async def ask() -> str:
            body = msgspec.json.encode(BODY)
            async with session.post(url, data=body, allow_redirects=False) as response:
                return _text(await response.read())

        yield ask


@asynccontextmanager
async def _openai_post(base_url: str, connections: int) -> AsyncIterator[Ask]:
    import httpx2
    import openai

    limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
    http = httpx2.AsyncClient(limits=limits, timeout=None, follow_redirects=False)
    async with openai.AsyncOpenAI(
        base_url=base_url, api_key=KEY, max_retries=0, http_client=http
    ) as client:

        async def ask() -> str:
            response = await client.post("/chat/completions", body=BODY, cast_to=httpx2.Response)
            return _text(response.content)

        yield ask


@asynccontextmanager
async def _openai_default(base_url: str, connections: int) -> AsyncIterator[Ask]:
    del connections  # its own default is 1,000
    import openai

    async with openai.AsyncOpenAI(base_url=base_url, api_key=KEY, max_retries=0) as client:

        async def ask() -> str:
            reply = await client.chat.completions.create(
                model="fake-judge",
                messages=[
                    {"role": "system", "content": MESSAGES[0].content},
                    {"role": "user", "content": MESSAGES[1].content},
                ],
                max_tokens=1024,
                temperature=0.0,
            )
            return reply.choices[0].message.content or ""

        yield ask


@asynccontextmanager
async def _ours(base_url: str, connections: int) -> AsyncIterator[Ask]:
    call = ChatCall(
        call_id="one",
        messages=MESSAGES,
        sampling=Sampling(),
        reply_schema=SCHEMA,
    )
    chat = OpenAIChat(
        "fake-judge",
        base_url=base_url,
        api_key=KEY,
        reply_format=ReplyFormat.JSON_SCHEMA,
        connections=connections,
    )

    async def ask() -> str:
        return (await chat.complete(call)).text

    try:
        yield ask
    finally:
        await chat.close()


CLIENTS: dict[str, Opener] = {
    "limit: raw protocol": _raw,
    "judge: Poster": _poster,
    "judge: OpenAIChat": _ours,
    "pyreqwest, whole body": partial(_pyreqwest, capped=False),
    "pyreqwest, capped body": partial(_pyreqwest, capped=True),
    "aiohttp + msgspec": _aiohttp,
    "openai .post": _openai_post,
    "openai as documented": _openai_default,
}
NEEDS = {
    "pyreqwest, whole body": "pyreqwest",
    "pyreqwest, capped body": "pyreqwest",
    "aiohttp + msgspec": "aiohttp",
}


class _Answering(asyncio.Protocol):
    """Answers each request of a keep-alive connection after a fixed latency."""

    def __init__(self, latency_s: float) -> None:
        self._latency_s = latency_s
        self._read = b""
        self._later = asyncio.get_running_loop().call_later

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # it is one: TCP

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(HEAD_END)
        if not end:
            return
        _, _, after = head.lower().partition(b"content-length:")
        if len(body) >= int(after.partition(b"\r\n")[0]):
            self._read = b""
            self._later(self._latency_s, self._transport.write, ANSWER)


@contextmanager
def _certificate(*, wanted: bool) -> Iterator[Path | None]:
    """Make a certificate for the server, and let every client here trust who signed it."""
    if not wanted:
        yield None
        return
    new = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    with TemporaryDirectory() as folder:
        path = Path(folder)
        (path / "ext").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE")
        for words in (
            f"req -x509 {new} -days 2 -subj /CN=signer -out ca.pem -keyout ca.key",
            f"req {new} -subj /CN=server -out server.csr -keyout server.key",
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -extfile ext -out server.pem",
        ):
            command = ["openssl", *words.split()]
            subprocess.run(command, cwd=path, check=True, capture_output=True)  # noqa: S603 - ours
        os.environ["SSL_CERT_FILE"] = str(path / "ca.pem")
        yield path / "server.pem"


@contextmanager
def _server(latency_s: float, certificate: Path | None) -> Iterator[str]:
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(latency_s, certificate, theirs), daemon=True)
    process.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{ours.recv()}/v1"
    finally:
        process.kill()
        process.join()


def _serve(latency_s: float, certificate: Path | None, ready: Connection) -> None:
    tls = None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, certificate.with_suffix(".key"))

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(
            partial(_Answering, latency_s), "127.0.0.1", 0, backlog=4096, ssl=tls
        )
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    _take_core(1)
    with asyncio.Runner(loop_factory=_loop_factory("uvloop")) as runner:
        runner.run(serve())


def _loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop]:
    if name == "uvloop" and find_spec("uvloop"):
        import uvloop

        return uvloop.new_event_loop
    return asyncio.new_event_loop


def _take_core(number: int) -> None:
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > number:
        os.sched_setaffinity(0, {number})


def _text(content: bytes) -> str:
    return msgspec.json.decode(content, type=_Envelope).choices[0].message.content


if __name__ == "__main__":
    main()
