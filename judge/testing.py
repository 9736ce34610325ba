"""Fakes for users and our own tests: endpoint, chat model, embedder, ledger, labelled verdicts."""

import asyncio
import contextlib
import hashlib
import json
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self, TypeAlias

import numpy as np

from judge.models.chat import ChatCall, Completion
from judge.models.embedding import Vectors
from judge.records.rating import LabelSource
from judge.records.record import RecordKey, Target
from judge.records.scale import EQUIVALENCE as EQUIVALENCE_SCALE
from judge.records.scale import Scale
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.results.run import EQUIVALENCE, Measure
from judge.trust.labels import LabelledVerdict
from judge.trust.standing import Provenance

_LARGEST_HEAD_BYTES = 1024 * 1024
_PATIENCE_S = 10.0
_WORD = re.compile(r"\w+")
# Linger on, for 0 s: closing sends a reset instead of a polite end.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request as a `FakeEndpoint` received it.

    Attributes:
        number: its place among all requests, from 1.
        headers: names in lower case.
    """

    number: int
    method: str
    path: str
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> dict[str, object]:
        """The content, read as a JSON object."""
        read = json.loads(self.content)
        if not isinstance(read, dict):
            raise TypeError(f"request {self.number} holds no JSON object")
        return read

    @property
    def user_text(self) -> str:
        """The content of the last message of a chat request."""
        messages = self.body["messages"]
        if not isinstance(messages, list):
            raise TypeError(f"request {self.number} holds no messages")
        return str(messages[-1]["content"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a `FakeEndpoint` sends back, or does instead.

    Attributes:
        body: a mapping is sent as JSON.
        delay_s: wait before the first byte.
        drip_s: wait before each byte of the body; 0 sends it at once.
        hang: never answer; wait until the client goes.
        reset: break the connection instead of answering.
    """

    status: int = 200
    body: bytes | str | Mapping[str, object] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    drip_s: float = 0.0
    hang: bool = False
    reset: bool = False

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        if isinstance(self.body, bytes):
            return self.body
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return text.encode()

    @property
    def head(self) -> bytes:
        """Status line and headers."""
        headers = {
            "content-type": "application/json",
            "content-length": str(len(self.content)),
            **{name.lower(): value for name, value in self.headers.items()},
        }
        lines = [f"HTTP/1.1 {self.status} {_reason(self.status)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


Responder: TypeAlias = Callable[[Received], Answer]


def verdict(label: str = "equivalent", rationale: str = "They agree.") -> str:
    """Return the reply of a judge in the form the shipped prompts ask for."""
    return json.dumps({"rationale": rationale, "verdict": label})


def chat_completion(
    text: str | None,
    *,
    finish_reason: str | None = "stop",
    model: str = "fake-judge",
    refusal: str | None = None,
    usage: tuple[int, int] | None = (100, 20),
) -> dict[str, object]:
    """Return the body of a chat completion.

    Args:
        text: what the model says.
        finish_reason: why it stopped.
        model: the name it answers under.
        refusal: text of the refusal field.
        usage: tokens in and out; None leaves them uncounted.
    """
    message = {"role": "assistant", "content": text, "refusal": refusal}
    body: dict[str, object] = {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
    }
    if usage is not None:
        tokens_in, tokens_out = usage
        body["usage"] = {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
        }
    return body


def fault(message: str, *, code: str | None = None, kind: str = "fake_error") -> dict[str, object]:
    """Return the body an OpenAI-compatible endpoint sends with an error."""
    return {"error": {"message": message, "type": kind, "code": code}}


def always_equivalent(received: Received) -> Answer:
    """Answer every request with the verdict "equivalent"."""
    del received
    return Answer(body=chat_completion(verdict()))


class FakeEndpoint:
    """An OpenAI-compatible HTTP/1.1 server on 127.0.0.1, in a thread of its own.

    Enter it to start it. A responder that raises breaks its connection, and leaving the context
    raises that error again, so that a mistake in a test is not taken for a fault of the endpoint.

    Args:
        respond: decides each answer; it runs in the server's thread and must not block.
    """

    def __init__(self, respond: Responder = always_equivalent) -> None:
        self._respond = respond
        self._received: list[Received] = []
        self._in_flight = 0
        self._most_in_flight = 0
        self._mistakes: list[BaseException] = []
        self._connections: set[asyncio.StreamWriter] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fake-endpoint", daemon=True)
        self._port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_PATIENCE_S):
            raise TimeoutError("the fake endpoint did not start")
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
        server = await asyncio.start_server(
            self._connection, "127.0.0.1", 0, limit=_LARGEST_HEAD_BYTES, backlog=512
        )
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
            if answer.hang:
                await reader.read()  # returns when the client goes
                raise ConnectionAbortedError
            if answer.reset:
                _reset(writer)
                raise ConnectionAbortedError
            await self._send(answer, writer)
        finally:
            self._in_flight -= 1
        asked = (received.headers, {name.lower(): text for name, text in answer.headers.items()})
        if any(headers.get("connection", "").lower() == "close" for headers in asked):
            raise ConnectionAbortedError

    async def _send(self, answer: Answer, writer: asyncio.StreamWriter) -> None:
        if not answer.drip_s:
            writer.write(answer.head + answer.content)
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
        received = Received(
            number=len(self._received) + 1,
            method=method,
            path=path,
            headers=headers,
            content=content,
        )
        self._received.append(received)
        return received


