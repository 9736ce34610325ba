import unicodedata

import pytest

from judge.records.words import RUN, runs_of_words, words_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Who, then, wrote “It”?", "who then WROTE it"),
        ("don't stop", "DON\u2019T\tstop\n"),
        ("naïve café", unicodedata.normalize("NFD", "Naïve CAFÉ")),
        ("ﬁne \uff26\uff55\uff4c\uff4c ½ x²", "fine full 1\u20442 x2"),
        ("Straße", "STRASSE"),
        ("zero\u200bwidth and soft\u00adhyphen\ufeff", "zerowidth and softhyphen"),
        ("a_b", "a b"),
        ("日本語、です。", "日 本 語 です"),
    ],
)
def test_texts_that_only_look_different_have_the_same_words(one: str, other: str) -> None:
    assert words_of(one) == words_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("in 2020", "in 2021"), ("resume", "résumé"), ("कि", "की"), ("not it", "it not")],
)
def test_texts_that_say_something_else_have_other_words(one: str, other: str) -> None:
    assert words_of(one) != words_of(other)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("… !? \x00\x7f", []),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("東京 tower 7", ["東", "京", "tower", "7"]),
        ("\U00020000\U00020001", ["\U00020000", "\U00020001"]),
        ("\ud800 x", ["x"]),
    ],
)
def test_words_are_what_stands_between_spaces_or_a_character(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize("text", ["Ab, " * 1000, "é, " * 1000, "語" * 2000])
def test_a_long_text_has_the_words_of_its_parts(text: str) -> None:
    assert words_of(text) == words_of(text[: len(text) // 2]) * 2


def test_a_text_that_is_too_long_for_once_is_taken_in_runs() -> None:
    text = "some words " * (RUN // 5)

    runs = list(runs_of_words(text))

    assert len(runs) > 1
    assert [word for run in runs for word in run] == text.split()
    assert list(runs_of_words("")) == [[]]


def test_combining_marks_in_a_row_do_not_take_quadratic_time() -> None:
    # All at once this takes a minute, which is more than the test is given.
    hostile = "a" + "\u0300\u0327" * 120_000

    assert [len(word) for word in words_of(hostile)] == [64]


def test_a_word_without_end_takes_no_memory_and_is_still_told_from_another() -> None:
    one, other = "x" * 100_000, "x" * 99_999 + "y"

    assert words_of(f"a {one} b") == words_of(f"A, {one.upper()}; b") != words_of(f"a {other} b")
    assert len("".join(words_of(f"a {one} b"))) < 100
