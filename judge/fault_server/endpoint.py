"""A small HTTP/1.1 server on the loopback, in a thread of its own, that may misbehave."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from judge.fault_server.bodies import always_equivalent
from judge.fault_server.exchange import Answer, Received, Responder

_LARGEST_HEAD_BYTES = 1024 * 1024
_PATIENCE_S = 10.0
# Linger on, for 0 s: closing sends a reset instead of a polite end.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class FakeEndpoint:
    """An OpenAI-compatible HTTP/1.1 server on 127.0.0.1, in a thread of its own.

    Enter it to start it. A responder that raises breaks its connection, and leaving the context
    raises that error again, so that a mistake in a test is not taken for a fault of the endpoint.

    Args:
        respond: decides each answer; it runs in the server's thread and must not block.
        port: to listen at; 0 takes a free one.
        keep: whether `requests` remembers what was received; a long rehearsal need not.
    """

    def __init__(
        self, respond: Responder = always_equivalent, *, port: int = 0, keep: bool = True
    ) -> None:
        self._respond = respond
        self._port = port
        self._keep = keep
        self._received: list[Received] = []
        self._number = 0
        self._in_flight = 0
        self._most_in_flight = 0
        self._mistakes: list[BaseException] = []
        self._connections: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._refused: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="fake-endpoint", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_PATIENCE_S):
            raise TimeoutError("the fake endpoint did not start")
        if self._refused is not None:
            raise self._refused
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join(_PATIENCE_S)
        if self._mistakes and error is None:
            raise self._mistakes[0]

    @property
    def base_url(self) -> str:
        """What a client is given as its base URL."""
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def requests(self) -> list[Received]:
        """Every request received so far, in order."""
        return list(self._received)

    @property
    def most_in_flight(self) -> int:
        """How many requests were being answered at once, at most."""
        return self._most_in_flight

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        try:
            server = await asyncio.start_server(
                self._connection, "127.0.0.1", self._port, limit=_LARGEST_HEAD_BYTES, backlog=512
            )
        except OSError as error:  # the port is taken: said where the server is entered
            self._refused = error
            self._ready.set()
            return
        self._port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._closing.wait()
        # A connection that is just being accepted would outlive a server that closes now.
        while len(asyncio.all_tasks()) > 1 + len(self._connections):  # noqa: ASYNC110 - as below
            await asyncio.sleep(0)
        server.close()
        for writer in self._connections:
            writer.transport.abort()
        while self._connections:  # noqa: ASYNC110 - a few turns of the loop, and it is over
            await asyncio.sleep(0)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            # A client may be killed at any byte.
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                while not writer.is_closing():
                    await self._exchange(reader, writer)
        except Exception as mistake:  # noqa: BLE001 - kept, and raised where the test can see it
            self._mistakes.append(mistake)
        finally:
            writer.close()
            self._connections.discard(writer)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = await self._request(reader)
        self._in_flight += 1
        self._most_in_flight = max(self._most_in_flight, self._in_flight)
        try:
            answer = self._respond(received)
            await self._pause(answer.delay_s)
            if answer.ends_early:
                await _end_early(answer, reader, writer)
            await self._send(answer, writer)
        finally:
            self._in_flight -= 1
        asked = (received.headers, {name.lower(): text for name, text in answer.headers.items()})
        if any(headers.get("connection", "").lower() == "close" for headers in asked):
            raise ConnectionAbortedError

    async def _send(self, answer: Answer, writer: asyncio.StreamWriter) -> None:
        if not answer.drip_s:
            writer.write(answer.whole)
            await writer.drain()
            return
        writer.write(answer.head)
        for byte in answer.content:
            await writer.drain()
            await self._pause(answer.drip_s)
            writer.write(bytes([byte]))
        await writer.drain()

    async def _pause(self, seconds: float) -> None:
        """Wait; a server that closes waits for nobody."""
        if seconds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._closing.wait()
                raise ConnectionAbortedError

    async def _request(self, reader: asyncio.StreamReader) -> Received:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.strip().lower(): value.strip() for name, value in _fields(lines)}
        content = await reader.readexactly(int(headers.get("content-length", "0")))
        self._number += 1
        received = Received(
            number=self._number, method=method, path=path, headers=headers, content=content
        )
        if self._keep:
            self._received.append(received)
        return received


async def _end_early(
    answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(answer.whole[: answer.after])
    await writer.drain()
    if answer.hang:
        await reader.read()  # returns when the client goes
    if answer.reset:
        _reset(writer)
    raise ConnectionAbortedError


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


def _fields(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, _, value = line.partition(":")
        yield name, value
