from collections.abc import Sequence
from dataclasses import replace

import pytest

from judge.records.dataset import Dataset
from judge.records.rating import Aggregate, LabelSource, Rating, text_hash
from judge.records.record import Item, RecordKey, Role, System, Target
from judge.records.scale import EQUIVALENCE, Scale, ScaleKind
from judge.stats.estimate import Undefined
from judge.testing import judged_measure
from judge.trust.gold import (
    Gold,
    GoldSet,
    RightOrWrong,
    decode_gold,
    encode_gold,
    gold_for,
    gold_set,
    kept_labels,
    right_or_wrong,
    weakest,
)

TEXTS = {"i1": "Paris", "i2": "Oslo", "i3": "Rome"}
DATASET = Dataset(
    items=tuple(Item(item_id=name, cluster=name) for name in TEXTS),
    systems=(System(name="student", role=Role.STUDENT),),
    outputs={"student": TEXTS},
)
RECORDS = tuple(DATASET.records())
KEYS = [record.key for record in RECORDS]
MEASURE = judged_measure()
GRADES = Scale(kind=ScaleKind.ORDINAL, categories=("1", "2", "3", "4", "5"))


def _rating(item_id: str, label: str, *, rater: str = "ada") -> Rating:
    return Rating(
        item_id=item_id,
        system="student",
        criterion="equivalence",
        target=Target.REFERENCE,
        rater=rater,
        label=label,
        source=LabelSource.HUMAN,
        blind=True,
        inclusion_probability=0.5,
        output_hash=text_hash(TEXTS[item_id]),
        place="",
    )


RATINGS = tuple(_rating(name, "equivalent") for name in TEXTS)


def _set(
    ratings: Sequence[Rating] = RATINGS,
    *,
    scale: Scale = EQUIVALENCE,
    aggregate: Aggregate = Aggregate.MAJORITY,
    fingerprint: str = "first",
) -> GoldSet:
    return gold_set(
        ratings,
        scale,
        aggregate=aggregate,
        criterion="equivalence",
        target=Target.REFERENCE,
        population="set",
        fingerprint=fingerprint,
    )


def _gold(*sets: GoldSet, texts: dict[str, str] | None = None) -> Gold:
    records = [replace(r, output=(texts or TEXTS)[r.item_id]) for r in RECORDS]
    return gold_for(MEASURE, records, sets, population="set")


def test_several_labels_of_a_record_are_kept_as_one_by_the_declared_rule() -> None:
    ratings = [
        *(_rating("i1", label, rater=f"r{place}") for place, label in enumerate("1455")),
        *(_rating("i2", label, rater=f"r{place}") for place, label in enumerate("12")),
    ]

    by_rule = {
        rule: {
            label.item_id: label.label
            for label in _set(ratings, scale=GRADES, aggregate=rule).labels
        }
        for rule in Aggregate
    }

    assert by_rule == {
        Aggregate.MAJORITY: {"i1": "5"},
        Aggregate.MEDIAN: {"i1": "4", "i2": "1"},
        Aggregate.MEAN: {"i1": "4", "i2": "1"},
    }


def test_a_label_keeps_its_text_its_chance_and_who_said_what() -> None:
    ratings = [
        _rating("i1", "equivalent"),
        _rating("i1", "different", rater="bob"),
        _rating("i1", "equivalent", rater="eve"),
    ]

    (label,) = _set(ratings).labels

    assert (label.key, label.label) == (KEYS[0], "equivalent")
    assert (label.output_hash, label.inclusion) == (text_hash("Paris"), 0.5)
    assert label.ratings == {"ada": "equivalent", "bob": "different", "eve": "equivalent"}


def test_stored_labels_are_read_back_as_they_were() -> None:
    unknown = [replace(rating, inclusion_probability=None) for rating in RATINGS]

    for gold in (_set(), _set(unknown)):
        read = decode_gold(encode_gold(gold))

        assert read == gold
        assert read.document_id == gold.document_id


def test_other_labels_or_another_question_are_another_document() -> None:
    others = [
        replace(_set(), fingerprint="second"),
        replace(_set(), population="another"),
        replace(_set(), criterion="style"),
        replace(_set(), target=Target.TEACHER),
    ]

    assert len({gold.document_id for gold in (_set(), *others)}) == 5


def test_labels_hold_for_the_texts_they_are_about() -> None:
    found = _gold(_set())

    assert list(found.labels) == KEYS
    assert (found.changed, found.why_not) == (0, "")


def test_a_changed_text_leaves_its_system_without_a_random_part_and_is_counted() -> None:
    found = _gold(_set(), texts={**TEXTS, "i2": "Oslo."})

    assert found.labels == {}
    assert (found.changed, found.why_not) == (1, "")


