"""An index of texts by their word shingles, which finds the texts that others repeat.

Nothing here is drawn at random. A text with n different shingles is repeated to a share of t or
more only where at least ceil(t n) of them are: any n - ceil(t n) + 1 of its shingles then hold one
that is repeated. Those that are rarest among all texts are looked up, and what they find is
compared in full, so whatever reaches the threshold is found.

Source: prefix filtering, Chaudhuri, Ganti and Kaushik (2006), ICDE, section 4; Bayardo, Ma and
Srikant (2007), WWW, section 3.
"""

import hashlib
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import repeat
from math import ceil
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

SHINGLE_WORDS = 3

_STRETCH = 1.5
_MULTIPLIERS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_MIXER = np.uint64(0xD6E8FEB86659FD93)
_ROUNDING = 1e-9  # .7 * 10 is a little more than 7
_SLOTS_EACH, _MIN_SLOTS, _MAX_SLOTS = 16, 1 << 16, 1 << 26
_AT_ONCE = 1 << 18  # candidates held in memory
_MIN_TEMPLATE_GROUPS = 10
_Hashes: TypeAlias = NDArray[np.uint64]
_Places: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """A text of the index that a passage repeats.

    Attributes:
        text: its place in the index.
        passage: the passage where the repetition begins.
        near: the passage as a whole is a near duplicate; else it contains the text.
        similarity: of a near duplicate the Jaccard index of both sets of shingles; else the share
            of the text's shingles that stand in a stretch of at most one and a half times its
            length.
    """

    text: int
    passage: int
    near: bool
    similarity: float


