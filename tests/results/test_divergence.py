import pytest

from judge.errors import StoreError
from judge.results.divergence import (
    TOKENS,
    Divergence,
    decode_divergence,
    divergence_kind,
    encode_divergence,
)
from judge.stats.divergence import TextDivergence


def test_what_was_found_is_the_same_after_it_was_kept() -> None:
    found = Divergence(
        student="s",
        teacher="t",
        over=TOKENS,
        items={
            "1": TextDivergence(
                positions=3,
                jensen_shannon=0.25,
                jensen_shannon_at_most=0.5,
                kullback_leibler=None,
                teacher_covered=0.9,
                student_covered=0.8,
            )
        },
        refused={"2": "other tokens"},
    )

    assert decode_divergence(encode_divergence(found)) == found
    assert divergence_kind("a") != divergence_kind("b")


def test_something_else_is_refused() -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        decode_divergence(b"[]")
