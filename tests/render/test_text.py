import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.render.text import (
    figure,
    flat,
    interval,
    number,
    one_line,
    percent_interval,
    printable,
    share,
)
from judge.stats.estimate import Estimate, Undefined

FOUND = Estimate(
    value=0.81234, low=0.7401, high=0.8689, level=0.95, n=40, n_clusters=40, method="wilson"
)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.8125, "0.812"), (1, "1.000"), (-0.25, "-0.250"), (0.0, "0.000"), (-0.0001, "0.000")],
)
def test_a_number_has_three_decimals_and_zero_no_sign(value: float, text: str) -> None:
    assert number(value) == text


def test_a_share_is_a_percentage() -> None:
    assert share(0.9312) == "93.1 %"


def test_an_estimate_is_never_shown_without_its_limits() -> None:
    assert interval(FOUND) == "0.812 [0.740, 0.869]"
    assert percent_interval(FOUND) == "81.2 % [74.0, 86.9]"
    assert figure(FOUND) == interval(FOUND)


def test_what_is_undefined_has_its_reason() -> None:
    assert figure(Undefined(reason="one class only")) == "undefined: one class only"


@given(st.text(st.characters(codec=None)))
def test_nothing_printable_moves_a_cursor_or_hides(text: str) -> None:
    shown = printable(text)

    kinds = {unicodedata.category(mark) for mark in shown if mark not in "\n\t"}
    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_what_cannot_be_printed_is_named() -> None:
    assert printable("a\x1b[31m\u202eb") == "a\\u001b[31m\\u202eb"


def test_ordinary_text_of_any_language_stays_as_it_is() -> None:
    text = "Größe 日本語 العربية 😀\n\tend"

    assert printable(text) == text


def test_a_hostile_text_is_one_line(hostile: Sequence[str]) -> None:
    for text in hostile:
        assert len(flat(text).splitlines()) <= 1


def test_a_long_text_is_cut_and_says_so() -> None:
    assert one_line("word " * 100, most=10) == "word word…"
    assert one_line("short", most=10) == "short"
