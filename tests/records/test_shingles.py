from collections.abc import Sequence
from math import ceil

import numpy as np
import pytest

from judge.records.shingles import Repeat, ShingleIndex

Words = Sequence[str]

WALK = "who was the first person to walk on the moon".split()  # noqa: SIM905 - reads better
TEMPLATE = "answer the question as briefly as you can and cite a source".split()  # noqa: SIM905


def _shingles(words: Words) -> set[tuple[str, ...]]:
    return {tuple(words[k : k + 3]) for k in range(len(words) - 2)}


def _jaccard(one: Words, other: Words) -> float:
    first, second = _shingles(one), _shingles(other)
    return len(first & second) / len(first | second)


def _best_share(text: Words, row: Words) -> float:
    """Return what the definition says, by looking at every stretch."""
    own, span = _shingles(text), ceil(1.5 * len(text))
    stretches = [row[k : k + span] for k in range(max(1, len(row) - span + 1))]
    return max(len(own & _shingles(stretch)) for stretch in stretches) / len(own)


def _index(texts: Sequence[Words], *, near: float = 0.8, contained: float = 0.8) -> ShingleIndex:
    return ShingleIndex(
        texts, [str(k) for k in range(len(texts))], near=near, contained=contained, at_least=1
    )


def _drawn(rng: np.random.Generator, length: int, *, words: int = 40) -> list[str]:
    return [f"w{k}" for k in rng.integers(words, size=length)]


def _edited(rng: np.random.Generator, words: Words, *, edits: int) -> list[str]:
    """Replace, drop, double or add a word so many times."""
    edited = list(words)
    for _ in range(edits):
        at = int(rng.integers(len(edited)))
        edited[at : at + 1] = [[f"new{rng.integers(99)}"], [], [edited[at]] * 2, [edited[at], "x"]][
            rng.integers(4)
        ]
    return edited


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("near", "contained"), [(0.8, 0.8), (0.5, 0.9), (0.9, 0.6), (1.0, 1.0)])
def test_what_is_found_is_what_the_definitions_say(
    seed: int, near: float, contained: float
) -> None:
    rng = np.random.default_rng(seed)
    texts = [_drawn(rng, int(rng.integers(5, 30))) for _ in range(20)]
    texts += [_edited(rng, texts[k], edits=2) for k in range(10)]
    passages, rows = [], []
    for row in range(40):
        for _ in range(rng.integers(1, 4)):
            edited = _edited(rng, texts[rng.integers(30)], edits=int(rng.integers(6)))
            padding = _drawn(rng, int(rng.integers(12))) if rng.random() < 0.5 else []
            passages.append([*padding, *edited])
            rows.append(row)

    found = list(_index(texts, near=near, contained=contained).repeats(passages, rows))

    expected = {
        (text, passage): similarity
        for text, words in enumerate(texts)
        for passage, other in enumerate(passages)
        if len(other) <= ceil(1.5 * len(words))
        and (similarity := _jaccard(words, other)) >= near - 1e-9
    }
    assert {(one.text, one.passage): one.similarity for one in found if one.near} == pytest.approx(
        expected
    )
    of_row = {
        row: [w for p, r in zip(passages, rows, strict=True) if r == row for w in p] for row in rows
    }
    share = {(t, r): _best_share(words, of_row[r]) for t, words in enumerate(texts) for r in of_row}
    told = {(one.text, rows[one.passage]) for one in found}
    assert told >= {pair for pair, best in share.items() if best >= contained - 1e-9}
    for one in found:
        if not one.near:
            assert contained - 1e-9 <= one.similarity <= share[one.text, rows[one.passage]] + 1e-9


