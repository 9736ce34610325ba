from collections.abc import Sequence
from dataclasses import replace

from judge.gates.rule import Ask
from judge.render.gate_page import finding_sentence, gate_page, rule_words
from judge.render.markdown import as_markdown
from tests.render.gates import FAILED, LOSS, OPEN, PASSED, UNKNOWN, result_of


def test_what_failed_stands_first_then_what_is_open_each_with_its_reason() -> None:
    page = gate_page(result_of(PASSED, OPEN, FAILED))

    assert page.title == "mail: gate on run r1, against r0"
    assert page.sections[0].lines == [
        "fail: a rule does not hold",
        "fail: adherence.strict of small is at least 0.99 on kind=mail: found 0.940 [0.910, 0.970]",
        (
            "inconclusive: small retains 90.0 % of the teacher on equivalence.reference: found "
            "94.0 % [91.0, 97.0] (100 % sure? no); about 1,200 more items would likely settle it"
        ),
    ]
    assert [row[0] for row in page.sections[0].tables[0].rows] == ["pass", "inconclusive", "fail"]


def test_each_thing_that_can_be_asked_has_its_words() -> None:
    assert rule_words(LOSS.rule) == (
        "small loses at most 0.02 on equivalence.reference against the baseline"
    )
    assert rule_words(replace(PASSED.rule, of="sft")).startswith("small retains 90.0 % of sft on")
    both = replace(
        PASSED.rule, ask=Ask.AT_LEAST, metric="a >= 1 and b >= 4", together={"a": 1.0, "b": 4.0}
    )
    assert finding_sentence(replace(PASSED, rule=both)) == (
        "pass: share of small with a >= 1 and b >= 4 is at least 90.0 %: found 94.0 % [91.0, 97.0]"
    )
    assert rule_words(replace(both, ask=Ask.RETAINS)) == (
        "small retains 90.0 % of the teacher on the share with a >= 1 and b >= 4"
    )
    saving = replace(PASSED.rule, ask=Ask.SAVES_AT_LEAST, metric="operations.cost")
    assert finding_sentence(replace(PASSED, rule=saving)) == (
        "pass: small saves 90.0 % of operations.cost beside the teacher: found 94.0 % [91.0, 97.0]"
    )
    assert finding_sentence(UNKNOWN) == (
        "inconclusive: equivalence.reference of small is at most 0.9 (judge unvalidated)"
    )


def test_an_unfinished_run_says_what_to_do() -> None:
    page = gate_page(replace(result_of(PASSED), complete=False))

    assert page.sections[0].lines == [
        "pass: every rule holds",
        "not every record has a final outcome: judge resume",
    ]


def test_no_name_becomes_markup(hostile: Sequence[str]) -> None:
    for text in hostile:
        rule = replace(PASSED.rule, system=text)

        written = as_markdown(gate_page(result_of(replace(PASSED, rule=rule), name=text)))

        assert "<script" not in written
        assert "\n# heading" not in written
