import random
import tracemalloc
from collections.abc import Sequence

import pytest

from judge.scorers.overlap import Overlap, common_subsequence, shared, shared_in_order


def _by_the_table(first: Sequence[str], second: Sequence[str]) -> int:
    row = [0] * (len(second) + 1)
    for one in first:
        new = [0]
        for place, other in enumerate(second):
            new.append(row[place] + 1 if one == other else max(row[place + 1], new[-1]))
        row = new
    return row[-1]


@pytest.mark.parametrize(
    ("right", "given", "wanted", "expected"),
    [
        (2, 4, 2, (0.5, 1.0, 2 / 3)),
        (0, 4, 2, (0.0, 0.0, 0.0)),
        (0, 0, 2, (0.0, 0.0, 0.0)),
        (0, 2, 0, (0.0, 0.0, 0.0)),
        (0, 0, 0, (1.0, 1.0, 1.0)),
    ],
)
def test_rates_are_defined_whatever_was_given_or_wanted(
    right: int, given: int, wanted: int, expected: tuple[float, float, float]
) -> None:
    found = Overlap(right=right, given=given, wanted=wanted)

    assert (found.precision, found.recall, found.f1) == expected


def test_a_word_counts_as_often_as_both_sides_have_it() -> None:
    assert shared(list("aaab"), list("aabb")) == Overlap(right=3, given=4, wanted=4)
    assert shared(list("aaab"), list("aabb"), size=2) == Overlap(right=2, given=3, wanted=3)
    assert shared(["a"], ["a"], size=2) == Overlap(right=0, given=0, wanted=0)


def test_words_in_another_order_are_shared_in_part() -> None:
    # Lin (2004), section 3.1: "police killed the gunman" and "the gunman kill police".
    wanted, given = ["police", "killed", "the", "gunman"], ["the", "gunman", "kill", "police"]

    assert shared_in_order(given, wanted) == Overlap(right=2, given=4, wanted=4)


def test_the_common_subsequence_is_as_long_as_the_table_says() -> None:
    draw = random.Random(1)  # noqa: S311 - seeded, no secret
    pairs = [
        (draw.choices("abcd", k=draw.randint(0, 30)), draw.choices("abcde", k=draw.randint(0, 30)))
        for _ in range(400)
    ]
    # Longer than what is held at once.
    pairs += [(draw.choices("abc", k=9_000), draw.choices("abcd", k=40)) for _ in range(3)]

    assert [common_subsequence(*pair) for pair in pairs] == [_by_the_table(*p) for p in pairs]


def test_the_memory_for_long_texts_grows_with_their_length_and_not_its_square() -> None:
    draw = random.Random(2)  # noqa: S311 - seeded, no secret
    first, second = ([str(draw.randrange(12_000)) for _ in range(12_000)] for _ in range(2))

    tracemalloc.start()
    common_subsequence(first, second)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 12_000**2 / 16 / 4  # a quarter of one bit a pair, 2.25 MB
