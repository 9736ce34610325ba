"""Measuring a judge against what people said, and writing its certificate."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from judge.api.project import (
    InstrumentMaker,
    Project,
    RunStore,
    ratings_of,
)
from judge.api.rated_verdicts import Asked, Judged, is_whole, verdicts_on
from judge.api.running import ignore, keep_gold
from judge.errors import ConfigError
from judge.records.rating import (
    Rating,
    RatingSet,
    consensus,
)
from judge.records.record import Record, RecordKey
from judge.results.outcome import Outcome
from judge.results.run import content_of
from judge.runs.executor import Stop, Watcher
from judge.trust.certificate import (
    CERTIFICATE_KIND,
    encode_certificate,
)
from judge.trust.labels import LabelledVerdict
from judge.trust.looks import look_number
from judge.trust.population import (
    POPULATION_KIND,
    encode_population,
    rated_population,
)
from judge.trust.standing import Provenance
from judge.trust.validation import Validation, validate


async def validate_judge(
    project: Project,
    store: RunStore,
    *,
    now: Callable[[], datetime],
    controls: int = 0,
    stop: Stop | None = None,
    watcher: Watcher = ignore,
) -> Validation | None:
    """Measure the project's judge against its ratings and write the certificate.

    Verdicts that are stored for the same texts and the same judge are used as they are; the rest
    is judged now, and kept.

    Returns:
        What was found; None where it was stopped before every rated record had its turn, or the
        endpoint did not answer: no certificate is written, and the same call goes on from there.

    Raises:
        ConfigError: the project has no ratings, or no judge for what they rate.
        DataError: the ratings cannot be read.
    """
    ratings = ratings_of(project)
    stop = stop or Stop()
    found = ratings.read(project.dataset)
    keep_gold(project, store, found)
    agreed, ties = consensus(found.ratings, ratings.scale, aggregate=ratings.aggregate)
    human = {one.key: one.label for one in agreed}
    rated = {record.key: record for record in project.dataset.records() if record.key in human}

    async def verdicts(maker: InstrumentMaker, *, controls: int = 0) -> Judged | None:
        return await verdicts_on(
            project,
            store,
            maker,
            Asked(
                records=rated,
                human=human,
                target=ratings.source.target,
                criterion=ratings.source.criterion,
                controls=controls,
            ),
            now=now,
            stop=stop,
            watcher=watcher,
        )

    judged = await verdicts(project.instruments, controls=controls)
    if judged is None:
        raise ConfigError(
            f"the ratings compare outputs with the {ratings.source.target.value}, but no judge "
            f"does; add {ratings.source.target.value!r} to scorers.equivalence.against"
        )
    if not (is_whole(judged.outcomes, rated) and is_whole(judged.tried, judged.tried)):
        return None
    baseline = await verdicts(project.baseline)
    if stop.reason:
        return None
    of_rating = _ratings_by_record(found)
    same = baseline is None or baseline.measure.signature == judged.measure.signature
    measure = judged.measure
    validation = validate(
        _labelled(rated, human, of_rating, judged.outcomes),
        measure=measure,
        scale=ratings.scale,
        provenance=Provenance(
            fingerprint=found.fingerprint,
            population=project.dataset.population,
            sources=frozenset(r.source for r in found.ratings),
            blind=all(r.blind for r in found.ratings),
            probabilities=frozenset(r.inclusion_probability for r in found.ratings),
            set_aside={**found.set_aside, **({"raters tied": ties} if ties else {})},
            look=look_number(store, measure, found.fingerprint, project.dataset.population),
        ),
        thresholds=ratings.thresholds,
        baseline=None
        if baseline is None or same
        else _labelled(rated, human, of_rating, baseline.outcomes),
        contents={key: content_of(record, measure.target) for key, record in rated.items()},
        families=ratings.families,
        aggregate=ratings.aggregate,
        now=now(),
        seed=project.seed,
        controls=judged.controls,
    )
    certificate = validation.certificate
    population = rated_population(
        list(rated.values()),
        measure.target,
        inclusion=[of_rating[key][0].inclusion_probability or 1.0 for key in rated],
        certificate=certificate.certificate_id,
    )
    # First, so that no certificate is ever without what it rests on.
    store.put_document(POPULATION_KIND, certificate.certificate_id, encode_population(population))
    store.put_document(
        CERTIFICATE_KIND, certificate.certificate_id, encode_certificate(certificate)
    )
    return validation


def _ratings_by_record(found: RatingSet) -> Mapping[RecordKey, Sequence[Rating]]:
    of_record: dict[RecordKey, list[Rating]] = {}
    for rating in found.ratings:
        of_record.setdefault(rating.key, []).append(rating)
    return of_record


def _labelled(
    rated: Mapping[RecordKey, Record],
    human: Mapping[RecordKey, str],
    of_rating: Mapping[RecordKey, Sequence[Rating]],
    outcomes: Mapping[RecordKey, Outcome],
) -> list[LabelledVerdict]:
    return [
        LabelledVerdict(
            key=key,
            cluster=record.cluster,
            slices=record.slices,
            human=human[key],
            outcome=outcomes[key],
            ratings={rating.rater: rating.label for rating in of_rating[key]},
            inclusion=of_rating[key][0].inclusion_probability or 1.0,
            length=len(record.output or ""),
        )
        for key, record in rated.items()
    ]
