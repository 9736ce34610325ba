from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    balanced_accuracy_score,
    cohen_kappa_score,
    precision_score,
    recall_score,
)

from judge.records.scale import EQUIVALENCE, Scale, ScaleKind
from judge.results.outcome import FateCode
from judge.stats.estimate import Estimate, Undefined
from judge.testing import labelled_verdicts
from judge.trust.agreement import Agreement, agreement, figure_names, figure_of
from judge.trust.labels import LabelledVerdict, labels_of

GRADES = Scale(kind=ScaleKind.ORDINAL, categories=("1", "2", "3", "4", "5"))
TOPICS = Scale(kind=ScaleKind.NOMINAL, categories=("refund", "delivery", "other"))
PAIRS = Scale(kind=ScaleKind.PAIRWISE, categories=("b", "tie", "a"))


def _agreement(verdicts: Sequence[LabelledVerdict], scale: Scale = EQUIVALENCE) -> Agreement:
    return agreement(labels_of(verdicts, scale), level=0.95, seed=0, fates={})


def _value(figure: Estimate | Undefined) -> float:
    assert isinstance(figure, Estimate), figure
    return figure.value


def _width(figure: Estimate | Undefined) -> float:
    assert isinstance(figure, Estimate), figure
    return figure.high - figure.low


def _draw(seed: int, n: int, *, right: float = 0.9) -> tuple[list[int], list[int]]:
    rng = np.random.default_rng(seed)
    human = rng.integers(0, 2, n)
    judge = np.where(rng.random(n) < right, human, 1 - human)
    return human.tolist(), judge.tolist()


@pytest.mark.parametrize("seed", range(10))
def test_the_figures_of_two_classes_are_those_of_scikit_learn(seed: int) -> None:
    human, judge = _draw(seed, 80, right=0.5 + seed / 20)

    found = {n: _value(f) for n, f in _agreement(labelled_verdicts(human, judge)).figures.items()}

    assert found["percent"] == pytest.approx(np.mean(np.array(human) == judge))
    assert found["kappa"] == pytest.approx(cohen_kappa_score(human, judge))
    assert found["true_positive_rate"] == pytest.approx(recall_score(human, judge))
    assert found["true_negative_rate"] == pytest.approx(recall_score(human, judge, pos_label=0))
    assert found["positive_predictive_value"] == pytest.approx(precision_score(human, judge))
    assert found["negative_predictive_value"] == pytest.approx(
        precision_score(human, judge, pos_label=0)
    )
    assert found["informedness"] == pytest.approx(
        balanced_accuracy_score(human, judge, adjusted=True)
    )
    assert found["mean_bias"] == pytest.approx(np.mean(judge) - np.mean(human))


def test_the_figures_of_an_order_are_taken_on_the_whole_scale_used_or_not() -> None:
    # the middle categories are unused: scikit-learn without labels= says .75
    human, judge = [0, 1, 4, 4, 0, 1], [0, 4, 4, 1, 0, 1]

    found = _agreement(labelled_verdicts(human, judge, scale=GRADES), GRADES)

    expected = cohen_kappa_score(human, judge, weights="quadratic", labels=range(5))
    assert _value(found.figures["kappa_quadratic"]) == pytest.approx(expected)
    assert _value(found.figures["kappa_quadratic"]) == pytest.approx(0.4808, abs=5e-5)
    assert _value(found.figures["mean_bias"]) == pytest.approx(0.0)
    assert "informedness" not in found.figures


@pytest.mark.parametrize("scale", [EQUIVALENCE, GRADES, TOPICS, PAIRS])
def test_every_figure_of_a_scale_is_there_whatever_the_labels(scale: Scale) -> None:
    for labels in ([], [0], [1, 1, 1], [0, 1] * 30):
        found = _agreement(labelled_verdicts(labels, labels, scale=scale), scale)

        assert tuple(found.figures) == figure_names(scale)


