import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy

from judge.stats.clusters import Codes
from judge.stats.divergence import (
    MeanDivergence,
    class_divergence,
    jensen_shannon,
    kullback_leibler,
    mean_divergence,
    text_divergence,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.influence import Floats

NAMES = ["refuses", "answers", "asks back", "rambles"]


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def defined(result: Estimate | Undefined) -> Estimate:
    assert isinstance(result, Estimate), result
    return result


def js(teacher: list[int], student: list[int]) -> Estimate | Undefined:
    return jensen_shannon(np.array(teacher), np.array(student), rng=seeded(), draws=500)


def kl(teacher: list[int], student: list[int]) -> Estimate | Undefined:
    return kullback_leibler(
        np.array(teacher),
        np.array(student),
        classes=NAMES[: len(teacher)],
        rng=seeded(),
        draws=500,
    )


def tokens(teacher: list[list[float]], student: list[list[float]]) -> MeanDivergence:
    """Return the mean over texts of one position each."""
    with np.errstate(divide="ignore"):
        return of_logs(np.log(np.array(teacher)), np.log(np.array(student)))


def of_logs(teacher: Floats, student: Floats, *, clusters: Codes | None = None) -> MeanDivergence:
    pairs = zip(teacher, student, strict=True)
    texts = [text_divergence(one[np.newaxis], other[np.newaxis]) for one, other in pairs]
    return mean_divergence(texts, clusters=clusters)


def test_kullback_leibler_of_the_textbook_coins_is_the_published_one() -> None:
    # Cover and Thomas (2006), Elements of Information Theory, example 2.3.1.
    assert defined(kl([500, 500], [750, 250])).value == pytest.approx(1 - np.log2(3) / 2)
    assert defined(kl([500, 500], [750, 250])).value == pytest.approx(0.2075, abs=5e-5)
    assert defined(kl([750, 250], [500, 500])).value == pytest.approx(0.1887, abs=5e-5)


def test_jensen_shannon_is_that_worked_by_hand() -> None:
    # From (1, 0) and (1/2, 1/2): the entropy of (3/4, 1/4), .8113, less half of one bit.
    result = defined(js([10, 0], [5, 5]))

    assert result.value == pytest.approx(0.3112781, abs=5e-8)
    assert (result.n, result.n_clusters) == (20, 20)


def test_both_divergences_equal_scipys() -> None:
    rng = seeded(2)
    for _ in range(10):
        p, q = rng.integers(1, 20, size=(2, 4))

        ours = defined(js(list(p), list(q))).value, defined(kl(list(p), list(q))).value

        assert ours == pytest.approx(
            (jensenshannon(p, q, base=2) ** 2, entropy(p / p.sum(), q / q.sum(), base=2))
        )


def test_a_class_the_student_never_uses_makes_kullback_leibler_undefined_and_is_named() -> None:
    result = kl([5, 3, 0, 2], [0, 6, 4, 0])

    assert isinstance(result, Undefined)
    assert "'refuses' (5 times), 'rambles' (2 times)" in result.reason
    assert "infinite" in result.reason
    assert isinstance(kl([0, 6], [5, 3]), Estimate)


def test_what_is_shared_by_none_and_by_all_is_1_and_0_with_a_width() -> None:
    apart, alike = defined(js([9, 0], [0, 9])), defined(js([9, 3], [9, 3]))

    assert (apart.value, apart.high) == (1, 1)
    assert 0.2 < apart.low < 0.9
    assert (alike.value, alike.low) == (0, 0)
    assert alike.high > 0.02
    assert defined(js([9, 0], [9, 0])).high > 0.01


def test_a_side_without_items_is_undefined_and_named() -> None:
    assert "teacher" in str(js([0, 0], [1, 2]))
    assert "student" in str(kl([1, 2], [0, 0]))
    assert isinstance(js([0, 0], [0, 0]), Undefined)


def test_one_cluster_is_undefined() -> None:
    result = jensen_shannon(np.array([3, 4]), np.array([4, 3]), rng=seeded(), n_clusters=1)

    assert "one cluster" in str(result)


def test_a_design_effect_widens_the_limits_and_keeps_the_value() -> None:
    teacher, student = np.array([400, 600]), np.array([700, 300])

    plain = defined(jensen_shannon(teacher, student, rng=seeded()))
    wide = defined(jensen_shannon(teacher, student, rng=seeded(), design_effect=4, n_clusters=200))

    assert wide.value == plain.value
    assert wide.high - wide.low == pytest.approx(2 * (plain.high - plain.low), rel=0.1)
    assert wide.n_clusters == 200


@pytest.mark.parametrize(
    ("teacher", "student"),
    [([1, 2], [1, 2, 3]), ([1], [2]), ([1.5, 2], [1, 2]), ([-1, 2], [1, 2])],
)
def test_what_are_not_counts_of_the_same_classes_is_refused(
    teacher: list[float], student: list[float]
) -> None:
    with pytest.raises(ValueError, match="counts"):
        jensen_shannon(np.array(teacher), np.array(student), rng=seeded())


def test_classes_without_a_name_are_refused() -> None:
    with pytest.raises(ValueError, match="names"):
        kullback_leibler(np.array([1, 2]), np.array([1, 2]), classes=["one"], rng=seeded())


@given(pairs=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=4))
@settings(max_examples=60)
def test_no_counts_make_an_estimate_that_is_not_one(pairs: list[tuple[int, int]]) -> None:
    teacher, student = [list(side) for side in zip(*pairs, strict=True)]

    results = js(teacher, student), kl(teacher, student)

    assert isinstance(results[0], Undefined) or 0 <= results[0].low < results[0].high <= 1
    assert isinstance(results[1], Undefined) or 0 <= results[1].low < results[1].high


