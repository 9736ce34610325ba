"""What people said of outputs: one rater's label for one record, read from files and checked."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import TypeVar

import msgspec

from judge.errors import DataError, did_you_mean
from judge.records.dataset import Dataset
from judge.records.label import LabelKey, read_label
from judge.records.planned import CHANCE, read_filled_in
from judge.records.record import RecordKey, Target
from judge.records.rows import Row, read_rows
from judge.records.scale import Scale

_E = TypeVar("_E", bound=StrEnum)


class LabelSource(StrEnum):
    """Where a label comes from."""

    HUMAN = "human"
    CONSTRUCTED = "constructed"
    """Made by an author together with the output it labels: shows machinery, proves nothing."""


class Aggregate(StrEnum):
    """How the labels of several raters become one."""

    MAJORITY = "majority"
    """The most frequent one; a tie is set aside."""
    MEDIAN = "median"
    """The middle one; of two middle ones the worse."""
    MEAN = "mean"
    """The category nearest to the mean of their values; half way between two, the worse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One label.

    Attributes:
        label: a category of the scale.
        blind: whether the rater saw neither the judge's verdict nor the system's name.
        inclusion_probability: chance in (0, 1] with which this record was drawn for rating;
            None where nobody knows.
        shared_draw: whether one random number drew the item in all systems, so that two of them
            were drawn together with the lesser of their chances.
        comment: the rater's own words; empty where there are none.
        output_hash: SHA-256 of the text that was rated, as hexadecimal digits.
        place: file and row it was read from, for messages.
    """

    item_id: str
    system: str
    criterion: str
    target: Target
    rater: str
    label: str
    source: LabelSource
    blind: bool
    inclusion_probability: float | None
    shared_draw: bool = False
    comment: str = ""
    output_hash: str = ""
    place: str

    @property
    def key(self) -> RecordKey:
        return RecordKey(item_id=self.item_id, system=self.system)


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingSource:
    """Where ratings are, how their columns read, and what holds for those rows that do not say.

    Attributes:
        labels: a label as stored to the category it means; empty where they are the same.
        random: whether the rated records are a simple random draw.
        probability_field: the column with inclusion probabilities; empty where there is none.
        plan: the plan by which rows name a task, and not a record; None where they name one.
        complete: whether every row of the plan has a label; found out when it is read.
        quoted: items whose text the judge's prompt quotes: their labels prove nothing.
        rows: what people said, where it was sent and lies in no file.
    """

    path: Path
    fields: Mapping[str, str]
    labels: Mapping[LabelKey, str]
    criterion: str
    target: Target
    source: LabelSource
    blind: bool
    random: bool
    probability_field: str = ""
    plan: Path | None = None
    complete: bool = False
    quoted: frozenset[str] = frozenset()
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingSet:
    """The ratings of one criterion and target, and what was left out of them.

    Attributes:
        set_aside: why ratings were not used, with their number.
    """

    ratings: tuple[Rating, ...]
    set_aside: Mapping[str, int]

    @property
    def fingerprint(self) -> str:
        """Hash of what people said, whatever order it came in."""
        digest = hashlib.sha256()
        for body in sorted(
            msgspec.json.encode([r.item_id, r.system, r.criterion, r.target, r.rater, r.label])
            for r in self.ratings
        ):
            digest.update(body + b"\n")
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Consensus:
    """What the raters of one record said together."""

    key: RecordKey
    label: str
    n_raters: int


def read_ratings(
    source: RatingSource, dataset: Dataset, scale: Scale, *, known_ids: AbstractSet[str]
) -> RatingSet:
    """Read and check ratings of the records of a set.

    Ratings of systems that are not in the set, of items a filter left out or the judge's prompt
    quotes, and on another criterion or target are set aside and counted; and of a plan's rows
    those that nobody has labelled yet or whose text has changed.

    Args:
        source: the file and how it reads.
        dataset: what was scored.
        scale: what the labels must stand on.
        known_ids: every item id there is, also those a filter left out.

    Raises:
        DataError: an unknown item, a label off the scale, two different labels of one rater for
            one record, a rating of another text, a probability outside (0, 1]; the message names
            file and row.
    """
    systems = [system.name for system in dataset.systems]
    items = dataset.item_ids
    ratings: dict[tuple[RecordKey, str], Rating] = {}
    source, rows, set_aside = _rows(source, dataset)
    for row in rows:
        _check_item(row, known_ids)
        if (question := _other_question(row, source)) is not None:
            set_aside[question] += 1  # and its label not read: it may stand on another scale
            continue
        rating = _rating(row, source, scale, systems)
        if (reason := _not_used(rating, source, systems, items)) is not None:
            set_aside[reason] += 1
            continue
        rating = replace(
            rating, output_hash=text_hash(dataset.outputs[rating.system].get(rating.item_id))
        )
        _check_text(row, rating.output_hash)
        earlier = ratings.setdefault((rating.key, rating.rater), rating)
        if earlier.label != rating.label:
            raise row.error(
                f"{rating.rater} labels {rating.item_id} of {rating.system} {rating.label!r}, "
                f"but {earlier.label!r} in {earlier.place}; keep one of the two"
            )
        if earlier is not rating:
            set_aside["the same rating twice"] += 1
    return RatingSet(ratings=tuple(ratings.values()), set_aside=dict(set_aside))


def merged(one: RatingSet, other: RatingSet) -> RatingSet:
    """Return two sets of ratings of the same records as one.

    Raises:
        DataError: a rater says one thing of a record in one of them, and another in the other.
    """
    ratings = {(rating.key, rating.rater): rating for rating in one.ratings}
    set_aside = Counter(one.set_aside) + Counter(other.set_aside)
    for rating in other.ratings:
        earlier = ratings.setdefault((rating.key, rating.rater), rating)
        if earlier.label != rating.label:
            raise DataError(
                f"{rating.place}: {rating.rater} labels {rating.item_id} of {rating.system} "
                f"{rating.label!r}, but {earlier.label!r} in {earlier.place}; keep one of the two"
            )
        if earlier is not rating:
            set_aside["the same rating twice"] += 1
    return RatingSet(ratings=tuple(ratings.values()), set_aside=dict(set_aside))


def consensus(
    ratings: Sequence[Rating], scale: Scale, *, aggregate: Aggregate = Aggregate.MAJORITY
) -> tuple[list[Consensus], int]:
    """Return what the raters of each record said together, and the number of records with a tie.

    Args:
        ratings: each rater at most once for each record.
        scale: what the labels stand on.
        aggregate: the declared rule.
    """
    votes: dict[RecordKey, list[str]] = {}
    for rating in ratings:
        votes.setdefault(rating.key, []).append(rating.label)
    agreed, ties = [], 0
    for key, labels in votes.items():
        label = together(labels, scale, aggregate=aggregate)
        if label is None:
            ties += 1
        else:
            agreed.append(Consensus(key=key, label=label, n_raters=len(labels)))
    return agreed, ties


def together(labels: Sequence[str], scale: Scale, *, aggregate: Aggregate) -> str | None:
    """Return the one label that stands for several, by the declared rule; None for a tie."""
    if aggregate is Aggregate.MAJORITY:
        (label, most), *others = Counter(labels).most_common(2)
        return None if others and others[0][1] == most else label
    codes = sorted(scale.code(label) for label in labels)
    if aggregate is Aggregate.MEDIAN:
        return scale.categories[codes[(len(codes) - 1) // 2]]
    return scale.categories[ceil(Fraction(sum(codes), len(codes)) - Fraction(1, 2))]


def text_hash(output: str | None) -> str:
    """Return the SHA-256 of an output as hexadecimal digits; no output counts as an empty one."""
    return hashlib.sha256((output or "").encode("utf-8", "surrogatepass")).hexdigest()


def _rows(
    source: RatingSource, dataset: Dataset
) -> tuple[RatingSource, Iterable[Row], Counter[str]]:
    """Return rows that name their record, how they read, and what was set aside already."""
    if source.rows:
        return source, source.rows, Counter()
    if source.plan is None:
        return source, read_rows(source.path, source.fields), Counter()
    found = read_filled_in(
        source.path,
        source.fields,
        source.plan,
        criterion=source.criterion,
        target=source.target,
        labels=source.labels,
        texts={record.key: text_hash(record.output) for record in dataset.records()},
    )
    chances = CHANCE if found.chances_known else ""
    known = replace(source, random=False, probability_field=chances, complete=found.complete)
    return known, found.rows, Counter(found.set_aside)


def _rating(row: Row, source: RatingSource, scale: Scale, systems: Sequence[str]) -> Rating:
    # In a set of one system, such as pairs, nobody needs to say which.
    alone = systems[0] if len(systems) == 1 and not row.has("system") else None
    return Rating(
        item_id=row.identifier("id"),
        system=alone or row.identifier("system"),
        criterion=source.criterion,
        target=source.target,
        rater=row.identifier("rater"),
        label=read_label(row, "label", labels=source.labels, scale=scale),
        source=_one_of(row, "source", LabelSource, source.source),
        blind=_blind(row, default=source.blind),
        inclusion_probability=_probability(row, source),
        shared_draw=source.complete,
        comment=row.text("comment") if row.has("comment") else "",
        place=row.place,
    )


def _one_of(row: Row, field: str, kind: type[_E], default: _E) -> _E:
    if not row.has(field):
        return default
    text = row.text(field)
    try:
        return kind(text)
    except ValueError as error:
        known = ", ".join(member.value for member in kind)
        raise row.error(f"{row.column(field)!r} is {text!r}; it must be one of {known}") from error


def _blind(row: Row, *, default: bool) -> bool:
    if not row.has("blind"):
        return default
    value = row.value("blind")
    texts = {"true": True, "false": False}
    if isinstance(value, bool):
        return value
    if not row.typed and str(value).casefold() in texts:
        return texts[str(value).casefold()]
    raise row.wrong_type("blind", "true or false")


def _probability(row: Row, source: RatingSource) -> float | None:
    field = source.probability_field
    if not field:
        return 1.0 if source.random else None
    value = row.value(field)
    try:
        probability = float(value) if isinstance(value, int | float | str) else 0.0
    except ValueError:
        probability = 0.0
    if isinstance(value, bool) or not 0 < probability <= 1:
        raise row.error(
            f"the inclusion probability {row.column(field)!r} must be in (0, 1], not {value!r}"
        )
    return probability


def _check_item(row: Row, known_ids: AbstractSet[str]) -> None:
    name = row.identifier("id")
    if name not in known_ids:
        raise row.error(
            f"a rating for the unknown item {name!r}{did_you_mean(name, known_ids)}; "
            "every rating must be of an item of the set"
        )


def _other_question(row: Row, source: RatingSource) -> str | None:
    criterion = row.identifier("criterion") if row.has("criterion") else source.criterion
    if criterion != source.criterion:
        return f"on the criterion {criterion}"
    target = _one_of(row, "target", Target, source.target)
    if target is not source.target:
        return f"against the target {target}"
    return None


def _not_used(
    rating: Rating, source: RatingSource, systems: Sequence[str], items: AbstractSet[str]
) -> str | None:
    if rating.system not in systems:
        return f"of the system {rating.system}, which is not in the config"
    if rating.item_id not in items:
        return "of items left out by --limit or --filter"
    if rating.item_id in source.quoted:
        return "of items that the judge's prompt quotes"
    return None


def _check_text(row: Row, output_hash: str) -> None:
    if not row.has("output_hash"):
        return
    if row.text("output_hash") != output_hash:
        raise row.error("the rated text is not the output of this set; rate the new text")
