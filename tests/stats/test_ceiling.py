from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from judge.records.rating import Aggregate as RatingAggregate
from judge.records.rating import together
from judge.records.scale import Scale, ScaleKind
from judge.stats.ceiling import Aggregate, CeilingScore, HumanCeiling, human_ceiling
from judge.stats.estimate import Estimate, Undefined

Labels: TypeAlias = NDArray[np.int64]
Result: TypeAlias = Estimate | Undefined

AGGREGATES: tuple[Aggregate, ...] = ("majority", "median", "mean")
SCORES: tuple[CeilingScore, ...] = ("match", "informedness", "negative_mae")


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def defined(result: Result) -> Estimate:
    assert isinstance(result, Estimate), result
    return result


def ceiling(
    labels: Labels,
    judge: Labels,
    *,
    categories: int = 2,
    score: CeilingScore = "match",
    aggregate: Aggregate = "majority",
    clusters: Labels | None = None,
    rng: np.random.Generator | None = None,
    draws: int = 400,
) -> HumanCeiling:
    return human_ceiling(
        labels,
        judge,
        n_categories=categories,
        score=score,
        aggregate=aggregate,
        clusters=clusters,
        rng=rng or seeded(),
        draws=draws,
    )


def parts(of: HumanCeiling) -> tuple[Result, Result, Result]:
    return of.human, of.judge, of.delta


def by_definition(
    labels: Labels, judge: Labels, *, categories: int, score: CeilingScore, aggregate: Aggregate
) -> tuple[float, float]:
    """Leave each label out in turn, one by one, by the rule that ratings use."""
    names = tuple(str(code) for code in range(categories))
    kind = ScaleKind.BINARY if categories == 2 else ScaleKind.ORDINAL
    scale = Scale(kind=kind, categories=names)
    rows = []
    for unit, verdict in zip(labels, judge, strict=True):
        for rater, label in enumerate(unit):
            others = [names[code] for code in np.delete(unit, rater) if code >= 0]
            if label < 0 or verdict < 0 or not others:
                continue
            target = together(others, scale, aggregate=RatingAggregate(aggregate))
            if target is not None:
                rows.append((int(target), label, verdict))
    targets, *sides = np.array(rows).T
    if score == "negative_mae":
        human, judged = (float(-np.abs(side - targets).mean()) for side in sides)
    elif score == "match":
        human, judged = (float((side == targets).mean()) for side in sides)
    else:
        human, judged = (
            float(sum((side == targets)[targets == c].mean() for c in (0, 1)) - 1) for side in sides
        )
    return human, judged


def people_and_judge(
    rng: np.random.Generator,
    *,
    n: int,
    right: float,
    judge_right: float,
    clusters: Labels | None = None,
) -> tuple[Labels, Labels]:
    """Three raters and a judge, each right by itself; in clusters as often as their cluster is."""
    truth = rng.integers(0, 2, size=n)
    chances: list[NDArray[np.float64]] = [
        np.full(n, share) for share in (*[right] * 3, judge_right)
    ]
    if clusters is not None:
        groups = int(clusters.max()) + 1
        chances = [
            rng.beta(c[0] * 7 / 3, (1 - c[0]) * 7 / 3, size=groups)[clusters] for c in chances
        ]
    labels = np.array([np.where(rng.random(n) < c, truth, 1 - truth) for c in chances]).T
    return labels[:, :3], labels[:, 3]


def true_share(right: float, of_the_others: float) -> float:
    """How often one who is right so often meets two others who say the same."""
    both, neither = of_the_others**2, (1 - of_the_others) ** 2
    return (right * both + (1 - right) * neither) / (both + neither)


def true_delta(right: float, judge_right: float) -> float:
    return true_share(judge_right, right) - true_share(right, right)


def coverage(results: Sequence[Result], truth: float) -> float:
    estimates = [result for result in results if isinstance(result, Estimate)]
    assert len(estimates) > 0.9 * len(results)
    assert all(estimate.low < estimate.high for estimate in estimates)
    return float(np.mean([e.low <= truth <= e.high for e in estimates]))


def test_a_small_panel_by_hand() -> None:
    labels = np.array([[1, 1, 1], [1, 1, 0], [0, 0, -1], [1, 0, 0]])
    judge = np.array([1, 0, 0, -1])

    result = ceiling(labels, judge)

    # Unit 0 aims all three at 1. Unit 1 aims the third rater at 1, whom it and the judge miss, and
    # the others at a tie. Unit 2 aims two at 0. Unit 3 has no verdict.
    human, judged, delta = (defined(part) for part in parts(result))
    assert (human.value, judged.value, delta.value) == pytest.approx((5 / 6, 5 / 6, 0))
    assert (human.n, result.tied) == (3, 2)
    first, _, third = result.raters
    assert (defined(first.human).value, defined(first.human).n) == (1, 2)
    assert (defined(third.human).value, defined(third.judge).value) == (0.5, 0.5)


