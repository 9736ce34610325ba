from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from judge.judges.attacks import aim_at, attacks
from judge.judges.null_answers import NullKind
from judge.records.record import Record, RecordKey, Target
from judge.records.scale import EQUIVALENCE as SCALE
from judge.trust.controls import ControlCase, ControlKind, could_be_right, is_control, plan_controls

WORST, BEST = SCALE.categories
RUBRIC = "You compare two texts."
COLOURS = ("amber", "beige", "coral", "ebony", "ivory", "khaki", "lilac", "mauve", "ochre", "pearl")


def _record(place: int, *, output: str | None = None, system: str = "student") -> Record:
    colour, shade = COLOURS[place % 10], COLOURS[place // 10 % 10]
    return Record(
        item_id=f"i{place}",
        system=system,
        input=f"What is kept in box {place}?",
        output=f"some {shade} {colour} paint" if output is None else output,
        references=(f"{shade} {colour} pigment",),
        teacher_output=f"a {shade} {colour} stone",
        schema="",
        slices={"kind": "box"},
        cluster=f"c{place}",
    )


RECORDS = [_record(place) for place in range(100)]


def _plan(
    records: Sequence[Record] = RECORDS,
    *,
    human: dict[RecordKey, str] | None = None,
    target: Target = Target.REFERENCE,
    criterion: str = "equivalence",
    rubric: str = RUBRIC,
    seed: int = 0,
    n: int = 90,
) -> tuple[ControlCase, ...]:
    return plan_controls(
        records,
        target=target,
        scale=SCALE,
        criterion=criterion,
        human=human or {},
        rubric=rubric,
        seed=seed,
        n=n,
    )


def _of(kind: ControlKind, cases: Sequence[ControlCase]) -> list[ControlCase]:
    return [case for case in cases if case.kind is kind]


def test_a_third_are_null_answers_and_the_rest_attacks_with_their_weak_answers_on_top() -> None:
    cases = _plan()

    counts = Counter(case.kind for case in cases)
    assert (counts[ControlKind.NULL], counts[ControlKind.ATTACK]) == (30, 60)
    assert counts[ControlKind.PLAIN] <= counts[ControlKind.ATTACK]


def test_each_control_is_a_record_of_its_own_that_the_judge_cannot_tell_from_others() -> None:
    cases = _plan()

    keys = [case.key for case in cases]
    assert len(set(keys)) == len(keys)
    for case in cases:
        host = RECORDS[int(case.key.item_id[1:])]
        assert is_control(case.key)
        assert case.key.system.startswith(f"control:{case.family}/")
        assert case.record == replace(host, system=case.key.system, output=case.record.output)


def test_kinds_are_mixed_in_a_random_order_that_the_seed_repeats() -> None:
    kinds = [case.kind for case in _plan(n=60)]

    assert _plan(seed=1) == _plan(seed=1)
    assert _plan(seed=1) != _plan(seed=2)
    assert kinds != sorted(kinds)
    assert len(set(kinds[:15])) == 3


def test_every_kind_of_null_answer_and_every_family_has_about_as_many() -> None:
    cases = _plan(n=240)

    nulls = Counter(case.family for case in _of(ControlKind.NULL, cases))
    families = Counter(case.family for case in _of(ControlKind.ATTACK, cases))
    assert set(nulls) == {kind.value for kind in NullKind}
    assert max(nulls.values()) - min(nulls.values()) <= 2
    assert set(families) == {attack.family for attack in attacks(aim_at(SCALE))}
    assert max(families.values()) - min(families.values()) <= 1


def test_the_whole_suite_comes_before_any_attack_comes_twice() -> None:
    suite = {f"control:{a.family}/{a.name}" for a in attacks(aim_at(SCALE))}

    used = [case.key.system for case in _of(ControlKind.ATTACK, _plan(n=round(len(suite) * 1.5)))]

    assert len(used) == len(suite)
    assert set(used) == suite


def test_an_attack_stands_round_a_weak_answer_that_is_put_to_the_judge_alone_as_well() -> None:
    cases = _plan()

    plain = {case.key: case.record for case in _of(ControlKind.PLAIN, cases)}
    for case in _of(ControlKind.ATTACK, cases):
        assert case.plain is not None
        weak = plain[case.plain]
        assert weak.item_id == case.key.item_id
        assert str(weak.output) in str(case.record.output)
        assert weak.output != case.record.output


def test_weak_answers_are_outputs_that_people_rated_worst() -> None:
    human = {r.key: WORST if place % 2 else BEST for place, r in enumerate(RECORDS)}

    cases = _plan(human=human, n=60)

    for case in _of(ControlKind.PLAIN, cases):
        place = int(case.key.item_id[1:])
        assert place % 2
        assert case.record.output == RECORDS[place].output


def test_without_enough_of_them_they_are_outputs_to_items_with_another_answer() -> None:
    cases = _plan(human={RECORDS[0].key: WORST})

    others = [c for c in _of(ControlKind.PLAIN, cases) if c.key.item_id != "i0"]
    assert len(others) > 40
    for case in others:
        host = RECORDS[int(case.key.item_id[1:])]
        assert case.record.output != host.output
        assert case.record.output in {record.output for record in RECORDS}
        assert not could_be_right(str(case.record.output), host, Target.REFERENCE)


@pytest.mark.parametrize("target", [Target.REFERENCE, Target.TEACHER, Target.SOURCE])
def test_no_null_answer_is_one_that_could_be_right(target: Target) -> None:
    yes = [replace(_record(place), references=("Solution",)) for place in range(20)]

    nulls = _of(ControlKind.NULL, _plan([*RECORDS, *yes], target=target))

    assert len(nulls) == 30
    for case in nulls:
        assert not could_be_right(str(case.record.output), case.record, target)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("It is amber.", True),
        ("AMBER coral stone", True),
        ("beige", False),
        (".", False),
        ("", False),
    ],
)
def test_a_text_with_half_of_the_words_of_a_right_answer_could_be_right(
    text: str, *, right: bool
) -> None:
    host = replace(RECORDS[0], references=("amber, coral", "ebony ivory khaki"))

    assert could_be_right(text, host, Target.REFERENCE) is right


