from collections.abc import Callable, Sequence
from itertools import permutations
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from judge.stats.agreement import Weights
from judge.stats.estimate import Estimate, Undefined
from judge.stats.reliability import Metric, fleiss_kappa, gwet_ac, krippendorff_alpha

Labels: TypeAlias = NDArray[np.int64]
Result: TypeAlias = Estimate | Undefined
Statistic: TypeAlias = Callable[[Labels, Labels | None, int, np.random.Generator], Result]

METRICS: tuple[Metric, ...] = ("nominal", "ordinal", "interval")
WEIGHTS: tuple[Weights, ...] = ("none", "linear", "quadratic")
_ = 0  # no label, in the table below
# Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, section C: four observers.
OBSERVERS = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
        [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
    ]
)
KRIPPENDORFF = OBSERVERS.T - 1
# Fleiss (1971), table 1: psychiatrists of six that gave each of five diagnoses to 30 patients.
DIAGNOSES = (
    "00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031 "
    "00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006"
)
FLEISS = np.array(
    [np.repeat(np.arange(5), [int(digit) for digit in row]) for row in DIAGNOSES.split()]
)


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def defined(result: Result) -> Estimate:
    assert isinstance(result, Estimate), result
    return result


def alpha(
    labels: Labels,
    *,
    categories: int = 5,
    metric: Metric = "nominal",
    clusters: Labels | None = None,
    rng: np.random.Generator | None = None,
    draws: int = 400,
) -> Result:
    return krippendorff_alpha(
        labels,
        n_categories=categories,
        metric=metric,
        clusters=clusters,
        rng=rng or seeded(),
        draws=draws,
    )


STATISTICS: dict[str, Statistic] = {
    "nominal alpha": lambda labels, clusters, k, rng: alpha(
        labels, categories=k, clusters=clusters, rng=rng
    ),
    "ordinal alpha": lambda labels, clusters, k, rng: alpha(
        labels, categories=k, clusters=clusters, metric="ordinal", rng=rng
    ),
    "fleiss": lambda labels, clusters, k, rng: fleiss_kappa(
        labels, n_categories=k, clusters=clusters, rng=rng, draws=400
    ),
    "AC1": lambda labels, clusters, k, _rng: gwet_ac(labels, n_categories=k, clusters=clusters),
    "AC2": lambda labels, clusters, k, _rng: gwet_ac(
        labels, n_categories=k, clusters=clusters, weights="quadratic"
    ),
}
each_statistic = pytest.mark.parametrize("name", list(STATISTICS))


def stated(
    name: str,
    labels: Labels,
    clusters: Labels | None,
    categories: int,
    rng: np.random.Generator | None = None,
) -> Result:
    return STATISTICS[name](labels, clusters, categories, rng or seeded())


def alpha_by_definition(
    labels: Labels, cost: Callable[[int, int, NDArray[np.float64]], float]
) -> float:
    """Krippendorff (2011): coincidences of ordered pairs of labels, unit by unit."""
    categories = int(labels.max()) + 1
    coincidences = np.zeros((categories, categories))
    for row in labels:
        given_labels = row[row >= 0]
        for first, second in permutations(given_labels, 2):
            coincidences[first, second] += 1 / (given_labels.size - 1)
    counts = coincidences.sum(axis=1)
    pairs = [(c, k, cost(c, k, counts)) for c in range(categories) for k in range(categories)]
    observed = sum(coincidences[c, k] * each for c, k, each in pairs)
    expected = sum(counts[c] * counts[k] * each for c, k, each in pairs)
    return float(1 - (counts.sum() - 1) * observed / expected)


def rank_cost(one: int, other: int, counts: NDArray[np.float64]) -> float:
    low, high = sorted((one, other))
    between = counts[low : high + 1].sum() - (counts[low] + counts[high]) / 2
    return float(between**2)


def raters_who_copy(
    rng: np.random.Generator, *, n: int, raters: int, kappa: float, shares: Sequence[float]
) -> Labels:
    """Raters that see the truth with chance sqrt(kappa) each and guess by `shares` otherwise.

    Of three raters and more a tenth of the labels are missing; of two, so that n units have two
    labels, none.
    """
    categories = len(shares)
    truth = rng.choice(categories, size=(n, 1), p=shares)
    guesses = rng.choice(categories, size=(n, raters), p=shares)
    labels = np.where(rng.random((n, raters)) < np.sqrt(kappa), truth, guesses)
    return np.where(rng.random((n, raters)) < (0.1 if raters > 2 else 0.0), -1, labels)


