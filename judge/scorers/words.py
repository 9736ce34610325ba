"""What counts as a word where texts are compared word by word, whatever script they are in.

Two rules are in use, each equal to the published one on ASCII text, and each extended where that
one drops or merges what is not English:

* `words` is the rule of ROUGE: runs of letters and digits, without case.
* `answer_words` is the rule of SQuAD: punctuation deleted, English articles left out, split at
  spaces.

In both, letters of other scripts stay, with the marks that belong to them; scripts that put no
spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) give one word per character;
full-width forms and the minus sign equal the common ones; and a text that would be left with
nothing at all keeps what it has, so that "!" is not "?" and the choice "A" is not "The".

Source: Rajpurkar et al. (2016), EMNLP, with its official script; Lin (2004), ROUGE; characters as
words: Lewis et al. (2020), MLQA, ACL.
"""

import re
import string
import unicodedata
from functools import lru_cache

_ASCII_WORD = re.compile(r"[a-z0-9]+")
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_ASCII_PUNCTUATION = frozenset(string.punctuation)
_DELETED = str.maketrans("", "", string.punctuation)
_COMMON_FORMS = {
    0x2212: "-",
    0x3000: " ",
    **{0xFF01 + place: chr(0x21 + place) for place in range(94)},
}
_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x30FF),  # kana, with the marks of repetition
    (0x3100, 0x312F),  # Bopomofo
    (0x31F0, 0x31FF),  # kana
    (0x3400, 0x4DBF),  # Chinese characters, here and below
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9F),  # half-width kana
    (0x20000, 0x323AF),
)
_VARIATION_SELECTORS = (0xFE00, 0xFE0F)
_CHARACTERS = 65_536


def fold(text: str) -> str:
    """Return a text in one case, with composed characters and the common forms of signs."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", text.translate(_COMMON_FORMS).casefold())


def words(text: str) -> list[str]:
    """Return the words of a text as ROUGE counts them, in text order; its signs if it has none."""
    folded = fold(text)
    plain = folded.isascii()
    found = _ASCII_WORD.findall(folded) if plain else folded.translate(_Apart()).split()
    return found or _signs(folded)


def answer_words(text: str) -> list[str]:
    """Return the words of a short answer as SQuAD normalises it; equal lists are an exact match."""
    folded = fold(text)
    plain = folded.translate(_DELETED if folded.isascii() else _Joined())
    return _ARTICLE.sub(" ", plain).split() or plain.split() or _signs(folded)


class _Apart:
    """A table for `str.translate` that puts a space for whatever is no part of a word."""

    def __getitem__(self, code: int) -> str:
        return _apart(code)


class _Joined:
    """A table for `str.translate` that deletes punctuation, as SQuAD does."""

    def __getitem__(self, code: int) -> str:
        return _joined(code)


@lru_cache(_CHARACTERS)
def _apart(code: int) -> str:
    category = unicodedata.category(chr(code))
    if _is_unseen(code, category):
        return ""
    return _spaced(code, category) if category[0] in "LMN" else " "


@lru_cache(_CHARACTERS)
def _joined(code: int) -> str:
    character, category = chr(code), unicodedata.category(chr(code))
    if _is_unseen(code, category) or category[0] == "P" or character in _ASCII_PUNCTUATION:
        return ""
    return _spaced(code, category)


def _spaced(code: int, category: str) -> str:
    alone = category[0] in "LM" and any(low <= code <= high for low, high in _WITHOUT_SPACES)
    return f" {chr(code)} " if alone else chr(code)


def _is_unseen(code: int, category: str) -> bool:
    # Soft hyphens, joiners and the like: they stand within words and are not seen.
    low, high = _VARIATION_SELECTORS
    return category == "Cf" or low <= code <= high


def _signs(folded: str) -> list[str]:
    return [sign for sign in folded if not sign.isspace()]
