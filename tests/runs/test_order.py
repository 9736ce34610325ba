from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from judge.records.dataset import Dataset
from judge.records.record import Item, Role, Slices, System, Target
from judge.runs.order import in_sampling_order, sampling_order


def _slices(**sizes: int) -> list[Slices]:
    """Return so many items of each stratum, in this order."""
    return [{"stratum": name} for name, size in sizes.items() for _ in range(size)]


STRATA: dict[str, list[Slices]] = {
    "two": _slices(easy=70, hard=30),
    "uneven": _slices(large=500, small=7, single=1, medium=92),
    "many": [{"topic": str(n % 23), "length": str(n % 3), "odd": str(n % 2)} for n in range(600)],
    "all alone": [{"page": str(n)} for n in range(50)],
    "none": [{} for _ in range(40)],
}
on_all_strata = pytest.mark.parametrize("slices", STRATA.values(), ids=STRATA.keys())


def _names(slices: Sequence[Slices]) -> list[str]:
    return ["/".join(f"{k}={v}" for k, v in sorted(one.items())) for one in slices]


@on_all_strata
def test_each_item_is_taken_once_and_the_same_seed_takes_the_same_order(
    slices: list[Slices],
) -> None:
    order = sampling_order(slices, seed=7)

    assert sorted(order) == list(range(len(slices)))
    assert list(order) == list(sampling_order(slices, seed=7))
    assert list(order) != list(sampling_order(slices, seed=8))


@on_all_strata
def test_any_beginning_holds_each_stratum_in_proportion_to_within_one_item(
    slices: list[Slices],
) -> None:
    names = _names(slices)
    sizes = Counter(names)

    for seed in range(20):
        taken: Counter[str] = Counter()
        for position in sampling_order(slices, seed=seed):
            taken[names[position]] += 1
            # One part of the set that every stratum has given, to within less than an item.
            least = max((taken[name] - 1) / size for name, size in sizes.items())
            most = min((taken[name] + 1) / size for name, size in sizes.items())
            assert least < most


def test_of_two_strata_no_beginning_is_an_item_away_from_the_exact_share() -> None:
    slices = STRATA["two"]

    for seed in range(50):
        easy = np.cumsum(
            [slices[i]["stratum"] == "easy" for i in sampling_order(slices, seed=seed)]
        )
        assert np.abs(easy - 0.7 * np.arange(1, 101)).max() < 1


@on_all_strata
def test_each_item_comes_at_any_place_with_the_same_chance_whatever_its_stratum(
    slices: list[Slices],
) -> None:
    n, repeats = len(slices), 2000
    places = np.empty((repeats, n))
    for seed in range(repeats):
        places[seed, sampling_order(slices, seed=seed)] = np.arange(n)

    # Of a uniform place, as a part of the order: the mean, and how often it is in the first fifth.
    error = 1 / np.sqrt(12 * repeats)
    assert np.abs(places.mean(axis=0) / (n - 1) - 0.5).max() < 5 * error
    early = (places < n / 5).mean(axis=0)
    assert np.abs(early - 0.2).max() < 5 * np.sqrt(0.2 * 0.8 / repeats)


def test_a_slice_of_many_small_strata_is_no_worse_off_than_in_a_simple_random_sample() -> None:
    # Half of the items stand alone in their stratum: all of those together are a slice.
    slices = [{"alone": "yes", "page": str(n)} for n in range(300)]
    slices += [{"alone": "no", "page": "0"} for _ in range(300)]
    drawn = 120

    alone = [
        sum(position < 300 for position in sampling_order(slices, seed=seed)[:drawn])
        for seed in range(500)
    ]

    of_a_simple_sample = np.sqrt(drawn * 0.25 * (600 - drawn) / 599)
    assert abs(np.mean(alone) - drawn / 2) < 4 * of_a_simple_sample / np.sqrt(500)
    assert np.std(alone) < of_a_simple_sample


def test_nothing_has_an_order_too() -> None:
    assert len(sampling_order([], seed=0)) == 0


def test_all_systems_of_an_item_stand_together_with_what_they_are_held_against() -> None:
    dataset = Dataset(
        items=tuple(
            Item(item_id=str(n), cluster=str(n), slices={"odd": str(n % 2)}) for n in range(20)
        ),
        systems=(
            System(name="teacher", role=Role.TEACHER),
            System(name="student", role=Role.STUDENT),
        ),
        outputs={
            "teacher": {str(n): f"taught {n}" for n in range(20)},
            "student": {str(n): f"said {n}" for n in range(19)},
        },
    )

    records = list(in_sampling_order(dataset, seed=3))

    assert [record.system for record in records] == ["teacher", "student"] * 20
    assert [one.item_id for one in records[::2]] == [one.item_id for one in records[1::2]]
    assert sorted(records, key=lambda one: (one.system, int(one.item_id))) == sorted(
        dataset.records(), key=lambda one: (one.system, int(one.item_id))
    )
    by_item = {record.item_id: record for record in records if record.system == "student"}
    assert by_item["7"].answers(Target.TEACHER) == ("taught 7",)
    assert by_item["19"].output is None
