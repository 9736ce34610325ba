from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from judge.errors import DataError
from judge.records.changes import (
    ItemChange,
    OutputChanges,
    changes_between,
    changes_since,
    require_unchanged,
)
from judge.records.dataset import Dataset
from judge.records.frozen import FrozenSet, freeze
from judge.records.record import Item, Role, System

ITEMS = tuple(
    Item(item_id=f"i{k}", input=f"Question {k}?", references=(f"answer {k}",), cluster=f"d{k // 2}")
    for k in range(6)
)
TEACHER = {f"i{k}": f"output {k}" for k in range(5)}
DATASET = Dataset(
    items=ITEMS,
    systems=(System(name="teacher", role=Role.TEACHER), System(name="small", role=Role.STUDENT)),
    outputs={"teacher": TEACHER, "small": {"i1": "x"}},
)


def _frozen(dataset: Dataset = DATASET) -> FrozenSet:
    return freeze(
        dataset, name="questions", created=datetime(2026, 5, 1, tzinfo=UTC), outputs=["teacher"]
    )


def _items(change: Callable[[list[Item]], object]) -> Dataset:
    items = list(ITEMS)
    change(items)
    return replace(DATASET, items=tuple(items))


def test_a_set_that_is_what_was_frozen_has_no_changes() -> None:
    other_student = replace(DATASET, outputs={"teacher": TEACHER, "small": {"i2": "y"}})

    changes = changes_since(_frozen(), other_student)

    assert changes.same
    assert changes.sentences() == ()


def test_each_changed_item_is_named_with_what_changed() -> None:
    edited = replace(ITEMS[1], references=("answer one",))
    rewritten = replace(ITEMS[4], input="Question?", slices={"kind": "new"}, cluster="i4")
    dataset = replace(DATASET, items=(ITEMS[0], edited, *ITEMS[2:4], rewritten, ITEMS[5]))

    changes = changes_since(_frozen(), dataset)

    assert not changes.same
    assert changes.changed == (
        ItemChange(item_id="i1", parts=("reference",)),
        ItemChange(item_id="i4", parts=("cluster", "input", "slices")),
    )
    assert changes.sentences() == (
        "2 items differ: 'i1' (reference), 'i4' (cluster, input, slices)",
    )


def test_items_that_came_and_went_are_named() -> None:
    new = replace(ITEMS[0], item_id="new")

    changes = changes_since(_frozen(), replace(DATASET, items=(new, *ITEMS[:3], *ITEMS[5:])))

    assert (changes.added, changes.removed, changes.reordered) == (("new",), ("i3", "i4"), ())
    assert changes.sentences() == (
        "2 items are only in the frozen set: 'i3', 'i4'",
        "1 item is only in this set: 'new'",
    )


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        (lambda items: items.append(items.pop(0)), {"i0"}),
        (lambda items: items.insert(0, items.pop(4)), {"i4"}),
        (lambda items: items.insert(1, replace(items[0], item_id="new")), set()),
        (lambda items: items.pop(2), set()),
    ],
)
def test_the_fewest_moved_items_are_named_and_are_no_change(
    change: Callable[[list[Item]], object], moved: set[str]
) -> None:
    changes = changes_since(_frozen(), _items(change))

    assert set(changes.reordered) == moved
    assert any("which is no change" in told for told in changes.sentences()) == bool(moved)
    assert changes.same == (not changes.added and not changes.removed)


def test_what_is_left_after_the_moved_items_kept_its_order() -> None:
    rng = np.random.default_rng(3)

    for _ in range(20):
        order = [int(k) for k in rng.permutation(6)]
        dataset = replace(DATASET, items=tuple(ITEMS[k] for k in order))
        moved = changes_since(_frozen(), dataset).reordered
        kept = [k for k in order if f"i{k}" not in moved]
        longest = max(
            sum(1 << k & mask > 0 for k in range(6))
            for mask in range(64)
            if (run := [k for k in order if 1 << k & mask]) == sorted(run)
        )

        assert kept == sorted(kept)
        assert len(kept) == longest


def test_changed_outputs_of_a_frozen_system_are_a_change() -> None:
    answers = {**TEACHER, "i1": "output 1 ", "i5": "late"}
    del answers["i3"]

    changes = changes_since(_frozen(), replace(DATASET, outputs={"teacher": answers}))

    assert not changes.same
    assert changes.outputs == (
        OutputChanges(
            system="teacher", known=True, changed=("i1",), added=("i5",), removed=("i3",)
        ),
    )
    assert changes.sentences() == (
        "1 output of teacher differs: 'i1'",
        "1 output of teacher is only in the frozen set: 'i3'",
        "1 output of teacher is only in this set: 'i5'",
    )


def test_a_frozen_system_that_is_gone_is_a_change() -> None:
    changes = changes_since(_frozen(), replace(DATASET, outputs={"small": {}}))

    assert not changes.same
    assert changes.sentences() == (
        "this set has no system 'teacher', whose outputs the frozen set holds",
    )


def test_twenty_are_named_and_the_rest_are_counted() -> None:
    many = tuple(Item(item_id=f"n{k}", cluster=f"n{k}") for k in range(23))

    changes = changes_since(_frozen(), replace(DATASET, items=(*ITEMS, *many)))

    (told,) = changes.sentences()
    assert told.startswith("23 items are only in this set: 'n0', 'n1', ")
    assert told.endswith("'n19' and 3 more")
    assert changes.sentences(shown=2) == ("23 items are only in this set: 'n0', 'n1' and 21 more",)


def test_two_sets_are_told_apart_by_the_names_of_their_runs() -> None:
    second = replace(
        DATASET,
        items=(replace(ITEMS[0], references=()), *ITEMS[1:5]),
        outputs={"teacher": {**TEACHER, "i2": "!"}},
    )

    alone = changes_between(DATASET, second)
    taught = changes_between(DATASET, second, outputs=["teacher"])

    assert alone.sentences(first="run A", second="run B") == (
        "1 item differs: 'i0' (reference)",
        "1 item is only in run A: 'i5'",
    )
    assert taught.sentences(first="run A", second="run B") == (
        *alone.sentences(first="run A", second="run B"),
        "1 output of teacher differs: 'i2'",
    )


def test_a_set_that_is_not_the_frozen_one_is_refused_and_told_why() -> None:
    require_unchanged(replace(DATASET, items=ITEMS[::-1]), _frozen(), place="set.frozen.json")

    with pytest.raises(DataError, match=r"in set\.frozen\.json: 1 item is only in .*'i5'; restore"):
        require_unchanged(replace(DATASET, items=ITEMS[:5]), _frozen(), place="set.frozen.json")
