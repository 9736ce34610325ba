from collections.abc import Callable
from itertools import chain

import numpy as np
import pytest

from judge.models.encoder_batches import Rows, run_within_budget, segments

BUDGET = 100


class _Memory:
    """Holds batches of so many padded tokens and keeps those it held."""

    def __init__(self, lengths: np.ndarray, *, holds: int = 10**9) -> None:
        self._lengths = lengths
        self._holds = holds
        self.batches: list[list[int]] = []
        self.refused: list[int] = []
        self.relieved = 0

    def run(self, rows: Rows) -> None:
        padded = int(self._lengths[rows].max()) * len(rows)
        if padded > self._holds:
            self.refused.append(padded)
            raise MemoryError
        self.batches.append(rows.tolist())

    def relieve(self) -> None:
        self.relieved += 1


def _run(memory: _Memory, lengths: np.ndarray, *, budget: int = BUDGET) -> int:
    return run_within_budget(
        lengths, memory.run, budget=budget, out_of_memory=MemoryError, relieve=memory.relieve
    )


def _padded(lengths: np.ndarray, batches: list[list[int]]) -> list[int]:
    return [int(lengths[batch].max()) * len(batch) for batch in batches]


def test_every_text_is_run_once_within_the_budget_beside_others_of_its_length() -> None:
    lengths = np.random.default_rng(7).integers(1, 60, 500)
    memory = _Memory(lengths)

    _run(memory, lengths)

    assert sorted(chain(*memory.batches)) == list(range(500))
    assert max(_padded(lengths, memory.batches)) <= BUDGET
    # In the order they came, batches of as many texts would be padded to almost twice as much.
    assert sum(_padded(lengths, memory.batches)) < 1.1 * lengths.sum()


def test_a_text_over_the_budget_is_a_batch_of_its_own() -> None:
    lengths = np.array([5, 250, 5])
    memory = _Memory(lengths)

    _run(memory, lengths)

    assert memory.batches == [[1], [0, 2]]


@pytest.mark.parametrize("lengths", [[], [0], [0, 0, 3]])
def test_texts_without_tokens_and_no_texts_at_all_are_run_too(lengths: list[int]) -> None:
    memory = _Memory(np.array(lengths, dtype=np.int64))

    _run(memory, np.array(lengths, dtype=np.int64))

    assert sorted(chain(*memory.batches)) == list(range(len(lengths)))


def test_a_batch_too_large_for_the_memory_is_halved_and_so_are_those_after_it() -> None:
    lengths = np.full(64, 10)
    memory = _Memory(lengths, holds=70)

    held = _run(memory, lengths, budget=320)

    assert sorted(chain(*memory.batches)) == list(range(64))
    # 32 texts, 16, 8: then 4 at a time, and never again too many.
    assert memory.refused == [320, 160, 80]
    assert memory.relieved == 3
    assert held == 40


def test_where_not_even_one_text_fits_the_error_is_told() -> None:
    memory = _Memory(np.array([10, 90]), holds=50)

    with pytest.raises(MemoryError):
        _run(memory, np.array([10, 90]))


def test_another_error_is_nobodys_cue_to_try_again() -> None:
    def fail(_: Rows) -> None:
        raise ValueError

    run: Callable[[Rows], None] = fail

    with pytest.raises(ValueError):  # noqa: PT011 - it has no words
        run_within_budget(
            np.array([1, 1]), run, budget=9, out_of_memory=MemoryError, relieve=lambda: None
        )


def test_segments_are_joined_in_the_order_asked_for() -> None:
    flat = np.array([10, 11, 12, 20, 30, 31])

    found = flat[segments(np.array([4, 0, 3, 3]), np.array([2, 3, 0, 1]))]

    assert found.tolist() == [30, 31, 10, 11, 12, 20]
    assert segments(np.array([], np.int64), np.array([], np.int64)).size == 0
