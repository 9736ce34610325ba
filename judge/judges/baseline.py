"""The embedded baseline judge: shared words and shared meaning, no language model, no key.

It is the line every other judge has to beat, so its formula is fixed and was never fitted on
labels. For an answer `c` and one trusted answer `a`:

    words    W = share of the distinct content words of `a` that occur in `c`
    meaning  M = largest cosine between `a` and `c`, or between `a` and one sentence of `c`
    agreement  = (W + M) / 2

The verdict is "equivalent" when the agreement is at least 1/2 and every number in `a` occurs in
`c`. Of several trusted answers the one that fits best counts. The weights are equal and the
threshold is the middle because nothing was measured to choose others.

It cannot see a negation, a swapped name or a dropped condition: that is what it is there to show.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal

import numpy as np

from judge.judges.judge import JudgedCase, Judgement
from judge.models.embedding import SharedEmbedder
from judge.records.scale import EQUIVALENCE

FORMULA_VERSION = "1"
THRESHOLD = 0.5

_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_FUNCTION_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "being",
        "but",
        "by",
        "can",
        "could",
        "did",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "may",
        "me",
        "might",
        "my",
        "no",
        "not",
        "of",
        "on",
        "or",
        "our",
        "shall",
        "she",
        "should",
        "so",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "those",
        "to",
        "us",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "whom",
        "whose",
        "why",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)
_MOST_LISTED = 12
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)  # a text may hold any number
_DECIMALS = 6  # beyond them, vectors differ with the batch they were computed in


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How well an answer agrees with one trusted answer.

    Attributes:
        words: share of its content words found, in [0, 1].
        meaning: cosine, in [-1, 1].
        missing_words: its content words that were not found.
        missing_numbers: its numbers that were not found.
    """

    words: float
    meaning: float
    missing_words: tuple[str, ...]
    missing_numbers: tuple[str, ...]

    @property
    def value(self) -> float:
        return round((self.words + self.meaning) / 2, _DECIMALS)

    @property
    def equivalent(self) -> bool:
        return self.value >= THRESHOLD and not self.missing_numbers


class BaselineJudge:
    """Decides by the formula above, and says what decided it."""

    def __init__(self, embedder: SharedEmbedder) -> None:
        self._embedder = embedder

    @property
    def identity(self) -> Mapping[str, str]:
        return {"judge": "baseline", "formula": FORMULA_VERSION, **self._embedder.identity}

    async def judge(self, case: JudgedCase) -> Judgement:
        pieces = _pieces(case.candidate)
        vectors = await self._embedder.embed([*pieces, *case.against])
        of_pieces, of_answers = vectors[: len(pieces)], vectors[len(pieces) :]
        words, known = content_words(case.candidate), frozenset(numbers(case.candidate))
        agreements = [
            _agreement(
                answer, frozenset(words), known, meaning=float(np.max(of_pieces @ of_answer))
            )
            for answer, of_answer in zip(case.against, of_answers, strict=True)
        ]
        best = max(agreements, key=lambda found: (found.equivalent, found.value))
        evidence = _closest_sentence(words, case.input or "\n".join(case.against))
        unsupported = _unsupported(words, case)
        return Judgement(
            label=EQUIVALENCE.categories[int(best.equivalent)],
            rationale=_reason(best, unsupported, evidence),
            details={
                "agreement": best.value,
                "words": best.words,
                "meaning": best.meaning,
                "missing_numbers": list(best.missing_numbers),
                "unsupported_words": list(unsupported),
                "closest_source_sentence": evidence,
            },
        )


def content_words(text: str) -> list[str]:
    """Return the distinct words that carry meaning, without case and accents, in text order."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(mark for mark in plain if not unicodedata.combining(mark))
    words = dict.fromkeys(_WORD.findall(plain))
    # "To be or not to be" is all function words: then they are what there is.
    return [word for word in words if word not in _FUNCTION_WORDS] or list(words)


def numbers(text: str) -> list[str]:
    """Return the distinct numbers of a text in one notation: ``1,240.00`` and ``1240`` agree."""
    found = (Decimal(match.replace(",", "")) for match in _NUMBER.findall(text))
    return list(dict.fromkeys(f"{number.normalize(_EXACT):f}" for number in found))


def sentences(text: str) -> list[str]:
    """Return the sentences and lines of a text."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def _pieces(candidate: str) -> list[str]:
    parts = sentences(candidate)
    return [candidate, *parts] if len(parts) > 1 else [candidate]


def _agreement(
    answer: str, given: AbstractSet[str], known: AbstractSet[str], *, meaning: float
) -> Agreement:
    wanted = content_words(answer)
    missing = tuple(word for word in wanted if word not in given)
    return Agreement(
        words=round(1 - len(missing) / len(wanted), _DECIMALS) if wanted else 0.0,
        meaning=round(meaning, _DECIMALS),
        missing_words=missing,
        missing_numbers=tuple(number for number in numbers(answer) if number not in known),
    )


def _unsupported(words: Sequence[str], case: JudgedCase) -> list[str]:
    supported = set(content_words(" ".join([case.input, *case.against])))
    return [word for word in words if word not in supported][:_MOST_LISTED]


def _closest_sentence(words: Sequence[str], source: str) -> str:
    wanted = set(words)
    found = sentences(source)
    return max(found, key=lambda text: len(wanted.intersection(content_words(text))), default="")


def _reason(best: Agreement, unsupported: Sequence[str], evidence: str) -> str:
    parts = [f"agreement {best.value:.2f} (words {best.words:.2f}, meaning {best.meaning:.2f})"]
    if best.missing_numbers:
        parts.append(f"numbers not found: {', '.join(best.missing_numbers[:_MOST_LISTED])}")
    if best.missing_words:
        parts.append(f"words not found: {', '.join(best.missing_words[:_MOST_LISTED])}")
    if unsupported:
        parts.append(f"words nothing supports: {', '.join(unsupported)}")
    if evidence:
        parts.append(f'closest source sentence: "{evidence}"')
    return "; ".join(parts)
