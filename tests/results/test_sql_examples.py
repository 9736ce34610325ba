import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from judge.records.dataset import Dataset
from judge.records.record import Item, RecordKey, Role, System, Target
from judge.results.outcome import Fate, FateCode, Outcome, Score
from judge.results.run import Result, RunManifest
from judge.results.sql import SqlStore

SYSTEMS = (
    System(name="teacher", role=Role.TEACHER),
    System(name="student", role=Role.STUDENT),
)
NAMES = ("i0", "\N{SNOWMAN}", "i 2")
DATASET = Dataset(
    items=tuple(Item(item_id=name, cluster=name, input=f"ask {name}") for name in NAMES),
    systems=SYSTEMS,
    outputs={
        "teacher": {name: f"taught {name}" for name in NAMES},
        "student": {name: f"said {name}" for name in NAMES[:2]},
    },
)
MANIFEST = RunManifest(
    run_id="r",
    name="n",
    purpose="score",
    started=datetime(2026, 5, 1, tzinfo=UTC),
    dataset="d",
    population="p",
    outputs={"teacher": "o1", "student": "o2"},
    n_items=3,
    systems=SYSTEMS,
    slices={},
    measures=(),
    seed=0,
    rated=False,
    versions={},
    config="",
    config_path="",
)


def _result(name: str, outcome: Outcome, revision: int = 0) -> Result:
    return Result(
        run_id="r",
        key=RecordKey(item_id=name, system="student"),
        outcome=outcome,
        content="c",
        revision=revision,
        duration_s=0.0,
    )


@pytest.fixture
def store(place: Path | str) -> Iterator[SqlStore]:
    fate = Fate(
        scorer="task", target=Target.REFERENCE, code=FateCode.JUDGE_UNAVAILABLE, message="m"
    )
    score = Score(scorer="task", target=Target.REFERENCE, value=1.0, signature="s")
    with SqlStore(place) as kept:
        kept.begin(MANIFEST, DATASET)
        asyncio.run(kept.put([_result("i0", fate), _result(NAMES[1], score)]))
        asyncio.run(kept.put([_result("i0", score, revision=1)]))
        yield kept


def test_records_at_places_are_those_of_the_whole_set(store: SqlStore) -> None:
    whole = list(DATASET.records())

    found = store.examples.records(MANIFEST, [4, 0, 5])

    assert found == [whole[4], whole[0], whole[5]]


def test_the_newest_outcome_of_a_record_is_found_by_its_metric(store: SqlStore) -> None:
    found = store.examples.outcomes("r", ["i0", "i 2"])

    outcome = found[RecordKey(item_id="i0", system="student")]["task.reference"]
    assert isinstance(outcome, Score)
    assert len(found) == 1


def test_a_run_that_went_on_has_more_results(store: SqlStore) -> None:
    assert store.examples.n_results("r") == 3
    assert store.examples.n_results("other") == 0


def test_a_newer_document_of_a_kind_is_told_from_others(store: SqlStore) -> None:
    before = store.examples.newest_document(["gold"])

    store.put_document("other", "x", b"")
    same = store.examples.newest_document(["gold"])
    store.put_document("gold", "x", b"")

    assert before == same < store.examples.newest_document(["gold", "controls"])


def test_a_manifest_is_found_by_its_run(store: SqlStore) -> None:
    assert store.examples.manifest("r") == MANIFEST
    assert store.examples.manifest("q") is None