def clustered_raters(
    rng: np.random.Generator, *, clusters: Labels, raters: int, kappa: float, categories: int
) -> Labels:
    """Units that are plain to every rater with a chance of their cluster (intraclass .3)."""
    groups, n = int(clusters.max()) + 1, clusters.size
    plain = rng.beta(kappa * 7 / 3, (1 - kappa) * 7 / 3, size=groups)[clusters]
    truth = rng.integers(0, categories, size=(n, 1))
    guesses = rng.integers(0, categories, size=(n, raters))
    return np.where(rng.random((n, 1)) < plain[:, np.newaxis], truth, guesses)


def coverage(results: Sequence[Result], truth: float) -> float:
    estimates = [result for result in results if isinstance(result, Estimate)]
    assert len(estimates) > 0.9 * len(results)
    assert all(estimate.low < estimate.high for estimate in estimates)
    return float(np.mean([e.low <= truth <= e.high for e in estimates]))


def coefficient_of_gwet(kappa: float, shares: Sequence[float], weights: Weights) -> float:
    """AC of `raters_who_copy`: they agree with chance kappa, and otherwise as two guesses do."""
    steps = np.abs(np.subtract.outer(np.arange(len(shares)), np.arange(len(shares))))
    power = {"none": 0, "linear": 1, "quadratic": 2}[weights]
    agreeing = 1 - np.where(steps > 0, (steps / (len(shares) - 1)) ** power, 0)
    p = np.array(shares)
    observed = kappa + (1 - kappa) * p @ agreeing @ p
    chance = agreeing.sum() / (p.size * (p.size - 1)) * (p * (1 - p)).sum()
    return float((observed - chance) / (1 - chance))


@pytest.mark.parametrize(
    ("metric", "published"), [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107)]
)
def test_alpha_of_krippendorffs_example_is_the_published_one(
    metric: Metric, published: float
) -> None:
    result = defined(alpha(KRIPPENDORFF, metric=metric))

    assert result.value == pytest.approx(published, abs=5e-7)
    # unit 12 has one label alone
    assert (result.n, result.n_clusters) == (11, 11)


def test_fleiss_kappa_of_the_psychiatrists_is_the_published_one() -> None:
    result = defined(fleiss_kappa(FLEISS, n_categories=5, rng=seeded()))

    assert np.bincount(FLEISS.ravel()).tolist() == [26, 26, 30, 55, 43]
    assert result.value == pytest.approx(0.430, abs=5e-4)
    assert result.n == 30


def test_ac1_stays_high_where_kappa_breaks_down() -> None:
    # Gwet (2002), Stat. Methods Inter-Rater Reliab. Assess. 1: 118 and 2 agreements short of 125.
    table = {(0, 0): 118, (0, 1): 5, (1, 0): 2}
    labels = np.array([pair for pair, count in table.items() for _unit in range(count)])

    result = defined(gwet_ac(labels, n_categories=2))

    # by hand: p_a = 118/125, p = 243/250, p_e = 2 p (1 - p) = .054432
    assert result.value == pytest.approx((118 / 125 - 0.054432) / (1 - 0.054432))
    assert result.value == pytest.approx(0.9408, abs=5e-5)
    assert defined(fleiss_kappa(labels, n_categories=2, rng=seeded())).value < 0


@pytest.mark.parametrize(
    ("weights", "published"), [("none", 0.77544), ("linear", 0.85874), ("quadratic", 0.91400)]
)
def test_gwets_coefficients_of_krippendorffs_example_are_those_of_his_own_package(
    weights: Weights, published: float
) -> None:
    # irrCAC 1.0 (Gwet, 2019) on the same labels, `cac.raw4raters`
    result = defined(gwet_ac(KRIPPENDORFF, n_categories=5, weights=weights))

    assert result.value == pytest.approx(published, abs=5e-6)
    assert result.n == 11


