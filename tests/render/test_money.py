import pytest

from judge.render.money import dollars, money
from judge.stats.money import Money


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Money(), "$0.00"),
        (Money(dollars=1.2, known=3), "$1.20"),
        (Money(dollars=1.2, known=3, unknown=14), "at least $1.20; 14 calls of unknown cost"),
        (Money(dollars=0.0, known=2, unknown=1), "at least $0.00; 1 call of unknown cost"),
        (Money(unknown=1400), "unknown (1,400 calls)"),
    ],
)
def test_a_sum_with_unknown_parts_says_at_least_and_how_many(found: Money, text: str) -> None:
    assert money(found) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (12345.678, "$12,345.68"),
        (0.1, "$0.10"),
        (0.0346, "$0.035"),
        (0.00012, "$0.00012"),
        (0.00001, "less than $0.0001"),
    ],
)
def test_a_small_amount_does_not_look_like_nothing(amount: float, text: str) -> None:
    assert dollars(amount) == text
