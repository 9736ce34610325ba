"""What people and judges said of the outputs of a run, as rows that other tools can read."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from judge.records.dataset import Dataset
from judge.records.rating import text_hash
from judge.records.record import Item, RecordKey
from judge.results.outcome import Score
from judge.results.run import Result, RunManifest
from judge.trust.gold import GoldSet, KeptRating


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingRow:
    """One rating, by the names that a file of ratings has.

    Attributes:
        inclusion_probability: None where nobody knows it.
    """

    id: str
    system: str
    rater: str
    label: str
    criterion: str
    target: str
    output_hash: str
    inclusion_probability: float | None
    source: str
    blind: bool
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRow:
    """One verdict, by the names that a file of recorded verdicts has.

    Attributes:
        judge: the metric.
        value: of the label on its scale.
        reply: the judge's reasons; hostile text, like the output itself.
    """

    id: str
    system: str
    judge: str
    label: str
    criterion: str
    target: str
    value: float
    reply: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Everything that is known of a run's outputs.

    Attributes:
        changed: ratings that are left out because they are of texts that have changed since.
    """

    items: Mapping[str, Item]
    outputs: Mapping[RecordKey, str | None]
    ratings: Sequence[RatingRow]
    verdicts: Sequence[VerdictRow]
    changed: int


def said_of(
    manifest: RunManifest, dataset: Dataset, results: Iterable[Result], sets: Sequence[GoldSet]
) -> Said:
    """Gather what was said of a run's outputs.

    Args:
        manifest: of the run.
        dataset: what it scored.
        results: all there are of it.
        sets: labels by people, oldest first; of each criterion and target the newest counts.
    """
    outputs = {record.key: record.output for record in dataset.records()}
    texts = {key: text_hash(output) for key, output in outputs.items()}
    newest = {
        (one.criterion, one.target): one for one in sets if one.population == manifest.population
    }
    ratings: list[RatingRow] = []
    changed = 0
    for found in newest.values():
        here = [one for one in _ratings(found) if one.key in texts]
        same = [one for one in here if one.output_hash == texts[one.key]]
        changed += len(here) - len(same)
        ratings += [_rating_row(found, one) for one in same]
    places = {key: place for place, key in enumerate(outputs)}
    judged = {(one.scorer, one.target): one for one in manifest.measures if one.judged}
    return Said(
        items={item.item_id: item for item in dataset.items},
        outputs=outputs,
        ratings=ratings,
        verdicts=[
            _verdict_row(result, result.outcome, judged[place].metric, judged[place].criterion)
            for result in sorted(
                (one for one in results if one.key in places), key=lambda one: places[one.key]
            )
            if isinstance(result.outcome, Score)
            and (place := (result.outcome.scorer, result.outcome.target)) in judged
        ],
        changed=changed,
    )


def question(criterion: str, target: str, of: Said) -> str:
    """Return what is asked by one name: the criterion, with its target where it has several."""
    asked = {(one.criterion, one.target) for one in of.ratings}
    asked |= {(one.criterion, one.target) for one in of.verdicts}
    others = any(one == criterion for one, other in asked if other != target)
    return f"{criterion}_{target}" if others else criterion


def _ratings(found: GoldSet) -> Sequence[KeptRating]:
    """Return the ratings of a set; of one kept without them, what its labels were made of."""
    return found.ratings or [
        KeptRating(
            item_id=one.item_id,
            system=one.system,
            rater=rater,
            label=label,
            output_hash=one.output_hash,
            source=found.source,
            blind=found.blind,
            inclusion=one.inclusion,
        )
        for one in found.labels
        for rater, label in one.ratings.items()
    ]


def _rating_row(found: GoldSet, one: KeptRating) -> RatingRow:
    return RatingRow(
        id=one.item_id,
        system=one.system,
        rater=one.rater,
        label=one.label,
        criterion=found.criterion,
        target=found.target.value,
        output_hash=one.output_hash,
        inclusion_probability=one.inclusion,
        source=one.source.value,
        blind=one.blind,
        comment=one.comment,
    )


def _verdict_row(result: Result, score: Score, metric: str, criterion: str) -> VerdictRow:
    return VerdictRow(
        id=result.key.item_id,
        system=result.key.system,
        judge=metric,
        label=score.label,
        criterion=criterion,
        target=score.target.value,
        value=score.value,
        reply=score.rationale,
    )
