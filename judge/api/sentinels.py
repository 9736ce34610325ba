"""Asking a judge for certified verdicts again, where another serving system answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from judge.api.project import Project, RunStore, run_context
from judge.api.reporting import SENTINELS, admitted_results
from judge.api.running import VALIDATING, ignore, manifest_of, new_run_id, score_tasks
from judge.records.record import Record
from judge.results.run import Measure, Result, RunManifest
from judge.runs.executor import Stop
from judge.runs.plan import Task
from judge.trust.admission import AdmittedMeasure
from judge.trust.certificate import CERTIFICATE_KIND
from judge.trust.sentinels import sentinel_records


async def judge_sentinels_again(
    project: Project,
    store: RunStore,
    manifest: RunManifest,
    *,
    now: Callable[[], datetime],
    stop: Stop,
) -> None:
    """Have the sentinels of a trusted certificate judged by a serving system it does not know.

    Their verdicts are kept as a run of their own, past the cache: an answer that was kept came from
    the system that was certified. Without them, nobody can tell whether the judge is still the
    same, and a report withholds its numbers.

    Args:
        project: makes the judge.
        store: holds the run and the certificates.
        manifest: of the run in which another system answered.
        now: the time.
        stop: where it was asked for, nothing is done.
    """
    # Nothing is asked again where nothing was certified, which is cheap to know.
    if stop.reason or not store.documents(CERTIFICATE_KIND):
        return
    for measure in admitted_results(store, manifest, now=now()).measures:
        if measure.trust is not None and measure.trust.judge_again:
            await _again(project, store, manifest, measure, now=now, stop=stop)


async def _again(
    project: Project,
    store: RunStore,
    manifest: RunManifest,
    admitted: AdmittedMeasure,
    *,
    now: Callable[[], datetime],
    stop: Stop,
) -> None:
    measure, trust = admitted.measure, admitted.trust
    wanted = trust.judge_again if trust is not None else ()
    records = sentinel_records(wanted, known_records(store, manifest), measure.target)
    if not records:
        return
    await judge_records_again(project, store, measure, records, now=now, stop=stop)


async def judge_records_again(
    project: Project,
    store: RunStore,
    measure: Measure,
    records: Sequence[Record],
    *,
    now: Callable[[], datetime],
    stop: Stop,
) -> Sequence[Result]:
    """Have records judged past the cache, as a run of its own, and return what came of them."""
    run_id = new_run_id(now())
    context = replace(run_context(store, run_id, stop=stop), answers=None)
    async with project.instruments(context) as instruments:
        found = [i for i in instruments if i.scorer.measure.metric == measure.metric]
        again = manifest_of(project, run_id, [measure], purpose=SENTINELS, started=now())
        store.begin(again, project.dataset)
        work = [(instrument, [Task(record=record) for record in records]) for instrument in found]
        await score_tasks(work, store, run_id=run_id, stop=stop, watcher=ignore)
    return store.results(run_id)


def known_records(store: RunStore, manifest: RunManifest) -> Iterator[Record]:
    """Yield the records of a run and of every set on which a judge was validated."""
    yield from store.dataset(manifest).records()
    for earlier in store.manifests():
        if earlier.purpose == VALIDATING:
            yield from store.dataset(earlier).records()
