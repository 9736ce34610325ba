import json

import pytest

from judge.records.record import Item
from judge.scorers.extraction import MOST_FIELDS, OTHER_FIELDS, FieldF1, unreadable_references
from judge.scorers.field_values import FieldRules
from judge.scorers.task import Compared, Incomparable

WANTED = '{"total": 10, "town": "Ambry", "tags": ["a", "b"]}'


def _compared(output: str, *answers: str, rules: FieldRules | None = None) -> Compared:
    found = FieldF1(rules or FieldRules()).compare(output, answers or [WANTED])
    assert isinstance(found, Compared)
    return found


@pytest.mark.parametrize(
    ("output", "expected", "flags"),
    [
        (WANTED, 1.0, ()),
        ('{"tags": ["b", "a"], "total": 10.0, "town": "Ambry"}', 1.0, ()),
        ('{"total": 10, "town": "Ambry", "tags": ["a"]}', 6 / 7, ()),
        ('{"total": 11, "town": "Ambry", "tags": ["a", "b", "c"]}', 6 / 9, ()),
        ("{}", 0.0, ()),
        (f"```json\n{WANTED}\n```", 1.0, ("output_fenced",)),
        (f" ```\n{WANTED}\n``` ", 1.0, ("output_fenced",)),
        (f"Here it is: {WANTED}", 0.0, ("output_not_json",)),
        (WANTED[:-1], 0.0, ("output_not_json",)),
        (WANTED[:-1] + ', "total": 10}', 0.0, ("output_not_json",)),
        ("[" * 70 + "]" * 70, 0.0, ("output_not_json",)),
        ("```", 0.0, ("output_not_json",)),
    ],
)
def test_the_value_is_the_f1_of_the_fields(
    output: str, expected: float, flags: tuple[str, ...]
) -> None:
    found = _compared(output)

    assert found.value == pytest.approx(expected)
    assert found.flags == flags


def test_what_is_no_json_has_none_of_the_fields_and_names_the_fault() -> None:
    details = _compared('{"total": 10, "total": 10}').details

    assert details["fault"] == "duplicate_key"
    assert details["fields"] == {"/total": [0, 0, 1], "/town": [0, 0, 1], "/tags/*": [0, 0, 2]}


def test_nothing_wanted_and_nothing_given_is_right_but_no_json_is_not() -> None:
    assert _compared("{}", "[]").value == 1.0
    assert _compared('{"a": 1}', "[]").value == 0.0
    assert _compared("nothing", "[]").value == 0.0


def test_of_several_references_the_one_that_fits_best_counts() -> None:
    assert _compared('{"a": 1}', '{"a": 2}', "no json", '{"a": 1}').value == 1.0


def test_the_evidence_names_the_fields() -> None:
    details = _compared('{"total": 11, "tags": ["a", "b"], "more": true}').details

    assert details == {
        "precision": 0.5,
        "recall": 0.5,
        "missed": [{"field": "/town", "wanted": "Ambry"}],
        "added": [{"field": "/more", "given": True}],
        "wrong": [{"field": "/total", "wanted": 10, "given": 11}],
        "fields": {
            "/total": [0, 1, 1],
            "/town": [0, 0, 1],
            "/tags/*": [2, 2, 2],
            "/more": [0, 1, 0],
        },
    }


def test_the_evidence_of_a_huge_output_is_small_and_its_counts_are_whole() -> None:
    output = json.dumps({f"{place}" * 100: "x" * 10_000 for place in range(1_000)})

    found = _compared(output)

    fields = found.details["fields"]
    assert isinstance(fields, dict)
    assert len(json.dumps(dict(found.details))) < 60_000
    assert len(fields) == MOST_FIELDS + 1
    assert [sum(counts) for counts in zip(*fields.values(), strict=True)] == [0, 1_000, 4]
    assert OTHER_FIELDS in fields


def test_rules_decide_what_is_the_same_and_are_the_identity() -> None:
    rules = FieldRules(decimal_mark="point", ignore_case=True)

    assert (
        _compared('{"total": "10.0", "town": "AMBRY", "tags": ["a", "b"]}', rules=rules).value == 1
    )
    assert FieldF1(rules).identity == rules.identity


def test_without_a_json_answer_the_record_is_outside_n() -> None:
    found = FieldF1(FieldRules()).compare(WANTED, ["the teacher wrote prose"])

    assert isinstance(found, Incomparable)


def test_items_whose_references_are_no_json_are_named() -> None:
    items = [
        Item(item_id="good", references=("no", "{}"), cluster="1"),
        Item(item_id="bad", references=("no", "{'a': 1}"), cluster="2"),
        Item(item_id="none", cluster="3"),
    ]

    assert unreadable_references(items) == ["bad"]
