from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from judge.records.rating import LabelSource
from judge.records.record import Record, RecordKey, Target
from judge.records.scale import Scale, ScaleKind
from judge.results.outcome import Outcome, Score
from judge.results.run import EQUIVALENCE, Measure
from judge.stats.correction import double_sampling
from judge.stats.estimate import Estimate, Undefined
from judge.testing import judged_measure
from judge.trust.certificate import Certificate, Primary, Standing, TrustThresholds
from judge.trust.needs import (
    ASSUMED_RATE,
    FEWEST_OF_A_SYSTEM,
    Aim,
    Known,
    Need,
    Rates,
    needs_of,
    next_look,
    rates_of,
    smallest_margin,
)

MEASURE = judged_measure()
GRADED = judged_measure(Scale(kind=ScaleKind.ORDINAL, categories=("1", "2", "3")))


def _records(system: str, n: int, *, per_cluster: int = 1) -> list[Record]:
    return [
        Record(
            item_id=f"i{number}",
            system=system,
            input="",
            output="text",
            references=("right",),
            teacher_output=None,
            schema="",
            slices={},
            cluster=f"c{number // per_cluster}",
        )
        for number in range(n)
    ]


def _known(
    verdicts: Mapping[str, Sequence[float]],
    *,
    measure: Measure = MEASURE,
    rates: Rates | None = None,
    thresholds: TrustThresholds | None = None,
    look: int = 1,
    per_cluster: int = 1,
) -> Known:
    records = [
        record
        for system, own in verdicts.items()
        for record in _records(system, len(own), per_cluster=per_cluster)
    ]
    outcomes: dict[RecordKey, Outcome] = {
        RecordKey(item_id=f"i{number}", system=system): Score(
            scorer=EQUIVALENCE, target=Target.REFERENCE, value=float(value), signature=""
        )
        for system, own in verdicts.items()
        for number, value in enumerate(own)
    }
    return Known(
        measure=measure,
        records=records,
        outcomes=outcomes,
        rates=rates or Rates(),
        thresholds=thresholds or TrustThresholds(),
        teacher="teacher",
        look=look,
    )


def _passes(share: float, n: int) -> list[float]:
    return [float(number < share * n) for number in range(n)]


def _need(known: Known, aim: Aim, *, half_width: float = 0.05, margin: float = 0.9) -> Need:
    needs = needs_of(known, half_width=half_width, margin=margin)
    return next(need for need in needs if need.aim is aim)


def _number(found: int | Undefined) -> int:
    assert isinstance(found, int), found
    return found


def _certificate(measure: Measure = MEASURE, **findings: float) -> Certificate:
    return Certificate(
        scorer=measure.scorer,
        criterion=measure.criterion,
        target=measure.target,
        categories=measure.categories,
        signature=measure.signature,
        identity=measure.identity,
        served=(),
        ratings="ratings",
        population="population",
        source=LabelSource.HUMAN,
        n_labels=100,
        n_items=100,
        findings={
            name: Estimate(
                value=value, low=0.0, high=1.0, level=0.95, n=100, n_clusters=100, method="wilson"
            )
            for name, value in findings.items()
        },
        undefined={},
        look=len(findings) + 1,
        thresholds=TrustThresholds(),
        standing=Standing.INSUFFICIENT,
        reasons=(),
        issued=datetime(2026, 5, 1, tzinfo=UTC),
    )


def test_there_is_a_need_for_each_system_each_student_and_the_judge() -> None:
    known = _known({name: _passes(0.8, 60) for name in ("teacher", "small", "tiny")})

    found = [(need.aim, need.of) for need in needs_of(known, half_width=0.05, margin=0.9)]

    assert found == [
        (Aim.HALF_WIDTH, "teacher"),
        (Aim.HALF_WIDTH, "small"),
        (Aim.HALF_WIDTH, "tiny"),
        (Aim.MARGIN, "small"),
        (Aim.MARGIN, "tiny"),
        (Aim.STANDING, ""),
    ]


def test_without_a_teacher_there_is_no_margin() -> None:
    needs = needs_of(_known({"small": _passes(0.8, 60)}), half_width=0.05, margin=0.9)

    assert {need.aim for need in needs} == {Aim.HALF_WIDTH, Aim.STANDING}


def test_the_labels_for_a_half_width_give_that_half_width() -> None:
    rng = np.random.default_rng(4)
    truths = rng.random(600) < 0.7
    judged = np.where(rng.random(600) < 0.9, truths, ~truths)
    rates = Rates(sensitivity=0.9, specificity=0.9, certificate="c")
    known = _known({"small": judged.astype(float).tolist()}, rates=rates)

    need = _need(known, Aim.HALF_WIDTH, half_width=0.04)

    n = _number(need.with_judge)
    chosen = rng.permutation(600)[:n]
    found = double_sampling(
        judged, truths[chosen], labelled=chosen, estimand="finite", rng=rng, draws=4000
    )
    assert isinstance(found, Estimate)
    assert (found.high - found.low) / 2 == pytest.approx(0.04, rel=0.15)
    assert n < _number(need.alone) < 600


