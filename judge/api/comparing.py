"""Comparing runs on the same frozen set, two of them or many."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from judge.api.project import Instrument, Project, RunStore, run_context
from judge.api.reporting import admitted_results, kept_gold
from judge.api.running import SCORING, ignore, manifest_of, new_run_id, score_tasks
from judge.errors import ConfigError, DataError
from judge.records.changes import changes_between
from judge.records.rating import text_hash
from judge.records.record import Record, RecordKey
from judge.reports.comparison import Comparison, compare
from judge.reports.groups import OVERALL
from judge.reports.history import History, history
from judge.reports.judge_change import measure_of, served_by
from judge.results.outcome import Score
from judge.results.run import RunManifest
from judge.results.served import models_in
from judge.results.store import Store
from judge.runs.executor import Stop, Watcher
from judge.runs.plan import Task
from judge.trust.admission import AdmittedMeasure, AdmittedResults
from judge.trust.gold import GoldSet

REJUDGED = "rejudged"
"""Purpose of a run in which a later judge judges the outputs of an earlier run."""

_NAMED = 5


def compare_runs(
    store: Store, before: RunManifest, after: RunManifest, *, now: datetime
) -> Comparison:
    """Compare two runs on the same set; certificates are looked up now.

    Raises:
        ConfigError: one of them scored no whole set, or both are the same.
        DataError: they are on different sets; the message says what differs.
    """
    _check_comparable(store, before, after)
    first, second = (_admitted(store, one, now=now) for one in (before, after))
    return compare(
        first,
        second,
        again={m.measure.metric: _known(store, m) for m in second.measures if m.measure.judged},
    )


async def judge_outputs_again(
    project: Project,
    store: RunStore,
    before: RunManifest,
    after: RunManifest,
    *,
    now: Callable[[], datetime],
    stop: Stop,
    watcher: Watcher = ignore,
) -> int:
    """Have the judge of the second run judge the outputs of the first, where it is another judge.

    The verdicts are kept as a run of their own; what the judge said of the same texts before is
    not asked again.

    Args:
        project: made again from the second run.
        store: holds both runs.
        before: the first run.
        after: the second run.
        now: the time.
        stop: may be asked to stop.
        watcher: told of results when they are durable.

    Returns:
        How many outputs had to be judged.

    Raises:
        ConfigError: the judge is no longer the one of the second run, or as `compare_runs`.
        DataError: as `compare_runs`.
    """
    found = compare_runs(store, before, after, now=now())
    second = admitted_results(store, after, now=now())
    wanted: dict[str, list[Record]] = {}
    systems = {change.system for change in found.changes.outputs}
    for judge in found.judges:
        if judge.reasons:
            wanted[judge.metric] = [
                record
                for record in store.dataset(before).records()
                if record.key not in judge.verdicts and record.system in systems
            ]
    if not any(wanted.values()):
        return 0
    run_id, earlier = new_run_id(now()), replace(project, dataset=store.dataset(before))
    served = {
        metric: sorted(served_by(measure_of(second, metric).facts.values())) for metric in wanted
    }
    async with project.instruments(run_context(store, run_id, stop=stop, served=served)) as made:
        work = [(i, wanted[i.scorer.measure.metric]) for i in made if _is_wanted(i, wanted)]
        measures = [instrument.scorer.measure for instrument, _ in work]
        for measure in measures:
            if measure.signature != after.measure(measure.scorer, measure.target).signature:
                raise ConfigError(
                    f"{measure.metric} is no longer judged as in run {after.run_id}: undo the "
                    "change of its prompt or model"
                )
        manifest = manifest_of(earlier, run_id, measures, purpose=REJUDGED, started=now())
        store.begin(manifest, earlier.dataset)
        tasks = [(i, [Task(record=record) for record in records]) for i, records in work]
        await score_tasks(tasks, store, run_id=run_id, stop=stop, watcher=watcher)
    return sum(len(records) for _, records in work)


def history_of(
    store: Store,
    *,
    now: datetime,
    name: str = "",
    last: int | None = None,
    slice_name: str = OVERALL,
    metrics: Sequence[str] = (),
    systems: Sequence[str] = (),
    among: Collection[str] | None = None,
) -> History:
    """Return what the runs of one config's name say, oldest first.

    Args:
        store: holds them.
        now: the time at which judges are believed or not.
        name: of the config; empty for that of the newest run.
        last: so many of the newest; None for all.
        slice_name: ``overall`` or ``dimension=value``.
        metrics: those that are wanted; all where none is named.
        systems: likewise.
        among: ids of the runs that may be looked at; None for all.

    Raises:
        ConfigError: there is no such run, or none of them has what is asked for.
    """
    scored = [
        manifest
        for manifest in store.manifests()
        if manifest.purpose == SCORING and (among is None or manifest.run_id in among)
    ]
    wanted = name or (scored[-1].name if scored else "")
    runs = [manifest for manifest in scored if manifest.name == wanted]
    runs = runs[-last:] if last else runs
    if not runs:
        known = ", ".join(dict.fromkeys(manifest.name for manifest in scored)) or "none"
        raise ConfigError(
            f"no run of {wanted or 'any config'} is stored; there are runs of: {known}"
        )
    found = history(
        [admitted_results(store, manifest, now=now) for manifest in runs],
        slice_name=slice_name,
        metrics=metrics,
        systems=systems,
    )
    if not found.metrics:
        there = sorted({m.metric for manifest in runs for m in manifest.measures})
        raise ConfigError(
            f"no run of {wanted} has that; metrics are: {', '.join(there)}; slices are overall or "
            "DIMENSION=VALUE"
        )
    return found


def _is_wanted(instrument: Instrument, wanted: Mapping[str, Sequence[Record]]) -> bool:
    return bool(wanted.get(instrument.scorer.measure.metric))


def _check_comparable(store: Store, before: RunManifest, after: RunManifest) -> None:
    for manifest in (before, after):
        if manifest.purpose != SCORING:
            raise ConfigError(
                f"{manifest.run_id} is a {manifest.purpose} run; compare runs of a whole set "
                "(judge run)"
            )
    if before.run_id == after.run_id:
        raise ConfigError(f"{before.run_id} is both runs; give two")
    if before.dataset == after.dataset:
        return
    changes = changes_between(store.dataset(before), store.dataset(after))
    first, second = (f"run {one.run_id}" for one in (before, after))
    told = changes.sentences(first=first, second=second, shown=_NAMED)
    raise DataError(
        f"the runs are not on the same evaluation set: {'; '.join(told)}; a difference would be "
        "one of the items: score both on one set (judge freeze pins it)"
    )


def _admitted(store: Store, manifest: RunManifest, *, now: datetime) -> AdmittedResults:
    """Admit a run with the labels that are about its own outputs, also where newer ones are not."""
    texts = {record.key: text_hash(record.output) for record in store.dataset(manifest).records()}
    gold = sorted(kept_gold(store), key=lambda one: _held(one, texts))
    return admitted_results(store, manifest, now=now, gold=gold)


def _held(gold: GoldSet, texts: Mapping[RecordKey, str]) -> int:
    return sum(texts.get(label.key) == label.output_hash for label in gold.labels)


def _known(store: Store, admitted: AdmittedMeasure) -> Mapping[str, Score]:
    """Return what the judge of a run ever said, where the same models answered, by content."""
    measure = admitted.measure
    served = served_by(admitted.facts.values())
    return {
        content: score
        for content, score in store.scores(measure.signature, measure.target).items()
        if models_in([score.served]) <= served
    }
