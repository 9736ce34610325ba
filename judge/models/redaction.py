"""What must be in no text that leaves a model: keys, passwords, tokens."""

import base64
import binascii
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

HIDDEN = "***"

# Shorter ones are placeholders for endpoints that want none, and stand in ordinary texts.
_SHORTEST = 8
_TELLING = re.compile(r"auth|key|token|secret|cookie|password", re.IGNORECASE)
_LONGEST_WORDS = 300


class Secrets:
    """Takes the secrets of an address out of what its endpoint says.

    Args:
        url: its user, password and query may hold some.
        headers: those whose names say so hold some.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        found = {*_of_url(url), *_of_headers(headers)}
        # The longest first: one may be a part of another.
        self._texts = sorted((one for one in found if len(one) >= _SHORTEST), key=len)[::-1]

    def hide(self, text: str) -> str:
        """Return a text without them."""
        if not text:
            return text
        for secret in self._texts:
            text = text.replace(secret, HIDDEN)
        return text

    def words(self, text: str) -> str:
        """Return what may stand in a message: short, printable, without secrets."""
        # Hidden before it is cut: the first half of a key is no key any more, yet tells much.
        shown = "".join(c if c.isprintable() else " " for c in self.hide(text))
        return " ".join(shown.split())[:_LONGEST_WORDS]


def _of_url(url: str) -> list[str]:
    parts = urlsplit(url)
    query = [value for name, value in parse_qsl(parts.query) if _TELLING.search(name)]
    return [*query, unquote(parts.password or "")]


def _of_headers(headers: Mapping[str, str]) -> list[str]:
    found = []
    for value in (value for name, value in headers.items() if _TELLING.search(name)):
        scheme, _, token = value.partition(" ")
        found.append(token or value)
        if scheme.lower() == "basic":
            found.append(_password(token))
    return found


def _password(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""
