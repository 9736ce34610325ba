"""How probable a model found the tokens of a text, as rows of outputs say it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, fsum, isfinite, log1p

from judge.records.rows import Row
from judge.records.strict_json import JsonValue, StrictJsonError, read_strict_json

_ROUNDING = 1e-6
"""Rounding may lift the logarithm of a probability of 1 over 0, but not by more."""

_NO_MASS_OVER = 1e-2
"""Of probabilities at one place that sum to 1: log-probabilities may come in half precision."""

_REMEDY = (
    "write natural logarithms of probabilities, one a token: a list of numbers, or "
    '{"content": [{"token": ..., "logprob": ..., "top_logprobs": [...]}, ...]}; leave it out or '
    "use null where they are not known"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogprob:
    """One token of a text.

    Attributes:
        token: as the model spells it; None where only its number is given.
        logprob: natural logarithm of its probability, at most 0.
        top: token to log-probability of the most probable ones there, the token itself among
            them if it is one of them or was given; empty where none are given.
    """

    token: str | None
    logprob: float
    top: Mapping[str, float]


def read_token_logprobs(row: Row, field: str) -> tuple[TokenLogprob, ...]:
    """Read the log-probabilities of a text's tokens, in the order of the text.

    Args:
        row: of outputs; in a CSV file the cell holds JSON.
        field: our name for the column: a list of numbers, a list of objects with ``token``,
            ``logprob`` and perhaps ``top_logprobs``, or an object with such a list as ``content``.

    Returns:
        The tokens; none where the row does not say it.

    Raises:
        DataError: something else, or a logarithm that belongs to no probability; the message names
            file, row and remedy.
    """
    value = row.values.get(row.column(field))
    if isinstance(value, str) and not row.typed:
        if not value.strip():
            return ()
        try:
            value = read_strict_json(value)
        except StrictJsonError as error:
            raise row.error(f"{row.column(field)!r} is no JSON: {error}; {_REMEDY}") from error
    if isinstance(value, dict) and "content" in value:
        value = value["content"]
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _wrong(row, field, "is no list of log-probabilities")
    return tuple(_token(row, field, one, place) for place, one in enumerate(value))


def token_probability(tokens: Sequence[TokenLogprob]) -> float | None:
    """Return the geometric mean of the tokens' probabilities, in [0, 1]; None without tokens.

    It does not fall with the length of a text as its whole probability does.

    Source: length-normalised likelihood as confidence: Malinin and Gales (2021), ICLR, arXiv
    2002.07650, section 3.
    """
    if not tokens:
        return None
    return exp(fsum(one.logprob / len(tokens) for one in tokens))


def _token(row: Row, field: str, value: JsonValue, place: int) -> TokenLogprob:
    if not isinstance(value, dict):
        return TokenLogprob(token=None, logprob=_logprob(row, field, value, place), top={})
    token, others = value.get("token"), value.get("top_logprobs")
    if not isinstance(token, str):
        raise _wrong(row, field, f"has no text as 'token' at place {place}")
    logprob = _logprob(row, field, value.get("logprob"), place)
    if others is None or others == []:
        return TokenLogprob(token=token, logprob=logprob, top={})
    return TokenLogprob(
        token=token,
        logprob=logprob,
        top=_top(row, field, others, place, own={token: logprob}),
    )


def _top(
    row: Row, field: str, others: JsonValue, place: int, *, own: Mapping[str, float]
) -> Mapping[str, float]:
    if not isinstance(others, list):
        raise _wrong(row, field, f"has no list as 'top_logprobs' at place {place}")
    top: dict[str, float] = {}
    for other in others:
        if not isinstance(other, dict) or not isinstance(name := other.get("token"), str):
            raise _wrong(row, field, f"has no 'token' in 'top_logprobs' at place {place}")
        logprob = _logprob(row, field, other.get("logprob"), place)
        # Pieces of characters can be spelt alike: together they are as probable as their sum.
        top[name] = _sum(top[name], logprob) if name in top else logprob
    top = {**own, **top}
    if fsum(map(exp, top.values())) > 1 + _NO_MASS_OVER:
        raise _wrong(row, field, f"has probabilities at place {place} that sum to more than 1")
    return top


def _sum(one: float, other: float) -> float:
    high, low = max(one, other), min(one, other)
    return min(0.0, high + log1p(exp(low - high)))


def _logprob(row: Row, field: str, value: JsonValue, place: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(row, field, f"holds no number at place {place}")
    if not isfinite(value) or value > _ROUNDING:
        raise _wrong(row, field, f"holds {value:g} at place {place}, which is over 0 or no number")
    return min(0.0, float(value))


def _wrong(row: Row, field: str, what: str) -> Exception:
    return row.error(f"{row.column(field)!r} {what}; {_REMEDY}")
