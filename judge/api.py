"""The use cases: evaluate, resume, plan labels, validate a judge, report."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from importlib.metadata import version
from typing import Protocol

from judge.errors import ConfigError
from judge.models.ledger import AttemptLog
from judge.records.dataset import Dataset
from judge.records.rating import (
    Aggregate,
    Rating,
    RatingSet,
    RatingSource,
    consensus,
    read_ratings,
)
from judge.records.record import Record, RecordKey, Target
from judge.records.scale import Scale
from judge.reports.report import Report, report_on
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score
from judge.results.run import SIMILARITY, Measure, Result, RunManifest, content_of
from judge.results.store import MemoryStore, Store
from judge.runs.executor import Stop, Watcher, score_all, together
from judge.runs.plan import Task, failed_by_the_judge, unscored
from judge.scorers.scorer import Scorer, known_outcome
from judge.trust.admission import admit
from judge.trust.certificate import (
    CERTIFICATE_KIND,
    TrustThresholds,
    decode_certificate,
    encode_certificate,
)
from judge.trust.gold import GOLD_KIND, decode_gold, encode_gold, gold_set, kept_labels
from judge.trust.labels import LabelledVerdict
from judge.trust.looks import look_number
from judge.trust.needs import Known, next_look, rates_of
from judge.trust.planning import LabelPlan, Wishes, draw_labels
from judge.trust.population import (
    POPULATION_KIND,
    RatedPopulation,
    decode_population,
    encode_population,
    rated_population,
)
from judge.trust.standing import Provenance
from judge.trust.validation import Validation, validate

_VERSIONED = ("judge", "numpy", "torch", "sentence-transformers", "jsonschema-rs", "openai")

# What kept these from a verdict passes; a certificate written now would hide the next attempt.
_MAY_STILL_COME = frozenset({FateCode.JUDGE_UNAVAILABLE, FateCode.QUOTA_EXHAUSTED})

SCORING = "score"
VALIDATING = "validation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """A scorer and how to drive it.

    Attributes:
        batch_size: records handed over at once.
        concurrency: batches in flight.
        calls_a_model: whether a score costs a call to an endpoint.
    """

    scorer: Scorer
    batch_size: int
    concurrency: int
    calls_a_model: bool = False


class InstrumentMaker(Protocol):
    """Makes the instruments of a project for one run."""

    def __call__(
        self, log: AttemptLog, *, served: Mapping[Target, str]
    ) -> AbstractAsyncContextManager[Sequence[Instrument]]:
        """Return the instruments; leaving the context lets their connections go.

        Args:
            log: the attempt ledger that paid calls are written to.
            served: per target, the model that must answer; others pin what answers first.
        """
        ...


class RunStore(Store, Protocol):
    """A store that also keeps the attempt ledger of its runs."""

    def attempts(self, run_id: str, *, replay: bool) -> AttemptLog:
        """Return the ledger of one run.

        Args:
            run_id: the run.
            replay: whether answers an earlier process received are to be used.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratings:
    """What people said, and what a judge must reach.

    Attributes:
        aggregate: how several raters' labels of one record become one.
        known_ids: every item of the set, also those a filter left out.
        families: declared model family of each system, and of the judge under ``judge``.
    """

    source: RatingSource
    scale: Scale
    aggregate: Aggregate
    known_ids: frozenset[str]
    thresholds: TrustThresholds
    families: Mapping[str, str] = field(default_factory=dict)

    def read(self, dataset: Dataset) -> RatingSet:
        """Read and check what people said of a set.

        Raises:
            DataError: it cannot be used; the message names file and row.
        """
        return read_ratings(self.source, dataset, self.scale, known_ids=self.known_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What a config describes, read, checked and ready to run.

    Attributes:
        instruments: makes what the config asks for.
        baseline: makes the baseline judge, which every judge is compared with.
        ratings: None where the config names none.
        limits: what could not be measured, and why, in words.
        thresholds: what a judge must reach.
    """

    name: str
    dataset: Dataset
    instruments: InstrumentMaker
    baseline: InstrumentMaker
    ratings: Ratings | None
    seed: int
    config: str
    config_path: str
    limits: tuple[str, ...] = ()
    thresholds: TrustThresholds = field(default_factory=TrustThresholds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a run would do for one metric, found out without doing it.

    Attributes:
        settled: records whose outcome is known beforehand: nothing to compare, nothing to judge.
        calls: calls to an endpoint, before any repeat.
        input_characters: length of the texts those calls would send, without the prompt.
    """

    metric: str
    n_records: int
    settled: int
    calls: int
    input_characters: int


def ignore(results: Sequence[Result]) -> None:
    """Watch nothing."""
    del results


async def evaluate(
    project: Project,
    store: RunStore,
    *,
    now: Callable[[], datetime],
    stop: Stop | None = None,
    watcher: Watcher = ignore,
) -> RunManifest:
    """Score every record of a project and keep each result as it is known.

    Returns:
        The run's manifest; what became of the records is in the store.

    Raises:
        InputError: the project cannot be run; nothing was stored or spent.
        StoreError: results can no longer be kept; the run can be resumed.
    """
    rated = project.ratings.read(project.dataset) if project.ratings else None
    run_id = _new_run_id(now())
    log = store.attempts(run_id, replay=False)
    async with project.instruments(log, served={}) as instruments:
        measures = [instrument.scorer.measure for instrument in instruments]
        manifest = _manifest(project, run_id, measures, purpose=SCORING, started=now())
        store.begin(manifest, project.dataset)
        if rated is not None and not project.dataset.selected_from_more:
            _keep_gold(project, store, rated)
        records = list(project.dataset.records())
        work = [(i, [Task(record=record) for record in records]) for i in instruments]
        await _score(work, store, run_id=run_id, stop=stop or Stop(), watcher=watcher)
    return manifest


async def resume(
    project: Project,
    store: RunStore,
    manifest: RunManifest,
    *,
    retry_failed: bool = False,
    stop: Stop | None = None,
    watcher: Watcher = ignore,
) -> None:
    """Finish a run: score what has no outcome, and what failed for want of an answer.

    Args:
        project: made from the config the run began with.
        store: holds the run.
        manifest: of the run.
        retry_failed: also score again what the judge itself failed at.
        stop: may be asked to stop.
        watcher: told of results when they are durable.

    Raises:
        ConfigError: a scorer is no longer the one the run began with; nothing was spent.
        StoreError: results can no longer be kept; the run can be resumed.
    """
    stop = stop or Stop()
    plans = [(unscored, True)] + ([(failed_by_the_judge, False)] if retry_failed else [])
    for plan, replay in plans:
        results = store.results(manifest.run_id)
        records = list(store.dataset(manifest).records())
        log = store.attempts(manifest.run_id, replay=replay)
        async with project.instruments(log, served=_served(results)) as instruments:
            _check_same(instruments, manifest)
            work = [(i, plan(records, i.scorer.measure, results)) for i in instruments]
            await _score(work, store, run_id=manifest.run_id, stop=stop, watcher=watcher)


def ratings_of(project: Project) -> Ratings:
    """Return where people's ratings of a project are.

    Raises:
        ConfigError: it names none.
    """
    if project.ratings is None:
        raise ConfigError(
            f"{project.config_path or 'the config'} names no ratings; add 'ratings:' with the "
            "path of a file in which people said which outputs are right"
        )
    return project.ratings


async def validate_judge(
    project: Project,
    store: RunStore,
    *,
    now: Callable[[], datetime],
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
    _keep_gold(project, store, found)
    agreed, ties = consensus(found.ratings, ratings.scale, aggregate=ratings.aggregate)
    human = {one.key: one.label for one in agreed}
    rated = {record.key: record for record in project.dataset.records() if record.key in human}

    async def verdicts(maker: InstrumentMaker) -> _Judged | None:
        return await _verdicts(
            project,
            store,
            maker,
            rated,
            ratings.source.target,
            now=now,
            stop=stop,
            watcher=watcher,
        )

    judged = await verdicts(project.instruments)
    if judged is None:
        raise ConfigError(
            f"the ratings compare outputs with the {ratings.source.target.value}, but no judge "
            f"does; add {ratings.source.target.value!r} to scorers.equivalence.against"
        )
    if not _all_in(judged.outcomes, rated):
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


def report(store: Store, manifest: RunManifest, *, now: datetime) -> Report:
    """Return the report of a run; certificates are looked up now, not when it ran."""
    certificates = [decode_certificate(body) for body in store.documents(CERTIFICATE_KIND)]
    admitted = admit(
        manifest,
        store.dataset(manifest),
        store.results(manifest.run_id),
        certificates=certificates,
        left_open=store.calls_left_open(manifest.run_id),
        now=now,
        gold=[decode_gold(body) for body in store.documents(GOLD_KIND)],
        rated=partial(_rated_population, store),
    )
    return report_on(admitted)


def plan_labels(project: Project, store: Store, wishes: Wishes) -> LabelPlan:
    """Draw outputs for people to label, by the verdicts of the newest run on them.

    Raises:
        ConfigError: no run judged these very outputs, or the wishes cannot be met.
    """
    manifest = _run_of(project, store)
    measure = _judged_measure(project, manifest)
    results = store.results(manifest.run_id)
    outcomes = _outcomes(results, measure.scorer, measure.target)
    everything = list(project.dataset.records())
    if not all(record.key in outcomes for record in everything):
        raise ConfigError(f"the run {manifest.run_id} is not finished: judge resume latest")
    if not any(isinstance(outcome, Score) for outcome in outcomes.values()):
        raise ConfigError(
            f"the judge gave no verdict in the run {manifest.run_id}, and a plan goes by verdicts: "
            "judge report latest says why"
        )
    quoted = project.ratings.source.quoted if project.ratings else ()
    certificates = [decode_certificate(body) for body in store.documents(CERTIFICATE_KIND)]
    return draw_labels(
        Known(
            measure=measure,
            records=[
                record
                for record in everything
                if record.item_id not in quoted
                and not isinstance(outcomes[record.key], NotApplicable)
            ],
            outcomes=outcomes,
            rates=rates_of(measure, certificates),
            thresholds=project.thresholds,
            teacher=project.dataset.teacher.name if project.dataset.teacher else "",
            look=next_look(measure, certificates, population=manifest.population),
        ),
        wishes,
        cosines={
            key: outcome.value
            for key, outcome in _outcomes(results, SIMILARITY, measure.target).items()
            if isinstance(outcome, Score)
        },
        kept=kept_labels(
            measure,
            everything,
            [decode_gold(body) for body in store.documents(GOLD_KIND)],
            population=manifest.population,
        ),
    )


async def forecast(project: Project) -> list[Forecast]:
    """Return what a run would do, without a call and without touching the store."""
    async with project.instruments(MemoryStore().attempts("", replay=False), served={}) as made:
        return [_forecast(instrument, project.dataset) for instrument in made]


def _rated_population(store: Store, certificate_id: str) -> RatedPopulation | None:
    known = map(decode_population, store.documents(POPULATION_KIND))
    return next((one for one in known if one.certificate == certificate_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What came of putting the rated records to one judge."""

    measure: Measure
    outcomes: Mapping[RecordKey, Outcome]


def _run_of(project: Project, store: Store) -> RunManifest:
    """Return the newest run that scored the very outputs of a project."""
    dataset = project.dataset
    outputs = {system.name: dataset.output_fingerprint(system.name) for system in dataset.systems}
    for manifest in reversed(store.manifests()):
        if manifest.purpose == SCORING and (manifest.dataset, manifest.outputs) == (
            dataset.fingerprint,
            outputs,
        ):
            return manifest
    raise ConfigError(
        "no run in this store scored these very outputs, and a plan goes by their verdicts; "
        f"make one first: judge run {project.config_path or 'CONFIG'}"
    )


def _judged_measure(project: Project, manifest: RunManifest) -> Measure:
    """Return the judged measure that the labels will be about."""
    judged = [measure for measure in manifest.measures if measure.judged]
    if project.ratings is not None:
        source, scale = project.ratings.source, project.ratings.scale
        asked = (source.criterion, source.target, scale.categories)
        judged = [m for m in judged if (m.criterion, m.target, m.categories) == asked]
    if not judged:
        raise ConfigError(
            f"in the run {manifest.run_id} nothing is judged that the config asks people about; "
            "look at scorers.equivalence and ratings, then: judge run"
        )
    # Unless the config says more, people compare outputs with what is known to be right.
    return next((m for m in judged if m.target is Target.REFERENCE), judged[0])


def _outcomes(
    results: Sequence[Result], scorer: str, target: Target
) -> Mapping[RecordKey, Outcome]:
    return {
        result.key: result.outcome
        for result in results
        if (result.outcome.scorer, result.outcome.target) == (scorer, target)
    }


def _keep_gold(project: Project, store: Store, found: RatingSet) -> None:
    ratings = project.ratings
    if ratings is None or not found.ratings:
        return
    kept = gold_set(
        found.ratings,
        ratings.scale,
        aggregate=ratings.aggregate,
        criterion=ratings.source.criterion,
        target=ratings.source.target,
        population=project.dataset.population,
        fingerprint=found.fingerprint,
    )
    store.put_document(GOLD_KIND, kept.document_id, encode_gold(kept))


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
    rated: Mapping[RecordKey, Record],
    target: Target,
    *,
    now: Callable[[], datetime],
    stop: Stop,
    watcher: Watcher,
) -> _Judged | None:
    """Judge the rated records that have no stored verdict; None where no judge has the target."""
    run_id = _new_run_id(now())
    async with maker(store.attempts(run_id, replay=False), served={}) as instruments:
        instrument = _judging(instruments, target)
        if instrument is None:
            return None
        measure = instrument.scorer.measure
        outcomes = _known(rated, measure, store.scores(measure.signature, target))
        missing = [Task(record=record) for key, record in rated.items() if key not in outcomes]
        if missing:
            manifest = _manifest(project, run_id, [measure], purpose=VALIDATING, started=now())
            store.begin(manifest, project.dataset)
            work = [(instrument, missing)]
            await _score(work, store, run_id=run_id, stop=stop, watcher=watcher)
            outcomes.update((one.key, one.outcome) for one in store.results(run_id))
    return _Judged(measure=measure, outcomes=outcomes)


def _known(
    rated: Mapping[RecordKey, Record], measure: Measure, stored: Mapping[str, Score]
) -> dict[RecordKey, Outcome]:
    known: dict[RecordKey, Outcome] = {}
    for key, record in rated.items():
        outcome = known_outcome(record, measure) or stored.get(content_of(record, measure.target))
        if outcome is not None:
            known[key] = outcome
    return known


def _all_in(outcomes: Mapping[RecordKey, Outcome], rated: Mapping[RecordKey, Record]) -> bool:
    passing = [o for o in outcomes.values() if isinstance(o, Fate) and o.code in _MAY_STILL_COME]
    return len(outcomes) == len(rated) and not passing


def _judging(instruments: Sequence[Instrument], target: Target) -> Instrument | None:
    for instrument in instruments:
        measure = instrument.scorer.measure
        if measure.judged and measure.target is target:
            return instrument
    return None


async def _score(
    work: Sequence[tuple[Instrument, Sequence[Task]]],
    store: RunStore,
    *,
    run_id: str,
    stop: Stop,
    watcher: Watcher,
) -> None:
    async with together() as scoring:
        for instrument, tasks in work:
            scoring.create_task(
                score_all(
                    tasks,
                    instrument.scorer,
                    store,
                    run_id=run_id,
                    batch_size=instrument.batch_size,
                    concurrency=instrument.concurrency,
                    stop=stop,
                    watcher=watcher,
                )
            )


def _manifest(
    project: Project,
    run_id: str,
    measures: Sequence[Measure],
    *,
    purpose: str,
    started: datetime,
) -> RunManifest:
    dataset = project.dataset
    return RunManifest(
        run_id=run_id,
        name=project.name,
        purpose=purpose,
        started=started,
        dataset=dataset.fingerprint,
        population=dataset.population,
        outputs={
            system.name: dataset.output_fingerprint(system.name) for system in dataset.systems
        },
        n_items=len(dataset.items),
        systems=dataset.systems,
        slices=dataset.slice_values,
        measures=tuple(measures),
        seed=project.seed,
        rated=project.ratings is not None,
        versions={name: version(name) for name in _VERSIONED},
        config=project.config,
        config_path=project.config_path,
    )


def _new_run_id(now: datetime) -> str:
    # Sorts by time; the random end keeps two runs of one second apart.
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def _served(results: Sequence[Result]) -> dict[Target, str]:
    served: dict[Target, str] = {}
    for result in results:
        if isinstance(result.outcome, Score) and result.outcome.served:
            served.setdefault(result.outcome.target, result.outcome.served)
    return served


def _check_same(instruments: Sequence[Instrument], manifest: RunManifest) -> None:
    for instrument in instruments:
        measure = instrument.scorer.measure
        began = manifest.measure(measure.scorer, measure.target)
        if began.signature != measure.signature:
            changed = sorted(
                name
                for name in {*began.identity, *measure.identity}
                if began.identity.get(name) != measure.identity.get(name)
            )
            raise ConfigError(
                f"{measure.metric} is no longer what run {manifest.run_id} began with: "
                f"{', '.join(changed)} changed; undo the change, or start a new run"
            )


def _forecast(instrument: Instrument, dataset: Dataset) -> Forecast:
    measure = instrument.scorer.measure
    records = list(dataset.records())
    asked = [record for record in records if not _settled(record, measure)]
    calls = asked if instrument.calls_a_model else []
    return Forecast(
        metric=measure.metric,
        n_records=len(records),
        settled=len(records) - len(asked),
        calls=len(calls),
        input_characters=sum(_characters(record, measure.target) for record in calls),
    )


def _settled(record: Record, measure: Measure) -> bool:
    if measure.target is Target.SCHEMA:
        return not record.schema  # an empty output is measured there like any other
    return known_outcome(record, measure) is not None


def _characters(record: Record, target: Target) -> int:
    against = sum(len(text) for text in record.answers(target))
    return len(record.input) + len(record.output or "") + against
