"""Short answers: exact match and token F1, normalised as SQuAD does."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal

from judge.scorers.overlap import shared
from judge.scorers.task import Compared
from judge.scorers.words import answer_words, fold

EXACT_MATCH = "exact_match"
TOKEN_F1 = "token_f1"  # noqa: S105  no password
NORMALISATION = "squad-1"

NUMBERS_DIFFER = "numbers_differ"
"""SQuAD deletes punctuation: to it, 3.5 is 35 and -5 is 5."""

_MOST_LISTED = 12
_NUMBER = re.compile(r"(?<![\w.,])-?(?:\d{1,3}(?:,\d{3})+(?![\d,])(?:\.\d+)?|\d+(?:[.,]\d+)*)")
_IDENTITY = {"words": NORMALISATION}


class ExactMatch:
    """1 where an answer and the output have the same words in the same order, 0 otherwise.

    A match of texts whose numbers differ keeps its 1, as published figures have it, under the flag
    `numbers_differ`.
    """

    scorer = EXACT_MATCH
    continuous = False

    @property
    def identity(self) -> Mapping[str, str]:
        return _IDENTITY

    def compare(self, output: str, answers: Sequence[str]) -> Compared:
        given = answer_words(output)
        matches = [answer for answer in answers if answer_words(answer) == given]
        if not matches:
            return Compared(value=0.0)
        sure = any(_numbers(answer) == _numbers(output) for answer in matches)
        return Compared(value=1.0, flags=() if sure else (NUMBERS_DIFFER,))


class TokenF1:
    """Harmonic mean of the shares of words that output and answer have of each other."""

    scorer = TOKEN_F1
    continuous = True

    @property
    def identity(self) -> Mapping[str, str]:
        return _IDENTITY

    def compare(self, output: str, answers: Sequence[str]) -> Compared:
        given = answer_words(output)
        found = [(shared(given, wanted), wanted) for wanted in map(answer_words, answers)]
        best, wanted = max(found, key=lambda one: one[0].f1)
        return Compared(
            value=best.f1,
            details={
                "precision": best.precision,
                "recall": best.recall,
                "missed": _beyond(wanted, given),
                "added": _beyond(given, wanted),
            },
        )


def _numbers(text: str) -> list[Decimal | str]:
    return [_number(match) for match in _NUMBER.findall(fold(text))]


def _number(written: str) -> Decimal | str:
    if written.count(",") == 1 and "." not in written:  # a decimal comma, or thousands
        whole, part = written.split(",")
        return Decimal(whole + part) if len(part) == 3 else Decimal(f"{whole}.{part}")  # noqa: PLR2004  digits of a thousand
    plain = written.replace(",", "")
    return plain if plain.count(".") > 1 else Decimal(plain)


def _beyond(some: Sequence[str], others: Sequence[str]) -> list[str]:
    return list((Counter(some) - Counter(others)).elements())[:_MOST_LISTED]
