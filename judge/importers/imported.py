"""What a file of another tool holds, and what became of each part of it."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TypeGuard

from judge.errors import DataError
from judge.records.rows import as_answer
from judge.records.strict_json import JsonValue

ONLY_SYSTEM = ""
"""The system of an output, a rating or a verdict whose file does not say whose it is."""

_WHOLE = re.compile(r"(-?\d{1,15})\.0+")
_MOST_METADATA = 10_000  # characters of one metadata value; a text that long is no slice


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedItem:
    """One task.

    Attributes:
        input: what the systems were asked; empty where the file does not say.
        references: right answers; empty for none.
        metadata: whatever else is known of it by name; some of it becomes slices.
        place: file and record it was read from, for messages.
    """

    item_id: str
    input: str
    references: tuple[str, ...]
    metadata: Mapping[str, JsonValue]
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedOutput:
    """One answer.

    Attributes:
        output: the raw text; None where the system gave none.
        took: what it took, by the names output rows have (``latency_ms``, ``cost``...).
        error: why there is no output, where that is said; else empty.
    """

    item_id: str
    system: str
    output: str | None
    took: Mapping[str, float | int]
    error: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRating:
    """What one person said of one answer.

    Attributes:
        question: what the person was asked, as the tool names it.
        label: as stored.
        output: the text the person saw; None where the file does not hold it.
        seconds: that it took; None where the file does not say.
    """

    item_id: str
    system: str
    rater: str
    question: str
    label: str
    output: str | None
    seconds: float | None
    comment: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedVerdict:
    """What another tool's judge said of one answer.

    Attributes:
        judge: its name in that tool.
        label: as text; whole numbers and truth values as JSON writes them.
        reply: its reasons; empty where there are none.
    """

    item_id: str
    system: str
    judge: str
    label: str
    reply: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """All that was read from one file.

    Attributes:
        tool: what the file was recognised as.
        became: the file's own name of a field to what it became.
        left_out: what was not taken, with how many.
        scales: by judge, its categories worst first, where the tool itself says them.
        by_people: whether it is an export of what people said: its items and outputs count only
            where no other file has any.
    """

    tool: str
    path: Path
    items: Sequence[ImportedItem]
    outputs: Sequence[ImportedOutput]
    ratings: Sequence[ImportedRating]
    verdicts: Sequence[ImportedVerdict]
    became: Mapping[str, str]
    left_out: Mapping[str, int]
    scales: Mapping[str, Sequence[str]]
    by_people: bool = False

    @property
    def systems(self) -> tuple[str, ...]:
        """The systems whose outputs it holds, in order of first appearance."""
        return tuple(dict.fromkeys(output.system for output in self.outputs))


@dataclass(slots=True)
class Gathering:
    """Collects what a file holds while it is read; the first of several of a kind is kept.

    Attributes:
        tool: what the file was recognised as.
        path: the file.
        by_people: whether it is an export of what people said.
    """

    tool: str
    path: Path
    by_people: bool = False
    _items: dict[str, ImportedItem] = field(default_factory=dict)
    _outputs: dict[tuple[str, str], ImportedOutput] = field(default_factory=dict)
    _ratings: list[ImportedRating] = field(default_factory=list)
    _verdicts: dict[tuple[str, str, str], ImportedVerdict] = field(default_factory=dict)
    _became: dict[str, str] = field(default_factory=dict)
    _left_out: Counter[str] = field(default_factory=Counter)
    _scales: dict[str, Sequence[str]] = field(default_factory=dict)

    def became(self, column: str, ours: str) -> None:
        """Note that a field of the file became one of ours."""
        self._became.setdefault(column, ours)

    def leave_out(self, what: str, n: int = 1) -> None:
        """Count something that is not taken."""
        self._left_out[what] += n

    def scale(self, judge: str, categories: Sequence[str]) -> None:
        """Note what a judge's verdicts stand on, worst first, because the tool says it."""
        self._scales[judge] = categories

    def item(
        self,
        item_id: str,
        *,
        input: str,  # noqa: A002 - our name of the field
        references: Sequence[str] = (),
        metadata: Mapping[str, JsonValue] | None = None,
        place: str,
    ) -> None:
        """Take an item; one that is there already must have the same input.

        Raises:
            DataError: the same id was given to two inputs.
        """
        item = ImportedItem(
            item_id=item_id,
            input=input,
            references=tuple(text for text in references if text.strip()),
            metadata={
                name: value
                for name, value in (metadata or {}).items()
                if not (isinstance(value, str) and len(value) > _MOST_METADATA)
            },
            place=place,
        )
        earlier = self._items.setdefault(item_id, item)
        if earlier.input != input:
            raise DataError(
                f"{place}: the item {item_id!r} has another input than in {earlier.place}; an id "
                "must name one input: give the two ids of their own"
            )

    def has_item(self, item_id: str) -> bool:
        return item_id in self._items

    def output(
        self,
        item_id: str,
        *,
        system: str,
        output: str | None,
        took: Mapping[str, JsonValue] | None = None,
        error: str = "",
        place: str,
    ) -> bool:
        """Take an output, unless this system has answered the item already; say whether it was.

        Amounts that are no finite numbers of at least 0 are left out and counted.
        """
        if (item_id, system) in self._outputs:
            return False
        known: dict[str, float | int] = {}
        for name, value in (took or {}).items():
            if _is_amount(value):
                known[name] = value
            elif value is not None:
                self.leave_out(f"a {name} that is no number of at least 0")
        self._outputs[item_id, system] = ImportedOutput(
            item_id=item_id, system=system, output=output, took=known, error=error, place=place
        )
        return True

    def rating(
        self,
        item_id: str,
        *,
        system: str,
        rater: str,
        question: str,
        label: JsonValue,
        output: str | None = None,
        seconds: JsonValue = None,
        comment: str = "",
        place: str,
    ) -> None:
        """Take a rating; one that is no single value is left out and counted."""
        text = label_text(label)
        if text is None:
            self.leave_out(f"answers to {question!r} that are no single label")
            return
        self._ratings.append(
            ImportedRating(
                item_id=item_id,
                system=system,
                rater=rater,
                question=question,
                label=text,
                output=output,
                seconds=float(seconds) if _is_amount(seconds) else None,
                comment=comment,
                place=place,
            )
        )

    def verdict(
        self,
        item_id: str,
        *,
        system: str,
        judge: str,
        label: JsonValue,
        reply: JsonValue = "",
        place: str,
    ) -> None:
        """Take a verdict, the first of a judge on an output; what is none is left out."""
        text = label_text(label)
        if text is None:
            self.leave_out(f"scores of {judge!r} that are no single value")
            return
        key = (item_id, system, judge)
        if key in self._verdicts:
            self.leave_out(f"further scores of {judge!r} on the same output")
            return
        self._verdicts[key] = ImportedVerdict(
            item_id=item_id,
            system=system,
            judge=judge,
            label=text,
            reply=reply if isinstance(reply, str) else "",
            place=place,
        )

    def done(self) -> Imported:
        """Return all that was collected.

        Raises:
            DataError: that is nothing.
        """
        if not (self._items or self._outputs or self._ratings or self._verdicts):
            left = "; ".join(f"{what}: {n}" for what, n in self._left_out.items())
            raise DataError(
                f"{self.path.name} was recognised as {self.tool}, but holds no record to take"
                f"{f' (left out: {left})' if left else ''}; export it again with its records"
            )
        return Imported(
            tool=self.tool,
            path=self.path,
            items=tuple(self._items.values()),
            outputs=tuple(self._outputs.values()),
            ratings=tuple(self._ratings),
            verdicts=tuple(self._verdicts.values()),
            became=dict(self._became),
            left_out=dict(self._left_out),
            scales=dict(self._scales),
            by_people=self.by_people,
        )


def label_text(value: JsonValue) -> str | None:
    """Return a label as text; None for what is no single value.

    Numbers that are whole are written without a fraction, so that ``1`` and ``1.0`` are one label.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        return None
    text = value.strip()
    whole = _WHOLE.fullmatch(text)  # CSV writes a column with gaps as 1.0
    return whole[1] if whole else text or None


def answer_texts(value: JsonValue) -> tuple[str, ...]:
    """Return right answers as texts: a list holds several, anything else is one."""
    if value is None:
        return ()
    members = value if isinstance(value, list) else [value]
    return tuple(as_answer(member) for member in members if member is not None)


def _is_amount(value: object) -> TypeGuard[int | float]:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and isfinite(value)
        and value >= 0
    )
