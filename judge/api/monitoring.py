"""Holding samples from production against the evaluation set, look after look."""

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import log2

import msgspec
import numpy as np
from numpy.typing import NDArray

from judge.api.project import Project, RunStore, run_context
from judge.api.reporting import SENTINELS, admitted_results
from judge.api.running import SCORING, ignore, manifest_of, new_run_id, outcomes_of, score_tasks
from judge.api.sentinels import judge_records_again, known_records
from judge.errors import ConfigError
from judge.models.embedding import Vectors
from judge.records.dataset import Dataset
from judge.records.record import Record, RecordKey
from judge.reports.monitors import (
    OUTPUT_LENGTH,
    InputLook,
    Kind,
    Look,
    MonitorReport,
    Rules,
    SentinelLook,
    Stream,
    Watch,
    looked,
    next_input_level,
    readings,
    series_of,
    watches,
)
from judge.reports.samples import LengthScale, Scores, watched_scores
from judge.results.outcome import Fate, Outcome, Score
from judge.results.run import Measure, Result, RunManifest, content_of
from judge.results.served import models_in
from judge.results.store import DocumentStore
from judge.runs.executor import Stop, Watcher
from judge.runs.plan import Task
from judge.stats.betting import tally
from judge.stats.estimate import Estimate
from judge.stats.shift import population_shift
from judge.trust.admission import AdmittedMeasure, AdmittedResults
from judge.trust.certificate import CERTIFICATE_KIND, decode_certificate, standing_of
from judge.trust.sentinels import again_in, fingerprints_of, sentinel_records

MONITOR = "monitor"
"""Purpose of a run that scores samples from production; kind of the stored stream."""

FEWEST_INPUTS = 50
"""Samples since the last test of inputs that the next one waits for."""

_ID_BYTES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitored:
    """What is held against each other.

    Attributes:
        project: the evaluation set and its instruments.
        samples: all samples there are, old and new.
        system: whose outputs they are.
        embed: makes vectors of inputs.
        window: newest samples whose inputs are held against the set's.
        rules: when something is an alarm.
    """

    project: Project
    samples: Dataset
    system: str
    embed: Callable[[Sequence[str]], Awaitable[Vectors]]
    window: int
    rules: Rules


async def monitor(
    monitored: Monitored,
    store: RunStore,
    *,
    now: Callable[[], datetime],
    stop: Stop | None = None,
    watcher: Watcher = ignore,
) -> MonitorReport:
    """Look at the samples that no look has seen yet.

    Args:
        monitored: the evaluation set and the samples.
        store: holds the run on the set, and what earlier looks saw.
        now: the time.
        stop: may be asked to stop; then no look is taken, and the same call goes on from there.
        watcher: told of results when they are durable.

    Raises:
        ConfigError: no run in the store scored the evaluation set with these instruments.
        StoreError: results can no longer be kept.
    """
    stop = stop or Stop()
    baseline = _baseline_run(monitored, store)
    desk = _Desk(monitored, store, admitted_results(store, baseline, now=now()))
    stream = desk.stream
    new = desk.new_samples()
    if not new.items:
        return desk.report(stream, n_new=0, complete=True)
    results, run = await _scored(
        monitored, store, new, baseline=baseline, now=now, stop=stop, watcher=watcher
    )
    if _stopped(stop) or not _all_final(results, new, monitored.system, run):
        return desk.report(stream, n_new=len(new.items), complete=False)
    sentinels = [
        found
        for measure in desk.admitted.measures
        if (found := await _sentinels(monitored, store, measure, baseline, now=now, stop=stop))
    ]
    inputs = await desk.inputs(stream, new)
    if _stopped(stop):
        return desk.report(stream, n_new=len(new.items), complete=False)
    look = desk.look(stream, run, new, results, sentinels=sentinels, inputs=inputs, at=now())
    stream = looked(stream, look, watched=desk.watched, rules=monitored.rules)
    desk.keep(stream, new)
    return desk.report(stream, n_new=len(new.items), complete=True)


def _stopped(stop: Stop) -> bool:
    return bool(stop.reason)


