import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from judge.stats.agreement import (
    Weights,
    agreement_design_effect,
    cohen_kappa,
    confusion,
    mean_bias,
    percent_agreement,
    weighted_confusion,
)
from judge.stats.clusters import design_effect
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import wilson_interval

# Cohen (1960), Educ. Psychol. Meas. 20(1), 37-46: 200 patients in three categories.
COHEN = np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])
WEIGHTS: tuple[Weights, ...] = ("none", "linear", "quadratic")


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def defined(result: Estimate | Undefined) -> Estimate:
    assert isinstance(result, Estimate)
    return result


def coverage(results: list[Estimate | Undefined], truth: float) -> float:
    estimates = [result for result in results if isinstance(result, Estimate)]
    return float(np.mean([e.low <= truth <= e.high for e in estimates]))


def copied_with_noise(categories: int, kappa: float) -> NDArray[np.float64]:
    """Cell chances of a judge that copies the human with chance `kappa` and guesses otherwise."""
    chance = np.full((categories, categories), 1 / categories**2)
    return kappa * np.eye(categories) / categories + (1 - kappa) * chance


def test_kappa_of_cohens_example_is_the_published_one() -> None:
    result = defined(cohen_kappa(COHEN, rng=seeded()))

    assert result.value == pytest.approx((140 - 82) / (200 - 82))
    assert result.value == pytest.approx(0.492, abs=5e-4)
    assert (result.n, result.n_clusters) == (200, 200)


def test_quadratic_kappa_keeps_a_category_that_nobody_used() -> None:
    human, judge = np.array([1, 2, 5, 5, 1, 2]), np.array([1, 5, 5, 2, 1, 2])
    table = confusion(human - 1, judge - 1, n_categories=5)

    result = defined(cohen_kappa(table, weights="quadratic", rng=seeded()))

    # 1 - sum of squared steps (18 / 6) over the expected one (5.7778); .75 without 3 and 4
    assert result.value == pytest.approx(0.4808, abs=5e-5)


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("categories", [2, 3, 5, 7])
def test_kappa_equals_scikit_learns_on_the_full_scale(categories: int, weights: Weights) -> None:
    rng = seeded(categories)
    for _ in range(10):
        human, judge = rng.integers(0, categories, size=(2, 40))
        table = confusion(human, judge, n_categories=categories)

        ours = defined(cohen_kappa(table, weights=weights, draws=10, rng=rng)).value

        theirs = cohen_kappa_score(
            human,
            judge,
            labels=np.arange(categories),
            weights=None if weights == "none" else weights,
        )
        assert ours == pytest.approx(theirs, abs=1e-12)


def test_percent_agreement_is_the_wilson_interval_of_the_diagonal() -> None:
    assert percent_agreement(COHEN) == wilson_interval(140, 200)


