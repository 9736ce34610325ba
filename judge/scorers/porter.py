"""Porter's stemmer for English, with the changes that published ROUGE figures were made with.

Those are the ones of the Natural Language Toolkit, whose stemmer the `rouge-score` package calls:
a table of irregular words, words of two letters left alone, and kinder rules for ``-ies``,
``-ied``, ``-y``, ``-alli``, ``-fulli`` and ``-logi``.

Source: Porter (1980), Program 14(3), 130-137; the changes: nltk.stem.porter, mode NLTK_EXTENSIONS.
"""

from collections.abc import Sequence
from functools import lru_cache

_VOWELS = frozenset("aeiou")
_LEFT_ALONE = 2
_SHORT = 4
_KNOWN_WORDS = 65_536
_IRREGULAR = {
    "sky": "sky",
    "skies": "sky",
    "dying": "die",
    "lying": "lie",
    "tying": "tie",
    "news": "news",
    "inning": "inning",
    "innings": "inning",
    "outing": "outing",
    "outings": "outing",
    "canning": "canning",
    "cannings": "canning",
    "howe": "howe",
    "proceed": "proceed",
    "exceed": "exceed",
    "succeed": "succeed",
}
_PLURAL = (("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("s", ""))
_DOUBLE_SUFFIXES = (
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("fulli", "ful"),
)
_SUFFIXES = (
    ("icate", "ic"),
    ("ative", ""),
    ("alize", "al"),
    ("iciti", "ic"),
    ("ical", "ic"),
    ("ful", ""),
    ("ness", ""),
)
_LAST_SUFFIXES = (
    ("al", ""),
    ("ance", ""),
    ("ence", ""),
    ("er", ""),
    ("ic", ""),
    ("able", ""),
    ("ible", ""),
    ("ant", ""),
    ("ement", ""),
    ("ment", ""),
    ("ent", ""),
    ("ion", ""),
    ("ou", ""),
    ("ism", ""),
    ("ate", ""),
    ("iti", ""),
    ("ous", ""),
    ("ive", ""),
    ("ize", ""),
)


@lru_cache(_KNOWN_WORDS)
def stem(word: str) -> str:
    """Return the stem of a lower-case English word."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) <= _LEFT_ALONE:
        return word
    word = _without_y(_without_past(_without_plural(word)))
    word = _replaced(_without_double_suffix(word), _SUFFIXES, above=0)
    return _tidied(_without_last_suffix(word))


def _without_plural(word: str) -> str:
    if word.endswith("ies") and len(word) == _SHORT:
        return word[:-1]
    return _replaced(word, _PLURAL, above=-1)


def _without_past(word: str) -> str:
    if word.endswith("ied"):
        return word[:-1] if len(word) == _SHORT else word[:-2]
    if word.endswith("eed"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    for suffix in ("ed", "ing"):
        begin = word.removesuffix(suffix)
        if begin != word and "v" in _shape(begin):
            return _completed(begin)
    return word


def _completed(begin: str) -> str:
    """Give back the letter that a word lost with its ``-ed`` or ``-ing``, or take the doubled."""
    if begin.endswith(("at", "bl", "iz")):
        return begin + "e"
    if begin[-2:-1] == begin[-1] and _shape(begin)[-1] == "c":
        return begin if begin[-1] in "lsz" else begin[:-1]
    return begin + "e" if _measure(begin) == 1 and _ends_short(begin) else begin


def _without_y(word: str) -> str:
    begin = word.removesuffix("y")
    if begin != word and len(begin) > 1 and _shape(begin)[-1] == "c":
        return begin + "i"
    return word


def _without_double_suffix(word: str) -> str:
    if word.endswith("alli") and _measure(word[:-4]) > 0:
        return _without_double_suffix(word[:-2])
    if word.endswith("logi"):
        return word[:-1] if _measure(word[:-3]) > 0 else word
    return _replaced(word, _DOUBLE_SUFFIXES, above=0)


def _without_last_suffix(word: str) -> str:
    if word.endswith("ion") and word[-4:-3] not in {"s", "t"}:
        return word
    return _replaced(word, _LAST_SUFFIXES, above=1)


def _tidied(word: str) -> str:
    if word.endswith("e"):
        begin = word[:-1]
        measure = _measure(begin)
        if measure > 1 or (measure == 1 and not _ends_short(begin)):
            word = begin
    return word[:-1] if word.endswith("ll") and _measure(word[:-1]) > 1 else word


def _replaced(word: str, suffixes: Sequence[tuple[str, str]], *, above: int) -> str:
    """Replace the first suffix that fits, if what is before it has a measure above that."""
    for suffix, other in suffixes:
        if word.endswith(suffix):
            begin = word[: len(word) - len(suffix)]
            return begin + other if _measure(begin) > above else word
    return word


def _measure(word: str) -> int:
    """Count the groups of vowels that a group of consonants follows."""
    return _shape(word).count("vc")


def _ends_short(word: str) -> bool:
    shape = _shape(word)
    return (shape[-3:] == "cvc" and word[-1] not in "wxy") or shape == "vc"


def _shape(word: str) -> str:
    """Spell a word as vowels, v, and consonants, c; y is a vowel after a consonant."""
    shape: list[str] = []
    for letter in word:
        after_consonant = bool(shape) and shape[-1] == "c"
        is_vowel = letter in _VOWELS or (letter == "y" and after_consonant)
        shape.append("v" if is_vowel else "c")
    return "".join(shape)
