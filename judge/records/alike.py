"""Texts that mean the same, by their vectors."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1024  # rows of vectors that are compared at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Alike:
    """Two texts whose vectors point the same way.

    Attributes:
        evaluation: row of the evaluation text.
        training: row of the training text.
        cosine: of their vectors.
    """

    evaluation: int
    training: int
    cosine: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AlikeText:
    """An evaluation text with the training text that comes closest to it in meaning.

    Attributes:
        part: input, reference, or ``output of NAME``.
        column: of the training file; empty in running text.
    """

    item_id: str
    part: str
    cosine: float
    file: Path
    line: int
    column: str


def alike_in_meaning(
    evaluation: NDArray[np.float32], training: NDArray[np.float32], *, at_least: float = 0.95
) -> tuple[Alike, ...]:
    """Return for each evaluation text the training text closest in meaning, if close enough.

    Args:
        evaluation: vectors of L2 norm 1, shape (n_evaluation, dim).
        training: the same of training texts, shape (n_training, dim); of a large file one block
            after the other.
        at_least: cosine in [-1, 1] from which on texts are told.

    Raises:
        ValueError: the shapes do not fit, or a row is no unit vector.
    """
    if evaluation.ndim != 2 or training.ndim != 2 or evaluation.shape[1] != training.shape[1]:  # noqa: PLR2004 - rows of vectors
        raise ValueError(f"vectors of shapes {evaluation.shape} and {training.shape} do not fit")
    for vectors in (evaluation, training):
        norms = np.linalg.norm(vectors, axis=1)
        if not np.all(np.abs(norms - 1) < 1e-3):  # noqa: PLR2004 - half precision is that exact
            raise ValueError("every vector must have the norm 1")
    best = np.full(len(evaluation), -np.inf, dtype=np.float32)
    which = np.zeros(len(evaluation), dtype=np.int64)
    for start in range(0, len(training), _BLOCK):
        for low in range(0, len(evaluation), _BLOCK):
            cosines = evaluation[low : low + _BLOCK] @ training[start : start + _BLOCK].T
            closest = cosines.argmax(axis=1)
            found = cosines[np.arange(len(cosines)), closest]
            better = np.flatnonzero(found > best[low : low + _BLOCK])
            best[low + better] = found[better]
            which[low + better] = start + closest[better]
    return tuple(
        Alike(evaluation=row, training=int(which[row]), cosine=float(min(best[row], 1.0)))
        for row in np.flatnonzero(best >= at_least).tolist()
    )