@pytest.mark.parametrize(("n", "labels"), [(12, 12), (4000, FEWEST_OF_A_SYSTEM)])
def test_no_half_width_takes_more_labels_than_there_are_outputs_or_too_few_for_a_report(
    n: int, labels: int
) -> None:
    need = _need(_known({"small": _passes(0.5, n)}), Aim.HALF_WIDTH, half_width=0.4)

    assert (need.alone, need.with_judge) == (labels, labels)


def test_items_that_share_their_luck_take_more_labels() -> None:
    verdicts = [float(number // 10 % 2) for number in range(400)]

    alone = _need(_known({"small": verdicts}), Aim.HALF_WIDTH)
    clustered = _need(_known({"small": verdicts}, per_cluster=10), Aim.HALF_WIDTH)

    assert _number(clustered.with_judge) > 1.5 * _number(alone.with_judge)


def test_a_graded_scale_is_planned_without_the_judge() -> None:
    known = _known({"teacher": [0.5] * 80, "small": [0.0, 0.5, 1.0, 1.0] * 20}, measure=GRADED)

    needs = needs_of(known, half_width=0.05, margin=0.9)

    for need in needs:
        assert isinstance(need.with_judge, Undefined)
    assert [isinstance(need.alone, int) for need in needs] == [True, True, False, False]
    assert isinstance(smallest_margin(known, "small", pairs=40), Undefined)


def test_as_many_items_as_a_margin_takes_can_decide_it() -> None:
    known = _known({"teacher": _passes(0.9, 300), "small": _passes(0.8, 300)})

    need = _need(known, Aim.MARGIN, margin=0.9)

    enough = _number(need.with_judge)
    assert enough < _number(need.alone) < 300
    found = [smallest_margin(known, "small", pairs=pairs) for pairs in (enough - 1, enough, 300)]
    low, reached, everything = (one for one in found if isinstance(one, float))
    assert low < 0.9 <= reached < everything == 1


@pytest.mark.parametrize("pairs", [0, 1])
def test_nothing_can_be_said_of_a_student_without_items_labelled_on_both(pairs: int) -> None:
    known = _known({"teacher": _passes(0.9, 30), "small": _passes(0.8, 30)})

    assert isinstance(smallest_margin(known, "small", pairs=pairs), Undefined)


def test_the_labels_for_a_standing_grow_with_each_look_and_the_bound() -> None:
    verdicts = {"small": _passes(0.5, 2000)}
    rates = Rates(sensitivity=0.9, specificity=0.9, certificate="c")

    first, third, bolder = (
        _number(_need(known, Aim.STANDING).with_judge)
        for known in (
            _known(verdicts, rates=rates),
            _known(verdicts, rates=rates, look=3),
            _known(verdicts, rates=rates, thresholds=TrustThresholds(at_least=0.7)),
        )
    )

    assert 100 < first < third
    assert first < bolder


def test_a_standing_takes_at_least_what_the_config_asks_for() -> None:
    strict = TrustThresholds(at_least=0.1, min_class=80, min_items=300)

    labels = [
        _number(_need(_known({"small": _passes(0.5, 1000)}, thresholds=t), Aim.STANDING).with_judge)
        for t in (strict, replace(strict, min_items=1))
    ]

    assert labels == [300, 160]


@pytest.mark.parametrize(
    ("rates", "share", "thresholds", "reason"),
    [
        (Rates(sensitivity=0.7, specificity=0.8), 0.5, TrustThresholds(), "expected at 0.5"),
        (Rates(), 0.98, TrustThresholds(), "more items are needed"),
        (Rates(), 0.5, TrustThresholds(primary=Primary.KAPPA), "kappa decides here"),
    ],
)
def test_a_standing_that_cannot_be_planned_says_why(
    rates: Rates, share: float, thresholds: TrustThresholds, reason: str
) -> None:
    known = _known({"small": _passes(share, 200)}, rates=rates, thresholds=thresholds)

    found = _need(known, Aim.STANDING).with_judge

    assert isinstance(found, Undefined)
    assert reason in found.reason


def test_the_newest_certificate_of_this_very_judge_says_how_often_it_is_right() -> None:
    own = _certificate(true_positive_rate=0.9, true_negative_rate=0.8)
    other = _certificate(
        replace(MEASURE, identity={"model": "judge-2"}),
        true_positive_rate=0.5,
        true_negative_rate=0.5,
    )
    without = _certificate(true_positive_rate=0.7)

    found = rates_of(MEASURE, [own, other, without])

    assert (found.sensitivity, found.specificity) == (0.9, 0.8)
    assert found.certificate == own.certificate_id
    assert rates_of(MEASURE, [other]) == Rates(sensitivity=ASSUMED_RATE, specificity=ASSUMED_RATE)


def test_the_next_look_is_one_after_the_last_on_these_labels() -> None:
    seen = [_certificate(), _certificate(true_positive_rate=0.9)]
    elsewhere = replace(seen[0], population="another", look=9)

    assert next_look(MEASURE, [*seen, elsewhere], population="population") == 3
    assert next_look(MEASURE, [elsewhere], population="population") == 1
