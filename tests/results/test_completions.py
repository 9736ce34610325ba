import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from judge.results.completions import CompletionShelf, CompletionStatistics, MemoryCompletions
from judge.results.database import Database
from judge.results.layout import prepare
from judge.results.postgres import PostgresDatabase
from judge.results.sql_completions import SqlCompletions
from judge.results.sqlite import SqliteFile
from judge.results.writer import Writer
from judge.stats.money import Money

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class _Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time


Make = Callable[[_Clock], CompletionShelf]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    if request.param == "memory":
        yield lambda clock: MemoryCompletions(now=clock)
        return
    database: Database = (
        SqliteFile(tmp_path / "store.db")
        if request.param == "sqlite"
        else PostgresDatabase(request.getfixturevalue("postgres"))
    )
    prepare(database)
    writer = Writer(database.engine, name=database.name)
    made: list[SqlCompletions] = []

    def on_disk(clock: _Clock) -> SqlCompletions:
        made.append(SqlCompletions(database.finder(), writing=lambda: writer, now=clock))
        return made[-1]

    yield on_disk
    for shelf in made:
        shelf.close()
    writer.close()
    database.close()


def keep(shelf: CompletionShelf, key: str, body: bytes, *, cost: float | None = 0.5) -> None:
    asyncio.run(shelf.keep_completion(key, body, cost=cost))


def test_what_is_kept_is_found_byte_for_byte_and_nothing_else(make: Make) -> None:
    shelf = make(_Clock())
    everything = bytes(range(256))

    keep(shelf, "a", everything)
    keep(shelf, "b", b"")

    assert shelf.completion("a") == everything
    assert shelf.completion("b") == b""
    assert shelf.completion("A") is None
    assert shelf.completion("") is None


def test_a_newer_answer_to_the_same_question_replaces_the_older(make: Make) -> None:
    shelf = make(_Clock())

    keep(shelf, "a", b"old", cost=None)
    keep(shelf, "a", b"new", cost=0.25)

    assert shelf.completion("a") == b"new"
    assert shelf.statistics().worth == Money(dollars=0.25, known=1)


def test_nothing_is_kept_at_first(make: Make) -> None:
    assert make(_Clock()).statistics() == CompletionStatistics()


def test_what_is_kept_can_be_told(make: Make) -> None:
    clock = _Clock()
    shelf = make(clock)

    for key, cost in (("a", 0.5), ("b", None), ("c", 0.25)):
        keep(shelf, key, b"four", cost=cost)
        clock.time += HOUR

    assert shelf.statistics() == CompletionStatistics(
        entries=3,
        bytes=12,
        oldest=START,
        newest=START + 2 * HOUR,
        worth=Money(dollars=0.75, known=2, unknown=1),
    )


def test_answers_kept_before_a_time_are_forgotten_and_the_others_stay(make: Make) -> None:
    clock = _Clock()
    shelf = make(clock)
    for key in "abc":
        keep(shelf, key, b"body")
        clock.time += HOUR

    forgotten = shelf.forget_completions(older_than=START + HOUR)

    assert forgotten == 1
    assert [shelf.completion(key) for key in "abc"] == [None, b"body", b"body"]


def test_a_time_of_another_zone_is_the_same_time(make: Make) -> None:
    shelf = make(_Clock())
    keep(shelf, "a", b"body")
    elsewhere = (START + timedelta(minutes=1)).astimezone(timezone(5 * HOUR))

    assert shelf.forget_completions(older_than=elsewhere - timedelta(minutes=2)) == 0
    assert shelf.forget_completions(older_than=elsewhere) == 1


def test_all_answers_can_be_forgotten(make: Make) -> None:
    shelf = make(_Clock())
    for key in "abc":
        keep(shelf, key, b"body")

    assert shelf.forget_completions(older_than=None) == 3
    assert shelf.statistics() == CompletionStatistics()
