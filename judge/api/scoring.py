"""Scoring a whole set: begin a run, finish one, and what one would do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from judge.api.declaring import check_measured, measures_of, nothing_sent
from judge.api.diverging import keep_divergences
from judge.api.leaks import found_in_training, keep_leakage, kept_leakage
from judge.api.producing import keep_production
from judge.api.project import Instrument, Project, RunContext, RunStore, run_context
from judge.api.running import SCORING, ignore, keep_gold, manifest_of, new_run_id, score_tasks
from judge.api.sentinels import judge_sentinels_again
from judge.api.trying import keep_controls, kept_controls, mixed
from judge.api.yardsticks import keep_yardsticks
from judge.errors import ConfigError, ScoringError
from judge.models.cache import CompletionStore
from judge.models.dry import DryRun
from judge.models.forecast import CostForecast
from judge.records.dataset import Dataset
from judge.records.overlap import Overlap
from judge.records.record import Record, Target
from judge.results.outcome import Score
from judge.results.run import Measure, Result, RunManifest
from judge.runs.executor import Stop, Watcher
from judge.runs.order import in_sampling_order
from judge.runs.plan import Task, failed_by_the_judge, unscored
from judge.scorers.scorer import known_outcome
from judge.trust.controls import ControlPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a run would do for one metric, found out without doing it.

    Attributes:
        settled: records whose outcome is known beforehand: nothing to compare, nothing to judge.
        cost: the calls, if each is answered readably at once, and what they cost.
    """

    metric: str
    n_records: int
    settled: int
    cost: CostForecast


async def evaluate(
    project: Project,
    store: RunStore,
    *,
    now: Callable[[], datetime],
    controls: int = 0,
    run_id: str = "",
    stop: Stop | None = None,
    watcher: Watcher = ignore,
) -> RunManifest:
    """Score every record of a project and keep each result as it is known.

    Args:
        project: what is run.
        store: where results are kept.
        now: the time.
        controls: null answers and attacks that are mixed blind among the records of each judge
            behind an endpoint; they are no part of any N.
        run_id: the name of the run, one from `new_run_id`; empty draws it.
        stop: may be asked to stop.
        watcher: told of results when they are durable.

    Returns:
        The run's manifest; what became of the records is in the store.

    Raises:
        InputError: the project cannot be run; nothing was stored or spent.
        StoreError: results can no longer be kept; the run can be resumed.
    """
    context = run_context(store, run_id or new_run_id(now()), stop=stop or Stop())
    manifest = await _whole(
        project, store, context, started=now(), controls=controls, watcher=watcher
    )
    await judge_sentinels_again(project, store, manifest, now=now, stop=context.stop)
    return manifest


async def reread(
    project: Project,
    store: RunStore,
    manifest: RunManifest,
    *,
    now: Callable[[], datetime],
    stop: Stop | None = None,
    watcher: Watcher = ignore,
) -> RunManifest:
    """Score the records of a run anew from the replies that are stored, without a call.

    That is for a run whose replies an earlier version of this package could not read, or read
    otherwise. What was never answered has the fate ``verdict_not_recorded``.

    Args:
        project: made from the config the run began with.
        store: holds the run.
        manifest: of the run.
        now: the time.
        stop: may be asked to stop.
        watcher: told of results when they are durable.

    Returns:
        The manifest of the new run.
    """
    context = replace(
        run_context(store, new_run_id(now()), stop=stop or Stop()),
        recorded=store.attempts(manifest.run_id, replay=True).answered,
    )
    return await _whole(project, store, context, started=now(), controls=0, watcher=watcher)


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
    if kept_leakage(store, manifest.run_id) is None:
        keep_leakage(store, manifest.run_id, await found_in_training(project, stop=stop))
    plans = [(unscored, True)] + ([(failed_by_the_judge, False)] if retry_failed else [])
    for plan, replay in plans:
        results = store.results(manifest.run_id)
        dataset = store.dataset(manifest)
        tried = kept_controls(store, manifest.run_id)
        context = run_context(
            store,
            manifest.run_id,
            stop=stop,
            replay=replay,
            served=served_in(results),
            spent=await spent_by(project, store, manifest),
        )
        async with project.instruments(context) as instruments:
            check_same(instruments, manifest)
            work = [
                (i, plan(_in_turn(dataset, manifest, tried, i), i.scorer.measure, results))
                for i in instruments
            ]
            await score_tasks(work, store, run_id=manifest.run_id, stop=stop, watcher=watcher)
            await keep_yardsticks(project, store, instruments, run_id=manifest.run_id, stop=stop)
    await judge_sentinels_again(project, store, manifest, now=lambda: datetime.now(UTC), stop=stop)


async def n_outcomes(project: Project) -> int:
    """Return how many outcomes a run of a project has in the end; nothing is sent."""
    n_measures = len(await measures_of(project))
    return n_measures * len(project.dataset.items) * len(project.dataset.systems)


