from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from judge.stats.agreement import (
    cohen_kappa,
    mean_bias,
    percent_agreement,
    weighted_confusion,
)
from judge.stats.class_rates import (
    informedness,
    negative_predictive_value,
    positive_predictive_value,
    true_negative_rate,
    true_positive_rate,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.weighting import Table, WeightedTable, cells_worth, weighted

Figure: TypeAlias = Callable[[Table], Estimate | Undefined]
Floats: TypeAlias = NDArray[np.float64]


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


FIGURES: dict[str, Figure] = {
    "percent": percent_agreement,
    "kappa": lambda table: cohen_kappa(table, rng=seeded(), draws=500),
    "bias": lambda table: mean_bias(table, values=np.arange(2), rng=seeded(), draws=500),
    "tpr": true_positive_rate,
    "tnr": true_negative_rate,
    "ppv": positive_predictive_value,
    "npv": negative_predictive_value,
    "informedness": lambda table: informedness(table, rng=seeded(), draws=500),
}


def defined(result: Estimate | Undefined) -> Estimate:
    assert isinstance(result, Estimate)
    return result


def truths(chances: Floats) -> dict[str, float]:
    """Every figure of the population with these chances of each cell."""
    people, verdicts = chances.sum(axis=1), chances.sum(axis=0)
    right = float(np.trace(chances))
    by_chance = float(people @ verdicts)
    tpr, tnr = float(chances[1, 1] / people[1]), float(chances[0, 0] / people[0])
    return {
        "percent": right,
        "kappa": (right - by_chance) / (1 - by_chance),
        "bias": float(chances[0, 1] - chances[1, 0]),
        "tpr": tpr,
        "tnr": tnr,
        "ppv": float(chances[1, 1] / verdicts[1]),
        "npv": float(chances[0, 0] / verdicts[0]),
        "informedness": tpr + tnr - 1,
    }


def binary(positive: float, *, tpr: float, tnr: float) -> Floats:
    return np.array(
        [
            [(1 - positive) * tnr, (1 - positive) * (1 - tnr)],
            [positive * (1 - tpr), positive * tpr],
        ]
    )


def table_of(counts: NDArray[np.int64], chances: Floats) -> WeightedTable:
    """Sum counts of shape (parts, 2, 2), drawn with these chances."""
    cells = np.broadcast_to(np.arange(4).reshape(2, 2), counts.shape).ravel()
    labels = np.repeat(cells, counts.ravel())
    inclusion = np.repeat(np.broadcast_to(chances, counts.shape).ravel(), counts.ravel())
    return weighted_confusion(labels // 2, labels % 2, n_categories=2, inclusion=inclusion)


# Judged negative: 40 right and 10 wrong, all labelled; judged positive: 225 right and 25 wrong of
# 250, of which a fifth is labelled.
LABELLED = np.array([[[40, 5], [10, 45]]])
BY_VERDICT = np.array([[[1.0, 0.2], [1.0, 0.2]]])


@pytest.mark.parametrize("figure", FIGURES)
def test_a_weighted_figure_is_that_of_the_population(figure: str) -> None:
    result = defined(FIGURES[figure](table_of(LABELLED, BY_VERDICT)))

    population = np.array([[40, 25], [10, 225]]) / 300
    assert result.value == pytest.approx(truths(population)[figure])
    assert "weighted by inclusion" in result.method
    assert result.n <= 100


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("chance", [0.037, 0.3, 1.0])
def test_equal_chances_give_exactly_what_the_counts_give(figure: str, chance: float) -> None:
    table = LABELLED[0]

    assert FIGURES[figure](table_of(LABELLED, np.full((1, 2, 2), chance))) == FIGURES[figure](table)


def test_predictive_values_do_not_change_where_the_chance_goes_by_the_verdict() -> None:
    weighted_table = table_of(LABELLED, BY_VERDICT)

    for value in (positive_predictive_value, negative_predictive_value):
        one, other = defined(value(weighted_table)), defined(value(LABELLED[0]))
        assert (one.low, one.value, one.high) == pytest.approx((other.low, other.value, other.high))


def test_a_cell_is_worth_its_labels_and_a_prior() -> None:
    worth = cells_worth(weighted(LABELLED[0]), divisor=2.0)

    assert worth.sizes == pytest.approx(LABELLED[0] / 2 + 0.5)
    assert worth.scales == pytest.approx(np.ones((2, 2)))


def test_labels_of_one_weight_are_worth_their_number_and_stand_for_their_weight() -> None:
    worth = cells_worth(table_of(LABELLED, BY_VERDICT))

    assert worth.sizes == pytest.approx(LABELLED[0] + 0.5)
    assert worth.scales == pytest.approx(np.array([[1, 5], [1, 5]]))


def test_labels_of_unequal_weight_are_worth_fewer() -> None:
    table = table_of(np.array([[[40, 0], [0, 40]], [[4, 0], [0, 4]]]), np.array([[[1.0]], [[0.1]]]))

    sizes = cells_worth(table).sizes

    # Kish: (40 + 40)^2 / (40 + 400) labels of 44, about
    assert sizes[0, 0] == pytest.approx(6400 / 440, rel=0.1)


@pytest.mark.parametrize(
    "chances", [np.array([0.5, 0.0]), np.array([0.5, 1.5]), np.array([0.5, np.nan]), np.array([1])]
)
def test_a_chance_outside_its_bounds_is_refused(chances: Floats) -> None:
    labels = np.array([0, 1])

    with pytest.raises(ValueError, match="chances of inclusion are 2 numbers"):
        weighted_confusion(labels, labels, n_categories=2, inclusion=chances)


def test_a_weighted_table_without_labels_leaves_everything_undefined() -> None:
    none = np.zeros(0, dtype=np.int64)
    table = weighted_confusion(none, none, n_categories=2, inclusion=np.zeros(0))

    assert all(isinstance(figure(table), Undefined) for figure in FIGURES.values())


def test_a_scale_of_one_category_agrees_always() -> None:
    result = defined(percent_agreement(np.array([[7]])))

    assert (result.value, result.high) == (1, 1)
    assert result.low < 1


LABELS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 1), st.floats(1e-3, 1)), min_size=1, max_size=30
)