def coverage(p: Floats, q: Floats, *, n: int, runs: int) -> tuple[float, float]:
    rng = seeded(3)
    truths = jensenshannon(p, q, base=2) ** 2, entropy(p, q, base=2)
    covered: list[list[bool]] = [[], []]
    for _ in range(runs):
        teacher, student = rng.multinomial(n, p), rng.multinomial(n, q)
        results = (
            jensen_shannon(teacher, student, rng=rng, draws=300),
            kullback_leibler(teacher, student, classes=NAMES[: p.size], rng=rng, draws=300),
        )
        for hits, result, truth in zip(covered, results, truths, strict=True):
            if isinstance(result, Estimate):
                hits.append(result.low - 1e-9 <= truth <= result.high + 1e-9)
    return float(np.mean(covered[0])), float(np.mean(covered[1]))


CELLS = [
    ([0.25, 0.25, 0.25, 0.25], [0.25, 0.25, 0.25, 0.25]),
    ([0.5, 0.5], [0.6, 0.4]),
    ([0.7, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.7]),
    ([0.9, 0.05, 0.03, 0.02], [0.97, 0.01, 0.01, 0.01]),
]


@pytest.mark.parametrize(("teacher", "student"), CELLS)
def test_divergences_cover_the_truth_about_as_often_as_they_say(
    teacher: list[float], student: list[float]
) -> None:
    both = coverage(np.array(teacher), np.array(student), n=100, runs=100)

    assert min(both) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("teacher", "student"), CELLS)
@pytest.mark.parametrize("n", [100, 1000])
def test_divergences_keep_their_promise_in_full(
    n: int, teacher: list[float], student: list[float]
) -> None:
    both = coverage(np.array(teacher), np.array(student), n=n, runs=2000)

    assert min(both) >= 0.935


def test_tokens_that_are_all_reported_have_the_whole_divergence() -> None:
    result = tokens([[0.5, 0.5], [0.5, 0.5]], [[0.75, 0.25], [0.5, 0.5]])

    assert defined(result.kullback_leibler).value == pytest.approx((1 - np.log2(3) / 2) / 2)
    assert defined(result.jensen_shannon).value == pytest.approx(
        jensenshannon([0.5, 0.5], [0.75, 0.25], base=2) ** 2 / 2
    )
    assert result.jensen_shannon == result.jensen_shannon_at_most
    assert defined(result.teacher_covered).value == pytest.approx(1)


def test_the_mass_that_is_not_covered_is_stated_and_bounded_by_hand() -> None:
    result = tokens([[0.5], [0.5]], [[0.5], [0.25]])

    assert defined(result.teacher_covered).value == pytest.approx(0.5)
    assert defined(result.student_covered).value == pytest.approx(0.375)
    # One class for the rest: nothing, and (1/2, 1/2) against (1/4, 3/4).
    least = jensenshannon([0.5, 0.5], [0.25, 0.75], base=2) ** 2 / 2
    assert defined(result.jensen_shannon).value == pytest.approx(least)
    # Rests apart add half of their mass: 1/2 at the first position.
    second = jensenshannon([0.5, 0.5, 0], [0.25, 0, 0.75], base=2) ** 2
    assert defined(result.jensen_shannon_at_most).value == pytest.approx((0.5 + second) / 2)


def test_the_divergence_of_whole_vocabularies_lies_between_the_bounds() -> None:
    rng = seeded(4)
    whole = rng.dirichlet(np.full(30, 0.2), size=(2, 50))
    top = np.argsort(-whole[0], axis=1)[:, :5]
    teacher, student = (np.log(np.take_along_axis(side, top, axis=1)) for side in whole)

    result = of_logs(teacher, student)

    true = np.mean(jensenshannon(whole[0], whole[1], base=2, axis=1) ** 2)
    assert defined(result.jensen_shannon).value < true
    assert true < defined(result.jensen_shannon_at_most).value
    assert defined(result.kullback_leibler).value < np.mean(
        entropy(whole[0], whole[1], base=2, axis=1)
    )


