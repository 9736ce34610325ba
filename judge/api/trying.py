"""Trying a judge while it judges: null answers and attacks, mixed blind among the records."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

import numpy as np

from judge.api.project import Instrument, Project, RunStore
from judge.records.record import RecordKey
from judge.results.store import DocumentStore
from judge.runs.plan import Task
from judge.trust.controls import (
    CONTROLS_KIND,
    ControlPlan,
    decode_control_plan,
    encode_control_plan,
    plan_controls,
)


def keep_controls(
    project: Project,
    store: RunStore,
    instrument: Instrument,
    *,
    run_id: str,
    n: int,
    human: Mapping[RecordKey, str] = MappingProxyType({}),
) -> ControlPlan | None:
    """Draw the controls of one judge in one run and keep them; None where it is no judge.

    Args:
        project: whose records carry them.
        store: keeps them, so that a resume and a report know them.
        instrument: the judge.
        run_id: of the run they are mixed into.
        n: null answers and attacks.
        human: what people said of some of the records, so that weak answers are known to be weak.
    """
    measure = instrument.scorer.measure
    if not n or instrument.scale is None or not instrument.calls_a_model:
        return None
    plan = ControlPlan(
        run_id=run_id,
        metric=measure.metric,
        scale=instrument.scale,
        seed=project.seed,
        cases=plan_controls(
            project.dataset.records(),
            target=measure.target,
            scale=instrument.scale,
            criterion=measure.criterion,
            human=human,
            rubric=instrument.rubric,
            seed=project.seed,
            n=n,
        ),
    )
    store.put_document(CONTROLS_KIND, plan.document_id, encode_control_plan(plan))
    return plan


def kept_controls(store: DocumentStore, run_id: str) -> dict[str, ControlPlan]:
    """Return the controls that were mixed into a run, by metric."""
    plans = map(decode_control_plan, store.documents(CONTROLS_KIND))
    return {plan.metric: plan for plan in plans if plan.run_id == run_id}


def mixed(tasks: Iterable[Task], plan: ControlPlan | None, *, n_tasks: int) -> Iterator[Task]:
    """Yield tasks with controls at random places between them, each kind in its own order.

    Args:
        tasks: of the records.
        plan: the controls; None for none.
        n_tasks: how many tasks there are.
    """
    if plan is None:
        yield from tasks
        return
    controls = iter([Task(record=case.record) for case in plan.cases])
    others = iter(tasks)
    is_control = np.arange(n_tasks + len(plan.cases)) < len(plan.cases)
    np.random.default_rng(plan.seed).shuffle(is_control)
    for control in is_control:
        yield next(controls) if control else next(others)
