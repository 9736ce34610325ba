from collections.abc import Sequence

import hypothesis.strategies as st
import pytest
from hypothesis import given

from judge.judges.claim_texts import claims_of


def _texts(output: str) -> list[str]:
    return [claim.text for claim in claims_of(output).claims]


@pytest.mark.parametrize(
    ("output", "claims", "skipped"),
    [
        ("It rained. The mayor won.", ["It rained.", "The mayor won."], []),
        # A sentence that needs the one before it is judged with it, up to three.
        ("Ann Lee won. She got 45 %.", ["Ann Lee won. She got 45 %."], []),
        ("Ann won. She sang. She ate. She left.", ["Ann won. She sang. She ate.", "She left."], []),
        ("Ann won.\n\nShe sang.", ["Ann won.", "She sang."], []),
        # A heading is judged with what follows it, a lead-in with each line of its list.
        ("# The vote\nAnn won. Bob lost.", ["The vote Ann won.", "Bob lost."], []),
        (
            "Key figures of 2023:\n- Revenue: **42 m**\n- Costs\n\nBob lost.",
            ["Key figures of 2023: Revenue: 42 m", "Key figures of 2023: Costs", "Bob lost."],
            [],
        ),
        # What says nothing is left out, and told; whatever says something is judged.
        ("Here is the summary:\n\nAnn won.\n\n---", ["Ann won."], ["Here is the summary:", "---"]),
        (
            "**Key points**\n\n1. Ann won.\n2. Bob lost.",
            ["Ann won.", "Bob lost."],
            ["**Key points**"],
        ),
        ("# The company went bankrupt", ["The company went bankrupt"], []),
        ("Ann won.\n\nThe company is bankrupt:", ["Ann won.", "The company is bankrupt:"], []),
        ("In summary: Ann won.", ["In summary: Ann won."], []),
        ("Summary", [], ["Summary"]),
        ("...", [], ["..."]),
        ("Paris", ["Paris"], []),
    ],
)
def test_an_output_is_what_it_claims_one_after_another(
    output: str, claims: Sequence[str], skipped: Sequence[str]
) -> None:
    found = claims_of(output)

    assert [claim.text for claim in found.claims] == claims
    assert list(found.skipped) == skipped


def test_a_long_sentence_is_cut_where_a_clause_names_its_own_subject() -> None:
    sentence = (
        "The council approved a smaller budget on Tuesday after a debate of three hours; the mayor "
        "had asked for more in the spring, and Ann Lee resigned as head of finance a week later."
    )

    assert _texts(sentence) == [
        "The council approved a smaller budget on Tuesday after a debate of three hours.",
        "the mayor had asked for more in the spring.",
        "Ann Lee resigned as head of finance a week later.",
    ]


CONDITIONAL = (
    "If the council approves the smaller budget on Tuesday after a debate of three hours, the "
    "mayor has to ask for more in the spring, and Ann Lee resigned for it a week later again."
)
LISTING = (
    "The council approved money for the roads and bridges of the old town, for the schools; for "
    "the library by the river, the parks in the north, and for the fire brigade of it all."
)
WITH_A_PRONOUN = (
    "The council approved a smaller budget on Tuesday after a debate of three long hours in the "
    "town hall, and it was asked for more in the spring by people of the town, young and old."
)


@pytest.mark.parametrize(
    "sentence", [CONDITIONAL, LISTING, WITH_A_PRONOUN, "Ann Lee won; Bob Ray lost."]
)
def test_what_belongs_together_is_not_cut(sentence: str) -> None:
    assert _texts(sentence) == [sentence]


def test_a_claim_says_where_its_words_are_and_what_stands_before_them() -> None:
    output = "It rained.\n\n- **Bob** lost."

    first, second = claims_of(output).claims

    assert (first.around, second.around) == ("", "It rained.")
    assert second.span.of(output) == "- **Bob** lost."


@given(st.text(alphabet="ab .:#*-\nSIt1\u3002", max_size=60))
def test_no_word_is_lost_between_claims_and_what_is_left_out(output: str) -> None:
    found = claims_of(output)

    told = " ".join([*(claim.text for claim in found.claims), *found.skipped])
    assert {mark for mark in output if mark.isalnum()} <= set(told)


@pytest.mark.parametrize("unit", ["*a ", "x; The a is b c d e ", "A:\n", "# a\n", "It is. "])
def test_no_output_makes_it_slow(unit: str) -> None:
    assert _texts(unit * (60_000 // len(unit)))
