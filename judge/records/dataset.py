"""An evaluation set with the answers of each system, read from files and checked."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from judge.errors import DataError, did_you_mean
from judge.records.record import Item, Record, RecordKey, Role, Slices, System
from judge.records.rows import Row, as_answer, read_rows
from judge.records.strict_json import dump_json, read_strict_json

PAIR = "pair"
"""The one system of a set of pairs: each record is a pair of outputs."""

LIST_OF_ALTERNATIVES = "list"
"""The value of `alternatives` that reads a JSON list of right answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemSource:
    """Where the items are and how their columns read.

    Attributes:
        alternatives: the text that separates several right answers, `list` for a JSON list of
            them, or None where a reference is one answer.
        cluster: our field or the file's column that names the cluster; None for the item itself.
        slices: declared slice dimensions; None takes the keys of the `slices` object.
        schema: canonical JSON text of the schema for items without their own; empty for none.
    """

    path: Path
    fields: Mapping[str, str]
    alternatives: str | None = None
    cluster: str | None = None
    slices: tuple[str, ...] | None = None
    schema: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSource:
    """Where the answers of one system are and how their columns read.

    Attributes:
        given: the answers themselves by item, in place of the file, which is then not read; None
            reads the file.
    """

    system: System
    path: Path
    fields: Mapping[str, str]
    given: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Items, systems, and the answers the systems gave.

    Attributes:
        outputs: per system, item id to the raw text; an item a system did not answer is absent.
        drawn_from: fingerprint of the set these items were selected from; empty for all of it.
    """

    items: tuple[Item, ...]
    systems: tuple[System, ...]
    outputs: Mapping[str, Mapping[str, str]]
    drawn_from: str = ""

    @property
    def fingerprint(self) -> str:
        """Hash of the items' content, whatever file format or order they came in."""
        return _fingerprint(msgspec.json.encode(item, order="sorted") for item in self.items)

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
        return _fingerprint(msgspec.json.encode(answer) for answer in self.outputs[system].items())

    @property
    def teacher(self) -> System | None:
        return next((system for system in self.systems if system.role is Role.TEACHER), None)

    @property
    def slice_values(self) -> Mapping[str, tuple[str, ...]]:
        """Each slice dimension with the values that occur, in order of first appearance."""
        values: dict[str, dict[str, None]] = {}
        for item in self.items:
            for dimension, value in item.slices.items():
                values.setdefault(dimension, {})[value] = None
        return {dimension: tuple(found) for dimension, found in values.items()}

    def records(self) -> Iterator[Record]:
        """Yield one record for each system and item: systems in order, items in order."""
        teacher = self.teacher
        for system in self.systems:
            for item in self.items:
                yield self._record(system, item, teacher)

    def records_of(self, item: Item) -> Iterator[Record]:
        """Yield one record for each system, of one item of the set."""
        teacher = self.teacher
        for system in self.systems:
            yield self._record(system, item, teacher)

    def _record(self, system: System, item: Item, teacher: System | None) -> Record:
        taught = {} if teacher is None or system is teacher else self.outputs[teacher.name]
        return Record(
            item_id=item.item_id,
            system=system.name,
            input=item.input,
            output=self.outputs[system.name].get(item.item_id),
            references=item.references,
            teacher_output=taught.get(item.item_id),
            schema=item.schema,
            slices=item.slices,
            cluster=item.cluster,
            opponent=item.opponent,
        )

    def record(self, key: RecordKey) -> Record:
        """Return one record by its key."""
        smaller = self._with_items(tuple(i for i in self.items if i.item_id == key.item_id))
        return next(record for record in smaller.records() if record.key == key)

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
        if ids is not None:
            return self._with_items(
                tuple(item for item in self.items if item.item_id in ids)
            ).selected(limit=limit, filters=filters, sample=sample, seed=seed)
        wanted = filters or {}
        for dimension, value in wanted.items():
            _check_filter(self.slice_values, dimension, value)
        kept = tuple(
            item
            for item in self.items
            if all(item.slices[dimension] == value for dimension, value in wanted.items())
        )
        if sample is not None and sample < len(kept):
            drawn = np.random.default_rng(seed).choice(len(kept), size=sample, replace=False)
            kept = tuple(kept[place] for place in sorted(drawn))
        kept = kept[:limit]
        if not kept:
            raise DataError("no item is left to score: --filter or --limit excludes them all")
        return self._with_items(kept)

    def _with_items(self, kept: tuple[Item, ...]) -> "Dataset":
        names = {item.item_id for item in kept}
        outputs = {
            system: {name: text for name, text in answers.items() if name in names}
            for system, answers in self.outputs.items()
        }
        return replace(self, items=kept, outputs=outputs, drawn_from=self.population)