async def forecast(
    project: Project, *, now: datetime, answers: CompletionStore | None = None
) -> list[Forecast]:
    """Return what a run would do, without a call and without touching a store.

    Args:
        project: what would be run.
        now: when.
        answers: where answers are kept that would be used again; None for nowhere.
    """
    dry = DryRun(at=now)
    async with project.instruments(nothing_sent(dry, answers)) as instruments:
        return [await _forecast(instrument, project.dataset, dry) for instrument in instruments]


async def _whole(
    project: Project,
    store: RunStore,
    context: RunContext,
    *,
    started: datetime,
    controls: int,
    watcher: Watcher,
) -> RunManifest:
    """Begin a run and score every record."""
    run_id = context.run_id
    overlap = await found_in_training(project, stop=context.stop)
    async with project.instruments(context) as instruments:
        manifest = begin_run(
            project, store, instruments, run_id=run_id, started=started, overlap=overlap
        )
        work = [
            (
                instrument,
                mixed(
                    map(_task, in_sampling_order(project.dataset, seed=project.seed)),
                    keep_controls(project, store, instrument, run_id=run_id, n=controls),
                    n_tasks=len(project.dataset.items) * len(project.dataset.systems),
                ),
            )
            for instrument in instruments
        ]
        await score_tasks(work, store, run_id=run_id, stop=context.stop, watcher=watcher)
        await keep_yardsticks(project, store, instruments, run_id=run_id, stop=context.stop)
    return manifest


def begin_run(
    project: Project,
    store: RunStore,
    instruments: Sequence[Instrument],
    *,
    run_id: str,
    started: datetime,
    overlap: Overlap | None,
) -> RunManifest:
    """Keep a run's manifest, its records, and all that is known of them before anything is spent.

    Where the run was begun before and nobody knows how far that came, the rest is kept now.
    """
    labelled = project.ratings if project.labels_hold else None
    rated = labelled.read(project.dataset) if labelled else None
    measures = [instrument.scorer.measure for instrument in instruments]
    check_measured(project, measures)
    manifest = next((one for one in store.manifests() if one.run_id == run_id), None)
    if manifest is None:
        manifest = manifest_of(project, run_id, measures, purpose=SCORING, started=started)
        store.begin(manifest, project.dataset)
    keep_leakage(store, run_id, overlap)
    keep_production(project, store, run_id)
    keep_divergences(project, store, run_id)
    if rated is not None and not project.dataset.selected_from_more:
        keep_gold(project, store, rated)
    return manifest


def _task(record: Record) -> Task:
    return Task(record=record)


async def spent_by(project: Project, store: RunStore, manifest: RunManifest) -> float:
    """Return the US dollars a run has spent, or may have: what is unknown counts with the most."""
    total = store.spending(manifest.run_id).total
    if not (uncounted := total.cost.unknown + total.possibly_paid):
        return total.cost.dollars
    parts = await forecast(project, now=datetime.now(UTC))
    return total.cost.dollars + uncounted * max(part.cost.dearest_call for part in parts)


def _in_turn(
    dataset: Dataset,
    manifest: RunManifest,
    plans: Mapping[str, ControlPlan],
    instrument: Instrument,
) -> Iterator[Record]:
    """Yield the records of a run in the order in which they are scored, then its controls."""
    yield from in_sampling_order(dataset, seed=manifest.seed)
    if plan := plans.get(instrument.scorer.measure.metric):
        yield from (case.record for case in plan.cases)


def served_in(results: Sequence[Result]) -> dict[str, list[str]]:
    """Return which models answered, in order, by metric."""
    served: dict[str, dict[str, None]] = {}
    for result in results:
        outcome = result.outcome
        if isinstance(outcome, Score) and outcome.served:
            metric = f"{outcome.scorer}.{outcome.target.value}"
            served.setdefault(metric, {})[outcome.served] = None
    return {metric: list(found) for metric, found in served.items()}


def check_same(instruments: Sequence[Instrument], manifest: RunManifest) -> None:
    """Check that a run goes on with the instruments it began with.

    Raises:
        ConfigError: one is no longer the same.
    """
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


async def _forecast(instrument: Instrument, dataset: Dataset, dry: DryRun) -> Forecast:
    measure = instrument.scorer.measure
    n_records = n_settled = 0
    for record in dataset.records():
        n_records += 1
        if _settled(record, measure):
            n_settled += 1
        elif instrument.calls_a_model:
            with suppress(ScoringError):  # what cannot be asked costs nothing
                await instrument.scorer.score([record])
    return Forecast(
        metric=measure.metric,
        n_records=n_records,
        settled=n_settled,
        cost=dry.forecasts.get(measure.metric, CostForecast()),
    )


def _settled(record: Record, measure: Measure) -> bool:
    if measure.target is Target.SCHEMA:
        return not record.schema  # an empty output is measured there like any other
    return known_outcome(record, measure) is not None