class ShingleIndex:
    """Texts by their shingles of three words.

    A shingle that stands in more than `template_share` of the groups, and in ten at least, is the
    template that they were made from: it says nothing about any of them, and counts nowhere.
    """

    def __init__(
        self,
        texts: Sequence[Sequence[str]],
        groups: Sequence[str],
        *,
        near: float,
        contained: float,
        at_least: int = 3,
        template_share: float = 0.2,
    ) -> None:
        """Index some texts.

        Args:
            texts: words of each, all different.
            groups: what each shares its content with, such as a cluster; one for each text.
            near: Jaccard index from which on a passage is a near duplicate, in (0, 1].
            contained: share of a text's shingles from which on a stretch contains it, in (0, 1].
            at_least: shingles beside the template that a text must have to be looked for.
            template_share: in (0, 1]; 1 for no template.
        """
        self._near, self._contained = near - _ROUNDING, contained - _ROUNDING
        vocabulary = dict.fromkeys(word for words in texts for word in words)
        self._known = {word: place for place, word in enumerate(vocabulary, start=1)}
        self._codes = np.array([0, *map(_code, vocabulary)], dtype=np.uint64)
        laid = [np.array([self._known[word] for word in words], np.int64) for words in texts]
        each = [np.unique(_hashes(self._codes[words])) for words in laid]
        self._template = _template(each, groups, share=template_share)
        own = [np.setdiff1d(one, self._template, assume_unique=True) for one in each]
        self._own = [one if one.size >= at_least else one[:0] for one in own]
        self._spans = np.array([ceil(_STRETCH * len(words)) for words in texts], dtype=np.int64)
        sizes = np.array([one.size for one in self._own], dtype=np.int64)
        self._needed = np.ceil(min(near, contained) * sizes - _ROUNDING).astype(np.int64)
        every = np.concatenate([np.empty(0, np.uint64), *self._own])
        slots = 1 << min(_MAX_SLOTS, _SLOTS_EACH * every.size + _MIN_SLOTS).bit_length()
        self._mask = np.uint64(slots - 1)
        self._slots = np.zeros(slots, dtype=np.bool_)
        self._slots[every & self._mask] = True
        self._anchors, self._anchored = _anchors(every, sizes, self._needed)

    @property
    def longest_span(self) -> int:
        """Words of the longest stretch in which a text is looked for."""
        return int(self._spans.max(initial=0))

    def looks_for(self, text: int) -> bool:
        """Return whether a text has enough of its own to be looked for."""
        return bool(self._own[text].size)

    def repeats(
        self,
        passages: Sequence[Sequence[str]],
        rows: Sequence[int],
        *,
        fresh: int = 0,
        whole: AbstractSet[tuple[int, int]] = frozenset(),
    ) -> Iterator[Repeat]:
        """Yield each text that a passage, or a stretch of passages of one row, repeats.

        Args:
            passages: words of each.
            rows: the row of each: those of one row stand together, and read on from each other.
            fresh: the first passage that was not searched before; what ends earlier is not told.
            whole: passages with the text they are known to be, which are not told again.
        """
        laid = _laid_out(passages, rows, self._known)
        hashes = _hashes(self._codes[laid.words])
        new_from = int(laid.starts[fresh]) if fresh < len(passages) else laid.words.size
        places: dict[int, list[int]] = defaultdict(list)
        for at, text in self._candidates(hashes, laid.words):
            places[text].append(at)
        for text, found_at in places.items():
            here = np.array(found_at)
            taken: list[tuple[int, int]] = []  # stretches that are accounted for
            for passage in np.unique(laid.passage_of(here)).tolist():
                start, end = int(laid.starts[passage]), int(laid.ends[passage])
                if (passage, text) in whole:
                    taken.append((start, end))
                    continue
                similarity = self._jaccard(text, passages[passage], hashes[start:end])
                if similarity >= self._near:
                    taken.append((start, end))
                    if end > new_from:
                        yield Repeat(text=text, passage=passage, near=True, similarity=similarity)
            for start, end, share in self._stretches(text, here, taken, laid, hashes):
                if end > new_from:
                    passage = int(laid.passage_of(np.array([start]))[0])
                    yield Repeat(text=text, passage=passage, near=False, similarity=share)

    def _candidates(self, hashes: _Hashes, words: _Places) -> Iterator[tuple[int, int]]:
        """Yield where an anchor of a text stands among enough known shingles, in order."""
        hit = self._slots[hashes & self._mask]
        for offset in range(SHINGLE_WORDS):
            hit &= words[offset : offset + hit.size] > 0
        at = np.flatnonzero(hit)
        left = np.searchsorted(self._anchors, hashes[at], side="left")
        counts = np.searchsorted(self._anchors, hashes[at], side="right") - left
        at, left, counts = at[counts > 0], left[counts > 0], counts[counts > 0]
        hits_before = np.concatenate(([0], np.cumsum(hit)))
        for part in _parts(counts, _AT_ONCE):
            some = counts[part]
            within = np.arange(some.sum()) - np.repeat(np.cumsum(some) - some, some)
            texts = self._anchored[np.repeat(left[part], some) + within]
            places = np.repeat(at[part], some)
            low = np.maximum(places - self._spans[texts], 0)
            high = np.minimum(places + self._spans[texts] + 1, hit.size)
            enough = hits_before[high] - hits_before[low] >= self._needed[texts]
            yield from zip(places[enough].tolist(), texts[enough].tolist(), strict=True)

    def _jaccard(self, text: int, words: Sequence[str], hashes: _Hashes) -> float:
        """Return the Jaccard index of a text and a passage; 0 where their lengths rule it out."""
        own = self._own[text]
        shingles = len(words) - SHINGLE_WORDS + 1
        if shingles < self._near * own.size or len(words) > self._spans[text]:
            return 0.0
        there = np.unique(hashes[:shingles])
        both = np.intersect1d(own, there, assume_unique=True).size
        template = np.intersect1d(self._template, there, assume_unique=True).size
        # By its words: to the index all unknown words are one.
        different = len(set(zip(words, words[1:], words[2:], strict=False))) - template
        return both / (own.size + different - both)

    def _stretches(
        self,
        text: int,
        at: _Places,
        taken: list[tuple[int, int]],
        laid: "_Layout",
        hashes: _Hashes,
    ) -> Iterator[tuple[int, int, float]]:
        """Yield where stretches that contain a text start and end, with the share they contain."""
        span, done = int(self._spans[text]), 0
        for place in at.tolist():
            later = bisect_right(taken, (place, laid.words.size))
            before = taken[later - 1][1] if later else 0
            after = taken[later][0] if later < len(taken) else laid.words.size
            if place < max(done, before):
                continue
            first, last = laid.row_around(place)
            low = max(first, place - span, before, done)
            # So far that no stretch round the next places needs another look.
            high = min(last, place + 3 * span, after)
            share, start, end = _best_stretch(
                hashes[low : high - SHINGLE_WORDS + 1],
                self._own[text],
                span - SHINGLE_WORDS + 1,
            )
            if share >= self._contained:
                done = low + end + SHINGLE_WORDS - 1
                yield low + start, done, share
            else:
                done = min(place + 2 * span, high)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Passages laid out one after the other, with an unknown word between rows.

    Attributes:
        words: place of each word in the vocabulary, 0 for a word that is not in it.
        starts: where each passage starts.
        ends: where each passage ends.
        row_starts: where each row starts.
        row_ends: where each row ends.
    """

    words: _Places
    starts: _Places
    ends: _Places
    row_starts: _Places
    row_ends: _Places

    def passage_of(self, at: _Places) -> _Places:
        """Return the passages in which some places are."""
        return np.searchsorted(self.starts, at, side="right") - 1

    def row_around(self, place: int) -> tuple[int, int]:
        """Return where the row round a place starts and ends."""
        row = int(np.searchsorted(self.row_starts, place, side="right")) - 1
        return int(self.row_starts[row]), int(self.row_ends[row])


def _laid_out(
    passages: Sequence[Sequence[str]], rows: Sequence[int], known: dict[str, int]
) -> _Layout:
    words: list[int] = []
    starts, ends, row_starts = [], [], []
    previous = None
    for passage, row in zip(passages, rows, strict=True):
        if row != previous:
            words.append(0)
            row_starts.append(len(words))
        previous = row
        starts.append(len(words))
        words.extend(map(known.get, passage, repeat(0)))
        ends.append(len(words))
    return _Layout(
        words=np.array(words, dtype=np.int64),
        starts=np.array(starts, dtype=np.int64),
        ends=np.array(ends, dtype=np.int64),
        row_starts=np.array(row_starts, dtype=np.int64),
        row_ends=np.array([*(start - 1 for start in row_starts[1:]), len(words)], dtype=np.int64),
    )


def _hashes(codes: _Hashes) -> _Hashes:
    """Return the hash of the shingle that begins at each word."""
    count = max(0, codes.size - SHINGLE_WORDS + 1)
    hashes = np.zeros(count, dtype=np.uint64)
    for offset, multiplier in enumerate(_MULTIPLIERS):
        hashes += codes[offset : offset + count] * np.uint64(multiplier)
    hashes ^= hashes >> np.uint64(32)
    hashes *= _MIXER
    return hashes ^ (hashes >> np.uint64(32))


def _template(each: Sequence[_Hashes], groups: Sequence[str], *, share: float) -> _Hashes:
    """Return the shingles that stand in more than a share of the groups."""
    if not each:
        return np.empty(0, np.uint64)
    names, group = np.unique(np.array(groups), return_inverse=True)
    hashes, inverse = np.unique(np.concatenate(each), return_inverse=True)
    of_group = np.repeat(group, [one.size for one in each])
    pairs = np.unique(inverse * len(names) + of_group)
    in_groups = np.bincount(pairs // len(names), minlength=hashes.size)
    return hashes[in_groups > max(share * len(names), _MIN_TEMPLATE_GROUPS - 1)]


def _anchors(every: _Hashes, sizes: _Places, needed: _Places) -> tuple[_Hashes, _Places]:
    """Return the shingles to look up, sorted, and the text of each: the rarest of each text."""
    texts = np.repeat(np.arange(sizes.size), sizes)
    _, inverse, counts = np.unique(every, return_inverse=True, return_counts=True)
    order = np.lexsort((every, counts[inverse], texts))
    rank = np.arange(every.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = order[rank <= np.repeat(sizes - needed, sizes)]
    chosen = chosen[np.argsort(every[chosen], kind="stable")]
    return every[chosen], texts[chosen]


def _parts(counts: _Places, limit: int) -> Iterator[slice]:
    """Yield slices of at most about so many in sum."""
    total = np.cumsum(counts)
    start = 0
    while start < counts.size:
        before = int(total[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(total, before + limit, side="right")))
        yield slice(start, end)
        start = end


def _best_stretch(hashes: _Hashes, own: _Hashes, span: int) -> tuple[float, int, int]:
    """Return the largest share of own shingles in a stretch, where it begins and where it stops."""
    slot = np.minimum(np.searchsorted(own, hashes), own.size - 1)
    at = np.flatnonzero(own[slot] == hashes)
    which = slot[at].tolist()
    places = at.tolist()
    within: dict[int, int] = {}
    most, best, first = 0, (0, 0), 0
    for last, place in enumerate(places):
        within[which[last]] = within.get(which[last], 0) + 1
        while place - places[first] >= span:
            within[which[first]] -= 1
            if not within[which[first]]:
                del within[which[first]]
            first += 1
        if len(within) > most:
            most, best = len(within), (places[first], place + 1)
    return most / own.size, *best


def _code(word: str) -> int:
    # Not `hash`, which is another one in every process.
    digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
