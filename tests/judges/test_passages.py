import re
from importlib.resources import files

import numpy as np
import pytest

from judge.judges.passages import Source, by_meaning
from judge.judges.sentences import Span
from judge.models.context import ample_tokens
from judge.testing import HashEmbedder

TOWN = """The town of Lauen lies by the river. It has 54,000 inhabitants.

The council approved a smaller budget on Tuesday. Roads get 3.5 million euros and schools 12 percent
less. Ann Lee, who leads the finances, warned of the costs.

Hamm has 45,000 inhabitants. Its mayor, Bob Ray, resigned in 2019 after a scandal.

The new bridge is to open next year. Engineers found cracks in the old one. The river floods."""


def _read(text: str) -> list[str]:
    source = Source(text)
    return [span.of(text) for span in source.sentences]


def _found(
    claim: str, *, text: str = TOWN, most: int = 1, tokens: int = 10_000, around: str = ""
) -> str:
    source = Source(text)
    spans = source.passages(source.rankings(claim, around=around), most=most, tokens=tokens)
    return " [...] ".join(span.of(text) for span in spans)


def _long_documents() -> str:
    """The descriptions of data sets that scikit-learn ships: prose, tables and references."""
    folder = files("sklearn") / "datasets" / "descr"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".rst"))
    return "\n\n".join((folder / name).read_text(encoding="utf-8") for name in names)


def _edited(sentence: str, rng: np.random.Generator) -> str:
    """Drop a third of the words, swap the halves and get every number wrong."""
    words = [word for word in sentence.split() if rng.random() > 1 / 3]
    middle = len(words) // 2
    turned = " ".join([*words[middle:], *words[:middle]])
    return re.sub(r"\d+(?:\.\d+)?", lambda _: str(rng.integers(1000, 9999)), turned)


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ("The budget was made smaller by the council.", "approved a smaller budget"),
        ("SCHOOLS RECEIVE 12 % LESS", "schools 12 percent"),
        ("Twelve percent less for schools", "schools 12 percent"),
        ("In 2019 a mayor resigned.", "resigned in 2019"),
        ("Roads get 3,500,000.00 or 3.50 million euros", "3.5 million"),
        ("Cracks were found by an engineer.", "Engineers found cracks"),
        ("Ann L\u00e9e warned", "Ann Lee"),
    ],
)
def test_a_claim_finds_the_sentence_that_says_it_in_other_words(claim: str, words: str) -> None:
    assert words in _found(claim)


def test_a_wrong_number_finds_the_right_one_and_where_the_wrong_one_stands() -> None:
    found = _found("The town of Lauen by the river has 45,000 inhabitants.", most=2)

    assert "It has 54,000 inhabitants." in found
    assert "Hamm has 45,000 inhabitants." in found


def test_edited_sentences_of_long_documents_are_found_though_their_numbers_are_wrong() -> None:
    text, rng = _long_documents(), np.random.default_rng(1)
    source = Source(text)
    told = [span for span in source.sentences if len(span.of(text).split()) >= 8]

    found = []
    for place in rng.choice(len(told), size=150, replace=False):
        span = told[place]
        claim = _edited(span.of(text), rng)
        passages = source.passages(source.rankings(claim), most=6, tokens=1500)
        found.append(any(one.start <= span.start and span.end <= one.end for one in passages))

    assert ample_tokens(text) > 8 * 1500
    assert np.mean(found) >= 0.95


def test_a_sentence_comes_with_its_neighbours_and_passages_that_touch_are_one() -> None:
    assert _found("Ann Lee warned of the costs.").startswith("Roads get")
    assert _found("It has 54,000 inhabitants.", most=2).count("[...]") == 1
    assert _found("Roads and schools", most=3).count("Roads get") == 1


def test_where_neighbours_do_not_fit_the_sentence_comes_alone_and_else_nothing_does() -> None:
    claim = "Engineers found cracks in the old one."

    assert _found(claim, tokens=ample_tokens(claim)) == claim
    assert _found(claim, tokens=3) == ""


def test_what_stands_round_a_claim_helps_to_find_it() -> None:
    text = (
        "Alpha rose by a lot. It was late.\n\n"
        + "Nothing happened here.\n\n" * 5
        + ("Beta rose by a lot. It was late.")
    )

    assert _found("It rose by a lot.", text=text).startswith("Alpha")
    assert "Beta" in _found("It rose by a lot.", text=text, around="This is about Beta.")


def test_scripts_without_spaces_are_found_by_pairs_of_signs() -> None:
    budget, bridge = (
        "\u5e02\u8bae\u4f1a\u6279\u51c6\u4e86\u9884\u7b97\u3002",
        "\u65b0\u6865\u660e\u5e74\u901a\u8f66\u3002",
    )

    found = _found("\u9884\u7b97\u88ab\u6279\u51c6", text=f"{bridge}\n\n{bridge}\n\n{budget}")

    assert found.endswith(budget)


def test_a_claim_that_shares_no_word_is_told_from_one_that_does() -> None:
    source = Source(TOWN)

    assert source.knows("bridges")
    assert not source.knows("zebra 777")


def test_what_goes_for_a_sentence_is_cut_at_spaces_and_nothing_is_lost() -> None:
    table = "cell 12 | " * 400 + "x" * 2000

    pieces = _read(table)

    assert max(map(len, pieces)) <= 600
    assert "".join("".join(pieces).split()) == "".join(table.split())


def test_the_meaning_ranks_sentences_by_their_cosine() -> None:
    sentences = ["red apples", "green apples", "blue sky"]
    vectors = HashEmbedder().embed([*sentences, "green apples grow"])

    assert by_meaning(vectors[3], vectors[:3]).tolist() == [1, 0, 2]


@pytest.mark.parametrize("text", ["", " \n "])
def test_nothing_has_no_passages(text: str) -> None:
    source = Source(text)

    assert source.passages(source.rankings("a claim"), most=3, tokens=100) == ()


def test_the_same_claim_finds_the_same_passages_each_time() -> None:
    found = [
        Source(TOWN).passages(Source(TOWN).rankings("the river"), most=3, tokens=200)
        for _ in range(2)
    ]

    assert found[0] == found[1]
    assert all(isinstance(span, Span) for span in found[0])
