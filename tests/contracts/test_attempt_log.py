import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from judge.errors import AccessDenied, StoreUnusable
from judge.models.chat import ChatCall, Completion, Message, Sampling
from judge.models.ledger import AttemptLog, Ledgered
from judge.records.dataset import Dataset
from judge.records.record import RecordKey, Target
from judge.results.outcome import Fate, FateCode, Outcome, Score
from judge.results.run import Result, RunManifest, case_id_of
from judge.results.spending import Spent
from judge.results.sql import SqlStore
from judge.results.store import MemoryAttempts, MemoryStore
from judge.stats.money import Money
from judge.testing import FakeChat, MemoryAttemptLog, completion

RUN = "r1"

Opener = Callable[[Path, Mapping[str, bytes]], AbstractContextManager[AttemptLog]]
"""Opens a ledger that knows what an earlier process received: call id to answer."""


async def _receive(store: SqlStore | MemoryStore, answers: Mapping[str, bytes]) -> None:
    log = store.attempts(RUN, replay=False)
    for call_id, reply in answers.items():
        await log.closed(await log.opened(call_id), reply=reply)


@contextmanager
def for_tests(folder: Path, earlier: Mapping[str, bytes]) -> Iterator[AttemptLog]:
    yield MemoryAttemptLog(earlier)


@contextmanager
def sql(folder: Path, earlier: Mapping[str, bytes]) -> Iterator[AttemptLog]:
    with SqlStore(folder / "store.db") as store:
        asyncio.run(_receive(store, earlier))
    with SqlStore(folder / "store.db") as store:
        yield store.attempts(RUN, replay=True)


@contextmanager
def memory(folder: Path, earlier: Mapping[str, bytes]) -> Iterator[AttemptLog]:
    assert not earlier, "nothing in memory is earlier than this process"
    yield MemoryAttempts()


@contextmanager
def of_a_store_in_memory(folder: Path, earlier: Mapping[str, bytes]) -> Iterator[AttemptLog]:
    store = MemoryStore()
    asyncio.run(_receive(store, earlier))
    yield store.attempts(RUN, replay=True)


on_each_log = pytest.mark.parametrize("opened", [for_tests, sql, memory, of_a_store_in_memory])
on_each_log_that_outlives_a_process = pytest.mark.parametrize(
    "opened", [for_tests, sql, of_a_store_in_memory]
)


def call(call_id: str) -> ChatCall:
    return ChatCall(
        call_id=call_id,
        messages=(Message(role="user", content="Is it so?"),),
        sampling=Sampling(),
    )


@on_each_log
def test_each_attempt_has_a_number_of_its_own(opened: Opener, tmp_path: Path) -> None:
    async def open_many(log: AttemptLog) -> list[int]:
        names = ["same", "same", *(f"call {number}" for number in range(20))]
        return await asyncio.gather(*(log.opened(name) for name in names))

    with opened(tmp_path, {}) as log:
        numbers = asyncio.run(open_many(log))

    assert len(set(numbers)) == len(numbers)


@on_each_log
def test_a_call_that_was_never_answered_has_no_earlier_answer(
    opened: Opener, tmp_path: Path
) -> None:
    async def fail(log: AttemptLog) -> None:
        await log.opened("open")
        await log.closed(await log.opened("failed"), error="judge_unavailable: 503")

    with opened(tmp_path, {}) as log:
        asyncio.run(fail(log))
        found = [log.answered(name) for name in ("open", "failed", "unknown")]

    assert found == [None, None, None]


@on_each_log_that_outlives_a_process
def test_an_answer_of_an_earlier_process_is_given_back_byte_for_byte(
    opened: Opener, tmp_path: Path
) -> None:
    reply = bytes(range(256))

    with opened(tmp_path, {"a": reply, "b": b"{}"}) as log:
        found = [log.answered(name) for name in ("a", "b", "c")]

    assert found == [reply, b"{}", None]


