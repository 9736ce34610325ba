"""What every run is made of: its name, its manifest, its tasks, the labels kept beside it."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version

from judge.api.project import Instrument, Project, RunStore
from judge.records.rating import (
    RatingSet,
)
from judge.records.record import RecordKey, Target
from judge.results.outcome import Outcome
from judge.results.run import Measure, Result, RunManifest
from judge.results.store import Store
from judge.runs.executor import Stop, Watcher, score_all, together
from judge.runs.plan import Task
from judge.trust.gold import GOLD_KIND, encode_gold, gold_set

_VERSIONED = ("judge", "numpy", "torch", "sentence-transformers", "jsonschema-rs", "openai")

SCORING = "score"
VALIDATING = "validation"


def ignore(results: Sequence[Result]) -> None:
    """Watch nothing."""
    del results


async def score_tasks(
    work: Sequence[tuple[Instrument, Iterable[Task]]],
    store: RunStore,
    *,
    run_id: str,
    stop: Stop,
    watcher: Watcher,
) -> None:
    """Score what each instrument has to do, all instruments side by side."""
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


def manifest_of(
    project: Project,
    run_id: str,
    measures: Sequence[Measure],
    *,
    purpose: str,
    started: datetime,
) -> RunManifest:
    """Return the manifest of a run that begins now."""
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
        terms=project.terms,
    )


def new_run_id(now: datetime) -> str:
    """Return a name no other run has."""
    # Sorts by time; the random end keeps two runs of one second apart.
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def outcomes_of(
    results: Sequence[Result], scorer: str, target: Target
) -> Mapping[RecordKey, Outcome]:
    """Return the outcomes of one scorer and target by record."""
    return {
        result.key: result.outcome
        for result in results
        if (result.outcome.scorer, result.outcome.target) == (scorer, target)
    }


def keep_gold(project: Project, store: Store, found: RatingSet) -> None:
    """Keep what people said, so that reports can correct a judge by it."""
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