def test_a_label_of_a_record_outside_the_run_is_left_out_and_not_counted_as_changed() -> None:
    found = gold_for(MEASURE, RECORDS[:1], [_set()], population="set")

    assert list(found.labels) == KEYS[:1]
    assert found.changed == 0


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (replace(RATINGS[2], source=LabelSource.CONSTRUCTED), "the labels are constructed"),
        (replace(RATINGS[2], blind=False), "the raters were not blind"),
        (replace(RATINGS[2], inclusion_probability=None), "nobody says how the rated records were"),
    ],
)
def test_one_label_of_a_kind_that_cannot_correct_spoils_them_all(one: Rating, words: str) -> None:
    found = _gold(_set([*RATINGS[:2], one]))

    assert found.why_not.startswith(words)
    assert len(found.labels) == 3


def test_the_newest_set_counts_even_where_an_older_one_says_more() -> None:
    newer = _set([_rating("i1", "different")], fingerprint="second")

    found = _gold(_set(), newer)

    assert {key: label.label for key, label in found.labels.items()} == {KEYS[0]: "different"}


@pytest.mark.parametrize(
    ("gold", "words"),
    [
        (
            replace(_set(), population="another"),
            "no labels by people on another evaluation set onl",
        ),
        (replace(_set(), criterion="style"), "no labels by people on these outputs"),
        (replace(_set(), target=Target.TEACHER), "no labels by people on these outputs"),
        (replace(_set(), categories=("no", "yes")), "no labels by people on these outputs"),
    ],
)
def test_labels_of_another_set_or_question_are_none(gold: GoldSet, words: str) -> None:
    found = _gold(gold)

    assert found.labels == {}
    assert found.why_not.startswith(words)


def test_a_newer_set_about_something_else_does_not_hide_the_right_one() -> None:
    found = _gold(_set(), replace(_set(), population="another"), replace(_set(), criterion="style"))

    assert list(found.labels) == KEYS


def test_nobody_is_asked_twice_about_a_text_and_the_newest_word_counts() -> None:
    first = _set([replace(r, inclusion_probability=None) for r in RATINGS[:2]])
    second = _set([_rating("i2", "different")], fingerprint="second")
    texts = [replace(RECORDS[0], output="Paris!"), *RECORDS[1:]]

    same = kept_labels(MEASURE, RECORDS, [first, second], population="set")
    changed = kept_labels(MEASURE, texts, [first, second], population="set")

    assert {key: label.label for key, label in same.items()} == {
        KEYS[0]: "equivalent",
        KEYS[1]: "different",
    }
    assert list(changed) == [KEYS[1]]


@pytest.mark.parametrize(
    "gold",
    [
        replace(_set(), source=LabelSource.CONSTRUCTED),
        replace(_set(), blind=False),
        replace(_set(), population="another"),
        replace(_set(), criterion="style"),
    ],
)
def test_only_what_people_said_blind_of_this_set_need_not_be_asked_again(gold: GoldSet) -> None:
    assert kept_labels(MEASURE, RECORDS, [gold], population="set") == {}


def test_one_constructed_label_makes_the_source_constructed() -> None:
    human, constructed = LabelSource.HUMAN, LabelSource.CONSTRUCTED

    assert weakest([human, human]) is human
    assert weakest([human, constructed, human]) is constructed


def test_a_record_of_another_system_has_no_label() -> None:
    other = replace(RECORDS[0], system="teacher")

    found = gold_for(MEASURE, [other], [_set()], population="set")

    assert RecordKey(item_id="i1", system="teacher") not in found.labels
    assert found.labels == {}


@pytest.mark.parametrize("shared", [True, False])
def test_a_label_keeps_whether_all_systems_of_its_item_were_drawn_at_once(*, shared: bool) -> None:
    (label,) = _set([replace(_rating("i1", "equivalent"), shared_draw=shared)]).labels

    assert label.shared_draw is shared


def test_labels_on_two_categories_say_right_or_wrong_of_the_texts_they_are_about() -> None:
    first = _set([_rating(name, "different") for name in TEXTS])
    newest = _set([_rating("i1", "equivalent"), _rating("i2", "different"), RATINGS[2]])
    records = [replace(r, output={**TEXTS, "i3": "Milan"}[r.item_id]) for r in RECORDS]

    found = right_or_wrong(records, [first, newest], target=Target.REFERENCE)

    assert isinstance(found, RightOrWrong)
    assert (found.criterion, found.source) == ("equivalence", LabelSource.HUMAN)
    assert {key.item_id: right for key, right in found.right.items()} == {"i1": True, "i2": False}


@pytest.mark.parametrize(
    ("sets", "target", "why"),
    [
        ([], Target.REFERENCE, "no labels by people against the reference"),
        ([_set()], Target.TEACHER, "no labels by people against the teacher"),
        (
            [_set([_rating("i1", "4")], scale=GRADES)],
            Target.REFERENCE,
            "no labels by people against the reference; those there are are not on two categories",
        ),
    ],
)
def test_without_labels_on_two_categories_nothing_is_right_or_wrong(
    sets: list[GoldSet], target: Target, why: str
) -> None:
    assert right_or_wrong(RECORDS, sets, target=target) == Undefined(reason=why)
