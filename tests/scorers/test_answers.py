import pytest

from judge.scorers.answers import NUMBERS_DIFFER, ExactMatch, TokenF1


@pytest.mark.parametrize(
    ("output", "answers", "expected"),
    [
        ("The Eiffel Tower!", ("eiffel tower",), 1.0),
        ("Paris", ("London", "paris."), 1.0),
        ("in Paris", ("Paris",), 0.0),
        ("\u6771\u4eac \u90fd", ("\u6771\u4eac\u90fd\u3002",), 1.0),
        ("B", ("A",), 0.0),
        ("The", ("A",), 0.0),
        ("", ("Paris",), 0.0),
    ],
)
def test_an_exact_match_is_one_whatever_the_articles_case_and_punctuation(
    output: str, answers: tuple[str, ...], expected: float
) -> None:
    found = ExactMatch().compare(output, answers)

    assert (found.value, found.flags) == (expected, ())


@pytest.mark.parametrize(
    ("output", "answer", "doubted"),
    [
        ("35", "3.5", True),
        ("5 degrees", "-5 degrees", True),
        ("1,5", "15", True),
        ("1240 euros", "1,240 euros", False),
        ("1.2.3", "1.2.3", False),
        ("\u22125", "-5", False),
        ("page 5", "page 5.", False),
    ],
)
def test_a_match_of_other_numbers_is_flagged(output: str, answer: str, *, doubted: bool) -> None:
    found = ExactMatch().compare(output, [answer])

    assert found.value == 1.0
    assert found.flags == ((NUMBERS_DIFFER,) if doubted else ())


@pytest.mark.parametrize(
    ("output", "answers", "expected"),
    [
        ("the tower in Paris", ("Eiffel Tower in Paris",), 6 / 7),
        ("Paris Paris", ("Paris",), 2 / 3),
        ("London", ("Paris", "London town"), 2 / 3),
        ("Berlin", ("Paris",), 0.0),
        ("", ("Paris",), 0.0),
    ],
)
def test_token_f1_is_that_of_the_answer_that_fits_best(
    output: str, answers: tuple[str, ...], expected: float
) -> None:
    assert TokenF1().compare(output, answers).value == pytest.approx(expected)


def test_token_f1_says_what_is_missed_and_what_is_added() -> None:
    details = TokenF1().compare("tower in Rome", ["Eiffel tower in Paris"]).details

    assert details == {
        "precision": 2 / 3,
        "recall": 0.5,
        "missed": ["eiffel", "paris"],
        "added": ["rome"],
    }
