import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest
import sqlalchemy as sql
from alembic import command
from alembic.config import Config

import judge.results.layout as layout_module
from judge.errors import StoreUnusable
from judge.records.record import RecordKey, Target
from judge.results.outcome import Score
from judge.results.postgres import PostgresDatabase
from judge.results.run import Result
from judge.results.spending import Spent
from judge.results.sql import SqlStore
from judge.results.sqlite import SqliteFile
from judge.results.tables import SCHEMA_VERSION
from judge.stats.money import Money


def _result(item: str) -> Result:
    return Result(
        run_id="r1",
        key=RecordKey(item_id=item, system="student"),
        outcome=Score(
            scorer="equivalence",
            target=Target.REFERENCE,
            value=1.0,
            signature="s",
        ),
        content="c",
        duration_s=0.0,
    )


def _put(store: SqlStore, *results: Result) -> None:
    asyncio.run(store.put(results))


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
"""
"""The tables as version 0.1 of this package made them in SQLite."""
TO_LAYOUT_2 = """
UPDATE meta SET value = '2' WHERE name = 'schema_version';
ALTER TABLE attempts ADD COLUMN possibly_paid INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN input_tokens INTEGER;
ALTER TABLE attempts ADD COLUMN output_tokens INTEGER;
ALTER TABLE attempts ADD COLUMN cost FLOAT;
DROP INDEX attempts_by_call;
CREATE INDEX attempts_by_run ON attempts (run_id);
"""
COMPLETIONS_OF_LAYOUT_2 = """
CREATE TABLE IF NOT EXISTS completions (
    key TEXT NOT NULL PRIMARY KEY, kept TEXT NOT NULL, cost FLOAT, body BLOB NOT NULL
);
INSERT INTO completions VALUES ('key', '2026-05-01T12:00:00.000000+00:00', 0.5, CAST('{}' AS BLOB));
"""
"""Which layout 2 came to have without being called another."""
RESULT = (
    "INSERT INTO results (run_id, item_id, system, scorer, target, revision, kind, signature, "
    "content, duration_s, body) VALUES ('r1', 'old', 'student', 'equivalence', 'reference', 0, "
    "'Score', 's', 'c', 0.0, {body})"
)
ATTEMPT = (
    "INSERT INTO attempts (run_id, call_id, opened, closed, reply) "
    "VALUES ('r1', 'equivalence.reference/student/{item}#1', 'then', {closed}, {reply})"
)


def _filled(*, blob: Callable[[str], str]) -> list[str]:
    """Return statements that fill a store of any layout."""
    score = '{"scorer":"equivalence","target":"reference","value":1.0,"signature":"s"}'
    return [
        RESULT.format(body=blob(score)),
        ATTEMPT.format(item="old", closed="'later'", reply=blob("{}")),
        ATTEMPT.format(item="lost", closed="NULL", reply="NULL"),
    ]


def _old_file(path: Path, *scripts: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        for script in (LAYOUT_1, *scripts):
            connection.executescript(script)
        for statement in _filled(blob=lambda text: f"CAST('{text}' AS BLOB)"):
            connection.execute(statement)
        connection.commit()
    return path


def _old_database(address: str, layout: str) -> str:
    engine = PostgresDatabase(address).engine
    config = Config()
    config.set_main_option(
        "script_location", str(Path(layout_module.__file__).with_name("migrations"))
    )
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, layout)
        connection.execute(sql.text("UPDATE meta SET value = :layout"), {"layout": layout})
        for statement in _filled(blob=lambda text: f"convert_to('{text}', 'UTF8')"):
            connection.exec_driver_sql(statement)
    engine.dispose()
    return address


@pytest.fixture(
    params=["SQLite 1", "SQLite 2", "SQLite 2 with answers", "PostgreSQL 1", "PostgreSQL 2"]
)
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Make a store of an earlier layout, with a result and two attempts in it."""
    database, layout, *more = request.param.split(" ", 2)
    if database == "PostgreSQL":
        return _old_database(request.getfixturevalue("postgres"), layout)
    scripts = [TO_LAYOUT_2] if layout == "2" else []
    return _old_file(tmp_path / "old.db", *scripts, *([COMPLETIONS_OF_LAYOUT_2] if more else []))


