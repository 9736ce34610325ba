"""Strict reading of a chat completion: a text and what was said beside it, or a named error."""

import json
import re
from collections.abc import Callable
from typing import Annotated

import msgspec

from judge.errors import JudgeUnparseable, ScoringError
from judge.models.chat import Completion, TokenAlternatives
from judge.models.refusal import Fault, error_of, fault_in

_NOTHING = msgspec.Raw(b"null")
_SERVER_FAULT = 500
_Count = Annotated[int, msgspec.Meta(ge=0)]
# With these a model may well have written nothing.
_WITHOUT_TEXT = frozenset({"length", "max_tokens", "content_filter", "refusal"})
# Rounding may lift the logarithm of a probability of 1 over 0, but not by more.
_LARGEST_LOGPROB = 1e-6


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    reasoning_content: msgspec.Raw = _NOTHING
    reasoning: msgspec.Raw = _NOTHING
    tool_calls: msgspec.Raw = _NOTHING


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None
    logprobs: msgspec.Raw = _NOTHING
    error: msgspec.Raw = _NOTHING


class _InputDetails(msgspec.Struct):
    cached_tokens: _Count | None = None
    cache_write_tokens: _Count | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: _Count | None = None
    completion_tokens: _Count | None = None
    prompt_tokens_details: _InputDetails | None = None


class _Envelope(msgspec.Struct):
    choices: list[_Choice]
    model: str
    system_fingerprint: str | None = None
    usage: _Usage | None = None
    error: msgspec.Raw = _NOTHING


class _Alternative(msgspec.Struct):
    token: str
    logprob: float


class _Token(msgspec.Struct):
    token: str
    logprob: float
    top_logprobs: list[_Alternative] | None = None


class _Logprobs(msgspec.Struct):
    content: list[_Token] | None = None