def test_a_rater_is_no_part_of_what_it_is_compared_with() -> None:
    always_apart = np.array([[0, 1], [1, 0]] * 10)

    for aggregate in AGGREGATES:
        result = ceiling(always_apart, always_apart[:, 0], aggregate=aggregate)

        assert defined(result.human).value == 0
        # the judge says what the first rater does: it meets the second's target, not its own
        assert defined(result.judge).value == 0.5


@pytest.mark.parametrize("aggregate", AGGREGATES)
@pytest.mark.parametrize(
    ("score", "categories"),
    [("match", 2), ("match", 4), ("informedness", 2), ("negative_mae", 2), ("negative_mae", 5)],
)
def test_each_label_is_aimed_as_the_ratings_rule_says(
    aggregate: Aggregate, score: CeilingScore, categories: int
) -> None:
    rng = seeded(categories)
    labels = rng.integers(-1, categories, size=(60, 5))
    judge = rng.integers(-1, categories, size=60)

    result = ceiling(
        labels, judge, categories=categories, score=score, aggregate=aggregate, draws=2
    )

    human, judged = by_definition(
        labels, judge, categories=categories, score=score, aggregate=aggregate
    )
    values = [defined(part).value for part in parts(result)]
    assert values == pytest.approx([human, judged, judged - human])


def test_declared_values_are_the_unit_of_the_error() -> None:
    labels, judge = np.array([[0, 0, 2]] * 5), np.array([1] * 5)

    result = human_ceiling(
        labels,
        judge,
        n_categories=3,
        score="negative_mae",
        aggregate="median",
        values=np.array([0.0, 10.0, 40.0]),
        rng=seeded(),
    )

    # the first two are aimed at the lower of 0 and 2 and hit it, the third at 0 and is 40 off
    assert defined(result.human).value == pytest.approx(-40 / 3)
    assert defined(result.judge).value == pytest.approx(-10)


def test_a_judge_that_copies_a_rater_is_no_better_and_no_worse_than_that_rater() -> None:
    labels = seeded(2).integers(0, 3, size=(80, 4))

    result = ceiling(labels, labels[:, 1], categories=3)

    delta = defined(result.raters[1].delta)
    assert delta.value == 0
    assert delta.low < 0 < delta.high


@pytest.mark.parametrize("score", SCORES)
def test_where_everybody_agrees_the_limits_have_a_width(score: CeilingScore) -> None:
    labels = np.repeat(seeded(3).integers(0, 2, size=(40, 1)), 3, axis=1)

    result = ceiling(labels, labels[:, 0], score=score)

    human, judged, delta = (defined(part) for part in parts(result))
    best = 0 if score == "negative_mae" else 1
    assert (human.value, human.high, delta.value) == pytest.approx((best, best, 0))
    assert human.low == pytest.approx(judged.low, abs=0.03)
    assert human.low < best - 0.01
    assert -0.3 < delta.low < -0.01
    assert 0.01 < delta.high < 0.3


@pytest.mark.parametrize(
    ("labels", "judge", "clusters"),
    [
        (np.zeros((0, 3)), np.zeros(0), None),
        (np.zeros((4, 0)), np.zeros(4), None),
        (np.zeros((4, 1)), np.zeros(4), None),
        (np.zeros((4, 2)), np.full(4, -1), None),
        (np.full((4, 2), -1), np.zeros(4), None),
        (np.array([[0, 1, -1]]), np.zeros(1), None),
        (np.array([[0, 0], [1, 1]]), np.zeros(2), np.full(2, 7)),
        (np.array([[0, 0, 1, 1]] * 3), np.zeros(3), np.array([1, 1, 1])),
    ],
)
def test_without_two_independent_targets_nothing_is_said(
    labels: Labels, judge: Labels, clusters: Labels | None
) -> None:
    result = ceiling(labels.astype(np.int64), judge.astype(np.int64), clusters=clusters)

    assert all(isinstance(part, Undefined) for part in parts(result))
    assert len(result.raters) == labels.shape[1]


def test_informedness_without_a_class_among_the_targets_is_undefined() -> None:
    labels = np.zeros((20, 3), dtype=np.int64)

    result = ceiling(labels, labels[:, 0], score="informedness")

    assert isinstance(result.delta, Undefined)
    assert "both classes" in result.delta.reason
    assert result.delta.n == 20


def test_what_cannot_be_compared_is_refused() -> None:
    labels, judge = np.zeros((4, 3), dtype=np.int64), np.zeros(4, dtype=np.int64)

    with pytest.raises(ValueError, match="binary"):
        ceiling(labels, judge, categories=3, score="informedness")
    with pytest.raises(ValueError, match="shape"):
        ceiling(labels, judge[:1])
    with pytest.raises(ValueError, match="shape"):
        ceiling(labels, judge, clusters=judge[:1])
    with pytest.raises(ValueError, match="off a scale"):
        ceiling(labels, judge + 2)
    with pytest.raises(ValueError, match="values"):
        human_ceiling(
            labels,
            judge,
            n_categories=2,
            score="match",
            aggregate="majority",
            values=np.array([0, 1]),
            rng=seeded(),
        )


