"""Putting the records that people rated to a judge; stored verdicts are used as they are."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from judge.api.project import Instrument, InstrumentMaker, Project, RunStore, run_context
from judge.api.running import VALIDATING, manifest_of, new_run_id, score_tasks
from judge.api.trying import keep_controls, mixed
from judge.records.record import Record, RecordKey, Target
from judge.results.outcome import Fate, FateCode, Outcome, Score
from judge.results.run import Measure, content_of
from judge.runs.executor import Stop, Watcher
from judge.runs.plan import Task
from judge.scorers.scorer import known_outcome
from judge.trust.control_findings import ControlFindings, control_findings
from judge.trust.controls import is_control

# What kept these from a verdict passes; a certificate written now would hide the next attempt.
_MAY_STILL_COME = frozenset(
    {FateCode.JUDGE_UNAVAILABLE, FateCode.QUOTA_EXHAUSTED, FateCode.BUDGET_EXHAUSTED}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What came of putting the rated records to one judge.

    Attributes:
        run_id: under which it was asked what was not known before.
        tried: what it said of controls.
    """

    run_id: str
    measure: Measure
    outcomes: Mapping[RecordKey, Outcome]
    tried: Mapping[RecordKey, Outcome]
    controls: ControlFindings | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is put to a judge: the rated records, and so many controls among them."""

    records: Mapping[RecordKey, Record]
    human: Mapping[RecordKey, str]
    target: Target
    criterion: str
    controls: int


async def verdicts_on(
    project: Project,
    store: RunStore,
    maker: InstrumentMaker,
    asked: Asked,
    *,
    now: Callable[[], datetime],
    stop: Stop,
    watcher: Watcher,
    spent: float = 0.0,
) -> Judged | None:
    """Judge the rated records that have no stored verdict; None where no judge has the target."""
    run_id = new_run_id(now())
    async with maker(run_context(store, run_id, stop=stop, spent=spent)) as instruments:
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
    return Judged(run_id=run_id, measure=measure, outcomes=outcomes, tried=tried, controls=findings)


def is_whole(outcomes: Mapping[RecordKey, Outcome], wanted: Collection[RecordKey]) -> bool:
    """Whether each record had its turn, and nothing that passes kept it from a verdict."""
    passing = [o for o in outcomes.values() if isinstance(o, Fate) and o.code in _MAY_STILL_COME]
    return len(outcomes) == len(wanted) and not passing


def _known(
    rated: Mapping[RecordKey, Record], measure: Measure, stored: Mapping[str, Score]
) -> dict[RecordKey, Outcome]:
    known: dict[RecordKey, Outcome] = {}
    for key, record in rated.items():
        outcome = known_outcome(record, measure) or stored.get(content_of(record, measure.target))
        if outcome is not None:
            known[key] = outcome
    return known


def _judging(instruments: Sequence[Instrument], asked: Asked) -> Instrument | None:
    """Return who judges what people rated; the only judge of the target, whatever it is asked."""
    found = [
        instrument
        for instrument in instruments
        if (measure := instrument.scorer.measure).judged and measure.target is asked.target
    ]
    of_criterion = [i for i in found if i.scorer.measure.criterion == asked.criterion]
    return next(iter(of_criterion or found), None)
