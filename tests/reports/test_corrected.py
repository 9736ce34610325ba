from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from judge.records.record import RecordKey, Target
from judge.records.scale import Scale, ScaleKind
from judge.reports.corrected import (
    MIN_LABELS,
    Corrected,
    corrected_retention,
    corrected_score,
    labels_without_text,
)
from judge.reports.summary import Status, summarize
from judge.results.outcome import FateCode
from judge.results.run import ADHERENCE, Measure
from judge.stats.estimate import Estimate
from judge.testing import judged_measure
from judge.trust.admission import AdmittedMeasure, AdmittedResults
from judge.trust.certificate import Standing
from judge.trust.gold import Gold, GoldLabel

JUDGED = judged_measure()
GRADED = judged_measure(Scale(kind=ScaleKind.ORDINAL, categories=("1", "2", "3", "4", "5")))
FORMAT = Measure(
    scorer=ADHERENCE,
    target=Target.SCHEMA,
    judged=False,
    criterion="adherence",
    lower=0.0,
    upper=1.0,
    identity={"parser": "1"},
)
Maker = Callable[..., AdmittedResults]


def _gold(
    measure: Measure,
    human: Mapping[str, Sequence[float]],
    rated: Mapping[str, Sequence[int]],
    *,
    chances: Sequence[float] | None = None,
    why_not: str = "",
) -> Gold:
    labels = {}
    for system, places in rated.items():
        for place in places:
            label = GoldLabel(
                item_id=f"i{place}",
                system=system,
                output_hash="x",
                label=measure.categories[measure.values.index(human[system][place])],
                inclusion=chances[place] if chances is not None else 0.5,
            )
            labels[label.key] = label
    return Gold(labels=labels, why_not=why_not)


def _score(admitted: AdmittedResults, gold: Gold, *, system: str = "s") -> Corrected:
    measure = replace(admitted.measures[0], gold=gold)
    records = [record for record in admitted.records if record.system == system]
    found = corrected_score(measure, records, level=0.95, seed=0)
    assert found is not None
    return found


def _retention(admitted: AdmittedResults, gold: Gold) -> Corrected:
    measure = replace(admitted.measures[0], gold=gold)
    records = [record for record in admitted.records if record.system == "s"]
    found = corrected_retention(measure, records, "teacher", level=0.95)
    assert found is not None
    return found


def _estimate(found: Corrected) -> Estimate:
    assert found.estimate is not None, found.reason
    return found.estimate


def _holds(found: Corrected, truth: float) -> bool:
    return _estimate(found).low <= truth <= _estimate(found).high


def _draw(
    seed: int, n: int, *, right: float = 0.85, share: float = 0.7
) -> tuple[list[float], list[float]]:
    """What people say of n outputs, and what a judge says that is right so often."""
    rng = np.random.default_rng(seed)
    human = (rng.random(n) < share).astype(float)
    judge = np.where(rng.random(n) < right, human, 1 - human)
    return human.tolist(), judge.tolist()


def _sample(seed: int, n: int, k: int) -> list[int]:
    return sorted(np.random.default_rng(seed).choice(n, size=k, replace=False).tolist())


def test_with_all_outputs_labelled_it_is_what_people_said_and_no_more(admitted: Maker) -> None:
    human, judge = _draw(0, 60, right=0.5)

    found = _score(admitted((JUDGED, {"s": judge})), _gold(JUDGED, {"s": human}, {"s": range(60)}))

    rate = sum(human) / 60
    estimate = _estimate(found)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((rate,) * 3)
    assert (found.n_labels, found.effective_labels) == (60, 60)
    assert found.conditions == "people labelled all 60 of these outputs"


@pytest.mark.parametrize("right", [0.9, 0.1])
def test_a_random_part_holds_the_truth_as_often_as_it_says_whatever_the_judge(
    admitted: Maker, right: float
) -> None:
    human, judge = _draw(1, 300, right=right)
    made = admitted((JUDGED, {"s": judge}))

    found = [
        _score(made, _gold(JUDGED, {"s": human}, {"s": _sample(seed, 300, 60)}))
        for seed in range(100)
    ]

    # With .95 a draw, under 89 of 100 happens in 0.4 % of such experiments.
    truth = sum(human) / 300
    assert sum(_holds(one, truth) for one in found) >= 89
    assert np.mean([_estimate(one).value for one in found]) == pytest.approx(truth, abs=0.02)
    assert found[0].conditions == (
        "people labelled 60 of these 300 outputs, drawn with known chances"
    )


