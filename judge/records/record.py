"""What is evaluated: items, the systems that answered them, and one record for each answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

Slices: TypeAlias = Mapping[str, str]
"""Dimension to value, for example ``{"difficulty": "tricky"}``."""


class Role(StrEnum):
    """What a system is in the comparison."""

    TEACHER = "teacher"
    SFT = "sft"
    DISTILLED = "distilled"
    STUDENT = "student"


class Target(StrEnum):
    """What an output is held against."""

    REFERENCE = "reference"
    TEACHER = "teacher"
    OPPONENT = "opponent"
    """The other output of a pair."""
    SOURCE = "source"
    """The item's own input: what a summary must be true to."""
    SCHEMA = "schema"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKey:
    """Names one record: the answer of one system to one item."""

    item_id: str
    system: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One task of the evaluation set.

    Attributes:
        references: the right answers; empty where there is none, several where any will do.
        cluster: what this item shares its luck with (a document, a conversation); itself
            unless declared.
        schema: the JSON Schema its answer must satisfy, as canonical JSON text; empty for none.
        opponent: in a set of pairs, the output that the answer is compared with; else None.
    """

    item_id: str
    input: str = ""
    references: tuple[str, ...] = ()
    slices: Slices = field(default_factory=dict)
    cluster: str
    schema: str = ""
    opponent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One model under evaluation.

    Attributes:
        parameters: its size as its owner writes it, for example ``135M``; empty if not said.
        family: the model family, for example ``smol``; empty if not said.
    """

    name: str
    role: Role
    parameters: str = ""
    family: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A record as statistics look at it: its name, its slices, its cluster, and no text."""

    item_id: str
    system: str
    slices: Slices
    cluster: str

    @property
    def key(self) -> RecordKey:
        return RecordKey(item_id=self.item_id, system=self.system)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Unit):
    """The answer of one system to one item, with all that it may be held against.

    Attributes:
        output: the raw text as received; None where the system gave no answer.
        teacher_output: what the teacher answered; None where there is no teacher or no answer,
            and for the teacher itself.
        schema: canonical JSON text of the JSON Schema; empty for none.
        opponent: in a set of pairs, the output it is compared with; else None.
    """

    input: str
    output: str | None
    references: tuple[str, ...]
    teacher_output: str | None
    schema: str
    opponent: str | None = None

    def answers(self, target: Target) -> tuple[str, ...]:
        """Return the texts the output is held against; empty where there is none."""
        if target is Target.REFERENCE:
            return self.references
        if target is Target.SOURCE and self.input:
            return (self.input,)
        if target is Target.TEACHER and self.teacher_output is not None:
            return (self.teacher_output,)
        if target is Target.OPPONENT and self.opponent is not None:
            return (self.opponent,)
        return ()
