"""The use cases: evaluate, resume, validate a judge, report."""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Protocol

from judge.errors import ConfigError
from judge.models.ledger import AttemptLog
from judge.records.dataset import Dataset
from judge.records.rating import RatingSource, consensus, read_ratings
from judge.records.record import Record, RecordKey, Target
from judge.records.scale import Scale
from judge.reports.report import Report, report_on
from judge.results.outcome import Outcome, Score
from judge.results.run import Measure, Result, RunManifest, content_of
from judge.results.store import MemoryStore, Store
from judge.runs.executor import Stop, Watcher, score_all
from judge.runs.plan import Task, failed_by_the_judge, unscored
from judge.scorers.scorer import Scorer, known_outcome
from judge.trust.admission import admit
from judge.trust.certificate import (
    CERTIFICATE_KIND,
    TrustThresholds,
    decode_certificate,
    encode_certificate,
)
from judge.trust.validation import LabelledVerdict, Provenance, Validation, validate

_VERSIONED = ("judge", "numpy", "torch", "sentence-transformers", "jsonschema-rs", "openai")

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
        known_ids: every item of the set, also those a filter left out.
        quoted: items the judge's prompt quotes.
    """

    source: RatingSource
    scale: Scale
    known_ids: frozenset[str]
    thresholds: TrustThresholds
    quoted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What a config describes, read, checked and ready to run.

    Attributes:
        instruments: makes what the config asks for.
        baseline: makes the baseline judge, which every judge is compared with.
        ratings: None where the config names none.
        limits: what could not be measured, and why, in words.
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
    run_id = _new_run_id(now())
    log = store.attempts(run_id, replay=False)
    async with project.instruments(log, served={}) as instruments:
        measures = [instrument.scorer.measure for instrument in instruments]
        manifest = _manifest(project, run_id, measures, purpose=SCORING, started=now())
        store.begin(manifest, project.dataset)
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
        What was found; None where it was stopped before every rated record had its turn.

    Raises:
        ConfigError: the project has no ratings, or no judge for what they rate.
        DataError: the ratings cannot be read.
    """
    ratings = project.ratings
    if ratings is None:
        raise ConfigError(
            f"{project.config_path or 'the config'} names no ratings; add 'ratings:' with the "
            "path of a file in which people said which outputs are right"
        )
    stop = stop or Stop()
    found = read_ratings(
        ratings.source, project.dataset, ratings.scale, known_ids=ratings.known_ids
    )
    agreed, ties = consensus(found.ratings)
    human = {one.key: one.label for one in agreed}
    rated = {record.key: record for record in project.dataset.records() if record.key in human}

    async def verdicts(maker: InstrumentMaker) -> tuple[Measure, list[LabelledVerdict]]:
        measure, outcomes = await _verdicts(
            project,
            store,
            maker,
            rated,
            ratings.source.target,
            now=now,
            stop=stop,
            watcher=watcher,
        )
        return measure, [
            LabelledVerdict(
                key=key,
                cluster=record.cluster,
                slices=record.slices,
                human=human[key],
                outcome=outcomes[key],
            )
            for key, record in rated.items()
            if key in outcomes
        ]

    measure, judged = await verdicts(project.instruments)
    baseline_measure, by_baseline = await verdicts(project.baseline)
    if stop.reason or len(judged) < len(rated):
        return None
    validation = validate(
        judged,
        measure=measure,
        scale=ratings.scale,
        provenance=Provenance(
            fingerprint=found.fingerprint,
            population=project.dataset.population,
            sources=frozenset(r.source for r in found.ratings),
            blind=all(r.blind for r in found.ratings),
            probabilities=frozenset(r.inclusion_probability for r in found.ratings),
            set_aside={**found.set_aside, **({"raters tied": ties} if ties else {})},
            quoted=tuple(sorted({key.item_id for key in rated} & set(ratings.quoted))),
        ),
        thresholds=ratings.thresholds,
        baseline=None if baseline_measure.signature == measure.signature else by_baseline,
        now=now(),
        seed=project.seed,
    )
    certificate = validation.certificate
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
    )
    return report_on(admitted)


async def forecast(project: Project) -> list[Forecast]:
    """Return what a run would do, without a call and without touching the store."""
    async with project.instruments(MemoryStore().attempts("", replay=False), served={}) as made:
        return [_forecast(instrument, project.dataset) for instrument in made]


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
) -> tuple[Measure, Mapping[RecordKey, Outcome]]:
    run_id = _new_run_id(now())
    async with maker(store.attempts(run_id, replay=False), served={}) as instruments:
        instrument = _judged(instruments, target)
        measure = instrument.scorer.measure
        outcomes = _known(rated, measure, store.scores(measure.signature, target))
        missing = [Task(record=record) for key, record in rated.items() if key not in outcomes]
        if missing:
            manifest = _manifest(project, run_id, [measure], purpose=VALIDATING, started=now())
            store.begin(manifest, project.dataset)
            work = [(instrument, missing)]
            await _score(work, store, run_id=run_id, stop=stop, watcher=watcher)
            outcomes.update((one.key, one.outcome) for one in store.results(run_id))
    return measure, outcomes


def _known(
    rated: Mapping[RecordKey, Record], measure: Measure, stored: Mapping[str, Score]
) -> dict[RecordKey, Outcome]:
    known: dict[RecordKey, Outcome] = {}
    for key, record in rated.items():
        outcome = known_outcome(record, measure) or stored.get(content_of(record, measure.target))
        if outcome is not None:
            known[key] = outcome
    return known


def _judged(instruments: Sequence[Instrument], target: Target) -> Instrument:
    for instrument in instruments:
        measure = instrument.scorer.measure
        if measure.judged and measure.target is target:
            return instrument
    raise ConfigError(
        f"the ratings compare outputs with the {target.value}, but no judge does; add "
        f"{target.value!r} to scorers.equivalence.against"
    )


async def _score(
    work: Sequence[tuple[Instrument, Sequence[Task]]],
    store: RunStore,
    *,
    run_id: str,
    stop: Stop,
    watcher: Watcher,
) -> None:
    async with asyncio.TaskGroup() as scoring:
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
    asked = [record for record in records if known_outcome(record, measure) is None]
    calls = asked if instrument.calls_a_model else []
    return Forecast(
        metric=measure.metric,
        n_records=len(records),
        settled=len(records) - len(asked),
        calls=len(calls),
        input_characters=sum(_characters(record, measure.target) for record in calls),
    )


def _characters(record: Record, target: Target) -> int:
    against = sum(len(text) for text in record.answers(target))
    return len(record.input) + len(record.output or "") + against
