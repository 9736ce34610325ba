"""The items of a set and the answers to them, their texts in a temporary file."""

import hashlib
from array import array
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import eq
from typing import TypeVar, overload

import msgspec

from judge.records.record import Item
from judge.records.spool import Spool, SpoolWriter, in_order

_T = TypeVar("_T")
_NONE = -1

_FINGERPRINTED = msgspec.json.Encoder(order="sorted")
_ENCODER = msgspec.json.Encoder()
_ITEMS = msgspec.json.Decoder(Item)


class ItemHead(msgspec.Struct, frozen=True):
    """What there is to know of an item but its texts."""

    item_id: str
    cluster: str
    slices: dict[str, str]


_HEADS = msgspec.json.Decoder(ItemHead)


class SpooledItems(Sequence[Item]):
    """Items that are made when they are asked for. Made by an `ItemWriter`.

    Args:
        spool: holds the items.
        places: where in it each item of this sequence is; None for all of it in order.
        positions: of the items in this sequence, by id and in order.
    """

    def __init__(
        self, spool: Spool, places: "array[int] | None", positions: Mapping[str, int]
    ) -> None:
        self._spool = spool
        self._places = places
        self.positions = positions
        """Of the items, by id and in order."""

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, position: int) -> Item: ...
    @overload
    def __getitem__(self, position: slice) -> "SpooledItems": ...
    def __getitem__(self, position: int | slice) -> "Item | SpooledItems":
        if isinstance(position, slice):
            return self.at(range(len(self))[position])
        if not 0 <= position < len(self.positions):
            position = range(len(self))[position]
        place = position if self._places is None else self._places[position]
        return _ITEMS.decode(self._spool[place])

    def __iter__(self) -> Iterator[Item]:
        return self._each(_ITEMS.decode)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]  # like a list of them

    def named(self, item_id: str) -> Item:
        """Return the item of an id.

        Raises:
            KeyError: there is none.
        """
        return self[self.positions[item_id]]

    def heads(self) -> Iterator[ItemHead]:
        """Yield the heads of all items in order; that is faster than the items are."""
        return self._each(_HEADS.decode)

    def encoded(self) -> Iterator[bytes]:
        """Yield all items in order as JSON."""
        return self._each(bytes)

    def at(self, positions: Sequence[int]) -> "SpooledItems":
        """Return only the items at some positions, in that order."""
        ids = list(self.positions)
        kept = {ids[position]: place for place, position in enumerate(positions)}
        places = positions if self._places is None else (self._places[one] for one in positions)
        return SpooledItems(self._spool, array("Q", places), kept)

    @cached_property
    def fingerprint(self) -> str:
        """See `Dataset.fingerprint`."""
        return fingerprint_of(self)

    def _each(self, made: Callable[[bytes], _T]) -> Iterator[_T]:
        if self._places is None:
            return map(made, self._spool.read())
        return (made(self._spool[place]) for place in self._places)


class ItemWriter:
    """Takes the items of a set one after the other."""

    def __init__(self) -> None:
        self.positions: dict[str, int] = {}
        """Of the items up to now, by id."""
        self._written = SpoolWriter()

    def add(self, item: Item) -> None:
        """Add an item whose id no other has."""
        self.positions[item.item_id] = self._written.append(_ENCODER.encode(item))

    def items(self, like: SpooledItems | None = None) -> SpooledItems:
        """Return all of them; nothing can be added to them.

        Args:
            like: others, perhaps of the same ids in the same order, which are then held once.
        """
        if like is not None and _same_order(like.positions, self.positions):
            return SpooledItems(self._written.spool(), None, like.positions)
        return SpooledItems(self._written.spool(), None, self.positions)


class SpooledAnswers(Mapping[str, str]):
    """What one system answered, by item id, in the order of the items. Made by an `AnswerWriter`.

    Args:
        spool: holds the answers.
        places: where in it the answer to each item of the whole set is; below 0 for none.
        positions: of each item in the whole set, by id.
        among: the items that are left of the set; all where nothing was left out.
    """

    def __init__(
        self,
        spool: Spool,
        places: "array[int]",
        positions: Mapping[str, int],
        among: Mapping[str, int] | None = None,
    ) -> None:
        self._spool = spool
        self._places = places
        self._positions = positions
        self._among = positions if among is None else among

    def __getitem__(self, item_id: str) -> str:
        if item_id in self._among:
            place = self._places[self._positions[item_id]]
            if place >= 0:
                return self._spool[place].decode()
        raise KeyError(item_id)

    def __iter__(self) -> Iterator[str]:
        return (item_id for item_id in self._among if self._place(item_id) >= 0)

    def __len__(self) -> int:
        return self._len

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return len(self) == len(other) and all(
            item_id in other and other[item_id] == text for item_id, text in self.items()
        )

    __hash__ = None  # type: ignore[assignment]  # like a dictionary of them

    def items(self) -> ItemsView[str, str]:
        return _Pairs(self)

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yield each item's id with the answer to it; in blocks where they lie in that order."""
        if self._lie_in_order:
            return zip(self, map(bytes.decode, self._spool.read()), strict=True)
        return ((item_id, self[item_id]) for item_id in self)

    def to(self, items: SpooledItems) -> "SpooledAnswers":
        """Return only the answers to some items of the set."""
        return SpooledAnswers(self._spool, self._places, self._positions, items.positions)

    @cached_property
    def fingerprint(self) -> str:
        """See `Dataset.output_fingerprint`."""
        return fingerprint_of(self.items())

    @cached_property
    def _lie_in_order(self) -> bool:
        return self._among is self._positions and all(
            place == n for n, place in enumerate(place for place in self._places if place >= 0)
        )

    @cached_property
    def _len(self) -> int:
        return sum(1 for _ in self)

    def _place(self, item_id: str) -> int:
        return self._places[self._positions[item_id]]


class _Pairs(ItemsView[str, str]):
    """As `dict.items`, read the quick way."""

    _mapping: SpooledAnswers

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return self._mapping.pairs()


class AnswerWriter:
    """Takes the answers of one system one after the other.

    Args:
        positions: of the items in the whole set, by id.
    """

    def __init__(self, positions: Mapping[str, int]) -> None:
        self._positions = positions
        self._places = array("q")
        self._written = SpoolWriter()

    def add(self, item_id: str, text: str) -> None:
        """Add the answer to an item of the set."""
        position = self._positions[item_id]
        self._reach(position + 1)
        self._places[position] = self._written.append(text.encode())

    def answers(self) -> SpooledAnswers:
        """Return all of them; nothing can be added to them."""
        self._reach(len(self._positions))
        return SpooledAnswers(self._written.spool(), self._places, self._positions)

    def _reach(self, n: int) -> None:
        # Items may still be added: where each row holds both, they come one after the other.
        if (missing := n - len(self._places)) > 0:
            self._places.extend([_NONE] * missing)


def fingerprint_of(content: Iterable[Item] | Iterable[tuple[str, str]]) -> str:
    """Return the hash of items, or of answers with their item's id, in whatever order they come."""
    digest = hashlib.sha256()
    for encoding in in_order(map(_FINGERPRINTED.encode, content)):
        digest.update(encoding + b"\n")
    return digest.hexdigest()


def _same_order(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    return len(one) == len(other) and all(map(eq, one, other))