def test_a_position_without_a_shared_token_is_filled_up() -> None:
    result = tokens([[0.9, 0.1], [0.0, 0.0]], [[0.5, 0.5], [0.0, 0.0]])

    assert defined(result.teacher_covered).value == pytest.approx(0.5)
    assert defined(result.jensen_shannon_at_most).value > 0.5


def test_what_the_student_excludes_is_infinite_and_counted() -> None:
    token = tokens([[0.5, 0.2], [0.5, 0.3]], [[0.5, 0.2], [0.5, 0.0]]).kullback_leibler
    rest = tokens([[0.5, 0.2], [0.5, 0.3]], [[0.5, 0.5], [0.5, 0.1]]).kullback_leibler

    for found in (token, rest):
        assert isinstance(found, Undefined)
        assert found.reason.startswith("infinite: on 1 of 2 texts the student excludes")


def test_a_long_text_counts_as_much_as_a_short_one() -> None:
    short = text_divergence(np.log([[0.5, 0.5]]), np.log([[0.75, 0.25]]))
    long = text_divergence(np.log([[0.5, 0.5]] * 9), np.log([[0.5, 0.5]] * 9))

    result = mean_divergence([short, long])

    assert (short.positions, long.positions) == (1, 9)
    assert long.jensen_shannon == pytest.approx(0)
    assert defined(result.jensen_shannon).value == pytest.approx(short.jensen_shannon / 2)
    assert defined(result.jensen_shannon).n == 2


def test_the_divergence_of_classes_is_scipys_and_has_no_rest() -> None:
    rng = seeded(6)
    for p, q in rng.dirichlet([1, 1, 1], size=(10, 2)):
        result = class_divergence(p, q)

        assert result.jensen_shannon == pytest.approx(jensenshannon(p, q, base=2) ** 2)
        assert result.kullback_leibler == pytest.approx(entropy(p, q, base=2))
        assert result.jensen_shannon_at_most == result.jensen_shannon
        assert (result.teacher_covered, result.student_covered) == (1, 1)
    assert class_divergence(np.array([0.5, 0.5]), np.array([1.0, 0.0])).kullback_leibler is None
    assert class_divergence(np.array([1.0, 0.0]), np.array([0.5, 0.5])).kullback_leibler == 1
    with pytest.raises(ValueError, match="sum to 1"):
        class_divergence(np.array([0.5, 0.4]), np.array([0.5, 0.5]))
    with pytest.raises(ValueError, match="shapes"):
        class_divergence(np.array([1.0]), np.array([0.5, 0.5]))


def test_texts_of_one_cluster_are_not_independent() -> None:
    rng = seeded(5)
    teacher, student = (np.log(rng.dirichlet([1, 1, 1], size=20))[:, :2] for _ in range(2))
    repeated = np.repeat(teacher, 5, axis=0), np.repeat(student, 5, axis=0)

    naive = of_logs(*repeated)
    honest = of_logs(*repeated, clusters=np.repeat(np.arange(20), 5))

    widths = [
        defined(r.jensen_shannon).high - defined(r.jensen_shannon).low for r in (naive, honest)
    ]
    assert widths[1] > 1.8 * widths[0]
    assert defined(honest.kullback_leibler).n_clusters == 20


def test_without_positions_there_is_no_divergence() -> None:
    with pytest.raises(ValueError, match="n_positions"):
        text_divergence(np.zeros((0, 3)), np.zeros((0, 3)))
    assert isinstance(mean_divergence([]).jensen_shannon, Undefined)
    assert isinstance(mean_divergence([]).kullback_leibler, Undefined)
    assert isinstance(tokens([[0.5]], [[0.4]]).jensen_shannon, Undefined)


@pytest.mark.parametrize("bad", [0.1, np.nan])
def test_what_is_not_a_log_probability_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="student"):
        text_divergence(np.array([[-1.0]]), np.array([[bad]]))


def test_probabilities_that_sum_to_more_than_1_are_refused_with_their_position() -> None:
    fine, over = np.log([[0.5, 0.5], [0.5, 0.4]]), np.log([[0.5, 0.5], [0.9, 0.4]])

    with pytest.raises(ValueError, match=r"teacher.* position 1 sum to 1\.3"):
        text_divergence(over, fine)
    with pytest.raises(ValueError, match="shapes"):
        text_divergence(fine, fine[:1])