def read_dataset(items: ItemSource, outputs: tuple[OutputSource, ...]) -> Dataset:
    """Read and check an evaluation set.

    Raises:
        DataError: a missing or duplicate id, an answer to an unknown item, a wrong type, an
            unknown slice, unreadable JSON or CSV, mixed encodings, or an empty file; the message
            names file and row.
    """
    read = _read_items(items)
    known = {item.item_id for item in read}
    return Dataset(
        items=read,
        systems=tuple(source.system for source in outputs),
        outputs={source.system.name: _read_outputs(source, known) for source in outputs},
    )


def read_pairs(source: ItemSource) -> Dataset:
    """Read and check a set of pairs: each row an input and two outputs of it.

    Raises:
        DataError: as `read_dataset`.
    """
    items: list[Item] = []
    first_outputs: dict[str, str] = {}
    for item, row in _checked_items(source):
        items.append(replace(item, opponent=_output_text(row, "output_b")))
        first_outputs[item.item_id] = _output_text(row, "output_a")
    return Dataset(
        items=tuple(items),
        systems=(System(name=PAIR, role=Role.STUDENT),),
        outputs={PAIR: first_outputs},
    )


def read_samples(source: ItemSource, system: System, *, teacher: System | None) -> Dataset:
    """Read and check samples: each row an item with the answer that one system gave to it.

    Args:
        source: the file and how its columns read.
        system: whose answers stand under ``output``.
        teacher: whose answers may stand under ``teacher_output``; None for nobody.

    Raises:
        DataError: as `read_dataset`.
    """
    items: list[Item] = []
    outputs: dict[str, dict[str, str]] = {system.name: {}}
    taught: dict[str, str] = {}
    for item, row in _checked_items(source):
        items.append(item)
        if row.value("output") is not None:
            outputs[system.name][item.item_id] = _output_text(row, "output")
        if row.has("teacher_output") and row.value("teacher_output") is not None:
            taught[item.item_id] = _output_text(row, "teacher_output")
    systems = [system]
    if teacher is not None and taught:
        systems, outputs[teacher.name] = [teacher, system], taught
    return Dataset(items=tuple(items), systems=tuple(systems), outputs=outputs)


