import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from judge.errors import (
    AccessDenied,
    EmbeddingInvalid,
    JudgeRefused,
    JudgeUnavailable,
    PanelNoMajority,
    QuotaExhausted,
    StoreError,
    StoreUnusable,
)
from judge.records.dataset import Dataset
from judge.records.record import Record, RecordKey, Target
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score, Vote
from judge.results.run import Measure, Result, RunManifest, content_of
from judge.results.sql import SqlStore
from judge.results.store import MemoryStore, ResultStore
from judge.runs.executor import Stop, Watcher, score_all, together
from judge.runs.plan import Task, unscored

SECRET = "what the student wrote"  # noqa: S105 - a text that must not be logged
RECORD = Record(
    item_id="0",
    system="student",
    input="",
    output=SECRET,
    references=("four",),
    teacher_output=None,
    schema="",
    slices={},
    cluster="0",
)
MEASURE = Measure(
    scorer="equivalence",
    target=Target.REFERENCE,
    judged=True,
    criterion="equivalence",
    lower=0.0,
    upper=1.0,
    identity={"judge": "scripted"},
)
SCORE = Score(scorer="equivalence", target=Target.REFERENCE, value=1.0, signature=MEASURE.signature)
OUTSIDE = NotApplicable(scorer="equivalence", target=Target.REFERENCE, reason="no reference")

Script = Mapping[str, Outcome | Exception]


