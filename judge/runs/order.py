"""The order in which records are scored: what a run got to before it stopped is a random sample."""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from judge.records.dataset import Dataset
from judge.records.record import Record, Slices

Positions: TypeAlias = NDArray[np.intp]


def in_sampling_order(dataset: Dataset, *, seed: int) -> Iterator[Record]:
    """Yield the records of a set in the order of `sampling_order`, all systems of an item together.

    A run that is stopped has scored a beginning of it: a random sample of what was asked, of the
    whole and of each slice, in which the systems can be compared item by item.
    """
    records = dataset.records()
    for position in item_order(dataset, seed=seed).tolist():
        yield from records.about(dataset.items[position])


def item_order(dataset: Dataset, *, seed: int) -> Positions:
    """Return the positions of the items of a set in the order of `sampling_order`."""
    return sampling_order([item.slices for item in dataset.heads()], seed=seed)


def sampling_order(slices: Sequence[Slices], *, seed: int) -> Positions:
    """Return positions of items in an order of which any beginning is a stratified random sample.

    Items that have all slices in common are a stratum. Each stratum is shuffled and then spread
    evenly over the order, from a start that is drawn at random: an item's place, as a part of the
    whole order, is uniform on (0, 1) whatever its stratum. Of any beginning one may say which part
    t of the set it is, such that each stratum has given t of its items to within less than one,
    and each item of a stratum is in it with the same chance.

    Source: systematic sampling from a random start, within strata: Cochran (1977), Sampling
    Techniques, 3rd ed., chapter 8.

    Args:
        slices: of each item.
        seed: of all draws; the order of the same items is the same for ever.
    """
    if not slices:
        return np.zeros(0, dtype=np.intp)
    generator = np.random.default_rng(seed)
    strata = _strata(slices)
    sizes = np.bincount(strata)
    # By stratum, and in random order within.
    shuffled = np.lexsort((generator.random(len(strata)), strata))
    firsts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    ranks = np.empty(len(strata))
    ranks[shuffled] = np.arange(len(strata)) - np.repeat(firsts, sizes)
    starts = generator.random(len(sizes))
    return np.argsort((ranks + starts[strata]) / sizes[strata], kind="stable")


def _strata(slices: Sequence[Slices]) -> Positions:
    known: dict[tuple[tuple[str, str], ...], int] = {}
    codes = (known.setdefault(tuple(sorted(one.items())), len(known)) for one in slices)
    return np.fromiter(codes, dtype=np.intp, count=len(slices))
