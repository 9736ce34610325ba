import pytest

from judge.importers.columns import NEGATIVE, POSITIVE, column_for, few_values


def test_the_first_name_that_people_use_counts() -> None:
    assert column_for("reference", ["note", "answer", "golden_answer"]) == "golden_answer"
    assert column_for("input", {"note": 1}) is None


@pytest.mark.parametrize(
    ("values", "few"),
    [
        (["a", "b", "a", "b"], True),
        ([True, False, True, True], True),
        ([1, 2, 1, 2], True),
        (["a", "a", "a", "a"], False),  # says nothing
        (["a", "b", "c", "d"], False),  # an id
        (["a", "b", "a", None], False),  # not in every row
        (["a", "b", "a", " "], False),
        ([0.5, 0.25, 0.5, 0.25], False),
        ([str(k % 13) for k in range(100)], False),
    ],
)
def test_a_slice_has_few_values_in_every_row(values: list[object], few: bool) -> None:  # noqa: FBT001
    assert few_values(values) is few


def test_no_label_says_both_right_and_wrong() -> None:
    assert not POSITIVE & NEGATIVE