def test_grades_are_corrected_too(admitted: Maker) -> None:
    rng = np.random.default_rng(2)
    human = rng.integers(0, 5, 300)
    judge = np.clip(human + rng.choice([0, 0, 1, 1, 2], 300), 0, 4)  # it is too kind
    made = admitted((GRADED, {"s": (judge / 4).tolist()}))
    grades = {"s": (human / 4).tolist()}

    found = [_score(made, _gold(GRADED, grades, {"s": _sample(s, 300, 60)})) for s in range(100)]

    truth = float(human.mean()) / 4
    assert judge.mean() / 4 > truth + 0.1
    assert sum(_holds(one, truth) for one in found) >= 89


def test_the_better_the_judge_the_more_labels_it_is_worth(admitted: Maker) -> None:
    worth = []
    for right in (0.97, 0.85, 0.5):
        human, judge = _draw(3, 400, right=right, share=0.5)
        gold = _gold(JUDGED, {"s": human}, {"s": _sample(0, 400, 80)})
        found = _score(admitted((JUDGED, {"s": judge})), gold)
        assert found.without_judge is not None
        assert found.without_judge.n == found.n_labels == 80
        worth.append(found.effective_labels)

    good, fair, guess = worth
    assert good is not None
    assert fair is not None
    assert guess is not None
    assert 160 < good < 400  # all that there are would leave no error
    assert 80 < fair < good
    assert guess == pytest.approx(80, rel=0.1)


def test_a_record_without_a_verdict_stays_in_n(admitted: Maker) -> None:
    # The judge refused what people fail: leaving those out would flatter by .2.
    human, judge = [1.0] * 160 + [0.0] * 40, [1.0] * 160 + [FateCode.JUDGE_REFUSED] * 40
    made = admitted((JUDGED, {"s": judge}))

    census = _score(made, _gold(JUDGED, {"s": human}, {"s": range(200)}))
    part = _score(made, _gold(JUDGED, {"s": human}, {"s": _sample(1, 200, 60)}))

    assert _estimate(census).value == pytest.approx(0.8)
    assert _holds(part, 0.8)
    assert _estimate(part).high < 0.9
    assert part.conditions.startswith("people labelled 60 of these 200 outputs")


def test_a_record_the_judge_does_not_apply_to_is_outside(admitted: Maker) -> None:
    human, judge = _draw(4, 50)
    cells = [*judge, *["no reference"] * 10]
    gold = _gold(JUDGED, {"s": [*human, *[1.0] * 10]}, {"s": range(60)})

    found = _score(admitted((JUDGED, {"s": cells})), gold)

    assert _estimate(found).value == pytest.approx(sum(human) / 50)
    assert found.conditions == "people labelled all 50 of these outputs"


def _by_chance(rng: np.random.Generator, chances: Sequence[float]) -> list[int]:
    return [place for place, chance in enumerate(chances) if rng.random() < chance]


def test_where_fails_were_rated_oftener_it_is_still_the_share_of_all(admitted: Maker) -> None:
    human, judge = _draw(5, 400)
    made = admitted((JUDGED, {"s": judge}))
    chances = [0.15 if verdict else 0.6 for verdict in judge]

    found = []
    for seed in range(100):
        rated = _by_chance(np.random.default_rng(seed), chances)
        found.append(_score(made, _gold(JUDGED, {"s": human}, {"s": rated}, chances=chances)))

    truth = sum(human) / 400
    assert sum(_holds(one, truth) for one in found) >= 89
    assert np.mean([_estimate(one).value for one in found]) == pytest.approx(truth, abs=0.02)
    assert all(_estimate(one).method.startswith("double sampling") for one in found)
    as_they_come = np.average(human, weights=chances)
    assert truth > as_they_come + 0.1


@pytest.mark.parametrize("by_slice", [True, False])
def test_chances_that_differ_within_a_verdict_are_allowed_for(
    admitted: Maker, *, by_slice: bool
) -> None:
    rng = np.random.default_rng(6)
    hard = np.arange(400) < 160
    human = (rng.random(400) < np.where(hard, 0.4, 0.9)).astype(float)
    judge = np.where(rng.random(400) < 0.85, human, 1 - human)
    made = admitted(
        (JUDGED, {"s": judge.tolist()}),
        slices=[{"kind": "hard" if one and by_slice else "any"} for one in hard],
    )
    chances = [0.5 if one else 0.15 for one in hard]

    found = []
    for seed in range(100):
        rated = _by_chance(np.random.default_rng(seed), chances)
        gold = _gold(JUDGED, {"s": human.tolist()}, {"s": rated}, chances=chances)
        found.append(_score(made, gold))

    truth = float(human.mean())
    by_stratum = {_estimate(one).method.startswith("double sampling") for one in found}
    assert by_stratum == {by_slice}
    assert sum(_holds(one, truth) for one in found) >= 89
    assert np.mean([_estimate(one).value for one in found]) == pytest.approx(truth, abs=0.02)


