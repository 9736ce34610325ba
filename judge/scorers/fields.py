"""Two JSON documents compared field by field, their lists matched so that most fields are right.

A field is a value that is neither a list nor an object, at its place. A pair of list members is
worth the fields they share, so the best matching of two lists is an assignment problem, or an
alignment where order counts; nested lists are matched within each pair. Members that are equal are
matched first: with any order, that never costs a field, since what two members share with a third
one they also share with each other.

A matching of hostile size is not looked for without end: beyond `MAX_STEPS` list members are
paired in the order they stand in, which can only make the score lower, and it is said so.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, TypeGuard

import numpy as np

from judge.records.strict_json import JsonValue, dump_json
from judge.scorers.field_values import FieldRules, Scalar, is_same, value_key
from judge.scorers.overlap import Overlap

MAX_STEPS = 1_000_000

_RIGHT, _GIVEN, _WANTED = range(3)

Pairs: TypeAlias = list[tuple[int, int]]
_Path: TypeAlias = "tuple[_Path, str | int] | None"
_Elements: TypeAlias = "Sequence[tuple[int, _Node]]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field that is not right.

    Attributes:
        pointer: the JSON Pointer (RFC 6901) of the value in the reference, or where that has no
            such field, in the output.
        wanted: what the reference has; None where it has no such field.
        given: what the output has; None where it has no such field.
    """

    pointer: str
    wanted: Scalar | None = None
    given: Scalar | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldComparison:
    """What two documents have in common, field by field.

    Attributes:
        overlap: right, given and wanted fields.
        fields: the same of each field that either document has, by its JSON Pointer with ``*`` for
            each place in a list (and ``~2`` for a star in a name).
        differences: every field that is not right, in the order of the documents.
        in_order: whether some lists were too large to look for their best matching.
    """

    overlap: Overlap
    fields: Mapping[str, Overlap]
    differences: Sequence[Difference]
    in_order: bool


def compare_documents(
    given: JsonValue, wanted: JsonValue, rules: FieldRules, *, max_steps: int = MAX_STEPS
) -> FieldComparison:
    """Compare an output's document with the reference's.

    Args:
        given: what the output says.
        wanted: what the reference says.
        rules: when values and lists are the same.
        max_steps: fields that are looked at to match lists, about a second's worth.
    """
    walk = _Walk(rules, steps=max_steps)
    walk.compare(wanted, given, field="", at=None, given_at=None)
    fields = {
        name: Overlap(right=right, given=given, wanted=wanted)
        for name, (right, given, wanted) in walk.counts.items()
    }
    return FieldComparison(
        overlap=Overlap(
            right=sum(one.right for one in fields.values()),
            given=sum(one.given for one in fields.values()),
            wanted=sum(one.wanted for one in fields.values()),
        ),
        fields=fields,
        differences=walk.differences,
        in_order=walk.gave_up,
    )


class _Walk:
    """Goes through both documents at once and takes down what it sees."""

    def __init__(self, rules: FieldRules, *, steps: int) -> None:
        self._rules = rules
        self._trees, self._matching = _Trees(rules), _Matching(rules, steps=steps)
        self.counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        self.differences: list[Difference] = []

    @property
    def gave_up(self) -> bool:
        return self._matching.gave_up

    def compare(
        self, wanted: JsonValue, given: JsonValue, *, field: str, at: _Path, given_at: _Path
    ) -> None:
        """Compare two values; `at` is where the wanted one stands, `given_at` the other."""
        if _is_value(wanted) and _is_value(given):
            counts = self.counts[field]
            counts[_GIVEN] += 1
            counts[_WANTED] += 1
            if is_same(wanted, given, self._rules):
                counts[_RIGHT] += 1
            else:
                self.differences.append(
                    Difference(pointer=_pointer(at), wanted=wanted, given=given)
                )
        elif isinstance(wanted, dict) and isinstance(given, dict):
            self._compare_objects(wanted, given, field=field, at=at, given_at=given_at)
        elif isinstance(wanted, list) and isinstance(given, list):
            self._compare_lists(wanted, given, field=field, at=at, given_at=given_at)
        else:
            self._missed(wanted, field=field, at=at)
            self._added(given, field=field, at=given_at)

    def _compare_objects(
        self,
        wanted: dict[str, JsonValue],
        given: dict[str, JsonValue],
        *,
        field: str,
        at: _Path,
        given_at: _Path,
    ) -> None:
        for name, value in wanted.items():
            self.compare(
                value,
                given.get(name),
                field=f"{field}/{_step(name)}",
                at=(at, name),
                given_at=(given_at, name),
            )
        for name, value in given.items():
            if name not in wanted:
                self._added(value, field=f"{field}/{_step(name)}", at=(given_at, name))

    def _compare_lists(
        self,
        wanted: list[JsonValue],
        given: list[JsonValue],
        *,
        field: str,
        at: _Path,
        given_at: _Path,
    ) -> None:
        partners = self._partners(wanted, given)
        member = f"{field}/*"
        for place in range(len(wanted)):
            here = (at, place)
            if place in partners:
                there, other = (given_at, partners[place]), given[partners[place]]
                self.compare(wanted[place], other, field=member, at=here, given_at=there)
            else:
                self._missed(wanted[place], field=member, at=here)
        taken = set(partners.values())
        for place, value in enumerate(given):
            if place not in taken:
                self._added(value, field=member, at=(given_at, place))

    def _partners(self, wanted: list[JsonValue], given: list[JsonValue]) -> dict[int, int]:
        if len(wanted) == len(given) and dump_json(wanted) == dump_json(given):
            return {place: place for place in range(len(wanted))}
        ours, theirs = self._trees.elements(wanted), self._trees.elements(given)
        return dict(self._matching.pairs(ours, theirs))

    def _missed(self, value: JsonValue, *, field: str, at: _Path) -> None:
        for name, path, wanted in _values(value, field, at):
            self.counts[name][_WANTED] += 1
            self.differences.append(Difference(pointer=_pointer(path), wanted=wanted))

    def _added(self, value: JsonValue, *, field: str, at: _Path) -> None:
        for name, path, given in _values(value, field, at):
            self.counts[name][_GIVEN] += 1
            self.differences.append(Difference(pointer=_pointer(path), given=given))


