import pytest

from judge.scorers.words import answer_words, fold, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Stra\u00dfe", "STRASSE"),
        ("caf\u00e9", "cafe\u0301"),
        ("\uff21\uff22\uff23 \uff11\uff12", "abc 12"),
        ("of\ufb01ce", "Office"),
        ("\u22125", "-5"),
    ],
)
def test_texts_that_differ_in_case_composition_or_width_fold_to_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_a_superscript_is_not_the_digit_it_looks_like() -> None:
    assert fold("10\u00b2") != fold("102")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't stop: 3.5 km_h!", ["don", "t", "stop", "3", "5", "km", "h"]),
        ("Caf\u00e9 na\u00efve", ["caf\u00e9", "na\u00efve"]),
        ("\u6771\u4eac\u3001iPhone15\u3067", ["\u6771", "\u4eac", "iphone15", "\u3067"]),
        ("\u0e44\u0e17\u0e22", ["\u0e44", "\u0e17", "\u0e22"]),
        ("\ud55c\uad6d\uc5b4 \ubb38\uc7a5", ["\ud55c\uad6d\uc5b4", "\ubb38\uc7a5"]),
        ("\u0939\u093f\u0928\u094d\u0926\u0940!", ["\u0939\u093f\u0928\u094d\u0926\u0940"]),
        ("\u0639\u0631\u0628\u064a.", ["\u0639\u0631\u0628\u064a"]),
        ("\u0645\u06cc\u200c\u062e\u0648", ["\u0645\u06cc\u062e\u0648"]),
        ("co\u00adoperate \u2764\ufe0f", ["cooperate"]),
        ("?! \U0001f44d", ["?", "!", "\U0001f44d"]),
        (" \n", []),
    ],
)
def test_words_are_runs_of_letters_and_digits_in_any_script(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # As the official script of SQuAD 1.1 normalises them.
        ("The U.S. Army, a well-known one", ["us", "army", "wellknown", "one"]),
        ("an  answer\tthe", ["answer"]),
        ("$1,240.50", ["124050"]),
        ("theatre another", ["theatre", "another"]),
        # Beyond it.
        ("\u00abParis\u00bb \u2013 2024", ["paris", "2024"]),
        ("\u6771\u4eac \u90fd\u3002", ["\u6771", "\u4eac", "\u90fd"]),
        ("A", ["a"]),
        ("The.", ["the"]),
        ("?!", ["?", "!"]),
    ],
)
def test_words_of_an_answer_are_those_of_squad_and_never_none(
    text: str, expected: list[str]
) -> None:
    assert answer_words(text) == expected
