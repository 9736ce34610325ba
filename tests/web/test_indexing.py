from judge.records.rating import LabelSource
from judge.records.record import Target
from judge.reports.example_index import Asked, ExampleIndex
from judge.trust.gold import GOLD_KIND, GoldSet, encode_gold
from tests.web.conftest import FILES, N_ITEMS, Live, config_of

NO_LABELS = GoldSet(
    criterion="equivalence",
    target=Target.REFERENCE,
    categories=("different", "equivalent"),
    population="elsewhere",
    fingerprint="f",
    source=LabelSource.HUMAN,
    blind=True,
    labels=(),
)


def _run(service: Live) -> str:
    client = service.client()
    return client.wait(client.submit(config=config_of(None), files=FILES).job_id).run_id


def _index(service: Live, run_id: str) -> ExampleIndex:
    manifest = service.server.store.examples.manifest(run_id)
    assert manifest is not None
    while (found := service.server.indexer.index(manifest)) is None:
        pass
    return found


def test_an_index_is_made_once_and_made_anew_when_people_have_said_more(service: Live) -> None:
    run_id = _run(service)
    first, again = (_index(service, run_id) for _ in range(2))

    service.server.store.put_document(GOLD_KIND, "x", encode_gold(NO_LABELS))
    anew = _index(service, run_id)

    assert first is again
    assert first.version != anew.version


def test_an_index_is_kept_beside_its_run(service: Live) -> None:
    run_id = _run(service)

    made = _index(service, run_id)

    assert len(service.server.store.documents(f"example_index/{run_id}")) == 1
    assert len(made.places(Asked())) == N_ITEMS
