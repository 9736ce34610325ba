"""Bounded concurrency: every task ends in a stored outcome, and failures become fates."""

import asyncio
import logging
import secrets
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import TypeAlias

from judge.errors import ScoringError, StoreError, StoreUnusable
from judge.records.record import Record
from judge.results.outcome import Fate, FateCode, Outcome, Vote
from judge.results.run import Measure, Result, content_of
from judge.results.store import ResultStore
from judge.runs.plan import Task
from judge.scorers.scorer import Scorer

_LOGGER = logging.getLogger(__name__)

Watcher: TypeAlias = Callable[[Sequence[Result]], None]
"""Told of results when they are durable."""


class Stop:
    """Says whether new work may still be taken, and why not."""

    def __init__(self) -> None:
        self.reason = ""
        self._told: list[Callable[[], None]] = []

    def ask(self, reason: str) -> None:
        """Let what is in flight finish, and take nothing new."""
        self.reason = self.reason or reason
        for tell in self._told:
            tell()

    def tell(self, listener: Callable[[], None]) -> None:
        """Call a listener when it is asked for: one whose work would take hours to finish."""
        self._told.append(listener)


async def score_all(
    tasks: Iterable[Task],
    scorer: Scorer,
    store: ResultStore,
    *,
    run_id: str,
    batch_size: int,
    concurrency: int,
    stop: Stop,
    watcher: Watcher,
) -> None:
    """Score every task and store its outcome as soon as it is known.

    At most `concurrency` batches are in flight, and a worker takes the next one only when the
    last is committed. Tasks are taken in their order, each when its turn comes, so that a
    generator never has more of them in memory than are in flight. What cannot be scored is stored
    with its fate. An error after which no later call can do better ends this scorer: its other
    tasks stay unscored, for a resume.

    Raises:
        StoreError: results can no longer be kept; no further call was made.
        StoreUnusable: another process writes to the store.
    """
    waiting: Iterator[Sequence[Task]] = _batches(tasks, batch_size)
    halted = Stop()

    async def work() -> None:
        for batch in waiting:  # one iterator for all workers: each batch is taken once
            if stop.reason or halted.reason:
                return
            started = time.perf_counter()
            outcomes = await _outcomes(scorer, [task.record for task in batch], halted)
            duration_s = (time.perf_counter() - started) / len(batch)
            results = _results(run_id, batch, outcomes, duration_s=duration_s)
            await store.put(results)
            watcher(results)

    async with together() as workers:
        for _ in range(concurrency):
            workers.create_task(work())


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """Run tasks side by side, and end all of them where one cannot keep its results.

    Raises:
        StoreError: of the first that could not, as itself and not in a group.
        StoreUnusable: likewise, where another process has the right to write.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            yield tasks
    except ExceptionGroup as group:
        if (unkept := _unkept(group)) is None:
            raise
        raise unkept from unkept.__cause__


def _unkept(error: Exception) -> StoreError | StoreUnusable | None:
    if isinstance(error, ExceptionGroup):
        return next((found for one in error.exceptions if (found := _unkept(one))), None)
    return error if isinstance(error, StoreError | StoreUnusable) else None


async def _outcomes(scorer: Scorer, batch: Sequence[Record], halted: Stop) -> Sequence[Outcome]:
    """Return one outcome for each record, or for the first ones where the scorer must stop."""
    try:
        return await _one_for_each(scorer, batch)
    except Exception as error:  # the one broad except: a bug costs one record, not the run
        if _unkept(error):
            raise
        if len(batch) == 1:
            return [_fate(error, scorer.measure, halted)]
    # One poisoned record must not cost its neighbours their scores: each is tried alone.
    outcomes: list[Outcome] = []
    for record in batch:
        if halted.reason:
            break
        outcomes += await _outcomes(scorer, [record], halted)
    return outcomes


async def _one_for_each(scorer: Scorer, batch: Sequence[Record]) -> Sequence[Outcome]:
    outcomes = await scorer.score(batch)
    if len(outcomes) != len(batch):
        raise ValueError(f"{len(batch)} records were given {len(outcomes)} outcomes")
    return outcomes


def _fate(error: Exception, measure: Measure, halted: Stop) -> Fate:
    if not isinstance(error, ScoringError):
        return _bug(error, measure)
    if error.halts:
        _LOGGER.warning("%s stops: %s", measure.metric, error)
        halted.ask(str(error))
    return Fate(
        scorer=measure.scorer,
        target=measure.target,
        code=FateCode(error.fate),
        message=str(error),
        attempts=error.attempts,
        votes=tuple(vote for vote in error.votes if isinstance(vote, Vote)),
    )


def _bug(error: Exception, measure: Measure) -> Fate:
    incident = secrets.token_hex(4)
    _LOGGER.error("incident %s in %s:\n%s", incident, measure.metric, _where(error))
    return Fate(
        scorer=measure.scorer,
        target=measure.target,
        code=FateCode.INTERNAL_ERROR,
        message=f"incident {incident}: {type(error).__name__}; the log has the traceback",
    )


def _where(error: BaseException | None) -> str:
    """Return types and places, and no message: that of a bug may quote the record."""
    if error is None:
        return ""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"{_where(error.__cause__ or error.__context__)}{frames}{type(error).__qualname__}\n"


def _results(
    run_id: str, batch: Sequence[Task], outcomes: Sequence[Outcome], *, duration_s: float
) -> list[Result]:
    return [
        Result(
            run_id=run_id,
            key=task.record.key,
            outcome=outcome,
            content=content_of(task.record, outcome.target),
            revision=task.revision,
            duration_s=duration_s,
        )
        # There are fewer outcomes where the scorer had to stop within the batch.
        for task, outcome in zip(batch, outcomes, strict=False)
    ]


def _batches(tasks: Iterable[Task], size: int) -> Iterator[Sequence[Task]]:
    waiting = iter(tasks)
    while batch := list(islice(waiting, size)):
        yield batch
