import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from judge.errors import StoreError
from judge.records.dataset import Dataset
from judge.records.record import Item, RecordKey, Role, System, Target
from judge.results.outcome import Fate, FateCode, NotApplicable, Outcome, Score, Vote
from judge.results.run import Measure, Result, RunManifest
from judge.results.sql import SqlStore
from judge.results.store import MemoryStore, Store

# What a model may write, and what a database may lose: NUL, a byte order mark, half an emoji's
# neighbours, a line separator, a number sign of SQL, and a text that is longer than a page.
ODD = "\x00 \ufeff\u2028\x1b[31m 日本語 \U0001f600 '; DROP TABLE results; --" + "x" * 9_000

DATASET = Dataset(
    items=(
        Item(
            item_id="i1",
            input=ODD,
            references=("four", ODD, ""),
            slices={"difficulty": "tricky", "länge": "2"},
            cluster="document 7",
            schema='{"type":"string"}',
            opponent=ODD,
        ),
        Item(item_id="a\x00b", cluster="a\x00b", slices={"difficulty": "easy", "länge": "1"}),
    ),
    systems=(
        System(name="teacher", role=Role.TEACHER, parameters="70B", family="x"),
        System(name="org/student", role=Role.STUDENT),
        System(name="silent", role=Role.SFT),
    ),
    outputs={"teacher": {"i1": "", "a\x00b": "4"}, "org/student": {"i1": ODD}, "silent": {}},
)
MEASURE = Measure(
    scorer="equivalence",
    target=Target.REFERENCE,
    judged=True,
    criterion="equivalence",
    lower=0.0,
    upper=1.0,
    categories=("different", "equivalent"),
    category_values=(0.1 + 0.2, 1.0),
    identity={"model": "judge-1", "prompt": ODD},
    empty_value=0.0,
)
MANIFEST = RunManifest(
    run_id="r1",
    name="run of 日本",
    purpose="score",
    started=datetime(2026, 5, 1, 12, 30, 0, 123456, tzinfo=UTC),
    dataset=DATASET.fingerprint,
    population=DATASET.population,
    outputs={system.name: DATASET.output_fingerprint(system.name) for system in DATASET.systems},
    n_items=2,
    systems=DATASET.systems,
    slices=DATASET.slice_values,
    measures=(MEASURE, replace(MEASURE, target=Target.TEACHER)),
    seed=2**62,
    rated=True,
    versions={"judge": "0.1.0"},
    config="name: x\n" + ODD,
    config_path="/somewhere/judge.yaml",
)
SCORE = Score(
    scorer="equivalence",
    target=Target.REFERENCE,
    value=0.1 + 0.2,
    signature=MEASURE.signature,
    label="equivalent",
    rationale=ODD,
    served="judge-1-0501",
    flags=("doubted", "twice"),
    votes=(Vote(label="equivalent", order="ab", repeat=1, confidence=1 / 3), Vote(label="x")),
    details={"asked": 2, "tokens": None, "errors": [{"pointer": "/a~1b"}], "share": 5e-324},
)
FATE = Fate(
    scorer="equivalence",
    target=Target.REFERENCE,
    code=FateCode.JUDGE_UNAVAILABLE,
    message=ODD,
    attempts=5,
)
OUTSIDE = NotApplicable(
    scorer="equivalence", target=Target.REFERENCE, reason="the item has no reference"
)


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    on_postgresql = request.param == "postgresql"
    with SqlStore(
        request.getfixturevalue("postgres") if on_postgresql else tmp_path / "store.db"
    ) as opened:
        yield opened


@pytest.fixture
def begun(store: Store) -> Store:
    store.begin(MANIFEST, DATASET)
    return store


def result(
    outcome: Outcome = SCORE, *, item: str = "i1", run_id: str = "r1", revision: int = 0
) -> Result:
    return Result(
        run_id=run_id,
        key=RecordKey(item_id=item, system="org/student"),
        outcome=outcome,
        content=f"content of {item}",
        revision=revision,
        duration_s=0.1 + 0.2,
    )


def put(store: Store, *results: Result) -> None:
    asyncio.run(store.put(results))


def test_a_manifest_reads_back_equal(begun: Store) -> None:
    assert begun.manifests() == [MANIFEST]


def test_the_records_of_a_run_read_back_equal(begun: Store) -> None:
    read = begun.dataset(MANIFEST)

    assert list(read.records()) == list(DATASET.records())
    assert read.items == DATASET.items
    assert (read.fingerprint, read.population) == (DATASET.fingerprint, DATASET.population)


