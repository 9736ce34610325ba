import asyncio
import os
import resource
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sql
from sqlalchemy.engine.interfaces import DBAPIConnection

from judge.errors import StoreError, StoreUnusable
from judge.records.dataset import Dataset
from judge.records.record import Item, RecordKey, Role, System, Target
from judge.results.outcome import Score
from judge.results.run import Result, RunManifest
from judge.results.sql import SqlStore

DATASET = Dataset(
    items=tuple(Item(item_id=str(number), cluster=str(number)) for number in range(50)),
    systems=(System(name="student", role=Role.STUDENT),),
    outputs={"student": {str(number): "four" for number in range(50)}},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


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
            signature="s",
            rationale=rationale,
        ),
        content="c",
        duration_s=0.0,
    )


def _put(store: SqlStore, *results: Result) -> None:
    asyncio.run(store.put(results))


def _child(script: str, path: Path) -> subprocess.CompletedProcess[str]:
    """Run a script in another process."""
    return subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )


READ_THEN_WRITE = """
import sys
from pathlib import Path
from judge.errors import StoreUnusable
from judge.results.sql import SqlStore

with SqlStore(Path(sys.argv[1])) as store:
    print(store.documents("kind"))
    try:
        store.put_document("kind", "second", b"second")
    except StoreUnusable as error:
        print(error)
"""


def test_while_one_process_writes_another_reads_and_is_refused_when_it_writes(path: Path) -> None:
    with SqlStore(path) as store:
        store.put_document("kind", "first", b"first")

        other = _child(READ_THEN_WRITE, path)

        kept = store.documents("kind")
    assert other.stdout.splitlines() == [
        "[b'first']",
        f"another judge is writing to {path}; wait for it, or give another --store",
    ]
    assert kept == [b"first"]


def test_the_right_to_write_is_taken_by_writing_and_given_back_by_closing(path: Path) -> None:
    with SqlStore(path) as reader, SqlStore(path) as writer:
        reader.documents("kind")
        writer.put_document("kind", "1", b"first")
        with pytest.raises(StoreUnusable, match="another judge is writing"):
            reader.put_document("kind", "2", b"refused")
        writer.close()
        reader.put_document("kind", "3", b"second")

        kept = reader.documents("kind")

    assert kept == [b"first", b"second"]


LOOK = """
import sys
from pathlib import Path
from judge.results.sql import SqlStore

with SqlStore(Path(sys.argv[1])) as store:
    print(store.documents("kind"))
"""


def test_a_store_that_is_opened_twice_loses_nothing_when_another_process_looks_in(
    path: Path,
) -> None:
    # SQLite's locks belong to the process, and closing any descriptor of the file drops them
    # all. The process that looks in then takes itself for the last one and removes the log that
    # is being written to: https://sqlite.org/howtocorrupt.html, section 2.2.
    with SqlStore(path) as store:
        store.put_document("kind", "1", b"before")
        with SqlStore(path) as second:
            looked = _child(LOOK, path)
            store.put_document("kind", "2", b"after")
            seen = second.documents("kind")
        kept = store.documents("kind")

    assert looked.stdout == "[b'before']\n", looked.stderr
    assert seen == kept == [b"before", b"after"]


@contextmanager
def _for_each_connection(look: Callable[[DBAPIConnection, object], None]) -> Iterator[None]:
    """Look at each connection to any database before it is used."""
    sql.event.listen(sql.pool.Pool, "connect", look)
    try:
        yield
    finally:
        sql.event.remove(sql.pool.Pool, "connect", look)


def test_every_connection_logs_ahead_and_waits_for_the_disk(path: Path) -> None:
    opened: list[DBAPIConnection] = []

    def keep(connection: DBAPIConnection, _: object) -> None:
        opened.append(connection)

    def setting(connection: DBAPIConnection, name: str) -> object:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA {name}")
        (value,) = cursor.fetchone() or (None,)
        return value

    with _for_each_connection(keep), SqlStore(path) as store:
        store.put_document("kind", "1", b"by the writer")
        store.documents("kind")
        found = {(setting(one, "journal_mode"), setting(one, "synchronous")) for one in opened}

    full = 2
    assert len(opened) >= 2  # the writer's and a reader's
    assert found == {("wal", full)}


