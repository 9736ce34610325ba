from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, ttest_1samp

from judge.stats.alternative import (
    AlignmentScore,
    AlternativeAnnotatorTest,
    alternative_annotator_test,
)
from judge.stats.estimate import Undefined

Labels: TypeAlias = NDArray[np.int64]


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def defined(result: AlternativeAnnotatorTest | Undefined) -> AlternativeAnnotatorTest:
    assert isinstance(result, AlternativeAnnotatorTest), result
    return result


def panel(
    rng: np.random.Generator,
    *,
    n: int,
    raters: int = 3,
    categories: int = 3,
    seen: float = 0.8,
    judge_seen: float = 0.8,
) -> tuple[Labels, Labels]:
    """Raters and a judge that each see the truth with some chance, and guess otherwise."""
    truth = rng.integers(0, categories, size=(n, 1))
    guesses = rng.integers(0, categories, size=(n, raters + 1))
    sees = rng.random((n, raters + 1)) < np.array([*[seen] * raters, judge_seen])
    labels = np.where(sees, truth, guesses)
    return labels[:, :raters], labels[:, raters]


def by_definition(
    labels: Labels, judge: Labels, *, rater: int, score: AlignmentScore
) -> tuple[list[bool], list[bool]]:
    """Calderon, Reichart and Dror (2025), section 3: whether judge and rater win, unit by unit."""
    judge_wins, rater_wins = [], []
    for unit, verdict in zip(labels, judge, strict=True):
        others = np.delete(unit, rater)
        others = others[others >= 0]
        if unit[rater] < 0 or verdict < 0 or others.size == 0:
            continue
        if score == "match":
            judged, rated = (others == verdict).mean(), (others == unit[rater]).mean()
        else:
            judged, rated = (
                -np.sqrt(((others - said) ** 2).mean()) for said in (verdict, unit[rater])
            )
        judge_wins.append(bool(judged >= rated))
        rater_wins.append(bool(rated >= judged))
    return judge_wins, rater_wins


@pytest.mark.parametrize("score", ["match", "rmse"])
@pytest.mark.parametrize("epsilon", [0.0, 0.1, 0.2])
def test_the_test_is_the_one_of_the_paper(score: AlignmentScore, epsilon: float) -> None:
    rng = seeded(2)
    labels, judge = panel(rng, n=120, raters=4, categories=5, judge_seen=0.75)
    labels = np.where(rng.random(labels.shape) < 0.3, -1, labels)
    judge = np.where(rng.random(judge.shape) < 0.1, -1, judge)

    result = defined(
        alternative_annotator_test(labels, judge, n_categories=5, epsilon=epsilon, score=score)
    )

    wins = [by_definition(labels, judge, rater=j, score=score) for j in range(4)]
    gaps = [np.array(rated, dtype=int) - np.array(judged, dtype=int) for judged, rated in wins]
    p_values = [ttest_1samp(gap, epsilon, alternative="less").pvalue for gap in gaps]
    adjusted = false_discovery_control(p_values, method="by")
    assert [row.p_value.value for row in result.raters] == pytest.approx(p_values)
    assert [row.p_value.n for row in result.raters] == [gap.size for gap in gaps]
    assert [row.adjusted for row in result.raters] == pytest.approx(adjusted)
    assert [row.rejected for row in result.raters] == [bool(p <= 0.05) for p in adjusted]
    assert result.omega == np.mean(adjusted <= 0.05)
    assert result.rho == pytest.approx(np.mean([np.mean(judged) for judged, _rated in wins]))
    assert result.passes == (result.omega >= 0.5)


@pytest.mark.parametrize("categories", [2, 4])
def test_a_judge_that_says_what_most_raters_say_always_wins(categories: int) -> None:
    # Calderon, Reichart and Dror (2025): the optimal judge, whose advantage probability is 1
    labels, _judge = panel(seeded(3), n=200, raters=5, categories=categories, seen=0.4)
    counts = (labels[:, :, np.newaxis] == np.arange(categories)).sum(axis=1)

    result = defined(
        alternative_annotator_test(
            labels, counts.argmax(axis=1), n_categories=categories, epsilon=0.1
        )
    )

    assert (result.rho, result.omega, result.passes) == (1, 1, True)


