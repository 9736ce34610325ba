"""Everything that goes wrong between a judge and its endpoint, and what must come of it."""

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from http import HTTPStatus
from math import ceil
from types import MappingProxyType
from typing import TypeAlias

from judge.fault_server.bodies import chat_completion, fault
from judge.fault_server.exchange import Answer
from judge.results.outcome import FateCode

# How often a record is asked about, at most, while the same thing goes wrong.
ONCE = 1
IF_CUT = 2
IF_UNREADABLE = 3
IF_UNAVAILABLE = 5

HUGE_BYTES = 9 * 1024 * 1024
"""More than any client may read: the limit is 8 MiB."""

_LATE_S = 0.5
_DRIP_S = 0.05
_GARBAGE = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is not HTTP\r\n\r\n"
_PAGE = "<!doctype html><title>Sign in</title><h1>Please sign in to the network</h1>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a fault plays with.

    Attributes:
        model: the name that was asked for.
        text: the reply that would have been right.
        elsewhere: an address at another origin, where nothing may ever arrive.
        pause_s: how long to ask the client to wait, where a fault asks for that.
        now: the time of day.
    """

    model: str
    text: str
    elsewhere: str
    pause_s: float
    now: datetime

    @property
    def right(self) -> Answer:
        """What is answered where nothing goes wrong."""
        return Answer(body=chat_completion(self.text, model=self.model))


Play: TypeAlias = Callable[[Scene], Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        name: what plans and the ledger call it.
        what: the same in words.
        play: returns what the server sends or does.
        fate: of a record whose every question meets it; None: it is scored all the same.
        asked: how often that record is asked about, at most.
        halts: whether a run stops there, and is resumed when the cause is gone.
        asks_pause: whether it asks the client to wait for `Scene.pause_s` at least.
    """

    name: str
    what: str
    play: Play
    fate: FateCode | None
    asked: int = ONCE
    halts: bool = False
    asks_pause: bool = False


def _unavailable(name: str, what: str, play: Play, *, asks_pause: bool = False) -> Fault:
    return Fault(
        name=name,
        what=what,
        play=play,
        fate=FateCode.JUDGE_UNAVAILABLE,
        asked=IF_UNAVAILABLE,
        asks_pause=asks_pause,
    )


def _unreadable(name: str, what: str, text: str) -> Fault:
    return Fault(
        name=name,
        what=what,
        play=_saying(text),
        fate=FateCode.JUDGE_UNPARSEABLE,
        asked=IF_UNREADABLE,
    )


def _no_envelope(name: str, what: str, play: Play) -> Fault:
    return Fault(name=name, what=what, play=play, fate=FateCode.JUDGE_UNPARSEABLE)


def _rejected(name: str, what: str, play: Play, *, halts: bool = False) -> Fault:
    return Fault(name=name, what=what, play=play, fate=FateCode.JUDGE_REJECTED, halts=halts)


def _status(
    status: int, *, headers: Mapping[str, str] | None = None, message: str = "", code: str = ""
) -> Play:
    words = message or HTTPStatus(status).phrase
    body = fault(words, code=code or None)
    return lambda _: Answer(status=status, body=body, headers=headers or {})


def _limited(headers: Callable[[Scene], Mapping[str, str]], *, status: int = 429) -> Play:
    body = fault("Rate limit reached", code="rate_limit_exceeded", kind="requests")
    return lambda scene: Answer(status=status, body=body, headers=headers(scene))


def _redirect(status: int) -> Play:
    return lambda scene: Answer(
        status=status, headers={"Location": f"{scene.elsewhere}/chat/completions"}
    )


def _body(body: bytes | str | Mapping[str, object], *, kind: str = "application/json") -> Play:
    return lambda _: Answer(body=body, headers={"Content-Type": kind})


def _saying(text: str | None, *, finish_reason: str = "stop", refusal: str | None = None) -> Play:
    return lambda scene: Answer(
        body=chat_completion(text, model=scene.model, finish_reason=finish_reason, refusal=refusal)
    )


def _broken_off(*, in_head: bool, politely: bool = False) -> Play:
    def play(scene: Scene) -> Answer:
        right = scene.right
        after = len(right.head) // 2 if in_head else len(right.head) + len(right.content) // 2
        return replace(right, after=after, close=politely, reset=not politely)

    return play


