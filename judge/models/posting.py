"""POST requests to one origin over kept connections: the little of HTTP/1.1 that a judge needs."""

import asyncio
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from judge.errors import JudgeRejected, JudgeUnavailable, JudgeUnparseable, ScoringError
from judge.models.room import Room

MAX_BODY_BYTES = 8 * 1024 * 1024

_MAX_HEAD_BYTES = 1024 * 1024
# Servers let an idle connection go after 5 s (uvicorn, Node) or later. Of a request that meets a
# connection just being closed nobody can tell whether it was received.
_LONGEST_IDLE_S = 4.0
_FINAL = 200  # answers below are interim: RFC 9110, section 15.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as received.

    Attributes:
        headers: names in lower case; values of a name that came twice are joined by ``, ``.
        arrivals: how many bytes of the body were there, and when by `time.perf_counter`, in order.
    """

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    arrivals: tuple[tuple[int, float], ...] = ()

    def header(self, name: str) -> str:
        """Return a header, or an empty text."""
        return self.headers.get(name.encode(), b"").decode("latin-1").strip()


class Poster:
    """Sends requests to one origin, each over a connection that carries nothing else meanwhile.

    No redirect is followed, no proxy is taken from the environment, no certificate is trusted
    that the machine does not trust, nothing is sent a second time. A cancelled request closes its
    connection at once, so that an endpoint that hangs or drips holds nothing.

    Args:
        origin: scheme, host and port.
        connections: most of them open at once.
        longest_idle_s: an older connection is not used again.
    """

    def __init__(
        self, origin: str, *, connections: int, longest_idle_s: float = _LONGEST_IDLE_S
    ) -> None:
        parts = urlsplit(origin)
        self._origin = origin
        self._host = parts.hostname or ""
        self._secure = parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        self._longest_idle_s = longest_idle_s
        self._room = Room(connections)
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()
        self._tls: ssl.SSLContext | None = None

    async def post(self, request: bytes) -> Reply:
        """Send a request, head and body, and return the answer to it.

        Raises:
            JudgeUnavailable: there was no connection, or it broke.
            JudgeRejected: the endpoint's certificate is not trusted.
            JudgeUnparseable: the answer is too large, or compressed.
        """
        if not self._room.enter():
            await self._room.wait()
        try:
            connection = self._kept() or await self._connected()
            try:
                return await connection.exchange(request)
            finally:
                self._keep(connection)
        finally:
            self._room.leave()

    async def close(self) -> None:
        """Let the connections go."""
        self._idle.clear()
        for connection in list(self._open):
            connection.abort()
            await connection.closed

    def _kept(self) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable and connection.idle_s < self._longest_idle_s:
                return connection
            connection.abort()
        return None

    def _keep(self, connection: "_Connection") -> None:
        if connection.is_usable:
            connection.rest()
            self._idle.append(connection)
        else:
            connection.abort()

    async def _connected(self) -> "_Connection":
        if self._secure and self._tls is None:
            self._tls = _tls()
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: _Connection(self._origin, loop=loop, on_lost=self._open.discard),
                self._host,
                self._port,
                ssl=self._tls,
            )
        except ssl.SSLCertVerificationError as error:
            raise JudgeRejected(
                f"the certificate of {self._origin} is not trusted: {error.verify_message}"
            ) from error
        except OSError as error:
            raise JudgeUnavailable(f"no connection to {self._origin}: {error}") from error
        if not connection.closed.done():
            self._open.add(connection)
        return connection


class _Connection(asyncio.Protocol):
    """One connection, with at most one request on its way."""

    def __init__(
        self,
        origin: str,
        *,
        loop: asyncio.AbstractEventLoop,
        on_lost: Callable[["_Connection"], None],
    ) -> None:
        self.closed: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self._idle_since = 0.0
        self._origin = origin
        self._on_lost = on_lost
        self._answer: asyncio.Future[Reply] | None = None
        self._reusable = True
        self._forget()
        self._parser = HttpResponseParser(self)

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent."""
        return self._reusable and self._answer is None and not self._transport.is_closing()

    @property
    def idle_s(self) -> float:
        """How long it has been at rest."""
        return self._loop.time() - self._idle_since

    def rest(self) -> None:
        """Begin to be idle."""
        self._idle_since = self._loop.time()

    def exchange(self, request: bytes) -> asyncio.Future[Reply]:
        """Send a request; return what will be its answer."""
        self._answer = answer = self._loop.create_future()
        if self.closed.done():
            self._fail(self._broken(None))
        else:
            self._transport.write(request)
        return answer

    def abort(self) -> None:
        """Close at once."""
        self._reusable = False
        self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # it is one: TCP

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.abort()  # nobody asked for anything
            return
        if not self._status:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                self._fail(_too_large(_MAX_HEAD_BYTES))
                return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._fail(
                JudgeUnavailable(
                    f"{self._origin} answered with something else than HTTP: {error}",
                    possibly_paid=True,
                )
            )

    def connection_lost(self, error: Exception | None) -> None:
        self._on_lost(self)
        self.closed.set_result(None)
        if self._ends_with_connection and error is None:
            self.on_message_complete()
        self._fail(self._broken(error))

    # What the parser calls.

    def on_message_begin(self) -> None:
        if self._answer is None:
            self.abort()  # a second answer to one request, or the beginning of one

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        earlier = self._headers.get(name)
        self._headers[name] = value if earlier is None else earlier + b", " + value

    def on_headers_complete(self) -> None:
        self._status = status = self._parser.get_status_code()
        if status < _FINAL:
            return
        headers = self._headers
        self._reusable = self._parser.should_keep_alive()
        if (encoding := headers.get(b"content-encoding", b"identity")).lower() != b"identity":
            self._fail(_compressed(encoding))
        length = headers.get(b"content-length")
        if length is not None and int(length) > MAX_BODY_BYTES:
            self._fail(_too_large(MAX_BODY_BYTES))
        self._ends_with_connection = length is None and b"transfer-encoding" not in headers

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > MAX_BODY_BYTES:
            self._fail(_too_large(MAX_BODY_BYTES))
        elif self._answer is not None:
            self._parts.append(body)
            self._arrivals.append((self._size, time.perf_counter()))

    def on_message_complete(self) -> None:
        status, headers, parts = self._status, self._headers, self._parts
        arrivals = tuple(self._arrivals)
        self._forget()
        if status < _FINAL:
            return
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            whole = b"".join(parts)
            answer.set_result(Reply(status=status, headers=headers, body=whole, arrivals=arrivals))

    def _forget(self) -> None:
        self._status = self._head_bytes = self._size = 0
        self._headers: dict[bytes, bytes] = {}
        self._parts: list[bytes] = []
        self._arrivals: list[tuple[int, float]] = []
        self._ends_with_connection = False

    def _fail(self, error: ScoringError) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(error)
        self.abort()

    def _broken(self, error: Exception | None) -> JudgeUnavailable:
        why = f": {error}" if error else " before the answer was whole"
        return JudgeUnavailable(f"the connection to {self._origin} broke{why}", possibly_paid=True)


def _compressed(encoding: bytes) -> JudgeUnparseable:
    # A compressed answer could be a thousand times as large as what is capped here.
    name = encoding.decode("latin-1")[:40]
    return JudgeUnparseable(
        f"the answer is compressed ({name}), which nobody asked for", possibly_paid=True
    )


def _too_large(most: int) -> JudgeUnparseable:
    # No network fault: asking again would bring the same flood.
    return JudgeUnparseable(f"the answer is larger than {most} bytes", possibly_paid=True)


def _tls() -> ssl.SSLContext:
    import httpx2  # 0.1 s to import; it trusts whom the openai client trusts

    context = httpx2.create_ssl_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