def completion(
    text: str, *, finish_reason: str = "stop", refusal: str = "", model: str = "fake-judge"
) -> Completion:
    """Return what a `FakeChat` may answer with."""
    return Completion(
        text=text,
        finish_reason=finish_reason,
        refusal=refusal,
        model=model,
        input_tokens=100,
        output_tokens=20,
        latency_s=0.0,
    )


class FakeChat:
    """A chat model that answers from a script.

    Args:
        script: returns the answer to a call, or raises the error the call ends with.
    """

    def __init__(self, script: Callable[[ChatCall], Completion] | None = None) -> None:
        self._script = script or (lambda _: completion(verdict()))
        self.calls: list[ChatCall] = []
        """Every call, in order."""

    @property
    def identity(self) -> Mapping[str, str]:
        return {"model": "fake-judge", "endpoint": "fake"}

    async def complete(self, call: ChatCall) -> Completion:
        self.calls.append(call)
        await asyncio.sleep(0)  # no real model answers without letting others run
        return self._script(call)


class HashEmbedder:
    """A deterministic embedder without a model: hashed bags of words.

    Texts that share words are alike, texts that share none are about orthogonal.
    """

    def __init__(self, *, dim: int = 256) -> None:
        self._dim = dim
        self.asked: Counter[str] = Counter()
        """How often each text was asked for."""

    @property
    def identity(self) -> Mapping[str, str]:
        return {"embedder": "hashed-words", "dim": str(self._dim)}

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked.update(texts)
        vectors = np.zeros((len(texts), self._dim), dtype=np.float32)
        for place, text in enumerate(texts):
            # A text without words is known by its characters.
            for word in _WORD.findall(text.casefold()) or [f"not words: {text}"]:
                vectors[place, _hash(word) % self._dim] += 1
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One row of a `MemoryAttemptLog`; open while it has neither a reply nor an error."""

    call_id: str
    reply: bytes = b""
    error: str = ""


class MemoryAttemptLog:
    """An attempt ledger that a test can look into.

    Args:
        earlier: call id to the answer that an earlier process received.
    """

    def __init__(self, earlier: Mapping[str, bytes] | None = None) -> None:
        self._earlier = earlier or {}
        self.attempts: list[Attempt] = []
        """Every attempt, in the order they were opened."""

    async def opened(self, call_id: str) -> int:
        self.attempts.append(Attempt(call_id=call_id))
        return len(self.attempts) - 1

    async def closed(self, attempt: int, *, reply: bytes = b"", error: str = "") -> None:
        self.attempts[attempt].reply = reply
        self.attempts[attempt].error = error

    def answered(self, call_id: str) -> bytes | None:
        return self._earlier.get(call_id)


def judged_measure(scale: Scale = EQUIVALENCE_SCALE, *, model: str = "fake-judge") -> Measure:
    """Return what a judge of that model measures against the reference."""
    return Measure(
        scorer=EQUIVALENCE,
        target=Target.REFERENCE,
        judged=True,
        criterion="equivalence",
        lower=0.0,
        upper=1.0,
        categories=scale.categories,
        category_values=scale.values,
        identity={"model": model},
    )


def labelled_verdicts(
    human: Sequence[int],
    judge: Sequence[int | FateCode | None],
    *,
    scale: Scale = EQUIVALENCE_SCALE,
    per_cluster: int = 1,
    system: str = "student",
    slices: Mapping[str, str] | None = None,
) -> list[LabelledVerdict]:
    """Return labels beside verdicts, item by item.

    Args:
        human: codes of what people said, in the order of the scale.
        judge: codes of what the judge said; a fate where it said nothing, None where the scorer
            does not apply.
        scale: of both.
        per_cluster: items that share a cluster.
        system: all of them are about its outputs.
        slices: all of them are in.
    """
    return [
        LabelledVerdict(
            key=RecordKey(item_id=f"i{place}", system=system),
            cluster=f"c{place // per_cluster}",
            slices=slices or {},
            human=scale.categories[label],
            outcome=_judged_outcome(verdict, scale),
        )
        for place, (label, verdict) in enumerate(zip(human, judge, strict=True))
    ]


def random_sample_by_people(*, look: int = 1) -> Provenance:
    """Return the provenance of labels that nothing is wrong with."""
    return Provenance(
        fingerprint="ratings",
        population="population",
        sources=frozenset({LabelSource.HUMAN}),
        blind=True,
        probabilities=frozenset({1.0}),
        set_aside={},
        look=look,
    )


def _judged_outcome(verdict: int | FateCode | None, scale: Scale) -> Outcome:
    if verdict is None:
        return NotApplicable(scorer=EQUIVALENCE, target=Target.REFERENCE, reason="no reference")
    if isinstance(verdict, FateCode):
        return Fate(scorer=EQUIVALENCE, target=Target.REFERENCE, code=verdict, message="no verdict")
    return Score(
        scorer=EQUIVALENCE,
        target=Target.REFERENCE,
        value=scale.values[verdict],
        signature=judged_measure(scale).signature,
        label=scale.categories[verdict],
        rationale="because",
        served="fake-judge-0501",
    )


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


def _fields(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, _, value = line.partition(":")
        yield name, value


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unnamed"


def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())
