"""Scoring a few records for somebody who waits for the answer."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from judge.api.project import Project, RunStore, run_context
from judge.api.reporting import admitted_results
from judge.api.running import ignore, manifest_of, new_run_id, score_tasks
from judge.errors import DataError
from judge.records.dataset import PAIR, Dataset
from judge.records.record import Item, RecordKey, Role, System
from judge.runs.executor import Stop
from judge.runs.plan import Task
from judge.trust.admission import AdmittedMeasure

REQUEST = "request"
"""Purpose of a run of a few records that somebody asked about."""

_TEACHER = "(teacher)"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenRecord:
    """An answer that somebody wants to have scored.

    Attributes:
        system: who gave it.
        references: right answers.
        teacher_output: what a teacher answered; None where nobody did.
        opponent: the other answer, where two are compared; None where none is.
        schema: canonical JSON text of the schema it must satisfy; empty for none.
    """

    record_id: str
    system: str = "student"
    input: str = ""
    output: str
    references: tuple[str, ...] = ()
    teacher_output: str | None = None
    opponent: str | None = None
    schema: str = ""
    slices: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FewScored:
    """What came of a few records.

    Attributes:
        keys: of the records, in the order in which they were given.
        measures: with an outcome of each record, and with whether a judge is believed.
    """

    run_id: str
    keys: tuple[RecordKey, ...]
    measures: tuple[AdmittedMeasure, ...]


def dataset_of(given: Sequence[GivenRecord]) -> Dataset:
    """Return records that are given as a set.

    Raises:
        DataError: two of them have the same id, or some are pairs and others are not.
    """
    ids = [one.record_id for one in given]
    if twice := next((name for name in ids if ids.count(name) > 1), None):
        raise DataError(f"two records have the id {twice!r}; give each its own")
    paired = {one.opponent is not None for one in given}
    if len(paired) > 1:
        raise DataError("some records have an opponent, others have none; ask about them apart")
    outputs: dict[str, dict[str, str]] = {}
    for one in given:
        outputs.setdefault(_system(one), {})[one.record_id] = one.output
    roles = dict.fromkeys(outputs, Role.STUDENT)
    if taught := {o.record_id: o.teacher_output for o in given if o.teacher_output is not None}:
        roles[_TEACHER], outputs[_TEACHER] = Role.TEACHER, taught
    return Dataset(
        items=tuple(
            Item(
                item_id=one.record_id,
                input=one.input,
                references=one.references,
                slices=one.slices,
                cluster=one.record_id,
                schema=one.schema,
                opponent=one.opponent,
            )
            for one in given
        ),
        systems=tuple(System(name=name, role=role) for name, role in roles.items()),
        outputs=outputs,
    )


async def score_few(
    project: Project,
    store: RunStore,
    given: Sequence[GivenRecord],
    *,
    now: Callable[[], datetime],
    within_s: float,
) -> FewScored | None:
    """Score a few records and say which of the judged scores may be believed.

    What is not scored in time has its fate, like what a run did not come to.

    Args:
        project: of these records.
        store: keeps what was asked and answered.
        given: the records.
        now: the time.
        within_s: seconds after which there is an answer in any case.

    Returns:
        What came of them; None where not even the endpoint's abilities were known in time.

    Raises:
        InputError: the project cannot be run; nothing was spent.
    """
    run_id = new_run_id(now())
    keys = tuple(RecordKey(item_id=one.record_id, system=_system(one)) for one in given)
    wanted = set(keys)
    tasks = [Task(record=record) for record in project.dataset.records() if record.key in wanted]
    manifest = None
    try:
        async with (
            asyncio.timeout(within_s),
            project.instruments(run_context(store, run_id, stop=Stop())) as instruments,
        ):
            measures = [instrument.scorer.measure for instrument in instruments]
            begun = manifest_of(project, run_id, measures, purpose=REQUEST, started=now())
            await asyncio.to_thread(store.begin, begun, project.dataset)
            manifest = begun
            work = [(instrument, tasks) for instrument in instruments]
            await score_tasks(work, store, run_id=run_id, stop=Stop(), watcher=ignore)
    except TimeoutError:
        if manifest is None:
            return None
    found = await asyncio.to_thread(admitted_results, store, manifest, now=now(), few=True)
    return FewScored(run_id=run_id, keys=keys, measures=found.measures)


def _system(one: GivenRecord) -> str:
    return one.system if one.opponent is None else PAIR