class _Desk:
    """One call's view of a stream: its baseline, its watches and what is kept of it."""

    def __init__(self, monitored: Monitored, store: RunStore, admitted: AdmittedResults) -> None:
        self._monitored = monitored
        self._store = store
        self.admitted = admitted
        self._stream_id = _stream_id(monitored, admitted.manifest)
        self._frozen = [r for r in admitted.records if r.system == monitored.system]
        rng = np.random.default_rng(admitted.manifest.seed)
        self._lengths = LengthScale(self._frozen, rng=rng)
        self.watched, self._unwatched = self._watches()

        kept = _kept(store).get(self._stream_id)
        self.stream = kept.stream if kept else Stream(baseline=admitted.manifest.run_id)
        """All looks up to now."""
        self._seen = frozenset(_in_pieces(kept.seen)) if kept else frozenset()

    def new_samples(self) -> Dataset:
        """Return the samples that no look has seen."""
        samples = self._monitored.samples
        items = tuple(item for item in samples.items if _hashed(item.item_id) not in self._seen)
        return replace(samples, items=items)

    def keep(self, stream: Stream, new: Dataset) -> None:
        """Keep the stream and which samples it has seen, in one commit."""
        seen = self._seen | {_hashed(item.item_id) for item in new.items}
        kept = _Kept(stream_id=self._stream_id, stream=stream, seen=b"".join(sorted(seen)))
        self._store.put_document(MONITOR, self._stream_id, msgspec.json.encode(kept))

    def report(self, stream: Stream, *, n_new: int, complete: bool) -> MonitorReport:
        rules = self._monitored.rules
        return MonitorReport(
            name=self._monitored.project.name,
            system=self._monitored.system,
            stream=stream,
            rules=rules,
            readings=tuple(readings(stream, watched=self.watched, rules=rules)),
            n_new=n_new,
            complete=complete,
            unwatched=self._unwatched,
        )

    def look(
        self,
        stream: Stream,
        run: RunManifest,
        new: Dataset,
        results: Sequence[Result],
        *,
        sentinels: Sequence[SentinelLook],
        inputs: InputLook | None,
        at: datetime,
    ) -> Look:
        """Return what the new samples say, without what may not be believed."""
        records = [r for r in new.records() if r.system == self._monitored.system]
        scores: Scores = self._lengths.scores(records, OUTPUT_LENGTH)
        missing, held = {}, {}
        drifted = {
            one.metric
            for one in sentinels
            if one.differ > self._monitored.rules.sentinel_disagreement * one.n
        }
        for admitted in self.admitted.measures:
            measure = admitted.measure
            outcomes = outcomes_of(results, measure.scorer, measure.target)
            if why := self._why_held(admitted, outcomes, at=at):
                held[measure.metric] = why
                continue
            if measure.metric in drifted:
                held[measure.metric] = "certified verdicts came out otherwise when asked for again"
                continue
            found, missing[measure.metric] = watched_scores(records, outcomes, measure)
            scores.update(found)
        return Look(
            number=len(stream.looks) + 1,
            run_id=run.run_id,
            at=at,
            n_samples=len(records),
            scores={series_of(*key): tally(values) for key, values in scores.items()},
            missing={metric: n for metric, n in missing.items() if n},
            held=held,
            sentinels=tuple(sentinels),
            inputs=inputs,
        )

    async def inputs(self, stream: Stream, new: Dataset) -> InputLook | None:
        """Test whether the inputs since the last test are like those of the set."""
        waiting = []
        for look in reversed(stream.looks):
            if look.inputs is not None:
                break
            waiting.append(look.run_id)
        runs = {manifest.run_id: manifest for manifest in self._store.manifests()}
        sets = [self._store.dataset(runs[run_id]) for run_id in reversed(waiting)] + [new]
        items = [item for one in sets for item in one.items][-self._monitored.window :]
        frozen = self._monitored.project.dataset.items
        if len(items) < FEWEST_INPUTS or not all(item.input for item in (*items, *frozen)):
            return None
        test, level = next_input_level(stream, self._monitored.rules)
        names = sorted({pair for item in (*frozen, *items) for pair in item.slices.items()})
        vectors = await self._monitored.embed([item.input for item in (*frozen, *items)])
        known = np.hstack(
            [
                vectors,
                np.array([[log2(1 + len(item.input))] for item in (*frozen, *items)]),
                np.array(
                    [
                        [float(item.slices.get(key) == value) for key, value in names]
                        for item in (*frozen, *items)
                    ]
                ).reshape(len(frozen) + len(items), -1),
            ]
        ).astype(np.float64)
        found = population_shift(
            known[: len(frozen)],
            known[len(frozen) :],
            rng=np.random.default_rng([self._monitored.project.seed, test]),
            clusters=_codes([item.cluster for item in frozen], [item.cluster for item in items]),
            level=level,
        )
        if isinstance(found, Estimate):
            return InputLook(test=test, n_samples=len(items), shift=found)
        return InputLook(test=test, n_samples=len(items), shift=None, reason=found.reason)

    def _watches(self) -> tuple[tuple[Watch, ...], Mapping[str, str]]:
        scores: Scores = self._lengths.scores(self._lengths.rest, OUTPUT_LENGTH)
        kinds, unwatched = {OUTPUT_LENGTH: Kind.OUTPUT}, {}
        left_out: set[tuple[str, str]] = set()
        for one in self.admitted.measures:
            metric = one.measure.metric
            kinds[metric] = Kind.QUALITY if one.measure.judged else Kind.OUTPUT
            found, _ = watched_scores(self._frozen, one.outcomes, one.measure)
            scores.update(found)
            system = self._monitored.system
            left_out.update(key for key in found if one.why_withheld_on(system, key[1]))
            if one.withheld:
                unwatched[metric] = one.why_withheld
            elif not found:
                unwatched[metric] = f"no output of {system} has it on the set"
        seed = self.admitted.manifest.seed
        return watches(scores, kinds, left_out=left_out, seed=seed), unwatched

    def _why_held(
        self, admitted: AdmittedMeasure, outcomes: Mapping[RecordKey, Outcome], *, at: datetime
    ) -> str:
        """Say why the judge is not believed on these samples; empty where it is, or none judged."""
        measure = admitted.measure
        if not measure.judged:
            return ""
        found = [outcome for outcome in outcomes.values() if isinstance(outcome, Score)]
        trust = standing_of(
            measure,
            [decode_certificate(body) for body in self._store.documents(CERTIFICATE_KIND)],
            served=models_in({score.served for score in found}),
            # Whether production is still like the set is what the test of inputs is for.
            population=self.admitted.manifest.population,
            now=at,
            validate_command=f"judge validate {self._monitored.project.config_path}",
            fingerprints=frozenset(name for score in found for name in fingerprints_of(score)),
            again=again_in(self._sentinel_results(), signature=measure.signature),
        )
        return "" if trust.believed else f"judge {trust.standing.value}: {'; '.join(trust.reasons)}"

    def _sentinel_results(self) -> Iterator[Result]:
        for manifest in self._store.manifests():
            if manifest.purpose == SENTINELS:
                yield from self._store.results(manifest.run_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What is kept of a stream.

    Attributes:
        seen: hashes of the ids of its samples, eight bytes each.
    """

    stream_id: str
    stream: Stream
    seen: bytes


def begin_anew(monitored: Monitored, store: RunStore, *, now: Callable[[], datetime]) -> None:
    """Forget the looks and alarms of a stream, not which samples it has seen.

    The chance of a false alarm is dealt out anew: that is for after a change, such as a repair.

    Raises:
        ConfigError: as `monitor`.
    """
    admitted = admitted_results(store, _baseline_run(monitored, store), now=now())
    desk = _Desk(monitored, store, admitted)
    desk.keep(Stream(baseline=admitted.manifest.run_id), replace(monitored.samples, items=()))


async def _scored(
    monitored: Monitored,
    store: RunStore,
    new: Dataset,
    *,
    baseline: RunManifest,
    now: Callable[[], datetime],
    stop: Stop,
    watcher: Watcher,
) -> tuple[Sequence[Result], RunManifest]:
    run_id, project = new_run_id(now()), replace(monitored.project, dataset=new)
    async with project.instruments(run_context(store, run_id, stop=stop)) as instruments:
        measures = [instrument.scorer.measure for instrument in instruments]
        _check_same(measures, baseline)
        run = manifest_of(project, run_id, measures, purpose=MONITOR, started=now())
        store.begin(run, new)
        records = [record for record in new.records() if record.system == monitored.system]
        work = [(i, [Task(record=record) for record in records]) for i in instruments]
        await score_tasks(work, store, run_id=run_id, stop=stop, watcher=watcher)
    return store.results(run_id), run


def _check_same(measures: Sequence[Measure], baseline: RunManifest) -> None:
    known = {measure.metric: measure.signature for measure in baseline.measures}
    for measure in measures:
        if known.get(measure.metric) != measure.signature:
            raise ConfigError(
                f"{measure.metric} is not what run {baseline.run_id} measured on the evaluation "
                f"set: score the set anew with it (judge run), or undo the change"
            )


def _all_final(results: Sequence[Result], new: Dataset, system: str, run: RunManifest) -> bool:
    """Whether nothing is left that another try may bring."""
    wanted = len(run.measures) * sum(record.system == system for record in new.records())
    final = [r for r in results if not (isinstance(r.outcome, Fate) and r.outcome.code.resumable)]
    return len(final) == wanted


async def _sentinels(
    monitored: Monitored,
    store: RunStore,
    admitted: AdmittedMeasure,
    baseline: RunManifest,
    *,
    now: Callable[[], datetime],
    stop: Stop,
) -> SentinelLook | None:
    """Ask a trusted judge for its certified verdicts again; None where there is nothing to ask."""
    measure, trust = admitted.measure, admitted.trust
    certificate = trust.certificate if trust is not None and trust.believed else None
    if _stopped(stop) or certificate is None or not certificate.served:
        return None  # what runs here, or was recorded elsewhere, cannot change its mind
    certified = certificate.sentinels
    records = sentinel_records(certified, known_records(store, baseline), measure.target)
    if not records:
        return None
    results = await judge_records_again(
        monitored.project, store, measure, records, now=now, stop=stop
    )
    again = _labels(results, records, measure)
    return SentinelLook(
        metric=measure.metric,
        n=len(again),
        differ=sum(label != certified[content] for content, label in again.items()),
    )


def _labels(
    results: Sequence[Result], records: Sequence[Record], measure: Measure
) -> dict[str, str]:
    contents = {record.key: content_of(record, measure.target) for record in records}
    return {
        contents[result.key]: result.outcome.label
        for result in results
        if isinstance(result.outcome, Score)
    }


def _baseline_run(monitored: Monitored, store: RunStore) -> RunManifest:
    """Return the run that a stream began with, or the newest on the very set and outputs."""
    project, system = monitored.project, monitored.system
    dataset = project.dataset
    wanted = (dataset.fingerprint, dataset.output_fingerprint(system))
    found = [
        manifest
        for manifest in store.manifests()
        if manifest.purpose == SCORING
        and (manifest.dataset, manifest.outputs.get(system)) == wanted
    ]
    if not found:
        raise ConfigError(
            f"no run in this store scored the evaluation set and these outputs of {system}, and "
            f"samples are held against one; make it first: judge run {project.config_path}"
        )
    newest = found[-1]
    kept = _kept(store).get(_stream_id(monitored, newest))
    began = kept.stream.baseline if kept else ""
    return next((manifest for manifest in found if manifest.run_id == began), newest)


def _stream_id(monitored: Monitored, baseline: RunManifest) -> str:
    """Name a stream by all that makes its looks comparable."""
    parts = [
        monitored.project.name,
        monitored.system,
        baseline.dataset,
        baseline.outputs[monitored.system],
        *sorted(f"{measure.metric} {measure.signature}" for measure in baseline.measures),
        repr(monitored.rules),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _kept(store: DocumentStore) -> dict[str, _Kept]:
    kept = (msgspec.json.decode(body, type=_Kept) for body in store.documents(MONITOR))
    return {one.stream_id: one for one in kept}


def _in_pieces(seen: bytes) -> Iterator[bytes]:
    for place in range(0, len(seen), _ID_BYTES):
        yield seen[place : place + _ID_BYTES]


def _hashed(item_id: str) -> bytes:
    return hashlib.blake2b(item_id.encode(), digest_size=_ID_BYTES).digest()


def _codes(frozen: Sequence[str], sampled: Sequence[str]) -> NDArray[np.int64]:
    # A cluster of production is none of the set's, whatever it is called.
    names = [("set", name) for name in frozen] + [("sample", name) for name in sampled]
    codes = {name: place for place, name in enumerate(dict.fromkeys(names))}
    return np.array([codes[name] for name in names], dtype=np.int64)
