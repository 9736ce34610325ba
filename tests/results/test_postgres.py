import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import sqlalchemy as sql

from judge.errors import ConfigError, MissingExtra, StoreError, StoreUnusable
from judge.records.record import RecordKey, Target
from judge.results.outcome import NotApplicable
from judge.results.postgres import PostgresDatabase
from judge.results.run import Result
from judge.results.sql import SqlStore


def result(item: str, *, run_id: str) -> Result:
    return Result(
        run_id=run_id,
        key=RecordKey(item_id=item, system="student"),
        outcome=NotApplicable(scorer="adherence", target=Target.SCHEMA, reason="none"),
        content="c",
        duration_s=0.0,
    )


def put(store: SqlStore, item: str, *, run_id: str) -> None:
    asyncio.run(store.put([result(item, run_id=run_id)]))


@contextmanager
def opened(address: str, n: int) -> Iterator[list[SqlStore]]:
    """Open a store several times, as several processes do."""
    with ExitStack() as stack:
        yield [stack.enter_context(SqlStore(address)) for _ in range(n)]


def test_several_write_at_once_each_to_a_run_of_its_own(postgres: str) -> None:
    async def work(store: SqlStore, run_id: str) -> list[int]:
        log = store.attempts(run_id, replay=False)
        store.put_document("kind", run_id, run_id.encode())
        attempts = await asyncio.gather(*(log.opened(f"call {n}") for n in range(20)))
        await asyncio.gather(*(store.put([result(str(item), run_id=run_id)]) for item in range(20)))
        return attempts

    async def work_all(stores: list[SqlStore]) -> list[list[int]]:
        return await asyncio.gather(*(work(one, f"r{place}") for place, one in enumerate(stores)))

    with opened(postgres, 3) as stores:
        attempts = [number for of_one in asyncio.run(work_all(stores)) for number in of_one]
        kept = [len(stores[0].results(f"r{place}")) for place in range(3)]
        documents = stores[0].documents("kind")

    assert len(set(attempts)) == 60
    assert kept == [20, 20, 20]
    assert sorted(documents) == [b"r0", b"r1", b"r2"]


def test_a_run_is_written_to_by_one_until_it_lets_go(postgres: str) -> None:
    with opened(postgres, 2) as (first, second):
        put(first, "a", run_id="r1")
        with pytest.raises(StoreUnusable, match="another judge is writing to the run r1 in"):
            put(second, "b", run_id="r1")
        with pytest.raises(StoreUnusable, match="another judge is writing to the run r1 in"):
            asyncio.run(second.attempts("r1", replay=True).opened("call"))
        put(second, "a", run_id="r2")
        first.close()
        put(second, "c", run_id="r1")

        kept = [one.key.item_id for one in second.results("r1")]

    assert kept == ["a", "c"]


def test_the_last_answer_is_that_of_the_last_writer_whoever_drew_numbers_first(
    postgres: str,
) -> None:
    async def answer(store: SqlStore, run_id: str, reply: bytes) -> None:
        log = store.attempts(run_id, replay=False)
        await log.closed(await log.opened("call"), reply=reply)

    with opened(postgres, 2) as (early, late):
        asyncio.run(answer(early, "of its own", b"early has numbers now"))
        asyncio.run(answer(late, "shared", b"first"))
        late.close()
        asyncio.run(answer(early, "shared", b"last"))

        found = early.attempts("shared", replay=True).answered("call")

    assert found == b"last"


def _end_connections_of(address: str) -> None:
    """End every connection to a database but the one that does it."""
    engine = PostgresDatabase(address).engine
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    engine.dispose()


def test_when_the_server_ends_a_connection_one_write_is_told_and_the_next_goes_well(
    postgres: str,
) -> None:
    with opened(postgres, 2) as (store, other):
        put(store, "before", run_id="r1")
        _end_connections_of(postgres)

        with pytest.raises(StoreError, match=r"writing to postgresql://.* failed: "):
            put(store, "lost", run_id="r1")
        put(store, "after", run_id="r1")

        kept = [one.key.item_id for one in store.results("r1")]
        with pytest.raises(StoreUnusable, match="another judge is writing"):
            put(other, "b", run_id="r1")

    assert kept == ["before", "after"]


def test_a_commit_waits_for_the_disk_even_where_the_server_is_set_up_not_to(
    postgres: str,
) -> None:
    address = sql.make_url(postgres).update_query_dict({"options": "-csynchronous_commit=off"})
    database = PostgresDatabase(address.render_as_string(hide_password=False))

    with database.engine.connect() as connection:
        found = connection.exec_driver_sql("SHOW synchronous_commit").scalar_one()
    database.close()

    assert found == "on"


@pytest.mark.parametrize(
    "address",
    ["mysql://me:hunter2@host/db", "postgresql+asyncpg://me:hunter2@host/db", "postgresql://h:x/y"],
)
def test_an_address_that_is_not_postgresqls_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(ConfigError, match="postgresql://") as refused:
        SqlStore(address)

    assert "hunter2" not in str(refused.value)


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with pytest.raises(StoreUnusable, match=r"postgresql://me:\*\*\*@127\.0\.0\.1:1/db") as refused:
        SqlStore("postgresql://me:hunter2@127.0.0.1:1/db")

    assert "hunter2" not in str(refused.value)


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(MissingExtra, match=r"pip install 'judge\[cluster\]'"):
        PostgresDatabase("postgresql://host/db")
