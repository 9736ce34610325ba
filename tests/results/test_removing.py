import asyncio
from datetime import UTC, datetime
from pathlib import Path

from judge.api.running import new_run_id
from judge.records.dataset import Dataset
from judge.records.record import Item, RecordKey, Role, System, Target
from judge.results.outcome import Score
from judge.results.production import production_kind
from judge.results.run import Result, RunManifest
from judge.results.sql import SqlStore

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def _run(store: SqlStore, *, answer: str) -> RunManifest:
    dataset = Dataset(
        items=(Item(item_id="i", input="ask", cluster="i"),),
        systems=(System(name="s", role=Role.STUDENT),),
        outputs={"s": {"i": answer}},
    )
    manifest = RunManifest(
        run_id=new_run_id(NOW),
        name="n",
        purpose="score",
        started=NOW,
        dataset=dataset.fingerprint,
        population=dataset.population,
        outputs={"s": dataset.output_fingerprint("s")},
        n_items=1,
        systems=dataset.systems,
        slices={},
        measures=(),
        seed=0,
        rated=False,
        versions={},
        config="name: n",
        config_path="judge.yaml",
    )
    store.begin(manifest, dataset)
    score = Score(scorer="x", target=Target.REFERENCE, value=1.0, signature="s")
    key = RecordKey(item_id="i", system="s")
    result = Result(run_id=manifest.run_id, key=key, outcome=score, content="c", duration_s=0.0)

    async def keep() -> None:
        await store.put([result])
        log = store.attempts(manifest.run_id, replay=False)
        await log.closed(await log.opened("c#1"), reply=b"yes", cost=0.5)

    asyncio.run(keep())
    store.put_document("controls", f"{manifest.run_id}/x", b"{}")
    store.put_document(production_kind(manifest.run_id), "s", b"{}")
    store.put_document("certificate", "c1", b"{}")
    return manifest


def test_a_run_goes_with_all_that_is_its_own_and_leaves_what_others_need(
    place: Path | str,
) -> None:
    with SqlStore(place) as store:
        gone, kept = _run(store, answer="one"), _run(store, answer="two")

        store.service.remove_run(gone.run_id)

        assert [one.run_id for one in store.manifests()] == [kept.run_id]
        assert store.results(gone.run_id) == []
        assert store.spending(gone.run_id).total.cost.dollars == 0
        assert store.documents(production_kind(gone.run_id)) == []
        assert len(store.documents("controls")) == 1
        assert len(store.documents("certificate")) == 1
        assert store.spending(kept.run_id).total.cost.dollars == 0.5
        assert store.dataset(kept).outputs == {"s": {"i": "two"}}  # its items were shared
        assert store.dataset(gone).outputs == {"s": {}}
        store.service.remove_run(kept.run_id)
        assert store.dataset(kept).items == ()


def test_a_run_that_is_not_there_takes_nothing_with_it(place: Path | str) -> None:
    with SqlStore(place) as store:
        kept = _run(store, answer="one")

        store.service.remove_run("20200101-000000-000000")

        assert store.dataset(kept).items
        assert len(store.results(kept.run_id)) == 1