def read_schema(path: Path, *, place: str) -> str:
    """Read a JSON Schema file into canonical JSON text.

    Raises:
        DataError: it is absent, or no strict JSON.
    """
    try:
        schema = read_strict_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{place}: the schema {path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # no strict JSON, no UTF-8, or nothing that can be a path
        raise DataError(f"{place}: the schema {path.name!r} is no strict JSON: {error}") from error
    return dump_json(schema)


def _read_items(source: ItemSource) -> tuple[Item, ...]:
    return tuple(item for item, _ in _checked_items(source))


def _checked_items(source: ItemSource) -> Iterator[tuple[Item, Row]]:
    """Yield each item with the row it came from, once nothing is wrong with either."""
    first: Item | None = None
    first_seen: dict[str, int] = {}
    schemas: dict[str, str] = {}
    for row in read_rows(source.path, source.fields):
        item = _item(row, source, schemas)
        if item.item_id in first_seen:
            raise row.error(
                f"the id {item.item_id!r} stands already on line {first_seen[item.item_id]}; "
                "each item needs an id of its own"
            )
        first = first or item
        _check_same_slices(row, first, item)
        first_seen[item.item_id] = row.line
        yield item, row


def _item(row: Row, source: ItemSource, schemas: dict[str, str]) -> Item:
    item_id = row.identifier("id")
    return Item(
        item_id=item_id,
        input=row.text("input") if row.has("input") or "input" in row.fields else "",
        references=_references(row, source.alternatives),
        slices=_slices(row, source.slices),
        cluster=row.identifier(source.cluster) if source.cluster else item_id,
        schema=_schema(row, source, schemas),
    )


def _references(row: Row, alternatives: str | None) -> tuple[str, ...]:
    if not row.has("reference") and "reference" not in row.fields:
        return ()
    value = row.value("reference")
    # CSV has no null: an empty cell says the same.
    if value is None or (value == "" and not row.typed):
        return ()
    if alternatives == LIST_OF_ALTERNATIVES:
        if not isinstance(value, list):
            raise row.wrong_type("reference", "a list of right answers")
        found = tuple(as_answer(member) for member in value)
    elif alternatives and isinstance(value, str):
        found = tuple(part.strip() for part in value.split(alternatives) if part.strip())
    elif isinstance(value, bool | int | float):
        raise row.wrong_type("reference", "text or a JSON object or list")
    else:
        found = (as_answer(value),)
    if not found or not all(text.strip() for text in found):
        raise row.error(
            f"{row.column('reference')!r} is empty, or holds an empty answer; "
            "leave that out, or use null where there is none at all"
        )
    return found


def _slices(row: Row, declared: tuple[str, ...] | None) -> Slices:
    nested = row.value("slices") if row.has("slices") else {}
    if not isinstance(nested, dict):
        raise row.wrong_type("slices", "an object of slice names and values")
    available = {**row.values, **nested} if declared is not None else nested
    values: dict[str, str] = {}
    for dimension in nested if declared is None else declared:
        if row.column(dimension) not in available:
            raise row.error(
                f"unknown slice {dimension!r}{did_you_mean(dimension, available)}; "
                "each declared slice must be a column or a key of 'slices' in every row"
            )
        values[dimension] = _slice_value(row, dimension, available[row.column(dimension)])
    return values


def _slice_value(row: Row, dimension: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) or (isinstance(value, str) and value.strip()):
        return str(value)
    raise row.error(f"slice {dimension!r} must be a text or a whole number, and not empty")


def _check_same_slices(row: Row, first: Item, item: Item) -> None:
    if first.slices.keys() != item.slices.keys():
        odd = min(first.slices.keys() ^ item.slices.keys())
        raise row.error(
            f"slice {odd!r} is not in every row{did_you_mean(odd, first.slices)}; "
            "give each item the same slice dimensions, or declare them with 'slices:'"
        )


def _schema(row: Row, source: ItemSource, schemas: dict[str, str]) -> str:
    value = row.value("schema") if row.has("schema") else None
    if value is None or value == "":
        return source.schema
    if isinstance(value, dict | bool):
        return dump_json(value)
    if not isinstance(value, str):
        raise row.wrong_type("schema", "a JSON Schema object or the path of one")
    if value not in schemas:
        schemas[value] = read_schema(source.path.parent / value, place=row.place)
    return schemas[value]


def _read_outputs(source: OutputSource, known: set[str]) -> Mapping[str, str]:
    if source.given is not None:
        return source.given
    answers: dict[str, str] = {}
    first_seen: dict[str, int] = {}
    for row in read_rows(source.path, source.fields):
        name = row.identifier("id")
        if name not in known:
            raise row.error(
                f"an output for the unknown item {name!r}{did_you_mean(name, known)}; "
                "every output must answer an item of the set"
            )
        if name in first_seen:
            raise row.error(
                f"the id {name!r} stands already on line {first_seen[name]}; "
                f"{source.system.name} can answer an item only once"
            )
        first_seen[name] = row.line
        if row.value("output") is not None:
            answers[name] = _output_text(row, "output")
    return answers


def _output_text(row: Row, field: str) -> str:
    if not isinstance(row.value(field), str):
        raise row.wrong_type(field, "the raw text as the model wrote it")
    return row.text(field)


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


def _fingerprint(parts: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for part in sorted(parts):
        digest.update(part + b"\n")
    return digest.hexdigest()