def _keys_of(*structs: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(name for struct in structs for name in struct.__struct_fields__)


_ENVELOPE_KEYS = _keys_of(_Envelope, _Choice, _Message, _Usage, _InputDetails)
_LOGPROBS_KEYS = _keys_of(_Logprobs, _Token, _Alternative)
_QUOTED_KEYS = re.compile(f'"(?:{"|".join(sorted(_ENVELOPE_KEYS))})"'.encode())
_ENVELOPES = msgspec.json.Decoder(_Envelope)
_PROBABILITIES = msgspec.json.Decoder(_Logprobs | None)
_TEXTS = msgspec.json.Decoder(str)


def read_completion(
    body: bytes,
    *,
    latency_s: float,
    alternatives: bool = False,
    hide: Callable[[str], str] = str,
    words: Callable[[str], str] = str,
) -> Completion:
    """Read the body of an answer with status 2xx.

    Args:
        body: as received.
        latency_s: of the whole call.
        alternatives: whether they were asked for; they are not looked at otherwise.
        hide: takes secrets out of a text.
        words: makes the endpoint's words fit to be shown.

    Raises:
        JudgeUnparseable: it is no chat completion with one choice and one meaning.
        JudgeUnavailable: it is an error in spite of its status; of a subclass where it names one.
    """
    try:
        envelope = _ENVELOPES.decode(body)
        _refuse_repeated_keys(body)
        choice = _only_choice(envelope, body, words=words)
        tokens = _alternatives(choice.logprobs, hide=hide) if alternatives else ()
        reasoning = _text(choice.message.reasoning_content) or _text(choice.message.reasoning)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_envelope(body, error, words=words) from error
    usage = envelope.usage or _Usage()
    details = usage.prompt_tokens_details or _InputDetails()
    return Completion(
        text=hide(choice.message.content or ""),
        finish_reason=hide(choice.finish_reason or ""),
        refusal=hide(choice.message.refusal or ""),
        reasoning=hide(reasoning),
        model=hide(envelope.model),
        fingerprint=hide(envelope.system_fingerprint or ""),
        input_tokens=usage.prompt_tokens,
        cached_tokens=details.cached_tokens,
        written_tokens=details.cache_write_tokens,
        output_tokens=usage.completion_tokens,
        alternatives=tokens,
        latency_s=latency_s,
    )


def _only_choice(envelope: _Envelope, body: bytes, *, words: Callable[[str], str]) -> _Choice:
    if _is_there(envelope.error):
        raise _answered_with_error(fault_in(body) or Fault(), words=words)
    if len(envelope.choices) != 1:
        raise _unparseable(f"the endpoint answered with {len(envelope.choices)} choices, not 1")
    choice = envelope.choices[0]
    if _is_there(choice.error):
        fault = fault_in(b'{"error":' + bytes(choice.error) + b"}")
        raise _answered_with_error(fault or Fault(), words=words)
    message = choice.message
    if message.content is None and not message.refusal:
        _refuse_silence(choice)
    return choice


def _refuse_silence(choice: _Choice) -> None:
    message = choice.message
    if choice.finish_reason in _WITHOUT_TEXT:
        return
    if _is_there(message.tool_calls):
        raise _unparseable("the model called a tool instead of answering")
    if _text(message.reasoning_content) or _text(message.reasoning):
        raise _unparseable("the model reasoned and gave no answer (its content is null)")
    raise _unparseable("the model gave no answer (its content is null)")


def _alternatives(
    logprobs: msgspec.Raw, *, hide: Callable[[str], str]
) -> tuple[TokenAlternatives, ...]:
    read = _PROBABILITIES.decode(logprobs)
    _refuse_twice(bytes(logprobs), _LOGPROBS_KEYS)
    return tuple(
        TokenAlternatives(
            token=hide(token.token),
            logprob=_logprob(token.logprob),
            others={hide(one.token): _logprob(one.logprob) for one in token.top_logprobs or ()},
        )
        for token in (read and read.content) or ()
    )


def _logprob(value: float) -> float:
    if value > _LARGEST_LOGPROB:
        raise _unparseable(f"the endpoint gave a token the log-probability {value:g}, over 0")
    return min(0.0, value)


def _refuse_repeated_keys(body: bytes) -> None:
    """Refuse an envelope in which one object holds a key that is read twice.

    Two readers would take different values for it. A key is spelt in full, unless it is escaped:
    a body with every key at most once and no escape is fine, and most are.
    """
    keys = _QUOTED_KEYS.findall(body)
    if len(set(keys)) < len(keys) or b"\\u" in body:
        _refuse_twice(body, _ENVELOPE_KEYS)


def _refuse_twice(body: bytes, keys: frozenset[str]) -> None:
    def look(pairs: list[tuple[str, object]]) -> None:
        names = [name for name, _ in pairs if name in keys]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise _unparseable(f"the endpoint's answer holds the key {twice!r} twice")

    # Numbers are not looked at; one of a million digits would take seconds as an integer.
    json.loads(body, object_pairs_hook=look, parse_int=float)


def _text(raw: msgspec.Raw) -> str:
    """Return a text; what is something else is nothing that is read here."""
    if raw is _NOTHING:
        return ""
    return _TEXTS.decode(raw) if bytes(raw).startswith(b'"') else ""


def _is_there(raw: msgspec.Raw) -> bool:
    return raw is not _NOTHING and bytes(raw) not in {b"null", b"[]", b"{}", b'""', b"false"}


def _no_envelope(body: bytes, error: Exception, *, words: Callable[[str], str]) -> ScoringError:
    if (fault := fault_in(body)) is not None:
        return _answered_with_error(fault, words=words)
    return _unparseable(f"the endpoint's answer is no chat completion: {error}")


def _answered_with_error(fault: Fault, *, words: Callable[[str], str]) -> ScoringError:
    said = words(fault.message) or "no reason given"
    message = f"the endpoint answered 200 with an error: {said}"
    error = error_of(fault.status or _SERVER_FAULT, fault=fault, message=message)
    error.possibly_paid = True  # whatever the error says, the answer came as a success
    return error


def _unparseable(message: str) -> JudgeUnparseable:
    return JudgeUnparseable(message, possibly_paid=True)
