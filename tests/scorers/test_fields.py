import random
from itertools import combinations, permutations

import pytest

from judge.records.strict_json import JsonValue
from judge.scorers.field_values import FieldRules, ListRule
from judge.scorers.fields import Difference, compare_documents
from judge.scorers.overlap import Overlap

RULES = FieldRules()
IN_ORDER = FieldRules(lists="in_order")


def _document(draw: random.Random, depth: int = 0) -> JsonValue:
    kind = draw.random()
    if depth == 3 or kind < 0.35:
        return draw.choice(["a", "b", 1, 2, True, None, ""])
    if kind < 0.65:
        return [_document(draw, depth + 1) for _ in range(draw.randint(0, 4))]
    return {name: _document(draw, depth + 1) for name in draw.sample("xyz", draw.randint(0, 3))}


def _changed(draw: random.Random, value: JsonValue) -> JsonValue:
    """Copy a document with some of its parts changed, dropped and moved."""
    if draw.random() < 0.15:
        return _document(draw, 2)
    if isinstance(value, dict):
        return {name: _changed(draw, member) for name, member in value.items()}
    if isinstance(value, list):
        kept = [_changed(draw, element) for element in value if draw.random() < 0.85]
        if draw.random() < 0.5:
            draw.shuffle(kept)
        return kept
    return value


def _size(value: JsonValue) -> int:
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    if isinstance(value, list):
        return sum(map(_size, value))
    return int(value not in {None, ""})


def _most_right(wanted: JsonValue, given: JsonValue, lists: ListRule) -> int:
    """Try every matching of every pair of lists."""
    if isinstance(wanted, dict) and isinstance(given, dict):
        return sum(_most_right(wanted[k], given[k], lists) for k in wanted.keys() & given.keys())
    if isinstance(wanted, list) and isinstance(given, list):
        orders = permutations if lists == "any_order" else combinations
        return max(
            sum(_most_right(a, b, lists) for a, b in zip(ours, theirs, strict=True))
            for size in range(min(len(wanted), len(given)) + 1)
            for ours in combinations(wanted, size)
            for theirs in orders(given, size)
        )
    same = type(wanted) is type(given) and wanted == given
    return int(same and not isinstance(wanted, dict | list) and wanted not in {None, ""})


@pytest.mark.parametrize("lists", ["any_order", "in_order"])
def test_f1_is_that_of_the_best_of_all_matchings_on_five_hundred_documents(lists: ListRule) -> None:
    rules = FieldRules(lists=lists)
    draw = random.Random(3)  # noqa: S311 - seeded, no secret
    for _ in range(500):
        wanted = _document(draw)
        given = _changed(draw, wanted) if draw.random() < 0.8 else _document(draw)

        found = compare_documents(given, wanted, rules)

        best = Overlap(
            right=_most_right(wanted, given, lists), given=_size(given), wanted=_size(wanted)
        )
        assert (found.overlap, found.overlap.f1) == (best, best.f1)
        assert not found.in_order


def test_differences_name_what_is_missed_added_and_wrong_by_their_place() -> None:
    wanted: JsonValue = {
        "total": 10,
        "a/b~": "x",
        "lines": [{"item": "ink", "n": 1}, {"item": "pen", "n": 2}],
        "vendor": {"town": "Ambry"},
    }
    given: JsonValue = {
        "total": 11,
        "lines": [{"item": "pen", "n": 3}, {"item": "ink", "n": 1}, {"item": "cup"}],
        "vendor": "Ambry",
    }

    found = compare_documents(given, wanted, RULES)

    assert list(found.differences) == [
        Difference(pointer="/total", wanted=10, given=11),
        Difference(pointer="/a~1b~0", wanted="x"),
        Difference(pointer="/lines/1/n", wanted=2, given=3),
        Difference(pointer="/lines/2/item", given="cup"),
        Difference(pointer="/vendor/town", wanted="Ambry"),
        Difference(pointer="/vendor", given="Ambry"),
    ]


def test_fields_are_counted_alike_wherever_in_a_list_they_stand() -> None:
    wanted: JsonValue = {"lines": [{"n": 1}, {"n": 2}, {"n": 3}], "*": 1}
    given: JsonValue = {"lines": [{"n": 3}, {"n": 5}], "*": 1}

    found = compare_documents(given, wanted, RULES)

    assert found.fields == {
        "/lines/*/n": Overlap(right=1, given=2, wanted=3),
        "/~2": Overlap(right=1, given=1, wanted=1),
    }


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"a": 1, "b": None, "c": "", "d": [], "e": {"f": None}}, {"a": 1}),
        ({"a": 1}, {"a": 1, "b": None, "c": " ", "d": {}}),
        ([None, 1], [1]),
        ({}, None),
    ],
)
def test_what_says_nothing_is_no_field_on_either_side(given: JsonValue, wanted: JsonValue) -> None:
    found = compare_documents(given, wanted, RULES)

    assert found.overlap.f1 == 1.0
    assert list(found.differences) == []


def test_order_counts_where_it_is_declared() -> None:
    wanted: JsonValue = [{"year": 2020}, {"year": 2010}, {"year": 2000}]
    given: JsonValue = [{"year": 2010}, {"year": 2000}, {"year": 2020}]

    assert compare_documents(given, wanted, RULES).overlap.right == 3
    assert compare_documents(given, wanted, IN_ORDER).overlap.right == 2


def test_one_member_too_many_does_not_shift_the_others() -> None:
    wanted: JsonValue = [{"n": place, "kind": "x"} for place in range(30)]
    given: JsonValue = [{"n": -1}, *wanted] if isinstance(wanted, list) else []

    assert compare_documents(given, wanted, IN_ORDER).overlap.right == 60


def test_truth_values_are_not_numbers_within_lists_either() -> None:
    assert compare_documents([True, {"a": [1]}], [1, {"a": [True]}], RULES).overlap.right == 0


@pytest.mark.parametrize("rules", [RULES, IN_ORDER])
def test_lists_too_large_to_match_are_paired_in_order_and_it_is_said(rules: FieldRules) -> None:
    wanted: JsonValue = [{"n": place, "kind": "x"} for place in range(40)]
    given: JsonValue = [{"n": -place, "kind": "x"} for place in range(1, 41)]

    found = compare_documents(given, wanted, rules, max_steps=1_000)

    assert found.in_order
    assert found.overlap == Overlap(right=40, given=80, wanted=80)


def test_a_hostile_document_is_scored_within_the_steps() -> None:
    nested: JsonValue = "leaf"
    for level in range(60):
        nested = [nested, {"level": level}]
    wide: JsonValue = [{"a": [place, place + 1], "b": {"c": [place % 7]}} for place in range(3_000)]
    other: JsonValue = [{"a": [place], "b": {"c": [place % 5]}} for place in range(3_000, 6_000)]

    deep = compare_documents([nested, nested], [nested, "x"], RULES)
    large = compare_documents(other, wide, RULES)

    assert deep.overlap == Overlap(right=61, given=122, wanted=62)
    assert large.in_order
