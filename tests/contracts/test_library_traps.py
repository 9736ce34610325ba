"""What popular libraries get silently wrong on such data, and what ours says instead."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score, matthews_corrcoef

from judge.errors import DataError
from judge.records.label import read_label
from judge.records.rows import read_rows
from judge.records.scale import Scale, ScaleKind
from judge.stats.agreement import cohen_kappa, confusion
from judge.stats.alternative import AlternativeAnnotatorTest, alternative_annotator_test
from judge.stats.class_rates import informedness
from judge.stats.correction import rogan_gladen
from judge.stats.correlation import spearman
from judge.stats.estimate import Estimate, Undefined
from judge.stats.intervals import wilson_interval
from judge.stats.paired import paired_difference


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_weighted_kappa_counts_the_steps_over_categories_that_nobody_used() -> None:
    human, judge = [1, 2, 5, 5, 1, 2], [1, 5, 5, 2, 1, 2]

    theirs = cohen_kappa_score(human, judge, weights="quadratic")
    table = confusion(np.array(human) - 1, np.array(judge) - 1, n_categories=5)
    ours = cohen_kappa(table, weights="quadratic", rng=_rng())

    assert theirs == pytest.approx(0.75)
    assert isinstance(ours, Estimate)
    assert ours.value == pytest.approx(0.4808, abs=5e-5)


def test_grades_keep_the_order_of_the_scale_though_ten_sorts_before_two() -> None:
    scale = Scale(kind=ScaleKind.ORDINAL, categories=tuple(map(str, range(1, 11))))

    assert sorted(["2", "10"]) == ["10", "2"]
    assert scale.code("10") > scale.code("2")
    assert scale.value("10") == 1


def test_one_class_alone_has_no_kappa_and_no_informedness() -> None:
    ones = np.ones(30, dtype=np.int64)
    table = confusion(ones, ones, n_categories=2)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(cohen_kappa_score(ones, ones))
        assert matthews_corrcoef(ones, ones) == 0

    assert isinstance(cohen_kappa(table, rng=_rng()), Undefined)
    assert isinstance(informedness(table, rng=_rng()), Undefined)


def test_no_item_has_no_share() -> None:
    assert isinstance(wilson_interval(0, 0), Undefined)


def test_differences_that_do_not_vary_have_no_t() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not np.isfinite(stats.ttest_1samp(np.full(40, 0.5), 0.0).statistic)

    assert isinstance(paired_difference(np.full(40, 0.5), np.zeros(40)), Undefined)


def test_wins_that_do_not_vary_are_decided_exactly() -> None:
    # The judge is right wherever anybody is: each d is 0, whose t does not exist.
    people = np.tile(np.array([[0], [1]]), (30, 3))

    found = alternative_annotator_test(people, people[:, 0], n_categories=2, epsilon=0.1)

    assert isinstance(found, AlternativeAnnotatorTest)
    assert (found.omega, found.passes) == (1.0, True)


def test_a_constant_judge_has_no_rank_correlation() -> None:
    human = np.arange(20) % 5

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isnan(stats.spearmanr(np.ones(20), human).statistic)

    assert isinstance(spearman(np.ones(20), human, rng=_rng()), Undefined)


def test_one_label_is_not_stretched_over_all_items() -> None:
    assert (np.array([1]) == np.array([1, 0, 1])).shape == (3,)  # numpy compares all of them

    with pytest.raises(ValueError, match="shapes"):
        confusion(np.array([1]), np.array([1, 0, 1]), n_categories=2)


def test_a_judge_worse_than_chance_is_refused_and_not_turned_round() -> None:
    q0 = q1 = 0.3
    assert (0.6 + q0 - 1) / (q0 + q1 - 1) == pytest.approx(0.25)  # the formula, turned round

    found = rogan_gladen(
        0.6, n=1000, specificity=q0, sensitivity=q1, n_negative=100, n_positive=100
    )

    assert isinstance(found, Undefined)


def test_true_the_text_true_and_1_are_three_labels(tmp_path: Path) -> None:
    path = tmp_path / "ratings.jsonl"
    path.write_text('{"label": true}\n{"label": "true"}\n{"label": 1}\n')
    scale = Scale(kind=ScaleKind.BINARY, categories=("no", "yes"))
    rows = list(read_rows(path, {}))

    assert {1: "yes"}[True] == "yes"  # a dictionary of labels would take one for the other
    assert read_label(rows[0], "label", labels={True: "yes"}, scale=scale) == "yes"
    for row in rows[1:]:
        with pytest.raises(DataError, match="not on the scale"):
            read_label(row, "label", labels={True: "yes"}, scale=scale)