def test_a_rare_verdict_without_a_label_leaves_the_weighted_labels(admitted: Maker) -> None:
    human, judge = _draw(12, 297)
    made = admitted((JUDGED, {"s": [*judge, *[FateCode.JUDGE_REFUSED] * 3]}))
    chances = [0.2 if verdict else 0.5 for verdict in judge] + [0.5] * 3
    rated = _by_chance(np.random.default_rng(0), chances[:297])
    people = {"s": [*human, 0.0, 0.0, 0.0]}

    found = _score(made, _gold(JUDGED, people, {"s": rated}, chances=chances))

    assert _holds(found, sum(human) / 300)
    assert _estimate(found).method.startswith("ppi++")


def test_labels_are_worth_more_than_their_number_beside_a_judge_that_was_right_on_all(
    admitted: Maker,
) -> None:
    human, _ = _draw(13, 400)
    gold = _gold(JUDGED, {"s": human}, {"s": _sample(0, 400, 80)})

    found = _score(admitted((JUDGED, {"s": human})), gold)

    assert found.effective_labels is not None
    assert 160 < found.effective_labels < 400


def test_records_that_share_their_luck_leave_less_that_is_known(admitted: Maker) -> None:
    rng = np.random.default_rng(7)
    human = np.repeat(rng.random(80) < 0.6, 5).astype(float).tolist()
    judge = [0.0, 1.0] * 200
    rated = [place for d in _sample(0, 80, 24) for place in range(5 * d, 5 * d + 5)]
    gold = _gold(JUDGED, {"s": human}, {"s": rated})

    alone = _estimate(_score(admitted((JUDGED, {"s": judge})), gold))
    clusters = [f"d{place // 5}" for place in range(400)]
    shared = _estimate(_score(admitted((JUDGED, {"s": judge}), clusters=clusters), gold))

    assert shared.n_clusters == 24
    assert shared.high - shared.low > 1.5 * (alone.high - alone.low)


def test_few_labels_are_refused_with_their_number(admitted: Maker) -> None:
    human, judge = _draw(8, 100)
    made = admitted((JUDGED, {"s": judge}))

    few, enough = (
        _score(made, _gold(JUDGED, {"s": human}, {"s": range(n)}))
        for n in (MIN_LABELS - 1, MIN_LABELS)
    )

    assert (few.estimate, few.reason) == (None, "19 labels by people, 20 are needed")
    assert enough.estimate is not None
    assert (enough.n_labels, enough.reason) == (20, "")


def test_labels_that_cannot_correct_say_why(admitted: Maker) -> None:
    human, judge = _draw(9, 60)
    gold = _gold(
        JUDGED, {"s": human, "teacher": human}, {"s": range(60)}, why_not="not blind, say they"
    )
    made = admitted((JUDGED, {"s": judge, "teacher": judge}))

    for found in (_score(made, gold), _retention(made, gold)):
        assert (found.estimate, found.reason) == (None, "not blind, say they")


def test_a_metric_without_a_judge_has_nothing_to_correct(admitted: Maker) -> None:
    made = admitted((FORMAT, {"s": [1.0] * 30, "teacher": [1.0] * 30}))
    (measure,) = made.measures
    records = made.records[:30]

    assert corrected_score(measure, records, level=0.95, seed=0) is None
    assert corrected_retention(measure, records, "teacher", level=0.95) is None


@pytest.mark.parametrize("standing", [None, Standing.NOT_TRUSTED])
def test_a_withheld_row_still_has_its_corrected_number(
    admitted: Maker, standing: Standing | None
) -> None:
    human, judge = _draw(10, 100)
    made = admitted((JUDGED, {"s": judge}), standing=standing)
    gold = _gold(JUDGED, {"s": human}, {"s": _sample(0, 100, 50)})
    (measure,) = made.measures

    (row,) = summarize(replace(made, measures=(replace(measure, gold=gold),)))

    assert (row.status, row.estimate) == (Status.WITHHELD, None)
    assert row.corrected is not None
    assert _holds(row.corrected, sum(human) / 100)


