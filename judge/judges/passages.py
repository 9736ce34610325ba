"""Which passages of a long source bear on a claim: found by words, and by meaning where asked.

A source is cut into sentences. For a claim they are ranked by BM25 (Robertson and Zaragoza 2009,
Foundations and Trends in IR 3(4), eq. 3.15) twice: by all words alike, and with numbers and names
counting more. The one finds what a wrong number should have been, the other where a right one
stands. The rankings are joined by the sum of reciprocal ranks (Cormack, Clarke and Buettcher 2009,
SIGIR, section 2); what is found comes with its neighbours.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from judge.judges.sentences import Span, sentence_spans
from judge.models.context import ample_tokens

PASSAGES_VERSION = "1"
"""Part of the signature of whoever judges by passages."""

_SATURATION, _LENGTH_WEIGHT = 1.2, 0.75  # k1 and b, as usual
_NEIGHBOUR_SHARE = 0.3
_NUMBER_WEIGHT, _NAME_WEIGHT = 3.0, 2.0
_RANK_OFFSET = 60
_LONGEST_SENTENCE = 600
"""Characters beyond which a sentence, or what goes for one, is cut at a space."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u9fff\uf900-\ufaff"
_TERM = re.compile(
    "(?P<number>\\d{1,3}(?:[,\u00a0\u202f'\u2019]\\d{3})+(?!\\d)(?:\\.\\d+)?|\\d+(?:\\.\\d+)?)"
    f"|(?P<unspaced>[{_UNSPACED}]+)|(?P<word>(?:(?![{_UNSPACED}])[^\\W\\d_])+)|(?P<percent>%)"
)
_IN_FIGURES = {
    name: f"#{number}"
    for number, name in enumerate(
        [
            *["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
            *["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"],
            *["seventeen", "eighteen", "nineteen", "twenty"],
        ]
    )
} | {
    name: f"#{10 * tens}"
    for tens, name in enumerate(
        ["thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=3
    )
}
_SHORTEST_STEM = 3


class Source:
    """A source text, ready to be searched."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.sentences: tuple[Span, ...] = tuple(
            piece for span in sentence_spans(text) for piece in _pieces(text, span)
        )
        """Its sentences in order, of no more than 600 characters each."""
        counts = [Counter(_terms(span.of(text))) for span in self.sentences]
        self._lengths = np.array([sum(count.values()) for count in counts], dtype=np.float64)
        self._postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for place, count in enumerate(counts):
            for term, times in count.items():
                self._postings[term].append((place, times))

    def rankings(self, claim: str, *, around: str = "") -> list[NDArray[np.int64]]:
        """Return the places of the sentences twice, the best first.

        Args:
            claim: what is looked for.
            around: what stands round the claim where it comes from; counts half.
        """
        plain = dict.fromkeys(_terms(around), 0.5) | dict.fromkeys(_terms(claim), 1.0)
        boosted = {
            term: weight * _weight(term, names=_names(claim)) for term, weight in plain.items()
        }
        return [_ranked(self._scores(plain)), _ranked(self._scores(boosted))]

    def knows(self, claim: str) -> bool:
        """Whether any word of a claim occurs in the source."""
        return any(term in self._postings for term in _terms(claim))

    def passages(
        self, rankings: Sequence[NDArray[np.int64]], *, most: int, tokens: int
    ) -> tuple[Span, ...]:
        """Return the best sentences with their neighbours, in the order of the text.

        Args:
            rankings: places of all the sentences, the best first, one or several times.
            most: sentences that are looked for; neighbours are not counted.
            tokens: room for all of them together.

        Returns:
            Parts of the text that do not touch; fewer, and none at all, where there is no room.
        """
        chosen: set[int] = set()
        left = tokens
        for place in _joined(rankings)[:most]:
            for wanted in ([place - 1, place, place + 1], [place]):
                new = {p for p in wanted if 0 <= p < len(self.sentences)} - chosen
                needed = sum(ample_tokens(self.sentences[p].of(self.text)) for p in new)
                if needed <= left:
                    chosen |= new
                    left -= needed
                    break
        return _merged(self.sentences, sorted(chosen))

    def _scores(self, query: Mapping[str, float]) -> NDArray[np.float64]:
        n = len(self.sentences)
        scores = np.zeros(n, dtype=np.float64)
        usual = float(self._lengths.mean()) if n else 1.0
        damping = _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * self._lengths / (usual or 1))
        for term, weight in query.items():
            found = self._postings.get(term, [])
            rarity = log(1 + (n - len(found) + 0.5) / (len(found) + 0.5))
            for place, times in found:
                scores[place] += weight * rarity * times / (times + damping[place])
        beside = np.zeros_like(scores)
        beside[:-1] += scores[1:]
        beside[1:] += scores[:-1]
        return np.asarray(scores + _NEIGHBOUR_SHARE * beside * (scores > 0), dtype=np.float64)


def by_meaning(claim: NDArray[np.float32], sentences: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the places of the sentences by their cosine with a claim, the nearest first.

    Args:
        claim: unit vector, shape (dim,).
        sentences: unit vectors, shape (n_sentences, dim).
    """
    return _ranked(np.round(sentences @ claim, 6).astype(np.float64))


def _pieces(text: str, span: Span) -> Iterable[Span]:
    """Cut what is no sentence, such as a table without full stops, where there is a space."""
    start = span.start
    while span.end - start > _LONGEST_SENTENCE:
        window = text[start : start + _LONGEST_SENTENCE]
        spaces = [found.start() for found in re.finditer(r"\s", window)]
        length = spaces[-1] if spaces and spaces[-1] else _LONGEST_SENTENCE
        yield Span(start=start, end=start + length)
        start += length
        while start < span.end and text[start].isspace():
            start += 1
    if start < span.end:
        yield Span(start=start, end=span.end)


def _terms(text: str) -> list[str]:
    terms = []
    for found in _TERM.finditer(unicodedata.normalize("NFKC", text)):
        word = found[0]
        if found["number"]:
            terms.append(_figure(word))
        elif found["unspaced"]:
            terms += [word[place : place + 2] for place in range(max(1, len(word) - 1))]
        elif found["percent"]:
            terms.append("percent")
        else:
            folded = unicodedata.normalize("NFKD", word.casefold())
            plain = "".join(mark for mark in folded if not unicodedata.combining(mark))
            terms.append(_IN_FIGURES.get(plain) or _stem(plain))
    return terms


def _figure(number: str) -> str:
    digits = re.sub("[,\u00a0\u202f'\u2019]", "", number)
    return f"#{digits.rstrip('0').rstrip('.') if '.' in digits else digits.lstrip('0') or '0'}"


def _stem(word: str) -> str:
    """Take off what English inflects words with; two forms of a word need only become the same."""
    for ending, left in (("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""), ("ly", "")):
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            if word.endswith("ss"):
                break
            word = word[: len(word) - len(ending)] + left
            break
    if len(word) > _SHORTEST_STEM and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > _SHORTEST_STEM else word


def _names(claim: str) -> frozenset[str]:
    """Return the terms of words with a capital that do not begin a sentence, or hold two."""
    names = []
    for span in sentence_spans(claim):
        for place, word in enumerate(re.findall(r"[^\W\d_]+", span.of(claim))):
            capital = word[0].isupper() and (place or word[1:].casefold() != word[1:])
            names += _terms(word) if capital else []
    return frozenset(names)


def _weight(term: str, *, names: frozenset[str]) -> float:
    if term.startswith("#"):
        return _NUMBER_WEIGHT
    return _NAME_WEIGHT if term in names else 1.0


def _ranked(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.argsort(-scores, kind="stable").astype(np.int64)


def _joined(rankings: Sequence[NDArray[np.int64]]) -> list[int]:
    """Return places by the sum of their reciprocal ranks, after the first of each ranking."""
    if not rankings or not rankings[0].size:
        return []
    sums = np.zeros(rankings[0].size, dtype=np.float64)
    for ranking in rankings:
        sums[ranking] += 1 / (_RANK_OFFSET + 1 + np.arange(ranking.size))
    firsts = [int(ranking[0]) for ranking in rankings]
    return list(dict.fromkeys([*firsts, *_ranked(sums).tolist()]))


def _merged(sentences: Sequence[Span], places: Sequence[int]) -> tuple[Span, ...]:
    merged: list[Span] = []
    last = -2
    for place in places:
        span = sentences[place]
        if place == last + 1 and merged:
            merged[-1] = Span(start=merged[-1].start, end=span.end)
        else:
            merged.append(span)
        last = place
    return tuple(merged)
