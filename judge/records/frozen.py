"""Evaluation sets frozen by content: the manifest that pins one."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from judge.errors import DataError, did_you_mean
from judge.records.dataset import Dataset
from judge.records.record import Item
from judge.records.strict_json import JsonValue, dump_json, read_strict_json

KIND = "judge frozen set"
FORMAT = 1
HASH = "sha256"

NOT_COVERED = (
    "the order of the items: it is recorded, and another one is told but is no change",
    "how a file is written: its kind and name, the order of columns, JSON white space",
    "columns that the config does not read, ratings, prompts and the rest of the config",
    "outputs of systems that are not under 'outputs'",
)

_PART_DIGITS = 8  # enough to name the part of an item that changed; its whole hash decides
_Json: TypeAlias = dict[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenItem:
    """One item, by content.

    Attributes:
        content: hash of all that could change a score.
        parts: what the item has (input, reference, ...) to the first digits of its hash.
    """

    item_id: str
    content: str
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenCounts:
    """What a frozen set holds, in numbers.

    Attributes:
        slices: dimension to value to the number of its items.
        outputs: system to the number of its answers.
    """

    items: int
    clusters: int
    with_reference: int
    with_schema: int
    slices: Mapping[str, Mapping[str, int]]
    outputs: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenSet:
    """An evaluation set by content: hashes, not texts.

    Ids and slices stand in it as they are, and a short text can be guessed from its hash: a
    manifest keeps no secret.

    Attributes:
        items: in the order of the file.
        outputs: of systems that were frozen too: item id to hash of the answer.
    """

    name: str
    created: datetime
    counts: FrozenCounts
    items: tuple[FrozenItem, ...]
    outputs: Mapping[str, Mapping[str, str]]

    @property
    def fingerprint(self) -> str:
        """Hash of everything frozen, whatever order it came in."""
        items: list[JsonValue] = [*sorted(item.content for item in self.items)]
        outputs: _Json = {name: [*sorted(found.values())] for name, found in self.outputs.items()}
        return _digest({"items": items, "outputs": outputs})


def freeze(
    dataset: Dataset, *, name: str, created: datetime, outputs: Sequence[str] = ()
) -> FrozenSet:
    """Pin an evaluation set by content.

    Args:
        dataset: the whole set.
        name: what it is called, usually the config's name.
        created: when, with a time zone.
        outputs: systems whose answers are frozen too, usually the teacher.

    Raises:
        DataError: there is no such system.
    """
    for system in outputs:
        if system not in dataset.outputs:
            raise DataError(
                f"the outputs of {system!r} cannot be frozen: there is no such system"
                f"{did_you_mean(system, dataset.outputs)}"
            )
    return FrozenSet(
        name=name,
        created=created,
        counts=_counts(dataset, outputs),
        items=tuple(_frozen(item) for item in dataset.items),
        outputs={system: _frozen_outputs(dataset.outputs[system]) for system in outputs},
    )


def manifest_json(frozen: FrozenSet) -> bytes:
    """Return a frozen set as the file that `read_manifest` reads: one line for each item."""
    document = _document(frozen)
    lines = ",\n".join(
        f" {json.dumps(key)}: {_shown(value)}"
        for key, value in {**document, "seal": _digest(document)}.items()
    )
    return f"{{\n{lines}\n}}\n".encode()


def read_manifest(path: Path) -> FrozenSet:
    """Read the manifest of a frozen set.

    The seal tells slips of an editor or a merge, not forgery: who edits the file on purpose can
    write a new seal too. Keep the fingerprint elsewhere where that matters.

    Raises:
        DataError: it cannot be read, is something else, was written by a later version, or was
            edited after it was written.
    """
    document = _read_object(path)
    if document.get("kind") != KIND:
        raise DataError(f"{path.name} is no manifest of a frozen set; judge freeze writes one")
    if (document.get("format"), document.get("hash")) != (FORMAT, HASH):
        raise DataError(
            f"{path.name} has format {document.get('format')} with {document.get('hash')}, and "
            f"this version reads format {FORMAT} with {HASH}: take the version that wrote it, or "
            "freeze the set anew"
        )
    if document.pop("seal", None) != _digest(document):
        raise _edited(path, "its seal does not match its content")
    try:
        manifest = msgspec.convert(document, type=_Manifest)
    except msgspec.ValidationError as error:
        raise _edited(path, str(error)) from error
    frozen = FrozenSet(
        name=manifest.name,
        created=manifest.created,
        counts=manifest.counts,
        items=tuple(
            FrozenItem(item_id=one.id, content=one.hash, parts=one.parts) for one in manifest.items
        ),
        outputs={
            system: {one.id: one.hash for one in found}
            for system, found in manifest.outputs.items()
        },
    )
    if frozen.fingerprint != manifest.fingerprint or not _unique(manifest):
        raise _edited(path, "its fingerprint is not that of its items")
    return frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    id: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _ItemEntry(_Entry):
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manifest:
    kind: Literal["judge frozen set"]
    format: int
    name: str
    created: datetime
    hash: Literal["sha256"]
    fingerprint: str
    counts: FrozenCounts
    not_covered: tuple[str, ...]
    items: tuple[_ItemEntry, ...]
    outputs: Mapping[str, tuple[_Entry, ...]]


def _contents(item: Item) -> _Json:
    """Return what could change a score, and only what the item has.

    A field that a later version adds is absent here until an item has it, so that sets frozen
    before keep their hashes.
    """
    contents: _Json = {
        "input": item.input,
        "reference": list(item.references),
        "slices": dict(item.slices),
        "cluster": item.cluster if item.cluster != item.item_id else "",
        "schema": item.schema,
    }
    kept: _Json = {name: value for name, value in contents.items() if value}
    if item.opponent is not None:
        kept["opponent"] = item.opponent
    return kept


def _frozen(item: Item) -> FrozenItem:
    contents = _contents(item)
    return FrozenItem(
        item_id=item.item_id,
        content=_digest({"id": item.item_id, **contents}),
        parts={
            name: _digest([name, value])[:_PART_DIGITS] for name, value in sorted(contents.items())
        },
    )


def _frozen_outputs(answers: Mapping[str, str]) -> Mapping[str, str]:
    return {name: _digest({"id": name, "output": answer}) for name, answer in answers.items()}


def _counts(dataset: Dataset, outputs: Sequence[str]) -> FrozenCounts:
    return FrozenCounts(
        items=len(dataset.items),
        clusters=len({item.cluster for item in dataset.items}),
        with_reference=sum(bool(item.references) for item in dataset.items),
        with_schema=sum(bool(item.schema) for item in dataset.items),
        slices={
            dimension: dict(
                Counter(
                    item.slices[dimension] for item in dataset.items if dimension in item.slices
                )
            )
            for dimension in dataset.slice_values
        },
        outputs={system: len(dataset.outputs[system]) for system in outputs},
    )


def _document(frozen: FrozenSet) -> _Json:
    items: list[JsonValue] = [
        {"id": one.item_id, "hash": one.content, "parts": dict(one.parts)} for one in frozen.items
    ]
    outputs: _Json = {
        system: [{"id": name, "hash": digest} for name, digest in found.items()]
        for system, found in frozen.outputs.items()
    }
    return {
        "kind": KIND,
        "format": FORMAT,
        "name": frozen.name,
        "created": frozen.created.isoformat(timespec="seconds"),
        "hash": HASH,
        "fingerprint": frozen.fingerprint,
        "counts": asdict(frozen.counts),
        "not_covered": list(NOT_COVERED),
        "items": items,
        "outputs": outputs,
    }


def _shown(value: JsonValue, *, indent: str = " ") -> str:
    """Write a value with one line for each member of a list: short to read, good to diff."""
    if isinstance(value, list) and value:
        lines = ",\n".join(f"{indent} {json.dumps(one, ensure_ascii=False)}" for one in value)
        return f"[\n{lines}\n{indent}]"
    if isinstance(value, dict) and any(isinstance(member, list) for member in value.values()):
        inner = f"{indent} "
        lines = ",\n".join(
            f"{inner}{json.dumps(key, ensure_ascii=False)}: {_shown(member, indent=inner)}"
            for key, member in value.items()
        )
        return f"{{\n{lines}\n{indent}}}"
    return json.dumps(value, ensure_ascii=False)


def _read_object(path: Path) -> _Json:
    try:
        document = read_strict_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # no strict JSON, no UTF-8, or nothing that can be a path
        raise DataError(f"{path.name} is no manifest of a frozen set: {error}") from error
    return document if isinstance(document, dict) else {}


def _unique(manifest: _Manifest) -> bool:
    lists: Iterable[Sequence[_Entry]] = (manifest.items, *manifest.outputs.values())
    return all(len({one.id for one in entries}) == len(entries) for entries in lists)


def _edited(path: Path, why: str) -> DataError:
    return DataError(
        f"{path.name} was edited after it was written: {why}; restore the file that judge freeze "
        "wrote, or freeze the set anew"
    )


def _digest(value: JsonValue) -> str:
    return hashlib.sha256(dump_json(value).encode()).hexdigest()
