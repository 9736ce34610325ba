import pytest

from judge.importers.imported import ImportedRating
from judge.importers.rated import rated, readings
from judge.records.scale import EQUIVALENCE, Scale, ScaleKind

GRADES = Scale(kind=ScaleKind.BINARY, categories=("I", "C"))
STARS = Scale(kind=ScaleKind.ORDINAL, categories=("1", "2", "3"))


def _said(question: str, *labels: str) -> list[ImportedRating]:
    return [
        ImportedRating(
            item_id="1",
            system="s",
            rater="ann",
            question=question,
            label=label,
            output=None,
            seconds=None,
            comment="",
            place="p",
        )
        for label in labels
    ]


def test_a_question_called_like_a_judge_is_about_that_judge() -> None:
    ratings = [*_said("fluency", "1", "3"), *_said("Stars", "2", "1")]

    found = rated(ratings, {"grades": GRADES, "stars": STARS})

    assert found is not None
    assert (found.question, found.judge, found.labels) == ("Stars", "stars", {})


def test_else_the_first_judge_on_whose_scale_the_labels_read_counts_and_then_equivalence() -> None:
    ratings = _said("right?", "correct", "incorrect")

    graded, alone = rated(ratings, {"stars": STARS, "grades": GRADES}), rated(ratings, {})

    assert graded is not None
    assert alone is not None
    assert (graded.judge, graded.labels) == ("grades", {"incorrect": "I", "correct": "C"})
    assert (alone.judge, alone.labels) == (
        "",
        {"incorrect": "different", "correct": "equivalent"},
    )


def test_labels_on_no_scale_are_left_to_the_person_and_no_ratings_are_none() -> None:
    found = rated(_said("q", "tea", "milk"), {"grades": GRADES})

    assert found is not None
    assert (found.judge, found.labels) == ("", None)
    assert rated([], {"grades": GRADES}) is None


@pytest.mark.parametrize(
    ("labels", "scale", "read"),
    [
        (["C", "I"], GRADES, {}),
        (["c"], GRADES, {"c": "C"}),
        (["true"], GRADES, {"true": "C", "false": "I"}),
        (["1", "0"], EQUIVALENCE, {"1": "equivalent", "0": "different"}),
        (["good", "bad"], STARS, None),
        (["1", "2", "3"], EQUIVALENCE, None),
        (["fine"], EQUIVALENCE, None),
    ],
)
def test_labels_read_by_name_or_by_which_is_right(
    labels: list[str], scale: Scale, read: dict[str, str] | None
) -> None:
    found = readings(labels, scale)

    assert found == (None if read is None else {one: read[one] for one in labels if one in read})
