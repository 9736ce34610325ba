"""Answers that are none: which error an HTTP status, or an error in a body, stands for."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import msgspec

from judge.errors import (
    AccessDenied,
    InputTooLong,
    JudgeRejected,
    JudgeUnavailable,
    QuotaExhausted,
    RateLimited,
    ScoringError,
)

_CLIENT_FAULT = 400
_DENIED = frozenset({401, 403})
_UNPAID_BILL = 402
_PASSING = frozenset({408, 409, 425})
_TOO_MANY = 429
_SERVER_FAULT = 500
_TOO_LONG_STATUSES = frozenset({400, 413, 422})

_QUOTA_CODES = frozenset(
    {
        "billing_hard_limit_reached",
        "billing_not_active",
        "exceeded_current_quota_error",
        "insufficient_balance",
        "insufficient_quota",
        "insufficient_user_quota",
        "quota_exceeded",
    }
)
_CONTEXT_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error"})
# Servers without such a code say it in words: vLLM, llama.cpp, gateways.
_CONTEXT_WORDS = re.compile(
    r"maximum context length|exceeds? the (available |maximum )?context|prompt is too long",
    re.IGNORECASE,
)

_LARGEST_FAULT_BYTES = 64 * 1024
_LONGEST_WAIT_S = 31 * 86_400.0  # what is longer is a mistake, or meant to hurt
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]*)?")
_DURATION = re.compile(r"(?:([0-9.]+)h)?(?:([0-9.]+)m)?(?:([0-9.]+)s)?(?:([0-9.]+)ms)?")
_UNITS_S = (3600.0, 60.0, 1.0, 0.001)
_BUCKETS = ("requests", "tokens")

Header = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What an endpoint says is wrong.

    Attributes:
        message: in its words; empty where it gave none.
        names: its codes and types.
    """

    message: str = ""
    names: frozenset[str] = frozenset()

    @property
    def status(self) -> int:
        """The HTTP status that is named as a code; 0 where none is."""
        statuses = [int(name) for name in self.names if re.fullmatch(r"[45][0-9]{2}", name)]
        return statuses[0] if statuses else 0


def refusal(
    status: int, *, body: bytes, header: Header, words: Callable[[str], str]
) -> ScoringError:
    """Return the error that an answer with another status than 2xx stands for.

    Args:
        status: of the answer.
        body: of the answer.
        header: returns a header of the answer, or an empty text.
        words: makes the endpoint's words fit to be shown.
    """
    if status < _CLIENT_FAULT:
        return JudgeRejected(f"HTTP {status}: redirects are not followed; set base_url to its goal")
    fault = fault_in(body) or Fault()
    said = words(fault.message)
    return error_of(
        status,
        fault=fault,
        message=f"HTTP {status}: {said}" if said else f"HTTP {status}",
        retry_after_s=retry_after_s(header),
    )


def error_of(
    status: int, *, fault: Fault, message: str, retry_after_s: float | None = None
) -> ScoringError:
    """Return the error that a status and a fault stand for."""
    if status == _UNPAID_BILL or fault.names & _QUOTA_CODES:
        return QuotaExhausted(message)
    if fault.names & _CONTEXT_CODES or (
        status in _TOO_LONG_STATUSES and _CONTEXT_WORDS.search(fault.message)
    ):
        return InputTooLong(message)
    if status in _DENIED:
        return AccessDenied(f"{message}; check the key the judge's api_key_env names")
    if status == _TOO_MANY:
        return RateLimited(message, retry_after_s=retry_after_s)
    if status in _PASSING or status >= _SERVER_FAULT:
        # A server that broke may have done, and charge for, all the work before.
        return JudgeUnavailable(
            message, retry_after_s=retry_after_s, possibly_paid=status >= _SERVER_FAULT
        )
    return JudgeRejected(message)


def fault_in(body: bytes) -> Fault | None:
    """Return what a body says is wrong, or None where it says nothing of the kind."""
    if len(body) > _LARGEST_FAULT_BYTES:
        return None
    try:
        said = msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    error: object = said.get("error") or said  # vLLM and FastAPI say it without an `error` round it
    if isinstance(error, str):
        return Fault(message=error)
    if not isinstance(error, Mapping):
        return None
    names = frozenset(str(error[name]) for name in ("code", "type") if _is_name(error.get(name)))
    texts = (_text(error.get(name)) for name in ("message", "detail", "error"))
    message = next(filter(None, texts), "")
    if not message and not said.get("error"):
        return None
    return Fault(message=message or ", ".join(sorted(names)), names=names)


def retry_after_s(header: Header) -> float | None:
    """Read how long the endpoint asks to wait, in seconds; None where it does not say.

    Its own words come first, in milliseconds, in seconds, or as a date (RFC 9110, section
    10.2.3), which is counted from its own clock; then the time until what is used up of its rate
    limits is there again. What makes no sense, a negative number or a year, is ignored.
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        if _SECONDS.fullmatch(text := header(name)):
            return _sensible(float(text) * unit_s)
    if (until := _date(header("retry-after"))) is not None:
        now = _date(header("date")) or datetime.now(UTC)
        return _sensible(max(0.0, (until - now).total_seconds()))
    resets = [
        wait_s
        for bucket in _BUCKETS
        # One that is not used up asks for no wait: its reset is when it will be full.
        if header(f"x-ratelimit-remaining-{bucket}") in {"", "0"}
        if (wait_s := _duration_s(header(f"x-ratelimit-reset-{bucket}"))) is not None
    ]
    return _sensible(max(resets)) if resets else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _is_name(value: object) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _sensible(wait_s: float) -> float | None:
    return wait_s if math.isfinite(wait_s) and wait_s <= _LONGEST_WAIT_S else None


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:  # "-0000": in UTC, from a clock that does not know where it stands
        date = date.replace(tzinfo=UTC)
    return date


def _duration_s(text: str) -> float | None:
    """Read a duration like ``6m0s``, ``1.5s`` or ``120ms``, or a plain number of seconds."""
    if _SECONDS.fullmatch(text):
        return float(text)
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        return None
    try:
        return sum(
            float(number) * unit_s
            for number, unit_s in zip(match.groups(), _UNITS_S, strict=True)
            if number
        )
    except ValueError:  # "1.2.3s"
        return None