def test_all_its_files_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "kept" / "store.db"
    before = os.umask(0)
    try:
        with SqlStore(path) as store:
            store.put_document("kind", "1", b"secret")
            modes = {
                found.name: stat.S_IMODE(found.stat().st_mode)
                for found in (path.parent, *path.parent.iterdir())
            }
    finally:
        os.umask(before)

    assert modes == {
        "kept": 0o700,
        "store.db": 0o600,
        "store.db-wal": 0o600,
        "store.db-shm": 0o600,
        "store.db.lock": 0o600,
    }


@pytest.mark.parametrize("name", ["what?.db", "no#1.db", "50%20.db", "a b.db", "?mode=memory"])
def test_the_file_has_the_name_that_was_asked_for(tmp_path: Path, name: str) -> None:
    with SqlStore(tmp_path / name) as store:
        store.put_document("kind", "1", b"here")

    assert sorted(found.name for found in tmp_path.iterdir()) == [name, f"{name}.lock"]


def test_what_is_no_store_is_refused_by_name(tmp_path: Path) -> None:
    text, folder = tmp_path / "notes.txt", tmp_path / "folder"
    text.write_text("This is no database, and long enough to be seen as none. " * 100)
    folder.mkdir()

    for path in (text, folder, text / "below" / "store.db"):
        with pytest.raises(StoreUnusable, match=f"the store {path} cannot be opened: "):
            SqlStore(path)


def test_a_new_store_may_be_opened_by_several_at_once(tmp_path: Path) -> None:
    together = Barrier(4)

    def open_new(_: int) -> int:
        n_runs = 0
        for number in range(10):  # they do not meet every time
            together.wait()
            with SqlStore(tmp_path / f"{number}.db") as store:
                n_runs += len(store.manifests())
        return n_runs

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(open_new, range(4)))

    assert found == [0] * 4


def test_a_new_file_that_another_holds_for_a_moment_is_waited_for(path: Path) -> None:
    attempts: list[str] = []

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        def let_go_when_asked_again(statement: str) -> None:
            if "journal_mode" in statement:
                attempts.append(statement)
            if len(attempts) == 2:
                other.execute("ROLLBACK")
                attempts.append("let go")

        def trace(connection: DBAPIConnection, _: object) -> None:
            assert isinstance(connection, sqlite3.Connection)
            connection.set_trace_callback(let_go_when_asked_again)

        with _for_each_connection(trace), SqlStore(path) as store:
            found = store.manifests()

    assert "let go" in attempts
    assert found == []


def test_a_set_that_many_runs_score_is_kept_once(path: Path) -> None:
    with SqlStore(path) as store:
        for number in range(3):
            store.begin(_manifest(f"r{number}"), DATASET)

    with closing(sqlite3.connect(path)) as connection:
        rows = [
            connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]  # noqa: S608 - ours
            for table in ("runs", "items", "outputs")
        ]
    assert rows == [3, 50, 50]


@contextmanager
def _full_disk(at_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_an_error_and_costs_nothing_that_was_stored_before_or_after(
    path: Path,
) -> None:
    kept: list[Result] = []

    def put_until_it_fails(store: SqlStore) -> None:
        for number in range(50):
            large = _result(str(number), rationale="x" * 100_000)
            _put(store, large)
            kept.append(large)

    with SqlStore(path) as store:
        store.begin(_manifest("r1"), DATASET)
        with _full_disk(2**20), pytest.raises(StoreError, match="disk"):
            put_until_it_fails(store)
        _put(store, _result("later"))

    with SqlStore(path) as again:
        found = again.results("r1")

    assert 0 < len(kept) < 50
    assert found == [*kept, _result("later")]
