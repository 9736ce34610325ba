"""How many requests and tokens a minute an endpoint may be sent."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from judge.models.chat import ChatCall, Completion

BURST_S = 0.1
"""What a bucket holds, in seconds of its rate: enough to make up for a late timer."""
REQUESTS = "requests"
TOKENS = "tokens"

_CHARACTERS_PER_TOKEN = 4.0
_MEMORY_CALLS = 50.0
_NOW = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit:
    """What an endpoint grants an account; None where it sets no such limit."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None


class Allowance(Protocol):
    """What may go out of something, and when."""

    def ready_at(self, size: float) -> float:
        """Return the first moment at which so much may go out."""
        ...

    def take(self, size: float, *, now: float) -> None:
        """Note that so much goes out now."""
        ...

    def correct(self, more: float) -> None:
        """Note that what went out earlier was larger by so much, or smaller where negative."""
        ...


Allow: TypeAlias = Callable[[str, float], Allowance]
"""Makes what keeps to a rate, of ``requests`` or ``tokens``, given what goes out a minute."""


class Bucket:
    """Says when something of a given size may go out, so that a rate is never exceeded.

    In any stretch of T seconds at most `burst` + rate x T goes out. What is larger than the whole
    burst still goes, alone: it waits for a full bucket, and what follows waits until it is paid.

    Args:
        per_minute: the rate.
        burst: what may go out at once after a rest.

    Source: the generic cell rate algorithm, ITU-T Recommendation I.371, annex A, with cells of
    different sizes.
    """

    def __init__(self, per_minute: float, *, burst: float) -> None:
        self._rate = per_minute / 60
        self._burst = burst
        self._full_at = _NOW

    def ready_at(self, size: float) -> float:
        """Return the first moment at which so much may go out."""
        return self._full_at - max(0.0, self._burst - size) / self._rate

    def take(self, size: float, *, now: float) -> None:
        """Note that so much goes out now."""
        self._full_at = max(self._full_at, now) + size / self._rate

    def correct(self, more: float) -> None:
        """Note that what went out earlier was larger by so much, or smaller where negative."""
        self._full_at += more / self._rate


class TokenEstimate:
    """Guesses the tokens of a call before it is sent, from what earlier calls took.

    Until the first answer, a reply is taken to be as long as it may be.
    """

    def __init__(self) -> None:
        self._input_calls = 0.0
        self._tokens_per_character = 1 / _CHARACTERS_PER_TOKEN
        self._output_calls = 0.0
        self._output_tokens = 0.0

    def tokens(self, call: ChatCall) -> float:
        """Return the tokens expected of question and reply together."""
        most = call.sampling.max_tokens
        reply = min(self._output_tokens, most) if self._output_calls else most
        return _characters(call) * self._tokens_per_character + reply

    def learn(self, call: ChatCall, completion: Completion) -> None:
        """Take in what a call took."""
        if completion.input_tokens is not None and (characters := _characters(call)):
            self._input_calls = min(self._input_calls + 1, _MEMORY_CALLS)
            seen = completion.input_tokens / characters
            self._tokens_per_character += (seen - self._tokens_per_character) / self._input_calls
        if completion.output_tokens is not None:
            self._output_calls = min(self._output_calls + 1, _MEMORY_CALLS)
            self._output_tokens += (
                completion.output_tokens - self._output_tokens
            ) / self._output_calls


class Pace:
    """The moment at which a call may go out, by requests and by tokens together.

    Args:
        limit: what the account is granted.
        allow: makes what keeps to each of the two; None for buckets of its own.
    """

    def __init__(self, limit: RateLimit, *, allow: Allow | None = None) -> None:
        allow = allow or _bucket
        of_requests, of_tokens = limit.requests_per_minute, limit.tokens_per_minute
        self._requests = None if of_requests is None else allow(REQUESTS, of_requests)
        self._tokens = None if of_tokens is None else allow(TOKENS, of_tokens)
        self._estimate = TokenEstimate()

    def size(self, call: ChatCall) -> float:
        """Return the tokens a call is expected to take; 0 where tokens are not limited."""
        return self._estimate.tokens(call) if self._tokens else 0.0

    def ready_at(self, size: float) -> float:
        """Return the first moment at which a call of that size may go out."""
        ready_at = self._requests.ready_at(1.0) if self._requests else _NOW
        return max(ready_at, self._tokens.ready_at(size)) if self._tokens else ready_at

    def take(self, size: float, *, now: float) -> None:
        """Note that a call of that size goes out now."""
        if self._requests:
            self._requests.take(1.0, now=now)
        if self._tokens:
            self._tokens.take(size, now=now)

    def give_back(self, size: float) -> None:
        """Note that a call of that size, which was to go out now, does not."""
        if self._requests:
            self._requests.correct(-1.0)
        if self._tokens:
            self._tokens.correct(-size)

    def answered(self, call: ChatCall, completion: Completion, *, size: float) -> None:
        """Put what a call took in the place of what was expected of it."""
        if self._tokens is None:
            return
        self._estimate.learn(call, completion)
        if completion.input_tokens is not None and completion.output_tokens is not None:
            self._tokens.correct(completion.input_tokens + completion.output_tokens - size)

    def refused(self, *, size: float) -> None:
        """Note that a call was turned away: it took a request, and no tokens."""
        if self._tokens:
            self._tokens.correct(-size)


def _bucket(what: str, per_minute: float) -> Bucket:
    smallest_burst = 1.0 if what == REQUESTS else 0.0
    return Bucket(per_minute, burst=max(smallest_burst, per_minute / 60 * BURST_S))


def _characters(call: ChatCall) -> int:
    return sum(len(message.content) for message in call.messages)
