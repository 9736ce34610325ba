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
from judge.results.spending import Spent
from judge.results.sql import SCHEMA_VERSION, SqlStore
from judge.stats.money import Money

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


def test_a_result_is_seen_by_another_connection_as_soon_as_put_returns(path: Path) -> None:
    with SqlStore(path) as store, SqlStore(path) as other:
        _put(store, _result("a"))

        seen = other.results("r1")

    assert seen == [_result("a")]


PUT_AND_DIE = """
import asyncio, os, signal, sys
from pathlib import Path
from judge.records.record import RecordKey, Target
from judge.results.outcome import NotApplicable
from judge.results.run import Result
from judge.results.sql import SqlStore

async def work():
    store = SqlStore(Path(sys.argv[1]))
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


def test_a_killed_process_leaves_what_it_stored_and_lets_the_next_one_write(path: Path) -> None:
    killed = _child(PUT_AND_DIE, path)

    with SqlStore(path) as store:
        kept = [result.key.item_id for result in store.results("r1")]
        left_open = store.calls_left_open("r1")
        _put(store, _result("next"))

    assert killed.returncode == -9, killed.stderr
    assert kept == killed.stdout.split() == [str(number) for number in range(20)]
    assert left_open == {"left open"}


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


def test_a_store_of_another_layout_is_refused_and_left_as_it_was(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        connection.execute("INSERT INTO meta VALUES ('schema_version', '999')")

    with pytest.raises(StoreUnusable) as refused:
        SqlStore(path)

    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert tables.fetchall() == [("meta",)]
    assert str(refused.value) == (
        f"the store {path} has layout 999, this version of judge reads {SCHEMA_VERSION}; "
        "use another --store or the version that wrote it"
    )


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


def test_no_error_quotes_a_record_however_deep_it_is_looked_into(path: Path) -> None:
    with SqlStore(path) as store:
        _put(store, _result("item hunter2", rationale="said hunter2"))

        with pytest.raises(StoreError) as failure:
            _put(store, _result("item hunter2", rationale="said hunter2"))

    messages = [str(error) for error in _chain(failure.value)]
    assert len(messages) > 1
    assert "UNIQUE constraint failed" in messages[0]
    assert "hunter2" not in " ".join(messages)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


LAYOUT_1 = """
CREATE TABLE meta (name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (name));
INSERT INTO meta VALUES ('schema_version', '1');
CREATE TABLE items (
    dataset TEXT NOT NULL, position INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (dataset, position)
);
CREATE TABLE outputs (
    fingerprint TEXT NOT NULL, item_id TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (fingerprint, item_id)
);
CREATE TABLE runs (
    sequence INTEGER NOT NULL, run_id TEXT NOT NULL, manifest BLOB NOT NULL,
    PRIMARY KEY (sequence), UNIQUE (run_id)
);
CREATE TABLE results (
    sequence INTEGER NOT NULL, run_id TEXT NOT NULL, item_id TEXT NOT NULL, system TEXT NOT NULL,
    scorer TEXT NOT NULL, target TEXT NOT NULL, revision INTEGER NOT NULL, kind TEXT NOT NULL,
    signature TEXT NOT NULL, content TEXT NOT NULL, duration_s FLOAT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (sequence), UNIQUE (run_id, item_id, system, scorer, target, revision)
);
CREATE INDEX results_by_signature ON results (signature, target);
CREATE TABLE attempts (
    attempt INTEGER NOT NULL, run_id TEXT NOT NULL, call_id TEXT NOT NULL, opened TEXT NOT NULL,
    closed TEXT, reply BLOB, error TEXT,
    PRIMARY KEY (attempt)
);
CREATE INDEX attempts_by_call ON attempts (run_id, call_id);
CREATE TABLE documents (
    sequence INTEGER NOT NULL, kind TEXT NOT NULL, document_id TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (sequence), UNIQUE (kind, document_id)
);
INSERT INTO results VALUES (
    7, 'r1', 'old', 'student', 'equivalence', 'reference', 0, 'Score', 's', 'c', 0.0,
    CAST('{"scorer":"equivalence","target":"reference","value":1.0,"signature":"s"}' AS BLOB)
);
INSERT INTO attempts VALUES
    (1, 'r1', 'equivalence.reference/student/old#1', 'then', 'later', CAST('{}' AS BLOB), NULL),
    (2, 'r1', 'equivalence.reference/student/lost#1', 'then', NULL, NULL, NULL);
"""
"""A store as version 0.1 of this package made and filled it."""


def test_a_store_of_the_first_layout_is_brought_up_to_date_and_loses_nothing(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(LAYOUT_1)

    async def ask(store: SqlStore) -> None:
        log = store.attempts("r1", replay=True)
        assert log.answered("equivalence.reference/student/old#1") == b"{}"
        attempt = await log.opened("equivalence.reference/student/new#1")
        await log.closed(attempt, reply=b"{}", input_tokens=100, output_tokens=20, cost=0.5)

    with SqlStore(path) as store:
        asyncio.run(ask(store))
        _put(store, _result("new"))
    with SqlStore(path) as again:
        results, spending = again.results("r1"), again.spending("r1")
        paid = [one.call_id for one in again.possibly_paid("r1")]

    assert results == [_result("old"), _result("new")]
    assert spending.total == Spent(
        calls=3,
        input_tokens=100,
        output_tokens=20,
        cost=Money(dollars=0.5, known=1, unknown=1),
        possibly_paid=1,
    )
    assert paid == ["equivalence.reference/student/lost#1"]


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(LAYOUT_1)
        connection.execute("ALTER TABLE attempts ADD COLUMN cost TEXT")  # nobody expects it
        before = list(connection.iterdump())

    with pytest.raises(StoreUnusable, match="duplicate column name: cost"):
        SqlStore(path)

    with closing(sqlite3.connect(path)) as connection:
        assert list(connection.iterdump()) == before


def test_when_something_could_not_be_written_no_further_attempt_is_opened(path: Path) -> None:
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

    with SqlStore(path) as store:
        failing, late, after = asyncio.run(work(store))
        opened = store.calls_left_open("r1")

    assert "UNIQUE constraint failed" in failing
    assert late == after == "nothing is sent any more: something could not be written before"
    assert opened == {"before", "together", "of the resume"}
