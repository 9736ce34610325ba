import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from judge.errors import StoreUnusable
from judge.records.dataset import Dataset
from judge.records.record import Item, RecordKey, Role, System, Target
from judge.results.backup import back_up, restore
from judge.results.outcome import Score
from judge.results.run import Result, RunManifest
from judge.results.sql import SqlStore

ODD = "a\x00b"
EVERYTHING = bytes(range(256))
DATASET = Dataset(
    items=(Item(item_id=ODD, cluster=ODD), Item(item_id="2", cluster="2")),
    systems=(System(name="student", role=Role.STUDENT),),
    outputs={"student": {ODD: ODD, "2": "four"}},
)
MANIFEST = RunManifest(
    run_id="r1",
    name="test",
    purpose="score",
    started=datetime(2026, 5, 1, tzinfo=UTC),
    dataset=DATASET.fingerprint,
    population=DATASET.population,
    outputs={"student": DATASET.output_fingerprint("student")},
    n_items=2,
    systems=DATASET.systems,
    slices={},
    measures=(),
    seed=0,
    rated=False,
    versions={},
    config="",
    config_path="",
)


def _result(item: str) -> Result:
    return Result(
        run_id="r1",
        key=RecordKey(item_id=item, system="student"),
        outcome=Score(
            scorer="equivalence", target=Target.REFERENCE, value=0.1 + 0.2, signature="s"
        ),
        content="c",
        duration_s=1 / 3,
    )


async def _answer(store: SqlStore, call: str) -> None:
    log = store.attempts("r1", replay=False)
    await log.closed(await log.opened(call), reply=EVERYTHING, cost=0.1)


async def _more(store: SqlStore, *, item: str) -> None:
    await store.put([_result(item)])
    await _answer(store, f"call {item}")


def _fill(place: Path | str) -> None:
    with SqlStore(place) as store:
        store.begin(MANIFEST, DATASET)
        asyncio.run(_more(store, item=ODD))
        asyncio.run(store.completions.keep_completion("key", EVERYTHING, cost=0.5))
        store.put_document("kind", ODD, EVERYTHING)


def _seen(place: Path | str) -> list[object]:
    with SqlStore(place) as store:
        return [
            store.manifests(),
            list(store.dataset(MANIFEST).records()),
            store.results("r1"),
            store.spending("r1"),
            store.attempts("r1", replay=True).answered(f"call {ODD}"),
            store.completions.completion("key"),
            store.completions.statistics(),
            store.documents("kind"),
        ]


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Return where nothing is yet."""
    if request.param == "sqlite":
        return tmp_path / "restored" / "store.db"
    make: Callable[[], str] = request.getfixturevalue("new_postgres")
    return make()


def test_a_store_that_was_restored_says_what_the_first_one_said_on_either_database(
    place: Path | str, target: Path | str, tmp_path: Path
) -> None:
    _fill(place)

    back_up(place, tmp_path / "copy.sqlite")
    restore(tmp_path / "copy.sqlite", target)

    assert _seen(target) == _seen(place)


def test_a_store_that_was_restored_is_written_on(
    place: Path | str, target: Path | str, tmp_path: Path
) -> None:
    _fill(place)
    back_up(place, tmp_path / "copy.sqlite")
    restore(tmp_path / "copy.sqlite", target)

    with SqlStore(target) as store:
        asyncio.run(_more(store, item="2"))
        store.put_document("kind", "later", b"later")
        kept, documents = store.results("r1"), store.documents("kind")

    assert kept == [_result(ODD), _result("2")]
    assert documents == [EVERYTHING, b"later"]


def test_a_copy_is_made_while_another_writes_and_is_one_file(
    place: Path | str, tmp_path: Path
) -> None:
    _fill(place)
    with SqlStore(place) as store:
        store.put_document("kind", "second", b"not yet in the main file")

        back_up(place, tmp_path / "copies" / "copy.sqlite")

    assert [file.name for file in (tmp_path / "copies").iterdir()] == ["copy.sqlite"]
    with SqlStore(tmp_path / "copies" / "copy.sqlite") as copy:
        assert copy.documents("kind") == [EVERYTHING, b"not yet in the main file"]


def test_nothing_that_is_there_is_written_over(place: Path | str, tmp_path: Path) -> None:
    _fill(place)
    before = _seen(place)
    back_up(place, tmp_path / "copy.sqlite")

    with pytest.raises(StoreUnusable, match="exists already; give the backup another name"):
        back_up(place, tmp_path / "copy.sqlite")
    with pytest.raises(StoreUnusable, match=r"exists already; restore|holds a store already"):
        restore(tmp_path / "copy.sqlite", place)

    assert _seen(place) == before


def test_what_is_no_store_is_not_backed_up(place: Path | str, tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="there is no store"):
        back_up(place, tmp_path / "copy.sqlite")

    assert not (tmp_path / "copy.sqlite").exists()


def test_what_is_no_copy_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    text, empty, damaged = (tmp_path / name for name in ("text", "empty", "damaged"))
    text.write_text("This is no database, and long enough to be seen as none. " * 100)
    empty.touch()
    _fill(tmp_path / "store.db")
    back_up(tmp_path / "store.db", damaged)
    body = bytearray(damaged.read_bytes())
    body[4096 * 3 : 4096 * 6] = b"\xff" * 4096 * 3
    damaged.write_bytes(body)

    for file in (text, empty, damaged, tmp_path / "nothing"):
        with pytest.raises(StoreUnusable, match=r"no backup|damaged"):
            restore(file, tmp_path / "target.db")

    assert not (tmp_path / "target.db").exists()
