"""What people said of outputs: one rater's label for one record, read from files and checked."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeAlias, TypeVar

import msgspec

from judge.errors import did_you_mean
from judge.records.dataset import Dataset
from judge.records.record import RecordKey, Target
from judge.records.rows import Row, read_rows
from judge.records.scale import Scale

LabelKey: TypeAlias = bool | int | str
"""A label as it stands in a file: JSON keeps types apart, CSV has only text."""

_E = TypeVar("_E", bound=StrEnum)


class LabelSource(StrEnum):
    """Where a label comes from."""

    HUMAN = "human"
    CONSTRUCTED = "constructed"
    """Made by an author together with the output it labels: shows machinery, proves nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One label.

    Attributes:
        label: a category of the scale.
        blind: whether the rater saw neither the judge's verdict nor the system's name.
        inclusion_probability: chance in (0, 1] with which this record was drawn for rating;
            None where nobody knows.
        comment: the rater's own words; empty where there are none.
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
    comment: str = ""
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
    source: RatingSource, dataset: Dataset, scale: Scale, *, known_ids: frozenset[str]
) -> RatingSet:
    """Read and check ratings of the records of a set.

    Ratings of systems that are not in the set, of items a filter left out, and on another
    criterion or target are set aside and counted.

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
    systems = {system.name for system in dataset.systems}
    items = {item.item_id for item in dataset.items}
    ratings: dict[tuple[RecordKey, str], Rating] = {}
    set_aside: Counter[str] = Counter()
    for row in read_rows(source.path, source.fields):
        rating = _rating(row, source, scale)
        if rating.item_id not in known_ids:
            raise row.error(
                f"a rating for the unknown item {rating.item_id!r}"
                f"{did_you_mean(rating.item_id, known_ids)}"
            )
        if (reason := _not_used(rating, source, systems, items)) is not None:
            set_aside[reason] += 1
            continue
        _check_text(row, dataset.outputs[rating.system].get(rating.item_id))
        earlier = ratings.setdefault((rating.key, rating.rater), rating)
        if earlier.label != rating.label:
            raise row.error(
                f"{rating.rater} labels {rating.item_id} of {rating.system} {rating.label!r}, "
                f"but {earlier.label!r} in {earlier.place}; keep one of the two"
            )
        if earlier is not rating:
            set_aside["the same rating twice"] += 1
    return RatingSet(ratings=tuple(ratings.values()), set_aside=dict(set_aside))


def consensus(ratings: Sequence[Rating]) -> tuple[list[Consensus], int]:
    """Return what most raters of each record said, and the number of records with a tie."""
    votes: dict[RecordKey, Counter[str]] = {}
    for rating in ratings:
        votes.setdefault(rating.key, Counter())[rating.label] += 1
    agreed, ties = [], 0
    for key, counts in votes.items():
        (label, most), *others = counts.most_common(2)
        if others and others[0][1] == most:
            ties += 1
            continue
        agreed.append(Consensus(key=key, label=label, n_raters=counts.total()))
    return agreed, ties


def _rating(row: Row, source: RatingSource, scale: Scale) -> Rating:
    return Rating(
        item_id=row.identifier("id"),
        system=row.identifier("system"),
        criterion=row.identifier("criterion") if row.has("criterion") else source.criterion,
        target=_one_of(row, "target", Target, source.target),
        rater=row.identifier("rater"),
        label=_label(row, source, scale),
        source=_one_of(row, "source", LabelSource, source.source),
        blind=_blind(row, default=source.blind),
        inclusion_probability=_probability(row, source),
        comment=row.text("comment") if row.has("comment") else "",
        place=row.place,
    )


def _label(row: Row, source: RatingSource, scale: Scale) -> str:
    value = row.value("label")
    accepted: Mapping[LabelKey, str] = source.labels or {name: name for name in scale.categories}
    for stored, category in accepted.items():
        # Types are compared too: true, "true" and 1 are three labels. CSV has only text.
        same = type(stored) is type(value) and stored == value
        if same or (not row.typed and str(stored).casefold() == str(value).strip().casefold()):
            return category
    known = ", ".join(_shown(stored) for stored in accepted)
    raise row.error(
        f"the label {_shown(value)} is not on the scale; accepted are: {known} "
        "(map others under ratings: labels:)"
    )


def _shown(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else repr(value)


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


def _not_used(
    rating: Rating, source: RatingSource, systems: set[str], items: set[str]
) -> str | None:
    if rating.criterion != source.criterion:
        return f"on the criterion {rating.criterion}"
    if rating.target is not source.target:
        return f"against the target {rating.target}"
    if rating.system not in systems:
        return f"of the system {rating.system}, which is not in the config"
    if rating.item_id not in items:
        return "of items left out by --limit or --filter"
    return None


def _check_text(row: Row, output: str | None) -> None:
    if not row.has("output_hash"):
        return
    if row.text("output_hash") != hashlib.sha256((output or "").encode()).hexdigest():
        raise row.error("the rated text is not the output of this set; rate the new text")
