"""How much two sequences of words share: counts, and what precision, recall and F1 they make."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

_BLOCK = 4_096  # bits of one row of the table at a time: memory grows with the words, not squared


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """What was right of what was given, and of what was wanted.

    Attributes:
        right: found on both sides; at most either of the others.
        given: on the side of the output.
        wanted: on the side of the reference.
    """

    right: int
    given: int
    wanted: int

    @property
    def precision(self) -> float:
        """Share of what was given that is right, in [0, 1]; 1 where nothing is wanted or given."""
        return self.right / self.given if self.given else float(not self.wanted)

    @property
    def recall(self) -> float:
        """Share of what was wanted that is right, in [0, 1]; 1 where nothing is wanted or given."""
        return self.right / self.wanted if self.wanted else float(not self.given)

    @property
    def f1(self) -> float:
        """Harmonic mean of both, in [0, 1]."""
        both = self.given + self.wanted
        return 2 * self.right / both if both else 1.0


def shared(given: Sequence[str], wanted: Sequence[str], *, size: int = 1) -> Overlap:
    """Count the runs of `size` words that both sides have, each as often as both have it."""
    ours, theirs = _runs(given, size), _runs(wanted, size)
    return Overlap(right=(ours & theirs).total(), given=ours.total(), wanted=theirs.total())


def shared_in_order(given: Sequence[str], wanted: Sequence[str]) -> Overlap:
    """Count the words of the longest common subsequence."""
    return Overlap(right=common_subsequence(given, wanted), given=len(given), wanted=len(wanted))


def common_subsequence(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the length of the longest common subsequence.

    A row of the usual table differs from step to step by 0 or 1, so it is held as the bits of a
    number, a block of words at a time. Time grows with the product of the lengths over the word
    size of the machine, memory with their sum.

    Source: Hyyro (2004), Bit-parallel LCS-length computation revisited, AWOCA.
    """
    carried = bytearray(len(second))
    length = 0
    for start in range(0, len(first), _BLOCK):
        length += _block_length(first[start : start + _BLOCK], second, carried)
    return length


def _block_length(block: Sequence[str], second: Sequence[str], carried: bytearray) -> int:
    """Advance one block of the first sequence over the whole second one; carries are updated."""
    places: dict[str, int] = {}
    for place, word in enumerate(block):
        places[word] = places.get(word, 0) | 1 << place
    size = len(block)
    full = (1 << size) - 1
    row = full
    for step, word in enumerate(second):
        here, carry = row & places.get(word, 0), carried[step]
        if here or carry:
            total = row + here + carry
            carried[step] = total >> size
            row = (total | row - here) & full
    return size - row.bit_count()


def _runs(words: Sequence[str], size: int) -> Counter[Hashable]:
    if size == 1:
        return Counter(words)
    return Counter(zip(*(words[start:] for start in range(size)), strict=False))