@pytest.mark.parametrize(
    ("weights", "value", "error"),
    [("none", 0.44788, 0.05566), ("linear", 0.38547, 0.07609), ("quadratic", 0.38023, 0.10466)],
)
def test_the_limits_of_gwets_coefficients_are_as_wide_as_his_variance_says(
    weights: Weights, value: float, error: float
) -> None:
    # irrCAC's values and standard errors for the 30 patients of Fleiss
    copies = 400
    result = defined(gwet_ac(np.tile(FLEISS, (copies, 1)), n_categories=5, weights=weights))

    shrunk = error * np.sqrt(29 / (30 * copies - 1))
    assert result.value == pytest.approx(value, abs=5e-6)
    assert (result.high - result.low) / 2 == pytest.approx(1.96 * shrunk, rel=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_alpha_is_the_one_of_the_coincidences(seed: int) -> None:
    labels = seeded(seed).integers(-1, 4, size=(25, 4))
    values = np.array([0.0, 1.0, 4.0, 9.0])
    costs: dict[Metric, Callable[[int, int, NDArray[np.float64]], float]] = {
        "nominal": lambda c, k, counts: float(c != k),
        "ordinal": rank_cost,
        "interval": lambda c, k, counts: float((values[c] - values[k]) ** 2),
    }
    for metric, cost in costs.items():
        ours = krippendorff_alpha(
            labels,
            n_categories=4,
            metric=metric,
            values=values if metric == "interval" else None,
            rng=seeded(),
            draws=2,
        )

        assert defined(ours).value == pytest.approx(alpha_by_definition(labels, cost))


def test_of_two_categories_all_metrics_say_the_same() -> None:
    labels = seeded(3).integers(-1, 2, size=(40, 3))

    values = [defined(alpha(labels, categories=2, metric=metric)).value for metric in METRICS]
    coefficients = [defined(gwet_ac(labels, n_categories=2, weights=w)).value for w in WEIGHTS]

    assert values == pytest.approx([values[0]] * 3)
    assert coefficients == pytest.approx([coefficients[0]] * 3)


def test_with_equal_numbers_of_labels_alpha_is_fleiss_kappa_but_for_few_labels() -> None:
    kappa = defined(fleiss_kappa(FLEISS, n_categories=5, rng=seeded())).value

    few = (FLEISS.size - 1) / FLEISS.size
    assert defined(alpha(FLEISS)).value == pytest.approx(1 - few * (1 - kappa))


def test_a_category_that_nobody_used_moves_the_chance_of_gwet_only() -> None:
    labels = seeded(4).integers(0, 3, size=(50, 3))

    narrow, wide = (defined(gwet_ac(labels, n_categories=k)).value for k in (3, 4))
    assert wide > narrow
    for metric in METRICS:
        values = [defined(alpha(labels, categories=k, metric=metric)).value for k in (3, 4)]
        assert values[0] == pytest.approx(values[1])


@each_statistic
@pytest.mark.parametrize(
    "labels",
    [np.zeros((0, 3)), np.zeros((4, 0)), np.full((5, 3), -1), [[0, -1], [-1, 1]], [[0, 1]]],
)
def test_without_two_units_of_two_labels_nothing_is_said(name: str, labels: object) -> None:
    result = stated(name, np.array(labels, dtype=np.int64), None, 2)

    assert isinstance(result, Undefined)
    assert result.n <= 1


@each_statistic
def test_units_of_one_cluster_have_no_limits(name: str) -> None:
    result = stated(name, KRIPPENDORFF, np.full(12, 3), 5)

    assert isinstance(result, Undefined)
    assert "independent" in result.reason


@pytest.mark.parametrize("name", ["nominal alpha", "ordinal alpha", "fleiss"])
def test_agreement_on_one_category_alone_is_certain_by_chance(name: str) -> None:
    result = stated(name, np.full((9, 3), 1), None, 3)

    assert isinstance(result, Undefined)
    assert "one and the same category" in result.reason
    assert result.n == 9


def test_labels_of_equal_value_have_no_interval_alpha() -> None:
    labels = np.array([[0, 1], [1, 0], [1, 1]])

    result = krippendorff_alpha(
        labels,
        n_categories=3,
        metric="interval",
        values=np.array([1.0, 1.0, 2.0]),
        rng=seeded(),
    )

    assert isinstance(result, Undefined)
    assert "value" in result.reason


@pytest.mark.parametrize("weights", WEIGHTS)
def test_gwets_coefficient_of_one_category_alone_is_1_with_a_width(weights: Weights) -> None:
    result = defined(gwet_ac(np.full((30, 2), 1), n_categories=3, weights=weights))

    assert (result.value, result.high) == (1, 1)
    assert 0.8 < result.low < 0.95


@each_statistic
@pytest.mark.parametrize("categories", [2, 3, 5])
@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_perfect_agreement_has_limits_up_to_1_and_a_width(
    name: str, categories: int, missing: float
) -> None:
    rng = seeded(5)
    labels = np.repeat(rng.integers(0, categories, size=(40, 1)), 3, axis=1)
    labels = np.where(rng.random(labels.shape) < missing, -1, labels)

    result = defined(stated(name, labels, None, categories))

    assert (result.value, result.high) == (1, 1)
    assert 0.5 < result.low < 0.99


@each_statistic
def test_total_disagreement_has_a_width_and_stays_on_the_scale(name: str) -> None:
    result = defined(stated(name, np.tile([0, 1], (30, 1)), None, 2))

    assert -1 <= result.low < result.high < 0
    assert result.value == pytest.approx(-1, abs=0.05)


@each_statistic
def test_the_order_of_units_and_raters_and_the_names_of_clusters_change_nothing(name: str) -> None:
    rng = seeded(6)
    labels = raters_who_copy(rng, n=60, raters=4, kappa=0.5, shares=[0.5, 0.3, 0.2])
    clusters = rng.integers(0, 15, size=60)
    order = rng.permutation(60)

    one = defined(stated(name, labels, clusters, 3))
    other = defined(stated(name, labels[order][:, ::-1], 100 - clusters[order], 3))

    assert (one.value, one.low, one.high) == pytest.approx(
        (other.value, other.low, other.high), rel=1e-9
    )


@pytest.mark.parametrize("name", ["nominal alpha", "ordinal alpha", "fleiss"])
def test_a_unit_with_one_label_alone_says_nothing(name: str) -> None:
    alone = np.array([[-1, 2, -1], [-1, -1, -1]])
    labels = seeded(7).integers(0, 3, size=(30, 3))

    assert stated(name, np.vstack([alone, labels]), None, 3) == stated(name, labels, None, 3)


@each_statistic
def test_copies_of_a_unit_in_its_cluster_do_not_narrow_the_limits(name: str) -> None:
    labels = raters_who_copy(seeded(8), n=80, raters=3, kappa=0.6, shares=[0.4, 0.3, 0.3])
    clusters = np.repeat(np.arange(80), 4)

    once = defined(stated(name, labels, None, 3))
    copied = defined(stated(name, np.repeat(labels, 4, axis=0), clusters, 3))

    assert copied.n_clusters == once.n_clusters
    assert copied.high - copied.low > 0.9 * (once.high - once.low)


@each_statistic
def test_bad_labels_and_clusters_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="off a scale"):
        stated(name, np.array([[0, 3]]), None, 3)
    with pytest.raises(ValueError, match="shape"):
        stated(name, KRIPPENDORFF, np.zeros(3, dtype=np.int64), 5)


