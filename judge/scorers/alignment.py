"""Sentence by sentence: what an output misses of its target, and what it adds to it."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from judge.judges.sentences import SENTENCES_VERSION, sentence_spans
from judge.models.embedding import SharedEmbedder, Vectors
from judge.records.record import Record, Target
from judge.records.strict_json import JsonValue, StrictJsonError, read_strict_json
from judge.results.outcome import Outcome, Score
from judge.results.run import ALIGNMENT, Measure
from judge.scorers.scorer import known_outcome

ALIGNED_AT = 0.5
"""The cosine from which on a sentence is not listed as missed or added."""

_VERSION = "2"
_MOST_LISTED = 10
_LONGEST_SHOWN = 300
# Encoders read 256 tokens and more. A run of four letters is seldom more than one token, and a
# sign, or a character of a script without spaces, seldom more than one either.
_MOST_UNITS = 200
_LONGEST_WORD = 40
_UNIT = re.compile(r"[A-Za-z]{1,4}|\S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aligned:
    """How two texts lie beside each other.

    Attributes:
        kept: of each piece of the target, the largest cosine with a piece of the output.
        supported: of each piece of the output, the largest cosine with a piece of the target.
    """

    kept: NDArray[np.float32]
    supported: NDArray[np.float32]

    @property
    def recall(self) -> float:
        """How well the target is found in the output, in [0, 1]."""
        return _mean(self.kept)

    @property
    def precision(self) -> float:
        """How well the output is found in the target, in [0, 1]."""
        return _mean(self.supported)

    @property
    def value(self) -> float:
        """The harmonic mean of both."""
        both = self.recall + self.precision
        return 2 * self.recall * self.precision / both if both else 0.0


class AlignmentScorer:
    """Scores in [0, 1]: the harmonic mean of what is kept and what is supported.

    Every sentence of each text looks for its nearest in the other. Nothing is cut off, however
    long a text is, and a sentence that has no counterpart is shown. Of several right answers the
    one that is aligned best counts.

    Args:
        embedder: makes the vectors of sentences.
        target: what the output is held against.
        empty_value: what an empty or missing output counts as; None for a missing score.
    """

    def __init__(
        self, embedder: SharedEmbedder, *, target: Target, empty_value: float | None
    ) -> None:
        self._embedder = embedder
        self._measure = Measure(
            scorer=ALIGNMENT,
            target=target,
            judged=False,
            criterion=ALIGNMENT,
            lower=0.0,
            upper=1.0,
            identity={
                **embedder.identity,
                "alignment": _VERSION,
                "sentences": SENTENCES_VERSION,
                "units": str(_MOST_UNITS),
            },
            empty_value=empty_value,
            continuous=True,
        )
        self._signature = self._measure.signature

    @property
    def measure(self) -> Measure:
        return self._measure

    async def score(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        known = [known_outcome(record, self._measure) for record in batch]
        cut = {
            text: pieces(text)
            for record, outcome in zip(batch, known, strict=True)
            if outcome is None
            for text in self._texts(record)
        }
        rows = {piece: row for row, piece in enumerate(dict.fromkeys(chain(*cut.values())))}
        vectors = await self._embedder.embed(list(rows)) if rows else np.empty((0, 0), np.float32)
        placed = {text: vectors[[rows[piece] for piece in found]] for text, found in cut.items()}
        return [
            outcome or self._score(record, cut=cut, placed=placed)
            for record, outcome in zip(batch, known, strict=True)
        ]

    def _texts(self, record: Record) -> list[str]:
        answers = record.answers(self._measure.target)
        return [record.output or "", *(answer for answer in answers if answer.strip())]

    def _score(
        self, record: Record, *, cut: Mapping[str, list[str]], placed: Mapping[str, Vectors]
    ) -> Score:
        output, *answers = self._texts(record)
        found = {answer: align(placed[output], placed[answer]) for answer in answers}
        answer, best = max(found.items(), key=lambda one: one[1].value)
        return Score(
            scorer=self._measure.scorer,
            target=self._measure.target,
            value=best.value,
            signature=self._signature,
            details={
                "kept": best.recall,
                "supported": best.precision,
                "missed": _unaligned(cut[answer], best.kept),
                "added": _unaligned(cut[output], best.supported),
            },
        )


def align(output: Vectors, target: Vectors) -> Aligned:
    """Align the pieces of two texts.

    Args:
        output: unit vectors of its pieces, shape (m, dim).
        target: the same, shape (n, dim).
    """
    cosines = np.clip(target @ output.T, -1, 1)
    return Aligned(kept=cosines.max(axis=1), supported=cosines.max(axis=0))


def pieces(text: str) -> list[str]:
    """Return the sentences of a text; one that is long for an encoder in parts of whole words.

    A text that is a JSON object or list has a piece for each value, with the names that lead to it:
    how it is laid out is no matter of meaning.
    """
    if text.lstrip()[:1] in {"{", "["} and (named := list(_named_values(text))):
        return [part for one in named for part in _parts(one)]
    found = [part for span in sentence_spans(text) for part in _parts(span.of(text))]
    return found or [text]


def _named_values(text: str) -> Iterator[str]:
    try:
        document = read_strict_json(text)
    except StrictJsonError:
        return
    waiting: list[tuple[str, JsonValue]] = [("", document)]
    while waiting:
        names, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [(f"{names} {name}", inner) for name, inner in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(names, inner) for inner in reversed(value)]
        else:
            said = value if isinstance(value, str) else json.dumps(value)
            yield f"{names.strip()}: {said}" if names else said


def _parts(sentence: str) -> list[str]:
    units = list(_UNIT.finditer(sentence))
    if len(units) <= _MOST_UNITS:
        return [sentence]
    n_parts = -(-len(units) // _MOST_UNITS)
    # Of about one length: a last part of two words would say nothing.
    starts = [units[len(units) * part // n_parts].start() for part in range(n_parts)]
    cuts = [0, *(_at_a_space(sentence, start) for start in starts[1:]), len(sentence)]
    parts = (sentence[start:end].strip() for start, end in pairwise(cuts))
    return [part for part in parts if part]


def _at_a_space(sentence: str, place: int) -> int:
    nearest = sentence.rfind(" ", max(0, place - _LONGEST_WORD), place)
    return nearest if nearest > 0 else place


def _mean(cosines: NDArray[np.float32]) -> float:
    return float(np.clip(cosines, 0, 1).mean(dtype=np.float64))


def _unaligned(found: Sequence[str], cosines: NDArray[np.float32]) -> list[dict[str, object]]:
    """Return the pieces without a counterpart, the loneliest first."""
    order = np.argsort(cosines, kind="stable")
    return [
        {"text": found[place][:_LONGEST_SHOWN], "cosine": round(float(cosines[place]), 3)}
        for place in order[:_MOST_LISTED]
        if cosines[place] < ALIGNED_AT
    ]
