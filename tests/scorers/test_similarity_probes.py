import asyncio

from judge.models.embedding import SharedEmbedder
from judge.scorers.similarity_probes import PROBES, Change, probe_similarity
from judge.testing import HashEmbedder


def test_an_embedder_that_sees_words_only_is_blind_to_every_small_change() -> None:
    found = asyncio.run(probe_similarity(SharedEmbedder(HashEmbedder())))

    assert [finding.change for finding in found] == list(Change)
    assert all(finding.blind >= finding.n - 1 for finding in found)
    assert all(finding.altered > finding.paraphrase for finding in found)


def test_numbers_and_names_are_told_by_their_check_and_the_rest_is_not() -> None:
    found = {
        finding.change: (finding.seen, finding.n)
        for finding in asyncio.run(probe_similarity(SharedEmbedder(HashEmbedder())))
    }

    assert found[Change.NUMBER] == (6, 6)
    assert found[Change.ENTITY][0] >= 4
    assert found[Change.NEGATION] == (0, 6)


def test_every_sentence_of_the_probes_is_another() -> None:
    texts = [text for probe in PROBES for text in (probe.text, probe.paraphrase, probe.altered)]

    assert len(set(texts)) == len(texts) == 3 * 24
