from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from judge.records.rating import Aggregate
from judge.records.scale import EQUIVALENCE, Scale, ScaleKind
from judge.results.outcome import FateCode
from judge.stats.alternative import AlternativeAnnotatorTest
from judge.stats.estimate import Estimate, Undefined
from judge.testing import labelled_verdicts
from judge.trust.labels import LabelledVerdict
from judge.trust.raters import RaterFindings, rater_findings

GRADES = Scale(kind=ScaleKind.ORDINAL, categories=("1", "2", "3", "4", "5"))
TOPICS = Scale(kind=ScaleKind.NOMINAL, categories=("refund", "delivery", "other"))


def _found(verdicts: Sequence[LabelledVerdict], scale: Scale = EQUIVALENCE) -> RaterFindings | None:
    return rater_findings(
        verdicts,
        scale,
        aggregate=Aggregate.MEDIAN if scale.ordered else Aggregate.MAJORITY,
        epsilon=0.15,
        level=0.95,
        ceiling_level=0.9,
        seed=0,
    )


def _rated(
    judge: Sequence[int | FateCode],
    raters: Mapping[str, Sequence[int | None]],
    *,
    scale: Scale = EQUIVALENCE,
    per_cluster: int = 1,
) -> list[LabelledVerdict]:
    verdicts = labelled_verdicts([0] * len(judge), judge, scale=scale, per_cluster=per_cluster)
    return [
        replace(
            verdict,
            ratings={
                name: scale.categories[label]
                for name, labels in raters.items()
                if (label := labels[place]) is not None
            },
        )
        for place, verdict in enumerate(verdicts)
    ]


def _noisy(
    rng: np.random.Generator, truth: Sequence[int], right: float, *, k: int = 2
) -> list[int]:
    other = (np.array(truth) + rng.integers(1, k, len(truth))) % k
    return [int(label) for label in np.where(rng.random(len(truth)) < right, truth, other)]


def _value(figure: Estimate | Undefined) -> float:
    assert isinstance(figure, Estimate), figure
    return figure.value


def test_one_rater_a_record_says_nothing_of_people_however_many_raters_there_are() -> None:
    n = 60
    split: dict[str, list[int | None]] = {
        "ada": [0 if place % 2 else None for place in range(n)],
        "bob": [None if place % 2 else 1 for place in range(n)],
    }

    assert _found(labelled_verdicts([0, 1] * 30, [0, 1] * 30)) is None
    assert _found(_rated([0, 1] * 30, split)) is None


def test_two_raters_have_a_ceiling_and_no_panel() -> None:
    rng = np.random.default_rng(0)
    truth = [int(label) for label in rng.integers(0, 2, 200)]
    raters = {"ada": _noisy(rng, truth, 0.9), "bob": _noisy(rng, truth, 0.9)}

    found = _found(_rated(_noisy(rng, truth, 0.9), raters))

    assert found is not None
    assert isinstance(found.ceiling.human, Estimate)
    assert isinstance(found.ceiling.delta, Estimate)
    assert found.ceiling.human.level == 0.9
    assert isinstance(found.alternative, Undefined)
    assert "a panel is at least 3" in found.alternative.reason


def test_the_figures_of_each_rater_stand_in_the_order_of_their_names() -> None:
    rng = np.random.default_rng(1)
    truth = [int(label) for label in rng.integers(0, 2, 300)]
    raters = {
        "zoe": _noisy(rng, truth, 0.95),
        "guess": _noisy(rng, truth, 0.5),
        "ada": _noisy(rng, truth, 0.95),
    }

    found = _found(_rated(truth, raters))

    assert found is not None
    assert found.raters == ("zoe", "guess", "ada")
    assert [row.rater for row in found.ceiling.raters] == [0, 1, 2]
    zoe, guess, ada = (_value(row.human) for row in found.ceiling.raters)
    assert guess < 0.3 < min(zoe, ada)


def test_only_records_that_two_raters_labelled_are_shared() -> None:
    ada: list[int | None] = [0, 1] * 20
    bob = [label if place < 30 else None for place, label in enumerate(ada)]

    found = _found(_rated([0, 1] * 20, {"ada": ada, "bob": bob}))

    assert found is not None
    assert found.n_shared == 30
    assert isinstance(found.ac, Estimate)
    assert found.ac.n == 30


