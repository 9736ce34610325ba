"""From a similarity section to the scorers it names."""

from collections.abc import Iterator, Sequence

from judge.api.project import Instrument
from judge.config import SimilaritySection
from judge.records.record import Target
from judge.results.run import ALIGNMENT, NUMBERS_AND_NAMES, TOKEN_MATCHING
from judge.scorers.alignment import AlignmentScorer
from judge.scorers.numbers_and_names import NumbersAndNamesScorer
from judge.scorers.scorer import Scorer
from judge.scorers.similarity import SimilarityScorer
from judge.scorers.token_matching import TokenMatchingScorer
from judge.scorers.yardsticks import YardstickMaker
from judge.wiring.embedders import Embedding, token_embedder
from judge.wiring.judging import LOCAL_BATCH


def similarity_instruments(
    section: SimilaritySection,
    embedding: Embedding,
    targets: Sequence[Target],
    *,
    empty_value: float | None,
) -> Iterator[Instrument]:
    """Make the instruments of a section, all of them on one model."""
    yardstick = YardstickMaker(embedder=embedding.shared, counter=embedding.encoder)
    for target in targets:
        yield _local(
            SimilarityScorer(
                embedding.shared, target=target, empty_value=empty_value, counter=embedding.encoder
            ),
            yardstick,
        )
        for name in dict.fromkeys(section.also):
            yield _local(_also(name, embedding, target, empty_value))


def _also(name: str, embedding: Embedding, target: Target, empty_value: float | None) -> Scorer:
    if name == ALIGNMENT:
        return AlignmentScorer(embedding.shared, target=target, empty_value=empty_value)
    if name == TOKEN_MATCHING:
        encoder = token_embedder(embedding)
        return TokenMatchingScorer(encoder, target=target, empty_value=empty_value)
    if name == NUMBERS_AND_NAMES:
        return NumbersAndNamesScorer(target=target, empty_value=empty_value)
    raise AssertionError(f"the config lets no {name!r} through")


def _local(scorer: Scorer, yardstick: YardstickMaker | None = None) -> Instrument:
    return Instrument(
        scorer=scorer, batch_size=LOCAL_BATCH, concurrency=1, embeds=True, yardstick=yardstick
    )