@on_each_log
def test_a_ledgered_model_answers_over_it_and_passes_errors_on(
    opened: Opener, tmp_path: Path
) -> None:
    def answer(asked: ChatCall) -> Completion:
        if asked.call_id == "denied":
            raise AccessDenied("no")
        return completion("yes")

    async def ask(log: AttemptLog) -> Completion:
        model = Ledgered(FakeChat(answer), log)
        with pytest.raises(AccessDenied):
            await model.complete(call("denied"))
        return await model.complete(call("fine"))

    with opened(tmp_path, {}) as log:
        answered = asyncio.run(ask(log))

    assert answered == completion("yes")


@on_each_log_that_outlives_a_process
def test_an_answer_that_was_paid_for_is_not_asked_for_again(opened: Opener, tmp_path: Path) -> None:
    model = FakeChat()
    paid = completion("It is \x00 日本 so.")

    with opened(tmp_path, {"paid": msgspec.json.encode(paid)}) as log:
        found = asyncio.run(Ledgered(model, log).complete(call("paid")))

    assert found == replace(paid, cached=True)
    assert model.calls == []


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlStore | MemoryStore]:
    if request.param == "memory":
        yield MemoryStore()
        return
    on_postgresql = request.param == "postgresql"
    with SqlStore(
        request.getfixturevalue("postgres") if on_postgresql else tmp_path / "store.db"
    ) as opened:
        yield opened


def test_a_call_is_left_open_until_it_has_an_answer_or_an_error(
    store: SqlStore | MemoryStore,
) -> None:
    async def work() -> list[frozenset[str]]:
        log = store.attempts(RUN, replay=False)
        seen = [store.calls_left_open(RUN)]
        first, second = await log.opened("a"), await log.opened("b")
        seen.append(store.calls_left_open(RUN))
        await log.closed(first, reply=b"yes")
        seen.append(store.calls_left_open(RUN))
        await log.closed(second, error="judge_unavailable: 503")
        return [*seen, store.calls_left_open(RUN)]

    assert asyncio.run(work()) == [set(), {"a", "b"}, {"b"}, set()]


def test_a_call_that_was_possibly_paid_stays_listed_when_it_is_asked_again(
    store: SqlStore | MemoryStore,
) -> None:
    async def work() -> None:
        log = store.attempts(RUN, replay=False)
        await log.opened("a")
        await log.closed(await log.opened("a"), reply=b"yes")

    asyncio.run(work())

    assert store.calls_left_open(RUN) == {"a"}


def test_the_ledgers_of_two_runs_are_kept_apart(store: SqlStore | MemoryStore) -> None:
    async def work() -> None:
        for run_id in ("other", RUN):
            log = store.attempts(run_id, replay=False)
            await log.opened(f"open in {run_id}")
            await log.closed(await log.opened("same"), reply=run_id.encode())

    asyncio.run(work())

    assert store.calls_left_open("other") == {"open in other"}
    assert store.attempts("other", replay=True).answered("same") == b"other"
    assert store.attempts("new", replay=True).answered("same") is None


def test_the_last_of_several_answers_is_given_back_and_an_error_after_it_hides_none(
    store: SqlStore | MemoryStore,
) -> None:
    async def work() -> None:
        log = store.attempts(RUN, replay=False)
        for reply, error in ((b"first", ""), (b"last", ""), (b"", "judge_unavailable: 503")):
            await log.closed(await log.opened("a"), reply=reply, error=error)

    asyncio.run(work())

    assert store.attempts(RUN, replay=True).answered("a") == b"last"


def test_a_run_that_asks_anew_is_given_no_earlier_answer(store: SqlStore | MemoryStore) -> None:
    async def work() -> None:
        log = store.attempts(RUN, replay=False)
        await log.closed(await log.opened("a"), reply=b"unparseable")

    asyncio.run(work())

    assert store.attempts(RUN, replay=False).answered("a") is None