def test_the_same_seed_gives_the_same_number(admitted: Maker) -> None:
    human, judge = _draw(11, 100)
    made = admitted((JUDGED, {"s": judge}))
    gold = _gold(JUDGED, {"s": human}, {"s": _sample(0, 100, 50)})

    assert _score(made, gold) == _score(made, gold)


def _pair(seed: int, n: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """What people and a judge say of teacher and student; it is kinder to the student."""
    rng = np.random.default_rng(seed)
    luck = rng.random(n)
    human = {"teacher": (luck < 0.9).astype(float), "s": (luck < 0.6).astype(float)}
    fooled = {"teacher": rng.random(n) < 0.05, "s": rng.random(n) < 0.3}
    judge = {name: np.maximum(human[name], fooled[name]) for name in human}
    return (
        {name: labels.tolist() for name, labels in human.items()},
        {name: labels.tolist() for name, labels in judge.items()},
    )


def test_with_all_outputs_labelled_the_quality_retained_is_the_ratio(admitted: Maker) -> None:
    human, judge = _pair(0, 80)
    gold = _gold(JUDGED, human, {"s": range(80), "teacher": range(80)})

    found = _retention(admitted((JUDGED, judge)), gold)

    estimate = _estimate(found)
    assert estimate.value == pytest.approx(sum(human["s"]) / sum(human["teacher"]))
    assert estimate.low == estimate.high == estimate.value
    assert found.conditions == "people labelled all 80 of these outputs"


def test_the_quality_retained_holds_the_truth_where_the_judge_does_not(admitted: Maker) -> None:
    human, judge = _pair(1, 300)
    made = admitted((JUDGED, judge))

    found = []
    for seed in range(100):
        rated = _sample(seed, 300, 80)
        found.append(_retention(made, _gold(JUDGED, human, {"s": rated, "teacher": rated})))

    truth = sum(human["s"]) / sum(human["teacher"])
    assert sum(judge["s"]) / sum(judge["teacher"]) > truth + 0.05
    assert sum(_holds(one, truth) for one in found) >= 89


def test_retention_needs_labels_on_both_systems_of_an_item(admitted: Maker) -> None:
    human, judge = _pair(2, 100)
    gold = _gold(JUDGED, human, {"s": range(60), "teacher": range(41, 100)})

    found = _retention(admitted((JUDGED, judge)), gold)

    assert found.estimate is None
    assert found.reason == "19 items with a label on both systems, 20 are needed"


def test_retention_is_refused_where_two_outputs_of_an_item_had_unlike_chances(
    admitted: Maker,
) -> None:
    human, judge = _pair(3, 60)
    chances = [0.5] * 30 + [0.25] * 30
    gold = _gold(JUDGED, human, {"s": range(60), "teacher": range(60)}, chances=chances)

    found = _retention(admitted((JUDGED, judge)), gold)

    assert found.estimate is None
    assert "the chance that both systems of an item were rated is not known" in found.reason


def test_retention_is_of_the_items_that_count_for_both(admitted: Maker) -> None:
    human, judge = _pair(4, 60)
    cells: dict[str, list[float | str]] = {
        "teacher": [*judge["teacher"][:50], *["no reference"] * 10],
        "s": [*judge["s"]],
    }
    gold = _gold(JUDGED, human, {"s": range(60), "teacher": range(60)})

    found = _retention(admitted((JUDGED, cells)), gold)

    assert found.n_labels == 50
    assert _estimate(found).value == pytest.approx(
        sum(human["s"][:50]) / sum(human["teacher"][:50])
    )


def test_labels_that_lost_their_text_are_counted_by_metric(admitted: Maker) -> None:
    made = admitted((JUDGED, {"s": [1.0]}), (FORMAT, {"s": [1.0]}))
    judged, adherence = made.measures

    def found(changed: int) -> Mapping[str, int]:
        gold = Gold(labels={RecordKey(item_id="i0", system="s"): _LABEL}, changed=changed)
        measures: list[AdmittedMeasure] = [replace(judged, gold=gold), adherence]
        return labels_without_text(measures)

    assert found(3) == {"equivalence.reference": 3}
    assert found(0) == {}


_LABEL = GoldLabel(item_id="i0", system="s", output_hash="x", label="equivalent", inclusion=1.0)