def test_a_judge_that_knows_the_truth_meets_people_better_than_they_meet_each_other() -> None:
    rng = np.random.default_rng(2)
    truth = [int(label) for label in rng.integers(0, 2, 600)]
    raters = {name: _noisy(rng, truth, 0.85) for name in ("ada", "bob", "eve")}

    good, bad = _found(_rated(truth, raters)), _found(_rated(_noisy(rng, truth, 0.6), raters))

    assert good is not None
    assert bad is not None
    assert isinstance(good.ceiling.delta, Estimate)
    assert isinstance(bad.ceiling.delta, Estimate)
    assert good.ceiling.delta.low > 0 > bad.ceiling.delta.high
    assert isinstance(good.alternative, AlternativeAnnotatorTest)
    assert isinstance(bad.alternative, AlternativeAnnotatorTest)
    assert (good.alternative.passes, bad.alternative.passes) == (True, False)
    # What people say of each other has nothing to do with the judge.
    assert (good.ac, good.alpha) == (bad.ac, bad.alpha)


def test_a_record_without_a_verdict_still_tells_how_people_agree() -> None:
    labels = [0, 1] * 30
    raters = {"ada": labels, "bob": [1, 1, *labels[2:]]}

    found = _found(_rated([FateCode.JUDGE_REFUSED] * 60, raters))

    assert found is not None
    assert isinstance(found.ac, Estimate)
    assert isinstance(found.ceiling.delta, Undefined)


@pytest.mark.parametrize(
    ("scale", "score"),
    [(EQUIVALENCE, "informedness"), (TOPICS, "match"), (GRADES, "negative_mae")],
)
def test_labels_are_compared_as_their_scale_allows(scale: Scale, score: str) -> None:
    rng = np.random.default_rng(3)
    k = len(scale.categories)
    truth = [int(label) for label in rng.integers(0, k, 150)]
    raters = {name: _noisy(rng, truth, 0.8, k=k) for name in ("ada", "bob", "eve")}

    found = _found(_rated(truth, raters, scale=scale), scale)

    assert found is not None
    assert found.ceiling.score == score
    assert isinstance(found.alternative, AlternativeAnnotatorTest)
    assert found.alternative.score == ("rmse" if scale.ordered else "match")


def test_on_an_ordered_scale_a_near_miss_is_less_than_a_far_one() -> None:
    rng = np.random.default_rng(4)
    ada = [int(label) for label in rng.integers(0, 5, 200)]
    moved = rng.random(200) < 0.3
    near = [
        label + (1 if label < 4 else -1) if m else label
        for label, m in zip(ada, moved, strict=True)
    ]
    far = [(label + 2) % 5 if m else label for label, m in zip(ada, moved, strict=True)]

    by_step, by_leap = (
        _found(_rated(ada, {"ada": ada, "bob": bob}, scale=GRADES), GRADES) for bob in (near, far)
    )

    assert by_step is not None
    assert by_leap is not None
    for name in ("ac", "alpha"):
        assert _value(getattr(by_step, name)) > _value(getattr(by_leap, name)) + 0.1


def test_records_that_share_a_cluster_leave_less_that_is_known() -> None:
    # All five records of a cluster fare alike: there are 24 independent ones, not 120.
    rng = np.random.default_rng(5)
    truth = np.repeat(rng.integers(0, 2, 24), 5)
    wrong = np.repeat(rng.random(24) < 0.25, 5)
    raters = {"ada": truth.tolist(), "bob": np.where(wrong, 1 - truth, truth).tolist()}
    judge = truth.tolist()

    alone, clustered = (_found(_rated(judge, raters, per_cluster=size)) for size in (1, 5))

    assert alone is not None
    assert clustered is not None
    assert isinstance(alone.ac, Estimate)
    assert isinstance(clustered.ac, Estimate)
    assert clustered.ac.n_clusters == 24
    assert clustered.ac.high - clustered.ac.low > 1.5 * (alone.ac.high - alone.ac.low)
