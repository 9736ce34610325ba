from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest, rankdata, wilcoxon

from judge.stats.estimate import Estimate, Undefined
from judge.stats.multiplicity import PValue
from judge.stats.paired import McNemar, mcnemar, paired_difference, retained, signed_rank

# Efron and Tibshirani (1993), table 10.1: hormone in the blood under three patches; the ratio of
# new minus old to old minus placebo over eight patients.
OLD_LESS_PLACEBO = np.array([8406, 2342, 8187, 8459, 4795, 3516, 4796, 10238])
NEW_LESS_OLD = np.array([-1200, 2601, -2705, 1982, -1290, 351, -638, -2719])
# Student (1908): hours of sleep gained by ten patients on each of two drugs.
SLEEP_ONE = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
SLEEP_TWO = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])

# Hollander and Wolfe (1973), p. 29: depression of nine patients before and after a tranquilliser.
BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def defined(result: Estimate | Undefined) -> Estimate:
    assert isinstance(result, Estimate)
    return result


def limits(result: Estimate | Undefined) -> tuple[float, float]:
    return defined(result).low, defined(result).high


def coverage(results: list[Estimate | Undefined], truth: float) -> float:
    return float(np.mean([low <= truth <= high for low, high in map(limits, results)]))


def paired_passes(
    rng: np.random.Generator, *, n: int, student: float, teacher: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Draw passes of two systems that meet the same difficulty on half of the items."""
    difficulty = rng.random(n)
    own = np.where(rng.random(n) < 0.5, difficulty, rng.random(n))
    return own < student, difficulty < teacher


def test_the_ratio_of_the_patch_data_is_the_published_one() -> None:
    result = defined(retained(NEW_LESS_OLD, OLD_LESS_PLACEBO, rng=seeded()))

    # Efron and Tibshirani (1993), section 10.3
    assert result.value == pytest.approx(-0.0713, abs=5e-5)
    assert result.low < result.value < result.high
    assert (result.n, result.n_clusters) == (8, 8)


def test_drawing_patterns_and_drawing_items_give_the_same_limits() -> None:
    student, teacher = paired_passes(seeded(2), n=300, student=0.7, teacher=0.8)
    unlike = teacher + np.arange(300) * 1e-9  # no two items alike: items are drawn

    patterns = limits(retained(student, teacher, rng=seeded(), draws=40_000))
    items = limits(retained(student, unlike, rng=seeded(), draws=40_000))

    assert patterns == pytest.approx(items, abs=0.003)


def test_a_cluster_is_drawn_whole() -> None:
    student, teacher = paired_passes(seeded(3), n=40, student=0.6, teacher=0.8)
    clusters = np.repeat(np.arange(40), 5)

    once = defined(retained(student, teacher, rng=seeded()))
    copied = defined(
        retained(np.repeat(student, 5), np.repeat(teacher, 5), clusters=clusters, rng=seeded())
    )

    assert (copied.value, copied.low, copied.high) == pytest.approx(
        (once.value, once.low, once.high)
    )
    assert (copied.n, copied.n_clusters) == (200, 40)


def test_the_order_of_the_items_changes_nothing() -> None:
    rng = seeded(4)
    student, teacher = rng.random((2, 50))
    order = rng.permutation(50)

    one = retained(student, teacher, rng=seeded(), draws=500)
    other = retained(student[order], teacher[order], rng=seeded(), draws=500)

    assert limits(one) == pytest.approx(limits(other), rel=1e-12)


@pytest.mark.parametrize("n", [0, 1])
def test_two_systems_under_two_items_are_undefined(n: int) -> None:
    assert isinstance(retained(np.ones(n), np.ones(n), rng=seeded()), Undefined)
    assert isinstance(paired_difference(np.ones(n), np.ones(n)), Undefined)


def test_two_systems_on_one_cluster_are_undefined() -> None:
    student, teacher, clusters = np.array([0, 1]), np.array([1, 1]), np.array([3, 3])

    assert "clusters" in str(retained(student, teacher, clusters=clusters, rng=seeded()))
    assert "clusters" in str(paired_difference(student, teacher, clusters=clusters))


@pytest.mark.parametrize("teacher", [[0, 0, 0], [-1, 0, 1]])
def test_no_share_is_kept_of_a_teacher_without_a_positive_mean(teacher: list[int]) -> None:
    result = retained(np.array([1, 0, 1]), np.array(teacher), rng=seeded())

    assert isinstance(result, Undefined)
    assert "not above 0" in result.reason


@pytest.mark.filterwarnings("error")
def test_no_share_is_kept_of_a_teacher_whose_mean_could_be_0() -> None:
    teacher = np.repeat([1, 0], [2, 48])

    result = retained(np.tile([1, 0], 25), teacher, rng=seeded())

    assert isinstance(result, Undefined)
    assert "could be 0" in result.reason


def test_items_that_are_all_alike_do_not_make_a_zero_width_interval() -> None:
    result = retained(np.ones(50), np.ones(50), rng=seeded())

    assert isinstance(result, Undefined)
    assert "3/50" in result.reason


def test_a_student_that_is_right_where_its_teacher_is_makes_no_zero_width_interval() -> None:
    teacher = np.tile([1, 0, 1, 1], 25)

    assert "3/100" in str(retained(teacher, teacher, rng=seeded()))
    assert "3/100" in str(retained(0.3 * teacher, 0.1 * teacher, rng=seeded()))


def test_scores_that_cannot_be_paired_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes"):
        retained(np.ones(1), np.ones(5), rng=seeded())
    with pytest.raises(ValueError, match="shapes"):
        paired_difference(np.ones((5, 1)), np.ones((5, 1)))
    with pytest.raises(ValueError, match="shape"):
        paired_difference(np.ones(5), np.ones(5), clusters=np.array([1]))


@pytest.mark.parametrize("score", [float("nan"), float("inf")])
def test_a_score_that_is_not_finite_is_refused_with_its_place(score: float) -> None:
    with pytest.raises(ValueError, match="item 1"):
        retained(np.array([1.0, 1.0]), np.array([1.0, score]), rng=seeded())


@pytest.mark.parametrize(("student", "teacher"), [(0.85, 0.9), (0.4, 0.5), (0.5, 0.5)])
def test_what_is_retained_is_covered_about_as_often_as_it_says(
    student: float, teacher: float
) -> None:
    rng = seeded(5)
    samples = [paired_passes(rng, n=150, student=student, teacher=teacher) for _ in range(800)]

    results = [retained(*sample, rng=rng, draws=1000) for sample in samples]

    assert 0.925 < coverage(results, student / teacher) < 0.99


def test_what_is_retained_over_clusters_is_covered_where_the_naive_interval_fails() -> None:
    rng = seeded(6)
    clusters = np.repeat(np.arange(20), 10)
    honest: list[Estimate | Undefined] = []
    naive: list[Estimate | Undefined] = []
    for _ in range(600):
        chances = rng.beta([[1.4], [1.8]], [[0.9], [0.5]], size=(2, 20))
        student, teacher = rng.random((2, 200)) < chances[:, clusters]
        honest.append(retained(student, teacher, clusters=clusters, rng=rng, draws=600))
        naive.append(retained(student, teacher, rng=rng, draws=600))

    truth = (1.4 / 2.3) / (1.8 / 2.3)
    assert 0.925 < coverage(honest, truth) < 0.99
    assert coverage(naive, truth) < 0.85


def test_the_difference_in_students_sleep_data_is_the_published_one() -> None:
    result = defined(paired_difference(SLEEP_TWO, SLEEP_ONE))

    # Student (1908), illustration I: mean 1.58; limits as printed by R's example of t.test
    assert result.value == pytest.approx(1.58)
    assert (result.low, result.high) == pytest.approx((0.7001142, 2.4598858), abs=1e-7)


@pytest.mark.parametrize("shift", [0.0, 0.2])
def test_a_difference_that_does_not_vary_is_undefined(shift: float) -> None:
    scores = np.linspace(0, 1, 30)

    result = paired_difference(scores + shift, scores)

    assert isinstance(result, Undefined)
    assert "3/30" in result.reason


def test_the_paired_difference_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = seeded(7)
    samples = [paired_passes(rng, n=100, student=0.7, teacher=0.8) for _ in range(1500)]

    assert 0.93 < coverage([paired_difference(*sample) for sample in samples], -0.1) < 0.99


def test_the_paired_difference_over_clusters_is_covered_where_the_naive_one_fails() -> None:
    rng = seeded(8)
    clusters = np.repeat(np.arange(20), 10)
    samples = [rng.normal(size=20)[clusters] + rng.normal(size=200) for _ in range(1000)]
    zeros = np.zeros(200)

    honest = [paired_difference(sample, zeros, clusters=clusters) for sample in samples]
    naive = [paired_difference(sample, zeros) for sample in samples]

    assert 0.93 < coverage(honest, 0) < 0.99
    assert coverage(naive, 0) < 0.85


def discordant(result: McNemar | Undefined) -> McNemar:
    assert isinstance(result, McNemar)
    return result


def p_value(result: PValue | Undefined) -> PValue:
    assert isinstance(result, PValue)
    return result


def test_mcnemar_of_85_against_66_is_the_known_one() -> None:
    result = discordant(mcnemar(85, 66))

    assert result.exact.value == pytest.approx(0.142718, abs=5e-7)
    # (85 - 66)^2 / 151 = 2.39 on one degree of freedom
    assert result.p_value.value == pytest.approx(0.1221, abs=5e-5)
    assert result.p_value.method == "mcnemar, asymptotic"
    assert result.p_value.value < result.mid_p.value < result.exact.value
    assert result.p_value.n == 151


@pytest.mark.parametrize(("first", "second"), [(0, 1), (3, 9), (12, 12), (0, 24), (20, 4)])
def test_mcnemar_of_few_discordant_pairs_is_exact(first: int, second: int) -> None:
    result = discordant(mcnemar(first, second))

    assert result.p_value == result.exact
    assert result.exact.value == pytest.approx(binomtest(first, first + second).pvalue)
    assert result.mid_p.value <= result.exact.value


def test_the_mid_p_leaves_out_half_of_the_chance_of_the_data() -> None:
    # by hand: P(0 of 5) = 1/32, two tails
    result = discordant(mcnemar(5, 0))

    assert result.exact.value == pytest.approx(2 / 32)
    assert result.mid_p.value == pytest.approx(1 / 32)
    assert discordant(mcnemar(6, 6)).mid_p.value == pytest.approx(1)


def test_systems_that_pass_the_same_items_are_not_discordant() -> None:
    assert isinstance(mcnemar(0, 0), Undefined)
    assert isinstance(signed_rank(np.ones(5), np.ones(5)), Undefined)
    assert isinstance(signed_rank(np.zeros(0), np.zeros(0)), Undefined)
    with pytest.raises(ValueError, match="impossible"):
        mcnemar(-1, 3)


def test_the_signed_ranks_of_the_depression_scores_are_the_published_ones() -> None:
    result = p_value(signed_rank(BEFORE, AFTER))

    # one-sided .0195 as printed by R's example of wilcox.test
    assert result.value == pytest.approx(2 * 0.01953125)
    assert (result.n, result.method) == (9, "signed rank, exact")


def test_signed_ranks_of_tied_grades_are_those_of_all_signs() -> None:
    differences = np.array([1, -1, 2, 2, -3, 1, 0, 4, 2, 0, 1])
    sizes = rankdata(np.abs(differences[differences != 0]))
    signs = np.array(list(product([-1, 1], repeat=sizes.size)))
    observed = float(np.sign(differences[differences != 0]) @ sizes)

    result = p_value(signed_rank(differences, np.zeros(11)))

    assert result.value == pytest.approx(np.mean(np.abs(signs @ sizes) >= abs(observed)))


def test_signed_ranks_equal_scipys() -> None:
    rng = seeded(9)
    first, second = rng.integers(1, 6, size=(2, 200))
    theirs = wilcoxon(first, second, method="asymptotic", correction=False).pvalue
    assert p_value(signed_rank(first, second)).value == pytest.approx(theirs)

    distinct = rng.normal(size=30)
    exact = wilcoxon(distinct, method="exact").pvalue
    assert p_value(signed_rank(distinct, np.zeros(30))).value == pytest.approx(exact)


def test_signed_ranks_of_passes_are_mcnemars_test() -> None:
    first, second = np.repeat([1, 0, 1], [9, 3, 40]), np.repeat([0, 1, 1], [9, 3, 40])

    result = p_value(signed_rank(first, second))

    assert result.value == pytest.approx(discordant(mcnemar(9, 3)).exact.value)
    assert result.n == 12


def test_exchanging_the_systems_or_the_items_changes_no_rank_test() -> None:
    first, second = seeded(10).integers(1, 6, size=(2, 30))
    order = seeded(11).permutation(30)

    value = p_value(signed_rank(first, second)).value

    assert p_value(signed_rank(second, first)).value == pytest.approx(value)
    assert p_value(signed_rank(first[order], second[order])).value == pytest.approx(value)


def test_copies_of_an_item_in_its_cluster_change_no_rank_test() -> None:
    first, second = seeded(12).integers(1, 6, size=(2, 40))

    once = p_value(signed_rank(first, second))
    copied = p_value(
        signed_rank(np.repeat(first, 3), np.repeat(second, 3), clusters=np.repeat(np.arange(40), 3))
    )

    assert copied.value == pytest.approx(once.value, abs=0.02)
    assert (copied.n, copied.n_clusters) == (3 * once.n, once.n_clusters)


@pytest.mark.parametrize("groups", [20, 80])
def test_rank_tests_over_clusters_reject_as_seldom_as_they_say(groups: int) -> None:
    rng = seeded(13)
    clusters = np.repeat(np.arange(groups), 8)
    honest, naive = [], []
    for _ in range(400):
        shift = rng.normal(size=groups)[clusters]
        grades = np.rint(shift + rng.normal(size=(2, clusters.size)) * 0.7)
        first = grades[0] + np.rint(shift)
        honest.append(p_value(signed_rank(first, grades[1], clusters=clusters)).value)
        naive.append(p_value(signed_rank(first, grades[1])).value)

    assert np.mean(np.array(honest) <= 0.05) < 0.075
    assert np.mean(np.array(naive) <= 0.05) > 0.15


def test_mcnemar_rejects_as_seldom_as_it_says() -> None:
    fewer = seeded(14).binomial(40, 0.5, size=2000)
    results = [discordant(mcnemar(int(k), 40 - int(k))) for k in fewer]

    assert np.mean([result.mid_p.value <= 0.05 for result in results]) < 0.06
    assert np.mean([result.exact.value <= 0.05 for result in results]) < 0.055
