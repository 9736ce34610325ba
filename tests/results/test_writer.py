import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import pytest
import sqlalchemy as sql
from sqlalchemy.engine.interfaces import DBAPIConnection

from judge.errors import StoreError
from judge.results.writer import Rows, Writer

Write = Callable[[sql.Connection], str]
PATIENCE_S = 30
TABLES = """
CREATE TABLE owners (name TEXT PRIMARY KEY);
CREATE TABLE notes (
    text TEXT UNIQUE,
    owner TEXT REFERENCES owners DEFERRABLE INITIALLY DEFERRED
);
"""


class Database:
    """A file with a table of notes, the writer of it, and what that said to the database."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits = 0
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(TABLES)
        self.engine = sql.create_engine(
            f"sqlite:///{path}", isolation_level="AUTOCOMMIT", connect_args={"timeout": 0}
        )
        sql.event.listen(self.engine, "connect", _keep_foreign_keys)
        sql.event.listen(self.engine, "before_cursor_execute", self._count)
        self.writer = Writer(self.engine, name="notes.db")

    def _count(self, connection: object, cursor: object, statement: str, *_: object) -> None:
        self.commits += statement == "COMMIT"

    def read(self) -> list[str]:
        """Return the notes as another connection sees them."""
        with closing(sqlite3.connect(self.path)) as connection:
            return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY rowid")]


def _keep_foreign_keys(connection: DBAPIConnection, _: object) -> None:
    connection.cursor().execute("PRAGMA foreign_keys = ON")


class Gate:
    """A write that holds the writer until it is let go, so that others have to wait."""

    def __init__(self) -> None:
        self._reached, self._open = Event(), Event()

    def __call__(self, connection: sql.Connection) -> str:
        self._reached.set()
        assert self._open.wait(PATIENCE_S)
        return "gate"

    async def reached(self) -> None:
        assert await asyncio.to_thread(self._reached.wait, PATIENCE_S)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "notes.db")
    yield made
    made.writer.close()
    made.engine.dispose()


def note(text: str) -> Write:
    def write(connection: sql.Connection) -> str:
        connection.execute(sql.text("INSERT INTO notes (text) VALUES (:text)"), {"text": text})
        return f"wrote {text}"

    return write


def note_then_fail(connection: sql.Connection) -> str:
    note("half")(connection)
    raise ZeroDivisionError("a bug after half of it")


async def held(writer: Writer, gate: Gate, writes: list[Write]) -> list[asyncio.Task[str]]:
    """Let writes wait behind a gate."""
    first = asyncio.create_task(writer.soon(gate))
    await gate.reached()
    waiting = [asyncio.create_task(writer.soon(write)) for write in writes]
    await asyncio.sleep(0)  # each has its turn to submit
    return [first, *waiting]


def test_what_was_written_is_seen_by_another_connection_as_soon_as_it_is_answered(
    database: Database,
) -> None:
    seen: list[list[str]] = []

    async def write() -> None:
        await database.writer.soon(note("first"))
        seen.append(database.read())

    asyncio.run(write())
    database.writer.now(note("second"))
    seen.append(database.read())

    assert seen == [["first"], ["first", "second"]]


def test_each_who_waits_gets_the_answer_to_its_own_write(database: Database) -> None:
    async def write() -> list[str]:
        return await asyncio.gather(*(database.writer.soon(note(str(i))) for i in range(50)))

    assert asyncio.run(write()) == [f"wrote {i}" for i in range(50)]


def test_what_waits_together_is_committed_together(database: Database) -> None:
    gate = Gate()

    async def write() -> int:
        tasks = await held(database.writer, gate, [note(str(i)) for i in range(100)])
        before = database.commits
        gate.open()
        await asyncio.gather(*tasks)
        return database.commits - before

    commits = asyncio.run(write())

    assert commits == 2  # of the gate, and of all the others
    assert len(database.read()) == 100


@pytest.mark.parametrize(
    ("bad", "words"),
    [(note("b"), "UNIQUE constraint failed"), (note_then_fail, "a bug after half of it")],
)
def test_a_bad_write_does_not_spoil_what_is_committed_with_it(
    database: Database, bad: Write, words: str
) -> None:
    gate = Gate()

    async def write() -> list[str | BaseException]:
        tasks = await held(database.writer, gate, [note("a"), note("b"), bad, note("c")])
        gate.open()
        return await asyncio.gather(*tasks, return_exceptions=True)

    *good, failure, last = asyncio.run(write())

    assert [*good, last] == ["gate", "wrote a", "wrote b", "wrote c"]
    assert isinstance(failure, StoreError)
    assert words in str(failure)
    assert failure.__cause__ is not None
    assert database.read() == ["a", "b", "c"]


def test_an_error_names_the_file_and_not_what_was_written(database: Database) -> None:
    database.writer.now(note("hunter2"))

    with pytest.raises(StoreError, match=r"writing to notes\.db failed") as failure:
        database.writer.now(note("hunter2"))

    assert "hunter2" not in str(failure.value)
    assert "INSERT" not in str(failure.value)


def fill_up(connection: sql.Connection) -> str:
    connection.exec_driver_sql("PRAGMA max_page_count = 8")
    return note("x" * 100_000)(connection)


def leave_a_debt_until_the_commit(connection: sql.Connection) -> str:
    connection.exec_driver_sql("INSERT INTO notes VALUES ('orphan', 'nobody')")
    return "never"


@pytest.mark.parametrize(
    ("fault", "words"),
    [(fill_up, "full"), (leave_a_debt_until_the_commit, "FOREIGN KEY constraint failed")],
)
def test_a_commit_that_fails_is_an_error_and_the_next_one_goes_well(
    database: Database, fault: Write, words: str
) -> None:
    with pytest.raises(StoreError, match=words):
        database.writer.now(fault)
    database.writer.now(note("after"))

    assert database.read() == ["after"]


def test_a_file_that_another_process_holds_is_an_error_until_it_lets_go(database: Database) -> None:
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreError, match="locked"):
            database.writer.now(note("too early"))
        other.execute("ROLLBACK")
        database.writer.now(note("now"))

    assert database.read() == ["now"]


def test_who_cannot_connect_is_told_and_does_not_wait(tmp_path: Path) -> None:
    engine = sql.create_engine(f"sqlite:///{tmp_path / 'no folder' / 'notes.db'}")

    with pytest.raises(StoreError, match=r"notes\.db cannot be written to: unable to open"):
        Writer(engine, name="notes.db")


ADD_NOTE = "INSERT INTO notes (text) VALUES (?)"


@pytest.mark.parametrize("n", [1, 7, 8, 63, 64, 65, 200])
def test_rows_are_written_in_their_order_however_many_there_are(database: Database, n: int) -> None:
    texts = [f"note {number}" for number in range(n)]

    asyncio.run(database.writer.rows(Rows(ADD_NOTE, [(text,) for text in texts])))

    assert database.read() == texts


def test_rows_that_wait_together_are_committed_together_and_a_bad_one_takes_only_its_own(
    database: Database,
) -> None:
    gate = Gate()

    async def write() -> tuple[list[object], int]:
        first = asyncio.create_task(database.writer.soon(gate))
        await gate.reached()
        parts = [["a", "b"], ["c", "c"], [], ["d"]]
        waiting = [
            asyncio.create_task(database.writer.rows(Rows(ADD_NOTE, [(text,) for text in part])))
            for part in parts
        ]
        await asyncio.sleep(0)
        gate.open()
        await first
        return await asyncio.gather(*waiting, return_exceptions=True), database.writer.failures

    (one, bad, nothing, last), failures = asyncio.run(write())

    assert one is nothing is last is None
    assert isinstance(bad, StoreError)
    assert failures == 1
    assert database.read() == ["a", "b", "d"]


def test_closing_writes_what_still_waits(database: Database) -> None:
    gate = Gate()

    async def write() -> list[str]:
        tasks = await held(database.writer, gate, [note(str(i)) for i in range(20)])
        closing_ = asyncio.create_task(asyncio.to_thread(database.writer.close))
        await asyncio.to_thread(int)  # a later thread's turn: by now the writer was told to end
        gate.open()
        await closing_
        return await asyncio.gather(*tasks)

    assert len(asyncio.run(write())) == 21
    assert database.read() == [str(i) for i in range(20)]


def test_a_write_given_up_before_its_turn_is_not_made(database: Database) -> None:
    gate = Gate()

    async def write() -> list[str | BaseException]:
        tasks = await held(database.writer, gate, [note("kept"), note("given up"), note("too")])
        tasks[2].cancel()
        await asyncio.sleep(0)
        gate.open()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(write())

    assert isinstance(answers[2], asyncio.CancelledError)
    assert database.read() == ["kept", "too"]
