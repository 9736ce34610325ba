"""What differs between two evaluation sets, item by item."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from judge.errors import DataError
from judge.records.dataset import Dataset
from judge.records.frozen import FrozenItem, FrozenSet, freeze

SHOWN = 20
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # when a set was frozen only to be compared


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemChange:
    """An item that both sets have, with other content.

    Attributes:
        parts: what differs: input, reference, slices, cluster, schema or opponent.
    """

    item_id: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputChanges:
    """How the answers of one system differ, as ids of items.

    Attributes:
        known: whether the second set has the system at all.
    """

    system: str
    known: bool
    changed: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetChanges:
    """How a second set differs from a first.

    Attributes:
        added: ids that only the second has.
        removed: ids that only the first has.
        reordered: the fewest ids that would have to move for the rest to stand in the old order;
            no change of content.
        outputs: the systems whose answers differ.
    """

    changed: tuple[ItemChange, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    reordered: tuple[str, ...]
    outputs: tuple[OutputChanges, ...]

    @property
    def same(self) -> bool:
        """Whether the content is the same; the order may be another."""
        return not (self.changed or self.added or self.removed or self.outputs)

    def sentences(
        self, *, first: str = "the frozen set", second: str = "this set", shown: int = SHOWN
    ) -> tuple[str, ...]:
        """Return in words what differs, each item named up to `shown` of a kind.

        Args:
            first: what the first set is called.
            second: what the second set is called.
            shown: names before a count stands for the rest.
        """
        changed = [f"{one.item_id!r} ({', '.join(one.parts)})" for one in self.changed]
        told = [
            _told(changed, "item differs", "items differ", shown),
            _told(
                map(repr, self.removed),
                f"item is only in {first}",
                f"items are only in {first}",
                shown,
            ),
            _told(
                map(repr, self.added),
                f"item is only in {second}",
                f"items are only in {second}",
                shown,
            ),
            *(
                one
                for system in self.outputs
                for one in _outputs_told(system, first, second, shown)
            ),
            _told(
                map(repr, self.reordered),
                "item stands elsewhere in the order, which is no change",
                "items stand elsewhere in the order, which is no change",
                shown,
            ),
        ]
        return tuple(sentence for sentence in told if sentence)


def changes_since(frozen: FrozenSet, dataset: Dataset) -> SetChanges:
    """Hold a set against the manifest it was frozen in.

    Args:
        frozen: what was frozen; of systems only those whose outputs were frozen count.
        dataset: the whole set as it is now.
    """
    there = [system for system in frozen.outputs if system in dataset.outputs]
    return _changes(frozen, freeze(dataset, name="", created=_NEVER, outputs=there))


def changes_between(first: Dataset, second: Dataset, *, outputs: Sequence[str] = ()) -> SetChanges:
    """Tell two sets apart.

    Args:
        first: one set, or part of one.
        second: the other.
        outputs: systems whose answers must be the same too, usually the teacher.

    Raises:
        DataError: the first has no such system.
    """
    return changes_since(freeze(first, name="", created=_NEVER, outputs=outputs), second)


def require_unchanged(dataset: Dataset, frozen: FrozenSet, *, place: str) -> None:
    """Refuse a set that is not the frozen one.

    Args:
        dataset: the whole set as it is now.
        frozen: what was frozen.
        place: names the manifest in the message.

    Raises:
        DataError: it differs; the message says in which items.
    """
    changes = changes_since(frozen, dataset)
    if not changes.same:
        raise DataError(
            f"the evaluation set is not the one frozen in {place}: "
            f"{'; '.join(changes.sentences())}; restore its files, or freeze it anew under "
            "another name: scores on it cannot be compared with earlier ones"
        )


def _changes(first: FrozenSet, second: FrozenSet) -> SetChanges:
    before = {item.item_id: item for item in first.items}
    after = {item.item_id: item for item in second.items}
    return SetChanges(
        changed=tuple(
            ItemChange(item_id=name, parts=_parts(item, after[name]))
            for name, item in before.items()
            if name in after and after[name].content != item.content
        ),
        added=tuple(name for name in after if name not in before),
        removed=tuple(name for name in before if name not in after),
        reordered=_moved(list(before), list(after)),
        outputs=tuple(
            found
            for system, answers in first.outputs.items()
            if (found := _output_changes(system, answers, second.outputs.get(system))) is not None
        ),
    )


def _parts(before: FrozenItem, after: FrozenItem) -> tuple[str, ...]:
    names = dict.fromkeys((*before.parts, *after.parts))
    return tuple(name for name in names if before.parts.get(name) != after.parts.get(name))


def _output_changes(
    system: str, before: Mapping[str, str], after: Mapping[str, str] | None
) -> OutputChanges | None:
    now = after or {}
    found = OutputChanges(
        system=system,
        known=after is not None,
        changed=tuple(name for name, one in before.items() if now.get(name, one) != one),
        added=tuple(name for name in now if name not in before),
        removed=tuple(name for name in before if name not in now),
    )
    same = found.known and not (found.changed or found.added or found.removed)
    return None if same else found


def _moved(before: Sequence[str], after: Sequence[str]) -> tuple[str, ...]:
    """Return the ids outside a longest run that kept its order (patience sorting)."""
    old = {name: place for place, name in enumerate(before)}
    common = [name for name in after if name in old]
    ends: list[int] = []  # smallest old place that ends a run of each length
    holders: list[int] = []  # where in `common` that end stands
    previous: list[int] = []
    for here, name in enumerate(common):
        length = bisect_left(ends, old[name])
        previous.append(holders[length - 1] if length else -1)
        ends[length : length + 1] = [old[name]]
        holders[length : length + 1] = [here]
    kept: set[int] = set()
    last = holders[-1] if holders else -1
    while last >= 0:
        kept.add(last)
        last = previous[last]
    return tuple(name for here, name in enumerate(common) if here not in kept)


def _outputs_told(found: OutputChanges, first: str, second: str, shown: int) -> Iterable[str]:
    whose = f"of {found.system}"
    if not found.known:
        yield f"{second} has no system {found.system!r}, whose outputs {first} holds"
        return
    yield _told(
        map(repr, found.changed), f"output {whose} differs", f"outputs {whose} differ", shown
    )
    yield _told(
        map(repr, found.removed),
        f"output {whose} is only in {first}",
        f"outputs {whose} are only in {first}",
        shown,
    )
    yield _told(
        map(repr, found.added),
        f"output {whose} is only in {second}",
        f"outputs {whose} are only in {second}",
        shown,
    )


def _told(names: Iterable[str], one: str, many: str, shown: int) -> str:
    found = list(names)
    if not found:
        return ""
    more = f" and {len(found) - shown} more" if len(found) > shown else ""
    what = one if len(found) == 1 else many
    return f"{len(found)} {what}: {', '.join(found[:shown])}{more}"
