"""Everything that goes wrong between a judge and its endpoint, and what must come of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from math import ceil
from types import MappingProxyType

from judge.fault_server import plays
from judge.fault_server.bodies import chat_completion, fault
from judge.fault_server.exchange import Answer
from judge.fault_server.plays import Play
from judge.results.outcome import FateCode

# How often a record is asked about, at most, while the same thing goes wrong.
ONCE = 1
IF_CUT = 2
IF_UNREADABLE = 3
IF_UNAVAILABLE = 5


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
        play=plays.saying(text),
        fate=FateCode.JUDGE_UNPARSEABLE,
        asked=IF_UNREADABLE,
    )


def _no_envelope(name: str, what: str, play: Play) -> Fault:
    return Fault(name=name, what=what, play=play, fate=FateCode.JUDGE_UNPARSEABLE)


def _rejected(name: str, what: str, play: Play, *, halts: bool = False) -> Fault:
    return Fault(name=name, what=what, play=play, fate=FateCode.JUDGE_REJECTED, halts=halts)


_EVERY = (
    # --- at the wire
    Fault(
        name="late", what=f"the right answer, {plays.LATE_S:g} s late", play=plays.late, fate=None
    ),
    _unavailable("hang", "no answer, ever", lambda _: Answer(hang=True)),
    _unavailable("drip", f"a byte every {plays.DRIP_S:g} s", plays.dripping),
    _unavailable("reset", "reset before the answer", lambda _: Answer(reset=True)),
    _unavailable(
        "reset_in_head", "reset in the middle of the head", plays.broken_off(in_head=True)
    ),
    _unavailable(
        "reset_in_body", "reset in the middle of the body", plays.broken_off(in_head=False)
    ),
    _unavailable("closed", "closed without an answer", lambda _: Answer(close=True)),
    _unavailable(
        "closed_in_body",
        "closed in the middle of the body",
        plays.broken_off(in_head=False, politely=True),
    ),
    _unavailable("length_too_long", "a content-length above the body's", plays.length_too_long),
    _no_envelope("length_too_short", "a content-length under the body's", plays.length_too_short),
    Fault(
        name="answer_too_many",
        what="the right answer and, unasked, one more",
        play=plays.an_answer_too_many,
        fate=None,
    ),
    Fault(
        name="answer_and_a_half",
        what="the right answer and, unasked, half of one more",
        play=plays.an_answer_and_a_half,
        fate=None,
    ),
    _unavailable(
        "garbage",
        "bytes that are no HTTP",
        plays.garbage,
    ),
    # --- not now
    _unavailable(
        "retry_seconds",
        "429, Retry-After in seconds",
        plays.limited(lambda scene: {"Retry-After": plays.in_seconds(scene)}),
        asks_pause=True,
    ),
    _unavailable(
        "retry_fraction",
        "429, Retry-After with a fraction",
        plays.limited(lambda scene: {"Retry-After": f"{scene.pause_s:.3f}"}),
        asks_pause=True,
    ),
    _unavailable(
        "retry_ms",
        "429, retry-after-ms",
        plays.limited(lambda scene: {"Retry-After-Ms": str(ceil(scene.pause_s * 1000))}),
        asks_pause=True,
    ),
    _unavailable(
        "retry_date",
        "429, Retry-After as a date",
        plays.limited(lambda scene: {"Retry-After": plays.date(scene)}),
        asks_pause=True,
    ),
    _unavailable(
        "retry_past",
        "429, Retry-After as a date in the past",
        plays.limited(lambda scene: {"Retry-After": plays.as_date(scene.now - timedelta(hours=1))}),
    ),
    _unavailable(
        "retry_nonsense",
        "429, a Retry-After that cannot be read",
        plays.limited(lambda _: {"Retry-After": "soon"}),
    ),
    _unavailable("retry_unsaid", "429 without a Retry-After", plays.limited(lambda _: {})),
    _unavailable(
        "ratelimit_reset",
        "429, x-ratelimit-reset-requests as OpenAI sends it",
        plays.limited(lambda scene: {"X-RateLimit-Reset-Requests": plays.duration(scene.pause_s)}),
    ),
    _unavailable(
        "unavailable_for",
        "503, Retry-After in seconds",
        plays.limited(lambda scene: {"Retry-After": plays.in_seconds(scene)}, status=503),
        asks_pause=True,
    ),
    Fault(
        name="retry_tomorrow",
        what="429, Retry-After a day",
        play=plays.limited(lambda _: {"Retry-After": "86400"}),
        fate=FateCode.JUDGE_UNAVAILABLE,
        halts=True,
    ),
    Fault(
        name="quota",
        what="429 insufficient_quota",
        play=plays.refusal(
            429, message="You exceeded your current quota", code="insufficient_quota"
        ),
        fate=FateCode.QUOTA_EXHAUSTED,
        halts=True,
    ),
    *(
        _unavailable(
            f"http_{status}", f"{status} {HTTPStatus(status).phrase}", plays.refusal(status)
        )
        for status in (408, 409, 500, 503, 504)
    ),
    _unavailable(
        "http_502",
        "502 Bad Gateway with a page",
        lambda _: Answer(status=502, body=plays.PAGE, headers={"Content-Type": "text/html"}),
    ),
    _unavailable(
        "http_529",
        "529, overloaded",
        lambda _: Answer(status=529, body=fault("Overloaded", kind="overloaded_error")),
    ),
    # --- never
    *(
        _rejected(f"http_{status}", f"{status} to another origin", plays.redirect(status))
        for status in (301, 302, 307, 308)
    ),
    *(
        _rejected(f"http_{status}", f"{status} {HTTPStatus(status).phrase}", plays.refusal(status))
        for status in (400, 404, 422)
    ),
    *(
        _rejected(
            f"http_{status}",
            f"{status} {HTTPStatus(status).phrase}",
            plays.refusal(status),
            halts=True,
        )
        for status in (401, 403)
    ),
    Fault(
        name="context_length",
        what="400 context_length_exceeded",
        play=plays.refusal(400, message="Too many tokens", code="context_length_exceeded"),
        fate=FateCode.INPUT_TOO_LONG,
    ),
    # --- 200, and no completion
    _unavailable(
        "error_at_200",
        "an error object at 200",
        plays.no_completion(fault("The model is overloaded")),
    ),
    _no_envelope("html_at_200", "a page at 200", plays.no_completion(plays.PAGE, kind="text/html")),
    _no_envelope("null_content", "content null", plays.saying(None)),
    _no_envelope(
        "no_choices", "no choices", plays.no_completion({**chat_completion(""), "choices": []})
    ),
    _no_envelope("cut_json", "half of the JSON", plays.cut_json),
    _no_envelope("invalid_utf8", "bytes that are no UTF-8", plays.invalid_utf8),
    _no_envelope("compressed", "a compressed answer", plays.compressed),
    _no_envelope(
        "bomb",
        "16 MiB, compressed to 16 KiB",
        plays.bomb,
    ),
    _no_envelope("flood", "9 MiB", plays.flood),
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
        play=lambda scene: plays.saying(scene.text, finish_reason="length")(scene),
        fate=FateCode.JUDGE_TRUNCATED,
        asked=IF_CUT,
    ),
    Fault(
        name="filtered",
        what="finish_reason content_filter",
        play=plays.saying("", finish_reason="content_filter"),
        fate=FateCode.JUDGE_REFUSED,
    ),
    Fault(
        name="refused",
        what="a refusal beside a verdict",
        play=lambda scene: plays.saying(scene.text, refusal="I cannot help with that.")(scene),
        fate=FateCode.JUDGE_REFUSED,
    ),
    # --- a verdict, and somebody else's
    Fault(
        name="other_model",
        what="another model's name",
        play=plays.other_model,
        fate=FateCode.JUDGE_IDENTITY_CHANGED,
        halts=True,
    ),
    Fault(
        name="other_fingerprint",
        what="another system_fingerprint",
        play=plays.other_fingerprint,
        fate=None,
    ),
)

FAULTS: Mapping[str, Fault] = MappingProxyType({one.name: one for one in _EVERY})
"""Every fault by its name."""

PASSABLE = tuple(name for name, one in FAULTS.items() if not one.halts)
"""Names of those that a run goes on after."""