def test_a_summary_made_of_words_of_its_source_could_be_true_to_it() -> None:
    host = replace(RECORDS[0], input="The amber box and the coral box were sold on Monday.")

    assert could_be_right("amber box sold", host, Target.SOURCE)
    assert not could_be_right("khaki bag, sold", host, Target.SOURCE)


def test_a_record_without_the_target_carries_no_control() -> None:
    bare = [replace(record, references=()) for record in RECORDS[:50]]

    cases = _plan([*bare, *RECORDS[50:]])

    assert {int(case.key.item_id[1:]) for case in cases} <= set(range(50, 100))
    assert _plan(bare) == ()
    assert _plan([]) == ()


@pytest.mark.parametrize(("n", "most"), [(0, 0), (1, 1), (2, 3)])
def test_few_controls_are_as_many_as_asked_for(n: int, most: int) -> None:
    assert len(_plan(n=n)) == most


def test_a_negative_number_is_refused() -> None:
    with pytest.raises(ValueError, match="-1 controls"):
        _plan(n=-1)


def test_a_small_set_carries_what_it_can() -> None:
    cases = _plan(RECORDS[:2], n=600)

    assert len({case.key for case in cases}) == len(cases)
    assert _of(ControlKind.NULL, cases)


def test_what_a_criterion_rightly_accepts_is_no_control_for_it() -> None:
    nulls = _of(ControlKind.NULL, _plan(target=Target.SOURCE, criterion="fluency"))

    assert {case.family for case in nulls} == {"sign", "skeleton"}


def test_the_rubric_is_a_null_answer_where_it_is_known() -> None:
    with_it, without = _plan(n=60), _plan(n=60, rubric="")

    assert RUBRIC in {case.record.output for case in with_it}
    assert NullKind.RUBRIC.value not in {case.family for case in without}