@pytest.mark.parametrize(
    ("difference", "epsilon", "p_value"),
    [(0, 0.1, 0), (0, 0.0, 1), (-1, 0.0, 0), (1, 0.2, 1)],
)
def test_differences_that_do_not_vary_are_compared_as_they_are(
    difference: int, epsilon: float, p_value: float
) -> None:
    # The first rater never agrees with the others, who always agree with each other.
    labels, judge = np.tile([0, 1, 1], (30, 1)), np.ones(30, dtype=np.int64)
    rater = {0: 1, -1: 0, 1: 1}[difference]
    judge = judge if difference <= 0 else np.full(30, 2)

    result = defined(alternative_annotator_test(labels, judge, n_categories=3, epsilon=epsilon))

    row = result.raters[rater]
    assert row.rater_wins - row.judge_wins == difference
    assert row.p_value.value == p_value
    assert row.rejected == (p_value == 0)


def test_a_judge_that_copies_one_of_two_raters_is_not_passed_for_it() -> None:
    labels, _judge = panel(seeded(4), n=100, raters=2)

    result = alternative_annotator_test(labels, labels[:, 0], n_categories=3, epsilon=0.2)

    assert isinstance(result, Undefined)
    assert "at least 3" in result.reason
    assert result.n == 100


def test_a_rater_with_too_few_units_is_named_and_not_tested() -> None:
    labels, judge = panel(seeded(5), n=60, raters=4)
    labels[29:, 2] = -1

    few = defined(alternative_annotator_test(labels, judge, n_categories=3, epsilon=0.2))
    enough = defined(
        alternative_annotator_test(labels, judge, n_categories=3, epsilon=0.2, min_items=29)
    )

    assert (few.untested, [row.rater for row in few.raters]) == ((2,), [0, 1, 3])
    assert (enough.untested, len(enough.raters)) == ((), 4)


def test_a_unit_needs_another_rater_and_a_verdict() -> None:
    labels, judge = panel(seeded(6), n=90)
    alone, unjudged = labels[:20].copy(), labels[:20].copy()
    alone[:, 1:] = -1
    more = np.vstack([labels, alone, unjudged])
    verdicts = np.concatenate([judge, judge[:20], np.full(20, -1)])

    one = alternative_annotator_test(labels, judge, n_categories=3, epsilon=0.2)
    other = alternative_annotator_test(more, verdicts, n_categories=3, epsilon=0.2)

    assert one == other


@pytest.mark.parametrize("score", ["match", "rmse"])
def test_the_order_of_units_and_raters_changes_nothing(score: AlignmentScore) -> None:
    labels, judge = panel(seeded(7), n=80, raters=4, categories=5)
    order = seeded(8).permutation(80)

    one, other = (
        defined(alternative_annotator_test(*some, n_categories=5, epsilon=0.1, score=score))
        for some in ((labels, judge), (labels[order][:, ::-1], judge[order]))
    )

    assert (one.omega, one.passes) == (other.omega, other.passes)
    assert one.rho == pytest.approx(other.rho)
    assert [row.p_value.value for row in one.raters] == pytest.approx(
        [row.p_value.value for row in reversed(other.raters)]
    )


def test_values_set_how_far_labels_are_apart() -> None:
    labels = np.tile([0, 0, 1], (40, 1))
    judge = np.full(40, 2)

    near, far = (
        defined(
            alternative_annotator_test(
                labels,
                judge,
                n_categories=3,
                epsilon=0.1,
                score="rmse",
                values=np.array([0.0, 5.0, third]),
            )
        )
        for third in (4.0, 6.0)
    )

    # the third rater is at 5, the others at 0: the judge is nearer to them at 4 than at 6
    assert near.raters[2].judge_wins == 1
    assert far.raters[2].judge_wins == 0