def test_a_store_of_an_earlier_layout_is_brought_up_to_date_and_loses_nothing(
    earlier: Path | str,
) -> None:
    async def ask(store: SqlStore) -> None:
        log = store.attempts("r1", replay=True)
        assert log.answered("equivalence.reference/student/old#1") == b"{}"
        attempt = await log.opened("equivalence.reference/student/new#1")
        await log.closed(attempt, reply=b"{}", input_tokens=100, output_tokens=20, cost=0.5)
        await store.put([_result("new")])
        await store.completions.keep_completion("new", b"{}", cost=None)

    with SqlStore(earlier) as store:
        asyncio.run(ask(store))
    with SqlStore(earlier) as again:
        results, spending = again.results("r1"), again.spending("r1")
        paid = [one.call_id for one in again.possibly_paid("r1")]
        kept = again.completions.completion("new")

    assert results == [_result("old"), _result("new")]
    assert spending.total == Spent(
        calls=3,
        input_tokens=100,
        output_tokens=20,
        cost=Money(dollars=0.5, known=1, unknown=1),
        possibly_paid=1,
    )
    assert paid == ["equivalence.reference/student/lost#1"]
    assert kept == b"{}"


def _shape(place: Path | str) -> dict[str, object]:
    """Return all that a database says of its tables but the order of columns added later."""
    database = SqliteFile(place) if isinstance(place, Path) else PostgresDatabase(place)
    found = sql.inspect(database.engine)
    shape: dict[str, object] = {}
    for table in set(found.get_table_names()) - {"alembic_version"}:
        columns = {
            column["name"]: (
                str(column["type"]),
                column["nullable"],
                str(column["default"]).strip("'"),
            )
            for column in found.get_columns(table)
        }
        keys = (found.get_pk_constraint(table)["constrained_columns"],)
        unique = sorted(str(one["column_names"]) for one in found.get_unique_constraints(table))
        indexes = sorted(
            (
                str(one["name"]),
                str(one["unique"]),
                str(one.get("expressions", one["column_names"])),
                sorted((name, str(value)) for name, value in one["dialect_options"].items()),
            )
            for one in found.get_indexes(table)
        )
        shape[table] = (columns, keys, unique, indexes)
    database.close()
    return shape


def test_an_upgraded_store_has_the_same_tables_as_a_new_one(
    earlier: Path | str, tmp_path: Path
) -> None:
    SqlStore(earlier).close()
    upgraded = _shape(earlier)

    if isinstance(earlier, Path):
        new: Path | str = tmp_path / "new.db"
    else:
        _emptied(new := earlier)
    SqlStore(new).close()

    assert upgraded == _shape(new)
    assert len(upgraded) >= 8


def _emptied(address: str) -> None:
    engine = PostgresDatabase(address).engine
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    path = _old_file(tmp_path / "old.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE attempts ADD COLUMN cost TEXT")  # nobody expects it
        before = list(connection.iterdump())

    with pytest.raises(StoreUnusable, match="duplicate column name: cost"):
        SqlStore(path)

    with closing(sqlite3.connect(path)) as connection:
        assert list(connection.iterdump()) == before


def test_a_store_of_a_newer_layout_is_refused_and_left_as_it_was(place: Path | str) -> None:
    database = SqliteFile(place) if isinstance(place, Path) else PostgresDatabase(place)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)")
        connection.exec_driver_sql("INSERT INTO meta VALUES ('schema_version', '999')")

    with pytest.raises(StoreUnusable) as refused:
        SqlStore(place)

    assert sql.inspect(database.engine).get_table_names() == ["meta"]
    database.close()
    assert str(refused.value) == (
        f"the store {database.name} has layout 999, this version of judge reads 1 to "
        f"{SCHEMA_VERSION}: use a newer judge, or another --store"
    )


def test_a_new_store_may_be_opened_by_several_at_once(place: Path | str) -> None:
    together = Barrier(4)

    def open_new(_: int) -> int:
        together.wait()
        with SqlStore(place) as store:
            return len(store.manifests())

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(open_new, range(4)))

    assert found == [0] * 4


OPEN_AND_TELL = """
import sys
from pathlib import Path
from judge.results.sql import SqlStore

for _ in ("new", "there already"):
    SqlStore(Path(sys.argv[1])).close()
print(sorted({"alembic", "mako", "psycopg"} & set(sys.modules)))
"""


def test_what_upgrades_a_store_is_not_imported_where_there_is_nothing_to_upgrade(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OPEN_AND_TELL, str(tmp_path / "store.db")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "[]\n", done.stderr
