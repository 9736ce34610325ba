"""Labels by people, kept with the store so that a later report can correct a judge by them."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from judge.records.lazy_records import of_keys
from judge.records.rating import (
    Aggregate,
    LabelSource,
    Rating,
    consensus,
    text_hash,
)
from judge.records.record import Record, RecordKey, Target
from judge.records.scale import Scale
from judge.results.run import Measure
from judge.stats.estimate import Undefined

GOLD_KIND = "gold"
"""Kind of the stored document."""

_BINARY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldLabel:
    """What people said of one text, by the declared rule.

    Attributes:
        output_hash: of the text they said it of: a changed text has lost its label.
        inclusion: chance in (0, 1] with which it was drawn for rating; None where nobody knows.
        shared_draw: whether one random number drew the item in all systems, so that two of them
            were drawn together with the lesser of their chances.
        ratings: rater to label, by which a later plan knows who need not be asked again.
    """

    item_id: str
    system: str
    output_hash: str
    label: str
    inclusion: float | None
    shared_draw: bool = False
    ratings: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> RecordKey:
        return RecordKey(item_id=self.item_id, system=self.system)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRating:
    """What one rater said of one text, also where the raters together said nothing.

    Attributes:
        output_hash: of the text.
        inclusion: chance in (0, 1] with which it was drawn for rating; None where nobody knows.
    """

    item_id: str
    system: str
    rater: str
    label: str
    output_hash: str
    source: LabelSource
    blind: bool
    inclusion: float | None
    comment: str = ""

    @property
    def key(self) -> RecordKey:
        return RecordKey(item_id=self.item_id, system=self.system)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldSet:
    """All labels of one criterion and target on one evaluation set.

    Attributes:
        population: fingerprint of the evaluation set.
        fingerprint: of what people said.
        ratings: the labels are made of; none in sets that were kept before they were kept, too.
    """

    criterion: str
    target: Target
    categories: tuple[str, ...]
    population: str
    fingerprint: str
    source: LabelSource
    blind: bool
    labels: tuple[GoldLabel, ...]
    ratings: tuple[KeptRating, ...] = ()

    @property
    def document_id(self) -> str:
        parts = (self.criterion, self.target.value, self.population, self.fingerprint)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """The labels that hold for the texts of one run, or why there are none.

    Attributes:
        labels: by record; none of a system of which a labelled text changed.
        changed: labels that were lost because their own text changed.
        why_not: why they cannot correct a judge, in words; empty where they can.
        source: whether people gave them, or an author constructed them.
    """

    labels: Mapping[RecordKey, GoldLabel]
    changed: int = 0
    why_not: str = ""
    source: LabelSource = LabelSource.HUMAN


@dataclass(frozen=True, slots=True, kw_only=True)
class RightOrWrong:
    """What people said of the texts of a run, where they had two categories.

    Attributes:
        criterion: what they were asked.
        source: whether people said it, or an author constructed it.
        right: by record, whether it is of the better category.
    """

    criterion: str
    source: LabelSource
    right: Mapping[RecordKey, bool]


def gold_set(
    ratings: Sequence[Rating],
    scale: Scale,
    *,
    aggregate: Aggregate,
    criterion: str,
    target: Target,
    population: str,
    fingerprint: str,
) -> GoldSet:
    """Return what is kept of ratings: them, and one label a record by the declared rule."""
    agreed, _ = consensus(ratings, scale, aggregate=aggregate)
    first = {rating.key: rating for rating in reversed(ratings)}
    raters: dict[RecordKey, dict[str, str]] = {}
    for rating in ratings:
        raters.setdefault(rating.key, {})[rating.rater] = rating.label
    return GoldSet(
        criterion=criterion,
        target=target,
        categories=scale.categories,
        population=population,
        fingerprint=fingerprint,
        source=weakest(rating.source for rating in ratings),
        blind=all(rating.blind for rating in ratings),
        labels=tuple(
            GoldLabel(
                item_id=one.key.item_id,
                system=one.key.system,
                output_hash=first[one.key].output_hash,
                label=one.label,
                inclusion=first[one.key].inclusion_probability,
                shared_draw=first[one.key].shared_draw,
                ratings=raters[one.key],
            )
            for one in agreed
        ),
        ratings=tuple(
            KeptRating(
                item_id=rating.item_id,
                system=rating.system,
                rater=rating.rater,
                label=rating.label,
                output_hash=rating.output_hash,
                source=rating.source,
                blind=rating.blind,
                inclusion=rating.inclusion_probability,
                comment=rating.comment,
            )
            for rating in ratings
        ),
    )


def weakest(sources: Iterable[LabelSource]) -> LabelSource:
    """Return constructed where any label is."""
    return LabelSource.CONSTRUCTED if LabelSource.CONSTRUCTED in sources else LabelSource.HUMAN


def encode_gold(gold: GoldSet) -> bytes:
    """Return the labels as the bytes that are stored."""
    return msgspec.json.encode(gold)


def decode_gold(body: bytes) -> GoldSet:
    """Read stored labels."""
    return msgspec.json.decode(body, type=GoldSet)


def gold_for(
    measure: Measure, records: Sequence[Record], sets: Sequence[GoldSet], *, population: str
) -> Gold:
    """Return the labels that hold for the texts of a run.

    Args:
        measure: judged; its criterion, target and scale must be those of the labels.
        records: of the run.
        sets: all there are, oldest first; the newest that fits counts.
        population: fingerprint of the evaluation set the run belongs to.
    """
    about = [s for s in sets if _is_about(s, measure)]
    here = [s for s in about if s.population == population]
    if not here:
        where = "on another evaluation set only" if about else "on these outputs"
        return Gold(labels={}, why_not=f"no labels by people {where}")
    newest = here[-1]
    texts = _texts(records, [newest])
    known = [label for label in newest.labels if label.key in texts]
    changed = [label for label in known if label.output_hash != texts[label.key]]
    # What is left of a system whose labelled texts changed is no random part of its outputs.
    lost = {label.system for label in changed}
    return Gold(
        labels={label.key: label for label in known if label.system not in lost},
        changed=len(changed),
        why_not=_why_not(newest),
        source=newest.source,
    )


def right_or_wrong(
    records: Sequence[Record], sets: Sequence[GoldSet], *, target: Target
) -> RightOrWrong | Undefined:
    """Return what people said of texts that are still the same, as right or wrong.

    Args:
        records: of the run.
        sets: of its evaluation set, oldest first; the newest that fits counts.
        target: what outputs were compared with.
    """
    about = [found for found in sets if found.target is target]
    binary = [found for found in about if len(found.categories) == _BINARY]
    if not binary:
        scale = "; those there are are not on two categories" if about else ""
        return Undefined(reason=f"no labels by people against the {target.value}{scale}")
    newest = binary[-1]
    texts = _texts(records, [newest])
    return RightOrWrong(
        criterion=newest.criterion,
        source=newest.source,
        right={
            label.key: label.label == newest.categories[-1]
            for label in newest.labels
            if texts.get(label.key) == label.output_hash
        },
    )


def kept_labels(
    measure: Measure, records: Sequence[Record], sets: Sequence[GoldSet], *, population: str
) -> Mapping[RecordKey, GoldLabel]:
    """Return what people said blind of texts that are still the same, however they were drawn.

    Unlike `gold_for` it looks at every set, the newest first: nobody is asked twice about a text.

    Args:
        measure: judged; its criterion, target and scale must be those of the labels.
        records: of the evaluation set as it is now.
        sets: all there are, oldest first.
        population: fingerprint of the evaluation set.
    """
    texts = _texts(records, sets)
    return {
        label.key: label
        for found in sets
        if _is_about(found, measure) and found.population == population
        if found.source is LabelSource.HUMAN and found.blind
        for label in found.labels
        if texts.get(label.key) == label.output_hash
    }


def _texts(records: Sequence[Record], sets: Sequence[GoldSet]) -> Mapping[RecordKey, str]:
    """Return the hashes of the labelled texts as they are now."""
    labelled = {label.key for one in sets for label in one.labels}
    return {record.key: text_hash(record.output) for record in of_keys(records, labelled)}


def _is_about(gold: GoldSet, measure: Measure) -> bool:
    return (gold.criterion, gold.target, gold.categories) == (
        measure.criterion,
        measure.target,
        measure.categories,
    )


def _why_not(gold: GoldSet) -> str:
    if gold.source is LabelSource.CONSTRUCTED:
        return "the labels are constructed, not made by people who read the outputs"
    if not gold.blind:
        return "the raters were not blind to the system or the verdict, or nobody says so"
    if any(label.inclusion is None for label in gold.labels):
        return "nobody says how the rated records were drawn (ratings: sampling)"
    return ""
