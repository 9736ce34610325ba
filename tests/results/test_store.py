import asyncio
import re
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from judge.errors import RunNotFound
from judge.records.dataset import Dataset
from judge.records.record import RecordKey, Target
from judge.results.outcome import Fate, FateCode, Score
from judge.results.run import Result, RunManifest
from judge.results.store import MemoryStore, find_run, newest

EMPTY = Dataset(items=(), systems=(), outputs={})


def _manifest(run_id: str, *, purpose: str = "score") -> RunManifest:
    return RunManifest(
        run_id=run_id,
        name="test",
        purpose=purpose,
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


def _store(*runs: RunManifest) -> MemoryStore:
    store = MemoryStore()
    for run in runs:
        store.begin(run, EMPTY)
    return store


def _result(item: str, *, revision: int = 0, scorer: str = "similarity") -> Result:
    return Result(
        run_id="r",
        key=RecordKey(item_id=item, system="student"),
        outcome=Score(scorer=scorer, target=Target.REFERENCE, value=float(revision), signature="s"),
        content="c",
        revision=revision,
        duration_s=0.0,
    )


THREE = ("20260501-120000-aaa", "20260501-120000-aab", "20260502-120000-ccc")


@pytest.mark.parametrize(
    ("name", "run_id"),
    [("20260502", THREE[2]), ("20260501-120000-aab", THREE[1]), ("latest", THREE[2])],
)
def test_a_run_goes_by_its_id_or_a_beginning_that_no_other_has(name: str, run_id: str) -> None:
    assert find_run(_store(*map(_manifest, THREE)), name).run_id == run_id


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("20260501-120000-aa", "'20260501-120000-aa' fits 2 runs; give more of the id"),
        ("20260503", f"no run is called '20260503'; the newest are: {', '.join(THREE)}"),
        ("LATEST", "no run is called 'LATEST'"),
        ("120000", "no run is called '120000'"),
    ],
)
def test_a_name_that_fits_no_run_or_several_is_refused(name: str, words: str) -> None:
    with pytest.raises(RunNotFound, match=re.escape(words)):
        find_run(_store(*map(_manifest, THREE)), name)


def test_an_id_that_begins_another_still_names_its_own_run() -> None:
    store = _store(_manifest("run-1"), _manifest("run-10"))

    assert find_run(store, "run-1").run_id == "run-1"


def test_latest_is_the_newest_run_of_a_whole_set_and_no_validation() -> None:
    store = _store(_manifest("a"), _manifest("b"), _manifest("c", purpose="validation"))

    assert find_run(store, "latest").run_id == "b"
    assert find_run(store, "c").run_id == "c"


@pytest.mark.parametrize("runs", [(), (_manifest("v", purpose="validation"),)])
def test_a_store_without_a_run_says_how_to_make_one(runs: Sequence[RunManifest]) -> None:
    with pytest.raises(RunNotFound, match="make one with: judge run CONFIG"):
        find_run(_store(*runs), "latest")


def test_an_unknown_name_in_an_empty_store_is_told_that_there_is_none() -> None:
    with pytest.raises(RunNotFound, match="the newest are: none"):
        find_run(_store(), "20260501")


def test_the_highest_revision_of_each_record_and_measure_is_kept_where_the_first_stood() -> None:
    history = [
        _result("a"),
        _result("b", revision=2),
        _result("a", scorer="equivalence"),
        _result("a", revision=1),
        _result("b", revision=1),
    ]

    kept = newest(history)

    assert kept == [history[3], history[1], history[2]]


def test_a_failed_record_that_was_scored_later_has_its_score() -> None:
    failed = Result(
        run_id="r",
        key=RecordKey(item_id="a", system="student"),
        outcome=Fate(
            scorer="similarity",
            target=Target.REFERENCE,
            code=FateCode.EMBEDDING_INVALID,
            message="zero",
        ),
        content="c",
        duration_s=0.0,
    )

    assert newest([failed, _result("a", revision=1)]) == [_result("a", revision=1)]


def test_a_store_in_memory_keeps_an_attempt_ledger_that_another_run_does_not_see() -> None:
    store = MemoryStore()

    asyncio.run(store.attempts("a", replay=False).opened("question"))

    assert store.calls_left_open("a") == {"question"}
    assert store.calls_left_open("b") == frozenset()