@pytest.mark.parametrize("length", [12, 40, 200])
def test_a_jaccard_index_of_nine_tenths_is_always_found_and_one_of_a_half_never(
    length: int,
) -> None:
    # In theory: certainly found from .8 on, and never told below, whatever is drawn.
    rng = np.random.default_rng(length)
    texts = [_drawn(rng, length, words=5000) for _ in range(150)]
    passages, sources = [], []
    for text, words in enumerate(texts):
        for edits in (0, 1, 2, length // 30, length // 18, length // 7):
            passages.append(_edited(rng, words, edits=edits))
            sources.append(text)
    truth = [_jaccard(texts[t], words) for t, words in zip(sources, passages, strict=True)]

    found = _index(texts).repeats(passages, range(len(passages)))

    near = {one.passage for one in found if one.near and sources[one.passage] == one.text}
    high = [k for k, similarity in enumerate(truth) if similarity >= 0.9]
    low = [k for k, similarity in enumerate(truth) if similarity <= 0.55]
    assert len(high) > 100
    assert len(low) > 30
    assert near.issuperset(high)
    assert near.isdisjoint(low)


def test_a_text_within_a_longer_one_is_contained_and_scattered_phrases_are_not() -> None:
    padding = [f"p{k}" for k in range(200)]
    inside = [*padding, *WALK, *padding]
    scattered = [w for k in range(8) for w in (*WALK[k : k + 3], *padding[:20])]

    found = list(_index([WALK]).repeats([inside, scattered], [0, 1]))

    assert found == [Repeat(text=0, passage=0, near=False, similarity=1.0)]


def test_passages_of_one_row_read_on_from_each_other_and_rows_do_not() -> None:
    halves = [["x", "y", *WALK[:5]], [*WALK[5:], "z"]]

    in_one_row = list(_index([WALK]).repeats(halves, [7, 7]))
    in_two_rows = list(_index([WALK]).repeats(halves, [7, 8]))

    assert in_one_row == [Repeat(text=0, passage=0, near=False, similarity=1.0)]
    assert in_two_rows == []


def test_every_occurrence_is_told_once() -> None:
    gap = [f"g{k}" for k in range(30)]
    passages = [[*WALK, *gap, *WALK, *WALK, *gap], WALK, [*gap, *WALK]]

    found = list(_index([WALK]).repeats(passages, [0, 0, 0]))

    assert [(one.passage, one.near) for one in sorted(found, key=lambda one: one.passage)] == [
        (0, False),
        (0, False),
        (0, False),
        (1, True),
        (2, False),
    ]


def test_what_is_known_or_was_searched_before_is_not_told_again() -> None:
    index = _index([WALK])

    assert list(index.repeats([WALK, WALK], [0, 0], whole={(0, 0), (1, 0)})) == []
    assert list(index.repeats([WALK, ["x"]], [0, 0], fresh=1)) == []
    assert list(index.repeats([WALK], [0], fresh=1)) == []
    assert len(list(index.repeats([WALK[:6], WALK[6:]], [0, 0], fresh=1))) == 1


def test_what_most_texts_share_is_their_template_and_finds_nothing() -> None:
    texts = [[*TEMPLATE, *(f"q{k}w{word}" for word in range(5))] for k in range(30)]
    passages = [[*TEMPLATE, "another", "thing", "to", "ask", "about"], [*TEMPLATE, *texts[3][-5:]]]
    groups = [str(k) for k in range(30)]

    with_template = ShingleIndex(texts, groups, near=0.6, contained=0.6)
    without = ShingleIndex(texts, groups, near=0.6, contained=0.6, template_share=1)
    one_document = ShingleIndex(texts, ["d"] * 30, near=0.6, contained=0.6)

    assert {(one.text, one.passage) for one in with_template.repeats(passages, [0, 1])} == {(3, 1)}
    assert len(list(without.repeats(passages, [0, 1]))) > 30
    assert len(list(one_document.repeats(passages, [0, 1]))) > 30


def test_a_text_with_too_little_of_its_own_is_not_looked_for() -> None:
    texts: list[Words] = [list("abcdef"), list("abcd"), ["a", "b"], []]

    index = ShingleIndex(texts, ["0", "1", "2", "3"], near=0.8, contained=0.8, at_least=3)

    assert [index.looks_for(k) for k in range(4)] == [True, False, False, False]
    assert {one.text for one in index.repeats(texts, range(4))} == {0}
    assert index.longest_span == 9


@pytest.mark.parametrize("passages", [[], [[]], [["a"]], [["a", "b"], [], ["c"]]])
def test_too_few_words_for_a_shingle_are_no_repetition(passages: Sequence[Words]) -> None:
    assert list(_index([["a", "b", "c", "d", "e"]]).repeats(passages, range(len(passages)))) == []
    assert list(_index([]).repeats(passages, range(len(passages)))) == []


def test_a_row_of_nothing_but_one_text_takes_no_quadratic_time() -> None:
    text = [f"w{k}" for k in range(12)]
    copies, almost = [text] * 20_000, [*text[:6], "x", *text[6:9]] * 20_000

    found = list(_index([text]).repeats([*copies, almost], [0] * 20_001))

    assert sum(one.near for one in found) == 20_000
