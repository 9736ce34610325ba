"""Several imported files as one evaluation set, its ratings and its recorded judges."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from judge.errors import DataError
from judge.importers.columns import few_values
from judge.importers.imported import (
    ONLY_SYSTEM,
    Imported,
    ImportedItem,
    ImportedOutput,
    ImportedRating,
    ImportedVerdict,
)
from judge.importers.scales import MOST_CATEGORIES, scale_of
from judge.records.record import RecordKey
from judge.records.scale import Scale
from judge.records.strict_json import JsonValue

_TAGS = "tags"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What several files hold together.

    Attributes:
        slices: per item, its value in every dimension.
        outputs: by system, in order of first appearance.
        ratings: each with the system it is about.
        verdicts: by judge, those that stand on a scale.
        scales: by judge.
        left_out: what was not taken, with how many.
    """

    items: Sequence[ImportedItem]
    slices: Mapping[str, Mapping[str, str]]
    outputs: Mapping[str, Sequence[ImportedOutput]]
    ratings: Sequence[ImportedRating]
    verdicts: Mapping[str, Sequence[ImportedVerdict]]
    scales: Mapping[str, Scale]
    left_out: Mapping[str, int]

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The slice dimensions, the same in every item."""
        return tuple(next(iter(self.slices.values()), {}))


def merge(files: Sequence[Imported]) -> Merged:
    """Make one set of several files.

    Files of ratings alone, such as an export of an annotation tool, give items and outputs only
    where no other file does. Their records are found by id and system, else by the output's text.

    Raises:
        DataError: an id names two inputs, a system answers an item twice, no file has outputs, or
            no rating is of a record of the set.
    """
    files = [_named(one) for one in files]
    basis = [one for one in files if not one.by_people] or files
    merging = _Merging()
    for one in basis:
        merging.take_set(one)
    if not merging.outputs:
        raise DataError(
            f"{', '.join(one.path.name for one in basis)}: no outputs of any system; give them "
            "with --system NAME=FILE"
        )
    for one in files:
        merging.take_opinions(one)
    return merging.done(files)


def _named(imported: Imported) -> Imported:
    """Give the outputs of a file that does not say whose they are the file's name."""
    if ONLY_SYSTEM not in imported.systems:
        return imported
    return renamed(imported, _system_name(imported), only=ONLY_SYSTEM)


def renamed(imported: Imported, name: str, *, only: str) -> Imported:
    """Return a file's rows with one of its systems under another name."""

    def system(found: str) -> str:
        return name if found in {only, ONLY_SYSTEM} else found

    return replace(
        imported,
        outputs=[replace(one, system=system(one.system)) for one in imported.outputs],
        ratings=[replace(one, system=system(one.system)) for one in imported.ratings],
        verdicts=[replace(one, system=system(one.system)) for one in imported.verdicts],
    )


def _system_name(imported: Imported) -> str:
    return re.sub(r"[^\w.-]+", "-", imported.path.stem).strip("-.") or "system"