class Scripted:
    """A scorer that knows what to do with some items and gives the others a score.

    A batch with an error in it raises that error, as every scorer does.
    """

    def __init__(self, script: Script | None = None) -> None:
        self._script = script or {}
        self.batches: list[list[str]] = []
        self.in_flight = 0
        self.most_in_flight = 0

    @property
    def measure(self) -> Measure:
        return MEASURE

    async def score(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        self.batches.append([record.item_id for record in batch])
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await self.work(batch)
            return [self._outcome(record) for record in batch]
        finally:
            self.in_flight -= 1

    async def work(self, batch: Sequence[Record]) -> None:
        await asyncio.sleep(0)

    def _outcome(self, record: Record) -> Outcome:
        found = self._script.get(record.item_id, SCORE)
        if isinstance(found, Exception):
            raise found
        return found


def _records(n: int) -> list[Record]:
    return [replace(RECORD, item_id=str(number), cluster=str(number)) for number in range(n)]


def _begun(store: ResultStore | None = None) -> ResultStore:
    begun = store or MemoryStore()
    manifest = RunManifest(
        run_id="r",
        name="test",
        purpose="score",
        started=datetime(2026, 5, 1, tzinfo=UTC),
        dataset="d",
        population="d",
        outputs={},
        n_items=0,
        systems=(),
        slices={},
        measures=(MEASURE,),
        seed=0,
        rated=False,
        versions={},
        config="",
        config_path="",
    )
    begun.begin(manifest, Dataset(items=(), systems=(), outputs={}))
    return begun


def _ignore(results: Sequence[Result]) -> None:
    del results


async def _score(
    tasks: Iterable[Task],
    scorer: Scripted,
    store: ResultStore,
    *,
    batch_size: int = 1,
    concurrency: int = 1,
    stop: Stop | None = None,
    watcher: Watcher = _ignore,
) -> None:
    await score_all(
        tasks,
        scorer,
        store,
        run_id="r",
        batch_size=batch_size,
        concurrency=concurrency,
        stop=stop or Stop(),
        watcher=watcher,
    )


def _scored(
    n: int, scorer: Scripted, *, batch_size: int = 1, concurrency: int = 1
) -> Mapping[str, Outcome]:
    """Score records and return their stored outcomes by item."""
    store = _begun()
    tasks = [Task(record=record) for record in _records(n)]
    asyncio.run(_score(tasks, scorer, store, batch_size=batch_size, concurrency=concurrency))
    return {result.key.item_id: result.outcome for result in store.results("r")}


def _code(outcome: Outcome) -> FateCode:
    assert isinstance(outcome, Fate)
    return outcome.code


def test_every_task_ends_in_a_stored_result_that_names_all_it_rests_on() -> None:
    store = _begun()
    record = _records(1)[0]

    asyncio.run(_score([Task(record=record, revision=2)], Scripted(), store))

    (found,) = store.results("r")
    assert (found.run_id, found.key, found.outcome) == ("r", record.key, SCORE)
    assert (found.revision, found.content) == (2, content_of(record, Target.REFERENCE))
    assert found.duration_s >= 0


@pytest.mark.parametrize(("concurrency", "batches"), [(1, 1), (4, 4), (100, 10)])
def test_the_concurrency_bounds_the_batches_in_flight_and_is_used(
    concurrency: int, batches: int
) -> None:
    scorer = Scripted()

    _scored(100, scorer, batch_size=10, concurrency=concurrency)

    assert scorer.most_in_flight == batches


@pytest.mark.parametrize("concurrency", [1, 7])
def test_each_record_is_handed_over_once(concurrency: int) -> None:
    scorer = Scripted()

    _scored(50, scorer, batch_size=8, concurrency=concurrency)

    handed = [item for batch in scorer.batches for item in batch]
    assert sorted(handed, key=int) == [str(number) for number in range(50)]
    assert max(map(len, scorer.batches)) == 8


def test_no_more_tasks_are_made_than_are_in_flight() -> None:
    made = 0

    def tasks() -> Iterator[Task]:
        nonlocal made
        for record in _records(100):
            made += 1
            yield Task(record=record)

    class Counting(Scripted):
        async def work(self, batch: Sequence[Record]) -> None:
            await super().work(batch)
            ahead.append(made - sum(map(len, self.batches)))

    ahead: list[int] = []
    store = _begun()
    asyncio.run(_score(tasks(), Counting(), store, batch_size=3, concurrency=4))

    assert set(ahead) == {0}
    assert len(store.results("r")) == 100


def test_without_tasks_nothing_is_asked() -> None:
    scorer = Scripted()

    assert _scored(0, scorer, concurrency=3) == {}
    assert scorer.batches == []


def test_outcomes_are_stored_and_told_before_the_next_batch_is_taken() -> None:
    store, told = _begun(), list[Result]()
    seen: list[tuple[int, int]] = []

    class Looking(Scripted):
        async def work(self, batch: Sequence[Record]) -> None:
            seen.append((len(store.results("r")), len(told)))

    def watch(results: Sequence[Result]) -> None:
        told.extend(result for result in results if result in store.results("r"))

    tasks = [Task(record=record) for record in _records(20)]
    asyncio.run(_score(tasks, Looking(), store, batch_size=4, watcher=watch))

    assert seen == [(before, before) for before in (0, 4, 8, 12, 16)]
    assert [result.key.item_id for result in told] == [str(number) for number in range(20)]


@pytest.mark.parametrize("batch_size", [1, 3, 10])
def test_a_poisoned_record_costs_none_of_its_neighbours_its_score(batch_size: int) -> None:
    scorer = Scripted({"4": EmbeddingInvalid("zero"), "7": KeyError("bug"), "8": OUTSIDE})

    found = _scored(10, scorer, batch_size=batch_size)

    codes = (_code(found["4"]), _code(found["7"]))
    assert codes == (FateCode.EMBEDDING_INVALID, FateCode.INTERNAL_ERROR)
    assert found["8"] == OUTSIDE
    assert [item for item, outcome in found.items() if outcome == SCORE] == list("012356" + "9")


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (
            JudgeUnavailable("HTTP 503 five times", attempts=5),
            Fate(
                scorer="equivalence",
                target=Target.REFERENCE,
                code=FateCode.JUDGE_UNAVAILABLE,
                message="HTTP 503 five times",
                attempts=5,
            ),
        ),
        (
            JudgeRefused("it declined"),
            Fate(
                scorer="equivalence",
                target=Target.REFERENCE,
                code=FateCode.JUDGE_REFUSED,
                message="it declined",
                attempts=1,
            ),
        ),
    ],
)
def test_an_error_becomes_the_fate_it_names(error: Exception, fate: Fate) -> None:
    assert _scored(1, Scripted({"0": error})) == {"0": fate}


def test_verdicts_that_decide_nothing_are_kept_with_the_fate() -> None:
    tied = PanelNoMajority("one for, one against")
    tied.votes = (Vote(label="equivalent", judge="a"), Vote(label="different", judge="b"))

    found = _scored(1, Scripted({"0": tied}))["0"]

    assert isinstance(found, Fate)
    assert (found.code, found.votes) == (FateCode.PANEL_NO_MAJORITY, tied.votes)


def _stumble(text: str) -> None:
    try:
        int(text)
    except ValueError as error:
        raise LookupError(f"no such answer: {text}") from error


class Buggy(Scripted):
    """Stumbles over the text of one record, and says so in its own words."""

    def _outcome(self, record: Record) -> Outcome:
        if record.item_id == "1":
            _stumble(record.output or "")
        return SCORE


def test_a_bug_costs_one_record_and_leaves_a_traceback_without_the_records_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, logger="judge"):
        found = _scored(3, Buggy())

    fate = found["1"]
    assert isinstance(fate, Fate)
    incident = fate.message.removeprefix("incident ").partition(":")[0]
    assert (fate.code, found["0"], found["2"]) == (FateCode.INTERNAL_ERROR, SCORE, SCORE)
    assert fate.message == f"incident {incident}: LookupError; the log has the traceback"
    (logged,) = [one for one in caplog.records if one.levelno == logging.ERROR]
    text = logging.Formatter().format(logged)
    assert text.startswith(f"incident {incident} in equivalence.reference:")
    assert "in _stumble" in text
    assert text.index("ValueError") < text.index("LookupError")
    assert SECRET not in text + fate.message


