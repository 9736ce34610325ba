"""What goes wrong with the format of outputs: how often, where, and in plain words what to do."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from judge.records.record import RecordKey, Unit
from judge.reports.groups import OVERALL
from judge.results.format_faults import (
    OUTPUT_EMPTY,
    OUTPUT_MISSING,
    OUTPUT_NOT_JSON,
    ErrorKind,
    Shape,
)
from judge.results.outcome import Outcome, Score

MOST_FREQUENT = 5

Part: TypeAlias = tuple[str, str]
"""A system, and ``overall`` or ``dimension=value``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartErrors:
    """What goes wrong in one part. Every number counts outputs that have a score.

    Attributes:
        outputs: how many there are.
        strict: how many are exactly one JSON document that the schema accepts.
        lenient: how many are if they are read leniently; never fewer.
        shapes: of those that are no strict JSON, how many by the outermost thing to forgive.
        kinds: how many have at least one error of a kind.
        repairs: of those that are no strict JSON and could be repaired, the characters it takes,
            rising.
    """

    outputs: int
    strict: int
    lenient: int
    shapes: Mapping[str, int]
    kinds: Mapping[str, int]
    repairs: Sequence[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FrequentError:
    """One thing that goes wrong in many outputs.

    Attributes:
        kind: an `ErrorKind`, a `Shape`, or the flag of an output that is not there.
        keyword: of the schema; empty where the output is no JSON.
        place: JSON pointer, with ``*`` for any position in a list.
        wanted: what the schema asks for there, as short text.
        outputs: in how many outputs of each system; 0 where a system does not do it.
        item_id: of the first output that has it.
        system: of that output.
        message: what is wrong with that output, in the words of the validator or parser.
        fix: what to tell the model, in plain words.
    """

    kind: str
    keyword: str
    place: str
    wanted: str
    outputs: Mapping[str, int]
    item_id: str
    system: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdherenceErrors:
    """What goes wrong in each system and slice, and what goes wrong most.

    Attributes:
        parts: of each system, overall and by slice.
        frequent: most frequent first, counted over the outputs of all systems.
        refused: the outputs that are wrong however leniently they are read.
    """

    parts: Mapping[Part, PartErrors]
    frequent: Sequence[FrequentError]
    refused: AbstractSet[RecordKey]


def adherence_errors(
    scored: Iterable[tuple[Unit, Outcome]], *, most: int = MOST_FREQUENT
) -> AdherenceErrors:
    """Count what is wrong with the format of outputs.

    Args:
        scored: records with their adherence outcomes; whatever is no score is not counted.
        most: how many of the frequent errors are told.
    """
    parts: dict[Part, _Tally] = {}
    errors: dict[_Error, Counter[str]] = {}
    examples: dict[_Error, tuple[Unit, str]] = {}
    systems: dict[str, None] = {}
    refused: set[RecordKey] = set()
    for record, outcome in scored:
        if not isinstance(outcome, Score):
            continue
        systems[record.system] = None
        if not _accepted_leniently(outcome):
            refused.add(record.key)
        found = dict(_errors_of(outcome))
        for part in _parts_of(record):
            parts.setdefault(part, _Tally()).add(outcome, found)
        for error, message in found.items():
            errors.setdefault(error, Counter())[record.system] += 1
            examples.setdefault(error, (record, message))
    ranked = sorted(errors, key=lambda error: (-errors[error].total(), error))
    return AdherenceErrors(
        parts={part: tally.counted() for part, tally in parts.items()},
        frequent=[
            _frequent(error, {name: errors[error][name] for name in systems}, *examples[error])
            for error in ranked[:most]
        ],
        refused=refused,
    )


def _accepted_leniently(score: Score) -> bool:
    """Whether an output is right if it is read leniently; so is one that is strictly right."""
    lenient = score.details.get("lenient")
    forgiven = isinstance(lenient, Mapping) and lenient.get("valid") is True
    return score.value == 1.0 or forgiven


_Error: TypeAlias = tuple[str, str, str, str]
"""Kind, keyword, place, and what was wanted."""


@dataclass(slots=True)
class _Tally:
    outputs: int = 0
    strict: int = 0
    lenient: int = 0
    shapes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    repairs: list[int] = field(default_factory=list)

    def add(self, score: Score, errors: Iterable[_Error]) -> None:
        self.outputs += 1
        self.strict += score.value == 1.0
        self.lenient += _accepted_leniently(score)
        lenient = score.details.get("lenient")
        distance = lenient.get("distance") if isinstance(lenient, Mapping) else None
        if isinstance(distance, int):
            self.repairs.append(distance)
        kinds = {kind for kind, _, _, _ in errors}
        shaped = OUTPUT_NOT_JSON in score.flags
        (self.shapes if shaped else self.kinds).update(kinds)

    def counted(self) -> PartErrors:
        return PartErrors(
            outputs=self.outputs,
            strict=self.strict,
            lenient=self.lenient,
            shapes=dict(self.shapes),
            kinds=dict(self.kinds),
            repairs=sorted(self.repairs),
        )


def _parts_of(record: Unit) -> Iterator[Part]:
    yield record.system, OVERALL
    for dimension, value in record.slices.items():
        yield record.system, f"{dimension}={value}"


def _errors_of(score: Score) -> Iterator[tuple[_Error, str]]:
    """Yield what is wrong with an output, each thing once, with a message."""
    details = score.details
    lenient = details.get("lenient")
    if OUTPUT_NOT_JSON in score.flags:
        shapes = lenient.get("shapes") if isinstance(lenient, Mapping) else None
        shape = shapes[0] if isinstance(shapes, Sequence) and shapes else Shape.NOT_JSON.value
        yield (str(shape), "", "", ""), str(details.get("message", ""))
        return
    for flag in (OUTPUT_MISSING, OUTPUT_EMPTY):
        if flag in score.flags:
            yield (flag, "", "", ""), ""
    listed = details.get("errors")
    if isinstance(listed, Sequence):
        for error in listed:
            named = (str(error[name]) for name in ("kind", "keyword", "pointer", "wanted"))
            kind, keyword, pointer, wanted = named
            yield (kind, keyword, _generalised(pointer), wanted), str(error["message"])
    elif score.flags and "message" in details:
        yield (ErrorKind.OTHER.value, "", "", ""), str(details["message"])


def _generalised(pointer: str) -> str:
    return re.sub(r"/\d+(?=/|\Z)", "/*", pointer)


def _frequent(
    error: _Error, outputs: Mapping[str, int], record: Unit, message: str
) -> FrequentError:
    kind, keyword, place, wanted = error
    return FrequentError(
        kind=kind,
        keyword=keyword,
        place=place,
        wanted=wanted,
        outputs=outputs,
        item_id=record.item_id,
        system=record.system,
        message=message,
        fix=_fix(error),
    )


_WHOLE_OUTPUT: Mapping[str, str] = MappingProxyType(
    {
        Shape.FENCED.value: "Write the JSON alone: no ``` before or after it.",
        Shape.PROSE_AROUND.value: "Write nothing before or after the JSON.",
        Shape.TRAILING_COMMA.value: "Write no comma after the last member or item.",
        Shape.TRUNCATED.value: "The output ends too early: allow more tokens, or ask for less.",
        Shape.SEVERAL_DOCUMENTS.value: "Write one JSON document; several belong into one list.",
        Shape.AMBIGUOUS.value: "Write each key once, only finite numbers, and no deep nesting.",
        Shape.NOT_JSON.value: "Write JSON: keys and texts in double quotes.",
        OUTPUT_MISSING: "There is no output for this item: run the system on it.",
        OUTPUT_EMPTY: "The output is empty: look at how the system was run.",
        ErrorKind.OTHER.value: "The schema does not accept the output: look at the example.",
    }
)
_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "number": "a number",
        "integer": "a whole number",
        "string": "a text in double quotes",
        "boolean": "true or false",
        "array": "a list in [ ]",
        "object": "an object in { }",
        "null": "null",
    }
)
_BOUNDS: Mapping[str, str] = MappingProxyType(
    {
        "minimum": "a number of at least {}",
        "maximum": "a number of at most {}",
        "exclusiveMinimum": "a number above {}",
        "exclusiveMaximum": "a number below {}",
        "multipleOf": "a multiple of {}",
        "minLength": "a text of at least {} characters",
        "maxLength": "a text of at most {} characters",
        "minItems": "a list of at least {} items",
        "maxItems": "a list of at most {} items",
        "minProperties": "an object of at least {} members",
        "maxProperties": "an object of at most {} members",
        "uniqueItems": "a list in which no item stands twice",
        "contains": "a list with an item of the kind that the schema asks for",
        "minContains": "a list with more items of the kind that the schema asks for",
        "maxContains": "a list with fewer items of the kind that the schema speaks of",
    }
)


