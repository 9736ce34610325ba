"""How much work a schema can make of an output, bounded without running it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from judge.records.strict_json import JsonValue

WORK_LIMIT = 10_000_000
"""Parts of a schema times characters of an output that may be checked within our own process.

A part looked at once takes some 20 ns: this is at most about 0.2 s.
"""

MOST_CHARACTERS = 1 << 18
"""Of an output that is read within our own process: its value takes some 20 times as much."""

_UNFOLLOWED = frozenset({"$dynamicRef", "$recursiveRef"})
# Look-around, back-references, atomic groups and possessive repetition need an engine that
# backtracks. What only looks like one, as within a class, is taken for one: that costs little.
_BACKTRACKING = re.compile(r"\(\?(?:[=!>]|<[=!])|\\[1-9k]|[*+?}]\+")
_DIALECT = re.compile(
    r"https?://json-schema\.org/(?:draft-0[467]/schema|draft/20(?:19-09|20-12)/schema)#?\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """What can be said beforehand of the work a schema makes.

    Attributes:
        parts: how many of its parts may be looked at for one place of an output. Each counts as
            often as references reach it: 40 definitions, each of which refers twice to the next,
            are 2^40.
        endless: whether there is no such bound: it refers to itself, or in a way that is not
            followed here.
        backtracks: whether a pattern may take more than linear time.
    """

    parts: int
    endless: bool
    backtracks: bool

    @property
    def most_characters(self) -> int:
        """How many characters an output may have to be checked within our own process."""
        if self.endless or self.backtracks:
            return 0
        return min(MOST_CHARACTERS, WORK_LIMIT // self.parts)


def hazard_of(schema: JsonValue) -> Hazard:
    """Bound the work that a schema makes."""
    weighing = _Weighing(schema)
    parts = weighing.weigh(schema)
    return Hazard(parts=parts, endless=weighing.endless, backtracks=weighing.backtracks)


class _Weighing:
    def __init__(self, root: JsonValue) -> None:
        self.endless = False
        self.backtracks = False
        self._root = root
        self._weights: dict[str, int] = {}

    def weigh(self, part: JsonValue) -> int:
        if isinstance(part, list):
            return 1 + sum(map(self.weigh, part))
        if not isinstance(part, dict):
            return 1
        if part is not self._root and isinstance(part.get("$id"), str):
            self.endless = True  # its references are not to this document
        return 1 + sum(self._weigh_member(name, value) for name, value in part.items())

    def _weigh_member(self, name: str, value: JsonValue) -> int:
        if isinstance(value, str):
            if name in _UNFOLLOWED or (name == "$schema" and not _DIALECT.match(value)):
                self.endless = True
            if name == "$ref":
                return self._weigh_reference(value)
            if name == "pattern":
                return self._weigh_pattern(value)
        if name == "patternProperties" and isinstance(value, dict):
            return sum(map(self._weigh_pattern, value)) + self.weigh(value)
        return self.weigh(value)

    def _weigh_pattern(self, pattern: str) -> int:
        self.backtracks = self.backtracks or _BACKTRACKING.search(pattern) is not None
        return len(pattern)

    def _weigh_reference(self, reference: str) -> int:
        weight = self._weights.get(reference)
        if weight is None:
            self._weights[reference] = 0  # of one that is still being weighed: a circle
            weight = self._weigh_target(reference)
            self._weights[reference] = weight
        if weight == 0:
            self.endless = True
        return weight

    def _weigh_target(self, reference: str) -> int:
        part = self._root
        if not reference.startswith("#/") or "%" in reference:
            return 0
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(part, Mapping) or name not in part:
                return 0
            part = part[name]
        return self.weigh(part)