@dataclass(slots=True)
class _Merging:
    items: dict[str, ImportedItem] = field(default_factory=dict)
    outputs: dict[str, dict[str, ImportedOutput]] = field(default_factory=dict)
    ratings: list[ImportedRating] = field(default_factory=list)
    verdicts: dict[str, dict[RecordKey, ImportedVerdict]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    _texts: dict[str, list[RecordKey]] = field(default_factory=dict)

    def take_set(self, imported: Imported) -> None:
        for item in imported.items:
            self._take_item(item)
        for output in imported.outputs:
            answers = self.outputs.setdefault(output.system, {})
            if (earlier := answers.get(output.item_id)) is not None:
                raise DataError(
                    f"{output.place}: {output.system} has answered the item {output.item_id!r} in "
                    f"{earlier.place} already; if they are two systems, name them: "
                    "--system NAME=FILE"
                )
            if output.item_id not in self.items:
                self._take_item(_unasked(output))
            answers[output.item_id] = output
            key = RecordKey(item_id=output.item_id, system=output.system)
            self._texts.setdefault(output.output or "", []).append(key)

    def take_opinions(self, imported: Imported) -> None:
        found = 0
        for rating in imported.ratings:
            if (key := self._record(rating.item_id, rating.system, rating.output)) is None:
                self.left_out["ratings of outputs that no file holds"] += 1
            else:
                found += 1
                self.ratings.append(replace(rating, item_id=key.item_id, system=key.system))
        if imported.ratings and not found:
            raise DataError(
                f"{imported.ratings[0].place}: no rating of {imported.path.name} is of an output "
                "of the set; give what was rated its 'id' and 'system', or its text under 'output'"
            )
        for verdict in imported.verdicts:
            if (key := self._record(verdict.item_id, verdict.system, None)) is None:
                self.left_out["verdicts on outputs that no file holds"] += 1
                continue
            known = self.verdicts.setdefault(verdict.judge, {})
            if key in known:
                self.left_out[f"further verdicts of {verdict.judge} on the same output"] += 1
            known.setdefault(key, replace(verdict, item_id=key.item_id, system=key.system))

    def done(self, files: Iterable[Imported]) -> Merged:
        declared = {judge: scale for one in files for judge, scale in one.scales.items()}
        self._leave_out_running_text()
        scales: dict[str, Scale] = {}
        for judge, verdicts in self.verdicts.items():
            labels = [one.label for one in verdicts.values()]
            scale = scale_of(labels, declared=declared.get(judge))
            if isinstance(scale, str):
                self.left_out[f"verdicts of {judge}: {scale}"] += len(labels)
            else:
                scales[judge] = scale
        return Merged(
            items=tuple(self.items.values()),
            slices=self._slices(),
            outputs={system: tuple(found.values()) for system, found in self.outputs.items()},
            ratings=tuple(self.ratings),
            verdicts={judge: tuple(self.verdicts[judge].values()) for judge in scales},
            scales=scales,
            left_out=dict(self.left_out),
        )

    def _leave_out_running_text(self) -> None:
        """Set aside answers to questions that people answered in their own words."""
        labels: dict[str, set[str]] = {}
        for rating in self.ratings:
            labels.setdefault(rating.question, set()).add(rating.label)
        for question, found in labels.items():
            if len(found) > MOST_CATEGORIES and isinstance(why := scale_of(sorted(found)), str):
                kept = [one for one in self.ratings if one.question != question]
                self.left_out[f"answers to {question!r}: {why}"] += len(self.ratings) - len(kept)
                self.ratings = kept

    def _take_item(self, item: ImportedItem) -> None:
        earlier = self.items.setdefault(item.item_id, item)
        if earlier.input and item.input and earlier.input != item.input:
            raise DataError(
                f"{item.place}: the item {item.item_id!r} has another input than in "
                f"{earlier.place}; an id must name one input: import the files one by one, or give "
                "the items ids of their own"
            )
        self.items[item.item_id] = replace(
            earlier,
            input=earlier.input or item.input,
            references=earlier.references or item.references,
            metadata={**item.metadata, **earlier.metadata},
        )

    def _record(self, item_id: str, system: str, text: str | None) -> RecordKey | None:
        """Find the record an opinion is about: by its names, else by the text that was shown."""
        systems = [name for name, answers in self.outputs.items() if item_id in answers]
        if system in systems:
            key = RecordKey(item_id=item_id, system=system)
            return key if text is None or key in self._texts.get(text, ()) else None
        if system == ONLY_SYSTEM and systems and text is None and self._answered_once:
            return RecordKey(item_id=item_id, system=systems[0])
        same = self._texts.get(text, []) if text is not None else []
        of_item = [key for key in same if key.item_id == item_id]
        chosen = of_item or same
        return chosen[0] if len(chosen) == 1 else None

    @property
    def _answered_once(self) -> bool:
        """Whether no two systems have answered one item, so that its id names the output, too."""
        return len(self.outputs) == 1 or sum(map(len, self.outputs.values())) == len(self.items)

    def _slices(self) -> Mapping[str, Mapping[str, str]]:
        """Return each item's value of those metadata that have few values in all items."""
        columns = {name for item in self.items.values() for name in item.metadata}
        ordered = [name for item in self.items.values() for name in item.metadata]
        values = {
            name: [_categorical(name, item.metadata.get(name)) for item in self.items.values()]
            for name in columns
        }
        few = [name for name in dict.fromkeys(ordered) if few_values(values[name])]
        for name in dict.fromkeys(ordered):
            if name not in few:
                self.left_out[f"metadata {name!r}, which tells no slices apart"] += 1
        return {
            item_id: {name: _slice_text(values[name][place]) for name in few}
            for place, item_id in enumerate(self.items)
        }


def _unasked(output: ImportedOutput) -> ImportedItem:
    return ImportedItem(
        item_id=output.item_id, input="", references=(), metadata={}, place=output.place
    )


def _categorical(name: str, value: JsonValue) -> JsonValue:
    if name == _TAGS and isinstance(value, list):
        return "+".join(sorted(str(one) for one in value))
    return value


def _slice_text(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