class _Node(NamedTuple):
    """A value within a list; two have one number exactly where they are the same.

    Attributes:
        size: fields in it; a node has at least one.
        members: of an object.
        elements: of a list, each with its place there.
    """

    number: int
    size: int
    members: Mapping[str, "_Node"] | None = None
    elements: "_Elements | None" = None


class _Trees:
    """Makes nodes, and gives the same number to what is the same."""

    def __init__(self, rules: FieldRules) -> None:
        self._rules = rules
        self._numbers: dict[Hashable, int] = {}

    def elements(self, value: Sequence[JsonValue]) -> _Elements:
        """Return the nodes of the elements that have a field, each with its place."""
        nodes = enumerate(map(self._node, value))
        return [(place, node) for place, node in nodes if node is not None]

    def _node(self, value: JsonValue) -> _Node | None:
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            return self._list(value)
        if not _is_value(value):
            return None
        return _Node(self._number(value_key(value, self._rules)), 1)

    def _object(self, value: Mapping[str, JsonValue]) -> _Node | None:
        nodes = ((name, self._node(member)) for name, member in value.items())
        members = {name: node for name, node in nodes if node is not None}
        if not members:
            return None
        key = frozenset((name, node.number) for name, node in members.items())
        size = sum(node.size for node in members.values())
        return _Node(self._number(("object", key)), size, members=members)

    def _list(self, value: Sequence[JsonValue]) -> _Node | None:
        elements = self.elements(value)
        if not elements:
            return None
        numbers = [node.number for _, node in elements]
        key = tuple(numbers if self._rules.lists == "in_order" else sorted(numbers))
        size = sum(node.size for _, node in elements)
        return _Node(self._number(("list", key)), size, elements=elements)

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))