def test_what_cannot_be_tested_is_refused() -> None:
    labels, judge = panel(seeded(9), n=40)

    with pytest.raises(ValueError, match="epsilon"):
        alternative_annotator_test(labels, judge, n_categories=3, epsilon=1.0)
    with pytest.raises(ValueError, match="two units"):
        alternative_annotator_test(labels, judge, n_categories=3, epsilon=0.1, min_items=1)
    with pytest.raises(ValueError, match="off a scale"):
        alternative_annotator_test(labels, judge, n_categories=2, epsilon=0.1)
    with pytest.raises(ValueError, match="shape"):
        alternative_annotator_test(labels, judge[:1], n_categories=3, epsilon=0.1)
    with pytest.raises(ValueError, match="values"):
        alternative_annotator_test(
            labels, judge, n_categories=3, epsilon=0.1, values=np.array([0, 1, 2])
        )


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(-1, 2), min_size=5, max_size=5), max_size=12),
    score=st.sampled_from(["match", "rmse"]),
    epsilon=st.floats(0, 0.9),
)
def test_any_labels_give_a_result_or_a_reason(
    rows: list[list[int]], score: AlignmentScore, epsilon: float
) -> None:
    table = np.array(rows, dtype=np.int64).reshape(-1, 5)

    result = alternative_annotator_test(
        table[:, :4], table[:, 4], n_categories=3, epsilon=epsilon, score=score, min_items=2
    )

    assert isinstance(result, Undefined) or 0 <= result.omega <= 1
    assert isinstance(result, Undefined) or 0 <= result.rho <= 1


# A judge that sees the truth so often wins epsilon less often than a rater who sees it .8 of the
# time, in a panel of three with three categories.
NULLS = [(0.0, 0.8), (0.1, 0.625), (0.2, 0.449)]


@pytest.mark.parametrize(("epsilon", "judge_seen"), NULLS)
def test_a_judge_at_the_null_passes_as_seldom_as_it_says(epsilon: float, judge_seen: float) -> None:
    rates = null_rates(epsilon, judge_seen, n=60, runs=400)

    assert rates["gap"] == pytest.approx(epsilon, abs=0.01)
    assert rates["passes"] <= 0.05
    assert rates["one rater"] <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize(("epsilon", "judge_seen"), NULLS)
@pytest.mark.parametrize("n", [30, 60, 200])
def test_a_judge_at_the_null_passes_as_seldom_in_every_cell(
    epsilon: float, judge_seen: float, n: int
) -> None:
    rates = null_rates(epsilon, judge_seen, n=n, runs=2000)

    assert rates["passes"] <= 0.05
    assert rates["one rater"] <= 0.05


def null_rates(epsilon: float, judge_seen: float, *, n: int, runs: int) -> dict[str, float]:
    rng = seeded(n)
    results = [
        defined(
            alternative_annotator_test(
                *panel(rng, n=n, judge_seen=judge_seen), n_categories=3, epsilon=epsilon
            )
        )
        for _run in range(runs)
    ]
    rows = [row for result in results for row in result.raters]
    return {
        "gap": float(np.mean([row.rater_wins - row.judge_wins for row in rows])),
        "passes": float(np.mean([result.passes for result in results])),
        "one rater": float(np.mean([row.rejected for row in rows])),
    }


def test_a_judge_like_the_raters_passes_from_enough_units() -> None:
    passes = [
        defined(alternative_annotator_test(*panel(rng, n=100), n_categories=3, epsilon=0.2)).passes
        for rng in map(seeded, range(50))
    ]

    assert np.mean(passes) > 0.8


def test_where_the_judge_never_wins_alone_the_t_test_rejects_more_often_than_it_says() -> None:
    # What the docstring warns of: the rater alone is right on a fifth of 30 units.
    rng, p_values = seeded(10), []
    for _run in range(1000):
        judge = np.where(rng.random(30) < 0.2, 1, 0)
        labels = np.zeros((30, 3), dtype=np.int64)
        result = defined(alternative_annotator_test(labels, judge, n_categories=2, epsilon=0.2))
        p_values.append(result.raters[0].p_value.value)

    assert 0.09 < np.mean(np.array(p_values) <= 0.05) < 0.16
