"""An evaluation set with the answers of each system."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import numpy as np

from judge.errors import DataError, did_you_mean
from judge.records.lazy_records import Records
from judge.records.record import Item, Record, RecordKey, Role, System
from judge.records.spooled import (
    ItemHead,
    SpooledAnswers,
    SpooledItems,
    fingerprint_of,
)

PAIR = "pair"
"""The one system of a set of pairs: each record is a pair of outputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Items, systems, and the answers the systems gave.

    Attributes:
        items: of many the texts are in a temporary file, and an item is made when it is asked for.
        outputs: per system, item id to the raw text, likewise; an item a system did not answer is
            absent.
        drawn_from: fingerprint of the set these items were selected from; empty for all of it.
    """

    items: Sequence[Item]
    systems: tuple[System, ...]
    outputs: Mapping[str, Mapping[str, str]]
    drawn_from: str = ""

    @property
    def fingerprint(self) -> str:
        """Hash of the items' content, whatever file format or order they came in."""
        if isinstance(self.items, SpooledItems):
            return self.items.fingerprint
        return fingerprint_of(self.items)

    @property
    def population(self) -> str:
        """Fingerprint of the whole evaluation set, also where this is a part of it."""
        return self.drawn_from or self.fingerprint

    @property
    def selected_from_more(self) -> bool:
        """Whether this is a part of the whole evaluation set."""
        return bool(self.drawn_from) and self.drawn_from != self.fingerprint

    def output_fingerprint(self, system: str) -> str:
        """Hash of one system's answers."""
        answers = self.outputs[system]
        if isinstance(answers, SpooledAnswers):
            return answers.fingerprint
        return fingerprint_of(answers.items())

    @property
    def teacher(self) -> System | None:
        return next((system for system in self.systems if system.role is Role.TEACHER), None)

    @property
    def slice_values(self) -> Mapping[str, tuple[str, ...]]:
        """Each slice dimension with the values that occur, in order of first appearance."""
        values: dict[str, dict[str, None]] = {}
        for item in self.heads():
            for dimension, value in item.slices.items():
                values.setdefault(dimension, {})[value] = None
        return {dimension: tuple(found) for dimension, found in values.items()}

    @property
    def item_ids(self) -> AbstractSet[str]:
        """The ids of all items."""
        if isinstance(self.items, SpooledItems):
            return self.items.positions.keys()
        return frozenset(item.item_id for item in self.items)

    def heads(self) -> Iterator[ItemHead | Item]:
        """Yield the items in order for whoever asks for no text of theirs."""
        return self.items.heads() if isinstance(self.items, SpooledItems) else iter(self.items)

    def records(self) -> Records:
        """Return one record for each system and item: systems in order, items in order."""
        return Records(self.items, self.systems, self.outputs)

    def records_of(self, item: Item) -> Iterator[Record]:
        """Yield one record for each system, of one item of the set."""
        return self.records().about(item)

    def record(self, key: RecordKey) -> Record:
        """Return one record by its key.

        Raises:
            KeyError: there is no such item or system.
        """
        records = self.records()
        return records[records.place(key)]

    def selected(
        self,
        *,
        limit: int | None = None,
        filters: Mapping[str, str] | None = None,
        sample: int | None = None,
        seed: int = 0,
        ids: Collection[str] | None = None,
    ) -> "Dataset":
        """Return the set with only the items in the named slices, at most `limit` of them.

        Args:
            limit: keep the first ones, in the order of the file.
            filters: slice dimension to value; an item must be in all of them.
            sample: keep so many, drawn at random, each with the same chance.
            seed: of that draw.
            ids: keep only these items; None keeps all.

        Raises:
            DataError: no such slice, or nothing is left.
        """
        wanted = filters or {}
        for dimension, value in wanted.items():
            _check_filter(self.slice_values, dimension, value)
        kept: Sequence[int] = range(len(self.items))
        if ids is not None or wanted:
            kept = [
                position
                for position, item in enumerate(self.heads())
                if (ids is None or item.item_id in ids)
                and all(item.slices[dimension] == value for dimension, value in wanted.items())
            ]
        if sample is not None and sample < len(kept):
            drawn = np.random.default_rng(seed).choice(len(kept), size=sample, replace=False)
            kept = [kept[place] for place in sorted(drawn)]
        kept = kept[:limit]
        if not kept:
            raise DataError("no item is left to score: --filter or --limit excludes them all")
        found = self if len(kept) == len(self.items) else self.at(kept)
        return replace(found, drawn_from=self.population)

    def at(self, positions: Sequence[int]) -> "Dataset":
        """Return the set with only the items at some positions, in that order."""
        if isinstance(self.items, SpooledItems):
            items: Sequence[Item] = self.items.at(positions)
        else:
            items = tuple(self.items[position] for position in positions)
        kept = replace(self, items=items)
        outputs = {name: _answers_to(kept, answers) for name, answers in self.outputs.items()}
        return replace(kept, outputs=outputs)


def _answers_to(kept: Dataset, answers: Mapping[str, str]) -> Mapping[str, str]:
    if isinstance(kept.items, SpooledItems) and isinstance(answers, SpooledAnswers):
        return answers.to(kept.items)
    names = kept.item_ids
    return {name: text for name, text in answers.items() if name in names}


def _check_filter(known: Mapping[str, tuple[str, ...]], dimension: str, value: str) -> None:
    if dimension not in known:
        raise DataError(
            f"unknown slice {dimension!r}{did_you_mean(dimension, known)}; "
            f"the set has: {', '.join(known) or 'none'}"
        )
    if value not in known[dimension]:
        raise DataError(
            f"no item has {dimension}={value}{did_you_mean(value, known[dimension])}; "
            f"values are: {', '.join(known[dimension])}"
        )
