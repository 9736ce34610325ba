"""The least repair of a JSON object or array: commas left out, and what was cut off closed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# One string, closed (then it has a group) or reaching to the end; one mark; or one atom, which is
# a number or a name. No repetition can be read in two ways, so the time is linear.
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*+(?:(")|\\?\Z)|[\[\]{}:,]|[^\s"\[\]{}:,]+',
    re.DOTALL,
)
# An escape that the end of the text cuts: also half of a surrogate pair, whole or not.
_CUT_ESCAPE = re.compile(
    r"(?<!\\)(?:\\\\)*+(?P<cut>\\u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u[0-9a-fA-F]{0,3})?)?"
    r"|\\(?:u[0-9a-fA-F]{0,3})?)\Z"
)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?\Z")
_CUT_NUMBER = re.compile(r"-\Z|-?(?:0|[1-9][0-9]*)(?:\.|(?:\.[0-9]+)?[eE][+-]?)\Z")
_NAMES = ("true", "false", "null")
_CLOSERS: Mapping[str, str] = MappingProxyType({"{": "}", "[": "]"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Repaired:
    """A document within a text, made whole.

    Attributes:
        text: the document; strict JSON if its strings, numbers and keys are.
        end: the place in the original text after its last character.
        commas: how many commas were left out because nothing followed them.
        cut: whether the text ended before the document did.
        distance: the least number of characters to delete or insert, where all brackets stay.
            What was cut within a pair or element is left out of `text`, so that nothing is
            invented, but counted as what it takes to complete it where that is less.
    """

    text: str
    end: int
    commas: int
    cut: bool
    distance: int


# What stands before, and so what may follow. Texts, not an Enum: whose hash is a call.
_FIRST_KEY = "first key"
_KEY = "key"
_COLON = "colon"
_VALUE = "value"
_PAIR_DONE = "pair done"
_FIRST_ITEM = "first item"
_ITEM = "item"
_ITEM_DONE = "item done"
# What a bracket does.
_OPEN = "open"
_CLOSE = "close"
_CLOSE_AFTER_COMMA = "close after comma"

_ATOM = "atom"
_OPENERS = {"{": _OPEN, "[": _OPEN}
# By state and first character of a token; a token that is not there is none of JSON's.
_STEPS: Mapping[str, Mapping[str, str]] = {
    _FIRST_KEY: {'"': _COLON, "}": _CLOSE},
    _KEY: {'"': _COLON, "}": _CLOSE_AFTER_COMMA},
    _COLON: {":": _VALUE},
    _VALUE: {'"': _PAIR_DONE, _ATOM: _PAIR_DONE, **_OPENERS},
    _PAIR_DONE: {",": _KEY, "}": _CLOSE},
    _FIRST_ITEM: {
        '"': _ITEM_DONE,
        _ATOM: _ITEM_DONE,
        "]": _CLOSE,
        **_OPENERS,
    },
    _ITEM: {
        '"': _ITEM_DONE,
        _ATOM: _ITEM_DONE,
        "]": _CLOSE_AFTER_COMMA,
        **_OPENERS,
    },
    _ITEM_DONE: {",": _ITEM, "]": _CLOSE},
}
_FIRST = {"{": _FIRST_KEY, "[": _FIRST_ITEM}
_DONE = {"{": _PAIR_DONE, "[": _ITEM_DONE}
_MARKS = frozenset('"{}[]:,')


def repair(text: str, start: int) -> Repaired | None:
    """Return the document that starts with the bracket at a place; None where it is none."""
    tokens = [text[start]]
    brackets = [text[start]]
    state = _FIRST[text[start]]
    commas = 0
    closed = True
    for match in _TOKEN.finditer(text, start + 1):
        token = match[0]
        mark = token[0] if token[0] in _MARKS else _ATOM
        step = _STEPS[state].get(mark)
        if step is None:
            return None
        if step in _STEPS:
            state = step
            closed = match.lastindex == 1
        elif step == _OPEN:
            brackets.append(token)
            state = _FIRST[token]
        else:
            if step == _CLOSE_AFTER_COMMA:
                tokens.pop()
                commas += 1
            brackets.pop()
            if not brackets:
                whole = "".join(tokens) + token
                return Repaired(
                    text=whole, end=match.end(), commas=commas, cut=False, distance=commas
                )
            state = _DONE[brackets[-1]]
        tokens.append(token)
    cost = _complete(tokens, state, closed=closed)
    if cost is None:
        return None
    closers = "".join(_CLOSERS[bracket] for bracket in reversed(brackets))
    return Repaired(
        text="".join(tokens) + closers,
        end=len(text),
        commas=commas,
        cut=True,
        distance=commas + cost + len(closers),
    )


def _complete(tokens: list[str], state: str, *, closed: bool) -> int | None:
    """Close or leave out what the end cut; return its cost, None where it is no JSON."""
    last = tokens[-1]
    if state == _COLON:
        return _leave_key_out(tokens, closed=closed)
    if state == _VALUE:
        del tokens[-2:]
        _leave_comma_out(tokens)
        return 1
    if state in {_KEY, _ITEM}:
        tokens.pop()
        return 1
    if state in {_FIRST_KEY, _FIRST_ITEM} or last in {"}", "]"}:
        return 0
    if last.startswith('"'):
        return 0 if closed else _close_string(tokens)
    return _complete_atom(tokens)


def _leave_key_out(tokens: list[str], *, closed: bool) -> int:
    key = tokens.pop()
    comma = _leave_comma_out(tokens)
    # What it takes to keep it: a quote, a colon and a value of one character.
    keeping = 2 if closed else 3 + _broken_escapes(key)
    return min(len(key) + comma, keeping)


def _leave_comma_out(tokens: list[str]) -> bool:
    comma = tokens[-1] == ","
    if comma:
        tokens.pop()
    return comma


def _close_string(tokens: list[str]) -> int:
    broken = _CUT_ESCAPE.search(tokens[-1], 1)
    whole = tokens[-1][: broken.start("cut")] if broken else tokens[-1]
    cost = 1 + _broken_escapes(tokens[-1])
    tokens[-1] = f'{whole}"'
    return cost


def _broken_escapes(token: str) -> int:
    """Return how many backslashes must go, so that no escape is cut."""
    broken = _CUT_ESCAPE.search(token, 1)
    return broken["cut"].count("\\") if broken else 0


def _complete_atom(tokens: list[str]) -> int | None:
    last, before = tokens[-1], tokens[-2]
    if last in _NAMES or _NUMBER.match(last):
        return 0
    if _CUT_NUMBER.match(last):
        del tokens[-2 if before == ":" else -1 :]
        if before == ":":
            tokens.pop()
        _leave_comma_out(tokens)
        return 1
    name = next((name for name in _NAMES if name.startswith(last)), None)
    if name is None:
        return None
    tokens[-1] = name
    # The name is completed, or taken away with what needs it: a colon needs another value.
    return min(len(name) - len(last), len(last) + (before in {":", ","}))
