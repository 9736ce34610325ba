"""The words of a text, the same however it is written: case, spaces, punctuation, Unicode forms."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator

RUN = 1 << 20
"""Characters of a text whose words are taken at once: what bounds the memory of a long one."""
LONG = 256
"""Characters of the longest word that is kept as it is."""

# Putting combining marks in order takes quadratic time: 4,096 of them in a row 18 ms, a hundred
# thousand 40 s. Between two spaces nothing composes, so a text may be normalised piece by piece.
_NORMALISED_AT_ONCE = 512
_ASCII = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
_KEPT = 0x20000  # beyond are ideographs: too many to keep, and rare
# Scripts that put no space between words: each of their characters counts as a word.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff"
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)


def words_of(text: str) -> list[str]:
    """Return the words of a text in their order.

    Two texts that differ in case, white space, punctuation, Unicode form (NFKC) or characters
    that show nothing have the same words. In scripts without spaces a character is a word; for a
    word of more than `LONG` characters stands its hash.
    """
    words = _folded(text).split()
    if len(text) <= LONG:
        return words
    return [word if len(word) <= LONG else _digest(word) for word in words]


def runs_of_words(text: str) -> Iterator[list[str]]:
    """Yield the words of a text of any length, those of some `RUN` characters at once."""
    return (words_of(piece) for piece in _pieces(text, RUN))


def _pieces(text: str, limit: int) -> Iterator[str]:
    """Yield a text in pieces that end at a space, if there is one within the limit."""
    start = 0
    while len(text) - start > limit:
        end = text.rfind(" ", start, start + limit) + 1
        if end <= start:
            end = start + limit
        yield text[start:end]
        start = end
    yield text[start:]


def _folded(text: str) -> str:
    if text.isascii():
        return text.translate(_ASCII)
    plain = "".join(
        unicodedata.normalize("NFKC", piece) for piece in _pieces(text, _NORMALISED_AT_ONCE)
    )
    return plain.casefold().translate(_SPELLING)


def _digest(word: str) -> str:
    return hashlib.sha256(word.encode("utf-8", "surrogatepass")).hexdigest()


class _Spelling(dict[int, str]):
    """What stands for a character when words are compared, found out when it is first met.

    Letters, digits and combining marks stand for themselves (without their marks Hindi words fall
    apart, and some become the same), what shows nothing for nothing, and all else for a space.
    """

    def __missing__(self, code: int) -> str:
        mark = chr(code)
        kind = unicodedata.category(mark)
        if _UNSPACED.match(mark):
            spelt = f" {mark} "
        elif kind[0] in "LMN":
            spelt = mark
        else:
            spelt = "" if kind == "Cf" else " "
        if code < _KEPT:
            self[code] = spelt
        return spelt


_SPELLING = _Spelling()
