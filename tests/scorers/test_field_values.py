import pytest

from judge.errors import ConfigError
from judge.scorers.field_values import FieldRules, Scalar, is_same

PLAIN = FieldRules()
POINT, COMMA = FieldRules(decimal_mark="point"), FieldRules(decimal_mark="comma")
CENTS = FieldRules(decimals=2, decimal_mark="point")
NO_CASE = FieldRules(ignore_case=True)
DATES = FieldRules(dates=("%Y-%m-%d", "%d.%m.%Y", "%d %B %Y"))


@pytest.mark.parametrize(
    ("one", "other", "rules", "same"),
    [
        (3, 3.0, PLAIN, True),
        (3, "3", PLAIN, False),
        (1, True, PLAIN, False),
        ("true", True, PLAIN, False),
        (9_007_199_254_740_993, 9_007_199_254_740_992, PLAIN, False),
        (0.1, 0.1000000001, PLAIN, False),
        (-0.0, 0, PLAIN, True),
        ("two  words\n", "two words", PLAIN, True),
        ("cafe\u0301", "caf\u00e9", PLAIN, True),
        ("Paris", "PARIS", PLAIN, False),
        ("Paris", "PARIS", NO_CASE, True),
        ("1,240.50", 1240.5, POINT, True),
        ("1.240,50", 1240.5, COMMA, True),
        ("1.240", 1240, COMMA, True),
        ("1.240", 1240, POINT, False),
        ("0.1", 0.1, POINT, True),
        ("-5", -5, POINT, True),
        ("12,40", 1240, POINT, False),
        ("007", 7, POINT, False),
        ("007", "7", POINT, False),
        ("3 apples", 3, POINT, False),
        ("9" * 100, "9" * 100, POINT, True),
        (10.004, "10.00", CENTS, True),
        (10.006, "10.00", CENTS, False),
        (1e308, 1e308, CENTS, True),
        ("5 March 2024", "2024-03-05", DATES, True),
        ("05.03.2024", "2024-03-05", DATES, True),
        ("03/05/2024", "2024-03-05", DATES, False),
        ("paid on 2024-03-05", "2024-03-05", DATES, False),
        ("2024-13-45", "2024-13-45", DATES, True),
        ("5 March 2024", "2024-03-05", PLAIN, False),
    ],
)
def test_values_are_the_same_by_the_declared_rules_and_no_others(
    one: Scalar, other: Scalar, rules: FieldRules, *, same: bool
) -> None:
    assert is_same(one, other, rules) is same
    assert is_same(other, one, rules) is same


@pytest.mark.parametrize("form", ["%Q", "%d %B", "%Y", "", "%y-%m", "%d.%m.%Y %"])
def test_a_way_to_write_dates_that_says_no_date_is_refused(form: str) -> None:
    with pytest.raises(ConfigError):
        FieldRules(dates=(form,))


@pytest.mark.parametrize("decimals", [-1, 16])
def test_decimals_out_of_range_are_refused(decimals: int) -> None:
    with pytest.raises(ConfigError, match="0 to 15"):
        FieldRules(decimals=decimals)


def test_every_rule_is_part_of_the_identity() -> None:
    some = [PLAIN, POINT, COMMA, CENTS, NO_CASE, DATES, FieldRules(lists="in_order")]

    assert len({tuple(rules.identity.items()) for rules in some}) == len(some)
