import json
import os
import re
import string
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from judge.stats.clusters import student_quantile
from judge.stats.correction import (
    Estimand,
    contrast_estimate,
    corrected_difference,
    corrected_mean,
    corrected_means,
    double_sampling,
    effective_labels,
    equal_rates,
    rogan_gladen,
)
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import bounded_mean
from judge.stats.multiplicity import PValue

Result: TypeAlias = Estimate | Undefined
Flags: TypeAlias = NDArray[np.bool_]
Indices: TypeAlias = NDArray[np.int64]

ESTIMANDS: tuple[Estimand, ...] = ("population", "finite")
DATA = Path(os.environ.get("JUDGE_DATA", Path(__file__).parents[3] / "shared" / "data"))
SYSTEMS = ("gpt4", "chatgpt", "gpt35", "newbing", "fid")
NONE = np.zeros(0, dtype=np.int64)


def seeded(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def defined(result: Result) -> Estimate:
    assert isinstance(result, Estimate), result
    return result


def covers(result: Result, truth: float) -> bool:
    estimate = defined(result)
    return estimate.low - 1e-9 <= truth <= estimate.high + 1e-9


def judged_by(truths: Flags, *, tpr: float, tnr: float, rng: np.random.Generator) -> Flags:
    right = rng.random(truths.size) < np.where(truths, tpr, tnr)
    return np.where(right, truths, ~truths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A judged set with `n` of its `size` items labelled at random."""

    size: int
    n: int
    share: float
    tpr: float = 0.9
    tnr: float = 0.85

    def draw(self, rng: np.random.Generator) -> tuple[Flags, Flags, Indices]:
        truths = rng.random(self.size) < self.share
        judged = judged_by(truths, tpr=self.tpr, tnr=self.tnr, rng=rng)
        return truths, judged, rng.permutation(self.size)[: self.n]

    def coverage(self, estimand: Estimand, *, runs: int, rng: np.random.Generator) -> float:
        hits = []
        for _ in range(runs):
            truths, judged, chosen = self.draw(rng)
            truth = self.share if estimand == "population" else float(truths.mean())
            result = double_sampling(
                judged, truths[chosen], labelled=chosen, estimand=estimand, rng=rng, draws=600
            )
            hits.append(covers(result, truth))
        return float(np.mean(hits))


REGULAR = [
    Cell(size=round(n / part), n=n, share=share, tpr=tpr, tnr=tnr)
    for n in (100, 200)
    for part in (0.05, 0.2, 0.5, 1.0)
    for share in (0.1, 0.5, 0.9)
    for tpr, tnr in ((0.9, 0.85), (0.6, 0.7))
]


def test_a_correction_by_hand_is_the_value() -> None:
    # 60 of 100 verdicts pass; of 10 labelled passes 9 are right, of 10 labelled fails 2 wrong
    judged = np.repeat([1, 0], [60, 40])
    chosen = np.concatenate([np.arange(10), np.arange(60, 70)])
    labels = np.array([1] * 9 + [0] + [1] * 2 + [0] * 8)

    for estimand in ESTIMANDS:
        result = defined(
            double_sampling(judged, labels, labelled=chosen, estimand=estimand, rng=seeded())
        )
        assert result.value == pytest.approx(0.6 * 0.9 + 0.4 * 0.2)
        assert (result.n, result.n_clusters) == (20, 20)


def test_double_sampling_has_about_the_variance_that_tenenbein_gave() -> None:
    rng, cell = seeded(2), Cell(size=20_000, n=2_000, share=0.6)
    truths, judged, chosen = cell.draw(rng)
    squared = float(np.corrcoef(truths, judged)[0, 1] ** 2)
    # Tenenbein (1970): p(1-p)/n (1 - K) + p(1-p)/N K
    spread = 0.6 * 0.4
    error = np.sqrt(spread * ((1 - squared) / 2_000 + squared / 20_000))

    result = defined(
        double_sampling(judged, truths[chosen], labelled=chosen, estimand="population", rng=rng)
    )

    assert (result.high - result.low) / (2 * 1.96) == pytest.approx(error, rel=0.05)


def test_a_census_is_the_one_interval_without_width() -> None:
    truths, judged, chosen = Cell(size=50, n=50, share=0.7).draw(seeded(3))

    finite = double_sampling(
        judged, truths[chosen], labelled=chosen, estimand="finite", rng=seeded()
    )
    graded = corrected_mean(judged, truths[chosen], labelled=chosen, estimand="finite")
    population = double_sampling(
        judged, truths[chosen], labelled=chosen, estimand="population", rng=seeded()
    )

    for census in (defined(finite), defined(graded)):
        assert census.low == census.value == census.high == pytest.approx(truths.mean())
        assert census.method == "census"
    assert defined(population).low < truths.mean() < defined(population).high


@pytest.mark.parametrize("estimand", ESTIMANDS)
@pytest.mark.parametrize("label", [0, 1])
def test_labels_that_are_all_equal_still_have_a_width(label: int, estimand: Estimand) -> None:
    judged, chosen = np.full(200, label), np.arange(30)

    result = defined(
        double_sampling(
            judged, np.full(30, label), labelled=chosen, estimand=estimand, rng=seeded()
        )
    )

    assert result.high - result.low > 0.04


def test_nothing_labelled_leaves_nothing_to_correct() -> None:
    judged = np.ones(5)

    for estimand in ESTIMANDS:
        for result in (
            double_sampling(judged, NONE, labelled=NONE, estimand=estimand, rng=seeded()),
            corrected_mean(judged, NONE, labelled=NONE, estimand=estimand),
        ):
            assert isinstance(result, Undefined)
            assert "at least one human label" in result.reason


def test_a_stratum_without_a_label_is_not_guessed() -> None:
    judged, strata = np.ones(10), np.repeat([0, 1], 5)

    result = double_sampling(
        judged, np.ones(3), labelled=np.arange(3), strata=strata, estimand="finite", rng=seeded()
    )

    assert isinstance(result, Undefined)
    assert "1 strata have items and no label" in result.reason


def test_a_verdict_without_a_label_widens_the_limits_instead() -> None:
    judged = np.repeat([1, 0], [150, 50])

    result = defined(
        double_sampling(
            judged, np.ones(40), labelled=np.arange(40), estimand="finite", rng=seeded()
        )
    )

    assert result.high - result.low > 0.2


@pytest.mark.parametrize(
    ("judged", "labels", "labelled", "match"),
    [
        ([0.5, 1], [1], [0], "verdict 0 is 0.5"),
        ([1, 1], [2], [0], "label 0 is 2"),
        ([1, 1], [float("nan")], [0], "label 0 is nan"),
        ([1, 1], [1], [2], "not among the 2"),
        ([1, 1], [1], [-1], "not among the 2"),
        ([1, 1], [1, 1], [0, 0], "twice"),
        ([1, 1], [1], [0, 1], "1 integer indices"),
    ],
)
def test_input_that_cannot_be_is_refused(
    judged: list[float], labels: list[float], labelled: list[int], match: str
) -> None:
    with pytest.raises(ValueError, match=match):
        double_sampling(
            np.array(judged),
            np.array(labels),
            labelled=np.array(labelled),
            estimand="finite",
            rng=seeded(),
        )


@pytest.mark.parametrize("estimand", ESTIMANDS)
@pytest.mark.parametrize(
    "cell", [Cell(size=2000, n=100, share=0.9), Cell(size=200, n=100, share=0.5)]
)
def test_the_corrected_share_covers_the_truth_about_as_often_as_it_says(
    cell: Cell, estimand: Estimand
) -> None:
    assert cell.coverage(estimand, runs=1000, rng=seeded(4)) >= 0.93


@pytest.mark.slow
@pytest.mark.parametrize("estimand", ESTIMANDS)
@pytest.mark.parametrize("cell", REGULAR, ids=str)
def test_the_corrected_share_keeps_its_promise_in_every_regular_cell(
    cell: Cell, estimand: Estimand
) -> None:
    assert cell.coverage(estimand, runs=2000, rng=seeded(5)) >= 0.935


@pytest.mark.slow
@pytest.mark.parametrize("estimand", ESTIMANDS)
@pytest.mark.parametrize("n", [20, 50])
def test_the_corrected_share_near_one_from_few_labels_keeps_most_of_its_promise(
    n: int, estimand: Estimand
) -> None:
    cell = Cell(size=1000, n=n, share=0.97, tpr=0.97, tnr=0.9)

    assert cell.coverage(estimand, runs=2000, rng=seeded(6)) >= 0.9


def unequal_within_a_verdict(
    rng: np.random.Generator,
) -> tuple[Flags, Flags, Indices, Indices]:
    """Easy and hard items under the same verdicts; the hard ones are labelled far more often."""
    hard = rng.random(1500) < 0.3
    truths = rng.random(1500) < np.where(hard, 0.35, 0.95)
    judged = judged_by(truths, tpr=0.8, tnr=0.4, rng=rng)
    strata = 2 * hard + judged.astype(np.int64)
    chosen = [
        rng.choice(np.flatnonzero(strata == s), size=40 if s >= 2 else 20, replace=False)
        for s in range(4)
    ]
    return truths, judged, strata, np.concatenate(chosen)


def test_unequal_inclusion_within_a_verdict_needs_strata() -> None:
    rng = seeded(7)
    strata_hits, pooled_hits, weighted_hits = [], [], []
    for _ in range(300):
        truths, judged, strata, chosen = unequal_within_a_verdict(rng)
        chances = np.bincount(strata[chosen]) / np.bincount(strata)
        labels, truth = truths[chosen], float(truths.mean())
        strata_hits.append(
            covers(
                double_sampling(
                    judged,
                    labels,
                    labelled=chosen,
                    strata=strata,
                    estimand="finite",
                    rng=rng,
                    draws=600,
                ),
                truth,
            )
        )
        pooled_hits.append(
            covers(
                double_sampling(
                    judged, labels, labelled=chosen, estimand="finite", rng=rng, draws=600
                ),
                truth,
            )
        )
        weighted_hits.append(
            covers(
                corrected_mean(
                    judged,
                    labels,
                    labelled=chosen,
                    inclusion=chances[strata[chosen]],
                    estimand="finite",
                ),
                truth,
            )
        )

    assert np.mean(strata_hits) > 0.92
    assert np.mean(weighted_hits) > 0.92
    assert np.mean(pooled_hits) < 0.5


def test_many_small_strata_do_not_draw_the_share_to_the_middle() -> None:
    rng = seeded(8)
    hits = []
    for _ in range(300):
        truths = rng.random(1000) < 0.97
        judged = judged_by(truths, tpr=0.95, tnr=0.9, rng=rng)
        strata = rng.integers(0, 8, size=1000)
        chosen = np.concatenate(
            [rng.choice(np.flatnonzero(strata == s), size=12, replace=False) for s in range(8)]
        )
        result = double_sampling(
            judged,
            truths[chosen],
            labelled=chosen,
            strata=strata,
            estimand="population",
            rng=rng,
            draws=600,
        )
        hits.append(covers(result, 0.97))

    # A hard cell of about two labels a verdict: .92 in 2,000 runs; 1/2 a cell gives about .5.
    assert np.mean(hits) > 0.88


def clustered(rng: np.random.Generator, *, groups: int) -> tuple[Flags, Flags, Indices]:
    """Truths and errors of the judge with an intraclass correlation of .3, ten to a cluster."""
    clusters, weight = np.repeat(np.arange(groups), 10), 0.7 / 0.3
    truths = rng.random(clusters.size) < rng.beta(0.7 * weight, 0.3 * weight, groups)[clusters]
    right = rng.random(clusters.size) < rng.beta(0.85 * weight, 0.15 * weight, groups)[clusters]
    return truths, np.where(right, truths, ~truths), clusters


def clustered_coverage(groups: int, *, runs: int, seed: int) -> tuple[float, float, float]:
    """Coverage of double sampling, of PPI++, and of double sampling that ignores clusters."""
    rng = seeded(seed)
    hits = []
    for _ in range(runs):
        truths, judged, clusters = clustered(rng, groups=groups)
        chosen = np.flatnonzero(clusters < groups * 3 // 4)  # whole clusters are labelled
        labels = truths[chosen]
        hits.append(
            [
                covers(
                    double_sampling(
                        judged,
                        labels,
                        labelled=chosen,
                        clusters=clusters,
                        estimand="population",
                        rng=rng,
                        draws=500,
                    ),
                    0.7,
                ),
                covers(
                    corrected_mean(
                        judged, labels, labelled=chosen, clusters=clusters, estimand="population"
                    ),
                    0.7,
                ),
                covers(
                    double_sampling(
                        judged, labels, labelled=chosen, estimand="population", rng=rng, draws=500
                    ),
                    0.7,
                ),
            ]
        )
    honest, weighed, naive = (float(share) for share in np.mean(hits, axis=0))
    return honest, weighed, naive


def test_clusters_are_covered_where_the_naive_correction_fails() -> None:
    honest, weighed, naive = clustered_coverage(20, runs=300, seed=9)

    assert honest > 0.92
    assert weighed > 0.91
    assert naive < 0.85


@pytest.mark.slow
@pytest.mark.parametrize("groups", [20, 50])
def test_clusters_keep_their_promise(groups: int) -> None:
    honest, weighed, naive = clustered_coverage(groups, runs=2000, seed=10)

    assert honest >= 0.93
    assert weighed >= 0.92
    assert naive < 0.85


def test_clusters_of_one_finite_set_are_covered() -> None:
    rng = seeded(11)
    hits = []
    for _ in range(300):
        truths, judged, clusters = clustered(rng, groups=40)
        chosen = np.flatnonzero(np.isin(clusters, rng.permutation(40)[:20]))
        result = double_sampling(
            judged,
            truths[chosen],
            labelled=chosen,
            clusters=clusters,
            estimand="finite",
            rng=rng,
            draws=500,
        )
        hits.append(covers(result, float(truths.mean())))

    assert np.mean(hits) > 0.925


def test_labels_within_one_cluster_are_undefined() -> None:
    judged, clusters = np.tile([0, 1], 10), np.repeat([0, 1], 10)
    labels, chosen = np.array([1, 0, 1]), np.arange(3)

    for estimand in ESTIMANDS:
        results = (
            double_sampling(
                judged, labels, labelled=chosen, clusters=clusters, estimand=estimand, rng=seeded()
            ),
            corrected_mean(judged, labels, labelled=chosen, clusters=clusters, estimand=estimand),
        )
        assert all(isinstance(result, Undefined) for result in results)


def test_the_order_of_the_items_changes_nothing() -> None:
    truths, judged, chosen = Cell(size=300, n=80, share=0.6).draw(seeded(12))
    order = seeded(13).permutation(300)
    place = np.argsort(order)

    one = double_sampling(judged, truths[chosen], labelled=chosen, estimand="finite", rng=seeded())
    other = double_sampling(
        judged[order],
        truths[chosen][::-1],
        labelled=place[chosen][::-1],
        estimand="finite",
        rng=seeded(),
    )

    assert one == other


def test_a_weight_of_0_is_the_mean_of_the_labels_with_its_t_interval() -> None:
    rng = seeded(14)
    judged, labels, chosen = rng.random(500), rng.random(60), rng.permutation(500)[:60]

    result = defined(
        corrected_mean(judged, labels, labelled=chosen, weight=0.0, estimand="population")
    )
    alone = defined(bounded_mean(labels, lower=0, upper=1))

    assert result.value == pytest.approx(alone.value, abs=1e-12)
    assert (result.low, result.high) == pytest.approx((alone.low, alone.high), abs=1e-12)


@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_the_error_is_that_of_the_formula(estimand: Estimand) -> None:
    rng = seeded(15)
    judged = rng.random(4000)
    chosen = rng.permutation(4000)[:400]
    labels = 0.7 * judged[chosen] + 0.2 * rng.random(400)
    guesses = judged[chosen]
    slope = float(np.cov(labels, guesses)[0, 1] / guesses.var(ddof=1))
    rest = labels - slope * guesses
    variance = rest.var(ddof=1) / 400 * (1 - 0.1)
    if estimand == "population":
        variance = (
            rest.var(ddof=1) / 400
            + slope**2 * judged.var() / 4000
            + 2 * slope * np.cov(guesses, rest)[0, 1] / 4000
        )

    result = defined(corrected_mean(judged, labels, labelled=chosen, estimand=estimand))

    assert result.value == pytest.approx(slope * judged.mean() + rest.mean(), abs=1e-12)
    half = student_quantile(0.95, degrees=399) * np.sqrt(variance)
    assert (result.high - result.low) / 2 == pytest.approx(half, rel=1e-3)


def test_a_judge_that_is_the_wrong_way_round_gets_no_weight() -> None:
    rng = seeded(16)
    labels = rng.random(50)
    judged = np.concatenate([1 - labels, rng.random(100)])

    result = defined(corrected_mean(judged, labels, labelled=np.arange(50), estimand="population"))

    assert result.value == pytest.approx(labels.mean())


def test_a_judge_that_was_never_wrong_on_the_labels_is_not_taken_for_infallible() -> None:
    labels = np.tile([0.0, 1.0], 25)
    judged = np.concatenate([labels, np.ones(950)])

    for estimand in ESTIMANDS:
        result = defined(corrected_mean(judged, labels, labelled=np.arange(50), estimand=estimand))
        assert result.high - result.low > 0.2
        believed = corrected_mean(
            judged, labels, labelled=np.arange(50), weight=1.0, estimand="finite"
        )
        assert "do not vary" in str(believed)


def test_labels_that_do_not_vary_leave_a_corrected_mean_undefined() -> None:
    judged = seeded(17).random(100)

    result = corrected_mean(judged, np.ones(30), labelled=np.arange(30), estimand="finite")

    assert isinstance(result, Undefined)
    assert "3/30" in result.reason


def test_limits_of_a_corrected_mean_are_cut_at_the_scale() -> None:
    judged = np.concatenate([np.ones(19), np.zeros(1), np.ones(980)])
    labels = np.ones(20)
    labels[[3, 19]] = 0

    result = defined(
        corrected_mean(judged, labels, labelled=np.arange(20), bounds=(0, 1), estimand="finite")
    )

    assert 0 <= result.low <= result.value <= result.high <= 1


@pytest.mark.parametrize("chance", [0.0, 1.1, float("nan")])
def test_a_chance_that_is_none_is_refused(chance: float) -> None:
    with pytest.raises(ValueError, match="inclusion"):
        corrected_mean(
            np.ones(5),
            np.ones(2),
            labelled=np.arange(2),
            inclusion=np.array([0.5, chance]),
            estimand="finite",
        )


def test_other_impossible_input_of_a_corrected_mean_is_refused() -> None:
    ones, two = np.ones(5), np.arange(2)

    with pytest.raises(ValueError, match="weight"):
        corrected_mean(ones, ones[:2], labelled=two, weight=1.5, estimand="finite")
    with pytest.raises(ValueError, match="finite number"):
        corrected_mean(ones * np.nan, ones[:2], labelled=two, estimand="finite")
    with pytest.raises(ValueError, match="kind"):
        corrected_means(np.ones((5, 2)), np.ones((2, 1)), labelled=two, estimand="finite")
    with pytest.raises(ValueError, match="two systems"):
        corrected_difference(np.ones((5, 3)), np.ones((2, 3)), labelled=two, estimand="finite")


def graded_draw(
    rng: np.random.Generator, *, size: int, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], Indices, Indices]:
    """Grades 1 to 5 in three slices of unlike mean, labelled unequally, a judge one step off."""
    slices = rng.choice(3, p=[0.6, 0.3, 0.1], size=size)
    truths = (1 + rng.binomial(4, np.array([0.8, 0.5, 0.2])[slices])).astype(np.float64)
    judged: NDArray[np.float64] = np.clip(truths + rng.integers(-1, 3, size=size), 1, 5)
    chosen = [rng.choice(np.flatnonzero(slices == s), size=n // 3, replace=False) for s in range(3)]
    return truths, judged, slices, np.concatenate(chosen)


def graded_coverage(estimand: Estimand, *, runs: int, seed: int) -> tuple[float, float, float]:
    """Coverage by strata, by chances of inclusion, and with neither."""
    rng, hits = seeded(seed), []
    population = 1 + 4 * (0.6 * 0.8 + 0.3 * 0.5 + 0.1 * 0.2)
    for _ in range(runs):
        truths, judged, slices, chosen = graded_draw(rng, size=1200, n=120)
        labels = truths[chosen]
        truth = population if estimand == "population" else float(truths.mean())
        chances = (np.bincount(slices[chosen]) / np.bincount(slices))[slices[chosen]]
        results = (
            corrected_mean(judged, labels, labelled=chosen, strata=slices, estimand=estimand),
            corrected_mean(judged, labels, labelled=chosen, inclusion=chances, estimand=estimand),
            corrected_mean(judged, labels, labelled=chosen, estimand=estimand),
        )
        hits.append([covers(result, truth) for result in results])
    strata, weighted, neither = (float(share) for share in np.mean(hits, axis=0))
    return strata, weighted, neither


@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_a_corrected_mean_of_grades_needs_its_strata_or_chances(estimand: Estimand) -> None:
    strata, weighted, neither = graded_coverage(estimand, runs=400, seed=18)

    assert strata > 0.92
    assert weighted > 0.92
    assert neither < 0.8


@pytest.mark.slow
@pytest.mark.parametrize("estimand", ESTIMANDS)
def test_a_corrected_mean_of_grades_keeps_its_promise(estimand: Estimand) -> None:
    strata, weighted, _ = graded_coverage(estimand, runs=2000, seed=28)

    assert strata >= 0.935
    assert weighted >= 0.935


def test_a_difference_of_two_systems_is_corrected_on_itself() -> None:
    rng = seeded(19)
    hits, naive = [], []
    for _ in range(400):
        truths = np.column_stack([rng.random(600) < 0.8, rng.random(600) < 0.7])
        # The judge is lenient with the second system only.
        judged = np.column_stack(
            [
                judged_by(truths[:, 0], tpr=0.9, tnr=0.9, rng=rng),
                judged_by(truths[:, 1], tpr=0.98, tnr=0.4, rng=rng),
            ]
        )
        chosen = rng.permutation(600)[:120]
        result = corrected_difference(
            judged, truths[chosen], labelled=chosen, estimand="population"
        )
        hits.append(covers(result, 0.1))
        naive.append(float(judged[:, 0].mean() - judged[:, 1].mean()))

    assert np.mean(hits) > 0.925
    assert np.mean(naive) < -0.05


def test_two_means_of_the_same_items_share_one_covariance() -> None:
    rng = seeded(20)
    scores = rng.random((200, 2))
    chosen = np.arange(80)
    contrast = np.array([1.0, -1.0])
    means = corrected_means(
        scores, scores[:80] ** 2, labelled=chosen, weight=0.0, estimand="population"
    )
    assert not isinstance(means, Undefined)

    both = contrast_estimate(
        means, contrast, degrees=79, method="ppi++", estimand="population", census=False
    )

    squares = scores[:80] ** 2
    alone = bounded_mean(squares[:, 0] - squares[:, 1], lower=-1, upper=1)
    assert (defined(both).low, defined(both).high) == pytest.approx(
        (defined(alone).low, defined(alone).high)
    )


def test_the_effective_number_is_more_the_better_the_judge() -> None:
    numbers = []
    for accuracy in (0.5, 0.8, 0.95):
        truths, judged, chosen = Cell(size=4000, n=200, share=0.5, tpr=accuracy, tnr=accuracy).draw(
            seeded(21)
        )
        alone = defined(
            corrected_mean(judged, truths[chosen], labelled=chosen, weight=0, estimand="population")
        )
        corrected = defined(
            corrected_mean(judged, truths[chosen], labelled=chosen, estimand="population")
        )
        numbers.append(effective_labels(corrected, alone))

    first, second, third = (float(n) for n in numbers if not isinstance(n, Undefined))
    assert first == pytest.approx(200, rel=0.05)
    assert 240 < second < 400
    assert third > 700


def test_a_census_has_no_effective_number() -> None:
    truths, judged, chosen = Cell(size=50, n=50, share=0.5).draw(seeded(22))
    census = defined(corrected_mean(judged, truths[chosen], labelled=chosen, estimand="finite"))

    assert isinstance(effective_labels(census, census), Undefined)


@pytest.mark.parametrize(
    ("share", "rates", "counts", "value", "limits"),
    [
        (0.62, (0.9, 0.85), (1000, 60, 90), 0.693333, (0.610056, 0.786784)),
        (0.8, (0.7, 0.9), (500, 100, 100), 0.833333, (0.735600, 0.950340)),
        (0.05, (0.9, 0.9), (500, 100, 100), 0.0, (0.0, 0.008345)),
    ],
)
def test_rogan_gladen_has_the_limits_of_lee(
    share: float,
    rates: tuple[float, float],
    counts: tuple[int, int, int],
    value: float,
    limits: tuple[float, float],
) -> None:
    # Values of the method as Lee et al., arXiv 2511.21140, print it, worked out in the design.
    n, negative, positive = counts
    result = defined(
        rogan_gladen(
            share,
            n,
            specificity=rates[0],
            sensitivity=rates[1],
            n_negative=negative,
            n_positive=positive,
        )
    )

    assert result.value == pytest.approx(value, abs=5e-7)
    assert (result.low, result.high) == pytest.approx(limits, abs=5e-7)
    assert result.n == negative + positive


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_perfect_judge_needs_no_correction(share: float) -> None:
    result = rogan_gladen(
        share, 400, specificity=1.0, sensitivity=1.0, n_negative=200, n_positive=200
    )

    assert defined(result).value == pytest.approx(share, abs=1e-12)
    assert defined(result).low < defined(result).high


@pytest.mark.parametrize(
    ("specificity", "sensitivity", "n"), [(0.4, 0.4, 500), (0.5, 0.5, 500), (0.6, 0.6, 40)]
)
def test_a_judge_that_may_be_no_better_than_chance_corrects_nothing(
    specificity: float, sensitivity: float, n: int
) -> None:
    result = rogan_gladen(
        0.6, 900, specificity=specificity, sensitivity=sensitivity, n_negative=n, n_positive=n
    )

    assert isinstance(result, Undefined)
    assert "no better than chance" in result.reason
    assert result.n == 2 * n


@pytest.mark.parametrize(("share", "n"), [(1.2, 10), (float("nan"), 10), (0.5, 0)])
def test_rates_that_are_none_are_refused(share: float, n: int) -> None:
    with pytest.raises(ValueError, match="shares in"):
        rogan_gladen(share, n, specificity=0.9, sensitivity=0.9, n_negative=10, n_positive=10)


def rogan_gladen_coverage(theta: float, *, runs: int, seed: int) -> float:
    rng = seeded(seed)
    hits = []
    for _ in range(runs):
        judged = theta * 0.9 + (1 - theta) * 0.15
        result = rogan_gladen(
            rng.binomial(1000, judged) / 1000,
            1000,
            specificity=rng.binomial(80, 0.85) / 80,
            sensitivity=rng.binomial(120, 0.9) / 120,
            n_negative=80,
            n_positive=120,
        )
        hits.append(covers(result, theta))
    return float(np.mean(hits))


@pytest.mark.parametrize("theta", [0.1, 0.5, 0.9])
def test_rogan_gladen_covers_the_truth_about_as_often_as_it_says(theta: float) -> None:
    assert rogan_gladen_coverage(theta, runs=2000, seed=23) > 0.93


def rated_systems(
    rng: np.random.Generator, *, rates: list[float], questions: int = 120, shared: float = 0.0
) -> tuple[Indices, Indices, Indices, Indices]:
    """Labels of several systems on the same questions; the judge's errors may go by question."""
    systems, clusters = np.divmod(np.arange(len(rates) * questions), questions)
    human = (rng.random(systems.size) < 0.6).astype(np.int64)
    own, common = rng.random(systems.size), rng.random(questions)[clusters]
    luck = np.where(rng.random(systems.size) < shared, common, own)
    right = luck < np.array(rates)[systems]
    return human, np.where(right, human, 1 - human), systems, clusters


@pytest.mark.parametrize("shared", [0.0, 0.6])
def test_equal_rates_are_rejected_about_as_seldom_as_the_level_says(shared: float) -> None:
    rng = seeded(24)
    values = []
    for _ in range(400):
        human, judge, systems, clusters = rated_systems(rng, rates=[0.85] * 3, shared=shared)
        result = equal_rates(human, judge, systems=systems, clusters=clusters)
        assert isinstance(result, PValue)
        values.append(result.value)

    assert 0.02 < np.mean(np.array(values) <= 0.05) < 0.08


def test_rates_that_differ_are_found() -> None:
    human, judge, systems, clusters = rated_systems(seeded(25), rates=[0.95, 0.9, 0.6])

    found = equal_rates(human, judge, systems=systems, clusters=clusters)

    assert isinstance(found, PValue)
    assert found.value < 0.001
    assert (found.n, found.n_clusters) == (360, 120)


def test_a_judge_without_an_error_differs_nowhere() -> None:
    human = np.tile([0, 1], 30)

    result = equal_rates(human, human, systems=np.repeat([0, 1], 30))

    assert isinstance(result, PValue)
    assert result.value == 1


def test_too_little_to_compare_rates_is_undefined() -> None:
    human = np.tile([0, 1], 10)

    assert "two systems" in str(equal_rates(human, human, systems=np.zeros(20, dtype=np.int64)))
    assert "under 5" in str(equal_rates(human, human, systems=np.repeat([0, 1], [16, 4])))
    with pytest.raises(ValueError, match="shapes"):
        equal_rates(human, human[:1], systems=np.repeat([0, 1], 10))


def test_importing_the_module_loads_no_scipy() -> None:
    code = "import sys, judge.stats.planning, judge.stats.retention; print('scipy' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "False"


def _tokens(text: str) -> list[str]:
    kept = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", kept).split()


def _token_f1(answer: str, gold: str) -> float:
    said, wanted = _tokens(answer), _tokens(gold)
    common = sum((Counter(said) & Counter(wanted)).values())
    return 2 * common / (len(said) + len(wanted)) if common else 0.0


def _lines(name: str) -> Iterator[dict[str, Any]]:
    path = DATA / "evouna_nq" / name
    if not path.is_file():
        pytest.skip(f"{path} is not there: set JUDGE_DATA to the folder of evouna_nq")
    with path.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


@pytest.fixture(scope="module")
def evouna() -> tuple[Flags, Flags, Indices]:
    """Human verdict, verdict of token F1 at .2, and system of all 3,880 answers."""
    golds = {
        row["question_id"]: row["golden_answer"].split("/") for row in _lines("questions.jsonl")
    }
    human = {(row["question_id"], row["system"]): row["correct"] for row in _lines("ratings.jsonl")}
    truths, judged, systems = [], [], []
    for code, system in enumerate(SYSTEMS):
        for row in _lines(f"{system}.jsonl"):
            best = max(_token_f1(row["answer"], gold) for gold in golds[row["question_id"]])
            truths.append(human[row["question_id"], system])
            judged.append(best >= 0.2)
            systems.append(code)
    return np.array(truths), np.array(judged), np.array(systems)


def planned_coverage(
    evouna: tuple[Flags, Flags, Indices], *, runs: int, seed: int
) -> NDArray[np.float64]:
    """Coverage by system of plans that label 300 answers, 30 of each system and verdict."""
    truths, judged, systems = evouna
    rng, hits = seeded(seed), np.zeros(len(SYSTEMS))
    strata = 2 * systems + judged
    members = [np.flatnonzero(strata == stratum) for stratum in range(2 * len(SYSTEMS))]
    for _ in range(runs):
        for system in range(len(SYSTEMS)):
            own = systems == system
            places = np.cumsum(own) - 1
            chosen = np.concatenate(
                [
                    rng.choice(m, size=30, replace=False)
                    for m in members[2 * system : 2 * system + 2]
                ]
            )
            result = double_sampling(
                judged[own],
                truths[chosen],
                labelled=places[chosen],
                strata=strata[own],
                estimand="finite",
                rng=rng,
                draws=500,
            )
            hits[system] += covers(result, float(truths[own].mean()))
    return hits / runs


def test_planned_labels_recover_the_human_rate_of_each_real_system(
    evouna: tuple[Flags, Flags, Indices],
) -> None:
    truths, judged, systems = evouna
    assert truths.size == 3880
    naive = [abs(truths[systems == s].mean() - judged[systems == s].mean()) for s in range(5)]
    assert max(naive) > 0.3

    assert planned_coverage(evouna, runs=100, seed=26).min() >= 0.88


@pytest.mark.slow
def test_planned_labels_keep_their_promise_on_each_real_system(
    evouna: tuple[Flags, Flags, Indices],
) -> None:
    assert planned_coverage(evouna, runs=2000, seed=27).min() >= 0.935
