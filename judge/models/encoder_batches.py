"""Which texts go through an encoder together: alike in length, up to a budget of tokens."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Lengths = NDArray[np.integer]


def run_within_budget(
    lengths: Lengths,
    run: Callable[[Rows], None],
    *,
    budget: int,
    out_of_memory: type[Exception],
    relieve: Callable[[], None],
) -> int:
    """Run every text once, the longest first, in batches of at most `budget` padded tokens.

    A batch that the memory does not hold is run again in halves, and so is all that comes after
    it: the longest came first, so that it shows early.

    Args:
        lengths: tokens of each text, shape (n,).
        run: takes the places of the texts of a batch, by falling length; where it raises, nothing
            of the batch has been done.
        budget: padded tokens of a batch; a text that is longer is a batch of its own.
        out_of_memory: what `run` raises where the memory does not hold the batch.
        relieve: gives back what memory can be given back before the halves are run.

    Returns:
        The budget that held.

    Raises:
        Exception: of the type `out_of_memory`, where not even one text fits.
    """
    waiting: Rows = np.argsort(-lengths.astype(np.int64), kind="stable")
    while waiting.size:
        widest = max(1, int(lengths[waiting[0]]))
        batch = waiting[: max(1, budget // widest)]
        if _fits(batch, run, out_of_memory=out_of_memory):
            waiting = waiting[batch.size :]
        else:
            # Not in the `except` clause: the error's traceback holds the batch's memory.
            relieve()
            budget = batch.size * widest // 2
    return budget


def _fits(batch: Rows, run: Callable[[Rows], None], *, out_of_memory: type[Exception]) -> bool:
    try:
        run(batch)
    except out_of_memory:
        if batch.size == 1:
            raise
        return False
    return True


def segments(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places of all elements of some segments of a flat array, one after the other.

    Args:
        starts: where each segment begins, shape (n,).
        lengths: of each segment, shape (n,).

    Returns:
        Shape (sum of lengths,).
    """
    before = np.concatenate(([0], np.cumsum(lengths)[:-1])) if lengths.size else lengths
    return np.arange(int(lengths.sum()), dtype=np.int64) + np.repeat(starts - before, lengths)
