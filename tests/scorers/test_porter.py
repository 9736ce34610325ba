import random
import re

import pytest
from nltk.stem.porter import PorterStemmer

from judge.scorers.porter import stem

SUFFIXES = re.findall(
    r"\w+",
    """
    ational tional enci anci izer bli alli entli eli ousli ization ation ator alism
    iveness fulness ousness aliti iviti biliti fulli logi icate ative alize iciti ical
    ful ness al ance ence er ic able ible ant ement ment ent ion sion tion ou ism ate
    iti ous ive ize ed ing eed ied ies s sses y e ll at bl iz
    """,
)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        # Porter (1980), the examples of steps 1 to 5.
        ("caresses", "caress"),
        ("ponies", "poni"),
        ("agreed", "agre"),
        ("bled", "bled"),
        ("motoring", "motor"),
        ("hopping", "hop"),
        ("falling", "fall"),
        ("filing", "file"),
        ("happy", "happi"),
        ("relational", "relat"),
        ("electriciti", "electr"),
        ("adoption", "adopt"),
        ("controll", "control"),
        ("cease", "ceas"),
        # The changes.
        ("skies", "sky"),
        ("dies", "die"),
        ("enjoy", "enjoy"),
        ("by", "by"),
    ],
)
def test_words_have_the_published_stems(word: str, expected: str) -> None:
    assert stem(word) == expected


def test_twenty_thousand_made_up_words_have_the_stems_that_rouge_score_compares() -> None:
    draw = random.Random(0)  # noqa: S311 - seeded, no secret
    made_up = {
        "".join(draw.choices("abcdeghilmnorstuywxz", k=draw.randint(0, 4)))
        + "".join(draw.choices(SUFFIXES, k=draw.randint(1, 2)))
        for _ in range(20_000)
    }
    theirs = PorterStemmer()

    different = [word for word in made_up if stem(word) != theirs.stem(word)]

    assert different == []


def test_a_word_without_end_is_stemmed_in_linear_time_and_depth() -> None:
    assert stem("y" * 100_000 + "ing")
