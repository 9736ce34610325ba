import pytest

from judge.records.scale import EQUIVALENCE, Scale, ScaleKind


def test_the_shipped_scale_has_the_negative_category_first() -> None:
    assert EQUIVALENCE.kind is ScaleKind.BINARY
    assert (EQUIVALENCE.value("different"), EQUIVALENCE.value("equivalent")) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("kind", "categories", "values", "ordered"),
    [
        (ScaleKind.BINARY, ("no", "yes"), (0.0, 1.0), False),
        (ScaleKind.ORDINAL, ("1", "2", "3", "4", "5"), (0.0, 0.25, 0.5, 0.75, 1.0), True),
        (ScaleKind.ORDINAL, ("bad", "good"), (0.0, 1.0), False),
        (ScaleKind.NOMINAL, ("wrong", "vague", "right"), (0.0, 0.0, 1.0), False),
        (ScaleKind.PAIRWISE, ("second", "first"), (0.0, 1.0), False),
        (ScaleKind.PAIRWISE, ("second", "tie", "first"), (0.0, 0.5, 1.0), True),
    ],
)
def test_categories_have_a_place_and_a_value(
    kind: ScaleKind, categories: tuple[str, ...], values: tuple[float, ...], *, ordered: bool
) -> None:
    scale = Scale(kind=kind, categories=categories)

    assert tuple(map(scale.code, categories)) == tuple(range(len(categories)))
    assert tuple(map(scale.value, categories)) == scale.values == values
    assert scale.ordered is ordered


@pytest.mark.parametrize(
    ("kind", "categories", "message"),
    [
        (ScaleKind.BINARY, ("no", "maybe", "yes"), "a binary scale has two categories, not 3"),
        (ScaleKind.BINARY, ("yes",), "a binary scale has two categories, not 1"),
        (ScaleKind.PAIRWISE, ("a", "b", "c", "d"), "a pairwise scale has two categories, or thr"),
        (ScaleKind.ORDINAL, ("1",), "a scale has at least two categories, not 1"),
        (ScaleKind.NOMINAL, (), "a scale has at least two categories, not 0"),
        (ScaleKind.ORDINAL, ("1", "2", "1"), "a scale names a category twice: 1, 2, 1"),
    ],
)
def test_a_scale_that_cannot_be_is_refused(
    kind: ScaleKind, categories: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Scale(kind=kind, categories=categories)


@pytest.mark.parametrize("category", ["Equivalent", "", "equivalent "])
def test_what_is_off_the_scale_has_no_place_on_it(category: str) -> None:
    with pytest.raises(ValueError, match="is not on the scale different, equivalent"):
        EQUIVALENCE.code(category)