@pytest.mark.parametrize("metric", ["nominal", "ordinal"])
def test_values_of_a_metric_without_values_are_refused(metric: Metric) -> None:
    with pytest.raises(ValueError, match="interval"):
        krippendorff_alpha(
            KRIPPENDORFF, n_categories=5, metric=metric, values=np.arange(5), rng=seeded()
        )


@each_statistic
@settings(max_examples=25, deadline=None)
@given(data=st.data(), categories=st.integers(2, 4))
def test_any_labels_give_a_number_on_the_scale_or_a_reason(
    name: str, data: st.DataObject, categories: int
) -> None:
    row = st.lists(st.integers(-1, categories - 1), min_size=3, max_size=3)
    labels = np.array(data.draw(st.lists(row, max_size=8)), dtype=np.int64).reshape(-1, 3)
    clusters = np.array(
        data.draw(st.lists(st.integers(0, 2), min_size=len(labels), max_size=len(labels))),
        dtype=np.int64,
    )

    result = stated(name, labels, clusters, categories)

    least = -3 if name == "AC2" else -1
    assert isinstance(result, Undefined) or least <= result.low < result.high <= 1


REGULAR = ((100, 0.7), (100, 0.3))
CELLS = (*REGULAR, (20, 0.98), (30, 0.98), (50, 0.98))
QUICK = [(100, 0.7, 2, 2), (30, 0.98, 3, 2), (30, 0.98, 2, 3)]


