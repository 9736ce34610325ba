import asyncio

from judge.models.embedding import SharedEmbedder
from judge.records.record import Record, Target
from judge.results.yardstick import Yardstick
from judge.scorers.similarity import SimilarityScorer
from judge.scorers.yardsticks import YardstickMaker
from judge.testing import HashEmbedder

N = 60


def _record(place: int, *references: str) -> Record:
    return Record(
        item_id=f"i{place}",
        system="student",
        input="",
        output=references[0],
        references=references,
        teacher_output=None,
        schema="",
        slices={},
        cluster=f"c{place}",
    )


def _measured(*, counted: bool, paraphrased: bool) -> Yardstick:
    model = HashEmbedder(dim=4096)
    embedder = SharedEmbedder(model)
    measure = SimilarityScorer(embedder, target=Target.REFERENCE, empty_value=0.0).measure
    records = [
        _record(k, f"the answer {k}a {k}b", *([f"the answer {k}a {k}c"] if paraphrased else []))
        for k in range(N)
    ]
    maker = YardstickMaker(embedder=embedder, counter=model if counted else None)
    return asyncio.run(maker.measure(records, measure, run_id="r", seed=7))


def test_baselines_are_measured_with_the_embedder_of_the_similarities() -> None:
    found = _measured(counted=True, paraphrased=True)

    assert (found.run_id, found.metric) == ("r", "similarity.reference")
    assert found.figures["random"].value < found.figures["paraphrase"].value
    assert found.undefined == {}
    assert found.token_limit == HashEmbedder().token_limit
    assert {spot.change for spot in found.blind_spots} == {
        *("number", "negation", "entity", "direction")
    }


def test_what_cannot_be_measured_is_left_out_with_its_reason() -> None:
    found = _measured(counted=False, paraphrased=False)

    assert "paraphrase" not in found.figures
    assert found.undefined == {"paraphrase": "no item has two right answers"}
    assert found.token_limit == 0