class _Matching:
    """Matches lists so that most fields are right, within a number of steps."""

    def __init__(self, rules: FieldRules, *, steps: int) -> None:
        self._in_order = rules.lists == "in_order"
        self._left = steps
        self._known: dict[tuple[int, int], int] = {}
        self.gave_up = False

    def pairs(self, wanted: _Elements, given: _Elements) -> Pairs:
        """Return which place of the one list goes with which of the other; some with none."""
        ours, theirs = ([node for _, node in side] for side in (wanted, given))
        return [(wanted[i][0], given[j][0]) for i, j in self._pairs(ours, theirs)]

    def _pairs(self, wanted: Sequence[_Node], given: Sequence[_Node]) -> Pairs:
        equal = _equal_ends(wanted, given) if self._in_order else _equal_pairs(wanted, given)
        ours = _others(len(wanted), (place for place, _ in equal))
        theirs = _others(len(given), (place for _, place in equal))
        if not ours or not theirs:
            return equal
        # A value is right or is not: in any order, those that are have been matched.
        if not self._in_order and not (_any_nested(wanted, ours) and _any_nested(given, theirs)):
            return equal
        steps = sum(wanted[place].size for place in ours) * len(theirs)
        if steps > self._left:
            self.gave_up = True
            return [*equal, *zip(ours, theirs, strict=False)]
        self._left -= steps
        worth = [[self._shared(wanted[i], given[j]) for j in theirs] for i in ours]
        chosen = _aligned(worth) if self._in_order else _assigned(worth)
        return [*equal, *((ours[i], theirs[j]) for i, j in chosen)]

    def _shared(self, wanted: _Node, given: _Node) -> int:
        """Count the fields that are right where two nodes are compared with each other."""
        if wanted.number == given.number:
            return wanted.size
        key = (wanted.number, given.number)
        if key not in self._known:
            self._known[key] = self._shared_in_part(wanted, given)
        return self._known[key]

    def _shared_in_part(self, wanted: _Node, given: _Node) -> int:
        if wanted.members is not None and given.members is not None:
            common = wanted.members.keys() & given.members.keys()
            return sum(self._shared(wanted.members[name], given.members[name]) for name in common)
        if wanted.elements is not None and given.elements is not None:
            ours, theirs = ([node for _, node in side.elements or ()] for side in (wanted, given))
            return sum(self._shared(ours[i], theirs[j]) for i, j in self._pairs(ours, theirs))
        return 0


def _is_value(value: JsonValue) -> TypeGuard[Scalar]:
    if isinstance(value, str):
        return bool(value) and not value.isspace()
    return isinstance(value, int | float)


def _values(value: JsonValue, field: str, at: _Path) -> Iterator[tuple[str, _Path, Scalar]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _values(member, f"{field}/{_step(name)}", (at, name))
    elif isinstance(value, list):
        for place, element in enumerate(value):
            yield from _values(element, f"{field}/*", (at, place))
    elif _is_value(value):
        yield field, at, value


def _pointer(path: _Path) -> str:
    steps: list[str] = []
    while path is not None:
        path, step = path
        steps.append(str(step).replace("~", "~0").replace("/", "~1"))
    return "".join(f"/{step}" for step in reversed(steps))


def _step(name: str) -> str:
    if "~" in name or "/" in name or "*" in name:
        return name.replace("~", "~0").replace("/", "~1").replace("*", "~2")
    return name


def _equal_pairs(wanted: Sequence[_Node], given: Sequence[_Node]) -> Pairs:
    waiting: defaultdict[int, list[int]] = defaultdict(list)
    for place in reversed(range(len(given))):
        waiting[given[place].number].append(place)
    return [
        (place, waiting[node.number].pop())
        for place, node in enumerate(wanted)
        if waiting[node.number]
    ]


def _equal_ends(wanted: Sequence[_Node], given: Sequence[_Node]) -> Pairs:
    shorter = min(len(wanted), len(given))
    first = 0
    while first < shorter and wanted[first].number == given[first].number:
        first += 1
    last = 0
    while last < shorter - first and wanted[-1 - last].number == given[-1 - last].number:
        last += 1
    ends = ((len(wanted) - back, len(given) - back) for back in range(last, 0, -1))
    return [*((place, place) for place in range(first)), *ends]


def _others(size: int, taken: Iterator[int]) -> list[int]:
    gone = set(taken)
    return [place for place in range(size) if place not in gone]


def _any_nested(nodes: Sequence[_Node], places: Sequence[int]) -> bool:
    return any(nodes[place].members or nodes[place].elements for place in places)


def _assigned(worth: list[list[int]]) -> Pairs:
    """Return the pairs of rows and columns that are worth most, without those worth nothing."""
    if len(worth) == 1 or len(worth[0]) == 1:
        best, i, j = max((w, -i, -j) for i, row in enumerate(worth) for j, w in enumerate(row))
        return [(-i, -j)] if best else []
    if not any(map(any, worth)):
        return []
    from scipy.optimize import linear_sum_assignment  # 0.2 s to import: only when used

    rows, columns = linear_sum_assignment(np.array(worth, dtype=np.int64), maximize=True)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if worth[i][j]]


def _aligned(worth: list[list[int]]) -> Pairs:
    """Return the pairs that are worth most among those that keep the order of both sides."""
    rows, columns = len(worth), len(worth[0])
    best = np.zeros((rows + 1, columns + 1), dtype=np.int64)
    for i in range(rows):
        # Within a row, the best up to a column is the largest so far.
        best[i + 1, 1:] = np.maximum.accumulate(np.maximum(best[i, 1:], best[i, :-1] + worth[i]))
    pairs: Pairs = []
    i, j = rows, columns
    while i and j:
        if best[i, j] == best[i - 1, j]:
            i -= 1
        elif best[i, j] == best[i, j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]
