import pytest
from student import extract

from judge import JudgedRecord, JudgedRun, assert_judged


@pytest.mark.judged(system="student", outputs=extract)
def test_an_order_says_what_the_reference_says(judged: JudgedRecord) -> None:
    assert_judged(judged, "equivalence.reference")


@pytest.mark.judged(system="student", outputs=extract, where={"numbers": "words"})
def test_an_order_is_json_of_its_schema(judged: JudgedRecord) -> None:
    assert_judged(judged, "adherence.strict")


def test_nearly_all_orders_are_read_where_numbers_are_digits(judge: JudgedRun) -> None:
    judge.assert_rule(
        "equivalence.reference", system="student", at_least=0.8, slices=["numbers=digits"]
    )


def test_the_rules_of_the_config_hold(judge: JudgedRun) -> None:
    judge.assert_gate()
