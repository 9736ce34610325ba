"""ROUGE-1, ROUGE-2 and ROUGE-L: the words, pairs of words and word order that two texts share.

On English text every value is that of the `rouge-score` package, with and without its stemmer. It
differs where that one cannot speak: `rouge-score` drops every letter but a to z, so that two
Chinese texts, or "café" against "caf", tell it nothing; here words are those of `words.words`. And
a text of signs alone, such as an emoji, is compared by its signs.

The stemmer is off by default: it is for English only, it makes "university" and "universe" one
word, and `rouge-score` and most libraries that call it leave it off as well. Papers that report
ROUGE with a stemmer need it on to compare, and the signature says which it was.

Source: Lin (2004), ROUGE: A Package for Automatic Evaluation of Summaries, ACL workshop; of
several references the best counts, as in its section 2.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from judge.scorers.overlap import Overlap, shared, shared_in_order
from judge.scorers.porter import stem
from judge.scorers.task import Compared, Incomparable
from judge.scorers.words import words

Variant: TypeAlias = Literal["rouge_1", "rouge_2", "rouge_l"]

VARIANTS: tuple[Variant, ...] = get_args(Variant)
WORD_RULE = "rouge-1"

_SHORTEST_STEMMED = 4
_PAIR = 2
_OVERLAPS: Mapping[Variant, Callable[[Sequence[str], Sequence[str]], Overlap]] = MappingProxyType(
    {
        "rouge_1": shared,
        "rouge_2": lambda given, wanted: shared(given, wanted, size=_PAIR),
        "rouge_l": shared_in_order,
    }
)


class Rouge:
    """F1 of what output and reference share, by one of the three counts.

    Args:
        variant: single words, pairs of words, or the longest common subsequence of words.
        stemmer: whether English words of four letters and more are stemmed.
    """

    continuous = True

    def __init__(self, variant: Variant, *, stemmer: bool = False) -> None:
        self._variant: Variant = variant
        self._stemmer = stemmer

    @property
    def scorer(self) -> str:
        return self._variant

    @property
    def identity(self) -> Mapping[str, str]:
        return {"words": WORD_RULE, "stemmer": "porter-nltk" if self._stemmer else "none"}

    def compare(self, output: str, answers: Sequence[str]) -> Compared | Incomparable:
        wanted = [rouge_words(answer, stemmer=self._stemmer) for answer in answers]
        if self._variant == "rouge_2":
            wanted = [some for some in wanted if len(some) >= _PAIR]
            if not wanted:
                return Incomparable(reason="the answer it is held against has no two words")
        given = rouge_words(output, stemmer=self._stemmer)
        best = max((rouge(given, some, self._variant) for some in wanted), key=lambda one: one.f1)
        return Compared(
            value=best.f1,
            details={"precision": best.precision, "recall": best.recall},
        )


def rouge(given: Sequence[str], wanted: Sequence[str], variant: Variant) -> Overlap:
    """Compare the words of an output with those of a reference."""
    return _OVERLAPS[variant](given, wanted)


def rouge_words(text: str, *, stemmer: bool = False) -> list[str]:
    """Return the words of a text as ROUGE compares them, stemmed if that is asked for."""
    found = words(text)
    if not stemmer:
        return found
    return [
        stem(word) if len(word) >= _SHORTEST_STEMMED and word.isascii() else word for word in found
    ]
