from collections.abc import Collection, Mapping, Sequence

import pytest

from judge.records.record import Record, RecordKey, Target
from judge.results.outcome import Fate, FateCode, Outcome, Score
from judge.results.run import Result, content_of
from judge.trust.sentinels import (
    Again,
    Drift,
    again_in,
    changed_mind,
    drift_of,
    fingerprints_of,
    sentinel_records,
)

SENTINELS = {f"text {place}": "yes" for place in range(30)}


def _again(
    labels: str, fingerprint: str = "fp_2", *, contents: Sequence[str] = tuple(SENTINELS)
) -> list[Again]:
    """Verdicts on the first sentinels: ``yyn`` is yes, yes and no."""
    return [
        Again(
            content=content,
            label={"y": "yes", "n": "no"}[label],
            fingerprints=frozenset({fingerprint}),
        )
        for content, label in zip(contents, labels, strict=False)
    ]


def _drift(
    again: Sequence[Again] = (),
    *,
    certified: Collection[str] = ("fp_1",),
    seen: Collection[str] = ("fp_1", "fp_2"),
    sentinels: Mapping[str, str] = SENTINELS,
) -> Drift:
    return drift_of(sentinels, again, certified=certified, seen=seen, allowed=0.05, level=0.95)


@pytest.mark.parametrize(
    ("certified", "seen"), [((), ()), (("fp_1",), ("fp_1",)), (("fp_1", "fp_2"), ("fp_2",))]
)
def test_systems_that_were_certified_need_no_second_look(
    certified: Collection[str], seen: Collection[str]
) -> None:
    assert _drift(_again("n" * 30), certified=certified, seen=seen) == Drift()


@pytest.mark.parametrize(
    "again", [[], _again("y" * 30, "fp_1"), _again("y" * 9), _again("y" * 30)[:3]]
)
def test_another_system_is_not_believed_before_it_judged_the_sentinels(
    again: Sequence[Again],
) -> None:
    found = _drift(again)

    own = {one.content for one in again if "fp_2" in one.fingerprints}
    assert found.unknown == ("fp_2",)
    assert found.reason.startswith("fp_2 served, but the certificate is for fp_1: of 30 certified")
    assert set(found.judge_again) == set(SENTINELS) - own


@pytest.mark.parametrize(("labels", "believed"), [("y" * 30, True), ("y" * 27 + "nnn", True)])
def test_another_system_that_judges_alike_is_believed_and_told(
    labels: str, *, believed: bool
) -> None:
    found = _drift(_again(labels))

    assert (found.reason == "", found.judge_again) == (believed, ())
    assert found.note == (
        f"fp_2 served, but the certificate is for fp_1: {labels.count('y')} of 30 certified "
        "verdicts came out the same there"
    )


def test_another_system_that_judges_otherwise_is_not_believed_and_not_asked_again() -> None:
    found = _drift(_again("n" * 12 + "y" * 18))

    assert found.judge_again == ()
    assert "the judge changed its mind: 12 of 30 certified verdicts" in found.reason


def test_ten_verdicts_of_another_system_are_enough_and_a_few_that_differ_speak_at_once() -> None:
    assert _drift(_again("y" * 10)).reason == ""
    assert "changed its mind: 2 of 2" in _drift(_again("nn")).reason


def test_what_the_certified_system_says_again_tells_nothing_of_another_one() -> None:
    found = _drift([*_again("n" * 30, "fp_1"), *_again("y" * 30)])

    assert found.reason == ""


def test_each_of_several_new_systems_must_have_judged_some() -> None:
    seen = ("fp_1", "fp_2", "fp_3")

    one_missing = _drift(_again("y" * 30), seen=seen)
    both = _drift(
        [*_again("y" * 15), *_again("y" * 15, "fp_3", contents=list(SENTINELS)[15:])], seen=seen
    )

    assert one_missing.judge_again == tuple(SENTINELS)
    assert "not of each" in one_missing.reason
    assert (both.reason, both.judge_again) == ("", ())


def test_of_several_verdicts_on_a_text_the_last_counts() -> None:
    assert _drift([*_again("n" * 2), *_again("y" * 30)]).reason == ""


def test_few_sentinels_must_all_be_judged_and_none_cannot_be() -> None:
    few = {"text 0": "yes", "text 1": "yes"}

    assert _drift(_again("y"), sentinels=few).judge_again == ("text 1",)
    assert _drift(_again("yy"), sentinels=few).reason == ""
    without = _drift(sentinels={})
    assert (without.judge_again, "no verdicts to compare with" in without.reason) == ((), True)


def test_a_certificate_without_a_name_for_its_system_is_for_no_named_one() -> None:
    found = _drift(certified=(), seen=("fp_2",))

    assert found.reason.startswith("fp_2 served, but the certificate is for none that has a name")
    assert found.judge_again


def test_texts_without_a_sentinel_say_nothing() -> None:
    assert changed_mind(SENTINELS, {"another": "no"}, allowed=0.05, level=0.95) == ""


def _record(item_id: str, output: str = "Paris") -> Record:
    return Record(
        item_id=item_id,
        system="student",
        input="Which city?",
        output=output,
        references=("Paris",),
        teacher_output=None,
        schema="",
        slices={},
        cluster=item_id,
    )


def _score(signature: str = "s", fingerprint: object = "fp_2") -> Score:
    return Score(
        scorer="equivalence",
        target=Target.REFERENCE,
        value=1.0,
        signature=signature,
        label="yes",
        details={"fingerprint": fingerprint},
    )


def test_only_verdicts_of_the_same_judge_are_compared() -> None:
    fate = Fate(
        scorer="equivalence", target=Target.REFERENCE, code=FateCode.JUDGE_REFUSED, message="no"
    )
    outcomes: list[Outcome] = [_score(), _score("another"), fate]
    results = [
        Result(
            run_id="r",
            key=RecordKey(item_id=str(place), system="student"),
            outcome=outcome,
            content=f"text {place}",
            duration_s=0.0,
        )
        for place, outcome in enumerate(outcomes)
    ]

    assert again_in(results, signature="s") == [
        Again(content="text 0", label="yes", fingerprints=frozenset({"fp_2"}))
    ]


@pytest.mark.parametrize(
    ("fingerprint", "found"),
    [("fp_2", {"fp_2"}), ("", set()), (None, set()), ("a: fp_1\nb: fp_2", {"a: fp_1", "b: fp_2"})],
)
def test_the_systems_behind_a_verdict_are_read_from_its_evidence(
    fingerprint: object, found: set[str]
) -> None:
    assert fingerprints_of(_score(fingerprint=fingerprint)) == found


def test_a_sentinel_is_found_again_by_its_texts_and_judged_once() -> None:
    records = [_record("i1"), _record("i2", "Rome"), _record("i3", "Rome"), _record("i4", "Oslo")]
    contents = [content_of(record, Target.REFERENCE) for record in records[:3]]

    found = sentinel_records([*contents, "gone"], records, Target.REFERENCE)

    assert [record.item_id for record in found] == ["i1", "i2"]