def test_confusion_counts_rows_by_human_and_columns_by_judge() -> None:
    table = confusion(np.array([0, 0, 2]), np.array([1, 1, 2]), n_categories=3)

    assert table.tolist() == [[0, 2, 0], [0, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize("bad", [-1, 3])
@pytest.mark.parametrize("side", ["human", "judge"])
def test_a_label_off_the_scale_is_refused_with_its_side_and_place(side: str, bad: int) -> None:
    labels = {"human": np.array([0, 1]), "judge": np.array([0, 1])}
    labels[side][1] = bad

    with pytest.raises(ValueError, match=f"{side} label 1 is {bad}"):
        confusion(labels["human"], labels["judge"], n_categories=3)


def test_one_judge_label_is_not_spread_over_several_human_labels() -> None:
    with pytest.raises(ValueError, match="shapes"):
        confusion(np.array([0, 1, 1]), np.array([1]), n_categories=2)
    with pytest.raises(ValueError, match="shapes"):
        agreement_design_effect(np.array([0, 1, 1]), np.array([1]), clusters=np.arange(3))


def test_labels_that_are_not_integers_are_refused() -> None:
    labels = np.array([0.0, 1.0])

    with pytest.raises(ValueError, match="integer"):
        confusion(labels, labels, n_categories=2)


@pytest.mark.parametrize(
    "table", [np.zeros((2, 3), dtype=int), np.zeros(4, dtype=int), np.zeros((0, 0), dtype=int)]
)
def test_a_table_that_is_not_square_is_refused(table: NDArray[np.int64]) -> None:
    with pytest.raises(ValueError, match="square"):
        percent_agreement(table)


@pytest.mark.parametrize("table", [np.full((2, 2), 0.5), np.array([[1, -1], [0, 3]])])
def test_a_table_that_does_not_hold_counts_is_refused(table: NDArray[np.int64]) -> None:
    with pytest.raises(ValueError, match="counts"):
        cohen_kappa(table, rng=seeded())


def test_no_labels_leave_everything_undefined() -> None:
    table = np.zeros((2, 2), dtype=np.int64)

    assert isinstance(percent_agreement(table), Undefined)
    assert isinstance(cohen_kappa(table, rng=seeded()), Undefined)
    assert isinstance(mean_bias(table, values=np.arange(2), rng=seeded()), Undefined)


@pytest.mark.parametrize("weights", WEIGHTS)
def test_kappa_is_undefined_where_both_sides_used_one_category(weights: Weights) -> None:
    result = cohen_kappa(np.diag([0, 9, 0]), weights=weights, rng=seeded())

    assert isinstance(result, Undefined)
    assert "one and the same category" in result.reason
    assert result.n == 9


def test_kappa_is_0_where_each_side_used_one_category_of_its_own() -> None:
    assert defined(cohen_kappa(np.array([[0, 9], [0, 0]]), rng=seeded())).value == 0


@pytest.mark.parametrize("categories", [2, 3, 5, 11])
def test_perfect_agreement_has_limits_up_to_1_and_a_width(categories: int) -> None:
    table = np.eye(categories, dtype=np.int64) * 10

    result = defined(cohen_kappa(table, rng=seeded(), draws=2000))

    assert (result.value, result.high) == (1, 1)
    assert result.low < 0.999


def test_the_bias_on_cohens_example_is_the_hand_worked_one() -> None:
    result = defined(mean_bias(COHEN, values=np.array([1, 2, 3]), rng=seeded()))

    # (14 - 10 + 10 - 6) half steps up, (18 - 2) whole ones, of 200
    assert result.value == pytest.approx((8 / 2 + 16) / 200)
    assert result.low < 0.1 < result.high
    assert (result.n, result.method) == (200, "dirichlet")


def test_the_bias_is_in_shares_of_the_scale_whatever_its_unit() -> None:
    small = mean_bias(COHEN, values=np.array([0.0, 0.5, 1.0]), rng=seeded())
    large = mean_bias(COHEN, values=np.array([-50, 0, 50]), rng=seeded())

    assert small == large


def test_exchanging_the_raters_turns_the_bias_round() -> None:
    one = defined(mean_bias(COHEN, values=np.arange(3), rng=seeded()))
    other = defined(mean_bias(COHEN.T, values=np.arange(3), rng=seeded()))

    assert one.value == pytest.approx(-other.value)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=0.005)


@pytest.mark.parametrize("table", [np.diag([30, 30]), np.diag([0, 60]), np.diag([12] * 5)])
def test_a_judge_that_never_errs_has_a_narrow_bias_with_a_width(table: NDArray[np.int64]) -> None:
    result = defined(mean_bias(table, values=np.arange(len(table)), rng=seeded()))

    assert result.value == 0
    assert -0.05 < result.low < -0.001
    assert 0.001 < result.high < 0.05


@pytest.mark.parametrize(
    ("values", "reason"),
    [([1, 2], "3 categories"), ([1, 2, np.nan], "finite"), ([4, 4, 4], "all categories")],
)
def test_values_that_are_no_scale_are_refused(values: list[float], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        mean_bias(COHEN, values=np.array(values), rng=seeded())


def test_large_tables_are_drawn_in_parts() -> None:
    table = np.eye(101, dtype=np.int64) * 3

    assert defined(cohen_kappa(table, weights="quadratic", rng=seeded(), draws=400)).low > 0.9


def test_a_design_effect_widens_the_limits_and_keeps_the_value() -> None:
    plain = defined(cohen_kappa(COHEN, rng=seeded()))
    clustered = defined(cohen_kappa(COHEN, rng=seeded(), design_effect=4.0, n_clusters=40))

    assert clustered.value == plain.value
    assert clustered.n_clusters == 40
    assert clustered.high - clustered.low == pytest.approx(2 * (plain.high - plain.low), rel=0.15)


def test_the_limits_under_a_design_effect_are_those_of_as_many_fewer_labels() -> None:
    fourth = defined(percent_agreement(COHEN // 2))
    clustered = defined(percent_agreement(COHEN, design_effect=2.0))

    assert (clustered.low, clustered.high) == pytest.approx((fourth.low, fourth.high))


def test_one_cluster_leaves_agreement_undefined() -> None:
    table = np.array([[5, 1], [1, 5]])

    assert isinstance(percent_agreement(table, n_clusters=1), Undefined)
    assert isinstance(cohen_kappa(table, rng=seeded(), n_clusters=1), Undefined)
    assert isinstance(mean_bias(table, values=np.arange(2), rng=seeded(), n_clusters=1), Undefined)


def test_the_order_of_the_items_changes_nothing() -> None:
    rng = seeded(3)
    human, judge = rng.integers(0, 3, size=(2, 60))
    order = rng.permutation(60)

    one = cohen_kappa(confusion(human, judge, n_categories=3), rng=seeded())
    other = cohen_kappa(confusion(human[order], judge[order], n_categories=3), rng=seeded())

    assert one == other


@pytest.mark.parametrize("weights", WEIGHTS)
def test_exchanging_the_raters_does_not_change_kappa(weights: Weights) -> None:
    one = defined(cohen_kappa(COHEN, weights=weights, rng=seeded()))
    other = defined(cohen_kappa(COHEN.T, weights=weights, rng=seeded()))

    assert one.value == pytest.approx(other.value)


@pytest.mark.parametrize("weights", ["none", "quadratic"])
@pytest.mark.parametrize("categories", [2, 3, 5])
def test_kappa_covers_the_truth_about_as_often_as_it_says(
    categories: int, weights: Weights
) -> None:
    rng = seeded(4)
    chances = copied_with_noise(categories, 0.7)
    tables = rng.multinomial(100, chances.ravel(), size=600).reshape(-1, *chances.shape)

    results = [cohen_kappa(table, weights=weights, draws=800, rng=rng) for table in tables]

    assert 0.925 < coverage(results, 0.7) < 0.99


@pytest.mark.parametrize("n", [30, 50])
@pytest.mark.parametrize("categories", [2, 3, 5])
def test_kappa_near_1_from_few_labels_keeps_most_of_its_promise(categories: int, n: int) -> None:
    rng = seeded(5)
    chances = copied_with_noise(categories, 0.98)
    tables = rng.multinomial(n, chances.ravel(), size=500).reshape(-1, *chances.shape)

    results = [cohen_kappa(table, draws=500, rng=rng) for table in tables]

    assert coverage(results, 0.98) >= 0.9
    assert all(defined(result).low < defined(result).high for result in results)


def test_where_quadratic_kappa_on_a_long_scale_misses_the_truth_it_is_too_low() -> None:
    rng = seeded(8)
    grades = np.arange(7)
    near = np.abs(np.subtract.outer(grades, grades)) == 1
    chances = 0.85 * np.eye(7) / 7 + 0.15 * near / near.sum(axis=1, keepdims=True) / 7
    squares = np.subtract.outer(grades, grades) ** 2
    chance_alone = chances.sum(axis=1) @ squares @ chances.sum(axis=0)
    truth = 1 - float((squares * chances).sum() / chance_alone)
    tables = rng.multinomial(50, chances.ravel(), size=400).reshape(-1, 7, 7)

    results = [cohen_kappa(table, weights="quadratic", draws=400, rng=rng) for table in tables]

    # The promise of .9 for few labels and a kappa near 1 is not kept here: .89 in 2,000 runs.
    assert 0.84 < coverage(results, truth) < 0.99
    assert np.mean([defined(result).low > truth for result in results]) < 0.01


def test_clustered_agreement_keeps_its_promise_where_the_naive_one_does_not() -> None:
    rng = seeded(7)
    clusters = np.repeat(np.arange(20), 10)
    honest: list[Estimate | Undefined] = []
    naive: list[Estimate | Undefined] = []
    for _ in range(600):
        human = rng.integers(0, 2, size=200)
        right = rng.random(200) < rng.beta(0.8 * 7 / 3, 0.2 * 7 / 3, size=20)[clusters]
        judge = np.where(right, human, 1 - human)
        table = confusion(human, judge, n_categories=2)
        effect = agreement_design_effect(human, judge, clusters=clusters)
        honest.append(cohen_kappa(table, draws=500, rng=rng, design_effect=effect, n_clusters=20))
        naive.append(cohen_kappa(table, draws=500, rng=rng))

    assert 0.925 < coverage(honest, 0.6) < 0.99
    assert coverage(naive, 0.6) < 0.85


def bias_coverage(categories: int, lenient: float, *, runs: int, draws: int, seed: int) -> float:
    rng = seeded(seed)
    values = np.arange(categories)
    chances = copied_with_noise(categories, 0.7) * (1 - lenient)
    chances[:, -1] += lenient / categories
    steps = (values[np.newaxis, :] - values[:, np.newaxis]) / (categories - 1)
    tables = rng.multinomial(150, chances.ravel(), size=runs).reshape(-1, *chances.shape)
    results = [mean_bias(table, values=values, draws=draws, rng=rng) for table in tables]
    return coverage(results, float((chances * steps).sum()))


@pytest.mark.parametrize("lenient", [0.0, 0.15])
@pytest.mark.parametrize("categories", [2, 3, 5])
def test_the_bias_covers_the_truth_about_as_often_as_it_says(
    categories: int, lenient: float
) -> None:
    assert 0.92 < bias_coverage(categories, lenient, runs=800, draws=600, seed=9) < 0.99


@pytest.mark.slow
@pytest.mark.parametrize("lenient", [0.0, 0.15])
@pytest.mark.parametrize("categories", [2, 3, 5])
def test_the_bias_keeps_its_promise(categories: int, lenient: float) -> None:
    assert 0.93 < bias_coverage(categories, lenient, runs=2000, draws=2000, seed=19) < 0.99


def clustered_by_verdict(rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Labels, verdicts (right in .8) and 40 clusters, drawn at .2 or .8 by verdict."""
    clusters = np.repeat(np.arange(40), 25)
    human = rng.integers(0, 2, size=1000)
    right = rng.random(1000) < rng.beta(0.8 * 7 / 3, 0.2 * 7 / 3, size=40)[clusters]
    judge = np.where(right, human, 1 - human)
    drawn = rng.random(1000) < np.array([0.2, 0.8])[judge]
    return [human[drawn], judge[drawn], clusters[drawn]]


def test_weighted_agreement_in_clusters_keeps_its_promise_where_the_naive_one_does_not() -> None:
    rng = seeded(10)
    honest: list[Estimate | Undefined] = []
    naive: list[Estimate | Undefined] = []
    for _ in range(400):
        human, judge, clusters = clustered_by_verdict(rng)
        chances = np.array([0.2, 0.8])[judge]
        table = weighted_confusion(human, judge, n_categories=2, inclusion=chances)
        effect = agreement_design_effect(human, judge, clusters=clusters, inclusion=chances)
        honest.append(percent_agreement(table, design_effect=effect, n_clusters=40))
        naive.append(percent_agreement(table))

    assert 0.925 < coverage(honest, 0.8) < 0.99
    assert coverage(naive, 0.8) < 0.8


def test_equal_chances_leave_the_design_effect_as_it_is() -> None:
    rng = seeded(11)
    human, judge = rng.integers(0, 2, size=(2, 60))
    clusters = np.repeat(np.arange(12), 5)

    weighted = agreement_design_effect(
        human, judge, clusters=clusters, inclusion=np.full(60, 0.3), level=0.9
    )

    assert weighted == pytest.approx(design_effect(human == judge, clusters, level=0.9), rel=1e-12)
