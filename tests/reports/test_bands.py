from collections import Counter
from dataclasses import replace

from judge.reports.bands import by_teacher, length_bands, undeclared_slices
from tests.reports.paired_sides import record


def test_bands_are_thirds_with_names_a_person_can_read() -> None:
    found = length_bands(list(range(1, 31)))

    assert Counter(found) == {
        "up to 10 words": 10,
        "11 to 20 words": 10,
        "21 words or more": 10,
    }
    assert (found[9], found[10], found[29]) == (
        "up to 10 words",
        "11 to 20 words",
        "21 words or more",
    )


def test_equal_lengths_are_in_one_band() -> None:
    assert set(length_bands([1] * 20 + [7, 9])) == {"up to 1 words", "2 words or more"}
    assert set(length_bands([4] * 9)) == {"any"}
    assert length_bands([]) == []


def test_a_teacher_is_right_or_wrong_or_among_its_worst() -> None:
    assert by_teacher([1.0, 0.0], passes=True) == ["right", "wrong"]
    assert by_teacher([0.1, 0.8, 0.9], passes=False).count("its worst third") == 1


def test_right_answers_are_classes_only_where_they_are_few() -> None:
    classes = [replace(record("s", k), references=("ab"[k % 2],)) for k in range(20)]
    essays = [replace(record("s", k), references=(f"essay {k}",)) for k in range(20)]

    assert set(undeclared_slices(classes)["answer"]) == {"a", "b"}
    assert undeclared_slices(essays) == {}
    assert undeclared_slices([]) == {}
