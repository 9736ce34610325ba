"""Chat models behind any OpenAI-compatible endpoint."""

import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec
import openai

from judge.errors import (
    AccessDenied,
    InputTooLong,
    JudgeRejected,
    JudgeUnavailable,
    JudgeUnparseable,
    QuotaExhausted,
    ScoringError,
)
from judge.models.chat import ChatCall, Completion, ReplyFormat

MAX_BODY_BYTES = 8 * 1024 * 1024

# Shorter ones are placeholders for endpoints that want none, and stand in ordinary texts.
_SHORTEST_SECRET = 8
_DENIED = frozenset({401, 403})
_PASSING = frozenset({408, 409, 425, 429})
_SERVER_FAULT = 500
_TOO_MANY = 429
_QUOTA_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "quota_exceeded"})
_CONTEXT_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error"})


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Envelope(msgspec.Struct):
    choices: list[_Choice]
    model: str
    system_fingerprint: str | None = None
    usage: _Usage | None = None


class _Fault(msgspec.Struct):
    code: str | int | None = None
    type: str | None = None
    message: str | None = None


class _FaultBody(msgspec.Struct):
    error: _Fault | str


class OpenAIChat:
    """One model at one endpoint.

    `openai` supplies the client object, its addressing and its authentication. Retrying,
    redirects and the reading of the answer are not left to it: its own retries multiply ours,
    a redirect would carry the prompt to another origin, and a body that is no chat completion
    would come back without an error.

    Args:
        model: the name the endpoint knows it by.
        base_url: of the endpoint, for example ``https://api.openai.com/v1``.
        api_key: sent to that origin only; never logged, stored or shown.
        reply_format: how the reply's form is asked for.
        connections: most connections open at once.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str,
        api_key: str,
        reply_format: ReplyFormat,
        connections: int,
    ) -> None:
        self._model = model
        self._api_key = api_key
        self._origin = origin_of(base_url)
        self._reply_format = reply_format
        limits = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
        http = httpx2.AsyncClient(
            transport=_CappedTransport(httpx2.AsyncHTTPTransport(limits=limits)),
            follow_redirects=False,
            timeout=None,  # Deadlined bounds the whole attempt by the wall clock
        )
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key,
            http_client=http,
            max_retries=0,
            # A compressed answer could be a thousand times the size that is capped below.
            default_headers={"Accept-Encoding": "identity"},
        )

    @property
    def identity(self) -> Mapping[str, str]:
        return {
            "model": self._model,
            "endpoint": self._origin,
            "reply_format": self._reply_format.value,
        }

    async def complete(self, call: ChatCall) -> Completion:
        started = time.perf_counter()
        try:
            response = await self._client.post(
                "/chat/completions", body=self._body(call), cast_to=httpx2.Response
            )
        except openai.APIStatusError as error:
            # Not chained: its message repeats the answer, and that may repeat our key.
            response = error.response
        except openai.APIConnectionError as error:
            raise JudgeUnavailable(f"no connection to {self._origin}: {error}") from error
        except httpx2.HTTPError as error:
            raise JudgeUnavailable(f"the connection to {self._origin} broke: {error}") from error
        body = self._without_key(response.content)
        if not response.is_success:
            raise _refused(body, status=response.status_code, headers=response.headers)
        return _completion(body, latency_s=time.perf_counter() - started)

    async def close(self) -> None:
        """Let the connections go."""
        await self._client.close()

    def _without_key(self, body: bytes) -> bytes:
        """Return an answer in which the endpoint does not repeat our key."""
        if len(self._api_key) < _SHORTEST_SECRET:
            return body
        return body.replace(self._api_key.encode(), b"***")

    # The body is the endpoint's own open-ended JSON; nothing of it leaves this method.
    def _body(self, call: ChatCall) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [msgspec.to_builtins(message) for message in call.messages],
            "max_tokens": call.sampling.max_tokens,
        }
        if call.sampling.temperature is not None:
            body["temperature"] = call.sampling.temperature
        if call.sampling.seed is not None:
            body["seed"] = call.sampling.seed
        if call.reply_schema and self._reply_format is ReplyFormat.JSON_SCHEMA:
            schema = msgspec.json.decode(call.reply_schema)
            named = {"name": "verdict", "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif call.reply_schema and self._reply_format is ReplyFormat.JSON_OBJECT:
            body["response_format"] = {"type": "json_object"}
        return body


def origin_of(base_url: str) -> str:
    """Return scheme, host and port of an address, without credentials, path or query."""
    parts = urlsplit(base_url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname or ''}{port}"


def _completion(body: bytes, *, latency_s: float) -> Completion:
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _no_envelope(body, error) from error
    if not envelope.choices:
        raise JudgeUnparseable("the endpoint answered without any choice")
    choice, usage = envelope.choices[0], envelope.usage or _Usage()
    return Completion(
        text=choice.message.content or "",
        finish_reason=choice.finish_reason or "",
        refusal=choice.message.refusal or "",
        model=envelope.model,
        fingerprint=envelope.system_fingerprint or "",
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        latency_s=latency_s,
    )


def _no_envelope(body: bytes, error: Exception) -> ScoringError:
    if (fault := _fault(body)) is not None:
        return JudgeUnavailable(f"the endpoint answered 200 with an error: {_words(fault)}")
    return JudgeUnparseable(f"the endpoint's answer is no chat completion: {error}")


def _refused(body: bytes, *, status: int, headers: httpx2.Headers) -> ScoringError:
    fault = _fault(body)
    words = f"HTTP {status}{': ' + _words(fault) if fault else ''}"
    names = {str(fault.code), str(fault.type)} if fault else set()
    if status in _DENIED:
        return AccessDenied(f"{words}; check the key the judge's api_key_env names")
    if status == _TOO_MANY and names & _QUOTA_CODES:
        return QuotaExhausted(words)
    if status in _PASSING or status >= _SERVER_FAULT:
        return JudgeUnavailable(words, retry_after_s=_retry_after_s(headers))
    if names & _CONTEXT_CODES:
        return InputTooLong(words)
    return JudgeRejected(words)


def _fault(body: bytes) -> _Fault | None:
    try:
        error = msgspec.json.decode(body, type=_FaultBody).error
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return _Fault(message=error) if isinstance(error, str) else error


def _words(fault: _Fault) -> str:
    return (fault.message or str(fault.code or fault.type or "no reason given"))[:300]


def _retry_after_s(headers: httpx2.Headers) -> float | None:
    """Read how long to wait: milliseconds, seconds, or a date (RFC 9110, section 10.2.3)."""
    stated = headers.get("retry-after-ms"), headers.get("retry-after")
    for text, unit_s in zip(stated, (0.001, 1.0), strict=True):
        if text and text.replace(".", "", 1).isdecimal():
            return float(text) * unit_s
    try:
        until = parsedate_to_datetime(stated[1] or "")
    except ValueError:
        return None
    if until.tzinfo is None:  # "-0000": in UTC, from a clock that does not know where it stands
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


class _CappedTransport(httpx2.AsyncBaseTransport):
    """A transport whose answers end with an error at `MAX_BODY_BYTES`."""

    def __init__(self, transport: httpx2.AsyncBaseTransport) -> None:
        self._transport = transport

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._transport.handle_async_request(request)
        if (encoding := response.headers.get("content-encoding", "identity")) != "identity":
            await response.aclose()
            raise JudgeUnparseable(f"the answer is compressed ({encoding}), which nobody asked for")
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _CappedStream(response.stream)
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()


class _CappedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_BODY_BYTES
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                # Not a network fault: asking again would bring the same flood.
                raise JudgeUnparseable(f"the answer is larger than {MAX_BODY_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
