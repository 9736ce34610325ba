"""Looking for training texts that mean what evaluation texts mean, by their vectors."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from judge.models.embedding import SharedEmbedder
from judge.records.alike import AlikeText, alike_in_meaning
from judge.records.dataset import Dataset
from judge.records.overlap import Overlap, evaluation_texts
from judge.records.training import Passage, read_training
from judge.records.verification import TrainingFiles

_AT_ONCE = 1024  # training texts whose vectors are held at once


async def alike_in_training(
    dataset: Dataset,
    training: TrainingFiles,
    embedder: SharedEmbedder,
    *,
    at_least: float,
    told: Overlap | None = None,
    on_batch: Callable[[Path, int], None] | None = None,
) -> tuple[AlikeText, ...]:
    """Return for each evaluation text the training text closest in meaning, if close enough.

    A training text counts as far as the embedder reads it: its beginning, where it is long.

    Args:
        dataset: the set.
        training: the files.
        embedder: makes the vectors.
        at_least: cosine from which on texts are told.
        told: leaks that are known already, and not told again.
        on_batch: told now and then of the file and the line that the search has reached.

    Raises:
        DataError: a file cannot be searched.
        EmbeddingInvalid: a text has no vector.
    """
    known = {(leak.item_id, leak.part) for leak in told.leaks} if told else set()
    texts = [
        one
        for one in evaluation_texts(dataset, outputs=training.outputs)
        if one.text.strip() and (one.item_id, one.part) not in known
    ]
    if not texts:
        return ()
    vectors = await embedder.embed([one.text for one in texts])
    best: dict[int, AlikeText] = {}
    for file in training.files:
        for block in _blocks(file, training.columns):
            there = await embedder.embed([passage.text for passage in block])
            for found in alike_in_meaning(vectors, there, at_least=at_least):
                text, passage = texts[found.evaluation], block[found.training]
                if found.evaluation in best and best[found.evaluation].cosine >= found.cosine:
                    continue
                best[found.evaluation] = AlikeText(
                    item_id=text.item_id,
                    part=text.part,
                    cosine=found.cosine,
                    file=file,
                    line=passage.line,
                    column=passage.column,
                )
            if on_batch is not None:
                on_batch(file, block[-1].line)
    return tuple(best[place] for place in sorted(best))


def _blocks(file: Path, columns: Sequence[str]) -> Iterator[list[Passage]]:
    passages = (
        one
        for one in read_training(file, columns=columns)
        if isinstance(one, Passage) and one.text.strip()
    )
    while block := list(islice(passages, _AT_ONCE)):
        yield block