@pytest.mark.parametrize("score", SCORES)
def test_the_order_of_units_and_raters_and_the_names_of_clusters_change_nothing(
    score: CeilingScore,
) -> None:
    rng = seeded(4)
    labels, judge = rng.integers(-1, 2, size=(60, 4)), rng.integers(0, 2, size=60)
    clusters, order = rng.integers(0, 20, size=60), rng.permutation(60)

    one = ceiling(labels, judge, score=score, clusters=clusters)
    other = ceiling(
        labels[order][:, ::-1], judge[order], score=score, clusters=100 - clusters[order]
    )

    rows = zip(one.raters, reversed(other.raters), strict=True)
    both = [*zip(parts(one), parts(other), strict=True), *((a.delta, b.delta) for a, b in rows)]
    for first, second in both:
        expected, found = defined(first), defined(second)
        assert (found.value, found.low, found.high) == pytest.approx(
            (expected.value, expected.low, expected.high), rel=1e-9
        )


def test_copies_of_a_unit_in_its_cluster_do_not_narrow_the_limits() -> None:
    labels, judge = people_and_judge(seeded(5), n=80, right=0.8, judge_right=0.7)

    once = defined(ceiling(labels, judge).delta)
    copied = defined(
        ceiling(
            np.repeat(labels, 5, axis=0), np.repeat(judge, 5), clusters=np.repeat(np.arange(80), 5)
        ).delta
    )

    assert copied.n_clusters == once.n_clusters
    assert copied.high - copied.low > 0.9 * (once.high - once.low)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.lists(st.integers(-1, 1), min_size=4, max_size=4), max_size=8),
    score=st.sampled_from(SCORES),
    aggregate=st.sampled_from(AGGREGATES),
    groups=st.integers(1, 4),
)
def test_any_labels_give_numbers_or_reasons(
    rows: list[list[int]], score: CeilingScore, aggregate: Aggregate, groups: int
) -> None:
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)

    result = ceiling(
        table[:, :3],
        table[:, 3],
        score=score,
        aggregate=aggregate,
        clusters=np.arange(len(table)) % groups,
        draws=50,
    )

    for part in parts(result):
        assert isinstance(part, Undefined) or -2 <= part.low < part.high <= 2


@pytest.mark.parametrize(
    ("n", "right", "judge_right"), [(100, 0.8, 0.7), (30, 0.8, 0.7), (30, 0.97, 0.97)]
)
def test_the_difference_covers_the_truth_about_as_often_as_it_says(
    n: int, right: float, judge_right: float
) -> None:
    assert delta_coverage(n, right, judge_right, score="match", runs=150) > 0.91


@pytest.mark.slow
@pytest.mark.parametrize("score", ["match", "informedness"])
@pytest.mark.parametrize(
    ("right", "judge_right"), [(0.8, 0.7), (0.7, 0.8), (0.9, 0.9), (0.97, 0.97)]
)
@pytest.mark.parametrize(("n", "least"), [(20, 0.9), (30, 0.9), (50, 0.93), (100, 0.935)])
def test_the_difference_keeps_its_promise_in_every_cell(
    score: CeilingScore, right: float, judge_right: float, n: int, least: float
) -> None:
    assert delta_coverage(n, right, judge_right, score=score, runs=2000) >= least


def delta_coverage(
    n: int, right: float, judge_right: float, *, score: CeilingScore, runs: int
) -> float:
    rng = seeded(n)
    samples = [
        people_and_judge(rng, n=n, right=right, judge_right=judge_right) for _run in range(runs)
    ]
    # with equal rates in both classes informedness is twice the share less 1
    scale = 2 if score == "informedness" else 1
    results = [ceiling(labels, judge, score=score, rng=rng).delta for labels, judge in samples]
    return coverage(results, scale * true_delta(right, judge_right))


@pytest.mark.slow
@pytest.mark.parametrize("size", [20, 50])
def test_clustered_units_keep_the_promise_where_the_naive_limits_do_not(size: int) -> None:
    rng, clusters = seeded(size), np.repeat(np.arange(size), 10)
    samples = [
        people_and_judge(rng, n=clusters.size, right=0.8, judge_right=0.7, clusters=clusters)
        for _run in range(2000)
    ]
    many = np.repeat(np.arange(20_000), 10)
    big = people_and_judge(rng, n=many.size, right=0.8, judge_right=0.7, clusters=many)
    truth = defined(ceiling(*big, draws=2).delta).value

    honest, naive = (
        coverage([ceiling(*sample, clusters=some, rng=rng).delta for sample in samples], truth)
        for some in (clusters, None)
    )

    assert honest >= 0.93
    assert naive < 0.85


def test_a_judge_just_too_far_below_the_people_clears_the_limit_as_seldom_as_it_says() -> None:
    rng, limit = seeded(6), true_delta(0.9, 0.8)

    cleared = []
    for _run in range(200):
        labels, judge = people_and_judge(rng, n=100, right=0.9, judge_right=0.8)
        cleared.append(defined(ceiling(labels, judge, rng=rng).delta).low > limit)

    assert np.mean(cleared) <= 0.05
