from collections.abc import Sequence

import pytest

from judge.importers.scales import scale_of, wrong_and_right
from judge.records.scale import Scale, ScaleKind


@pytest.mark.parametrize(
    ("labels", "kind", "categories"),
    [
        (["true", "false"], ScaleKind.BINARY, ("false", "true")),
        (["1", "1"], ScaleKind.BINARY, ("0", "1")),
        (["correct", "incorrect"], ScaleKind.BINARY, ("incorrect", "correct")),
        (["Yes", "No"], ScaleKind.BINARY, ("No", "Yes")),
        (["5", "2", "4"], ScaleKind.ORDINAL, ("2", "3", "4", "5")),
        (["0", "0.5", "1"], ScaleKind.ORDINAL, ("0", "0.5", "1")),
        (["tea", "milk"], ScaleKind.NOMINAL, ("milk", "tea")),
        (["a", "b", "c"], ScaleKind.NOMINAL, ("a", "b", "c")),
    ],
)
def test_the_labels_themselves_tell_their_scale(
    labels: Sequence[str], kind: ScaleKind, categories: Sequence[str]
) -> None:
    found = scale_of(labels)

    assert found == Scale(kind=kind, categories=tuple(categories))


def test_a_declared_order_holds_without_the_middle_that_nobody_used() -> None:
    both = scale_of(["C"], declared=("I", "P", "C"))
    three = scale_of(["C", "P"], declared=("I", "P", "C"))

    assert isinstance(both, Scale)
    assert isinstance(three, Scale)
    assert (both.categories, both.kind) == (("I", "C"), ScaleKind.BINARY)
    assert (three.categories, three.kind) == (("I", "P", "C"), ScaleKind.ORDINAL)


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([str(k / 100) for k in range(60)], "60 different numbers are no categories"),
        (["0", "100"], "numbers"),
        ([f"text {k}" for k in range(20)], "20 different texts are no categories"),
        (["fine"], "all are 'fine', and a scale has two categories"),
        (["7.5"], "all are 7.5, and a scale has two categories"),
    ],
)
def test_labels_without_a_scale_say_why(labels: Sequence[str], reason: str) -> None:
    found = scale_of(labels)

    if labels == ["0", "100"]:  # two numbers far apart are still two categories in order
        assert found == Scale(kind=ScaleKind.BINARY, categories=("0", "100"))
    else:
        assert isinstance(found, str)
        assert reason in found


def test_two_labels_are_right_and_wrong_only_where_both_are_known() -> None:
    assert wrong_and_right(["Good", "bad"]) == ("bad", "Good")
    assert wrong_and_right(["good", "odd"]) is None
    assert wrong_and_right(["good", "pass"]) is None
    assert wrong_and_right(["good"]) is None
