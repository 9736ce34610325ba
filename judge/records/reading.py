"""Reading an evaluation set from files, and checking it."""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from judge.errors import DataError, did_you_mean
from judge.records.dataset import PAIR, Dataset
from judge.records.record import Item, Role, Slices, System
from judge.records.rows import Row, as_answer, read_rows
from judge.records.spooled import AnswerWriter, ItemWriter, SpooledItems
from judge.records.strict_json import dump_json, read_strict_json

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


def read_dataset(items: ItemSource, outputs: tuple[OutputSource, ...]) -> Dataset:
    """Read and check an evaluation set.

    Raises:
        DataError: a missing or duplicate id, an answer to an unknown item, a wrong type, an
            unknown slice, unreadable JSON or CSV, mixed encodings, or an empty file; the message
            names file and row.
    """
    read = _read_items(items)
    return Dataset(
        items=read,
        systems=tuple(source.system for source in outputs),
        outputs={source.system.name: _read_outputs(source, read) for source in outputs},
    )


def read_pairs(source: ItemSource) -> Dataset:
    """Read and check a set of pairs: each row an input and two outputs of it.

    Raises:
        DataError: as `read_dataset`.
    """
    items = ItemWriter()
    first_outputs = AnswerWriter(items.positions)
    for item, row in _checked_items(source, items.positions):
        items.add(replace(item, opponent=_output_text(row, "output_b")))
        first_outputs.add(item.item_id, _output_text(row, "output_a"))
    return Dataset(
        items=items.items(),
        systems=(System(name=PAIR, role=Role.STUDENT),),
        outputs={PAIR: first_outputs.answers()},
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
    items = ItemWriter()
    own, taught = AnswerWriter(items.positions), AnswerWriter(items.positions)
    for item, row in _checked_items(source, items.positions):
        items.add(item)
        if row.value("output") is not None:
            own.add(item.item_id, _output_text(row, "output"))
        if row.has("teacher_output") and row.value("teacher_output") is not None:
            taught.add(item.item_id, _output_text(row, "teacher_output"))
    systems, outputs = [system], {system.name: own.answers()}
    of_teacher = taught.answers()
    if teacher is not None and of_teacher:
        systems, outputs[teacher.name] = [teacher, system], of_teacher
    return Dataset(items=items.items(), systems=tuple(systems), outputs=outputs)


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


def _read_items(source: ItemSource) -> SpooledItems:
    items = ItemWriter()
    for item, _ in _checked_items(source, items.positions):
        items.add(item)
    return items.items()


def _checked_items(source: ItemSource, positions: Mapping[str, int]) -> Iterator[tuple[Item, Row]]:
    """Yield each item with the row it came from, once nothing is wrong with either.

    Args:
        source: where they are.
        positions: of the items up to now, by id: whoever asks for the next has added the last.
    """
    first: Item | None = None
    lines = array("Q")  # by position: what the ids take is taken once
    schemas: dict[str, str] = {}
    for row in read_rows(source.path, source.fields):
        item = _item(row, source, schemas)
        if item.item_id in positions:
            raise row.error(
                f"the id {item.item_id!r} stands already on line {lines[positions[item.item_id]]}; "
                "each item needs an id of its own"
            )
        first = first or item
        _check_same_slices(row, first, item)
        lines.append(row.line)
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


def _beside(items: Path, row: Row, name: str) -> Path:
    """Return the path of a file that a row names: rows are data, and read no other folder."""
    path = items.parent / name
    try:
        is_beside = path.resolve().is_relative_to(items.parent.resolve())
    except ValueError as error:  # a NUL is in it
        raise row.error(f"{name[:100]!r} is the name of no file") from error
    if not is_beside:
        raise row.error(
            f"the schema {name[:100]!r} lies outside of the folder of {items.name}; a row may name "
            "a schema there or in a folder below, or hold the schema itself"
        )
    return path


def _schema(row: Row, source: ItemSource, schemas: dict[str, str]) -> str:
    value = row.value("schema") if row.has("schema") else None
    if value is None or value == "":
        return source.schema
    if isinstance(value, dict | bool):
        return dump_json(value)
    if not isinstance(value, str):
        raise row.wrong_type("schema", "a JSON Schema object or the path of one")
    if value not in schemas:
        schemas[value] = read_schema(_beside(source.path, row, value), place=row.place)
    return schemas[value]


def _read_outputs(source: OutputSource, items: SpooledItems) -> Mapping[str, str]:
    if source.given is not None:
        return source.given
    known = items.positions
    answers = AnswerWriter(known)
    lines = array("Q", bytes(8 * len(known)))  # by position; 0 before there is one
    for row in read_rows(source.path, source.fields):
        name = row.identifier("id")
        if name not in known:
            raise row.error(
                f"an output for the unknown item {name!r}{did_you_mean(name, known)}; "
                "every output must answer an item of the set"
            )
        if line := lines[known[name]]:
            raise row.error(
                f"the id {name!r} stands already on line {line}; "
                f"{source.system.name} can answer an item only once"
            )
        lines[known[name]] = row.line
        if row.value("output") is not None:
            answers.add(name, _output_text(row, "output"))
    return answers.answers()


def _output_text(row: Row, field: str) -> str:
    if not isinstance(row.value(field), str):
        raise row.wrong_type(field, "the raw text as the model wrote it")
    return row.text(field)
