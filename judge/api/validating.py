"""Measuring a judge against what people said, and writing its certificate."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from judge.api.project import (
    Instrument,
    InstrumentMaker,
    Project,
    RunStore,
    ratings_of,
    run_context,
)
from judge.api.running import VALIDATING, ignore, keep_gold, manifest_of, new_run_id, score_tasks
from judge.api.trying import keep_controls, mixed
from judge.errors import ConfigError
from judge.records.rating import (
    Rating,
    RatingSet,
    consensus,
)
from judge.records.record import Record, RecordKey, Target
from judge.results.outcome import Fate, FateCode, Outcome, Score
from judge.results.run import Measure, content_of
from judge.runs.executor import Stop, Watcher
from judge.runs.plan import Task
from judge.scorers.scorer import known_outcome
from judge.trust.certificate import (
    CERTIFICATE_KIND,
    encode_certificate,
)
from judge.trust.control_findings import ControlFindings, control_findings
from judge.trust.controls import is_control
from judge.trust.labels import LabelledVerdict
from judge.trust.looks import look_number
from judge.trust.population import (
    POPULATION_KIND,
    encode_population,
    rated_population,
)
from judge.trust.standing import Provenance
from judge.trust.validation import Validation, validate

# What kept these from a verdict passes; a certificate written now would hide the next attempt.
_MAY_STILL_COME = frozenset(
    {FateCode.JUDGE_UNAVAILABLE, FateCode.QUOTA_EXHAUSTED, FateCode.BUDGET_EXHAUSTED}
)


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

    async def verdicts(maker: InstrumentMaker, *, controls: int = 0) -> _Judged | None:
        return await _verdicts(
            project,
            store,
            maker,
            _Asked(
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
    if not (_all_in(judged.outcomes, rated) and _all_in(judged.tried, judged.tried)):
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What came of putting the rated records to one judge."""

    measure: Measure
    outcomes: Mapping[RecordKey, Outcome]
    tried: Mapping[RecordKey, Outcome]
    controls: ControlFindings | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is put to a judge: the rated records, and so many controls among them."""

    records: Mapping[RecordKey, Record]
    human: Mapping[RecordKey, str]
    target: Target
    criterion: str
    controls: int


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


async def _verdicts(
    project: Project,
    store: RunStore,
    maker: InstrumentMaker,
    asked: _Asked,
    *,
    now: Callable[[], datetime],
    stop: Stop,
    watcher: Watcher,
) -> _Judged | None:
    """Judge the rated records that have no stored verdict; None where no judge has the target."""
    run_id = new_run_id(now())
    async with maker(run_context(store, run_id, stop=stop)) as instruments:
        instrument = _judging(instruments, asked)
        if instrument is None:
            return None
        measure = instrument.scorer.measure
        stored = store.scores(measure.signature, measure.target)
        outcomes = _known(asked.records, measure, stored)
        plan = keep_controls(
            project, store, instrument, run_id=run_id, n=asked.controls, human=asked.human
        )
        missing = [Task(record=r) for key, r in asked.records.items() if key not in outcomes]
        tried: dict[RecordKey, Outcome] = {}
        if missing or plan is not None:
            tasks = mixed(missing, plan, n_tasks=len(missing))
            manifest = manifest_of(project, run_id, [measure], purpose=VALIDATING, started=now())
            store.begin(manifest, project.dataset)
            work = [(instrument, tasks)]
            await score_tasks(work, store, run_id=run_id, stop=stop, watcher=watcher)
            for one in store.results(run_id):
                (tried if is_control(one.key) else outcomes)[one.key] = one.outcome
    findings = None
    if plan is not None:
        findings = control_findings(plan.cases, tried, scale=plan.scale, seed=plan.seed)
    return _Judged(measure=measure, outcomes=outcomes, tried=tried, controls=findings)


def _known(
    rated: Mapping[RecordKey, Record], measure: Measure, stored: Mapping[str, Score]
) -> dict[RecordKey, Outcome]:
    known: dict[RecordKey, Outcome] = {}
    for key, record in rated.items():
        outcome = known_outcome(record, measure) or stored.get(content_of(record, measure.target))
        if outcome is not None:
            known[key] = outcome
    return known


def _all_in(outcomes: Mapping[RecordKey, Outcome], wanted: Collection[RecordKey]) -> bool:
    passing = [o for o in outcomes.values() if isinstance(o, Fate) and o.code in _MAY_STILL_COME]
    return len(outcomes) == len(wanted) and not passing


def _judging(instruments: Sequence[Instrument], asked: _Asked) -> Instrument | None:
    """Return who judges what people rated; the only judge of the target, whatever it is asked."""
    found = [
        instrument
        for instrument in instruments
        if (measure := instrument.scorer.measure).judged and measure.target is asked.target
    ]
    of_criterion = [i for i in found if i.scorer.measure.criterion == asked.criterion]
    return next(iter(of_criterion or found), None)