def test_a_part_of_a_set_is_kept_as_that_part_beside_the_whole(begun: Store) -> None:
    part = DATASET.selected(filters={"difficulty": "easy"})
    manifest = replace(
        MANIFEST,
        run_id="r2",
        dataset=part.fingerprint,
        outputs={system.name: part.output_fingerprint(system.name) for system in part.systems},
    )

    begun.begin(manifest, part)

    assert begun.dataset(manifest) == part
    assert list(begun.dataset(MANIFEST).records()) == list(DATASET.records())


def test_runs_are_listed_oldest_first_whatever_their_names(store: Store) -> None:
    for run_id in ("z", "a", "m"):
        store.begin(replace(MANIFEST, run_id=run_id), DATASET)

    assert [manifest.run_id for manifest in store.manifests()] == ["z", "a", "m"]


def test_a_run_begins_once(begun: Store) -> None:
    with pytest.raises(StoreError):
        begun.begin(replace(MANIFEST, name="another"), DATASET)

    assert begun.manifests() == [MANIFEST]


@pytest.mark.parametrize("outcome", [SCORE, FATE, OUTSIDE], ids=lambda one: type(one).__name__)
def test_each_kind_of_outcome_reads_back_equal(begun: Store, outcome: Outcome) -> None:
    put(begun, result(outcome))

    assert begun.results("r1") == [result(outcome)]


def test_results_are_kept_apart_by_everything_that_names_them(begun: Store) -> None:
    begun.begin(replace(MANIFEST, run_id="r2"), DATASET)
    of_other_system = replace(result(), key=RecordKey(item_id="i1", system="teacher"))
    of_other_target = result(replace(SCORE, target=Target.TEACHER))
    of_other_scorer = result(replace(SCORE, scorer="similarity"))
    kept = [result(), of_other_system, of_other_target, of_other_scorer, result(item="i2")]

    put(begun, *kept, result(run_id="r2"))

    assert begun.results("r1") == kept
    assert begun.results("r2") == [result(run_id="r2")]


def test_the_newest_revision_wins_and_the_ones_before_it_stay(begun: Store) -> None:
    first, second = result(FATE), result(SCORE, revision=1)

    put(begun, first)
    put(begun, second)

    assert begun.results("r1") == [second]
    with pytest.raises(StoreError):
        put(begun, first)  # it is there still


def test_a_result_is_stored_once(begun: Store) -> None:
    put(begun, result(FATE))

    with pytest.raises(StoreError):
        put(begun, result(SCORE))

    assert begun.results("r1") == [result(FATE)]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_all_of_what_is_put_is_kept_or_none(begun: Store, place: int) -> None:
    put(begun, result(item="taken"))
    batch = [result(item="a"), result(item="b")]
    batch.insert(place, result(item="taken"))

    with pytest.raises(StoreError):
        put(begun, *batch)

    assert begun.results("r1") == [result(item="taken")]


def test_what_is_put_twice_at_once_is_not_kept_at_all(begun: Store) -> None:
    with pytest.raises(StoreError):
        put(begun, result(), result())

    assert begun.results("r1") == []


def test_putting_nothing_is_fine(begun: Store) -> None:
    put(begun)

    assert begun.results("r1") == []


def test_many_who_put_at_once_lose_nothing(begun: Store) -> None:
    names = [f"item {number}" for number in range(200)]

    async def put_all() -> None:
        await asyncio.gather(*(begun.put([result(item=name)]) for name in names))

    asyncio.run(put_all())

    assert [one.key.item_id for one in begun.results("r1")] == names


def test_scores_are_found_by_signature_target_and_content_across_runs(begun: Store) -> None:
    begun.begin(replace(MANIFEST, run_id="r2"), DATASET)
    put(
        begun,
        result(item="here"),
        result(FATE, item="failed"),
        result(OUTSIDE, item="outside"),
        result(replace(SCORE, signature="other"), item="other judge"),
        result(replace(SCORE, target=Target.TEACHER), item="other target"),
        result(item="there", run_id="r2"),
    )

    found = begun.scores(MEASURE.signature, Target.REFERENCE)

    assert found == {"content of here": SCORE, "content of there": SCORE}


def test_without_attempts_no_call_is_left_open(begun: Store) -> None:
    assert begun.calls_left_open("r1") == frozenset()


def test_documents_are_kept_byte_for_byte_oldest_first_and_by_kind(store: Store) -> None:
    everything = bytes(range(256))
    store.put_document("certificate", "z", everything)
    store.put_document("certificate", "a", b"")
    store.put_document("report", "z", b"another kind")

    assert store.documents("certificate") == [everything, b""]
    assert store.documents("report") == [b"another kind"]
    assert store.documents("nothing") == []


def test_a_document_of_the_same_name_is_replaced_and_the_newest(store: Store) -> None:
    for name, body in (("a", b"old"), ("b", b"other"), ("a", b"new")):
        store.put_document("certificate", name, body)

    assert store.documents("certificate") == [b"other", b"new"]
