"""How probable each category of a scale was where a reply gave its verdict."""

import json
import re
from collections.abc import Mapping, Sequence
from math import exp

from judge.models.chat import Completion, TokenAlternatives
from judge.records.scale import Scale
from judge.stats.estimate import Undefined

LEAST_MASS = 0.5
"""Of the probability at the verdict's place, how much must be the scale's own."""

_JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}:,]|[^\s"\[\]{}:,]+')
_MOST_END_TOKENS = 8  # that an endpoint lists after the last one of the text


def category_chances(
    completion: Completion, *, spoken: str, path: Sequence[str], label: str, scale: Scale
) -> tuple[float, ...] | Undefined:
    """Return the probability of each category, given that the verdict is one of them.

    It is read from the one token with which the verdict begins. What stands for no category, or
    for several that begin alike, counts for none of them.

    Args:
        completion: a reply that was read.
        spoken: the part of its text that is the reply, at its end.
        path: the keys that lead to the verdict.
        label: the verdict.
        scale: of the verdict.

    Returns:
        One number per category, summing to 1; Undefined where the endpoint gave none that can be
        used.
    """
    if not completion.alternatives:
        return Undefined(reason="the endpoint gave no probabilities")
    place = len(completion.text) - len(spoken) + _place_of(spoken, path)
    if not completion.text.startswith(label, place):
        return Undefined(reason="the verdict is written with escapes")
    found = _token_at(place, completion.text, completion.alternatives)
    if found is None:
        return Undefined(reason="the tokens given are not those of the reply")
    token, before = found
    chances = _chances(token, before, scale.categories)
    if not chances[scale.code(label)]:
        return Undefined(reason="two categories begin with the same token")
    if (mass := sum(chances)) < LEAST_MASS:
        return Undefined(reason=f"only {mass:.2f} of the probability is on the scale")
    return tuple(chance / mass for chance in chances)


def _place_of(text: str, path: Sequence[str]) -> int:
    """Return where the value at a path of a strict JSON document begins, inside its quotes."""
    inside: list[str] = []
    key, is_value = "", False
    for match in _JSON_TOKEN.finditer(text):
        mark = match[0]
        if mark in "{[":
            inside.append(key if is_value else "")
        elif mark in "}]":
            inside.pop()
        elif mark not in ":," and is_value and [*inside[1:], key] == list(path):
            return match.start() + (mark[0] == '"')
        elif mark[0] == '"' and not is_value:
            key = json.loads(mark)
        is_value = mark == ":"
    raise ValueError(f"there is nothing at {'.'.join(path)}")


def _token_at(
    place: int, text: str, tokens: Sequence[TokenAlternatives]
) -> tuple[TokenAlternatives, str] | None:
    """Return the token that holds a place of a text, and what it holds before that place.

    Tokens are counted from the end: endpoints show a part of a character as something else, and a
    verdict comes after the words in which such stand.
    """
    for n_tokens in range(len(tokens), max(0, len(tokens) - _MOST_END_TOKENS) - 1, -1):
        end = len(text)
        for token in reversed(tokens[:n_tokens]):
            start = end - len(token.token)
            if start < 0 or text[start:end] != token.token:
                break
            if start <= place < end:
                return token, text[start:place]
            end = start
    return None


def _chances(token: TokenAlternatives, before: str, categories: Sequence[str]) -> list[float]:
    """Return the probability of the tokens that begin each category and no other."""
    logprobs: Mapping[str, float] = {**token.others, token.token: token.logprob}
    chances = [0.0] * len(categories)
    for other, logprob in logprobs.items():
        begun = other.removeprefix(before)
        if not other.startswith(before) or not begun:
            continue
        meant = [
            code
            for code, category in enumerate(categories)
            if category.startswith(begun) or _goes_beyond(begun, category)
        ]
        if len(meant) == 1:
            chances[meant[0]] += exp(logprob)
    return chances


def _goes_beyond(begun: str, category: str) -> bool:
    """Whether a token holds a category and what may follow it in JSON."""
    return begun.startswith(category) and begun[len(category)] in '",} \t\r\n'
