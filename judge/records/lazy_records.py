"""The records of a set as a sequence whose elements are made when they are asked for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType
from typing import overload

from judge.records.record import Item, Record, RecordKey, Role, Slices, System, Unit
from judge.records.spooled import ItemHead, SpooledItems

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Records(Sequence[Record]):
    """One record for each system and item: systems in order, items in order.

    Args:
        items: of the set.
        systems: of the set.
        outputs: per system, item id to the raw text.
    """

    def __init__(
        self,
        items: Sequence[Item],
        systems: Sequence[System],
        outputs: Mapping[str, Mapping[str, str]],
    ) -> None:
        self._items = items
        self._systems = systems
        self._outputs = outputs
        self._teacher = next((one for one in systems if one.role is Role.TEACHER), None)
        self.starts = {one.name: of * len(items) for of, one in enumerate(systems)}
        """Where the records of each system begin."""

    def __len__(self) -> int:
        return len(self._systems) * len(self._items)

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> list[Record]: ...
    def __getitem__(self, place: int | slice) -> Record | list[Record]:
        if isinstance(place, slice):
            return [self[one] for one in range(len(self))[place]]
        of, position = divmod(range(len(self))[place], len(self._items))
        return self.answer(self._systems[of], self._items[position])

    def __iter__(self) -> Iterator[Record]:
        for system in self._systems:
            yield from self._of(system)

    def of(self, system: str) -> Iterator[Record]:
        """Yield the records of one system in order."""
        return (record for one in self._systems if one.name == system for record in self._of(one))

    def about(self, item: Item) -> Iterator[Record]:
        """Yield one record for each system, of one item of the set."""
        return (self.answer(system, item) for system in self._systems)

    def output(self, key: RecordKey) -> str | None:
        """Return what a system answered to an item; None where it gave no answer."""
        return self._outputs[key.system].get(key.item_id)

    def is_answered(self, key: RecordKey) -> bool:
        """Whether a system gave an answer to an item."""
        return key.item_id in self._outputs[key.system]

    def place(self, key: RecordKey) -> int:
        """Return where a record stands.

        Raises:
            KeyError: there is none of this key.
        """
        return self.starts[key.system] + self.positions[key.item_id]

    @cached_property
    def units(self) -> Sequence[Unit]:
        """The records without their texts, which are held in memory."""
        found: list[Unit] = []
        for system in self._systems:
            if not found:
                found += _units(self._heads(), system.name)
            else:
                found += [replace(unit, system=system.name) for unit in found[: len(self._items)]]
        return found

    def answer(self, system: System, item: Item) -> Record:
        """Return what a system answered to an item of the set, beside what the teacher did."""
        teacher = self._teacher
        taught = _NOTHING if teacher is None or teacher is system else self._outputs[teacher.name]
        return Record(
            item_id=item.item_id,
            system=system.name,
            input=item.input,
            output=self._outputs[system.name].get(item.item_id),
            references=item.references,
            teacher_output=taught.get(item.item_id),
            schema=item.schema,
            slices=item.slices,
            cluster=item.cluster,
            opponent=item.opponent,
        )

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """Where among those of its system a record is, by item."""
        if isinstance(self._items, SpooledItems):
            return self._items.positions
        return {item.item_id: position for position, item in enumerate(self._items)}

    def _heads(self) -> Iterator[tuple[str, ItemHead | Item]]:
        heads = self._items.heads() if isinstance(self._items, SpooledItems) else self._items
        return zip(self.positions, heads, strict=True)

    def _of(self, system: System) -> Iterator[Record]:
        return (self.answer(system, item) for item in self._items)


def of_keys(records: Sequence[Record], keys: Iterable[RecordKey]) -> Iterator[Record]:
    """Yield the records that have some keys; a key that none has is passed over."""
    if not isinstance(records, Records):
        wanted = set(keys)
        yield from (record for record in records if record.key in wanted)
        return
    for key in keys:
        try:
            place = records.place(key)
        except KeyError:
            continue
        yield records[place]


def _units(heads: Iterable[tuple[str, ItemHead | Item]], system: str) -> Iterator[Unit]:
    """Yield units that share with each other what is the same."""
    slices: dict[tuple[tuple[str, str], ...], Slices] = {}
    clusters: dict[str, str] = {}
    for item_id, head in heads:
        own = head.cluster == item_id
        yield Unit(
            item_id=item_id,
            system=system,
            slices=slices.setdefault(tuple(head.slices.items()), head.slices),
            cluster=item_id if own else clusters.setdefault(head.cluster, head.cluster),
        )