@settings(max_examples=60, deadline=None)
@given(labels=LABELS, order=st.randoms(use_true_random=False))
def test_any_labels_give_finite_figures_whatever_their_order(
    labels: list[tuple[int, int, float]], order: np.random.Generator
) -> None:
    shuffled = list(labels)
    order.shuffle(shuffled)

    for figure in FIGURES.values():
        one, other = (figure(weighted_of(rows)) for rows in (labels, shuffled))
        assert isinstance(one, Undefined) == isinstance(other, Undefined)
        if isinstance(one, Estimate):
            assert one.low < one.high
            assert defined(other).value == pytest.approx(one.value, abs=1e-9)


def weighted_of(labels: list[tuple[int, int, float]]) -> WeightedTable:
    human, judge, chances = (np.array(column) for column in zip(*labels, strict=True))
    return weighted_confusion(human, judge, n_categories=2, inclusion=chances)


def coverage(cells: Floats, chances: Floats, *, n: int, runs: int, seed: int) -> dict[str, float]:
    """How often each figure's limits hold the truth, when about n records are labelled.

    Args:
        cells: chances of each part and cell of the population, shape (parts, 2, 2).
        chances: of inclusion, of a shape that spreads over `cells`.
    """
    rng, inclusion = seeded(seed), np.broadcast_to(chances, cells.shape)
    size = round(n / float((cells * inclusion).sum()))
    wanted = truths(cells.sum(axis=0))
    hits: dict[str, list[bool]] = {name: [] for name in FIGURES}
    for _ in range(runs):
        population = rng.multinomial(size, cells.ravel()).reshape(cells.shape)
        table = table_of(rng.binomial(population, inclusion), inclusion)
        for name, figure in FIGURES.items():
            result = figure(table)
            if isinstance(result, Estimate):
                hits[name].append(result.low <= wanted[name] <= result.high)
    assert all(len(held) > 0.99 * runs for held in hits.values())
    return {name: float(np.mean(held)) for name, held in hits.items()}


POPULATIONS = {
    "balanced": binary(0.5, tpr=0.9, tnr=0.9),
    "mostly positive": binary(0.8, tpr=0.9, tnr=0.8),
}
TWO_SLICES = np.stack([0.7 * binary(0.8, tpr=0.95, tnr=0.8), 0.3 * binary(0.3, tpr=0.8, tnr=0.95)])


@pytest.mark.parametrize("chances", [(0.05, 0.9), (0.9, 0.05)])
@pytest.mark.parametrize("population", POPULATIONS)
def test_figures_cover_the_truth_where_one_verdict_is_labelled_far_more_often(
    population: str, chances: tuple[float, float]
) -> None:
    found = coverage(
        POPULATIONS[population][np.newaxis], np.array(chances), n=300, runs=400, seed=2
    )

    assert min(found.values()) > 0.915, found


def test_figures_cover_the_truth_where_the_chance_goes_by_slice_and_verdict() -> None:
    chances = np.array([[[0.05, 0.9]], [[0.6, 0.1]]])

    found = coverage(TWO_SLICES, chances, n=300, runs=300, seed=3)

    assert min(found.values()) > 0.915, found


@pytest.mark.slow
@pytest.mark.parametrize("chances", [(0.05, 0.9), (0.9, 0.05)])
@pytest.mark.parametrize("population", POPULATIONS)
def test_figures_keep_their_promise_where_one_verdict_is_labelled_far_more_often(
    population: str, chances: tuple[float, float]
) -> None:
    found = coverage(
        POPULATIONS[population][np.newaxis], np.array(chances), n=300, runs=2000, seed=4
    )

    assert min(found.values()) >= 0.93, found


@pytest.mark.slow
@pytest.mark.parametrize("n", [100, 300, 600])
def test_figures_keep_most_of_their_promise_where_the_chance_goes_by_slice_and_verdict(
    n: int,
) -> None:
    chances = np.array([[[0.05, 0.9]], [[0.6, 0.1]]])

    found = coverage(TWO_SLICES, chances, n=n, runs=2000, seed=5)

    # Of the 148 records of one slice and verdict only 7 are labelled when n is 600.
    assert min(found.values()) >= 0.915, found