def test_two_bugs_are_two_incidents() -> None:
    found = _scored(2, Scripted({"0": KeyError("a"), "1": KeyError("b")}))

    assert len({outcome.message for outcome in found.values() if isinstance(outcome, Fate)}) == 2


@pytest.mark.parametrize("given_", [[], [SCORE], [SCORE] * 3])
def test_a_scorer_that_gives_too_few_or_too_many_outcomes_has_a_bug_and_harms_nothing_else(
    given_: list[Outcome],
) -> None:
    class Miscounting(Scripted):
        async def score(self, batch: Sequence[Record]) -> Sequence[Outcome]:
            if any(record.item_id == "1" for record in batch):
                return given_ if len(batch) > 1 else []
            return await super().score(batch)

    found = _scored(4, Miscounting(), batch_size=2)

    assert [found[item] for item in "023"] == [SCORE] * 3
    assert _code(found["1"]) is FateCode.INTERNAL_ERROR


@pytest.mark.parametrize("error", [AccessDenied("401"), QuotaExhausted("nothing left")])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_after_an_error_no_call_can_better_the_scorer_stops_and_leaves_the_rest_for_a_resume(
    error: Exception, batch_size: int, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Scripted({str(number): error for number in range(5, 100)})
    store, records = _begun(), _records(100)

    asyncio.run(_score([Task(record=r) for r in records], broken, store, batch_size=batch_size))
    asked = len(broken.batches)
    left = list(unscored(records, MEASURE, store.results("r")))
    asyncio.run(_score(left, Scripted(), store, batch_size=batch_size))

    assert asked < 10
    assert [task.record.item_id for task in left] == [str(number) for number in range(5, 100)]
    assert [task.revision for task in left] == [1] + [0] * 94
    assert [result.outcome for result in store.results("r")] == [SCORE] * 100
    warnings = [one.getMessage() for one in caplog.records]
    assert warnings == [f"equivalence.reference stops: {error}"]


def test_a_halt_ends_its_own_scorer_and_not_the_whole_run() -> None:
    stop = Stop()
    scorer = Scripted({"0": QuotaExhausted("nothing left")})

    asyncio.run(_score([Task(record=RECORD)], scorer, _begun(), stop=stop))

    assert stop.reason == ""


class Failing(MemoryStore):
    """A store that keeps so many results and then no more."""

    def __init__(self, *, room: int) -> None:
        super().__init__()
        self.room = room

    async def put(self, results: Sequence[Result]) -> None:
        self.room -= len(results)
        if self.room < 0:
            raise StoreError("no space left on device")
        await super().put(results)


class Hanging(Scripted):
    """Answers the first ten records and never the others."""

    def __init__(self) -> None:
        super().__init__()
        self.hung = asyncio.Semaphore(0)

    async def work(self, batch: Sequence[Record]) -> None:
        if int(batch[0].item_id) >= 10:
            self.hung.release()
            await asyncio.Event().wait()


@pytest.mark.parametrize("scorer", [Scripted(), Hanging()])
def test_when_results_cannot_be_kept_no_further_call_is_made(scorer: Scripted) -> None:
    tasks = [Task(record=record) for record in _records(1_000)]

    with pytest.raises(StoreError, match="no space left"):
        asyncio.run(_score(tasks, scorer, _begun(Failing(room=8)), concurrency=4))

    assert len(scorer.batches) <= 8 + 4
    assert scorer.in_flight == 0


@pytest.mark.parametrize("batch_size", [1, 5])
def test_a_store_that_fails_within_a_scorer_ends_the_run_and_is_no_fate(batch_size: int) -> None:
    fault = StoreError("the ledger is full")
    grouped = ExceptionGroup("several", [ExceptionGroup("of several", [KeyError("x"), fault])])
    scorer = Scripted({"3": fault if batch_size == 1 else grouped})
    store, tasks = _begun(), [Task(record=record) for record in _records(20)]

    with pytest.raises(StoreError, match="the ledger is full"):
        asyncio.run(_score(tasks, scorer, store, batch_size=batch_size))

    assert len(store.results("r")) == (3 if batch_size == 1 else 0)
    assert len(scorer.batches) == (4 if batch_size == 1 else 1)


def test_a_store_that_another_process_writes_to_ends_the_run_as_itself(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with SqlStore(path) as writer, SqlStore(path) as late:
        _begun(writer)

        with pytest.raises(StoreUnusable, match="another judge is writing"):
            asyncio.run(_score([Task(record=RECORD)], Scripted(), late))

        assert writer.results("r") == []


def test_side_by_side_the_error_of_a_store_outranks_the_others_and_keeps_its_cause() -> None:
    cause = OSError("disk")

    async def fail(error: Exception) -> None:
        raise error

    async def nested() -> None:
        failure = StoreError("not kept")
        failure.__cause__ = cause
        async with together() as tasks:
            tasks.create_task(fail(KeyError("bug")))
            tasks.create_task(fail(failure))

    async def outer() -> None:
        async with together() as tasks:
            tasks.create_task(nested())

    with pytest.raises(StoreError, match="not kept") as failure:
        asyncio.run(outer())

    assert failure.value.__cause__ is cause


def test_side_by_side_other_errors_come_out_as_they_are() -> None:
    async def fail() -> None:
        async with together():
            raise ZeroDivisionError

    with pytest.raises(ExceptionGroup) as failure:
        asyncio.run(fail())

    assert failure.group_contains(ZeroDivisionError)


class Stopping(Scripted):
    """Asks to stop while a record is in flight, and then takes its time."""

    def __init__(self, stop: Stop, *, at: str) -> None:
        super().__init__()
        self._stop, self._at = stop, at

    async def work(self, batch: Sequence[Record]) -> None:
        if any(record.item_id == self._at for record in batch):
            self._stop.ask("interrupted")
            self._stop.ask("a second reason")
        for _ in range(10):
            await asyncio.sleep(0)


def test_a_stop_lets_what_is_in_flight_finish_and_takes_nothing_new() -> None:
    stop, store = Stop(), _begun()
    scorer = Stopping(stop, at="5")
    tasks = [Task(record=record) for record in _records(100)]

    asyncio.run(_score(tasks, scorer, store, concurrency=3, stop=stop))

    stored = {result.key.item_id for result in store.results("r")}
    assert stored == {item for batch in scorer.batches for item in batch}
    assert "5" in stored
    assert len(stored) <= 5 + 3
    assert stop.reason == "interrupted"


def test_a_stop_asked_for_before_the_start_spends_nothing() -> None:
    stop, scorer = Stop(), Scripted()
    stop.ask("interrupted")

    asyncio.run(_score([Task(record=RECORD)], scorer, _begun(), stop=stop))

    assert scorer.batches == []


def test_a_cancellation_ends_everything_and_becomes_no_fate() -> None:
    store, scorer = _begun(), Hanging()
    tasks = [Task(record=record) for record in _records(30)]

    async def cancel_half_way() -> None:
        running = asyncio.create_task(_score(tasks, scorer, store, batch_size=2, concurrency=2))
        await scorer.hung.acquire()
        await scorer.hung.acquire()
        running.cancel()
        await running

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel_half_way())

    assert [result.outcome for result in store.results("r")] == [SCORE] * 10
    assert scorer.in_flight == 0


MAKERS: Mapping[str, Callable[[], Outcome | Exception]] = {
    "score": lambda: SCORE,
    "outside": lambda: OUTSIDE,
    "refused": lambda: JudgeRefused("no"),
    "unavailable": lambda: JudgeUnavailable("no"),
    "bug": lambda: KeyError("bug"),
    "halt": lambda: QuotaExhausted("nothing left"),
}
ENDS = {
    "refused": FateCode.JUDGE_REFUSED,
    "unavailable": FateCode.JUDGE_UNAVAILABLE,
    "bug": FateCode.INTERNAL_ERROR,
    "halt": FateCode.QUOTA_EXHAUSTED,
}


@settings(max_examples=150, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(list(MAKERS)), max_size=40),
    batch_size=st.integers(1, 9),
    concurrency=st.integers(1, 5),
)
def test_every_record_is_counted_once_as_a_score_a_fate_outside_or_left_for_a_resume(
    kinds: list[str], batch_size: int, concurrency: int
) -> None:
    records, store = _records(len(kinds)), _begun()
    script = {str(place): MAKERS[kind]() for place, kind in enumerate(kinds)}

    asyncio.run(
        _score(
            [Task(record=record) for record in records],
            Scripted(script),
            store,
            batch_size=batch_size,
            concurrency=concurrency,
        )
    )

    results = store.results("r")
    ended: dict[RecordKey, Outcome] = {result.key: result.outcome for result in results}
    never_tried = [record for record in records if record.key not in ended]
    assert len(results) == len(ended)
    assert len(ended) + len(never_tried) == len(kinds)
    assert not never_tried or "halt" in kinds
    for key, outcome in ended.items():
        kind = kinds[int(key.item_id)]
        expected = ENDS.get(kind)
        assert (_code(outcome) is expected) if expected else outcome == MAKERS[kind]()
    left = {task.record.key for task in unscored(records, MEASURE, results)}
    assert {record.key for record in never_tried} <= left