def test_a_scale_without_order_has_no_figure_that_needs_one() -> None:
    assert not {"kappa_linear", "kappa_quadratic"} & set(figure_names(TOPICS))
    assert {"kappa_linear", "kappa_quadratic"} <= set(figure_names(PAIRS))


def test_rows_of_the_confusion_are_people_and_columns_the_judge() -> None:
    found = _agreement(labelled_verdicts([0, 0, 0, 1, 1], [0, 1, 1, 1, 0]))

    assert found.confusion == ((1, 2), (1, 1))


def test_the_order_of_the_labels_changes_nothing() -> None:
    human, judge = _draw(3, 90)
    verdicts = labelled_verdicts(human, judge, per_cluster=3)
    turned = [verdicts[place] for place in np.random.default_rng(0).permutation(90)]

    one, other = _agreement(verdicts), _agreement(turned)

    for name, figure in one.figures.items():
        again = other.figures[name]
        assert isinstance(figure, Estimate)
        assert isinstance(again, Estimate)
        assert (again.value, again.low, again.high) == pytest.approx(
            (figure.value, figure.low, figure.high)
        ), name


def test_labels_that_come_in_clusters_say_less() -> None:
    human = [label for label in (0, 1) * 20 for _ in range(5)]
    judge = [
        1 - label if place // 5 % 7 == 0 else label  # right or wrong for whole documents
        for place, label in enumerate(human)
    ]

    alone = _agreement(labelled_verdicts(human, judge))
    clustered = _agreement(labelled_verdicts(human, judge, per_cluster=5))

    assert (alone.n_items, clustered.n_items) == (200, 40)
    assert alone.n_labels == clustered.n_labels == 200
    for name, figure in clustered.figures.items():
        assert _width(figure) > 1.4 * _width(alone.figures[name]), name
        assert _value(figure) == pytest.approx(_value(alone.figures[name])), name


def test_a_label_that_was_unlikely_to_be_drawn_weighs_more() -> None:
    # 10 of 100 passes were rated and 10 of 10 fails: one miss among the passes stands for ten.
    verdicts = labelled_verdicts([1] * 9 + [0] + [0] * 10, [1] * 10 + [0] * 10)
    weighted = [
        replace(verdict, inclusion=0.1 if place < 10 else 1.0)
        for place, verdict in enumerate(verdicts)
    ]

    found = _agreement(weighted).figures

    assert _value(found["percent"]) == pytest.approx((90 + 10) / 110)
    assert _value(found["true_negative_rate"]) == pytest.approx(10 / 20)
    assert _value(found["positive_predictive_value"]) == pytest.approx(0.9)


def test_chances_that_are_equal_change_nothing_whatever_their_size() -> None:
    verdicts = labelled_verdicts(*_draw(4, 80))
    drawn = [replace(verdict, inclusion=0.2) for verdict in verdicts]

    assert _agreement(drawn).figures == _agreement(verdicts).figures


def test_one_figure_alone_is_the_one_of_all() -> None:
    labels = labels_of(labelled_verdicts(*_draw(6, 70)), EQUIVALENCE)

    for name, figure in agreement(labels, level=0.9, seed=3, fates={}).figures.items():
        assert figure_of(labels, name, level=0.9, seed=3) == figure


@given(
    st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0, 1, None, *FateCode])), max_size=60),
    st.integers(1, 5),
)
@settings(max_examples=40, deadline=None)
def test_every_verdict_is_in_the_confusion_and_nothing_else(
    pairs: list[tuple[int, int | FateCode | None]], per_cluster: int
) -> None:
    human, judge = [label for label, _ in pairs], [verdict for _, verdict in pairs]

    found = _agreement(labelled_verdicts(human, judge, per_cluster=per_cluster))

    given_ = sum(type(verdict) is int for verdict in judge)
    assert found.n_labels == sum(map(sum, found.confusion)) == given_
