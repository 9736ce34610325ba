import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from judge.errors import StoreError
from judge.records.dataset import Dataset
from judge.records.record import Item, RecordKey, Role, System, Target
from judge.results.outcome import Score
from judge.results.run import Result, RunManifest
from judge.results.sql import SqlStore

NOT_UNIQUE = "UNIQUE constraint failed|duplicate key value violates unique constraint"
DATASET = Dataset(
    items=tuple(Item(item_id=str(number), cluster=str(number)) for number in range(50)),
    systems=(System(name="student", role=Role.STUDENT),),
    outputs={"student": {str(number): "four" for number in range(50)}},
)


def _manifest(run_id: str) -> RunManifest:
    return RunManifest(
        run_id=run_id,
        name="test",
        purpose="score",
        started=datetime(2026, 5, 1, tzinfo=UTC),
        dataset=DATASET.fingerprint,
        population=DATASET.population,
        outputs={"student": DATASET.output_fingerprint("student")},
        n_items=50,
        systems=DATASET.systems,
        slices={},
        measures=(),
        seed=0,
        rated=False,
        versions={},
        config="",
        config_path="",
    )


def _result(item: str, *, rationale: str = "") -> Result:
    return Result(
        run_id="r1",
        key=RecordKey(item_id=item, system="student"),
        outcome=Score(
            scorer="equivalence",
            target=Target.REFERENCE,
            value=1.0,
            signature="signature",
            rationale=rationale,
        ),
        content="c",
        duration_s=0.0,
    )


def _put(store: SqlStore, *results: Result) -> None:
    asyncio.run(store.put(results))


def _child(script: str, place: Path | str) -> subprocess.CompletedProcess[str]:
    """Run a script in another process."""
    return subprocess.run(
        [sys.executable, "-c", script, str(place)], capture_output=True, text=True, check=False
    )


def test_a_result_is_seen_by_another_connection_as_soon_as_put_returns(place: Path | str) -> None:
    with SqlStore(place) as store, SqlStore(place) as other:
        _put(store, _result("a"))

        seen = other.results("r1")

    assert seen == [_result("a")]


def test_what_many_results_say_in_the_same_words_is_in_memory_once(place: Path | str) -> None:
    with SqlStore(place) as store:
        _put(store, _result("a"), _result("b"))

        one, other = store.results("r1")

    assert isinstance(one.outcome, Score)
    assert isinstance(other.outcome, Score)
    assert one.outcome.signature is other.outcome.signature
    assert one.outcome.scorer is other.outcome.scorer
    assert one.key.system is other.key.system


PUT_AND_DIE = """
import asyncio, os, signal, sys
from pathlib import Path
from judge.records.record import RecordKey, Target
from judge.results.outcome import NotApplicable
from judge.results.run import Result
from judge.results.sql import SqlStore

async def work():
    place = sys.argv[1]
    store = SqlStore(place if "://" in place else Path(place))
    log = store.attempts("r1", replay=False)
    await log.opened("left open")
    for number in range(20):
        outcome = NotApplicable(scorer="adherence", target=Target.SCHEMA, reason="none")
        key = RecordKey(item_id=str(number), system="student")
        result = Result(run_id="r1", key=key, outcome=outcome, content="c", duration_s=0.0)
        await store.put([result])
        print(number, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(work())
"""


def test_a_killed_process_leaves_what_it_stored_and_lets_the_next_one_write(
    place: Path | str,
) -> None:
    killed = _child(PUT_AND_DIE, place)

    with SqlStore(place) as store:
        kept = [result.key.item_id for result in store.results("r1")]
        left_open = store.calls_left_open("r1")
        _put(store, _result("next"))

    assert killed.returncode == -9, killed.stderr
    assert kept == killed.stdout.split() == [str(number) for number in range(20)]
    assert left_open == {"left open"}


