"""Scoring a whole set: begin a run, finish one, and what one would do."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from judge.api.project import Instrument, Project, RunStore
from judge.api.running import SCORING, ignore, keep_gold, manifest_of, new_run_id, score_tasks
from judge.errors import ConfigError
from judge.records.dataset import Dataset
from judge.records.record import Record, Target
from judge.results.outcome import Score
from judge.results.run import Measure, Result, RunManifest
from judge.results.store import MemoryStore
from judge.runs.executor import Stop, Watcher
from judge.runs.plan import Task, failed_by_the_judge, unscored
from judge.scorers.scorer import known_outcome


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
    run_id = new_run_id(now())
    log = store.attempts(run_id, replay=False)
    async with project.instruments(log, served={}) as instruments:
        measures = [instrument.scorer.measure for instrument in instruments]
        manifest = manifest_of(project, run_id, measures, purpose=SCORING, started=now())
        store.begin(manifest, project.dataset)
        if rated is not None and not project.dataset.selected_from_more:
            keep_gold(project, store, rated)
        records = list(project.dataset.records())
        work = [(i, [Task(record=record) for record in records]) for i in instruments]
        await score_tasks(work, store, run_id=run_id, stop=stop or Stop(), watcher=watcher)
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
            await score_tasks(work, store, run_id=manifest.run_id, stop=stop, watcher=watcher)


async def forecast(project: Project) -> list[Forecast]:
    """Return what a run would do, without a call and without touching the store."""
    async with project.instruments(MemoryStore().attempts("", replay=False), served={}) as made:
        return [_forecast(instrument, project.dataset) for instrument in made]


def _served(results: Sequence[Result]) -> dict[str, str]:
    served: dict[str, str] = {}
    for result in results:
        outcome = result.outcome
        if isinstance(outcome, Score) and outcome.served:
            served.setdefault(f"{outcome.scorer}.{outcome.target.value}", outcome.served)
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