_FIXES: Mapping[str, str] = MappingProxyType(
    {
        ErrorKind.MISSING.value: "Always write {wanted!r} in the object {where}.",
        ErrorKind.EXTRA.value: "Leave out {wanted} {where}: the schema does not know it.",
        ErrorKind.TYPE.value: "Write {wanted} {where}.",
        ErrorKind.ENUM.value: "Write one of these {where}, to the letter: {wanted}.",
        ErrorKind.FORMAT.value: "Write a text of the format {wanted!r} {where}.",
        ErrorKind.BOUND.value: "Write {wanted} {where}.",
        ErrorKind.PATTERN.value: "Write a text that matches {wanted} {where}.",
        ErrorKind.ALTERNATIVE.value: (
            "What stands {where} must be exactly what one of the alternatives asks for."
        ),
        ErrorKind.OTHER.value: "What stands {where} does not meet {keyword!r}: see the example.",
    }
)


# Of what is asked of the whole of a text, by keyword and kind.
_TEXT_FIXES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("pattern", ErrorKind.PATTERN.value): "Write a text in which {wanted} is found.",
        ("forbidden", ErrorKind.EXTRA.value): "Write a text in which {wanted} is nowhere.",
        ("one_of", ErrorKind.ENUM.value): "Write one of these and nothing else: {wanted}.",
        ("headings", ErrorKind.MISSING.value): "Write the heading {wanted!r} on a line of its own.",
        ("headings", ErrorKind.OTHER.value): "Write the headings in this order: {wanted}.",
        ("min_words", ErrorKind.BOUND.value): "Write at least {wanted} words.",
        ("max_words", ErrorKind.BOUND.value): "Write at most {wanted} words.",
        ("min_characters", ErrorKind.BOUND.value): "Write at least {wanted} characters.",
        ("max_characters", ErrorKind.BOUND.value): "Write at most {wanted} characters.",
        ("max_lines", ErrorKind.BOUND.value): "Write at most {wanted} lines.",
    }
)


def _fix(error: _Error) -> str:
    kind, keyword, place, wanted = error
    if not place and (words := _TEXT_FIXES.get((keyword, kind))) is not None:
        return words.format(wanted=wanted)
    if not keyword:
        return _WHOLE_OUTPUT.get(kind, "")
    if kind == ErrorKind.TYPE:
        wanted = " or ".join(_TYPES.get(name, name) for name in wanted.split(" or "))
    if kind == ErrorKind.BOUND:
        wanted = _BOUNDS.get(keyword, keyword).format(wanted)
    template = _FIXES.get(kind, _FIXES[ErrorKind.OTHER.value])
    return template.format(
        wanted=wanted or "what stands",
        where=f"at {place}" if place else "at the top",
        keyword=keyword,
    )