def _duration(seconds: float) -> str:
    """Write a time as OpenAI's headers do: 20ms, 1s, 6m0s."""
    if seconds < 1:
        return f"{ceil(seconds * 1000)}ms"
    minutes, rest = divmod(ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _in_seconds(scene: Scene) -> str:
    return str(ceil(scene.pause_s))


def _as_date(moment: datetime) -> str:
    # Without a fraction, as HTTP dates are: the next full second.
    whole = moment.replace(microsecond=0) + timedelta(seconds=1)
    return whole.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def _date(scene: Scene) -> str:
    return _as_date(scene.now + timedelta(seconds=scene.pause_s))


def _late(scene: Scene) -> Answer:
    return replace(scene.right, delay_s=_LATE_S)


def _dripping(scene: Scene) -> Answer:
    return replace(scene.right, drip_s=_DRIP_S)


def _length_too_long(scene: Scene) -> Answer:
    length = str(len(scene.right.content) + 100)
    return replace(scene.right, headers={"Content-Length": length, "Connection": "close"})


def _length_too_short(scene: Scene) -> Answer:
    length = str(len(scene.right.content) // 2)
    return replace(scene.right, headers={"Content-Length": length})


def _an_answer_too_many(scene: Scene) -> Answer:
    """Answer twice: the next question on that connection would get this one's verdict."""
    return Answer(raw=scene.right.whole * 2)


def _an_answer_and_a_half(scene: Scene) -> Answer:
    """Answer, and begin to answer again: the next answer on that connection would be its end."""
    right = scene.right
    return Answer(raw=right.whole + right.head + right.content[: len(right.content) // 2])


def _cut_json(scene: Scene) -> Answer:
    content = scene.right.content
    return Answer(body=content[: len(content) // 2])


def _compressed(scene: Scene) -> Answer:
    return Answer(body=gzip.compress(scene.right.content), headers={"Content-Encoding": "gzip"})


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * (16 * 1024 * 1024), compresslevel=9)


@cache
def _flood() -> bytes:
    return json.dumps(chat_completion("x" * HUGE_BYTES)).encode()


def _invalid_utf8(scene: Scene) -> Answer:
    said = b'"content": "'
    return Answer(body=scene.right.content.replace(said, said + b"\xff\xfe"))


def _other_model(scene: Scene) -> Answer:
    return Answer(body=chat_completion(scene.text, model=f"{scene.model}-another"))


def _other_fingerprint(scene: Scene) -> Answer:
    body = {**chat_completion(scene.text, model=scene.model), "system_fingerprint": "fp_another"}
    return Answer(body=body)


_EVERY = (
    # --- at the wire
    Fault(name="late", what=f"the right answer, {_LATE_S:g} s late", play=_late, fate=None),
    _unavailable("hang", "no answer, ever", lambda _: Answer(hang=True)),
    _unavailable("drip", f"a byte every {_DRIP_S:g} s", _dripping),
    _unavailable("reset", "reset before the answer", lambda _: Answer(reset=True)),
    _unavailable("reset_in_head", "reset in the middle of the head", _broken_off(in_head=True)),
    _unavailable("reset_in_body", "reset in the middle of the body", _broken_off(in_head=False)),
    _unavailable("closed", "closed without an answer", lambda _: Answer(close=True)),
    _unavailable(
        "closed_in_body",
        "closed in the middle of the body",
        _broken_off(in_head=False, politely=True),
    ),
    _unavailable("length_too_long", "a content-length above the body's", _length_too_long),
    _no_envelope("length_too_short", "a content-length under the body's", _length_too_short),
    Fault(
        name="answer_too_many",
        what="the right answer and, unasked, one more",
        play=_an_answer_too_many,
        fate=None,
    ),
    Fault(
        name="answer_and_a_half",
        what="the right answer and, unasked, half of one more",
        play=_an_answer_and_a_half,
        fate=None,
    ),
    _unavailable(
        "garbage",
        "bytes that are no HTTP",
        lambda _: Answer(raw=_GARBAGE, headers={"Connection": "close"}),
    ),
    # --- not now
    _unavailable(
        "retry_seconds",
        "429, Retry-After in seconds",
        _limited(lambda scene: {"Retry-After": _in_seconds(scene)}),
        asks_pause=True,
    ),
    _unavailable(
        "retry_fraction",
        "429, Retry-After with a fraction",
        _limited(lambda scene: {"Retry-After": f"{scene.pause_s:.3f}"}),
        asks_pause=True,
    ),
    _unavailable(
        "retry_ms",
        "429, retry-after-ms",
        _limited(lambda scene: {"Retry-After-Ms": str(ceil(scene.pause_s * 1000))}),
        asks_pause=True,
    ),
    _unavailable(
        "retry_date",
        "429, Retry-After as a date",
        _limited(lambda scene: {"Retry-After": _date(scene)}),
        asks_pause=True,
    ),
    _unavailable(
        "retry_past",
        "429, Retry-After as a date in the past",
        _limited(lambda scene: {"Retry-After": _as_date(scene.now - timedelta(hours=1))}),
    ),
    _unavailable(
        "retry_nonsense",
        "429, a Retry-After that cannot be read",
        _limited(lambda _: {"Retry-After": "soon"}),
    ),
    _unavailable("retry_unsaid", "429 without a Retry-After", _limited(lambda _: {})),
    _unavailable(
        "ratelimit_reset",
        "429, x-ratelimit-reset-requests as OpenAI sends it",
        _limited(lambda scene: {"X-RateLimit-Reset-Requests": _duration(scene.pause_s)}),
    ),
    _unavailable(
        "unavailable_for",
        "503, Retry-After in seconds",
        _limited(lambda scene: {"Retry-After": _in_seconds(scene)}, status=503),
        asks_pause=True,
    ),
    Fault(
        name="retry_tomorrow",
        what="429, Retry-After a day",
        play=_limited(lambda _: {"Retry-After": "86400"}),
        fate=FateCode.JUDGE_UNAVAILABLE,
        halts=True,
    ),
    Fault(
        name="quota",
        what="429 insufficient_quota",
        play=_status(429, message="You exceeded your current quota", code="insufficient_quota"),
        fate=FateCode.QUOTA_EXHAUSTED,
        halts=True,
    ),
    *(
        _unavailable(f"http_{status}", f"{status} {HTTPStatus(status).phrase}", _status(status))
        for status in (408, 409, 500, 503, 504)
    ),
    _unavailable(
        "http_502",
        "502 Bad Gateway with a page",
        lambda _: Answer(status=502, body=_PAGE, headers={"Content-Type": "text/html"}),
    ),
    _unavailable(
        "http_529",
        "529, overloaded",
        lambda _: Answer(status=529, body=fault("Overloaded", kind="overloaded_error")),
    ),
    # --- never
    *(
        _rejected(f"http_{status}", f"{status} to another origin", _redirect(status))
        for status in (301, 302, 307, 308)
    ),
    *(
        _rejected(f"http_{status}", f"{status} {HTTPStatus(status).phrase}", _status(status))
        for status in (400, 404, 422)
    ),
    *(
        _rejected(
            f"http_{status}", f"{status} {HTTPStatus(status).phrase}", _status(status), halts=True
        )
        for status in (401, 403)
    ),
    Fault(
        name="context_length",
        what="400 context_length_exceeded",
        play=_status(400, message="Too many tokens", code="context_length_exceeded"),
        fate=FateCode.INPUT_TOO_LONG,
    ),
    # --- 200, and no completion
    _unavailable("error_at_200", "an error object at 200", _body(fault("The model is overloaded"))),
    _no_envelope("html_at_200", "a page at 200", _body(_PAGE, kind="text/html")),
    _no_envelope("null_content", "content null", _saying(None)),
    _no_envelope("no_choices", "no choices", _body({**chat_completion(""), "choices": []})),
    _no_envelope("cut_json", "half of the JSON", _cut_json),
    _no_envelope("invalid_utf8", "bytes that are no UTF-8", _invalid_utf8),
    _no_envelope("compressed", "a compressed answer", _compressed),
    _no_envelope(
        "bomb",
        "16 MiB, compressed to 16 KiB",
        lambda _: Answer(body=_bomb(), headers={"Content-Encoding": "gzip"}),
    ),
    _no_envelope("flood", "9 MiB", lambda _: Answer(body=_flood())),
    # --- a completion, and no verdict
    _unreadable("prose", "prose", "I would say that they agree."),
    _unreadable(
        "off_scale", "a verdict off the scale", '{"rationale": "Hm.", "verdict": "perhaps"}'
    ),
    _unreadable(
        "duplicate_keys",
        "two verdicts under one key",
        '{"rationale": "Hm.", "verdict": "equivalent", "verdict": "different"}',
    ),
    Fault(
        name="cut_reply",
        what="finish_reason length",
        play=lambda scene: _saying(scene.text, finish_reason="length")(scene),
        fate=FateCode.JUDGE_TRUNCATED,
        asked=IF_CUT,
    ),
    Fault(
        name="filtered",
        what="finish_reason content_filter",
        play=_saying("", finish_reason="content_filter"),
        fate=FateCode.JUDGE_REFUSED,
    ),
    Fault(
        name="refused",
        what="a refusal beside a verdict",
        play=lambda scene: _saying(scene.text, refusal="I cannot help with that.")(scene),
        fate=FateCode.JUDGE_REFUSED,
    ),
    # --- a verdict, and somebody else's
    Fault(
        name="other_model",
        what="another model's name",
        play=_other_model,
        fate=FateCode.JUDGE_IDENTITY_CHANGED,
        halts=True,
    ),
    Fault(
        name="other_fingerprint",
        what="another system_fingerprint",
        play=_other_fingerprint,
        fate=None,
    ),
)

FAULTS: Mapping[str, Fault] = MappingProxyType({one.name: one for one in _EVERY})
"""Every fault by its name."""

PASSABLE = tuple(name for name, one in FAULTS.items() if not one.halts)
"""Names of those that a run goes on after."""