@pytest.mark.parametrize("metric", ["nominal", "ordinal"])
@pytest.mark.parametrize(("n", "kappa", "raters", "categories"), QUICK)
def test_alpha_covers_the_truth_about_as_often_as_it_says(
    metric: Metric, n: int, kappa: float, raters: int, categories: int
) -> None:
    assert 0.925 < alpha_coverage(metric, n, kappa, raters, categories, runs=400) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("raters", [2, 3, 5])
@pytest.mark.parametrize("categories", [2, 3, 5])
@pytest.mark.parametrize("cell", CELLS)
def test_alpha_keeps_its_promise_in_every_cell(
    metric: Metric, raters: int, categories: int, cell: tuple[int, float]
) -> None:
    least = 0.935 if cell in REGULAR else 0.9

    assert alpha_coverage(metric, *cell, raters, categories, runs=2000) >= least


def alpha_coverage(
    metric: Metric, n: int, kappa: float, raters: int, categories: int, *, runs: int
) -> float:
    rng, shares = seeded(n + raters), [1 / categories] * categories
    samples = [
        raters_who_copy(rng, n=n, raters=raters, kappa=kappa, shares=shares) for _run in range(runs)
    ]
    results = [alpha(sample, categories=categories, metric=metric, rng=rng) for sample in samples]
    return coverage(results, kappa)


@pytest.mark.parametrize("weights", ["none", "quadratic"])
@pytest.mark.parametrize(("n", "kappa", "raters", "categories"), [*QUICK, (100, 0.7, 3, 5)])
def test_gwets_coefficient_covers_the_truth_about_as_often_as_it_says(
    weights: Weights, n: int, kappa: float, raters: int, categories: int
) -> None:
    shares = [0.8, *[0.2 / (categories - 1)] * (categories - 1)]

    assert 0.925 < gwet_coverage(weights, n, kappa, raters, shares, runs=600) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("raters", [2, 3, 5])
@pytest.mark.parametrize("shares", [[0.5, 0.5], [0.9, 0.1], [0.2] * 5, [0.05, 0.1, 0.15, 0.3, 0.4]])
@pytest.mark.parametrize("cell", CELLS)
def test_gwets_coefficient_keeps_its_promise_in_every_cell(
    weights: Weights, raters: int, shares: list[float], cell: tuple[int, float]
) -> None:
    # Rare and far disagreements make a long tail: the docstring tells of it.
    regular = 0.92 if weights == "quadratic" else 0.935
    least = regular if cell in REGULAR else 0.9

    assert gwet_coverage(weights, *cell, raters, shares, runs=2000) >= least


def gwet_coverage(
    weights: Weights, n: int, kappa: float, raters: int, shares: Sequence[float], *, runs: int
) -> float:
    rng = seeded(n + raters)
    samples = [
        raters_who_copy(rng, n=n, raters=raters, kappa=kappa, shares=shares) for _run in range(runs)
    ]
    results = [gwet_ac(sample, n_categories=len(shares), weights=weights) for sample in samples]
    return coverage(results, coefficient_of_gwet(kappa, shares, weights))


@pytest.mark.parametrize("name", ["nominal alpha", "AC1"])
def test_clustered_units_keep_the_promise_where_the_naive_limits_do_not(name: str) -> None:
    honest, naive = clustered_coverage(name, groups=20, size=10, runs=300)

    assert 0.925 < honest < 0.99
    assert naive < 0.85


@pytest.mark.slow
@each_statistic
@pytest.mark.parametrize(("groups", "size"), [(20, 10), (50, 10)])
def test_clustered_units_keep_the_promise_for_every_statistic(
    name: str, groups: int, size: int
) -> None:
    honest, naive = clustered_coverage(name, groups=groups, size=size, runs=2000)

    assert honest >= 0.93
    assert naive < 0.85


def clustered_coverage(name: str, *, groups: int, size: int, runs: int) -> tuple[float, float]:
    rng, clusters = seeded(groups), np.repeat(np.arange(groups), size)
    samples = [
        clustered_raters(rng, clusters=clusters, raters=3, kappa=0.7, categories=3)
        for _run in range(runs)
    ]
    honest, naive = (
        coverage([stated(name, sample, some, 3, rng) for sample in samples], 0.7)
        for some in (clusters, None)
    )
    return honest, naive
