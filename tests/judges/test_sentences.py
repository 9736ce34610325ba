from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import given

from judge.judges.sentences import bullet_length, sentence_spans


def _cut(text: str) -> list[str]:
    return [span.of(text) for span in sentence_spans(text)]


@pytest.mark.parametrize(
    "parted",
    [
        # Plain sentences, and signs that end them.
        "It rained. |We left.",
        "Is it so? |It is! |Good.",
        "He stopped\u2026 |Then he went on.",
        "Really?! |Yes.",
        # Abbreviations, initials and titles.
        "Dr. Smith met Mr. J. R. Jones in St. Louis. |They talked.",
        "Bring fruit, e.g. apples, pears etc. |The rest is there.",
        "The U.S. Senate voted at 5 p.m. on Monday. |It passed.",
        "He works for Acme Inc. |She does not.",
        "Acme Inc. Chief Executive Ann Lee resigned.",
        "See Fig. 2 and Eq. 3, cf. Sec. 4. |No. 5 is alive.",
        "Is he coming? |No. |He is not.",
        "Smith et al. 2019 found none. |Others did.",
        "Das gilt z.B. f\u00fcr Berlin, d.h. die Hauptstadt. |Es ist gro\u00df.",
        # Numbers.
        "Sales rose 3.5 % to 1,240.00 dollars. |In 2019 they fell.",
        "It ended in 2019. |Then nothing.",
        "Version 2.0.1 fixes it. |Use it.",
        # Quotations and brackets.
        '"It is done. We left," he said. |Nobody answered.',
        '"Why?" asked Ann Lee. |"Because."',
        "He said: \u201cIt is done.\u201d |Then he left.",
        "It grew (See p. 3. It shows.) and fell. |Then it grew.",
        "(It was late.) |They left.",
        # Lists, headings and lines.
        "Key points:\n|- It grew by 5 %\n|- It fell later",
        "1. It grew.\n|2. It fell.",
        "a) It grew\n|b) It fell",
        "# Results\n|It grew.",
        "Results\n|It grew in all of the years.",
        "The council of the town approved a smaller budget on a Tuesday\nin May. |It was late.",
        "The council of the town approved a smaller budget together with\nAnn Lee.",
        "It grew\nand fell.",
        # Addresses are no ends.
        "See www.example.com/a.b?c=1 for more. |Write to a.b@example.com.",
        # Scripts with other signs.
        "\u5e02\u8bae\u4f1a\u6279\u51c6\u4e86\u9884\u7b97\u3002|\u65b0\u6865\u63a8\u8fdf\u4e86\uff01",
        "\u5f7c\u306f\u300c\u306f\u3044\u3002\u884c\u304f\u3002\u300d\u3068\u8a00\u3063\u305f\u3002|\u96e8\u3060\u3002",
        "\u300c\u306f\u3044\u3002\u300d\u3068\u8a00\u3063\u305f\u3002",
        "\u092f\u0939 \u0938\u091a \u0939\u0948\u0964 |\u0935\u0939 \u0928\u0939\u0940\u0902\u0964",
        "\u0647\u0644 \u0647\u0630\u0627 \u0635\u062d\u064a\u062d\u061f |\u0646\u0639\u0645.",
    ],
)
def test_a_text_is_cut_where_its_sentences_end(parted: str) -> None:
    assert _cut(parted.replace("|", "")) == [part.strip() for part in parted.split("|")]


@pytest.mark.parametrize("text", ["", " \n\t\n ", "\u3000"])
def test_nothing_has_no_sentences(text: str) -> None:
    assert _cut(text) == []


@given(st.text(alphabet="ab .!?\n\"'()-1AB\u3002\u300c\u300d\u2026:", max_size=80))
def test_every_character_but_blanks_is_in_one_sentence(text: str) -> None:
    spans = sentence_spans(text)

    assert all(a.end <= b.start for a, b in pairwise(spans))
    assert "".join("".join(_cut(text)).split()) == "".join(text.split())
    assert all(span.of(text).strip() == span.of(text) != "" for span in spans)


@pytest.mark.parametrize(
    ("line", "length"),
    [("- one", 2), ("  * one", 4), ("12. one", 4), ("(a) one", 4), ("one", 0), ("3.5 of", 0)],
)
def test_the_mark_of_a_list_is_told_from_its_text(line: str, length: int) -> None:
    assert bullet_length(line) == length


@pytest.mark.parametrize("unit", ['"a. B" ', "A. ", "(", '"', "Mr. ", "a\n", "\u3002"])
def test_no_text_makes_it_slow(unit: str) -> None:
    text = unit * (200_000 // len(unit))

    assert "".join("".join(_cut(text)).split()) == "".join(text.split())
