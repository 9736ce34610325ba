"""Answers that come token by token: put together to the body they would have had at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from judge.errors import JudgeUnavailable, JudgeUnparseable
from judge.models.refusal import fault_in

STREAMED = "text/event-stream"

_DATA = b"data:"
_END = b"[DONE]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Streamed:
    """A streamed answer put together.

    Attributes:
        body: as the endpoint would have sent it at once.
        first: bytes of the stream up to the end of the first piece of text; None without a text.
    """

    body: bytes
    first: int | None


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: str | None = None
    logprobs: msgspec.Raw = msgspec.Raw(b"null")


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    model: str = ""
    system_fingerprint: str | None = None
    usage: msgspec.Raw = msgspec.Raw(b"null")


class _Logprobs(msgspec.Struct):
    content: list[msgspec.Raw] | None = None


_CHUNKS = msgspec.json.Decoder(_Chunk)
_LOGPROBS = msgspec.json.Decoder(_Logprobs | None)


def put_together(stream: bytes) -> Streamed:
    """Return what the events of a stream make together.

    Raises:
        JudgeUnavailable: the stream ended before the answer did.
        JudgeUnparseable: an event is no part of a chat completion.
    """
    parts: dict[str, list[str]] = {"content": [], "refusal": [], "reasoning_content": []}
    model, fingerprint, reason, first = "", None, None, None
    usage, ended = msgspec.Raw(b"null"), False
    tokens: list[msgspec.Raw] = []
    for data, end in _events(stream):
        if data == _END:
            ended = True
            break
        if fault_in(data) is not None:
            return Streamed(body=data, first=first)  # the reader of bodies says what it means
        chunk = _chunk(data)
        model, fingerprint = chunk.model or model, chunk.system_fingerprint or fingerprint
        usage = usage if bytes(chunk.usage) == b"null" else chunk.usage
        for choice in chunk.choices:
            if choice.index:
                raise _unparseable("the endpoint streamed several choices, not 1")
            reason = choice.finish_reason or reason
            tokens += _tokens(choice)
            if _add(choice.delta or _Delta(), parts) and first is None:
                first = end
    if not ended and reason is None:
        raise JudgeUnavailable("the stream ended before the answer did", possibly_paid=True)
    texts = {name: "".join(found) if found else None for name, found in parts.items()}
    body = {
        "choices": [
            {
                "message": texts,
                "finish_reason": reason,
                **({"logprobs": {"content": tokens}} if tokens else {}),
            }
        ],
        "model": model,
        "system_fingerprint": fingerprint,
        "usage": usage,
    }
    return Streamed(body=msgspec.json.encode(body), first=first)


def arrived_at(place: int, arrivals: Sequence[tuple[int, float]]) -> float:
    """Return when so many bytes of a body were there.

    Args:
        place: bytes.
        arrivals: how many bytes were there, and when, in order.
    """
    return next(at for size, at in arrivals if size >= place)


def _events(stream: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the data of each event with the bytes of the stream up to its end.

    An endpoint writes each of its events into one line, which all clients rely on.
    """
    place = 0
    for line in stream.splitlines(keepends=True):
        place += len(line)
        if line.startswith(_DATA):
            yield line.removeprefix(_DATA).strip(), place


def _chunk(data: bytes) -> _Chunk:
    try:
        return _CHUNKS.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unparseable(f"an event of the stream is no chat completion: {error}") from error


def _tokens(choice: _Choice) -> list[msgspec.Raw]:
    """Return what a piece says of its tokens, to be read by who asked for it."""
    if bytes(choice.logprobs) == b"null":
        return []
    try:
        found = _LOGPROBS.decode(choice.logprobs)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unparseable(f"an event has log-probabilities of another form: {error}") from error
    return (found and found.content) or []


def _add(delta: _Delta, parts: dict[str, list[str]]) -> bool:
    """Keep what a piece holds; return whether it holds any text."""
    thought = delta.reasoning_content or delta.reasoning
    pieces = {"content": delta.content, "refusal": delta.refusal, "reasoning_content": thought}
    for name, piece in pieces.items():
        if piece is not None:
            parts[name].append(piece)
    return any(pieces.values())


def _unparseable(message: str) -> JudgeUnparseable:
    return JudgeUnparseable(message, possibly_paid=True)
