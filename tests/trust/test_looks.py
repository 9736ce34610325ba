from dataclasses import replace

from judge.records.record import Target
from judge.results.run import Measure
from judge.results.store import MemoryStore
from judge.testing import judged_measure
from judge.trust.looks import look_number

MEASURE = judged_measure()
OTHER_JUDGE = judged_measure(model="another")


def _looks(store: MemoryStore, *pairs: tuple[Measure, str]) -> list[int]:
    return [look_number(store, measure, ratings, "set") for measure, ratings in pairs]


def test_the_same_pair_is_the_same_look_however_often_and_whatever_came_between() -> None:
    store = MemoryStore()

    found = _looks(
        store,
        (MEASURE, "monday"),
        (MEASURE, "monday"),
        (OTHER_JUDGE, "monday"),
        (MEASURE, "tuesday"),
        (OTHER_JUDGE, "monday"),
        (MEASURE, "monday"),
    )

    assert found == [1, 1, 2, 3, 2, 1]


def test_a_new_judge_and_new_labels_are_each_the_next_look() -> None:
    found = _looks(
        MemoryStore(), (MEASURE, "monday"), (OTHER_JUDGE, "monday"), (OTHER_JUDGE, "tuesday")
    )

    assert found == [1, 2, 3]


def test_labels_of_another_set_criterion_or_target_are_looked_at_for_themselves() -> None:
    store = MemoryStore()
    _looks(store, (MEASURE, "monday"), (MEASURE, "tuesday"))

    elsewhere = [
        look_number(store, MEASURE, "tuesday", "another set"),
        look_number(store, replace(MEASURE, criterion="faithfulness"), "tuesday", "set"),
        look_number(store, replace(MEASURE, target=Target.TEACHER), "tuesday", "set"),
    ]

    assert elsewhere == [1, 1, 1]
    assert _looks(store, (MEASURE, "wednesday")) == [3]
