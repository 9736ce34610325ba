import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from judge.errors import ConfigError
from judge.records.rating import text_hash
from judge.records.record import Record, RecordKey, Target
from judge.results.outcome import Outcome, Score
from judge.results.run import EQUIVALENCE
from judge.stats.estimate import Undefined
from judge.testing import judged_measure
from judge.trust.certificate import TrustThresholds
from judge.trust.gold import GoldLabel
from judge.trust.needs import Aim, Known, Rates
from judge.trust.planning import LabelPlan, Wishes, draw_labels

MEASURE = judged_measure()
SYSTEMS = ("teacher", "student")


def _known(n: int = 60, *, outputs: Mapping[RecordKey, str] | None = None) -> Known:
    keys = [
        RecordKey(item_id=f"i{number}", system=system) for system in SYSTEMS for number in range(n)
    ]
    records = [
        Record(
            item_id=key.item_id,
            system=key.system,
            input="ask",
            output=(outputs or {}).get(key, f"{key.system} on {key.item_id}"),
            references=("right",),
            teacher_output=None,
            schema="",
            slices={},
            cluster=key.item_id,
        )
        for key in keys
    ]
    outcomes: dict[RecordKey, Outcome] = {
        key: Score(
            scorer=EQUIVALENCE,
            target=Target.REFERENCE,
            value=float(place % 3 > 0),
            signature="",
            label=MEASURE.categories[int(place % 3 > 0)],
        )
        for place, key in enumerate(keys)
    }
    return Known(
        measure=MEASURE,
        records=records,
        outcomes=outcomes,
        rates=Rates(),
        thresholds=TrustThresholds(),
        teacher="teacher",
        look=1,
    )


def _plan(
    wishes: Wishes | None = None,
    known: Known | None = None,
    kept: Mapping[RecordKey, GoldLabel] | None = None,
) -> LabelPlan:
    return draw_labels(known or _known(), wishes or Wishes(labels=24), cosines={}, kept=kept or {})


def _labelled(plan: LabelPlan, **raters: str) -> dict[RecordKey, GoldLabel]:
    """Return the labels that a plan's rows have when its raters are done."""
    return {
        row.key: GoldLabel(
            item_id=row.key.item_id,
            system=row.key.system,
            output_hash=row.output_hash,
            label="equivalent",
            inclusion=row.inclusion_probability,
            ratings=raters,
        )
        for row in plan.rows
    }


def _asked_of(plan: LabelPlan, rater: str) -> set[RecordKey]:
    return {row.key for name, row in plan.asked if name == rater}


def _number(found: int | Undefined) -> int:
    assert isinstance(found, int)
    return found


def test_a_planned_row_names_its_record_its_text_and_its_chance() -> None:
    plan = _plan()

    assert len(plan.rows) == 24
    for row in plan.rows:
        assert row.output_hash == text_hash(f"{row.key.system} on {row.key.item_id}")
        assert (row.criterion, row.target) == ("equivalence", Target.REFERENCE)
        assert row.stratum.startswith(row.key.system)
        assert 0 < row.inclusion_probability <= 1
    assert plan.outputs == {"teacher": 60, "student": 60}


def test_a_task_and_its_place_tell_nothing_of_what_is_behind_it() -> None:
    plan = _plan(Wishes(labels=60))

    tasks = [row.task for row in plan.rows]
    chances = [row.inclusion_probability for row in plan.rows]

    assert all(re.fullmatch("t[0-9a-f]{15}", task) for task in tasks)
    assert tasks == sorted(tasks)
    # By the number that rows are drawn by, the likely ones would stand in the later half.
    likely = [place for place, chance in enumerate(chances) if chance == max(chances)]
    assert sum(place < 30 for place in likely) == pytest.approx(len(likely) / 2, rel=0.4)
    assert {row.key.system for row in plan.rows[:10]} == set(SYSTEMS)


def test_a_plan_made_again_asks_only_for_the_texts_that_changed() -> None:
    first = _plan()
    changed = {row.key: "another text" for row in first.rows[:5]}
    labels = {
        key: label
        for key, label in _labelled(first, ada="equivalent").items()
        if key not in changed
    }

    second = _plan(known=_known(outputs=changed), kept=labels)

    assert {row.key for row in second.rows} == {row.key for row in first.rows}
    assert _asked_of(second, "") == set(changed)
    assert second.kept == 19
    tasks = {row.key: row.task for row in first.rows}
    same = {row.key for row in second.rows if row.task == tasks[row.key]}
    assert same == tasks.keys() - changed


def test_another_seed_makes_another_plan() -> None:
    one, other = (_plan(Wishes(labels=24, seed=seed)) for seed in (0, 1))

    assert {row.key for row in one.rows} != {row.key for row in other.rows}


@pytest.mark.parametrize(
    ("raters", "kept", "asked"),
    [
        ((), (), {"": 24}),
        ((), ("ada",), {}),
        (("ada",), (), {"ada": 24}),
        (("ada", "ben"), (), {"ada": 24, "ben": 24}),
        (("ada", "ben"), ("ada",), {"ben": 24}),
        (("ada", "ben"), ("cat",), {"ada": 24}),
        (("cat",), ("ada",), {}),
    ],
)
def test_each_row_gets_as_many_raters_as_are_named_and_those_before_count(
    raters: tuple[str, ...], kept: Sequence[str], asked: Mapping[str, int]
) -> None:
    labels = _labelled(_plan(), **dict.fromkeys(kept, "equivalent")) if kept else {}

    plan = _plan(Wishes(labels=24, raters=raters), kept=labels)

    counts = {name: len(_asked_of(plan, name)) for name, _ in plan.asked}
    assert counts == asked
    assert plan.hours == pytest.approx(sum(asked.values()) / 60)


def test_a_label_whose_raters_nobody_knows_is_kept_too() -> None:
    first = _plan()

    second = _plan(kept=_labelled(first))

    assert second.asked == ()
    assert all(row.kept == {"earlier": "equivalent"} for row in second.rows)


@pytest.mark.parametrize(("n", "for_standing"), [(400, False), (1500, True)])
def test_without_a_number_a_plan_draws_what_the_widths_take_and_a_standing_where_it_can_be_had(
    n: int, *, for_standing: bool
) -> None:
    plan = _plan(Wishes(half_width=0.06), _known(n))

    widths = [need.with_judge for need in plan.needs if need.aim is Aim.HALF_WIDTH]
    (standing,) = (need.with_judge for need in plan.needs if need.aim is Aim.STANDING)
    assert isinstance(standing, int) is for_standing
    for_widths = sum(map(_number, widths))
    assert len(plan.rows) == (standing if isinstance(standing, int) else for_widths)
    assert len(plan.rows) >= for_widths > 100
    assert plan.n_items >= plan.min_items


def test_more_labels_than_outputs_are_all_of_them() -> None:
    plan = _plan(Wishes(labels=1000))

    assert len(plan.rows) == 120
    assert {row.inclusion_probability for row in plan.rows} == {1.0}
    assert plan.margins == {"student": 1.0}


def test_labels_that_leave_a_verdict_without_any_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"7 labels leave a verdict .* takes 8: --labels 8"):
        _plan(Wishes(labels=7))


def test_a_measure_that_nothing_counts_for_cannot_be_planned() -> None:
    with pytest.raises(ConfigError, match=r"no output counts for equivalence\.reference"):
        _plan(known=replace(_known(), records=[]))