def test_no_error_quotes_a_record_however_deep_it_is_looked_into(place: Path | str) -> None:
    with SqlStore(place) as store:
        _put(store, _result("item hunter2", rationale="said hunter2"))

        with pytest.raises(StoreError) as failure:
            _put(store, _result("item hunter2", rationale="said hunter2"))

    messages = [str(error) for error in _chain(failure.value)]
    assert len(messages) > 1
    assert re.search(NOT_UNIQUE, messages[0])
    assert "hunter2" not in " ".join(messages)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def test_what_nobody_waits_for_is_durable_before_what_is_written_after_it(
    place: Path | str,
) -> None:
    with SqlStore(place) as store:

        async def work() -> None:
            log = store.attempts("r1", replay=False)
            for number in range(50):
                attempt = await log.opened(f"c{number}")
                await log.closed(attempt, reply=b"yes", wait=False)
                await store.put([_result(str(number))])
                assert store.calls_left_open("r1") == set()

        asyncio.run(work())


def test_when_an_answer_could_not_be_written_that_is_logged_and_no_further_attempt_is_opened(
    place: Path | str, caplog: pytest.LogCaptureFixture
) -> None:
    with SqlStore(place) as store:

        async def work() -> None:
            log = store.attempts("r1", replay=False)
            attempt = await log.opened("before")
            # No database takes an integer of this size.
            await log.closed(attempt, reply=b"yes", input_tokens=2**80, wait=False)
            with pytest.raises(StoreError, match="nothing is sent any more"):
                await log.opened("after")

        asyncio.run(work())
    assert "failed" in caplog.text


def test_when_something_could_not_be_written_no_further_attempt_is_opened(
    place: Path | str,
) -> None:
    async def work(store: SqlStore) -> list[str]:
        log = store.attempts("r1", replay=False)
        await log.opened("before")
        await store.put([_result("a")])
        # The failing write and the attempt are handed over together: neither knows of the other.
        failing, late = await asyncio.gather(
            store.put([_result("a")]), log.opened("together"), return_exceptions=True
        )
        after = await asyncio.gather(log.opened("after"), return_exceptions=True)
        await store.attempts("r1", replay=False).opened("of the resume")
        return [str(error) for error in (failing, late, *after)]

    with SqlStore(place) as store:
        failing, late, after = asyncio.run(work(store))
        opened = store.calls_left_open("r1")

    assert re.search(NOT_UNIQUE, failing)
    assert late == after == "nothing is sent any more: something could not be written before"
    assert opened == {"before", "together", "of the resume"}


def test_bytes_and_words_that_a_database_may_refuse_come_back_the_same_from_each(
    tmp_path: Path, postgres: str
) -> None:
    everything = bytes(range(256)) + rb'{"half": "\ud800", "nul": "\u0000"}'
    # What no index takes whole, since it does not get smaller by being packed.
    long = "".join(chr(0x4E00 + 7919 * place % 20_000) for place in range(4000))

    async def work(store: SqlStore) -> None:
        log = store.attempts("r1", replay=False)
        for name in ("a\x00b", long):
            await store.put([_result(name, rationale="nul \x00")])
            await log.closed(await log.opened(name), reply=everything)
        await log.closed(await log.opened("f"), error="nul \x00, half \ud800", possibly_paid=True)
        await store.completions.keep_completion("key", everything, cost=None)
        store.put_document("kind", long, everything)

    seen = []
    for place in (tmp_path / "store.db", postgres):
        with SqlStore(place) as store:
            asyncio.run(work(store))
            log = store.attempts("r1", replay=True)
            seen.append(
                (
                    store.results("r1"),
                    [log.answered(name) for name in ("a\x00b", long)],
                    [one.error for one in store.possibly_paid("r1")],
                    store.completions.completion("key"),
                    store.documents("kind"),
                )
            )

    assert seen[0] == seen[1]
    assert seen[0][1:] == (
        [everything, everything],
        ["nul \x00, half \\ud800"],
        everything,
        [everything],
    )