def test_an_attempt_is_on_the_disk_before_anything_is_sent(tmp_path: Path) -> None:
    seen: list[frozenset[str]] = []

    def look(asked: ChatCall) -> Completion:
        with SqlStore(tmp_path / "store.db") as other:
            seen.append(other.calls_left_open(RUN))
        return completion("yes")

    with SqlStore(tmp_path / "store.db") as store:
        log = store.attempts(RUN, replay=False)
        asyncio.run(Ledgered(FakeChat(look), log).complete(call("a")))

        assert seen == [{"a"}]

    with SqlStore(tmp_path / "store.db") as store:  # nobody waited for the row that closes it
        assert store.calls_left_open(RUN) == frozenset()


def test_where_an_attempt_cannot_be_written_down_nothing_is_sent(tmp_path: Path) -> None:
    model = FakeChat()

    with SqlStore(tmp_path / "store.db") as writing, SqlStore(tmp_path / "store.db") as second:
        writing.put_document("kind", "id", b"holds the right to write")
        log = second.attempts(RUN, replay=False)
        with pytest.raises(StoreUnusable):
            asyncio.run(Ledgered(model, log).complete(call("a")))

    assert model.calls == []


def test_what_calls_cost_is_known_by_run_measure_and_fate(store: SqlStore | MemoryStore) -> None:
    key = RecordKey(item_id="7#x", system="org/student")
    case = case_id_of("equivalence", Target.REFERENCE, key)
    fate = Fate(
        scorer="equivalence", target=Target.REFERENCE, code=FateCode.JUDGE_REFUSED, message="no"
    )
    score = Score(scorer="equivalence", target=Target.REFERENCE, value=1.0, signature="s")

    async def work() -> None:
        log = store.attempts(RUN, replay=False)
        await log.opened(f"{case}#1")  # and the process died
        refused = await log.opened(f"{case}#1")
        await log.closed(refused, reply=b"no", input_tokens=100, output_tokens=20, cost=0.5)
        slow = await log.opened("similarity.teacher/s/i#1")
        await log.closed(slow, error="judge_unavailable: no answer", possibly_paid=True)
        await log.closed(await log.opened("similarity.teacher/s/i#1"), error="x: HTTP 503")
        await log.closed(await log.opened("similarity.teacher/s/i#1"), reply=b"yes")
        other = store.attempts("other", replay=False)
        await other.closed(await other.opened(f"{case}#1"), reply=b"yes", cost=9.0)
        await store.put([_result(key, score, revision=0)])
        await store.put([_result(key, fate, revision=1)])

    store.begin(_manifest(RUN), Dataset(items=(), systems=(), outputs={}))
    asyncio.run(work())
    found = store.spending(RUN)

    refused = Spent(
        calls=2,
        input_tokens=100,
        output_tokens=20,
        cost=Money(dollars=0.5, known=1),
        possibly_paid=1,
    )
    others = Spent(calls=3, cost=Money(unknown=1), possibly_paid=1)
    assert found.by_measure == {"equivalence.reference": refused, "similarity.teacher": others}
    assert found.by_fate == {"judge_refused": refused, "not_yet_scored": others}
    assert found.total == refused + others
    assert [(one.call_id, one.error) for one in store.possibly_paid(RUN)] == [
        (f"{case}#1", ""),
        ("similarity.teacher/s/i#1", "judge_unavailable: no answer"),
    ]


def test_a_run_without_calls_spent_nothing(store: SqlStore | MemoryStore) -> None:
    assert store.spending(RUN).total == Spent()
    assert list(store.possibly_paid(RUN)) == []


def _result(key: RecordKey, outcome: Outcome, *, revision: int) -> Result:
    return Result(
        run_id=RUN, key=key, outcome=outcome, content="c", revision=revision, duration_s=0.0
    )


def _manifest(run_id: str) -> RunManifest:
    return RunManifest(
        run_id=run_id,
        name="test",
        purpose="score",
        started=datetime(2026, 5, 1, tzinfo=UTC),
        dataset="d",
        population="d",
        outputs={},
        n_items=0,
        systems=(),
        slices={},
        measures=(),
        seed=0,
        rated=False,
        versions={},
        config="",
        config_path="",
    )
